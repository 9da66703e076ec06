//! Tokens to the tree: precedence climbing, bounded in nesting and height.
//!
//! Every function returns its node with the height of its tree, so that a long chain (`a + a + a …`) is
//! refused before anything walks it.

mod args;
mod operand;

use super::ParseError;
use super::ast::{BinaryOp, Node, UnaryOp, strength};
use super::lexer::{self, Kind, Token};
use super::limits::{MAX_DEPTH, MAX_EXPRESSION_BYTES, MAX_HEIGHT};

/// A node and the height of its tree.
pub(crate) struct Sub {
    pub node: Node,
    pub height: usize,
}

pub(crate) type Parsed = Result<Sub, ParseError>;

pub(crate) struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Whether `.price` has an item to belong to.
    item_allowed: bool,
    /// Whether `.price` was met since the innermost bracket opened.
    item_seen: bool,
}

/// Parses a whole expression.
pub(crate) fn parse(source: &str) -> Result<Node, ParseError> {
    Ok(parse_nested(source, 0, false)?.node)
}

/// Parses a whole expression inside another: `depth` levels down, with or without an item.
pub(crate) fn parse_nested(source: &str, depth: usize, item_allowed: bool) -> Parsed {
    if source.len() > MAX_EXPRESSION_BYTES {
        let message = format!("the expression is longer than {} KiB", MAX_EXPRESSION_BYTES / 1024);
        return Err(ParseError::at(source, MAX_EXPRESSION_BYTES, message));
    }
    let tokens = lexer::tokens(source)?;
    let mut parser = Parser { source, tokens, at: 0, depth, item_allowed, item_seen: false };
    if parser.peek() == &Kind::End {
        return Err(ParseError::at(source, 0, "expected an expression, such as input.name"));
    }
    let sub = parser.expression()?;
    match parser.peek() {
        Kind::End => Ok(sub),
        found => Err(parser.error_here(&after_operand(found))),
    }
}

/// What to say when an operand is followed by something that is no operator.
fn after_operand(found: &Kind) -> String {
    match found {
        Kind::Sign("=>") => {
            "\"=>\" can only stand in an argument, as in items.filter(x => x.price > 10)".to_owned()
        }
        Kind::Sign(")" | "]" | "}") => format!("{} closes nothing", found.describe()),
        Kind::Ident(word) if word == "and" || word == "AND" => {
            "write \"&&\" for \"and\"".to_owned()
        }
        Kind::Ident(word) if word == "or" || word == "OR" => "write \"||\" for \"or\"".to_owned(),
        found => format!("expected an operator such as == or &&, found {}", found.describe()),
    }
}

impl<'s> Parser<'s> {
    fn peek(&self) -> &Kind {
        &self.tokens[self.at.min(self.tokens.len() - 1)].kind
    }

    fn peek_after(&self, count: usize) -> &Kind {
        &self.tokens[(self.at + count).min(self.tokens.len() - 1)].kind
    }

    fn here(&self) -> usize {
        self.tokens[self.at.min(self.tokens.len() - 1)].start
    }

    /// Takes the token out and goes on.
    fn next(&mut self) -> Token {
        let last = self.tokens.len() - 1;
        let at = self.at.min(last);
        self.at = (at + 1).min(last);
        self.tokens[at].clone()
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Kind::Sign(found) if *found == sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, sign: &str, what_for: &str) -> Result<(), ParseError> {
        if self.accept(sign) {
            return Ok(());
        }
        let message = format!("expected \"{sign}\" {what_for}, found {}", self.peek().describe());
        Err(self.error_here(&message))
    }

    fn error_here(&self, message: &str) -> ParseError {
        ParseError::at(self.source, self.here(), message)
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(self.error_here(&message));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// A node over parts of the given heights.
    fn over(&self, node: Node, heights: impl IntoIterator<Item = usize>) -> Parsed {
        let height = 1 + heights.into_iter().max().unwrap_or(0);
        if height > MAX_HEIGHT {
            return Err(self.error_here("the expression is too long; split it into several steps"));
        }
        Ok(Sub { node, height })
    }

    /// Anything: a condition `a ? b : c`, or what binds tighter.
    fn expression(&mut self) -> Parsed {
        self.deeper(|p| {
            let test = p.binary(2)?;
            if !p.accept("?") {
                return Ok(test);
            }
            if p.accept(":") {
                let other = p.expression()?;
                let heights = [test.height, other.height];
                let node = Node::Binary(BinaryOp::Or, Box::new(test.node), Box::new(other.node));
                return p.over(node, heights);
            }
            let then = p.expression()?;
            p.expect(":", "between the two sides of the condition")?;
            let other = p.expression()?;
            let heights = [test.height, then.height, other.height];
            let (test, then) = (Box::new(test.node), Box::new(then.node));
            p.over(Node::Conditional(test, then, Box::new(other.node)), heights)
        })
    }

    /// Operators of at least this strength.
    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((op, power)) = self.operator().filter(|(_, power)| *power >= least) {
            self.at += 1;
            // `2 ^ 3 ^ 2` is `2 ^ (3 ^ 2)`; all others go from left to right.
            let right = if power == strength::POWER {
                self.deeper(|p| p.binary(power))?
            } else {
                self.binary(power + 1)?
            };
            let heights = [left.height, right.height];
            let node = Node::Binary(op, Box::new(left.node), Box::new(right.node));
            left = self.over(node, heights)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(BinaryOp, u8)> {
        match self.peek() {
            Kind::Sign(sign) => BinaryOp::by_spelling(sign),
            Kind::Ident(word) => BinaryOp::by_spelling(word),
            _ => None,
        }
    }

    fn unary(&mut self) -> Parsed {
        let op = match self.peek() {
            Kind::Sign("!") => UnaryOp::Not,
            Kind::Sign("-") => UnaryOp::Minus,
            Kind::Sign("+") => UnaryOp::Plus,
            _ => return self.postfix(),
        };
        self.at += 1;
        let on = self.deeper(Self::unary)?;
        let height = on.height;
        self.over(Node::Unary(op, Box::new(on.node)), [height])
    }
}

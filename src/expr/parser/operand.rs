//! Operands: literals, names, brackets, and what may follow them (`.name`, `[0]`, `(…)`, `|name`).

use super::{Parsed, Parser, Sub};
use crate::expr::ParseError;
use crate::expr::ast::{Node, Style, TextPart};
use crate::expr::functions::{self, Function};
use crate::expr::lexer::{self, Kind, Piece};
use crate::expr::path::{self, Step};
use serde_json::Value;

impl Parser<'_> {
    /// An operand with all that follows it.
    pub(super) fn postfix(&mut self) -> Parsed {
        let mut on = self.operand()?;
        loop {
            on = match self.peek() {
                Kind::Sign("." | "?.") => self.after_dot(on)?,
                Kind::Sign("[") => self.index(on)?,
                Kind::Sign("|") => self.pipe(on)?,
                Kind::Sign("(") => {
                    return Err(self.error_here("only a name can be called, as in now()"));
                }
                _ => return Ok(on),
            };
        }
    }

    fn operand(&mut self) -> Parsed {
        let token = self.next();
        let node = match token.kind {
            Kind::Number(n) => Node::Literal(Value::Number(n)),
            Kind::Text(pieces) => text(&pieces),
            Kind::Ident(name) => return self.named(name),
            Kind::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")", "to close the bracket")?;
                return Ok(inner);
            }
            Kind::Sign("[") => return self.list(),
            Kind::Sign("{") if self.adjacent("{") => return self.bound(),
            Kind::Sign("{") => return self.object(),
            Kind::Sign(".") => {
                self.at -= 1;
                if !self.item_allowed {
                    return Err(self.error_here("expected a name before the \".\""));
                }
                self.item_seen = true;
                Node::Item
            }
            found => {
                let expected = match found {
                    Kind::Sign("=>") => "\"=>\" needs a name before it".to_owned(),
                    found => format!("expected a value or a name, found {}", found.describe()),
                };
                return Err(ParseError::at(self.source, token.start, expected));
            }
        };
        Ok(Sub { node, height: 1 })
    }

    /// Whether the next token is `sign`, right after the one just taken.
    fn adjacent(&self, sign: &str) -> bool {
        let (last, next) = (&self.tokens[self.at - 1], &self.tokens[self.at]);
        matches!(next.kind, Kind::Sign(found) if found == sign) && last.end == next.start
    }

    /// A word: a constant, a name, or a call.
    fn named(&mut self, name: String) -> Parsed {
        let node = match name.as_str() {
            "true" => Node::Literal(Value::Bool(true)),
            "false" => Node::Literal(Value::Bool(false)),
            "null" | "undefined" => Node::Literal(Value::Null),
            _ if self.peek() == &Kind::Sign("(") => return self.call(name),
            _ => Node::Name(name),
        };
        Ok(Sub { node, height: 1 })
    }

    /// `name(…)`: a built-in function on its first argument, or a function of the host.
    fn call(&mut self, name: String) -> Parsed {
        let Some(function) = Function::find(&name) else {
            let (args, height) = self.arguments(None)?;
            if name == "now" && args.is_empty() {
                return Ok(Sub { node: Node::Name("$now".to_owned()), height: 1 });
            }
            return self.over(Node::Host { path: vec![name], args }, [height]);
        };
        self.at += 1;
        if self.peek() == &Kind::Sign(")") {
            let message =
                format!("\"{name}\" needs the value it works on, as in {name}(input.value)");
            return Err(self.error_here(&message));
        }
        let on = self.expression()?;
        let more = self.accept(",");
        let (args, height) = self.arguments_until_close(Some(function), more)?;
        let heights = [on.height, height];
        let on = Box::new(on.node);
        self.over(Node::Apply { function, style: Style::Call, on, args }, heights)
    }

    fn after_dot(&mut self, on: Sub) -> Parsed {
        let optional = self.next().kind == Kind::Sign("?.");
        if optional && self.peek() == &Kind::Sign("[") {
            return self.index(on);
        }
        let start = self.here();
        let Kind::Ident(name) = self.next().kind else {
            return Err(ParseError::at(
                self.source,
                start,
                "expected the name of a field after the \".\"",
            ));
        };
        if self.peek() == &Kind::Sign("(") {
            return self.method(on, name, start);
        }
        let height = on.height;
        self.over(Node::Member(Box::new(on.node), name), [height])
    }

    /// `on.name(…)`: a built-in function, or a function of the host when `on` is a plain dotted name.
    fn method(&mut self, on: Sub, name: String, start: usize) -> Parsed {
        if let Some(function) = Function::find(&name) {
            let (args, height) = self.arguments(Some(function))?;
            let heights = [on.height, height];
            let on = Box::new(on.node);
            return self.over(Node::Apply { function, style: Style::Method, on, args }, heights);
        }
        let Some(mut path) = dotted(&on.node) else { return Err(self.unknown(&name, start)) };
        path.push(name);
        let (args, height) = self.arguments(None)?;
        self.over(Node::Host { path, args }, [on.height, height])
    }

    fn pipe(&mut self, on: Sub) -> Parsed {
        self.at += 1;
        let start = self.here();
        let Kind::Ident(name) = self.next().kind else {
            let message =
                "expected the name of a function after the \"|\" (for \"or\" write \"||\")";
            return Err(ParseError::at(self.source, start, message));
        };
        let Some(function) = Function::find(&name) else { return Err(self.unknown(&name, start)) };
        let (args, height) = if self.peek() == &Kind::Sign("(") {
            self.arguments(Some(function))?
        } else {
            self.no_arguments(function, start)?
        };
        let heights = [on.height, height];
        let on = Box::new(on.node);
        self.over(Node::Apply { function, style: Style::Pipe, on, args }, heights)
    }

    fn unknown(&self, name: &str, start: usize) -> ParseError {
        let message = match functions::nearest(name) {
            Some(near) => format!("there is no function \"{name}\"; did you mean \"{near}\"?"),
            None => format!("there is no function \"{name}\""),
        };
        ParseError::at(self.source, start, message)
    }

    /// `on[key]`, or `on[.price > 10]` when a field of the item is named inside.
    fn index(&mut self, on: Sub) -> Parsed {
        self.at += 1;
        let (allowed, seen) = (self.item_allowed, self.item_seen);
        (self.item_allowed, self.item_seen) = (true, false);
        let key = self.expression()?;
        let selects = self.item_seen;
        (self.item_allowed, self.item_seen) = (allowed, seen);
        self.expect("]", "to close the index")?;
        let heights = [on.height, key.height];
        let (on, key) = (Box::new(on.node), Box::new(key.node));
        self.over(if selects { Node::Select(on, key) } else { Node::Index(on, key) }, heights)
    }

    /// `{{inner}}`, the first brace taken.
    fn bound(&mut self) -> Parsed {
        self.at += 1;
        // What is bound comes from the run: there is no item.
        let allowed = std::mem::replace(&mut self.item_allowed, false);
        let inner = self.expression()?;
        self.item_allowed = allowed;
        self.expect("}", "and another to close the \"{{\"")?;
        if !self.adjacent("}") {
            return Err(self.error_here("expected \"}}\" to close the \"{{\""));
        }
        self.at += 1;
        let height = inner.height;
        self.over(Node::Bound(Box::new(inner.node)), [height])
    }

    fn list(&mut self) -> Parsed {
        let (mut items, mut height) = (Vec::new(), 0);
        while !self.accept("]") {
            let item = self.expression()?;
            height = height.max(item.height);
            items.push(item.node);
            if !self.accept(",") {
                self.expect("]", "to close the list")?;
                break;
            }
        }
        self.over(Node::List(items), [height])
    }

    fn object(&mut self) -> Parsed {
        let (mut fields, mut height) = (Vec::new(), 0);
        while !self.accept("}") {
            let (key, shorthand) = self.key()?;
            let value = if shorthand && self.peek() != &Kind::Sign(":") {
                Sub { node: Node::Name(key.clone()), height: 1 }
            } else {
                self.expect(":", "after the name of the field")?;
                self.expression()?
            };
            height = height.max(value.height);
            fields.push((key, value.node));
            if !self.accept(",") {
                self.expect("}", "to close the object")?;
                break;
            }
        }
        self.over(Node::Object(fields), [height])
    }

    /// The name of a field, and whether it may stand alone.
    fn key(&mut self) -> Result<(String, bool), ParseError> {
        let start = self.here();
        match self.next().kind {
            Kind::Ident(name) => {
                let constant = matches!(name.as_str(), "true" | "false" | "null" | "undefined");
                Ok((name, !constant))
            }
            Kind::Text(pieces) => Ok((lexer::joined(&pieces), false)),
            Kind::Number(n) => Ok((n.to_string(), false)),
            found => {
                let message = format!("expected the name of a field, found {}", found.describe());
                Err(ParseError::at(self.source, start, message))
            }
        }
    }
}

/// The names of `a.b.c`; `None` for anything else.
fn dotted(node: &Node) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = node;
    loop {
        match at {
            Node::Name(name) => {
                names.push(name.clone());
                names.reverse();
                return Some(names);
            }
            Node::Member(on, name) => {
                names.push(name.clone());
                at = on;
            }
            _ => return None,
        }
    }
}

/// A quoted text: a constant, or with each `{{path}}` bound.
fn text(pieces: &[Piece]) -> Node {
    if let Some(constant) = lexer::constant(pieces) {
        return Node::Literal(constant);
    }
    let part = |piece: &Piece| match piece {
        Piece::Text(text) => TextPart::Text(text.clone()),
        Piece::Path(path) => match path::parse(path) {
            Some(steps) => TextPart::Path(path_node(steps)),
            None => TextPart::Text(lexer::joined(std::slice::from_ref(piece))),
        },
    };
    Node::Text(pieces.iter().map(part).collect())
}

/// The tree of a plain path.
fn path_node(steps: Vec<Step>) -> Node {
    let mut node = Node::Literal(Value::Null);
    for (position, step) in steps.into_iter().enumerate() {
        node = match step {
            Step::Field(name) if position == 0 => Node::Name(name),
            Step::Field(name) => Node::Member(Box::new(node), name),
            Step::Position(n) => {
                Node::Index(Box::new(node), Box::new(Node::Literal(Value::from(n))))
            }
        };
    }
    node
}

//! Arguments of calls, among them those that are looked at for each item of a list.

use super::{Parsed, Parser, Sub};
use crate::expr::ParseError;
use crate::expr::ast::{Lambda, LinePart, Node};
use crate::expr::functions::{First, Function};
use crate::expr::lexer::{self, Kind};

impl Parser<'_> {
    /// `(a, b)`: the arguments and the height of the highest.
    pub(super) fn arguments(
        &mut self,
        function: Option<Function>,
    ) -> Result<(Vec<Node>, usize), ParseError> {
        self.at += 1;
        self.arguments_until_close(function, true)
    }

    /// The arguments up to the closing bracket; none at all when `more` is false.
    pub(super) fn arguments_until_close(
        &mut self,
        function: Option<Function>,
        more: bool,
    ) -> Result<(Vec<Node>, usize), ParseError> {
        let start = self.here();
        // Whether a field or a condition is meant depends on how many arguments there are.
        let count = if more { self.count_arguments() } else { 0 };
        let first = function.map_or(First::Value, |function| function.first(count));
        let (mut args, mut height) = (Vec::new(), 0);
        while more && self.peek() != &Kind::Sign(")") {
            let kind = if args.is_empty() { first } else { First::Value };
            let arg = self.argument(kind)?;
            height = height.max(arg.height);
            args.push(arg.node);
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")", "to close the arguments")?;
        if let Some(problem) = function.and_then(|function| function.count_problem(args.len())) {
            return Err(ParseError::at(self.source, start, problem));
        }
        Ok((args, height))
    }

    /// For a function that is written without brackets.
    pub(super) fn no_arguments(
        &self,
        function: Function,
        start: usize,
    ) -> Result<(Vec<Node>, usize), ParseError> {
        match function.count_problem(0) {
            None => Ok((Vec::new(), 0)),
            Some(problem) => Err(ParseError::at(self.source, start, problem)),
        }
    }

    /// How many arguments follow, up to the bracket that closes them.
    fn count_arguments(&self) -> usize {
        let (mut open, mut commas, mut any) = (0usize, 0, false);
        for token in &self.tokens[self.at..] {
            match token.kind {
                Kind::Sign(")") if open == 0 => break,
                Kind::Sign("(" | "[" | "{") => open += 1,
                Kind::Sign(")" | "]" | "}") => open = open.saturating_sub(1),
                Kind::Sign(",") if open == 0 => commas += 1,
                _ => {}
            }
            any = true;
        }
        if any { commas + 1 } else { 0 }
    }

    fn argument(&mut self, first: First) -> Parsed {
        if matches!(first, First::Condition | First::Field)
            && let Some(param) = self.arrow_param()
        {
            return self.arrow(param);
        }
        // A text is source only when it is the whole argument.
        let alone = matches!(self.peek_after(1), Kind::Sign("," | ")"));
        match (first, self.peek()) {
            (First::Condition | First::Field, Kind::Text(pieces)) if alone => {
                let source = lexer::joined(pieces);
                self.quoted(source, first)
            }
            (First::Line, Kind::Text(pieces)) if alone => {
                let source = lexer::joined(pieces);
                self.line(source)
            }
            _ => self.expression(),
        }
    }

    /// The name before `=>`, in brackets or not; goes past the arrow.
    fn arrow_param(&mut self) -> Option<String> {
        let bracket = usize::from(self.peek() == &Kind::Sign("("));
        let Kind::Ident(param) = self.peek_after(bracket) else { return None };
        let param = param.clone();
        if bracket == 1 && self.peek_after(2) != &Kind::Sign(")") {
            return None;
        }
        let arrow = 1 + 2 * bracket;
        if self.peek_after(arrow) != &Kind::Sign("=>") {
            return None;
        }
        self.at += arrow + 1;
        Some(param)
    }

    fn arrow(&mut self, param: String) -> Parsed {
        let (allowed, seen) = (self.item_allowed, self.item_seen);
        self.item_allowed = true;
        let body = self.expression()?;
        (self.item_allowed, self.item_seen) = (allowed, seen);
        let body_node = Box::new(body.node);
        self.over(Node::Lambda(Lambda::Arrow { param, body: body_node }), [body.height])
    }

    /// `'price > 10'`. What is no expression is the name of a field, where a field is asked for.
    fn quoted(&mut self, source: String, first: First) -> Parsed {
        let start = self.here();
        if first == First::Field && hyphenated(&source) {
            self.at += 1;
            return Ok(Sub { node: Node::Lambda(Lambda::Field(source)), height: 1 });
        }
        let parsed = self.deeper(|p| super::parse_nested(&source, p.depth, true));
        match parsed {
            Ok(body) => {
                self.at += 1;
                let lambda = Lambda::Quoted { source, body: Box::new(body.node) };
                self.over(Node::Lambda(lambda), [body.height])
            }
            Err(_) if first == First::Field && !source.is_empty() => {
                self.at += 1;
                Ok(Sub { node: Node::Lambda(Lambda::Field(source)), height: 1 })
            }
            Err(inner) => {
                let message = format!("in the quoted condition: {}", inner.message);
                Err(ParseError::at(self.source, start, message))
            }
        }
    }

    /// `"{name}: {price}"`. Braces that hold no expression stay as they are.
    fn line(&mut self, source: String) -> Parsed {
        let (mut parts, mut height) = (Vec::new(), 0);
        let mut text = String::new();
        let mut rest = source.as_str();
        while let Some((inner, start, end)) = braced(rest) {
            text.push_str(&rest[..start]);
            match self.deeper(|p| super::parse_nested(inner, p.depth, true)) {
                Ok(field) => {
                    if !text.is_empty() {
                        parts.push(LinePart::Text(std::mem::take(&mut text)));
                    }
                    height = height.max(field.height);
                    parts.push(LinePart::Field(field.node));
                }
                Err(_) => text.push_str(&rest[start..end]),
            }
            rest = &rest[end..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(LinePart::Text(text));
        }
        self.at += 1;
        self.over(Node::Line { source, parts }, [height])
    }
}

/// Whether the text is words joined by hyphens, such as `shop-id`: where a field is asked for that is one, and
/// no subtraction.
fn hyphenated(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(lexer::is_name_start) && word.chars().skip(1).all(lexer::is_name_part)
    };
    text.contains('-') && text.split('-').all(word)
}

/// The first braces in `text`: what stands in them, where they start and where they end. Two braces bind from
/// the run, and are part of what stands in them.
fn braced(text: &str) -> Option<(&str, usize, usize)> {
    let open = text.find('{')?;
    if text[open..].starts_with("{{") {
        let end = open + text[open..].find("}}")? + 2;
        return Some((&text[open..end], open, end));
    }
    let close = lexer::close_of(text, open + 1)?;
    Some((&text[open + 1..close], open, close + 1))
}

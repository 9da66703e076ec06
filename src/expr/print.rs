//! The tree back to source: canonical, and parsed to an equal tree.

use super::ast::{Lambda, Node, Style, TextPart, strength};
use super::functions::First;
use serde_json::Value;
use std::fmt::{self, Formatter, Write};

/// Writes `node`, in brackets when it binds less than `least`.
pub(crate) fn node(f: &mut Formatter<'_>, node: &Node, least: u8) -> fmt::Result {
    let brackets = power(node) < least;
    if brackets {
        f.write_char('(')?;
    }
    bare(f, node)?;
    if brackets {
        f.write_char(')')?;
    }
    Ok(())
}

/// How tightly the node's own operator binds.
fn power(node: &Node) -> u8 {
    match node {
        Node::Conditional(..) => strength::CONDITIONAL,
        Node::Binary(op, ..) => op.shape().1,
        Node::Unary(..) => strength::UNARY,
        _ => strength::POSTFIX,
    }
}

fn bare(f: &mut Formatter<'_>, this: &Node) -> fmt::Result {
    match this {
        Node::Literal(Value::String(text)) => quoted(f, text),
        Node::Literal(value) => write!(f, "{value}"),
        Node::Text(parts) => text(f, parts),
        Node::Name(name) => f.write_str(name),
        Node::Item => Ok(()),
        Node::Member(on, name) => {
            node(f, on, strength::POSTFIX)?;
            write!(f, ".{name}")
        }
        Node::Index(on, key) | Node::Select(on, key) => {
            node(f, on, strength::POSTFIX)?;
            f.write_char('[')?;
            node(f, key, 0)?;
            f.write_char(']')
        }
        Node::Bound(inner) => {
            f.write_str("{{ ")?;
            node(f, inner, 0)?;
            f.write_str(" }}")
        }
        Node::List(items) => {
            f.write_char('[')?;
            separated(f, items)?;
            f.write_char(']')
        }
        Node::Object(fields) => object(f, fields),
        Node::Unary(op, on) => {
            f.write_str(op.spelling())?;
            node(f, on, strength::UNARY)
        }
        Node::Binary(op, left, right) => {
            let (spelling, power) = op.shape();
            let to_the_right = power == strength::POWER;
            node(f, left, power + u8::from(to_the_right))?;
            write!(f, " {spelling} ")?;
            node(f, right, power + u8::from(!to_the_right))
        }
        Node::Conditional(test, then, other) => {
            node(f, test, strength::CONDITIONAL + 1)?;
            f.write_str(" ? ")?;
            node(f, then, 0)?;
            f.write_str(" : ")?;
            node(f, other, 0)
        }
        Node::Apply { .. } => apply(f, this),
        Node::Host { path, args } => {
            f.write_str(&path.join("."))?;
            f.write_char('(')?;
            separated(f, args)?;
            f.write_char(')')
        }
        Node::Lambda(Lambda::Quoted { source, .. } | Lambda::Field(source)) => quoted(f, source),
        Node::Lambda(Lambda::Arrow { param, body }) => {
            write!(f, "{param} => ")?;
            node(f, body, 0)
        }
        Node::Line { source, .. } => quoted(f, source),
    }
}

fn apply(f: &mut Formatter<'_>, this: &Node) -> fmt::Result {
    let Node::Apply { function, style, on, args } = this else { return Ok(()) };
    let name = function.name;
    match style {
        Style::Pipe => {
            node(f, on, strength::POSTFIX)?;
            write!(f, "|{name}")?;
            if args.is_empty() {
                return Ok(());
            }
            f.write_char('(')?;
        }
        Style::Method => {
            node(f, on, strength::POSTFIX)?;
            write!(f, ".{name}(")?;
        }
        Style::Call => {
            write!(f, "{name}(")?;
            node(f, on, 0)?;
            if !args.is_empty() {
                f.write_str(", ")?;
            }
        }
    }
    for (position, arg) in args.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        // In the brackets a text stays a value; without them it would be read as a condition or line.
        let text = matches!(arg, Node::Literal(Value::String(_)) | Node::Text(_));
        if position == 0 && text && function.first(args.len()) != First::Value {
            f.write_char('(')?;
            bare(f, arg)?;
            f.write_char(')')?;
        } else {
            node(f, arg, 0)?;
        }
    }
    f.write_char(')')
}

fn separated(f: &mut Formatter<'_>, items: &[Node]) -> fmt::Result {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        node(f, item, 0)?;
    }
    Ok(())
}

fn object(f: &mut Formatter<'_>, fields: &[(String, Node)]) -> fmt::Result {
    f.write_char('{')?;
    for (position, (key, value)) in fields.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        quoted(f, key)?;
        f.write_str(": ")?;
        node(f, value, 0)?;
    }
    f.write_char('}')
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    escaped(f, text)?;
    f.write_char('"')
}

fn escaped(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            '{' if chars.peek() == Some(&'{') => f.write_str("\\{")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

fn text(f: &mut Formatter<'_>, parts: &[TextPart]) -> fmt::Result {
    f.write_char('"')?;
    for part in parts {
        match part {
            TextPart::Text(text) => escaped(f, text)?,
            TextPart::Path(path) => {
                f.write_str("{{")?;
                bare(f, path)?;
                f.write_str("}}")?;
            }
        }
    }
    f.write_char('"')
}

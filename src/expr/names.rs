//! What an expression reads and calls, found without running it: for checking while editing.

use super::Call;
use super::ast::{Lambda, LinePart, Node, TextPart};
use serde_json::Value;
use std::collections::BTreeSet;

/// Names that are always there.
const BUILT_IN: &[&str] = &["$now", "now", "nowMs", "this"];

/// Collects names and calls over one or more trees.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub paths: BTreeSet<Vec<String>>,
    pub calls: Vec<Call>,
}

/// What a bare name means where the walk is.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Bare names are fields of a record, and not of interest.
    in_record: bool,
    /// The parameters of the arrows around.
    params: &'a [&'a str],
}

impl Names {
    /// Adds what `node` reads; bare names too unless they are fields of a record.
    pub fn add(&mut self, node: &Node, in_record: bool) {
        self.walk(node, Place { in_record, params: &[] });
    }

    fn walk(&mut self, node: &Node, place: Place<'_>) {
        match node {
            Node::Literal(_) | Node::Item => {}
            Node::Text(parts) => {
                for part in parts {
                    if let TextPart::Path(path) = part {
                        self.walk(path, Place { in_record: false, ..place });
                    }
                }
            }
            Node::Name(_) | Node::Member(..) | Node::Index(..) => self.path(node, place),
            Node::Select(on, test) => {
                self.walk(on, place);
                self.walk(test, place);
            }
            Node::Bound(inner) => self.walk(inner, Place { in_record: false, ..place }),
            Node::List(items) => items.iter().for_each(|item| self.walk(item, place)),
            Node::Object(fields) => fields.iter().for_each(|(_, field)| self.walk(field, place)),
            Node::Unary(_, on) => self.walk(on, place),
            Node::Binary(_, left, right) => {
                self.walk(left, place);
                self.walk(right, place);
            }
            Node::Conditional(test, then, other) => {
                self.walk(test, place);
                self.walk(then, place);
                self.walk(other, place);
            }
            Node::Apply { on, args, .. } => {
                self.walk(on, place);
                args.iter().for_each(|arg| self.walk(arg, place));
            }
            Node::Host { path, args } => {
                self.call(path, args);
                args.iter().for_each(|arg| self.walk(arg, place));
            }
            Node::Lambda(Lambda::Field(_)) => {}
            Node::Lambda(Lambda::Quoted { body, .. }) => {
                self.walk(body, Place { in_record: true, ..place });
            }
            Node::Lambda(Lambda::Arrow { param, body }) => {
                let params: Vec<&str> =
                    place.params.iter().copied().chain([param.as_str()]).collect();
                self.walk(body, Place { params: &params, ..place });
            }
            Node::Line { parts, .. } => {
                for part in parts {
                    if let LinePart::Field(field) = part {
                        self.walk(field, Place { in_record: true, ..place });
                    }
                }
            }
        }
    }

    /// A name with the steps that follow it, as far as they are written out.
    fn path(&mut self, node: &Node, place: Place<'_>) {
        let mut steps = Vec::new();
        let mut at = node;
        loop {
            match at {
                Node::Name(name) => {
                    let known = BUILT_IN.contains(&name.as_str())
                        || place.in_record
                        || place.params.contains(&name.as_str());
                    if !known {
                        steps.push(name.clone());
                        steps.reverse();
                        self.paths.insert(steps);
                    }
                    return;
                }
                Node::Member(on, name) => {
                    steps.push(name.clone());
                    at = on;
                }
                Node::Index(on, key) => {
                    match &**key {
                        Node::Literal(Value::String(name)) => steps.push(name.clone()),
                        Node::Literal(Value::Number(n)) => steps.push(n.to_string()),
                        key => {
                            // What follows a computed step is not known.
                            steps.clear();
                            self.walk(key, place);
                        }
                    }
                    at = on;
                }
                other => return self.walk(other, place),
            }
        }
    }

    fn call(&mut self, path: &[String], args: &[Node]) {
        let literal = |arg: &Node| match arg {
            Node::Literal(value) => Some(value.clone()),
            _ => None,
        };
        self.calls.push(Call { path: path.to_vec(), args: args.iter().map(literal).collect() });
    }

    pub fn into_paths(self) -> Vec<Vec<String>> {
        self.paths.into_iter().collect()
    }
}

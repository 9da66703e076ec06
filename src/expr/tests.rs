//! Tests of the language: tables of source, scope and expected value.

mod documents;
mod fixtures;
mod functions;
mod language;
mod limits;
mod properties;
mod templates;

use super::{EvalError, Expression, Scope, Template, ValueScope};
use serde_json::{Value, json};
use std::borrow::Cow;

/// 2026-11-20T12:00:00Z
pub(super) const NOW_MS: i64 = 1_795_176_000_000;

pub(super) fn scope(root: Value) -> ValueScope {
    ValueScope::new(root, NOW_MS)
}

pub(super) fn eval(source: &str, root: &Value) -> Result<Value, EvalError> {
    parse(source).evaluate(&scope(root.clone()))
}

pub(super) fn parse(source: &str) -> Expression {
    Expression::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// Each source has the value, before and after printing it.
pub(super) fn check(root: Value, table: &[(&str, Value)]) {
    for (source, expected) in table {
        let expression = parse(source);
        let printed = expression.to_string();
        assert_eq!(parse(&printed), expression, "{source} printed as {printed}");
        assert_eq!(eval(source, &root).as_ref(), Ok(expected), "{source}");
    }
}

/// Each template renders so.
pub(super) fn check_templates(root: Value, table: &[(&str, Value)]) {
    let scope = scope(root);
    for (source, expected) in table {
        let template = Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(template.render(&scope).as_ref(), Ok(expected), "{source}");
    }
}

/// A scope with the functions of outbound plans, which remembers nothing and knows one reply.
pub(super) struct Events;

impl Scope for Events {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        (name == "contact").then(|| Cow::Owned(json!({"name": "Ada"})))
    }

    fn now_ms(&self) -> i64 {
        NOW_MS
    }

    fn call(&self, path: &[&str], args: &[Value]) -> Option<Result<Value, String>> {
        match path {
            ["events", "hasReply"] => Some(Ok(json!(args == [json!("intro-email")]))),
            ["events", "hasOpen"] => Some(Err("there is no step \"x\"".to_owned())),
            _ => None,
        }
    }
}

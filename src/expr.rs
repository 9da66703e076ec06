//! Expressions and templates: the one small language in which workflows compute.
//!
//! An [`Expression`] is what stands in a condition (`{{steps.a.output.total}} > 100`), a [`Template`] is text
//! with `{{…}}` in it, a [`ValueTemplate`] is JSON whose strings and keys are templates. All are parsed once
//! and evaluated against a [`Scope`], which says what names mean. Values are bound, never pasted into source.
//!
//! # What a reader can rely on
//!
//! * A path through null, through a missing field or through text that is not JSON is null. Only a name that
//!   nobody declared is an error. Text that is JSON (also in a code fence) can be read by path.
//! * No operator fails on a type. In arithmetic null is 0 and text is read as a number; what is no number gives
//!   null. `+` joins when one side is text, a list or an object, and null then adds nothing. Division by zero is
//!   null. Whole numbers stay whole.
//! * `==` lets text equal the number or boolean that it spells (`'5' == 5`, `'true' == true`); lists and objects
//!   are compared by content; null equals only null. `===` wants the same type as well.
//! * `<` and its kin compare two dates as instants, other texts by their characters, all else as numbers. With
//!   null or something that is no number they are false.
//! * `||`, `&&` and `??` return one of their sides. Weakest to strongest: `?:`, `??`, `||`, `&&`, equality,
//!   comparison and words (`contains`, `in`, `matches` …), `+ -`, `* / // %`, `^`, `! -`, then `. [] () |`.
//! * Functions have three spellings: `tags|join(", ")`, `tags.join(", ")`, `join(tags, ", ")`; [`functions`] lists
//!   them. Conditions on items are quoted (`'price > 10'`, bare names are fields of the item) or arrows
//!   (`x => x.price > 10`); `list[.price > 10]` selects too.
//! * `{{path}}` inside an expression is the path. In a quoted text it is put in as text. Where bare names are
//!   fields of a record it reads from the run.
//! * `steps.x.output.f` and `steps.x.output.data.f` read the same field. `$now`, `now` and `nowMs` are always
//!   there.
//!
//! Deliberately absent: clocks (the scope brings the time), assignment, loops without bound, any way to reach
//! what the scope does not offer. Every evaluation is bounded in steps, depth and bytes (see [`limits`]).

mod ast;
mod dates;
mod error;
mod eval;
mod functions;
mod lexer;
pub mod limits;
mod names;
mod number;
mod ops;
mod parser;
mod path;
mod print;
mod scope;
mod template;
mod value_template;

pub use error::{EvalError, ParseError, ValueTemplateError};
pub use functions::{FunctionInfo, functions};
pub use scope::{Scope, ValueScope};
pub use template::Template;
pub use value_template::ValueTemplate;
pub(crate) use value_template::pointer_part;

use ast::Node;
use eval::Env;
use limits::Meter;
use names::Names;
use serde_json::Value;
use std::fmt;

/// A parsed expression. `Display` prints canonical source that parses to an equal expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    node: Node,
}

/// A call of a function that the host offers, such as `events.hasReply("intro")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The dotted name: `["events", "hasReply"]`.
    pub path: Vec<String>,
    /// The arguments that are written as literals; `None` where they are computed.
    pub args: Vec<Option<Value>>,
}

impl Expression {
    /// Parses source of at most [`limits::MAX_EXPRESSION_BYTES`] bytes.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Ok(Self { node: parser::parse(source)? })
    }

    /// The value of the expression in `scope`.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        self.evaluate_in(&mut Meter::new(), scope)
    }

    /// The value of the expression, counted on a meter that it shares with others.
    pub(crate) fn evaluate_in(
        &self,
        meter: &mut Meter,
        scope: &dyn Scope,
    ) -> Result<Value, EvalError> {
        let value = eval::eval(meter, Env::new(scope), &self.node)?;
        meter.finish(value)
    }

    /// Evaluates a filter: bare names are fields of `record` (null when absent), `{{path}}` and host
    /// functions come from `outer`.
    pub fn evaluate_with_record(
        &self,
        outer: &dyn Scope,
        record: &Value,
    ) -> Result<Value, EvalError> {
        let mut meter = Meter::new();
        let value = eval::eval(&mut meter, Env::new(outer).with_record(record), &self.node)?;
        meter.finish(value)
    }

    /// Evaluates a condition: the value, coerced by [`truthy`].
    pub fn test(&self, scope: &dyn Scope) -> Result<bool, EvalError> {
        Ok(truthy(&self.evaluate(scope)?))
    }

    /// The names it reads, each with the static path that follows, such as
    /// `["steps", "get_customer", "output", "email"]`. Sorted, without duplicates.
    pub fn names(&self) -> Vec<Vec<String>> {
        let mut names = Names::default();
        names.add(&self.node, false);
        names.into_paths()
    }

    /// Only the names inside `{{…}}`: what a filter binds from outside its record.
    pub fn outer_names(&self) -> Vec<Vec<String>> {
        let mut names = Names::default();
        names.add(&self.node, true);
        names.into_paths()
    }

    /// The host functions it calls.
    pub fn calls(&self) -> Vec<Call> {
        let mut names = Names::default();
        names.add(&self.node, false);
        names.calls
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::node(f, &self.node, 0)
    }
}

/// What counts as true: everything but null, false, 0 and the empty text. (Empty lists and objects are true.)
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64().is_some_and(|n| n != 0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests;

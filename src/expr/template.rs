//! Text with `{{…}}` in it.

use super::{Call, EvalError, ParseError, Scope};
use serde_json::Value;
use std::fmt;

/// A parsed template. `Display` prints its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: String,
}

impl Template {
    /// Parses source of at most [`super::limits::MAX_TEMPLATE_BYTES`] bytes.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        Ok(Self { source: source.to_owned() })
    }

    /// Whether it is one `{{…}}` and nothing else (but space), so that the value keeps its JSON type.
    pub fn is_single(&self) -> bool {
        false
    }

    /// Whether there is nothing to compute.
    pub fn is_literal(&self) -> bool {
        true
    }

    /// The value: of any type when [`Template::is_single`], else a string. In text null is empty, lists and
    /// objects are JSON.
    pub fn render(&self, _scope: &dyn Scope) -> Result<Value, EvalError> {
        Ok(Value::String(self.source.clone()))
    }

    /// Like [`Template::render`], always as text.
    pub fn render_text(&self, _scope: &dyn Scope) -> Result<String, EvalError> {
        Ok(self.source.clone())
    }

    /// The names it reads (see [`super::Expression::names`]). Names inside sections are not listed: they may be
    /// fields of the item.
    pub fn names(&self) -> Vec<Vec<String>> {
        Vec::new()
    }

    /// The host functions it calls.
    pub fn calls(&self) -> Vec<Call> {
        Vec::new()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

//! Tools: what the engine's calls do.
//!
//! [`Tools`] is the engine's executor: it puts secrets in, checks the input against the catalogue's
//! schema and hands the call to its tool, to the send gate or to a model. One file a tool family.
//! Deliberately absent: the catalogue itself, which the browser needs too (`signalbox::tool`).

mod approval;
mod customer;
mod event;
mod http;
mod input;
mod registry;
mod score;
mod secrets;

pub use customer::{contact_input, record};
pub use registry::{IMPLEMENTED, Tools};

use serde_json::Value;
use signalbox::run::{ErrorKind, StepError};

/// What a tool gives.
pub type ToolResult = Result<Value, StepError>;

/// The input is wrong; trying again cannot help.
fn wrong(message: impl Into<String>) -> StepError {
    StepError::new(ErrorKind::InvalidInput, message)
}

/// Something failed that may work another time.
fn broken(error: impl std::fmt::Display) -> StepError {
    StepError::new(ErrorKind::ExecutorError, error.to_string())
}

/// Text of a field; empty and null are absent, numbers are text.
fn text_of(input: &Value, name: &str) -> Option<String> {
    match input.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A list as every tool gives it: `items`, the same as `page` and under the entity's plural.
fn list(plural: &str, items: Vec<Value>, cursor: Option<String>) -> Value {
    serde_json::json!({
        "items": items,
        "page": items,
        plural: items,
        "count": items.len(),
        "isDone": cursor.is_none(),
        "continueCursor": cursor,
    })
}

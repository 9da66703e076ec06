//! The bounds of the language, and the meter that counts against them.

use super::EvalError;
use serde_json::Value;
use std::borrow::Cow;

/// Longest source of one expression, bytes.
pub const MAX_EXPRESSION_BYTES: usize = 8 * 1024;
/// Longest source of one template, bytes.
pub const MAX_TEMPLATE_BYTES: usize = 256 * 1024;
/// Deepest nesting of brackets and JSON values.
pub const MAX_DEPTH: usize = 64;
/// Deepest nesting of template sections.
pub const MAX_SECTION_DEPTH: usize = 16;
/// Highest tree of one expression: a chain such as `a + b + c` grows by one level an operator.
pub const MAX_HEIGHT: usize = 200;
/// Most steps of one evaluation.
pub const MAX_FUEL: u64 = 100_000;
/// Largest result of one evaluation, bytes.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;
/// Most bytes that one evaluation may copy or build on its way to the result.
pub const MAX_ALLOC_BYTES: usize = 8 * MAX_OUTPUT_BYTES;
/// Longest pattern of `matches`, bytes.
pub const MAX_PATTERN_BYTES: usize = 512;
/// Longest text that `matches` searches, bytes.
pub const MAX_MATCH_BYTES: usize = 128 * 1024;

/// Bytes of work that count as one step.
const BYTES_PER_STEP: usize = 256;

/// What one evaluation has used up.
#[derive(Debug)]
pub(crate) struct Meter {
    fuel: u64,
    bytes: usize,
}

impl Meter {
    pub fn new() -> Self {
        Self { fuel: MAX_FUEL, bytes: MAX_ALLOC_BYTES }
    }

    /// Counts `steps` steps of work.
    pub fn step(&mut self, steps: usize) -> Result<(), EvalError> {
        match self.fuel.checked_sub(steps as u64) {
            Some(left) => self.fuel = left,
            None => {
                return Err(EvalError::new(
                    "too_many_steps",
                    format!(
                        "The computation needs more than {MAX_FUEL} steps. Work on fewer items."
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Counts the reading of `bytes` bytes.
    pub fn read(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.step(bytes / BYTES_PER_STEP + 1)
    }

    /// Counts the making of `bytes` bytes; call it before they are made.
    pub fn alloc(&mut self, bytes: usize) -> Result<(), EvalError> {
        self.read(bytes)?;
        match self.bytes.checked_sub(bytes) {
            Some(left) => self.bytes = left,
            None => return Err(too_large()),
        }
        Ok(())
    }

    /// The value itself: a borrowed one is counted, then copied.
    pub fn own(&mut self, value: Cow<'_, Value>) -> Result<Value, EvalError> {
        match value {
            Cow::Owned(value) => Ok(value),
            Cow::Borrowed(value) => {
                let size = size_within(value, self.bytes).ok_or_else(too_large)?;
                self.alloc(size)?;
                Ok(value.clone())
            }
        }
    }

    /// The result of an evaluation, if it is small enough to leave.
    pub fn finish(&mut self, value: Cow<'_, Value>) -> Result<Value, EvalError> {
        if size_within(&value, MAX_OUTPUT_BYTES).is_none() {
            return Err(too_large());
        }
        self.own(value)
    }
}

/// The error for a value beyond the limit.
pub(crate) fn too_large() -> EvalError {
    EvalError::new(
        "too_large",
        format!(
            "The value is larger than {} KiB. Take fewer items or fewer fields.",
            MAX_OUTPUT_BYTES / 1024
        ),
    )
}

/// About how many bytes `value` takes as JSON, or `None` when that is more than `budget`.
pub(crate) fn size_within(value: &Value, budget: usize) -> Option<usize> {
    let own = match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(_) | Value::Object(_) => 2,
    };
    let mut left = budget.checked_sub(own)?;
    match value {
        Value::Array(items) => {
            for item in items {
                left -= size_within(item, left)?;
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                left = left.checked_sub(key.len() + 4)?;
                left -= size_within(item, left)?;
            }
        }
        _ => {}
    }
    Some(budget - left)
}

//! Writing to standard output, which may be closed by its reader at any time.

use super::CommandError;
use serde::Serialize;
use std::io::Write;

/// One line of text.
pub fn line(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").map_err(unwritable)
}

/// A value as indented JSON.
pub fn json(value: &impl Serialize) -> Result<(), CommandError> {
    line(&pretty(value)?)
}

/// A value as JSON on one line, for readers that follow along.
pub fn json_line(value: &impl Serialize) -> Result<(), CommandError> {
    let text =
        serde_json::to_string(value).map_err(|error| CommandError::new(error.to_string()))?;
    line(&text)
}

/// A value as indented JSON text.
pub fn pretty(value: &impl Serialize) -> Result<String, CommandError> {
    serde_json::to_string_pretty(value).map_err(|error| CommandError::new(error.to_string()))
}

fn unwritable(error: std::io::Error) -> CommandError {
    CommandError::new(format!("cannot write to standard output: {error}"))
}

//! Text to JSON, with the place of a mistake.

use super::{FormatError, limits};
use serde_json::Value;

/// Parses JSON text of at most 8 MiB. A byte order mark is passed over.
pub fn parse_text(text: &str) -> Result<Value, FormatError> {
    limits::check_count("bytes", text.len(), limits::TEXT_BYTES_MAX)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| FormatError::Syntax {
        line: error.line(),
        column: error.column(),
        message: words(&error),
    })
}

/// The parser's sentence without its own " at line …".
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

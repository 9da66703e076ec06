//! The two notations of a document: JSON and YAML. A format says what the words mean; a notation, how they are
//! written down.

use super::{FormatError, limits, place};
use serde_json::Value;

/// How a document is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Notation {
    #[default]
    Json,
    Yaml,
}

impl Notation {
    /// The usual end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    /// What a text is written in. JSON begins with a bracket; where a bare word follows a brace, as in
    /// `{name: x}`, it is YAML.
    pub fn of(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
        if text.starts_with(['{', '[']) && !names_bare_key(text) { Self::Json } else { Self::Yaml }
    }
}

/// Whether a text is a mapping whose first key is a word without quotes.
fn names_bare_key(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('{').map(str::trim_start) else { return false };
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let behind = inside.trim_start_matches(is_part);
    let begins = inside.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins && behind.trim_start().starts_with(':')
}

/// Parses JSON text of at most 8 MiB. A byte order mark is passed over. A key that is written twice is refused: one
/// of its values would be lost.
pub fn parse_text(text: &str) -> Result<Value, FormatError> {
    limits::check_count("bytes", text.len(), limits::TEXT_BYTES_MAX)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let refusal = |line: usize, column: usize, message: String| FormatError::Syntax {
        notation: "JSON".to_owned(),
        line: line.max(1),
        column: column.max(1),
        message,
    };
    let value: Value = serde_json::from_str(text)
        .map_err(|error| refusal(error.line(), error.column(), words(&error)))?;
    match place::repeated_key(text) {
        None => Ok(value),
        Some((key, at)) => {
            let before = text.get(..at).unwrap_or_default();
            let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
            let line = before.matches('\n').count() + 1;
            Err(refusal(line, at - begin + 1, format!("the key {key:?} is written twice")))
        }
    }
}

/// Parses text of at most 8 MiB in either notation (see [`Notation::of`]). Without the feature `yaml` all text is
/// JSON.
pub fn parse(text: &str) -> Result<(Value, Notation), FormatError> {
    match Notation::of(text) {
        #[cfg(any(test, feature = "yaml"))]
        Notation::Yaml if !text.trim_start_matches('\u{feff}').trim().is_empty() => {
            limits::check_count("bytes", text.len(), limits::TEXT_BYTES_MAX)?;
            Ok((super::yaml::parse(text)?, Notation::Yaml))
        }
        _ => Ok((parse_text(text)?, Notation::Json)),
    }
}

/// The parser's sentence without its own " at line …".
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_written_twice_is_refused_with_its_place() {
        let check = |text: &str, place: (usize, usize)| match parse_text(text) {
            Err(FormatError::Syntax { line, column, message, .. }) => {
                assert_eq!((line, column), place, "{text}");
                assert_eq!(message, "the key \"a\" is written twice");
            }
            other => panic!("{other:?}"),
        };
        check(r#"{"a": 1, "a": 1}"#, (1, 10));
        check("\u{feff}{\"b\": [{\"a\": 1,\n  \"\\u0061\": {}}]}", (2, 3));
        // The parser counts bytes.
        check("{\"ü\": 1, \"a\": 1, \"a\": 2}", (1, 19));
        assert!(parse_text(r#"{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}"#).is_ok());
    }
}

//! The two notations of a document: JSON and YAML. A format says what the words mean; a notation, how they are
//! written down.

use super::{FormatError, Place, limits, place};
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

    /// What a text is written in: JSON begins with a bracket.
    pub fn of(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start();
        if text.starts_with(['{', '[']) { Self::Json } else { Self::Yaml }
    }

    /// Where the value of a JSON pointer begins in a text that can be read.
    pub fn locate(self, text: &str, pointer: &str) -> Option<Place> {
        match self {
            Self::Json => place::locate(text, pointer),
            #[cfg(any(test, feature = "yaml"))]
            Self::Yaml => super::yaml::locate(text, pointer),
            #[cfg(not(any(test, feature = "yaml")))]
            Self::Yaml => None,
        }
    }
}

/// Parses JSON text of at most 8 MiB. A byte order mark is passed over.
pub fn parse_text(text: &str) -> Result<Value, FormatError> {
    limits::check_count("bytes", text.len(), limits::TEXT_BYTES_MAX)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| FormatError::Syntax {
        notation: "JSON".to_owned(),
        line: error.line().max(1),
        column: error.column().max(1),
        message: words(&error),
    })
}

/// Parses text of at most 8 MiB in either notation. What begins with a bracket is JSON. Without the feature
/// `yaml` all text is JSON.
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

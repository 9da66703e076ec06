//! Why a document could not be read or written.

use super::Place;
use super::place::path;
use serde::{Deserialize, Serialize};

/// Why a document could not be read or written. In JSON: `{"code": "invalid", "pointer": …, "message": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FormatError {
    /// The text is neither JSON nor YAML.
    #[error("the text is not {notation}: {message} (line {line}, column {column})")]
    Syntax {
        /// `JSON` or `YAML`: what it was taken for.
        #[serde(default = "json")]
        notation: String,
        /// From 1.
        line: usize,
        /// As the parser counts: bytes for JSON, characters for YAML; from 1.
        column: usize,
        /// What was found there.
        message: String,
    },
    /// No format is recognised.
    #[error(
        "this is none of the formats Signalbox reads; expected an outbound plan, a DAG plan or a visual workflow with \
         `steps`, a visual workflow with `workflowConfig` and `stepsConfig`, a contract draft with `nodes`, or a \
         document with \"format\": \"signalbox/v1\""
    )]
    Unknown,
    /// The format is known, but this program was built without it.
    #[error("the format {title} is read and written by the server, not here")]
    NotHere {
        /// What people call it.
        title: String,
    },
    /// Past a limit.
    #[error("too many {what}: {count}, and {max} is the most; split the workflow")]
    TooMany {
        /// Of what.
        what: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Nested past the limit.
    #[error("the document is nested deeper than {max} levels")]
    TooDeep {
        /// Levels allowed.
        max: usize,
    },
    /// A part is not what it should be.
    #[error("{message} (at {}{})", path(pointer), shown(place))]
    Invalid {
        /// JSON pointer of the part.
        pointer: String,
        /// What is wrong and what was expected.
        message: String,
        /// Where it stands, when it was read from a text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
}

fn json() -> String {
    "JSON".to_owned()
}

fn shown(place: &Option<Place>) -> String {
    place
        .map(|Place { line, column }| format!(", line {line}, column {column}"))
        .unwrap_or_default()
}

impl FormatError {
    /// A part of the document that is not what it should be.
    pub(crate) fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { pointer: pointer.into(), message: message.into(), place: None }
    }

    /// Where it is in the text. What is wrong with the text as a whole is at its beginning.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Syntax { line, column, .. } => Some(Place { line: *line, column: *column }),
            Self::Invalid { place, .. } => *place,
            Self::Unknown | Self::NotHere { .. } | Self::TooMany { .. } | Self::TooDeep { .. } => {
                Some(Place { line: 1, column: 1 })
            }
        }
    }

    /// The same, with its place in the text that was read. A part that is not there is at the nearest one around.
    pub(super) fn placed(self, mut locate: impl FnMut(&str) -> Option<Place>) -> Self {
        let Self::Invalid { pointer, message, place: None } = self else { return self };
        let mut at = pointer.as_str();
        let place = loop {
            match (locate(at), at.rfind('/')) {
                (Some(place), _) => break Some(place),
                (None, Some(end)) => at = &at[..end],
                (None, None) => break None,
            }
        };
        Self::Invalid { pointer, message, place }
    }
}

//! Why a document could not be read or written.

use serde::{Deserialize, Serialize};

/// Why a document could not be read or written. In JSON: `{"code": "invalid", "pointer": …, "message": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FormatError {
    /// The text is not JSON.
    #[error("the text is not JSON: {message} (line {line}, column {column})")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters as the parser counts them (bytes), from 1.
        column: usize,
        /// What was found there.
        message: String,
    },
    /// No format is recognised.
    #[error(
        "this is none of the formats Signalbox reads; expected a workflow with `steps`, one with `workflowConfig` \
         and `stepsConfig`, or a document with \"format\": \"signalbox/v1\""
    )]
    Unknown,
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
    #[error("{message} (at {pointer:?})")]
    Invalid {
        /// JSON pointer of the part.
        pointer: String,
        /// What is wrong and what was expected.
        message: String,
    },
}

impl FormatError {
    /// A part of the document that is not what it should be.
    pub(crate) fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { pointer: pointer.into(), message: message.into() }
    }
}

//! How runs end, why steps fail, what models cost: the parts of events that are used apart from them.
//!
//! Versioned like events: only ever extended.

use crate::id::{NodeId, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum RunEnd {
    /// It reached an end, or nothing was left to do.
    Completed {
        /// The end's outcome; `completed` unless it says more.
        outcome: String,
        /// The run's output.
        output: Value,
    },
    /// A node failed and nothing caught it.
    Failed {
        /// The failing node, if one did.
        node: Option<NodeId>,
        /// Why.
        error: StepError,
    },
    /// A person or a replacement ended it.
    Stopped {
        /// Why.
        reason: String,
        /// By whom.
        by: String,
        /// The run that takes its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced_by: Option<RunId>,
    },
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct StepError {
    /// The kind, which decides about retries.
    pub kind: ErrorKind,
    /// What happened and what to do next, for people.
    pub message: String,
}

impl StepError {
    /// An error of a kind with a sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Kinds of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The tool or model said no in a way that may pass (5xx, connection lost).
    ExecutorError,
    /// It took longer than its timeout.
    Timeout,
    /// Too many requests.
    RateLimited,
    /// An output does not satisfy its schema.
    SchemaValidationFailed,
    /// Something that the step must deliver is not there.
    MissingDeliverable,
    /// A completion check of the step does not hold.
    CheckFailed,
    /// An expression or a template could not be evaluated.
    Expression,
    /// The input is wrong; trying again cannot help.
    InvalidInput,
    /// The tool or what it names does not exist.
    NotFound,
    /// The send gate refused. Its word alone: a step that it refuses is skipped unless its policy says otherwise.
    Refused,
    /// A person rejected.
    HumanRejected,
    /// Nobody decided in time.
    Expired,
    /// A limit was reached (turns, items, budget).
    LimitReached,
    /// The server lost its way; see the message.
    Internal,
}

/// The failure of rules that is no kind of error: all attempts were used up.
pub(crate) const ATTEMPTS_EXHAUSTED: &str = "attempts_exhausted";

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::ExecutorError,
        Self::Timeout,
        Self::RateLimited,
        Self::SchemaValidationFailed,
        Self::MissingDeliverable,
        Self::CheckFailed,
        Self::Expression,
        Self::InvalidInput,
        Self::NotFound,
        Self::Refused,
        Self::HumanRejected,
        Self::Expired,
        Self::LimitReached,
        Self::Internal,
    ];

    /// The word in policies and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExecutorError => "executor_error",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::SchemaValidationFailed => "schema_validation_failed",
            Self::MissingDeliverable => "missing_deliverable",
            Self::CheckFailed => "check_failed",
            Self::Expression => "expression",
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::HumanRejected => "human_rejected",
            Self::Expired => "expired",
            Self::LimitReached => "limit_reached",
            Self::Internal => "internal",
        }
    }

    /// Whether a retry policy may retry it at all.
    pub fn may_retry(self) -> bool {
        matches!(
            self,
            Self::ExecutorError
                | Self::Timeout
                | Self::RateLimited
                | Self::SchemaValidationFailed
                | Self::MissingDeliverable
                | Self::CheckFailed
        )
    }
}

/// What a model call cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Usage {
    /// The model that really ran.
    pub model: String,
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// Cost in millionths of a US dollar, as far as it is known; see `unpriced`.
    pub cost_micros: u64,
    /// True when the built-in sandbox model answered.
    #[serde(default)]
    pub sandbox: bool,
    /// True when the price of some of it is not known: `cost_micros` lacks that part.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unpriced: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

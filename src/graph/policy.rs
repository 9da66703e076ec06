//! How a node is run: skipping, retries, timeouts, failure, approval.

use serde::{Deserialize, Serialize};

/// How a node is run. The default runs it once, without a person, and fails the run as its kind says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Policy {
    /// An expression; when it is false the node is skipped and its edges die.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Retries of a failed attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Working time of one attempt, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What a failure does when no `error` port is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailurePolicy>,
    /// Whether a person decides before or after the node has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalTiming>,
    /// The named queue that its calls go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

impl Policy {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Retries with exponential backoff (base 2) and jitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RetryPolicy {
    /// Retries after the first attempt; 0 to 20.
    pub retries_max: u32,
    /// Pause before the first retry, in milliseconds; it doubles from there, one hour at most.
    #[serde(default = "RetryPolicy::backoff_default_ms")]
    pub backoff_ms: u64,
    /// Kinds of error to retry on, as in [`crate::run::ErrorKind`]. Empty: every kind that may be retried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<String>,
}

impl RetryPolicy {
    /// 1 second.
    pub fn backoff_default_ms() -> u64 {
        1_000
    }
}

/// What a failure does when no `error` port is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FailurePolicy {
    /// Start nothing new, let what runs finish, end the run as failed.
    Fail,
    /// The node counts as skipped; its edges die.
    Skip,
    /// The run waits for a person.
    Block,
    /// The run waits until it is replaced.
    Replan,
    /// End the run at once.
    Abort,
    /// Bypass: output null, the first ordinary port is taken.
    ContinuePartial,
}

/// When a person decides about a node's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalTiming {
    /// The call is prepared and waits.
    Before,
    /// The node has its output and waits.
    After,
}

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
    /// Working time of one attempt, in milliseconds, from when it begins; waiting in a queue, for people, timers and
    /// events does not count. Of a run of another workflow all of its time counts, from when that run has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What a failure does when no `error` port is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailurePolicy>,
    /// What failures of certain kinds do; the first that fits counts, before `on_failure`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureRule>,
    /// Whether a person decides before or after the node has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalTiming>,
    /// How the approval is handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewPolicy>,
    /// The named queue that its calls go through. Of runs of other workflows as many are under way at the same time as
    /// the queue lets through at once, over all servers; its rate holds for how often each server begins one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Which calls of a queue go first: 10 before 1; 5 unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Working time of the node over all its attempts, in milliseconds, with the time that its calls stand in a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_timeout_ms: Option<u64>,
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

/// What failures of certain kinds do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FailureRule {
    /// Kinds of error, as in [`crate::run::ErrorKind`], and `attempts_exhausted`. Empty: every failure.
    #[serde(default)]
    pub on: Vec<String>,
    /// What is done.
    pub action: FailurePolicy,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// How an approval of a node's work is handled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReviewPolicy {
    /// A scoring model looks at the output first; with at least this confidence (0 to 1) nobody is asked.
    /// Absent: a person is always asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// After it the approval expires, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
}

impl ReviewPolicy {
    /// The confidence from which on nobody is asked, where a document does not say.
    pub const THRESHOLD_DEFAULT: f64 = 0.85;
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

//! Effects: what an event asks the world to do. They are data, written in the same commit as the
//! event and carried out after it.

use super::{ActivationId, Confidence};
use crate::graph::TaskExecutor;
use crate::id::{ApprovalId, CallId, ContactId, MessageId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// What the world must do about an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask a tool or a model.
    Call {
        /// For whom.
        activation: ActivationId,
        /// Which try.
        attempt: u32,
        /// The stable key.
        call: CallId,
        /// What is asked.
        request: CallRequest,
        /// Working time, in milliseconds. A run of another workflow has all of its time, from its beginning: then send
        /// [`Command::ChildStarted`](super::Command::ChildStarted).
        timeout_ms: Option<u64>,
        /// Through which queue it goes, and whether it repeats a message.
        route: CallRoute,
    },
    /// The call is not wanted any more: forget its result, recall its message if it is not on its way, take the
    /// task back, stop the run that it started.
    CancelCall {
        /// The stable key.
        call: CallId,
    },
    /// Tell the run when this time comes.
    SetTimer {
        /// Which.
        timer: TimerId,
        /// When.
        due_at: DateTime<Utc>,
    },
    /// The timer is not needed any more.
    CancelTimer {
        /// Which.
        timer: TimerId,
    },
    /// Put a request into the inbox.
    OpenApproval {
        /// For whom.
        activation: ActivationId,
        /// Its id.
        approval: ApprovalId,
        /// What the inbox shows.
        request: ApprovalRequest,
    },
    /// Nobody decided in time: the request is urgent now, and meant for somebody else.
    EscalateApproval {
        /// Its id.
        approval: ApprovalId,
        /// A member or an address.
        to: String,
    },
    /// Take a request out of the inbox; nobody needs to decide it.
    WithdrawApproval {
        /// Its id.
        approval: ApprovalId,
    },
    /// Look for an outside event that came since the run started, and from now on.
    AwaitEvent {
        /// For whom.
        activation: ActivationId,
        /// The event's name.
        event: String,
    },
    /// Let the run begin when fewer than `limit` others of the same key are on their way: send
    /// [`Command::GrantSlot`](super::Command::GrantSlot). The slot is free again when the run ends.
    AwaitSlot {
        /// Rendered; within the organisation.
        key: String,
        /// So many runs at once.
        limit: u32,
    },
    /// The decision ran into its budget: send [`Command::Continue`](super::Command::Continue).
    Continue,
    /// The run ended: withdraw its approvals, recall held messages, forget its timers, free its slot, stop the runs
    /// that it started.
    Ended,
}

/// A timer's name within its run: `a12.retry`, `a12.wait`, `a12.expiry`, `a12.timeout`, `a12.claim`, `a12.lease`,
/// `a12.escalate`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct TimerId(pub String);

impl TimerId {
    /// The timer of an activation for a purpose.
    pub fn of(activation: ActivationId, purpose: TimerPurpose) -> Self {
        Self(format!("a{}.{}", activation.0, purpose.as_str()))
    }

    /// The activation and purpose, if the name is one of ours.
    pub fn parts(&self) -> Option<(ActivationId, TimerPurpose)> {
        let (number, purpose) = self.0.strip_prefix('a')?.split_once('.')?;
        Some((ActivationId(number.parse().ok()?), TimerPurpose::parse(purpose)?))
    }
}

impl fmt::Debug for TimerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimerId({})", self.0)
    }
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TimerPurpose {
    Retry,
    Wait,
    Expiry,
    /// Time of an attempt that no call limits: a task that a worker has, a run of another workflow.
    Timeout,
    /// A task must be claimed until then.
    Claim,
    /// A claim holds until then; heartbeats move the timer.
    Lease,
    /// Somebody else is asked then to decide an open approval.
    Escalate,
}

impl TimerPurpose {
    const ALL: [Self; 7] = [
        Self::Retry,
        Self::Wait,
        Self::Expiry,
        Self::Timeout,
        Self::Claim,
        Self::Lease,
        Self::Escalate,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Wait => "wait",
            Self::Expiry => "expiry",
            Self::Timeout => "timeout",
            Self::Claim => "claim",
            Self::Lease => "lease",
            Self::Escalate => "escalate",
        }
    }
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// What a call asks. Secrets are not in it: see [`crate::run::secret_marker`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum CallRequest {
    /// One tool with rendered input.
    Tool {
        /// The tool's canonical name.
        tool: String,
        /// Its input.
        parameters: Value,
    },
    /// One model conversation.
    Model(Box<ModelRequest>),
    /// Work for an outside worker: it is offered until one claims it.
    Task(Box<TaskRequest>),
    /// A run of another workflow: its end is the result.
    Run(Box<RunRequest>),
    /// How good an output is, by a scoring model.
    Score(Box<ScoreRequest>),
}

impl CallRequest {
    /// Whether a person may change its input before it is made. What a model is asked is written by its step alone.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self, Self::Tool { .. } | Self::Task(_) | Self::Run(_))
    }

    /// Takes over the fields that a person changed; the others stay as they were prepared.
    pub(crate) fn change(&mut self, changed: &Map<String, Value>) {
        let input = match self {
            Self::Tool { parameters, .. } => parameters,
            Self::Task(task) => &mut task.input,
            Self::Run(run) => &mut run.input,
            Self::Model(_) | Self::Score(_) => return,
        };
        match input {
            Value::Object(fields) => {
                fields.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            _ if changed.is_empty() => {}
            other => *other = Value::Object(changed.clone()),
        }
    }
}

/// How a call is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CallRoute {
    /// The named queue that it goes through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Which calls go first: 10 before 1; 5 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The step sent this message before, and is done again after a fork or a manual retry: a person must approve,
    /// whatever a rule says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<MessageId>,
}

impl CallRoute {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An output that a scoring model looks at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ScoreRequest {
    /// One line: the step's title.
    pub title: String,
    /// What was asked for, with all that it was asked with.
    pub asked: Value,
    /// The output.
    pub output: Value,
    /// With at least this confidence nobody is asked.
    pub threshold: f64,
}

/// What an outside worker is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TaskRequest {
    /// What kind of worker does it.
    pub executor: TaskExecutor,
    /// The name that workers claim it by; empty: any of the kind.
    pub worker: String,
    /// One line: the step's title.
    pub title: String,
    /// What is to be done.
    pub instructions: String,
    /// What it works on.
    pub input: Value,
    /// JSON Schema of the output; null: anything.
    pub output_schema: Value,
    /// How long a claim holds without a heartbeat, in milliseconds.
    pub lease_ms: u64,
    /// What reviewers and checks said about earlier outputs of this step, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<String>,
}

/// A run of another workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RunRequest {
    /// The workflow's id or name.
    pub workflow: String,
    /// Which version; the published one when absent.
    pub version: Option<u32>,
    /// Its input.
    pub input: Value,
    /// The contacts it is about: those of this run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ContactId>,
    /// Shared model context.
    pub thread_id: Option<String>,
}

/// A rendered model conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ModelRequest {
    /// The node's name for it.
    #[serde(default)]
    pub name: String,
    /// Role and behaviour.
    pub system_prompt: String,
    /// The task.
    #[serde(default)]
    pub user_prompt: String,
    /// The model asked for; the area's default when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// 0 to 2.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Longest answer, in tokens.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Whether the output must be JSON.
    #[serde(default)]
    pub json: bool,
    /// JSON Schema of the output; null: any.
    #[serde(default)]
    pub output_schema: Value,
    /// Canonical names of the granted tools.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Shared context.
    #[serde(default)]
    pub thread_id: Option<String>,
    /// What reviewers said about earlier answers of this step, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<String>,
}

/// What the inbox shows for an approval that the run itself asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApprovalRequest {
    /// What kind of decision.
    pub kind: ApprovalKind,
    /// One line.
    pub title: String,
    /// The question or instruction.
    #[serde(default)]
    pub prompt: String,
    /// What is decided about: the output under review, the human node's details.
    #[serde(default)]
    pub subject: Value,
    /// JSON Schema of the answer's form, if there is one.
    #[serde(default)]
    pub form: Value,
    /// After it the approval expires.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// What a scoring model says of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Box<Confidence>>,
}

/// Kinds of approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// A message that would leave.
    Message,
    /// A human node: approve or reject.
    Decision,
    /// A human node: fill a form.
    Answer,
    /// An output under review.
    Review,
    /// Made by the `approval.create` tool about some resource.
    Resource,
    /// A message whose sending was interrupted: did it leave?
    Uncertain,
}

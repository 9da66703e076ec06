//! Commands: what the world tells a run.

use super::{ActivationId, RunOptions, StepError, TimerId, Usage};
use crate::id::{ApprovalId, CallId, ContactId, MessageId, NodeId, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the world tells a run. Commands are not stored; the events they cause are.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin.
    Start {
        /// The input.
        input: Value,
        /// The contacts the run is about.
        contacts: Vec<ContactId>,
        /// Shared model context.
        thread_id: Option<String>,
        /// By whom or what.
        started_by: String,
        /// What it is told beside its input.
        options: Box<RunOptions>,
    },
    /// Do whatever can be done now; sent after a decision that ran into its budget, and on recovery.
    Continue,
    /// A call gave a result.
    CallSucceeded {
        /// The call.
        call: CallId,
        /// The attempt that gave it; results of older attempts are refused as stale.
        attempt: u32,
        /// The output.
        output: Value,
        /// Model cost.
        usage: Option<Usage>,
    },
    /// A call failed.
    CallFailed {
        /// The call.
        call: CallId,
        /// The attempt.
        attempt: u32,
        /// Why.
        error: StepError,
        /// What the server asks to wait before a retry (`Retry-After`), in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// A step need not be done (no consent): the path goes on. Accepted at any attempt.
    CallBypassed {
        /// The call.
        call: CallId,
        /// Why.
        reason: String,
    },
    /// The send gate wants a person's decision before the call goes on.
    CallParked {
        /// The call.
        call: CallId,
        /// The approval.
        approval: ApprovalId,
        /// The message.
        message: Option<MessageId>,
        /// One line for the timeline.
        summary: String,
    },
    /// A message of a call moved on without ending the call (held, sending, uncertain).
    MessageMoved {
        /// The call.
        call: CallId,
        /// The message.
        message: MessageId,
        /// Its new state.
        state: String,
        /// One line for the timeline.
        detail: String,
        /// When something happens next.
        until: Option<DateTime<Utc>>,
    },
    /// A worker took a task.
    ClaimTask {
        /// The task's call.
        call: CallId,
        /// The attempt.
        attempt: u32,
        /// The worker, as people read it.
        worker: String,
        /// Until when the claim holds without a heartbeat.
        lease_until: DateTime<Utc>,
    },
    /// A worker gave a task back undone.
    ReleaseTask {
        /// The task's call.
        call: CallId,
        /// The attempt.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// The run that a call asks for has begun.
    ChildStarted {
        /// The call.
        call: CallId,
        /// The attempt.
        attempt: u32,
        /// The run that began.
        run: RunId,
    },
    /// Something happened to a message of this run. Only the first of each kind is recorded.
    Signal {
        /// The message.
        message: MessageId,
        /// What: one of [`SIGNALS`](super::SIGNALS).
        signal: String,
        /// Its particulars.
        payload: Value,
    },
    /// It is the run's turn among those of its key.
    GrantSlot,
    /// A run that failed or was stopped goes on: what had failed, or was cut off, is done again.
    Reopen {
        /// By whom.
        by: String,
        /// The step that is meant; refused when it is not among those that are done again.
        from: Option<NodeId>,
    },
    /// A timer is due.
    TimerFired {
        /// Which.
        timer: TimerId,
    },
    /// An approval was decided.
    DecideApproval {
        /// Which.
        approval: ApprovalId,
        /// How.
        decision: Decision,
        /// By whom.
        by: String,
    },
    /// Something happened outside: a reply, a custom event.
    OutsideEvent {
        /// Its name, such as `reply`.
        name: String,
        /// Its particulars.
        payload: Value,
        /// Its identity: one event ends no two waits that come after one another. Look-back needs it.
        id: Option<String>,
    },
    /// Suspend.
    Pause {
        /// By whom.
        by: String,
    },
    /// Lift the suspension, or let a blocked activation try again.
    Resume {
        /// By whom.
        by: String,
    },
    /// End it.
    Stop {
        /// Why.
        reason: String,
        /// By whom.
        by: String,
        /// The run that takes its place.
        replaced_by: Option<RunId>,
    },
    /// The engine found that the run cannot go on by itself (poison, unreadable state).
    Block {
        /// What happened and what to do.
        reason: String,
        /// The activation, if one is to blame.
        activation: Option<ActivationId>,
    },
}

impl Command {
    /// What it is, in one word, for logs and traces: `call_succeeded`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Continue => "continue",
            Self::CallSucceeded { .. } => "call_succeeded",
            Self::CallFailed { .. } => "call_failed",
            Self::CallBypassed { .. } => "call_bypassed",
            Self::CallParked { .. } => "call_parked",
            Self::MessageMoved { .. } => "message_moved",
            Self::ClaimTask { .. } => "claim_task",
            Self::ReleaseTask { .. } => "release_task",
            Self::ChildStarted { .. } => "child_started",
            Self::Signal { .. } => "signal",
            Self::GrantSlot { .. } => "grant_slot",
            Self::Reopen { .. } => "reopen",
            Self::TimerFired { .. } => "timer_fired",
            Self::DecideApproval { .. } => "decide_approval",
            Self::OutsideEvent { .. } => "outside_event",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::Stop { .. } => "stop",
            Self::Block { .. } => "block",
        }
    }
}

/// What was decided about an approval. In JSON: `{"decision": "approve", …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// Let it pass, with the answer or what was changed where there is something.
    Approve {
        /// A form's answer, a reviewed and changed output, or the fields of a prepared call that are different. Null:
        /// as it was.
        #[serde(default)]
        answer: Value,
    },
    /// Do not.
    Reject {
        /// Why.
        #[serde(default)]
        reason: String,
        /// An output under review is made again, with the reason as feedback.
        #[serde(default)]
        retry: bool,
    },
    /// Nobody decided in time.
    Expire,
}

/// Why a command was not accepted. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// The run has ended.
    #[error("the run has ended")]
    Ended,
    /// The run was started already.
    #[error("the run was started already")]
    AlreadyStarted,
    /// The run was not started.
    #[error("the run was not started")]
    NotStarted,
    /// The run is paused already.
    #[error("the run is paused already")]
    AlreadyPaused,
    /// There is nothing to resume.
    #[error("the run is neither paused nor blocked")]
    NotPaused,
    /// Resuming does not help: another run must take its place.
    #[error("resuming does not help: the run must be replaced")]
    MustBeReplaced,
    /// There is nothing to do again.
    #[error("only a run that failed or was stopped can be retried, and only once it has ended")]
    NotFailed,
    /// The step is over and stays so.
    #[error(
        "the step {node} neither failed nor was cut off, so a retry does not begin there: choose one that did, or \
         fork the run"
    )]
    NotBegunAnew {
        /// The step.
        node: NodeId,
    },
    /// It ended before its first step, and would again.
    #[error(
        "the run ended before its first step, because what it starts with could not be computed: start another run, or \
         fork it at its first event with another input"
    )]
    NeverBegan,
    /// What was changed about a prepared call cannot be taken over.
    #[error("{why}")]
    Unchangeable {
        /// What can be done instead.
        why: String,
    },
    /// Nothing new starts while it is paused, blocked or failing.
    #[error("the run is on hold: nothing new starts before it goes on")]
    OnHold,
    /// Another worker has the task.
    #[error("another worker has the task")]
    Claimed,
    /// Nobody has the task, or not any more.
    #[error("the task is not claimed, or not any more; claim it again")]
    NotClaimed,
    /// The result belongs to an older attempt, or to a call that has ended.
    #[error("the result is of an older attempt or an ended call")]
    Stale,
    /// No such call, timer or approval is open in this run.
    #[error("{what} is not open in this run")]
    Unknown {
        /// What was named.
        what: String,
    },
}

//! Events: immutable facts about a run, numbered 1, 2, 3 … within it.
//!
//! Versioned: a field is only ever added, with a default. Golden journals of every version must
//! fold to the same state for ever.

mod parts;
mod subject;

pub use parts::{Again, Edges, EscalationDue, Slot, StartAnew};
pub use subject::activation_of;

use super::{
    ActivationId, CallRequest, CallRoute, Confidence, Decision, FrameId, NotifyChannel, RunEnd,
    RunOptions, StepError, TimerId, Usage,
};
use crate::id::{ApprovalId, CallId, ContactId, MessageId, NodeId, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The version of the event schema that this code writes.
pub const EVENT_VERSION: u16 = 1;

/// One fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// 1, 2, 3 … without a gap within the run.
    pub seq: u64,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened. In JSON: `{"type": "node_completed", …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// The first event of every run.
    RunStarted {
        /// The input, as it was given.
        input: Value,
        /// The contacts the run is about.
        #[serde(default)]
        contacts: Vec<ContactId>,
        /// Shared model context, if any.
        #[serde(default)]
        thread_id: Option<String>,
        /// The workflow's variables, rendered.
        #[serde(default)]
        variables: Map<String, Value>,
        /// By whom or what: `manual`, `webhook`, `api`, `cli`, a person's name.
        #[serde(default)]
        started_by: String,
        /// The run begins when fewer than so many others of the key are on their way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// What it was told beside its input.
        #[serde(default, skip_serializing_if = "is_silent")]
        options: Box<RunOptions>,
    },
    /// It is the run's turn among those of its key.
    SlotGranted {},
    /// An activation exists and begins: its incoming edges allowed it.
    NodeStarted {
        /// Dense number within the run.
        activation: ActivationId,
        /// The node.
        node: NodeId,
        /// The frame it runs in.
        frame: FrameId,
    },
    /// The outside world is asked to do something; written before it is asked.
    CallRequested {
        /// For whom.
        activation: ActivationId,
        /// 1 for the first try.
        attempt: u32,
        /// Stable over all attempts of this activation.
        call: CallId,
        /// What is asked.
        request: CallRequest,
        /// Working time of the attempt, in milliseconds. For a run of another workflow: all of its time, from its beginning.
        #[serde(default)]
        timeout_ms: Option<u64>,
        /// Through which queue it goes, and whether it repeats a message.
        #[serde(default, skip_serializing_if = "CallRoute::is_default")]
        route: CallRoute,
        /// Until when a task must be claimed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim_until: Option<DateTime<Utc>>,
        /// What the output that is scored cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// A worker took a task.
    TaskClaimed {
        /// Whose.
        activation: ActivationId,
        /// The task's call.
        call: CallId,
        /// The worker, as people read it.
        worker: String,
        /// Until when the claim holds without a heartbeat.
        lease_until: DateTime<Utc>,
        /// When the attempt has worked long enough.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_at: Option<DateTime<Utc>>,
    },
    /// A task is free again: its worker gave it back, or was not heard of in time.
    TaskReleased {
        /// Whose.
        activation: ActivationId,
        /// The task's call.
        call: CallId,
        /// Why, for people.
        #[serde(default)]
        reason: String,
        /// The worker was not heard of.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lost: bool,
        /// Until when it must be claimed again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim_until: Option<DateTime<Utc>>,
    },
    /// The run of another workflow that a step asked for has begun. Told where the step has a time limit: it counts from
    /// here.
    ChildStarted {
        /// Whose.
        activation: ActivationId,
        /// The step's call.
        call: CallId,
        /// The run that began.
        run: RunId,
        /// When the attempt has waited long enough for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_at: Option<DateTime<Utc>>,
    },
    /// A scoring model looked at an output.
    Scored {
        /// Whose.
        activation: ActivationId,
        /// What it says.
        confidence: Confidence,
    },
    /// A model was paid for something that is not the step's output, or not yet: it is reviewed or scored first, or it
    /// cannot be used. It counts whatever becomes of it.
    Spent {
        /// For whom.
        activation: ActivationId,
        /// What it cost.
        usage: Usage,
    },
    /// Something happened to a message of this run: it was opened, answered, bounced.
    SignalReceived {
        /// Whose message.
        activation: ActivationId,
        /// The message.
        message: MessageId,
        /// What happened: `reply`, `open`, `click`, `bounce` …
        signal: String,
        /// Its particulars.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        payload: Value,
    },
    /// An attempt failed and another one follows.
    AttemptFailed {
        /// Whose.
        activation: ActivationId,
        /// Which.
        attempt: u32,
        /// Why.
        error: StepError,
        /// When the next one starts.
        retry_at: DateTime<Utc>,
        /// The timer of the next one.
        timer: TimerId,
    },
    /// The activation ended well.
    NodeCompleted {
        /// Which.
        activation: ActivationId,
        /// The port that was taken.
        port: String,
        /// What it gave. Null for a loop node: its `{count, results}` adds up from its turns.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// What it cost, if a model was used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        /// That was counted before: see [`EventBody::Spent`].
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        counted: bool,
        /// What became of the edges out of it.
        #[serde(default, skip_serializing_if = "Edges::is_empty")]
        edges: Edges,
        /// True for a node that only chose a way: its output is not the "last output".
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        logic: bool,
        /// The run's outcome, when this is an end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
        /// The outside event that ended a wait: its id (empty when it had none). It ends no later wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<String>,
    },
    /// The node was not run; its edges die.
    NodeSkipped {
        /// Which activation.
        activation: ActivationId,
        /// The node.
        node: NodeId,
        /// The frame.
        frame: FrameId,
        /// Why, for people.
        reason: String,
        /// What became of the edges out of it.
        #[serde(default, skip_serializing_if = "Edges::is_empty")]
        edges: Edges,
        /// The error that was passed over, when a failure was the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// The call that is not wanted any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cancelled: Option<CallId>,
    },
    /// The step did not do its work and the path goes on with output null.
    NodeBypassed {
        /// Which activation.
        activation: ActivationId,
        /// The port that was taken.
        port: String,
        /// Why, for people.
        reason: String,
        /// What became of the edges out of it.
        #[serde(default, skip_serializing_if = "Edges::is_empty")]
        edges: Edges,
        /// The error that was passed over, when a failure was the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// The activation failed for good.
    NodeFailed {
        /// Which.
        activation: ActivationId,
        /// Why.
        error: StepError,
        /// `error` when that port is connected and taken.
        #[serde(default)]
        port: Option<String>,
        /// What became of the edges out of it.
        #[serde(default, skip_serializing_if = "Edges::is_empty")]
        edges: Edges,
        /// The call that is not wanted any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cancelled: Option<CallId>,
    },
    /// The activation waits for a time or an event.
    WaitStarted {
        /// Which.
        activation: ActivationId,
        /// The timer that ends it, if any.
        #[serde(default)]
        timer: Option<TimerId>,
        /// When that timer is due.
        #[serde(default)]
        due_at: Option<DateTime<Utc>>,
        /// The event that ends it, if any.
        #[serde(default)]
        event: Option<String>,
        /// Further events, each of which ends it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        more: Vec<String>,
        /// The port that is taken when the timer is first. Absent: what the wait's kind says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_port: Option<String>,
    },
    /// The activation waits for a person.
    ApprovalRequested {
        /// Which.
        activation: ActivationId,
        /// The approval in the inbox.
        approval: ApprovalId,
        /// What the inbox shows, when the run itself asks (a human node, an approval after).
        /// Absent when the send gate asked and keeps the particulars with the message.
        #[serde(default)]
        request: Option<Box<super::ApprovalRequest>>,
        /// The message that waits, if it is one.
        #[serde(default)]
        message: Option<MessageId>,
        /// One line for the timeline.
        #[serde(default)]
        summary: String,
        /// The call that was prepared and is made when it is approved (approval before).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prepared: Option<CallRequest>,
        /// What the output under review cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        /// Whom to ask when nobody decides in time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalation: Option<Box<EscalationDue>>,
    },
    /// Somebody was to be told of an open approval. Written whether or not there is such a way to tell people, so
    /// that nobody takes silence for an answer.
    Notified {
        /// Which activation.
        activation: ActivationId,
        /// The approval.
        approval: ApprovalId,
        /// How.
        channel: NotifyChannel,
        /// Whom; absent: whoever decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// Whether it is where they see it. False: there is no such way yet, and nobody was told by it.
        reached: bool,
    },
    /// Nobody decided in time: somebody else is asked.
    ApprovalEscalated {
        /// Which activation.
        activation: ActivationId,
        /// The approval.
        approval: ApprovalId,
        /// Whom: a member or an address.
        to: String,
    },
    /// A person (or a rule, or the clock) decided.
    ApprovalDecided {
        /// Which activation.
        activation: ActivationId,
        /// The approval.
        approval: ApprovalId,
        /// What was decided.
        decision: Decision,
        /// Who, as people read it.
        by: String,
    },
    /// A message of this activation moved on: `held`, `sending`, `sent`, `uncertain`, `recalled`, `scheduled`.
    MessageMoved {
        /// Which activation.
        activation: ActivationId,
        /// The message.
        message: MessageId,
        /// The message's new state.
        state: String,
        /// One line for the timeline.
        #[serde(default)]
        detail: String,
        /// When something happens next, if known.
        #[serde(default)]
        until: Option<DateTime<Utc>>,
    },
    /// Variables of the run changed.
    VariablesSet {
        /// By whom.
        activation: ActivationId,
        /// Names and new values.
        values: Map<String, Value>,
        /// Names whose values must not be shown.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        secure: Vec<String>,
    },
    /// A loop node has its list; its turns follow.
    LoopStarted {
        /// The loop node's activation.
        activation: ActivationId,
        /// The items. Turns do not repeat them: see [`EventBody::FrameStarted`].
        items: Vec<Value>,
    },
    /// A turn of a region began.
    FrameStarted {
        /// The new frame.
        frame: FrameId,
        /// The frame around it.
        parent: FrameId,
        /// The region's header.
        header: NodeId,
        /// The header's activation in the parent, for a for-each region.
        #[serde(default)]
        owner: Option<ActivationId>,
        /// The turn, from 0.
        index: u32,
        /// The item, for a for-each region. Null: the item of this index in `LoopStarted`.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        item: Value,
        /// What became of the edges from a loop node into this turn.
        #[serde(default, skip_serializing_if = "Edges::is_empty")]
        edges: Edges,
    },
    /// A turn ended: nothing in it is alive.
    FrameEnded {
        /// Which.
        frame: FrameId,
        /// The edges out of the region that this turn took; with any, the region takes no new turn.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exits: Vec<String>,
    },
    /// All turns of a region ended; its exit edges are decided.
    RegionEnded {
        /// The frame around it.
        parent: FrameId,
        /// The region's header.
        header: NodeId,
        /// Turns taken.
        turns: u32,
        /// What became of the edges out of the region.
        #[serde(default, skip_serializing_if = "Edges::is_empty")]
        edges: Edges,
    },
    /// Something became of a message after it had left: the contact opened it, answered it, it bounced.
    MessageHeard {
        /// The node that sent it.
        node: NodeId,
        /// What: `replied`, `opened`, as in [`crate::run::heard`].
        what: String,
    },
    /// A person suspended the run.
    Paused {
        /// Who.
        by: String,
    },
    /// A person lifted the suspension.
    Resumed {
        /// Who.
        by: String,
    },
    /// The run needs an intervention.
    Blocked {
        /// What happened and what to do.
        reason: String,
        /// The activation that blocks, if one does.
        #[serde(default)]
        activation: Option<ActivationId>,
        /// The failure behind it, if one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// Only another run in its place helps.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        replan: bool,
    },
    /// A person let the blocked activation try again.
    Unblocked {
        /// Who.
        by: String,
        /// The activation.
        #[serde(default)]
        activation: Option<ActivationId>,
    },
    /// A run that had failed or was stopped goes on: what had failed is done again.
    RunReopened {
        /// Who.
        by: String,
        /// What is begun anew.
        again: Vec<Again>,
        /// Messages that left or may have left from what is begun anew, by place: `0/each[3]/send`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sent: BTreeMap<String, MessageId>,
        /// It was paused when it ended, and goes on all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    },
    /// The run is a fork: the events before this one are another run's.
    Forked {
        /// That run.
        from: RunId,
        /// Its last event that counts.
        up_to: u64,
        /// Who.
        by: String,
        /// The input from here on, if it was changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Value>,
        /// Variables that were changed.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        variables: Map<String, Value>,
        /// Names among them whose values must not be shown.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        secure: Vec<String>,
        /// What the start had computed and is another thing now. Absent: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anew: Option<Box<StartAnew>>,
        /// The version of the other run at that event, and the one from here on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        versions: Option<(u32, u32)>,
        /// What is begun anew.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<Again>,
        /// What became of edges that the version has and the past did not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<(FrameId, Edges)>,
        /// Messages that the other run sent after that event, by place.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        sent: BTreeMap<String, MessageId>,
    },
    /// The run goes on in another version of its workflow.
    Migrated {
        /// The version until now.
        from: u32,
        /// The version from now on.
        to: u32,
        /// Who.
        by: String,
        /// What became of edges that the version has and the past did not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<(FrameId, Edges)>,
    },
    /// The last event of every run but those of late messages and those that are reopened.
    RunEnded {
        /// How.
        end: RunEnd,
    },
}

// The form that serde asks for.
#[allow(clippy::borrowed_box)]
fn is_silent(options: &Box<RunOptions>) -> bool {
    options.is_default()
}

impl EventBody {
    /// The event's type, as in its JSON: `node_completed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::NodeStarted { .. } => "node_started",
            Self::CallRequested { .. } => "call_requested",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::NodeCompleted { .. } => "node_completed",
            Self::NodeSkipped { .. } => "node_skipped",
            Self::NodeBypassed { .. } => "node_bypassed",
            Self::NodeFailed { .. } => "node_failed",
            Self::WaitStarted { .. } => "wait_started",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::ApprovalDecided { .. } => "approval_decided",
            Self::Notified { .. } => "notified",
            Self::ApprovalEscalated { .. } => "approval_escalated",
            Self::MessageMoved { .. } => "message_moved",
            Self::VariablesSet { .. } => "variables_set",
            Self::LoopStarted { .. } => "loop_started",
            Self::FrameStarted { .. } => "frame_started",
            Self::FrameEnded { .. } => "frame_ended",
            Self::RegionEnded { .. } => "region_ended",
            Self::MessageHeard { .. } => "message_heard",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Blocked { .. } => "blocked",
            Self::Unblocked { .. } => "unblocked",
            Self::SlotGranted {} => "slot_granted",
            Self::TaskClaimed { .. } => "task_claimed",
            Self::TaskReleased { .. } => "task_released",
            Self::ChildStarted { .. } => "child_started",
            Self::Scored { .. } => "scored",
            Self::Spent { .. } => "spent",
            Self::SignalReceived { .. } => "signal_received",
            Self::RunReopened { .. } => "run_reopened",
            Self::Forked { .. } => "forked",
            Self::Migrated { .. } => "migrated",
            Self::RunEnded { .. } => "run_ended",
        }
    }
}

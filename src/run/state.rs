//! A run's state: what its events add up to.

use super::{
    CallRequest, CallRoute, Confidence, RunEnd, RunOptions, Slot, StepError, TimerId, Usage,
};
use crate::event_type::canonical;
use crate::id::{ApprovalId, CallId, ContactId, MessageId, NodeId, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Number of an activation within its run, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ActivationId(pub u32);

/// Number of a frame within its run; 0 is the root.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct FrameId(pub u32);

/// The state of a run. Serialised as its checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Which run.
    pub run: RunId,
    /// The number of the last event that was applied; 0 before the first.
    pub seq: u64,
    /// What it was started with.
    pub input: Value,
    /// The contacts it is about.
    pub contacts: Vec<ContactId>,
    /// Shared model context.
    pub thread_id: Option<String>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// Its variables.
    pub variables: Map<String, Value>,
    /// Its frames; the root is there from the start.
    pub frames: BTreeMap<FrameId, Frame>,
    /// Its activations.
    pub activations: BTreeMap<ActivationId, Activation>,
    /// Suspended by a person.
    pub paused: bool,
    /// Needs an intervention, and why.
    pub blocked: Option<String>,
    /// A failure that ends the run when what is running is done.
    pub failing: Option<(Option<NodeId>, StepError)>,
    /// The first end that was reached: outcome and output.
    pub outcome: Option<(String, Value)>,
    /// How it ended.
    pub end: Option<RunEnd>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Model use so far.
    pub usage: Usage,
    /// By whom or what it was started.
    #[serde(default)]
    pub started_by: String,
    /// The activations that are not over.
    #[serde(default)]
    pub alive: BTreeSet<ActivationId>,
    /// How many of them work right now.
    #[serde(default)]
    pub running: u32,
    /// Blocked as a whole (a limit, the engine): nothing new starts before someone intervenes.
    #[serde(default)]
    pub halted: bool,
    /// The number of the latest activation; older ones may have been forgotten.
    #[serde(default)]
    pub activation_last: u32,
    /// The number of the latest frame; older ones may have been forgotten.
    #[serde(default)]
    pub frame_last: u32,
    /// How often each node ended in which way, over all turns, forgotten ones included.
    #[serde(default)]
    pub tallies: BTreeMap<NodeId, Tally>,
    /// Outside events that ended a wait; they end no later one.
    #[serde(default)]
    pub consumed: BTreeSet<String>,
    /// Interventions that let the run go past its limits once more.
    #[serde(default)]
    pub grants: u32,
    /// Its place among the runs of its key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub slot: Option<Slot>,
    /// It waits for its turn among them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub awaits_slot: bool,
    /// Messages that left before a fork or a manual retry, by place (`0/each[3]/send`): what is sent there again
    /// repeats them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sent_before: BTreeMap<String, MessageId>,
    /// Working time until `worked_until`, in milliseconds: waiting and pauses do not count.
    #[serde(default)]
    pub working_ms: u64,
    /// The time of the last event.
    #[serde(default)]
    pub worked_until: Option<DateTime<Utc>>,
    /// What became of each node's messages after they had left.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub heard: BTreeMap<NodeId, BTreeSet<String>>,
    /// What it was told beside its input.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: RunOptions,
    /// Variables whose values are not shown.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hidden: BTreeSet<String>,
}

/// How often a node ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Tally {
    pub completed: u32,
    pub bypassed: u32,
    pub failed: u32,
    pub skipped: u32,
}

/// One pass through the root region or one turn of a loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The frame around it; none for the root.
    pub parent: Option<FrameId>,
    /// The region's header; none for the root.
    pub header: Option<NodeId>,
    /// The header's activation, for a for-each region.
    pub owner: Option<ActivationId>,
    /// The turn, from 0.
    pub index: u32,
    /// The item of a for-each turn.
    pub item: Value,
    /// Nothing in it is alive.
    pub ended: bool,
    /// The latest activation of each node in this frame.
    pub latest: BTreeMap<NodeId, ActivationId>,
    /// What became of the edges, by edge id; absent is undecided.
    pub edges: BTreeMap<String, EdgeState>,
    /// The activation whose output is the last one of this frame.
    #[serde(default)]
    pub last: Option<ActivationId>,
    /// Activations and turns in it that are not over.
    #[serde(default)]
    pub alive: u32,
    /// The loops that ran or run in it, by header.
    #[serde(default)]
    pub regions: BTreeMap<NodeId, RegionState>,
}

/// A loop within a frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegionState {
    /// The loop node's activation, for a for-each region.
    pub owner: Option<ActivationId>,
    /// The items whose turns have not begun keep their place; the others are null.
    pub items: Vec<Value>,
    /// Turns that began.
    pub turns: u32,
    /// Turns that are not over.
    pub live: u32,
    /// The turn that ended last; older ones are forgotten.
    pub last: Option<FrameId>,
    /// The last output of each turn that ended, for a for-each region, by index.
    pub results: Vec<Value>,
    /// Edges out of the region that turns took.
    pub exits: BTreeSet<String>,
    /// All turns are over and the edges out of it are decided.
    pub ended: bool,
}

impl RegionState {
    /// What its loop gives: the last outputs of its turns, in item order.
    pub fn output(&self) -> Value {
        json!({"count": self.results.len(), "results": self.results})
    }
}

/// What became of an edge in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeState {
    /// Its port was chosen and its condition holds.
    Taken,
    /// It will never be taken in this frame.
    Dead,
}

/// One node being executed in one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// The node.
    pub node: NodeId,
    /// The frame.
    pub frame: FrameId,
    /// Where it is.
    pub state: ActivationState,
    /// Tries so far.
    pub attempt: u32,
    /// Its call, if it made one.
    pub call: Option<CallId>,
    /// The approval it waits for, or waited for last.
    pub approval: Option<ApprovalId>,
    /// Its message, if it sends one, and that message's state.
    pub message: Option<(MessageId, String)>,
    /// The timer it waits for.
    pub timer: Option<(TimerId, DateTime<Utc>)>,
    /// The outside event it waits for.
    pub awaited_event: Option<String>,
    /// Further outside events it waits for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub awaited_more: Vec<String>,
    /// The port that its timer takes, when the wait's kind does not say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub due_port: Option<String>,
    /// When the worker that has its task has worked long enough, or the run that it waits for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deadline: Option<(TimerId, DateTime<Utc>)>,
    /// When somebody else is asked to decide, and who.
    #[serde(default, skip_serializing_if = "is_default")]
    pub escalation: Option<(TimerId, DateTime<Utc>, String)>,
    /// The worker that has its task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub worker: Option<String>,
    /// Workers that were not heard of, in this attempt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lost: u32,
    /// What happened to its message: `reply`, `open` …
    #[serde(default, skip_serializing_if = "is_default")]
    pub signals: BTreeSet<String>,
    /// What a scoring model says of the output under review.
    #[serde(default, skip_serializing_if = "is_default")]
    pub confidence: Option<Confidence>,
    /// Only another run in this one's place helps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replan: bool,
    /// Working time so far, in milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub working_ms: u64,
    /// The port it left through.
    pub port: Option<String>,
    /// What it gave.
    pub output: Value,
    /// Why it failed, was skipped or bypassed.
    pub error: Option<StepError>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What its open call asks; forgotten when the activation is over.
    #[serde(default)]
    pub request: Option<CallRequest>,
    /// Working time of one attempt, in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// How its open call is made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub route: CallRoute,
    /// What its open approval is about.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// Calls it made, attempts of one call counted once: a try that a person asked for is a new call.
    #[serde(default)]
    pub round: u32,
    /// What reviewers said about earlier outputs, oldest first.
    #[serde(default)]
    pub feedback: Vec<String>,
    /// What the output under review cost.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// The cost of its output is counted already.
    #[serde(default, skip_serializing_if = "is_default")]
    pub counted: bool,
    /// When its message moves on by itself.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Since when it is where it is.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

/// What an open approval is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// The prepared call (approval before).
    Before,
    /// The output (approval after).
    Review,
    /// A human node.
    Human,
    /// The send gate asks and keeps the particulars.
    Gate,
}

/// Where an activation is (design.md 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ActivationState {
    Pending,
    Ready,
    Running,
    AwaitingHuman,
    Waiting,
    Completed,
    Partial,
    Bypassed,
    Blocked,
    Failed,
    Skipped,
}

impl ActivationState {
    /// Whether it is over.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Partial | Self::Bypassed | Self::Failed | Self::Skipped
        )
    }
}

/// What says nothing is not written: states of long runs have many activations.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Activation {
    /// Whether it waits for outside events of this name.
    pub fn awaits(&self, event: &str) -> bool {
        let event = canonical(event);
        self.state == ActivationState::Waiting
            && self.awaited().any(|name| canonical(name) == event)
    }

    /// The outside events it waits for.
    pub fn awaited(&self) -> impl Iterator<Item = &str> {
        self.awaited_event.iter().chain(&self.awaited_more).map(String::as_str)
    }
}

impl RunState {
    /// The state before the first event.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            seq: 0,
            input: Value::Null,
            contacts: Vec::new(),
            thread_id: None,
            started_at: None,
            variables: Map::new(),
            frames: BTreeMap::from([(FrameId(0), Frame::default())]),
            activations: BTreeMap::new(),
            paused: false,
            blocked: None,
            failing: None,
            outcome: None,
            end: None,
            ended_at: None,
            usage: Usage::default(),
            started_by: String::new(),
            alive: BTreeSet::new(),
            running: 0,
            halted: false,
            activation_last: 0,
            frame_last: 0,
            tallies: BTreeMap::new(),
            consumed: BTreeSet::new(),
            grants: 0,
            slot: None,
            awaits_slot: false,
            sent_before: BTreeMap::new(),
            working_ms: 0,
            worked_until: None,
            heard: BTreeMap::new(),
            options: RunOptions::default(),
            hidden: BTreeSet::new(),
        }
    }

    /// The activations that are not over.
    pub fn living(&self) -> impl Iterator<Item = (ActivationId, &Activation)> {
        self.alive.iter().filter_map(|id| Some((*id, self.activations.get(id)?)))
    }

    /// Whether all turns of a loop node's activation are over, so that only its own end is missing.
    pub fn turns_are_over(&self, id: ActivationId) -> bool {
        let region = self.activations.get(&id).and_then(|activation| {
            self.frames.get(&activation.frame)?.regions.get(&activation.node)
        });
        region.is_some_and(|region| region.ended && region.owner == Some(id))
    }

    /// The living activation that makes or made this call.
    pub fn activation_of_call(&self, call: CallId) -> Option<ActivationId> {
        self.living().find(|(_, a)| a.call == Some(call)).map(|(id, _)| id)
    }

    /// The activation that sent this message, living or not.
    pub fn activation_of_message(&self, message: MessageId) -> Option<ActivationId> {
        let sent = |a: &Activation| a.message.as_ref().is_some_and(|(known, _)| *known == message);
        self.activations.iter().find(|(_, a)| sent(a)).map(|(id, _)| *id)
    }

    /// The living activation that waits for this approval.
    pub fn activation_of_approval(&self, approval: ApprovalId) -> Option<ActivationId> {
        let waits = |a: &Activation| {
            a.approval == Some(approval) && a.state == ActivationState::AwaitingHuman
        };
        self.living().find(|(_, a)| waits(a)).map(|(id, _)| id)
    }
}

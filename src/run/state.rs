//! A run's state: what its events add up to.

use super::{RunEnd, StepError, TimerId, Usage};
use crate::id::{ApprovalId, CallId, ContactId, MessageId, NodeId, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Number of an activation within its run, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivationId(pub u32);

/// Number of a frame within its run; 0 is the root.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
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

/// A run's status at the API (design.md 5). In JSON: `{"type":"StandBy","next_execution_at":…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RunStatus {
    /// A person must approve the run's start.
    PendingReview,
    /// Waiting for a time, or (null) for an outside event.
    StandBy {
        /// The next time something happens.
        next_execution_at: Option<DateTime<Utc>>,
    },
    /// Work is going on or due now.
    Executing,
    /// Nothing can go on before a person decides.
    AwaitingInput,
    /// Needs an intervention.
    Blocked {
        /// What happened and what to do.
        reason: String,
    },
    /// A person suspended it.
    Paused,
    /// Done.
    Completed {
        /// When.
        completed_at: DateTime<Utc>,
        /// With what outcome.
        outcome: String,
    },
    /// Failed.
    Failed {
        /// Why.
        error_message: String,
    },
    /// A person or a replacement ended it.
    Stopped {
        /// Why.
        reason: String,
        /// The run that replaced it.
        replaced_by: Option<RunId>,
    },
}

/// The status without its particulars; the word in lists, filters and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RunPhase {
    PendingReview,
    StandBy,
    Executing,
    AwaitingInput,
    Blocked,
    Paused,
    Completed,
    Failed,
    Stopped,
}

impl RunPhase {
    /// All phases, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::PendingReview,
        Self::StandBy,
        Self::Executing,
        Self::AwaitingInput,
        Self::Blocked,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Stopped,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingReview => "PendingReview",
            Self::StandBy => "StandBy",
            Self::Executing => "Executing",
            Self::AwaitingInput => "AwaitingInput",
            Self::Blocked => "Blocked",
            Self::Paused => "Paused",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }

    /// The phase of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }

    /// Whether the run is over.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

impl RunStatus {
    /// The status without its particulars.
    pub fn phase(&self) -> RunPhase {
        match self {
            Self::PendingReview => RunPhase::PendingReview,
            Self::StandBy { .. } => RunPhase::StandBy,
            Self::Executing => RunPhase::Executing,
            Self::AwaitingInput => RunPhase::AwaitingInput,
            Self::Blocked { .. } => RunPhase::Blocked,
            Self::Paused => RunPhase::Paused,
            Self::Completed { .. } => RunPhase::Completed,
            Self::Failed { .. } => RunPhase::Failed,
            Self::Stopped { .. } => RunPhase::Stopped,
        }
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
        }
    }

    /// The status at the API. With parallel branches the first that holds counts: Paused, Blocked,
    /// Executing, AwaitingInput, StandBy.
    pub fn status(&self) -> RunStatus {
        match (&self.end, self.ended_at) {
            (Some(RunEnd::Completed { outcome, .. }), Some(completed_at)) => {
                return RunStatus::Completed { completed_at, outcome: outcome.clone() };
            }
            (Some(RunEnd::Failed { error, .. }), _) => {
                return RunStatus::Failed { error_message: error.message.clone() };
            }
            (Some(RunEnd::Stopped { reason, .. }), _) => {
                return RunStatus::Stopped { reason: reason.clone(), replaced_by: None };
            }
            _ => {}
        }
        if self.paused {
            return RunStatus::Paused;
        }
        if let Some(reason) = &self.blocked {
            return RunStatus::Blocked { reason: reason.clone() };
        }
        let alive = || self.activations.values().filter(|a| !a.state.is_terminal());
        let is = |state: ActivationState| alive().any(|a| a.state == state);
        if is(ActivationState::Running) || is(ActivationState::Ready) || alive().next().is_none() {
            return RunStatus::Executing;
        }
        if is(ActivationState::AwaitingHuman) {
            return RunStatus::AwaitingInput;
        }
        let due = alive().filter_map(|a| a.timer.as_ref().map(|(_, at)| *at)).min();
        RunStatus::StandBy { next_execution_at: due }
    }
}

//! A run's status: what lists, filters and the API say about a state.

use super::{ActivationState, RunEnd, RunState};
use crate::id::RunId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A run's status at the API (design.md 5). In JSON: `{"type":"StandBy","next_execution_at":…}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
            (Some(RunEnd::Stopped { reason, replaced_by, .. }), _) => {
                return RunStatus::Stopped { reason: reason.clone(), replaced_by: *replaced_by };
            }
            _ => {}
        }
        if self.paused {
            return RunStatus::Paused;
        }
        if let Some(reason) = &self.blocked {
            return RunStatus::Blocked { reason: reason.clone() };
        }
        if self.awaits_slot {
            return RunStatus::StandBy { next_execution_at: None };
        }
        let is_offered = || self.living().any(|(_, a)| a.state == ActivationState::Ready);
        if self.running > 0 || self.alive.is_empty() || is_offered() {
            return RunStatus::Executing;
        }
        if self.living().any(|(_, a)| a.state == ActivationState::AwaitingHuman) {
            return RunStatus::AwaitingInput;
        }
        let timers = self.living().filter_map(|(_, a)| a.timer.as_ref().map(|(_, at)| *at));
        let moves = self.living().filter_map(|(_, a)| a.until);
        RunStatus::StandBy { next_execution_at: timers.chain(moves).min() }
    }
}

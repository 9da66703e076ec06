//! Frames of the live stream `/api/live`.

use super::{ApprovalView, RunView};
use crate::id::{ApprovalId, RunId};
use crate::run::{Event, RunStatus};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveClient {
    /// Follow the organisation; `after` is the last feed number that was seen.
    Follow {
        /// Absent: from now on.
        #[serde(default)]
        after: Option<u64>,
    },
    /// Follow a run from after this event number.
    FollowRun {
        /// The run.
        run: RunId,
        /// The last event that was seen.
        after: u64,
    },
    /// Stop following a run.
    UnfollowRun {
        /// The run.
        run: RunId,
    },
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type")]
pub enum LiveServer {
    /// The first frame.
    #[serde(rename = "hello")]
    Hello {
        /// The feed's number now.
        cursor: u64,
    },
    /// A run was started.
    #[serde(rename = "plan.created")]
    PlanCreated {
        /// The feed's number.
        cursor: u64,
        /// The run.
        run: Box<RunView>,
    },
    /// A run's status changed.
    #[serde(rename = "plan.state.changed")]
    PlanStateChanged {
        /// The feed's number.
        cursor: u64,
        /// The run.
        run: RunId,
        /// Its status.
        status: RunStatus,
        /// Its last event.
        seq: u64,
        /// The title of the step it is at, or its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// When something happened last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<DateTime<Utc>>,
    },
    /// Events of a followed run, without a gap.
    #[serde(rename = "plan.log.new")]
    PlanLogNew {
        /// The run.
        run: RunId,
        /// The events, oldest first.
        events: Vec<Event>,
    },
    /// An approval is new or changed.
    #[serde(rename = "approval.changed")]
    ApprovalChanged {
        /// The feed's number.
        cursor: u64,
        /// The approval as it is now.
        approval: Box<ApprovalView>,
    },
    /// An approval is not there for this client any more.
    #[serde(rename = "approval.gone")]
    ApprovalGone {
        /// The feed's number.
        cursor: u64,
        /// Which.
        approval: ApprovalId,
    },
    /// Outbound was paused or resumed.
    #[serde(rename = "outbound.changed")]
    OutboundChanged {
        /// The feed's number.
        cursor: u64,
    },
    /// What was missed is too much, or gone: fetch again and follow from here.
    #[serde(rename = "resync")]
    Resync {
        /// The feed's number now.
        cursor: u64,
    },
    /// The client said something that was not understood; the connection stays.
    #[serde(rename = "error")]
    Error {
        /// What.
        message: String,
    },
}

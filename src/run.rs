//! A run: one execution of one version, a fold over its events.
//!
//! `decide` says what happens next, `apply` makes it so, `effects` says what the world must do
//! about it; [`advance`] does all three in one pass. The server runs these durably; the browser runs the same
//! code to follow, scrub and simulate ([`drive`]). Deliberately absent: clocks, randomness, I/O.
//!
//! Where an activation goes (printed by [`activation_table`]; what is not listed is illegal). `Called` is a call's
//! first attempt or a retry, `Held`, `Sending` and `Uncertain` are what its message says, `Waited` is also a loop
//! node that waits for its turns:
//!
//! ```text
//! (none) --Started--> Running
//! (none) --Skipped--> Skipped
//! Running --Called--> Running
//! Running --AttemptFailed--> Waiting
//! Running --Waited--> Waiting
//! Running --Asked--> AwaitingHuman
//! Running --Held--> Waiting
//! Running --Sending--> Running
//! Running --Uncertain--> AwaitingHuman
//! Running --Blocked--> Blocked
//! Running --Completed--> Completed
//! Running --Bypassed--> Bypassed
//! Running --Skipped--> Skipped
//! Running --Failed--> Failed
//! Waiting --Called--> Running
//! Waiting --AttemptFailed--> Waiting
//! Waiting --Asked--> AwaitingHuman
//! Waiting --Held--> Waiting
//! Waiting --Sending--> Running
//! Waiting --Uncertain--> AwaitingHuman
//! Waiting --Blocked--> Blocked
//! Waiting --Completed--> Completed
//! Waiting --Bypassed--> Bypassed
//! Waiting --Skipped--> Skipped
//! Waiting --Failed--> Failed
//! AwaitingHuman --AttemptFailed--> Waiting
//! AwaitingHuman --Asked--> AwaitingHuman
//! AwaitingHuman --Decided--> Running
//! AwaitingHuman --Held--> Waiting
//! AwaitingHuman --Sending--> Running
//! AwaitingHuman --Uncertain--> AwaitingHuman
//! AwaitingHuman --Blocked--> Blocked
//! AwaitingHuman --Completed--> Completed
//! AwaitingHuman --Bypassed--> Bypassed
//! AwaitingHuman --Skipped--> Skipped
//! AwaitingHuman --Failed--> Failed
//! Blocked --Unblocked--> Running
//! ```
//!
//! Where a run goes (printed by [`run_table`]):
//!
//! ```text
//! New --Started--> Live
//! Live --Paused--> Paused
//! Live --Blocked--> Blocked
//! Live --Ended--> Ended
//! Blocked --Paused--> Paused
//! Blocked --Blocked--> Blocked
//! Blocked --Unblocked--> Live | Blocked
//! Blocked --Ended--> Ended
//! Paused --Resumed--> Live | Blocked
//! Paused --Blocked--> Paused
//! Paused --Ended--> Ended
//! ```

mod apply;
mod command;
mod context;
mod decide;
mod drive;
mod effect;
mod effects;
mod event;
pub mod heard;
mod scope;
mod secret;
mod state;
mod status;
mod summary;
mod timeline;
mod transition;
pub mod world;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Decision, Refusal};
pub use context::Context;
pub use decide::{
    ACTIVATIONS_MAX, Advance, EVENTS_MAX, EVENTS_PER_DECISION_MAX, ITEMS_MAX, TURNS_MAX, advance,
    decide,
};
pub use drive::{Answer, Asking, Outcome, OutsideFact, Reply, Start, Stop, World, drive};
pub use effect::{
    ApprovalKind, ApprovalRequest, CallRequest, Effect, ModelRequest, RunRequest, TaskRequest,
    TimerId, TimerPurpose,
};
pub use effects::{effects, recover};
pub use event::{
    EVENT_VERSION, Edges, ErrorKind, Event, EventBody, RunEnd, StepError, Usage, activation_of,
};
pub use secret::{SecretMissing, replace_in_text, replace_secrets, secret_marker};
pub use state::{
    Activation, ActivationId, ActivationState, Asked, EdgeState, Frame, FrameId, RegionState,
    RunState, Tally,
};
pub use status::{RunPhase, RunStatus};
pub use summary::{Items, NodeSummary, edge_states, node_states};
pub use timeline::{Signal, TimelineEntry, TimelineWriter, timeline};
pub use transition::{
    IllegalTransition, RunStep, Stage, Step, activation_next, activation_table, run_next, run_table,
};

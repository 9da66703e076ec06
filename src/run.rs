//! A run: one execution of one version, a fold over its events.
//!
//! `decide` says what happens next, `apply` makes it so, `effects` says what the world must do
//! about it; [`advance`] does all three in one pass. The server runs these durably; the browser runs the same
//! code to follow, scrub and simulate ([`drive`]). Deliberately absent: clocks, randomness, I/O.
//!
//! Where an activation goes (printed by [`activation_table`]; what is not listed is illegal). `Called` is a call's
//! first attempt or a retry; of a task it is `Offered` to workers, of another workflow's run it is `Delegated`. `Held`,
//! `Sending` and `Uncertain` are what its message says, `Waited` is also a loop node that waits for its turns. What a
//! manual retry or a fork begins anew gets a new activation; a loop whose turns are over only ends again, and a wait
//! goes on over a retry:
//!
//! ```text
//! (none) --Started--> Running
//! (none) --Skipped--> Skipped
//! Ready --Claimed--> Running
//! Ready --AttemptFailed--> Waiting
//! Ready --Blocked--> Blocked
//! Ready --Bypassed--> Bypassed
//! Ready --Skipped--> Skipped
//! Ready --Failed--> Failed
//! Running --Called--> Running
//! Running --Offered--> Ready
//! Running --Released--> Ready
//! Running --Delegated--> Waiting
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
//! Waiting --Offered--> Ready
//! Waiting --Delegated--> Waiting
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
//! Ended --Reopened--> Live
//! ```

mod apply;
mod command;
mod confidence;
mod context;
mod decide;
mod drive;
mod effect;
mod effects;
mod event;
pub mod heard;
mod hidden;
mod options;
mod origin;
mod outcome;
mod scope;
mod secret;
mod signal;
mod state;
mod status;
mod summary;
mod template_scope;
mod timeline;
mod transition;
pub mod world;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use command::{Command, Decision, Refusal};
pub use confidence::Confidence;
pub use context::Context;
pub use decide::{
    ACTIVATIONS_MAX, Advance, EVENTS_MAX, EVENTS_PER_DECISION_MAX, ForkEdits, ForkPast,
    ForkRefusal, ForkedRun, ITEMS_MAX, Incompatible, MigrationRefusal, TURNS_MAX, advance,
    begun_anew, decide, done_again, fork, fork_point, migrate, migration_preview, version_at,
};
pub use drive::{Answer, Asking, Outcome, OutsideFact, Reply, Start, Stop, World, drive};
pub use effect::{
    ApprovalKind, ApprovalRequest, CallRequest, CallRoute, Effect, ModelRequest, RunRequest,
    ScoreRequest, TaskRequest, TimerId, TimerPurpose,
};
pub use effects::{effects, recover};
pub use event::{
    Again, EVENT_VERSION, Edges, EscalationDue, Event, EventBody, Slot, StartAnew, activation_of,
};
pub use hidden::{NOT_SHOWN, hide_in_event, hide_in_variables};
pub use options::{
    Escalation, ExecutionOptions, Hitl, NotifyChannel, OPTION_TIME_MAX_MS, RunOptions,
};
pub use origin::{by_run, run_of};
pub(crate) use outcome::ATTEMPTS_EXHAUSTED;
pub use outcome::{ErrorKind, RunEnd, StepError, Usage};
pub(crate) use scope::is_space;
pub use secret::{SecretMissing, replace_in_text, replace_secrets, secret_marker};
pub use signal::SIGNALS;
pub(crate) use signal::signal_functions;
pub use state::{
    Activation, ActivationId, ActivationState, Asked, EdgeState, Frame, FrameId, RegionState,
    RunState, Tally,
};
pub use status::{RunPhase, RunStatus};
pub use summary::{Items, NodeSummary, edge_states, node_states};
pub use template_scope::{StepScope, TemplateScope};
pub use timeline::{Signal, TimelineEntry, TimelineWriter, timeline};
pub use transition::{
    IllegalTransition, RunStep, Stage, Step, activation_next, activation_table, run_next, run_table,
};

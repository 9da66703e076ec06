//! A run: one execution of one version, a fold over its events.
//!
//! `decide` says what happens next, `apply` makes it so, `effects` says what the world must do
//! about it. The server runs these durably; the browser runs the same code to follow, scrub and
//! simulate. Deliberately absent: clocks, randomness, I/O.

mod apply;
mod command;
mod context;
mod decide;
mod drive;
mod effect;
mod effects;
mod event;
mod scope;
mod secret;
mod state;
mod status;
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
    ApprovalKind, ApprovalRequest, CallRequest, Effect, ModelRequest, TimerId, TimerPurpose,
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
pub use transition::{
    IllegalTransition, RunStep, Stage, Step, activation_next, activation_table, run_next, run_table,
};

//! A run: one execution of one version, a fold over its events.
//!
//! `decide` says what happens next, `apply` makes it so, `effects` says what the world must do
//! about it. The server runs these durably; the browser runs the same code to follow, scrub and
//! simulate. Deliberately absent: clocks, randomness, I/O.

mod command;
mod effect;
mod event;
mod state;

pub use command::{Command, Decision, Refusal};
pub use effect::{
    ApprovalKind, ApprovalRequest, CallRequest, Effect, ModelRequest, TimerId, TimerPurpose,
};
pub use event::{EVENT_VERSION, ErrorKind, Event, EventBody, RunEnd, StepError, Usage};
pub use state::{
    Activation, ActivationId, ActivationState, EdgeState, Frame, FrameId, RunPhase, RunState,
    RunStatus,
};

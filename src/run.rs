//! A run: one execution of one version, a fold over its events.
//!
//! `decide` says what happens next, `apply` makes it so, `effects` says what the world must do
//! about it. The server runs these durably; the browser runs the same code to follow, scrub and
//! simulate. Deliberately absent: clocks, randomness, I/O.

mod apply;
mod command;
mod context;
mod decide;
mod effect;
mod effects;
mod event;
mod secret;
mod state;
mod status;

pub use apply::apply;
pub use command::{Command, Decision, Refusal};
pub use context::Context;
pub use decide::{Advance, advance, decide};
pub use effect::{
    ApprovalKind, ApprovalRequest, CallRequest, Effect, ModelRequest, TimerId, TimerPurpose,
};
pub use effects::{effects, recover};
pub use event::{EVENT_VERSION, Edges, ErrorKind, Event, EventBody, RunEnd, StepError, Usage};
pub use secret::{SecretMissing, replace_in_text, replace_secrets, secret_marker};
pub use state::{
    Activation, ActivationId, ActivationState, Asked, EdgeState, Frame, FrameId, RegionState,
    RunState, Tally,
};
pub use status::{RunPhase, RunStatus};

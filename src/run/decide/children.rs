//! Runs of other workflows that steps wait for: that they began, that they take too long, and that nobody waits for
//! them any more.

use super::Machine;
use super::execute::step_error;
use crate::id::{CallId, RunId};
use crate::run::{
    Activation, ActivationId, ActivationState, CallRequest, Effect, ErrorKind, EventBody, Refusal,
};

impl Machine<'_> {
    /// The run that a call asks for has begun: from now on the step's time limit counts. Saying so twice changes
    /// nothing, nor does it where there is no limit.
    pub(super) fn child_started(
        &mut self,
        call: CallId,
        attempt: u32,
        run: RunId,
    ) -> Result<(), Refusal> {
        let activation = self.state.activation_of_call(call).ok_or(Refusal::Stale)?;
        let waits = |a: &&Activation| a.attempt == attempt && waits_for_run(a);
        let known = self.activation(activation).filter(waits).ok_or(Refusal::Stale)?;
        let Some(limit_ms) = known.timeout_ms.filter(|_| known.deadline.is_none()) else {
            return Ok(());
        };
        let timeout_at = Some(self.after_ms(limit_ms));
        self.emit(EventBody::ChildStarted { activation, call, run, timeout_at });
        Ok(())
    }

    /// The run that a step waits for took longer than the step may.
    pub(super) fn child_timer(&mut self, id: ActivationId) {
        let Some(activation) = self.activation(id).filter(|a| waits_for_run(a)) else { return };
        let limit_ms = activation.timeout_ms.unwrap_or_default();
        let message = format!(
            "The run that it started took longer than {} seconds, the time limit of the step",
            limit_ms.div_ceil(1_000)
        );
        self.attempt_failed(id, step_error(ErrorKind::Timeout, message), None);
    }

    /// A run that its step does not wait for any more is stopped. What ends the step for good says so itself.
    pub(super) fn forget_child(&mut self, body: &EventBody) {
        let left = match body {
            EventBody::AttemptFailed { activation, .. }
            | EventBody::NodeBypassed { activation, .. }
            | EventBody::Blocked { activation: Some(activation), .. } => Some(*activation),
            _ => None,
        };
        let waited = left.and_then(|id| self.activation(id)).filter(|a| waits_for_run(a));
        let call = waited.and_then(|activation| activation.call);
        self.further.extend(call.map(|call| Effect::CancelCall { call }));
    }
}

/// Whether the other workflow's run is what a step waits for, not the time of another try.
fn waits_for_run(activation: &Activation) -> bool {
    activation.state == ActivationState::Waiting
        && activation.timer.is_none()
        && matches!(activation.request, Some(CallRequest::Run(_)))
}

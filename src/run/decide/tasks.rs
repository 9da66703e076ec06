//! Tasks of outside workers: claimed, given back, lost.

use super::Machine;
use super::execute::step_error;
use crate::graph::compile::Program;
use crate::id::CallId;
use crate::run::{
    ActivationId, ActivationState, CallRequest, ErrorKind, EventBody, Refusal, TimerPurpose,
};
use chrono::{DateTime, Utc};

/// Workers of one attempt that may be lost before the attempt fails.
const LOST_MAX: u32 = 5;

impl Machine<'_> {
    /// A worker takes a task. The attempt works from now on.
    pub(super) fn claim_task(
        &mut self,
        call: CallId,
        attempt: u32,
        worker: &str,
        lease_until: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let id = self.task(call, attempt)?;
        match self.activation(id).map(|activation| activation.state) {
            Some(ActivationState::Ready) if self.is_stopped() => return Err(Refusal::OnHold),
            Some(ActivationState::Ready) => {}
            Some(ActivationState::Running) => return Err(Refusal::Claimed),
            _ => return Err(Refusal::Stale),
        }
        let limit_ms = self.activation(id).and_then(|activation| activation.timeout_ms);
        self.emit(EventBody::TaskClaimed {
            activation: id,
            call,
            worker: worker.to_owned(),
            lease_until,
            timeout_at: limit_ms.map(|limit_ms| self.after_ms(limit_ms)),
        });
        Ok(())
    }

    /// A worker gives a task back.
    pub(super) fn release_task(
        &mut self,
        call: CallId,
        attempt: u32,
        reason: &str,
    ) -> Result<(), Refusal> {
        let activation = self.task(call, attempt)?;
        if self.activation(activation).is_none_or(|a| a.state != ActivationState::Running) {
            return Err(Refusal::NotClaimed);
        }
        let (reason, claim_until) = (reason.to_owned(), self.claim_until(activation));
        let lost = false;
        self.emit(EventBody::TaskReleased { activation, call, reason, lost, claim_until });
        Ok(())
    }

    /// Until when a task that is offered now must be claimed.
    pub(super) fn claim_until(&self, id: ActivationId) -> Option<DateTime<Utc>> {
        let (node, _) = self.place(id)?;
        let Program::Task(task) = &self.graph.node(node).program else { return None };
        task.settings.claim_within_ms.map(|within_ms| self.after_ms(within_ms))
    }

    /// The activation whose open task this is, at this attempt.
    fn task(&self, call: CallId, attempt: u32) -> Result<ActivationId, Refusal> {
        let id = self.state.activation_of_call(call).ok_or(Refusal::Stale)?;
        let activation = self.activation(id).ok_or(Refusal::Stale)?;
        let is_open = activation.attempt == attempt
            && matches!(activation.request, Some(CallRequest::Task(_)));
        if is_open { Ok(id) } else { Err(Refusal::Stale) }
    }

    /// A timer of a task is due: nobody claimed it, its worker was not heard of, or worked too long.
    pub(super) fn task_timer(&mut self, id: ActivationId, purpose: TimerPurpose) {
        let Some(activation) = self.activation(id) else { return };
        let (state, lost) = (activation.state, activation.lost + 1);
        let (Some(call), worker) = (activation.call, activation.worker.clone()) else { return };
        let error = match (purpose, state) {
            (TimerPurpose::Claim, ActivationState::Ready) => {
                step_error(ErrorKind::Timeout, "No worker claimed the task in time")
            }
            (TimerPurpose::Timeout, ActivationState::Running) => {
                step_error(ErrorKind::Timeout, "The worker took longer than the step may")
            }
            (TimerPurpose::Lease, ActivationState::Running) if lost < LOST_MAX => {
                let reason = format!("{} was not heard of in time", worker.unwrap_or_default());
                let (lost, claim_until) = (true, self.claim_until(id));
                let body =
                    EventBody::TaskReleased { activation: id, call, reason, lost, claim_until };
                return self.emit(body);
            }
            (TimerPurpose::Lease, ActivationState::Running) => {
                let message =
                    format!("{LOST_MAX} workers took the task and were not heard of again");
                step_error(ErrorKind::ExecutorError, message)
            }
            _ => return,
        };
        self.attempt_failed(id, error, None);
    }
}

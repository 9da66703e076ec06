//! What events do to tasks of outside workers, and to steps that wait for a run of another workflow.

use super::activation::moved;
use crate::run::transition::Step;
use crate::run::{Event, EventBody, RunState, TimerId, TimerPurpose};

/// Events about what others do.
pub(super) fn apply(state: &mut RunState, event: &Event) {
    match &event.body {
        EventBody::TaskClaimed { activation, worker, lease_until, timeout_at, .. } => {
            let timer = |purpose| TimerId::of(*activation, purpose);
            if let Some(a) = moved(state, *activation, Step::Claimed, event.at) {
                a.worker = Some(worker.clone());
                a.timer = Some((timer(TimerPurpose::Lease), *lease_until));
                a.deadline = timeout_at.map(|at| (timer(TimerPurpose::Timeout), at));
            }
        }
        EventBody::TaskReleased { activation, lost, claim_until, .. } => {
            if let Some(a) = moved(state, *activation, Step::Released, event.at) {
                a.worker = None;
                a.timer = claim_until.map(|at| (TimerId::of(*activation, TimerPurpose::Claim), at));
                a.deadline = None;
                a.lost = a.lost.saturating_add(u32::from(*lost));
            }
        }
        EventBody::ChildStarted { activation, timeout_at, .. } => {
            let is_alive = state.alive.contains(activation);
            if let Some(a) = state.activations.get_mut(activation).filter(|_| is_alive) {
                let timer = TimerId::of(*activation, TimerPurpose::Timeout);
                a.deadline = timeout_at.map(|at| (timer, at));
            }
        }
        _ => {}
    }
}

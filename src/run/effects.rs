//! What the world must do: about one event, and about a state that was just loaded.
//!
//! Both are pure. Effects are safe to repeat: calls carry a stable key, timers, approvals and awaited
//! events a stable name.

use super::state::Asked;
use super::{
    Activation, ActivationId, ActivationState, ApprovalRequest, Effect, Event, EventBody, RunState,
    TimerId, TimerPurpose,
};

/// What an event asks the world to do.
pub fn effects(event: &Event) -> Vec<Effect> {
    match &event.body {
        EventBody::CallRequested { activation, attempt, call, request, timeout_ms } => {
            vec![Effect::Call {
                activation: *activation,
                attempt: *attempt,
                call: *call,
                request: request.clone(),
                timeout_ms: *timeout_ms,
            }]
        }
        EventBody::AttemptFailed { timer, retry_at, .. } => {
            vec![Effect::SetTimer { timer: timer.clone(), due_at: *retry_at }]
        }
        EventBody::WaitStarted { activation, timer, due_at, event } => {
            wait_effects(*activation, timer.as_ref().zip(*due_at), event.as_deref())
        }
        EventBody::ApprovalRequested { activation, approval, request: Some(request), .. } => {
            let open = Effect::OpenApproval {
                activation: *activation,
                approval: *approval,
                request: request.clone(),
            };
            std::iter::once(open).chain(expiry(*activation, request)).collect()
        }
        EventBody::ApprovalDecided { activation, decision, .. } => match decision {
            super::Decision::Expire => Vec::new(),
            _ => vec![cancel(*activation, TimerPurpose::Expiry)],
        },
        EventBody::NodeCompleted { activation, event: Some(_), .. } => {
            vec![cancel(*activation, TimerPurpose::Wait)]
        }
        EventBody::NodeSkipped { cancelled: Some(call), .. }
        | EventBody::NodeFailed { cancelled: Some(call), .. } => {
            vec![Effect::CancelCall { call: *call }]
        }
        EventBody::RunEnded { .. } => vec![Effect::Ended],
        _ => Vec::new(),
    }
}

fn cancel(activation: ActivationId, purpose: TimerPurpose) -> Effect {
    Effect::CancelTimer { timer: TimerId::of(activation, purpose) }
}

fn expiry(activation: ActivationId, request: &ApprovalRequest) -> Option<Effect> {
    let due_at = request.expires_at?;
    Some(Effect::SetTimer { timer: TimerId::of(activation, TimerPurpose::Expiry), due_at })
}

fn wait_effects(
    activation: ActivationId,
    timer: Option<(&TimerId, chrono::DateTime<chrono::Utc>)>,
    event: Option<&str>,
) -> Vec<Effect> {
    let timer = timer.map(|(timer, due_at)| Effect::SetTimer { timer: timer.clone(), due_at });
    let event = event.map(|name| Effect::AwaitEvent { activation, event: name.to_owned() });
    timer.into_iter().chain(event).collect()
}

/// The effects of a loaded state that have no result yet: open calls, timers, approvals, awaited events,
/// and [`Effect::Continue`] for what can go on by itself. Empty once the run has ended.
///
/// Calls that wait for the send gate or whose message is on its way are not asked for again: the gate
/// keeps those.
pub fn recover(state: &RunState) -> Vec<Effect> {
    if state.end.is_some() || state.started_at.is_none() {
        return Vec::new();
    }
    let mut effects: Vec<Effect> =
        state.living().flat_map(|(id, activation)| open_effects(id, activation)).collect();
    if !state.paused {
        effects.push(Effect::Continue);
    }
    effects
}

fn open_effects(id: ActivationId, activation: &Activation) -> Vec<Effect> {
    match activation.state {
        ActivationState::Running => open_call(id, activation).into_iter().collect(),
        ActivationState::Waiting => {
            let timer = activation.timer.as_ref().map(|(timer, due_at)| (timer, *due_at));
            wait_effects(id, timer, activation.awaited_event.as_deref())
        }
        ActivationState::AwaitingHuman if activation.asked != Some(Asked::Gate) => {
            let timer = activation.timer.as_ref().map(|(timer, due_at)| (timer, *due_at));
            wait_effects(id, timer, None)
        }
        _ => Vec::new(),
    }
}

fn open_call(id: ActivationId, activation: &Activation) -> Option<Effect> {
    if activation.message.is_some() || activation.asked == Some(Asked::Gate) {
        return None;
    }
    Some(Effect::Call {
        activation: id,
        attempt: activation.attempt,
        call: activation.call?,
        request: activation.request.clone()?,
        timeout_ms: activation.timeout_ms,
    })
}

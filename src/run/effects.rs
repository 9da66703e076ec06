//! What the world must do: about one event, and about a state that was just loaded.
//!
//! Both are pure. Effects are safe to repeat: calls carry a stable key, timers, approvals and awaited
//! events a stable name.

use super::state::Asked;
use super::{
    Activation, ActivationId, ActivationState, ApprovalRequest, CallRequest, Effect, Event,
    EventBody, RunState, TimerId, TimerPurpose,
};

/// What an event asks the world to do.
pub fn effects(event: &Event) -> Vec<Effect> {
    match &event.body {
        EventBody::RunStarted { slot: Some(slot), .. } => {
            vec![Effect::AwaitSlot { key: slot.key.clone(), limit: slot.limit }]
        }
        EventBody::CallRequested { .. } => call_effects(&event.body),
        EventBody::TaskClaimed { activation, lease_until, timeout_at, .. } => {
            let lease = set(*activation, TimerPurpose::Lease, *lease_until);
            let timeout = timeout_at.map(|at| set(*activation, TimerPurpose::Timeout, at));
            let claimed = cancel(*activation, TimerPurpose::Claim);
            [Some(claimed), Some(lease), timeout].into_iter().flatten().collect()
        }
        EventBody::TaskReleased { activation, claim_until, .. } => {
            let lease = cancel(*activation, TimerPurpose::Lease);
            let timeout = cancel(*activation, TimerPurpose::Timeout);
            let claim = claim_until.map(|at| set(*activation, TimerPurpose::Claim, at));
            [Some(lease), Some(timeout), claim].into_iter().flatten().collect()
        }
        EventBody::ChildStarted { activation, timeout_at, .. } => {
            let timeout = timeout_at.map(|at| set(*activation, TimerPurpose::Timeout, at));
            timeout.into_iter().collect()
        }
        EventBody::AttemptFailed { timer, retry_at, .. } => {
            vec![Effect::SetTimer { timer: timer.clone(), due_at: *retry_at }]
        }
        EventBody::WaitStarted { activation, timer, due_at, event, more, .. } => {
            let names = event.iter().chain(more).map(String::as_str);
            wait_effects(*activation, timer.as_ref().zip(*due_at), names)
        }
        EventBody::ApprovalRequested {
            activation,
            approval,
            request: Some(request),
            escalation,
            ..
        } => {
            let open = Effect::OpenApproval {
                activation: *activation,
                approval: *approval,
                request: request.as_ref().clone(),
            };
            let later = escalation.as_ref().map(|due| escalate(*activation, due.due_at));
            std::iter::once(open).chain(expiry(*activation, request)).chain(later).collect()
        }
        EventBody::ApprovalRequested { activation, escalation: Some(due), .. } => {
            vec![escalate(*activation, due.due_at)]
        }
        EventBody::ApprovalEscalated { approval, to, .. } => {
            vec![Effect::EscalateApproval { approval: *approval, to: to.clone() }]
        }
        EventBody::ApprovalDecided { activation, decision, .. } => match decision {
            super::Decision::Expire => Vec::new(),
            _ => vec![cancel(*activation, TimerPurpose::Expiry)],
        },
        // What ended a wait before its time; the timer of a wait that ended by it is gone already.
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

fn call_effects(body: &EventBody) -> Vec<Effect> {
    let EventBody::CallRequested {
        activation,
        attempt,
        call,
        request,
        timeout_ms,
        route,
        claim_until,
        ..
    } = body
    else {
        return Vec::new();
    };
    let call = Effect::Call {
        activation: *activation,
        attempt: *attempt,
        call: *call,
        request: request.clone(),
        timeout_ms: *timeout_ms,
        route: route.clone(),
    };
    let until = claim_until.map(|at| set(*activation, TimerPurpose::Claim, at));
    std::iter::once(call).chain(until).collect()
}

fn set(
    activation: ActivationId,
    purpose: TimerPurpose,
    due_at: chrono::DateTime<chrono::Utc>,
) -> Effect {
    Effect::SetTimer { timer: TimerId::of(activation, purpose), due_at }
}

fn escalate(activation: ActivationId, due_at: chrono::DateTime<chrono::Utc>) -> Effect {
    set(activation, TimerPurpose::Escalate, due_at)
}

fn cancel(activation: ActivationId, purpose: TimerPurpose) -> Effect {
    Effect::CancelTimer { timer: TimerId::of(activation, purpose) }
}

fn expiry(activation: ActivationId, request: &ApprovalRequest) -> Option<Effect> {
    let due_at = request.expires_at?;
    Some(set(activation, TimerPurpose::Expiry, due_at))
}

fn wait_effects<'a>(
    activation: ActivationId,
    timer: Option<(&TimerId, chrono::DateTime<chrono::Utc>)>,
    events: impl Iterator<Item = &'a str>,
) -> Vec<Effect> {
    let timer = timer.map(|(timer, due_at)| Effect::SetTimer { timer: timer.clone(), due_at });
    let events = events.map(|name| Effect::AwaitEvent { activation, event: name.to_owned() });
    timer.into_iter().chain(events).collect()
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
    let slot = state.slot.iter().filter(|_| state.awaits_slot);
    let mut effects: Vec<Effect> =
        slot.map(|slot| Effect::AwaitSlot { key: slot.key.clone(), limit: slot.limit }).collect();
    effects.extend(state.living().flat_map(|(id, activation)| open_effects(id, activation)));
    if !state.paused {
        effects.push(Effect::Continue);
    }
    effects
}

/// The effects of a living activation that have no result yet.
pub(super) fn open_effects(id: ActivationId, activation: &Activation) -> Vec<Effect> {
    match activation.state {
        ActivationState::Running | ActivationState::Ready => {
            let timers = activation.timer.iter().chain(&activation.deadline);
            let timers = timers
                .map(|(timer, due_at)| Effect::SetTimer { timer: timer.clone(), due_at: *due_at });
            open_call(id, activation).into_iter().chain(timers).collect()
        }
        ActivationState::Waiting => {
            let timer = activation.timer.as_ref().map(|(timer, due_at)| (timer, *due_at));
            let delegated = matches!(activation.request, Some(CallRequest::Run(_)))
                .then(|| open_call(id, activation))
                .flatten()
                .filter(|_| timer.is_none());
            let waits = wait_effects(id, timer, activation.awaited());
            let limit = activation.deadline.as_ref();
            let limit = limit
                .map(|(timer, due_at)| Effect::SetTimer { timer: timer.clone(), due_at: *due_at });
            delegated.into_iter().chain(waits).chain(limit).collect()
        }
        ActivationState::AwaitingHuman => {
            let own = activation.timer.as_ref().filter(|_| activation.asked != Some(Asked::Gate));
            let timer = own.map(|(timer, due_at)| (timer, *due_at));
            let later = activation.escalation.as_ref().map(|(_, at, _)| escalate(id, *at));
            wait_effects(id, timer, std::iter::empty()).into_iter().chain(later).collect()
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
        route: activation.route.clone(),
    })
}

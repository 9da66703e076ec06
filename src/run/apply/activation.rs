//! What events do to activations.

use super::frame::decide_edges;
use super::{add_usage, tally};
use crate::id::NodeId;
use crate::run::transition::{Step, activation_next};
use crate::run::{
    Activation, ActivationId, ActivationState, ApprovalKind, Asked, CallRequest, Decision, Edges,
    Event, EventBody, FrameId, RunState, StepError, TimerId, TimerPurpose, Usage,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

pub(super) fn apply(state: &mut RunState, event: &Event) {
    match &event.body {
        EventBody::NodeStarted { activation, node, frame } => {
            begin(state, *activation, node, *frame, event.at, Step::Started);
        }
        EventBody::LoopStarted { activation, items } => {
            if let Some((node, frame)) = go(state, *activation, Step::Waited, event.at)
                && let Some(frame) = state.frames.get_mut(&frame)
            {
                let region = frame.regions.entry(node).or_default();
                region.owner = Some(*activation);
                region.items = items.clone();
            }
        }
        EventBody::NodeCompleted { .. }
        | EventBody::NodeBypassed { .. }
        | EventBody::NodeSkipped { .. }
        | EventBody::NodeFailed { .. } => finish(state, event),
        _ => on_the_way(state, event),
    }
}

/// What happens between the beginning and the end.
fn on_the_way(state: &mut RunState, event: &Event) {
    match &event.body {
        EventBody::CallRequested { .. } => called(state, event),
        EventBody::TaskClaimed { .. }
        | EventBody::TaskReleased { .. }
        | EventBody::ChildStarted { .. } => {
            super::task::apply(state, event);
        }
        EventBody::Scored { activation, confidence } => {
            if let Some(a) = state.activations.get_mut(activation) {
                a.confidence = Some(confidence.clone());
            }
        }
        EventBody::Spent { activation, usage } => spent(state, *activation, usage),
        EventBody::SignalReceived { activation, signal, .. } => {
            if let Some(a) = state.activations.get_mut(activation) {
                a.signals.insert(signal.clone());
            }
        }
        EventBody::AttemptFailed { activation, error, retry_at, timer, .. } => {
            if let Some(a) = moved(state, *activation, Step::AttemptFailed, event.at) {
                a.error = Some(error.clone());
                a.timer = Some((timer.clone(), *retry_at));
                a.until = None;
                a.asked = None;
                a.worker = None;
                a.deadline = None;
            }
        }
        EventBody::WaitStarted { activation, timer, due_at, event: name, more, due_port } => {
            if let Some(a) = moved(state, *activation, Step::Waited, event.at) {
                a.timer = timer.clone().zip(*due_at);
                a.awaited_event = name.clone();
                a.awaited_more.clone_from(more);
                a.due_port.clone_from(due_port);
            }
        }
        EventBody::ApprovalRequested { .. } => asked(state, event),
        EventBody::ApprovalEscalated { activation, .. } => {
            if let Some(a) = state.activations.get_mut(activation) {
                a.escalation = None;
            }
        }
        EventBody::ApprovalDecided { activation, decision, .. } => {
            decided(state, *activation, decision, event.at);
        }
        EventBody::MessageMoved { activation, message, state: to, until, .. } => {
            let step = Step::of(&event.body);
            if let Some(step) = step.filter(|_| state.alive.contains(activation)) {
                go(state, *activation, step, event.at);
            }
            if let Some(a) = state.activations.get_mut(activation) {
                a.message = Some((*message, to.clone()));
                a.until = *until;
            }
        }
        EventBody::Blocked { activation: Some(activation), reason, error, replan } => {
            if go(state, *activation, Step::Blocked, event.at).is_some() {
                state.blocked = Some(reason.clone());
            }
            if let Some(a) = state.activations.get_mut(activation) {
                let said = || StepError::new(crate::run::ErrorKind::Internal, reason.clone());
                a.error = Some(error.clone().unwrap_or_else(said));
                a.replan = *replan;
                a.timer = None;
                wait_no_more(a);
            }
        }
        EventBody::Unblocked { activation: Some(activation), .. } => {
            if let Some(a) = moved(state, *activation, Step::Unblocked, event.at) {
                a.error = None;
                reopen(a);
            }
            recount_blocked(state);
        }
        _ => {}
    }
}

/// The reason of another block, if one is left.
pub(super) fn recount_blocked(state: &mut RunState) {
    let mut blocked = state.living().filter(|(_, a)| a.state == ActivationState::Blocked);
    let reason = blocked.find_map(|(_, a)| a.error.as_ref().map(|error| error.message.clone()));
    drop(blocked);
    if !state.halted || reason.is_some() {
        state.blocked = reason;
    }
}

fn begin(
    state: &mut RunState,
    id: ActivationId,
    node: &NodeId,
    frame: FrameId,
    at: DateTime<Utc>,
    step: Step,
) {
    if state.activations.contains_key(&id) {
        return;
    }
    let Ok(to) = activation_next(None, step) else { return };
    let Some(around) = state.frames.get_mut(&frame) else { return };
    around.latest.insert(node.clone(), id);
    if !to.is_terminal() {
        around.alive = around.alive.saturating_add(1);
        state.alive.insert(id);
        state.running = state.running.saturating_add(1);
    }
    state.activation_last = state.activation_last.max(id.0);
    state.activations.insert(id, new(node, frame, to, at));
}

fn new(node: &NodeId, frame: FrameId, at: ActivationState, now: DateTime<Utc>) -> Activation {
    Activation {
        node: node.clone(),
        frame,
        state: at,
        attempt: 0,
        call: None,
        approval: None,
        message: None,
        timer: None,
        awaited_event: None,
        awaited_more: Vec::new(),
        due_port: None,
        deadline: None,
        escalation: None,
        worker: None,
        lost: 0,
        signals: Default::default(),
        confidence: None,
        replan: false,
        working_ms: 0,
        route: Default::default(),
        port: None,
        output: Value::Null,
        error: None,
        started_at: now,
        ended_at: at.is_terminal().then_some(now),
        request: None,
        timeout_ms: None,
        asked: None,
        round: 0,
        feedback: Vec::new(),
        usage: None,
        counted: false,
        until: None,
        since: Some(now),
    }
}

/// Moves an activation by the table. `None`: there is none, or the table forbids it.
fn go(
    state: &mut RunState,
    id: ActivationId,
    step: Step,
    at: DateTime<Utc>,
) -> Option<(NodeId, FrameId)> {
    let activation = state.activations.get_mut(&id).filter(|_| state.alive.contains(&id))?;
    let from = activation.state;
    let to = activation_next(Some(from), step).ok()?;
    activation.state = to;
    if from != to {
        activation.since = Some(at);
    }
    let frame = activation.frame;
    let node = activation.node.clone();
    if to.is_terminal() {
        activation.ended_at = Some(at);
        close(activation);
        state.alive.remove(&id);
        if let Some(frame) = state.frames.get_mut(&frame) {
            frame.alive = frame.alive.saturating_sub(1);
        }
    }
    let (was, is) = (from == ActivationState::Running, to == ActivationState::Running);
    match (was, is) {
        (true, false) => state.running = state.running.saturating_sub(1),
        (false, true) => state.running = state.running.saturating_add(1),
        _ => {}
    }
    Some((node, frame))
}

pub(super) fn moved(
    state: &mut RunState,
    id: ActivationId,
    step: Step,
    at: DateTime<Utc>,
) -> Option<&mut Activation> {
    go(state, id, step, at)?;
    state.activations.get_mut(&id)
}

/// What only matters while it is alive is forgotten.
pub(super) fn close(activation: &mut Activation) {
    wait_no_more(activation);
    activation.request = None;
    activation.route = Default::default();
    activation.deadline = None;
    activation.escalation = None;
    activation.worker = None;
    activation.timer = None;
    activation.until = None;
    activation.asked = None;
    activation.usage = None;
    activation.counted = false;
    activation.feedback = Vec::new();
}

/// No outside event and no time ends it.
fn wait_no_more(activation: &mut Activation) {
    activation.awaited_event = None;
    activation.awaited_more = Vec::new();
    activation.due_port = None;
}

/// It is done again from its beginning: nothing of the last try is open, and it has all of its time.
fn reopen(activation: &mut Activation) {
    activation.working_ms = 0;
    activation.deadline = None;
    activation.worker = None;
    activation.confidence = None;
    activation.replan = false;
    activation.request = None;
    activation.call = None;
    activation.timer = None;
    activation.until = None;
    activation.awaited_event = None;
    activation.asked = None;
    activation.message = None;
    activation.usage = None;
    activation.counted = false;
    activation.output = Value::Null;
}

fn called(state: &mut RunState, event: &Event) {
    let EventBody::CallRequested {
        activation: id,
        attempt,
        call,
        request,
        timeout_ms,
        route,
        claim_until,
        usage,
    } = &event.body
    else {
        return;
    };
    let step = Step::of(&event.body).unwrap_or(Step::Called);
    let Some(a) = moved(state, *id, step, event.at) else { return };
    if a.call != Some(*call) {
        a.round = a.round.saturating_add(1);
    }
    if let CallRequest::Score(score) = request {
        a.output = score.output.clone();
        a.usage.clone_from(usage);
    } else {
        a.counted = false;
    }
    a.call = Some(*call);
    a.attempt = *attempt;
    if a.request.as_ref() != Some(request) {
        a.request = Some(request.clone());
    }
    a.timeout_ms = *timeout_ms;
    a.route = route.clone();
    a.lost = 0;
    a.worker = None;
    a.deadline = None;
    // A new attempt prepares its message anew; the gate tells which.
    a.message = None;
    a.timer = claim_until.map(|at| (TimerId::of(*id, TimerPurpose::Claim), at));
    a.asked = None;
}

fn asked(state: &mut RunState, event: &Event) {
    let EventBody::ApprovalRequested {
        activation,
        approval,
        request,
        message,
        prepared,
        usage,
        escalation,
        ..
    } = &event.body
    else {
        return;
    };
    let Some(a) = moved(state, *activation, Step::Asked, event.at) else { return };
    a.approval = Some(*approval);
    a.timer = None;
    a.until = None;
    let later = |due: &crate::run::EscalationDue| {
        (TimerId::of(*activation, TimerPurpose::Escalate), due.due_at, due.to.clone())
    };
    a.escalation = escalation.as_deref().map(later);
    if let Some(message) = message {
        a.message = Some((*message, "pending".to_owned()));
    }
    let Some(request) = request else {
        a.asked = Some(Asked::Gate);
        return;
    };
    if let Some(due_at) = request.expires_at {
        let timer = TimerId::of(*activation, TimerPurpose::Expiry);
        a.timer = Some((timer, due_at));
    }
    let was_called = a.request.is_some();
    if let Some(prepared) = prepared {
        a.request = Some(prepared.clone());
        a.call = None;
        a.asked = Some(Asked::Before);
    } else if request.kind == ApprovalKind::Review && was_called {
        a.output = request.subject.clone();
        a.request = None;
        a.usage = usage.clone();
        a.asked = Some(Asked::Review);
    } else {
        a.output = request.subject.clone();
        a.asked = Some(Asked::Human);
    }
}

fn decided(state: &mut RunState, id: ActivationId, decision: &Decision, at: DateTime<Utc>) {
    let Some(a) = moved(state, id, Step::Decided, at) else { return };
    a.timer = None;
    a.escalation = None;
    match decision {
        Decision::Reject { reason, retry: true } if a.asked == Some(Asked::Review) => {
            a.feedback.push(reason.clone());
            reopen(a);
        }
        // The prepared call is made with what was changed, now or once the run goes on.
        Decision::Approve { answer: Value::Object(changed) } if a.asked == Some(Asked::Before) => {
            if let Some(request) = &mut a.request {
                request.change(changed);
            }
        }
        _ => {}
    }
}

/// What a model cost counts, whatever becomes of its answer. An output whose cost was counted so is not counted once
/// more when it is accepted.
fn spent(state: &mut RunState, id: ActivationId, usage: &Usage) {
    add_usage(&mut state.usage, usage);
    if let Some(a) = state.activations.get_mut(&id)
        && !matches!(a.request, Some(CallRequest::Score(_)))
    {
        a.counted = true;
    }
}

fn finish(state: &mut RunState, event: &Event) {
    match &event.body {
        EventBody::NodeCompleted { .. } => completed(state, event),
        EventBody::NodeBypassed { activation, port, error, edges, .. } => {
            if let Some((node, frame)) = go(state, *activation, Step::Bypassed, event.at) {
                set(state, *activation, Some(port.clone()), Value::Null, error.clone());
                leave(state, frame, edges);
                tally(state, &node, |tally| &mut tally.bypassed);
            }
        }
        EventBody::NodeSkipped { activation, node, frame, edges, error, reason, .. } => {
            if state.activations.contains_key(activation) {
                if go(state, *activation, Step::Skipped, event.at).is_none() {
                    return;
                }
            } else {
                begin(state, *activation, node, *frame, event.at, Step::Skipped);
            }
            let said = || StepError::new(crate::run::ErrorKind::Refused, reason.clone());
            set(state, *activation, None, Value::Null, Some(error.clone().unwrap_or_else(said)));
            leave(state, *frame, edges);
            tally(state, node, |tally| &mut tally.skipped);
        }
        EventBody::NodeFailed { activation, error, port, edges, .. } => {
            if let Some((node, frame)) = go(state, *activation, Step::Failed, event.at) {
                set(state, *activation, port.clone(), Value::Null, Some(error.clone()));
                leave(state, frame, edges);
                tally(state, &node, |tally| &mut tally.failed);
                if port.is_none() && state.failing.is_none() {
                    state.failing = Some((Some(node), error.clone()));
                }
            }
        }
        _ => {}
    }
}

fn completed(state: &mut RunState, event: &Event) {
    let EventBody::NodeCompleted {
        activation,
        port,
        output,
        usage,
        counted,
        edges,
        logic,
        outcome,
        event: by,
    } = &event.body
    else {
        return;
    };
    let Some((node, frame)) = go(state, *activation, Step::Completed, event.at) else { return };
    let output = match loop_output(state, *activation, &node, frame) {
        Some(summed) if output.is_null() => summed,
        _ => output.clone(),
    };
    if let Some(outcome) = outcome
        && state.outcome.is_none()
    {
        state.outcome = Some((outcome.clone(), output.clone()));
    }
    set(state, *activation, Some(port.clone()), output, None);
    leave(state, frame, edges);
    if !logic && let Some(frame) = state.frames.get_mut(&frame) {
        frame.last = Some(*activation);
    }
    if let Some(usage) = usage.as_ref().filter(|_| !counted) {
        add_usage(&mut state.usage, usage);
    }
    if let Some(id) = by.as_ref().filter(|id| !id.is_empty()) {
        state.consumed.insert(id.clone());
    }
    tally(state, &node, |tally| &mut tally.completed);
}

/// A loop node's output: its turns' last outputs in item order.
fn loop_output(
    state: &mut RunState,
    id: ActivationId,
    node: &NodeId,
    frame: FrameId,
) -> Option<Value> {
    let region = state.frames.get_mut(&frame)?.regions.get_mut(node)?;
    if region.owner != Some(id) {
        return None;
    }
    let output = region.output();
    region.results = Vec::new();
    Some(output)
}

fn set(
    state: &mut RunState,
    id: ActivationId,
    port: Option<String>,
    output: Value,
    error: Option<StepError>,
) {
    if let Some(activation) = state.activations.get_mut(&id) {
        activation.port = port;
        activation.output = output;
        activation.error = error;
    }
}

fn leave(state: &mut RunState, frame: FrameId, edges: &Edges) {
    if let Some(frame) = state.frames.get_mut(&frame) {
        decide_edges(frame, edges);
    }
}

//! What is begun anew: after a manual retry, in a fork, in another version.

use super::frame::decide_edges;
use crate::run::{ActivationId, ActivationState, Again, Edges, EventBody, FrameId, RunState};

/// Events that let a run go on from somewhere else.
pub(super) fn apply(state: &mut RunState, body: &EventBody) {
    match body {
        EventBody::RunReopened { again, sent, resumed, .. } => {
            state.end = None;
            state.ended_at = None;
            state.paused &= !resumed;
            live_on(state, again);
            state.sent_before.extend(sent.clone());
        }
        EventBody::Forked { input, variables, anew, again, edges, sent, .. } => {
            if let Some(input) = input {
                state.input = input.clone();
            }
            if let Some(anew) = anew {
                super::set_variables(&mut state.variables, &anew.variables);
                state.slot.clone_from(&anew.slot);
            }
            super::set_variables(&mut state.variables, variables);
            state.usage = Default::default();
            state.paused = false;
            live_on(state, again);
            decide(state, edges);
            state.sent_before.extend(sent.clone());
        }
        EventBody::Migrated { edges, .. } => decide(state, edges),
        _ => {}
    }
}

fn decide(state: &mut RunState, edges: &[(FrameId, Edges)]) {
    for (frame, edges) in edges {
        if let Some(frame) = state.frames.get_mut(frame) {
            decide_edges(frame, edges);
        }
    }
}

/// What is begun anew is taken out; what else had not ended (loops with turns) lives on.
fn live_on(state: &mut RunState, again: &[Again]) {
    state.failing = None;
    state.halted = false;
    state.blocked = None;
    state.working_ms = 0;
    state.awaits_slot = state.slot.is_some();
    for one in again {
        if one.keeps_turns { end_again(state, one) } else { take_out(state, one) }
    }
    let open = state.activations.iter().filter(|(_, a)| !a.state.is_terminal());
    state.alive = open.map(|(id, _)| *id).collect();
    let works = |id: &&ActivationId| {
        state.activations.get(id).is_some_and(|a| a.state == ActivationState::Running)
    };
    state.running = u32::try_from(state.alive.iter().filter(works).count()).unwrap_or(u32::MAX);
}

/// A loop whose turns are all over is only missing its own end.
fn end_again(state: &mut RunState, again: &Again) {
    let Some(activation) = state.activations.get_mut(&again.activation) else { return };
    let Some(frame) = state.frames.get_mut(&activation.frame) else { return };
    for edge in &again.edges {
        frame.edges.remove(edge);
    }
    if activation.state.is_terminal() {
        frame.alive = frame.alive.saturating_add(1);
    }
    activation.state = ActivationState::Waiting;
    activation.error = None;
    activation.ended_at = None;
}

fn take_out(state: &mut RunState, again: &Again) {
    let Some(activation) = state.activations.get_mut(&again.activation) else { return };
    let Some(frame) = state.frames.get_mut(&activation.frame) else { return };
    if frame.latest.get(&activation.node) == Some(&again.activation) {
        frame.latest.remove(&activation.node);
    }
    if frame.regions.get(&activation.node).is_some_and(|r| r.owner == Some(again.activation)) {
        frame.regions.remove(&activation.node);
    }
    for edge in &again.edges {
        frame.edges.remove(edge);
    }
    if !activation.state.is_terminal() {
        // It did not end here: another activation does its work.
        activation.state = ActivationState::Skipped;
        frame.alive = frame.alive.saturating_sub(1);
    }
    super::activation::close(activation);
}

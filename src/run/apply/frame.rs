//! What events do to frames and regions, and what is forgotten when a turn ends.

use crate::run::{EdgeState, Edges, EventBody, Frame, FrameId, RunState};
use serde_json::Value;

/// Events about frames. False: it is about something else.
pub(super) fn apply(state: &mut RunState, body: &EventBody) -> bool {
    match body {
        EventBody::FrameStarted { .. } => start(state, body),
        EventBody::FrameEnded { frame, exits } => end(state, *frame, exits),
        EventBody::RegionEnded { parent, header, edges, .. } => {
            let Some(frame) = state.frames.get_mut(parent) else { return true };
            let region = frame.regions.entry(header.clone()).or_default();
            region.ended = true;
            let last = region.last;
            decide_edges(frame, edges);
            // What the last turn gave is what flows on from a while region.
            let given = last.and_then(|last| state.frames.get(&last)?.last);
            if let (Some(frame), Some(given)) = (state.frames.get_mut(parent), given) {
                frame.last = Some(given);
            }
        }
        _ => return false,
    }
    true
}

/// Notes what became of edges.
pub(super) fn decide_edges(frame: &mut Frame, edges: &Edges) {
    for edge in &edges.taken {
        frame.edges.insert(edge.clone(), EdgeState::Taken);
    }
    for edge in &edges.dead {
        frame.edges.insert(edge.clone(), EdgeState::Dead);
    }
}

fn start(state: &mut RunState, body: &EventBody) {
    let EventBody::FrameStarted { frame, parent, header, owner, index, item, edges } = body else {
        return;
    };
    let Some(around) = state.frames.get_mut(parent) else { return };
    around.alive = around.alive.saturating_add(1);
    let region = around.regions.entry(header.clone()).or_default();
    region.owner = *owner;
    region.turns = region.turns.max(index.saturating_add(1));
    region.live = region.live.saturating_add(1);
    let listed = region.items.get_mut(*index as usize).map(Value::take);
    let mut begun = Frame {
        parent: Some(*parent),
        header: Some(header.clone()),
        owner: *owner,
        index: *index,
        item: if item.is_null() { listed.unwrap_or(Value::Null) } else { item.clone() },
        ..Frame::default()
    };
    decide_edges(&mut begun, edges);
    state.frames.insert(*frame, begun);
    state.frame_last = state.frame_last.max(frame.0);
}

fn end(state: &mut RunState, id: FrameId, exits: &[String]) {
    let Some(frame) = state.frames.get_mut(&id) else { return };
    if frame.ended {
        return;
    }
    frame.ended = true;
    let (parent, header, index, for_each) =
        (frame.parent, frame.header.clone(), frame.index, frame.owner.is_some());
    let result = frame.last.and_then(|last| state.activations.get(&last)).map(|a| a.output.clone());
    let (Some(parent), Some(header)) = (parent, header) else { return };
    let Some(around) = state.frames.get_mut(&parent) else { return };
    around.alive = around.alive.saturating_sub(1);
    let region = around.regions.entry(header).or_default();
    region.live = region.live.saturating_sub(1);
    region.exits.extend(exits.iter().cloned());
    if for_each {
        put(&mut region.results, index as usize, result.unwrap_or(Value::Null));
    }
    let forgotten = region.last.replace(id);
    if let Some(forgotten) = forgotten.filter(|forgotten| *forgotten != id) {
        forget(state, forgotten);
    }
}

/// Results stand in item order, also when turns end in another.
fn put(results: &mut Vec<Value>, index: usize, result: Value) {
    // Foreign input could name any index; turns are bounded far below this.
    if index > 10_000_000 {
        return;
    }
    if results.len() <= index {
        results.resize(index + 1, Value::Null);
    }
    results[index] = result;
}

/// Drops a turn that is over with all that is in it: names are only looked up in the last one.
fn forget(state: &mut RunState, frame: FrameId) {
    let mut open = vec![frame];
    while let Some(id) = open.pop() {
        let Some(frame) = state.frames.remove(&id) else { continue };
        open.extend(frame.regions.values().filter_map(|region| region.last));
        for activation in frame.latest.values() {
            state.activations.remove(activation);
        }
    }
}

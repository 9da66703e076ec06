//! Forking: the events of a run up to a point become the past of another one.

use super::retry::may_have_left;
use super::{Advance, Machine, apply};
use crate::graph::CompiledGraph;
use crate::id::{MessageId, NodeId, RunId};
use crate::run::{
    ActivationId, Command, Context, Event, EventBody, FrameId, Incompatible, RunState,
    activation_of, migration_preview,
};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is different in a fork.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ForkEdits {
    /// Another input. What was computed from the old one stays as it was.
    pub input: Option<Value>,
    /// Variables with other values.
    pub variables: Map<String, Value>,
}

/// A run that was made from another one.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkedRun {
    /// All its events: the other run's past, [`EventBody::Forked`], and what followed at once.
    pub journal: Vec<Event>,
    /// What they add up to.
    pub state: RunState,
    /// The new events alone, and what the world must do about them.
    pub advance: Advance,
}

/// Why a run cannot be forked there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkRefusal {
    /// No such event.
    #[error("the run has no event {up_to}: choose one from 1 to {last}")]
    NoEvent {
        /// What was asked for.
        up_to: u64,
        /// The last that there is.
        last: u64,
    },
    /// The run had ended there.
    #[error("the run had ended at event {0}: choose an earlier one")]
    Ended(u64),
    /// Steps that were alive there cannot go on in that version.
    #[error("{} of its steps cannot go on in that version", .0.len())]
    Incompatible(Vec<Incompatible>),
}

/// Makes the run `run` from the first `up_to` of the events of another one, which ran `old`; it goes on in `new`
/// (the same, or another version). Nothing is sent again by itself: what was under way there is begun anew, and a
/// message that repeats one of the other run names it, so that a person must approve it.
#[allow(clippy::too_many_arguments)]
pub fn fork(
    (old, new): (&CompiledGraph, &CompiledGraph),
    context: &Context,
    (from, events): (RunId, &[Event]),
    up_to: u64,
    run: RunId,
    edits: &ForkEdits,
    by: &str,
    now: DateTime<Utc>,
) -> Result<ForkedRun, ForkRefusal> {
    let last = events.last().map_or(0, |event| event.seq);
    if up_to == 0 || up_to > last {
        return Err(ForkRefusal::NoEvent { up_to, last });
    }
    let mut state = RunState::new(run);
    let past: Vec<Event> = events.iter().take_while(|event| event.seq <= up_to).cloned().collect();
    past.iter().for_each(|event| apply(&mut state, event));
    if state.end.is_some() {
        return Err(ForkRefusal::Ended(up_to));
    }
    let incompatible = migration_preview(old, new, &state);
    if !incompatible.is_empty() {
        return Err(ForkRefusal::Incompatible(incompatible));
    }
    let mut machine = Machine::new(new, context, &mut state, now.trunc_subsecs(3));
    let again = machine.begun_anew();
    let forked = |again, edges| EventBody::Forked {
        from,
        up_to,
        by: by.to_owned(),
        input: edits.input.clone(),
        variables: edits.variables.clone(),
        again,
        edges,
        sent: sent_after(events, up_to),
    };
    // Which edges the version decides otherwise shows only when what is begun anew is out of the way.
    let mut ahead = machine.state.clone();
    let probe = Event { seq: ahead.seq + 1, at: machine.now, body: forked(again.clone(), vec![]) };
    apply(&mut ahead, &probe);
    let edges = Machine::new(new, context, &mut ahead, machine.now).new_edges();
    machine.emit(forked(again, edges));
    machine.await_slot();
    // The run is alive here: it cannot refuse.
    let _ = machine.command(&Command::Continue);
    let advance = machine.advanced();
    let journal = past.into_iter().chain(advance.events.iter().cloned()).collect();
    Ok(ForkedRun { journal, state, advance })
}

/// Messages of a run that left, or may have left, and that a fork would send again: those of steps that were not
/// over at the event. By place (`0/each[3]/send`).
fn sent_after(events: &[Event], up_to: u64) -> BTreeMap<String, MessageId> {
    let mut frames: BTreeMap<FrameId, String> = BTreeMap::from([(FrameId(0), "0".to_owned())]);
    let mut places: BTreeMap<ActivationId, String> = BTreeMap::new();
    let mut over: Vec<ActivationId> = vec![];
    let mut sent = BTreeMap::new();
    for event in events {
        match &event.body {
            EventBody::FrameStarted { frame, parent, header, index, .. } => {
                let around = frames.get(parent).map_or("0", String::as_str);
                let path = format!("{around}/{header}[{index}]");
                frames.insert(*frame, path);
            }
            EventBody::NodeStarted { activation, node, frame } => {
                places.insert(*activation, place(&frames, *frame, node));
            }
            EventBody::MessageMoved { activation, message, state, .. } if may_have_left(state) => {
                if let Some(place) = places.get(activation).filter(|_| !over.contains(activation)) {
                    sent.insert(place.clone(), *message);
                }
            }
            EventBody::NodeCompleted { .. }
            | EventBody::NodeFailed { .. }
            | EventBody::NodeBypassed { .. }
                if event.seq <= up_to =>
            {
                // It is over in the fork too: what it sent is not sent again.
                if let Some(activation) = activation_of(&event.body) {
                    over.push(activation);
                    if let Some(place) = places.get(&activation) {
                        sent.remove(place);
                    }
                }
            }
            _ => {}
        }
    }
    sent
}

fn place(frames: &BTreeMap<FrameId, String>, frame: FrameId, node: &NodeId) -> String {
    let around = frames.get(&frame).map_or("0", String::as_str);
    format!("{around}/{node}")
}

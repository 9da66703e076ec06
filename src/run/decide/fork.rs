//! Forking: the events of a run up to a point become the past of another one.

use super::retry::{begun_anew, may_have_left};
use super::{Advance, Machine, apply};
use crate::graph::CompiledGraph;
use crate::graph::compile::Program;
use crate::id::{MessageId, NodeId, RunId};
use crate::run::hidden::is_not_shown;
use crate::run::{
    ActivationId, Command, Context, Event, EventBody, FrameId, Incompatible, RunState, StartAnew,
    StepError, activation_of, migration_preview,
};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What is different in a fork.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ForkEdits {
    /// Another input. What steps computed from the old one stays as it was; variables that nothing but the start has
    /// set, and the place among the runs of a key, follow the new one.
    pub input: Option<Value>,
    /// Variables with other values. One that is hidden and is given as it is shown keeps its own.
    pub variables: Map<String, Value>,
}

/// What a fork goes on from.
#[derive(Clone, Copy, Debug)]
pub struct ForkPast<'a> {
    /// The other run.
    pub run: RunId,
    /// Its events, from the first on.
    pub events: &'a [Event],
    /// The last one that counts.
    pub up_to: u64,
    /// The version that it ran there, and the one that the fork goes on in.
    pub versions: (u32, u32),
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
    /// With this input it could not have begun.
    #[error("a run does not begin with this input: {0}")]
    Input(StepError),
}

/// The last event that a fork at `up_to` shares with the other run. What a step did at once belongs together: where it
/// set variables it is over in the fork too, or it would set them twice.
pub fn fork_point(events: &[Event], up_to: u64) -> u64 {
    let body = |seq: u64| events.iter().find(|event| event.seq == seq).map(|event| &event.body);
    let next = up_to.saturating_add(1);
    match (body(up_to), body(next)) {
        (
            Some(EventBody::VariablesSet { activation: set, .. }),
            Some(EventBody::NodeCompleted { activation, .. }),
        ) if set == activation => next,
        _ => up_to,
    }
}

/// The version that a run was in at an event; at its last one it is in `now`.
pub fn version_at(events: &[Event], up_to: u64, now: u32) -> u32 {
    let mut version = None;
    for event in events {
        let change = match &event.body {
            EventBody::Migrated { from, to, .. } => Some((*from, *to)),
            EventBody::Forked { versions: Some(versions), .. } => Some(*versions),
            // An older journal does not say.
            EventBody::Forked { versions: None, .. } => None,
            _ => continue,
        };
        if event.seq > up_to {
            return version.or(change.map(|(from, _)| from)).unwrap_or(now);
        }
        version = change.map(|(_, to)| to);
    }
    version.unwrap_or(now)
}

/// Makes the run `run` from the first events of another one, which ran `old`; it goes on in `new` (the same, or
/// another version). Nothing is sent again by itself: what was under way there is begun anew, and a message that
/// repeats one of the other run names it, so that a person must approve it.
pub fn fork(
    (old, new): (&CompiledGraph, &CompiledGraph),
    context: &Context,
    from: ForkPast<'_>,
    run: RunId,
    edits: &ForkEdits,
    by: &str,
    now: DateTime<Utc>,
) -> Result<ForkedRun, ForkRefusal> {
    let ForkPast { events, up_to, versions, .. } = from;
    let last = events.last().map_or(0, |event| event.seq);
    if up_to == 0 || up_to > last {
        return Err(ForkRefusal::NoEvent { up_to, last });
    }
    let up_to = fork_point(events, up_to);
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
    let ends_all = reached_end_of_all(old, &state, past.last());
    let mut variables = edits.variables.clone();
    variables.retain(|name, value| !(state.hidden.contains(name) && is_not_shown(value)));
    let secure: Vec<String> =
        variables.keys().filter(|name| state.hidden.contains(*name)).cloned().collect();
    let mut machine = Machine::new(new, context, &mut state, now.trunc_subsecs(3));
    let anew = machine.start_anew(&past, edits).map_err(ForkRefusal::Input)?;
    let again = machine.again_of(begun_anew(machine.state));
    let forked = |again, edges| EventBody::Forked {
        from: from.run,
        up_to,
        by: by.to_owned(),
        input: edits.input.clone(),
        variables: variables.clone(),
        secure: secure.clone(),
        anew: anew.clone(),
        versions: Some(versions),
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
    if ends_all {
        machine.complete_run();
    } else {
        machine.await_slot();
        // The run is alive here: it cannot refuse.
        let _ = machine.command(&Command::Continue);
    }
    let advance = machine.advanced();
    let journal = past.into_iter().chain(advance.events.iter().cloned()).collect();
    Ok(ForkedRun { journal, state, advance })
}

/// Whether the last event is an end that leaves nothing else to be done.
fn reached_end_of_all(old: &CompiledGraph, state: &RunState, last: Option<&Event>) -> bool {
    let Some(EventBody::NodeCompleted { activation, outcome: Some(_), .. }) =
        last.map(|event| &event.body)
    else {
        return false;
    };
    let node = state.activations.get(activation).and_then(|a| old.node_index(&a.node));
    node.is_some_and(|node| matches!(old.node(node).program, Program::End { terminate: true, .. }))
}

impl Machine<'_> {
    /// What a start with the input of the fork computes, where it is another thing than what the run has: variables
    /// that no step and no person set, and the place among the runs of its key.
    fn start_anew(
        &self,
        past: &[Event],
        edits: &ForkEdits,
    ) -> Result<Option<Box<StartAnew>>, StepError> {
        let input = edits.input.as_ref().unwrap_or(&self.state.input);
        let set = set_on_the_way(past);
        let is_open = |name: &String| match self.state.variables.contains_key(name) {
            true => edits.input.is_some() && !set.contains(name.as_str()),
            false => true,
        };
        let mut variables = Map::new();
        if self.graph.variables().iter().any(|(name, _)| is_open(name)) {
            variables = self.first_variables(input, &self.state.contacts)?;
            variables.retain(|name, _| is_open(name));
        }
        let slot = self.slot(input, &self.state.contacts)?;
        let is_other = !variables.is_empty() || slot != self.state.slot;
        Ok(is_other.then(|| Box::new(StartAnew { variables, slot })))
    }
}

/// Variables that steps set, or whoever made a fork.
fn set_on_the_way(events: &[Event]) -> BTreeSet<&str> {
    let sets = events.iter().filter_map(|event| match &event.body {
        EventBody::VariablesSet { values: names, .. }
        | EventBody::Forked { variables: names, .. } => Some(names),
        _ => None,
    });
    sets.flat_map(|names| names.keys().map(String::as_str)).collect()
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

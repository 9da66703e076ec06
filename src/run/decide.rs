//! What happens next: a command and a state give events.

use super::{Command, Context, Effect, Event, Refusal, RunState};
use crate::graph::CompiledGraph;
use chrono::{DateTime, Utc};

/// What a command caused: the events, in order, and what the world must do about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advance {
    /// Numbered on from the state's last event. Empty when the command changed nothing.
    pub events: Vec<Event>,
    /// The effects of the events, and [`Effect::Continue`] when the budget ran out.
    pub effects: Vec<Effect>,
}

/// Decides about a command and applies the events to `state` in one pass. On a refusal nothing changed.
/// When committing the events fails, the state must be thrown away and loaded again.
pub fn advance(
    graph: &CompiledGraph,
    context: &Context,
    state: &mut RunState,
    command: &Command,
    now: DateTime<Utc>,
) -> Result<Advance, Refusal> {
    let _ = (graph, context, state, command, now);
    Ok(Advance::default())
}

/// What happens next, as events. Leaves `state` alone: [`advance`] does the same without a copy.
pub fn decide(
    graph: &CompiledGraph,
    context: &Context,
    state: &RunState,
    command: &Command,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let mut scratch = state.clone();
    Ok(advance(graph, context, &mut scratch, command, now)?.events)
}

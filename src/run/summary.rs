//! What a canvas needs of a run: how each node fares, and which edges were taken.

use super::{Activation, ActivationState, EdgeState, RunState, Tally};
use crate::graph::Graph;
use crate::id::NodeId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a node fares, over all turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeSummary {
    /// Where its most pressing activation is: one that waits for a person comes before one that works, and both
    /// before what is over. `pending` when it has none.
    pub state: ActivationState,
    /// Tries of that activation.
    pub attempts: u32,
    /// How its activations ended, over all turns.
    pub tally: Tally,
    /// Activations that are not over.
    pub live: u32,
    /// For a loop: its items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Items>,
    /// Why it failed, was skipped or is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Since when it waits or is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<DateTime<Utc>>,
    /// When something happens by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_until: Option<DateTime<Utc>>,
    /// When that activation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// The items of a loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items {
    /// All of them.
    pub total: u32,
    /// Those whose turn is over.
    pub done: u32,
    /// Those whose turn runs.
    pub live: u32,
}

/// How each node of a graph fares.
pub fn node_states(graph: &Graph, state: &RunState) -> BTreeMap<NodeId, NodeSummary> {
    let mut latest: BTreeMap<&NodeId, (&Activation, u32)> = BTreeMap::new();
    for activation in state.activations.values() {
        let is_live = !activation.state.is_terminal() && state.end.is_none();
        let entry = latest.entry(&activation.node).or_insert((activation, 0));
        entry.1 += u32::from(is_live);
        if urgency(activation) <= urgency(entry.0) {
            entry.0 = activation;
        }
    }
    let summarise = |node: &crate::graph::Node| {
        let found = latest.get(&node.id);
        let tally = state.tallies.get(&node.id).copied().unwrap_or_default();
        let summary = match found {
            Some((activation, live)) => of_activation(state, activation, *live, tally),
            None => pending(tally),
        };
        (node.id.clone(), summary)
    };
    graph.nodes.iter().map(summarise).collect()
}

/// Lower is more pressing; among equals the later one counts.
fn urgency(activation: &Activation) -> u8 {
    match activation.state {
        ActivationState::Blocked => 0,
        ActivationState::AwaitingHuman => 1,
        ActivationState::Running | ActivationState::Ready => 2,
        ActivationState::Waiting => 3,
        _ => 4,
    }
}

fn pending(tally: Tally) -> NodeSummary {
    NodeSummary {
        state: ActivationState::Pending,
        attempts: 0,
        tally,
        live: 0,
        items: None,
        error: None,
        waiting_since: None,
        waiting_until: None,
        started_at: None,
        ended_at: None,
    }
}

fn of_activation(
    state: &RunState,
    activation: &Activation,
    live: u32,
    tally: Tally,
) -> NodeSummary {
    let items = items(state, activation);
    let was_cut_off = state.end.is_some() && !activation.state.is_terminal();
    let at = match activation.state {
        _ if was_cut_off => ActivationState::Skipped,
        // A loop node waits for its turns, which work.
        ActivationState::Waiting if items.is_some_and(|items| items.live > 0) => {
            ActivationState::Running
        }
        at => at,
    };
    let waits = matches!(
        at,
        ActivationState::Waiting | ActivationState::AwaitingHuman | ActivationState::Blocked
    );
    let error = activation.error.as_ref().map(|error| error.message.clone());
    let cut_off = || "The run ended before this step was done".to_owned();
    let timer = activation.timer.as_ref().map(|(_, due_at)| *due_at);
    NodeSummary {
        state: at,
        attempts: activation.attempt,
        tally,
        live,
        items,
        error: if was_cut_off { Some(cut_off()) } else { error },
        waiting_since: activation.since.filter(|_| waits),
        waiting_until: timer.or(activation.until).filter(|_| waits),
        started_at: Some(activation.started_at),
        ended_at: activation.ended_at.or(state.ended_at.filter(|_| was_cut_off)),
    }
}

fn items(state: &RunState, activation: &Activation) -> Option<Items> {
    let region = state.frames.get(&activation.frame)?.regions.get(&activation.node)?;
    region.owner?;
    let total = u32::try_from(region.items.len()).unwrap_or(u32::MAX);
    Some(Items { total, done: region.turns.saturating_sub(region.live), live: region.live })
}

/// What became of the edges, by id, over all turns that are remembered: taken once counts as taken.
pub fn edge_states(state: &RunState) -> BTreeMap<String, EdgeState> {
    let mut edges = BTreeMap::new();
    for (edge, became) in state.frames.values().flat_map(|frame| &frame.edges) {
        let known = edges.entry(edge.clone()).or_insert(*became);
        if *became == EdgeState::Taken {
            *known = EdgeState::Taken;
        }
    }
    edges
}

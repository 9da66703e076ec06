//! Going on in another version: refused unless everything that is alive keeps its kind and its place.

mod kinds;

use super::edges::Ways;
use super::{Advance, Machine};
use crate::graph::CompiledGraph;
use crate::graph::compile::RegionKind;
use crate::id::NodeId;
use crate::run::{
    Activation, ActivationState, Command, Context, Edges, EventBody, Frame, FrameId, Refusal,
    RunState,
};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

/// A step that cannot go on in the other version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Incompatible {
    /// The step.
    pub node: NodeId,
    /// What is different there, in a sentence.
    pub reason: String,
}

/// Why a run does not go on in another version. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrationRefusal {
    /// The run is over, or was never started.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Steps that are alive cannot go on there.
    #[error("{} of its steps cannot go on in that version", .0.len())]
    Incompatible(Vec<Incompatible>),
}

/// What keeps a run of `old` from going on in `new`: living steps and loops with turns that are not there, are of
/// another kind, stand in other loops, or are under way and wait for something else there. Empty: nothing.
pub fn migration_preview(
    old: &CompiledGraph,
    new: &CompiledGraph,
    state: &RunState,
) -> Vec<Incompatible> {
    let living = state.living().map(|(_, activation)| &activation.node);
    let looping = state.frames.values().filter(|frame| !frame.ended);
    let mut nodes: Vec<&NodeId> = living.chain(looping.filter_map(|f| f.header.as_ref())).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let judge = |node: &NodeId| {
        let reason = difference(old, new, node).or_else(|| under_way(old, new, state, node))?;
        Some(Incompatible { node: node.clone(), reason })
    };
    nodes.into_iter().filter_map(judge).collect()
}

fn difference(old: &CompiledGraph, new: &CompiledGraph, node: &NodeId) -> Option<String> {
    let before = old.node_index(node)?;
    let title = old.source(before).title();
    let Some(after) = new.node_index(node) else {
        return Some(format!("\u{201c}{title}\u{201d} is not there any more"));
    };
    let kinds = (old.source(before).kind.tag(), new.source(after).kind.tag());
    if kinds.0 != kinds.1 {
        let (was, is) = (kinds.0.as_str(), kinds.1.as_str());
        return Some(format!("\u{201c}{title}\u{201d} was of the kind {was} and is now {is}"));
    }
    if region_path(old, before) != region_path(new, after) {
        return Some(format!("\u{201c}{title}\u{201d} stands in other loops"));
    }
    None
}

/// What a step that has begun would lose of what it waits for.
fn under_way(
    old: &CompiledGraph,
    new: &CompiledGraph,
    state: &RunState,
    node: &NodeId,
) -> Option<String> {
    let has_begun = |activation: &Activation| {
        use ActivationState::{AwaitingHuman, Running, Waiting};
        activation.node == *node && matches!(activation.state, AwaitingHuman | Running | Waiting)
    };
    if !state.living().any(|(_, activation)| has_begun(activation)) {
        return None;
    }
    let (before, after) = (old.source(old.node_index(node)?), new.source(new.node_index(node)?));
    let words = kinds::difference(&before.kind, &after.kind)?;
    Some(format!("\u{201c}{}\u{201d} {words}", before.title()))
}

/// The loops around a node, outermost last, and the one that it heads, each with what it repeats for.
fn region_path(graph: &CompiledGraph, node: usize) -> Option<Vec<(NodeId, RegionKind)>> {
    let regions = graph.regions();
    let mut path = vec![];
    let mut at = regions.headed[node].or(regions.home[node]);
    at?;
    while let Some(region) = at {
        let region = graph.region(region);
        path.extend(region.header.map(|header| (graph.source(header).id.clone(), region.kind)));
        at = region.parent;
    }
    Some(path)
}

/// Lets a run go on in another version, which `new` is. Edges that only the new version has are decided by what is
/// over already: a step that was inserted behind a finished one begins.
pub fn migrate(
    old: &CompiledGraph,
    new: &CompiledGraph,
    context: &Context,
    state: &mut RunState,
    (from, to): (u32, u32),
    by: &str,
    now: DateTime<Utc>,
) -> Result<Advance, MigrationRefusal> {
    if state.started_at.is_none() {
        return Err(Refusal::NotStarted.into());
    }
    if state.end.is_some() {
        return Err(Refusal::Ended.into());
    }
    let incompatible = migration_preview(old, new, state);
    if !incompatible.is_empty() {
        return Err(MigrationRefusal::Incompatible(incompatible));
    }
    let mut machine = Machine::new(new, context, state, now.trunc_subsecs(3));
    let edges = machine.new_edges();
    machine.emit(EventBody::Migrated { from, to, by: by.to_owned(), edges });
    machine.command(&Command::Continue)?;
    Ok(machine.advanced())
}

impl Machine<'_> {
    /// What becomes of edges that this version has and the past did not decide although their source is over.
    pub(super) fn new_edges(&self) -> Vec<(FrameId, Edges)> {
        let mut decided = vec![];
        for (id, frame) in self.state.frames.iter().filter(|(_, frame)| !frame.ended) {
            let mut ways = Ways::default();
            for (node, activation) in &frame.latest {
                let over = self.state.activations.get(activation);
                let over = over.filter(|activation| activation.state.is_terminal());
                if let (Some(node), Some(activation)) = (self.graph.node_index(node), over) {
                    self.ways_now(*id, node, activation, &mut ways);
                }
            }
            self.ways_into_turn(*id, frame, &mut ways);
            self.ways_out_of_loops(frame, &mut ways);
            let open = |edge: &usize| !frame.edges.contains_key(self.graph.edge_id(*edge));
            ways.taken.retain(open);
            ways.dead.retain(open);
            let edges = self.ids(&ways);
            if !edges.is_empty() {
                decided.push((*id, edges));
            }
        }
        decided
    }

    /// The edges out of a node that is over, as they would be decided in this version.
    fn ways_now(&self, frame: FrameId, node: usize, over: &Activation, ways: &mut Ways) {
        if over.state == ActivationState::Skipped {
            return ways.dead.extend(self.all_ways(frame, node));
        }
        // An edge whose condition cannot be computed is not taken.
        let port = over.port.as_deref();
        for edge in &self.graph.node(node).outs {
            if self.is_decided_by_turns(frame, node, *edge) {
                continue;
            }
            let is_chosen = port == Some(self.graph.edge_port(*edge))
                && self.holds(frame, node, *edge, Some(&over.output)).unwrap_or(false);
            if is_chosen { ways.taken.push(*edge) } else { ways.dead.push(*edge) }
        }
    }

    /// Edges from a loop node into a turn of it that runs.
    fn ways_into_turn(&self, id: FrameId, frame: &Frame, ways: &mut Ways) {
        let Some(header) = frame.header.as_ref().and_then(|h| self.graph.node_index(h)) else {
            return;
        };
        let Some(region) = self.level(id).map(|level| self.graph.region(level)) else { return };
        for edge in &region.entries {
            if self.holds(id, header, *edge, None).unwrap_or(false) {
                ways.taken.push(*edge);
            } else {
                ways.dead.push(*edge);
            }
        }
    }

    /// Edges out of loops that ended: nothing led over a new one.
    fn ways_out_of_loops(&self, frame: &Frame, ways: &mut Ways) {
        for (header, turns) in frame.regions.iter().filter(|(_, turns)| turns.ended) {
            if let Some(region) = self.graph.region_of_header(header) {
                let exits = &self.graph.region(region).exits;
                let took = |edge: &&usize| turns.exits.contains(self.graph.edge_id(**edge));
                ways.taken.extend(exits.iter().filter(took));
                ways.dead.extend(exits.iter().filter(|edge| !took(edge)));
            }
        }
    }
}

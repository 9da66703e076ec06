//! "Tidy up": a layered layout from left to right.
//!
//! The trigger stands on the left, each step to the right of what leads to it, a loop's body between the
//! loop and what comes when it is done. The result depends on nodes and edges alone, not on where things
//! stood: tidying twice gives the same. Deliberately absent: routing of edges (the canvas draws them).

mod layers;
mod order;
mod place;
#[cfg(test)]
mod tests;

use super::{Graph, GraphEdit, NodeKind, Position};
use std::collections::HashMap;

/// Width of a node on the canvas, in canvas units.
pub const NODE_WIDTH: f64 = 208.0;
/// Least height of a node; one with more than two ports is taller, see [`node_height`].
pub const NODE_HEIGHT: f64 = 56.0;
/// Room that one port needs on a node's side.
pub const PORT_PITCH: f64 = 24.0;
/// From one layer's left side to the next one's.
const LAYER_STEP: f64 = 288.0;
/// From one node's top to the next one's in a layer.
const ROW_STEP: f64 = 96.0;
/// Between groups of nodes that are not connected.
const GROUP_GAP: f64 = 64.0;

/// How tall a node with so many ways out is.
pub fn node_height(ports: usize) -> f64 {
    NODE_HEIGHT.max(PORT_PITCH * ports as f64 + 8.0)
}

/// A graph by index, edges sorted by source and port. Edges to nodes that do not exist are left out.
struct Net {
    /// Targets of each node, in the order of its ports.
    out: Vec<Vec<usize>>,
    /// For a loop: where it goes when it is done.
    done: Vec<Vec<usize>>,
    /// Nodes from which the layout begins, triggers first.
    starts: Vec<usize>,
    /// How tall each node is.
    heights: Vec<f64>,
}

/// Moves all nodes to their tidy places.
pub fn tidy(graph: &mut Graph) {
    let places = positions(graph);
    for (node, position) in graph.nodes.iter_mut().zip(places) {
        node.position = position;
    }
}

/// The moves that tidy a graph; one undo step. Empty when it is tidy.
pub fn tidy_edits(graph: &Graph) -> Vec<GraphEdit> {
    let places = graph.nodes.iter().zip(positions(graph));
    let moved = places.filter(|(node, position)| node.position != *position);
    moved.map(|(node, position)| GraphEdit::MoveNode { id: node.id.clone(), position }).collect()
}

/// The tidy places, one for each node in order.
pub fn positions(graph: &Graph) -> Vec<Position> {
    let net = Net::of(graph);
    let mut places = vec![Position::default(); graph.nodes.len()];
    let mut top = 0.0;
    for group in groups(&net) {
        let bottom = match group.as_slice() {
            [] => continue,
            group if group.iter().all(|node| net.out[*node].is_empty()) && group.len() > 1 => {
                grid(&net, group, top, &mut places)
            }
            group => layered(&net, group, top, &mut places),
        };
        top = bottom + GROUP_GAP;
    }
    places
}

impl Net {
    fn of(graph: &Graph) -> Self {
        let mut index = HashMap::new();
        for (number, node) in graph.nodes.iter().enumerate() {
            index.entry(&node.id).or_insert(number);
        }
        let count = graph.nodes.len();
        let mut ported: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
        let mut done = vec![Vec::new(); count];
        for edge in &graph.edges {
            let (Some(&from), Some(&to)) = (index.get(&edge.from), index.get(&edge.to)) else {
                continue;
            };
            if from == to {
                continue;
            }
            let kind = &graph.nodes[from].kind;
            let ports = kind.ports();
            let port = ports.iter().position(|port| *port == edge.port).unwrap_or(ports.len());
            ported[from].push((port, to));
            if matches!(kind, NodeKind::Loop(_)) && edge.port == "done" {
                done[from].push(to);
            }
        }
        let out = ported.into_iter().map(|mut targets| {
            targets.sort_by_key(|(port, _)| *port);
            targets.into_iter().map(|(_, to)| to).collect()
        });
        let is_trigger = |node: &usize| matches!(graph.nodes[*node].kind, NodeKind::Trigger(_));
        let (first, rest): (Vec<_>, Vec<_>) = (0..count).partition(is_trigger);
        let heights = graph.nodes.iter().map(|node| node_height(node.kind.ports().len())).collect();
        Self { out: out.collect(), done, starts: [first, rest].concat(), heights }
    }
}

/// Connected groups, the trigger's first; all nodes without edges are one group, the last.
fn groups(net: &Net) -> Vec<Vec<usize>> {
    let count = net.out.len();
    let mut around = net.out.clone();
    for (from, targets) in net.out.iter().enumerate() {
        targets.iter().for_each(|to| around[*to].push(from));
    }
    let mut seen = vec![false; count];
    let (mut groups, mut alone) = (Vec::new(), Vec::new());
    for &start in &net.starts {
        if around[start].is_empty() {
            alone.push(start);
            continue;
        }
        let (mut group, mut rest) = (Vec::new(), vec![start]);
        while let Some(node) = rest.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                group.push(node);
                rest.extend(&around[node]);
            }
        }
        // In list order, so that the layout does not depend on how the group was found.
        group.sort_unstable();
        if !group.is_empty() {
            groups.push(group);
        }
    }
    groups.push(alone);
    groups
}

/// Nodes without edges, in rows of about as many as there are rows.
fn grid(net: &Net, group: &[usize], top: f64, places: &mut [Position]) -> f64 {
    let columns = (1..).find(|side| side * side >= group.len()).unwrap_or(1);
    let tallest = group.iter().map(|node| net.heights[*node]).fold(NODE_HEIGHT, f64::max);
    let step = ROW_STEP + tallest - NODE_HEIGHT;
    let mut bottom = top;
    for (number, node) in group.iter().enumerate() {
        let (row, column) = (number / columns, number % columns);
        let y = top + row as f64 * step;
        places[*node] = Position { x: column as f64 * LAYER_STEP, y };
        bottom = y + tallest;
    }
    bottom
}

fn layered(net: &Net, group: &[usize], top: f64, places: &mut [Position]) -> f64 {
    let layered = layers::assign(net, group);
    let mut rows = order::Rows::new(&layered);
    rows.untangle();
    let extra: Vec<f64> =
        layered.nodes.iter().map(|node| net.heights[*node] - NODE_HEIGHT).collect();
    let tops = place::tops(&rows, &extra);
    let highest = tops.iter().copied().fold(f64::INFINITY, f64::min);
    let mut bottom = top;
    for (slot, node) in layered.nodes.iter().enumerate() {
        let y = top + ((tops[slot] - highest) / 8.0).floor() * 8.0;
        places[*node] = Position { x: layered.layer[slot] as f64 * LAYER_STEP, y };
        bottom = bottom.max(y + net.heights[*node]);
    }
    bottom
}

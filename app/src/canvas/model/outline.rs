//! The order in which a workflow is read aloud and walked by keyboard: from the trigger along the
//! edges, branches in the order of their ports; then what nothing leads to.

use signalbox::graph::{Edge, Graph, Node};
use signalbox::id::NodeId;
use std::collections::{HashMap, HashSet, VecDeque};

/// The ids of all nodes in reading order. A node comes after those that lead to it, as far as the
/// graph has no loops.
pub fn order(graph: &Graph) -> Vec<NodeId> {
    let out = outgoing(graph);
    let depths = depths(graph, &out);
    let mut numbered: Vec<(usize, &Node)> = graph.nodes.iter().enumerate().collect();
    numbered.sort_by(|(index_a, a), (index_b, b)| {
        let key = |index: usize, node: &Node| {
            (depths.get(&node.id).copied().unwrap_or(usize::MAX), index)
        };
        let ((depth_a, at_a), (depth_b, at_b)) = (key(*index_a, a), key(*index_b, b));
        depth_a
            .cmp(&depth_b)
            .then(a.position.y.total_cmp(&b.position.y))
            .then(a.position.x.total_cmp(&b.position.x))
            .then(at_a.cmp(&at_b))
    });
    numbered.into_iter().map(|(_, node)| node.id.clone()).collect()
}

/// The edges out of each node, by the order of its ports.
pub fn outgoing(graph: &Graph) -> HashMap<&NodeId, Vec<&Edge>> {
    let mut out: HashMap<&NodeId, Vec<&Edge>> = HashMap::new();
    for edge in &graph.edges {
        out.entry(&edge.from).or_default().push(edge);
    }
    for (id, edges) in &mut out {
        let Some(node) = graph.nodes.iter().find(|node| node.id == **id) else { continue };
        let ports = node.kind.ports();
        let rank = |port: &str| ports.iter().position(|name| *name == port).unwrap_or(ports.len());
        edges.sort_by_key(|edge| rank(&edge.port));
    }
    out
}

/// The longest way to each node that is reached, edges that lead back not counted.
fn depths(graph: &Graph, out: &HashMap<&NodeId, Vec<&Edge>>) -> HashMap<NodeId, usize> {
    let ranked = forward_order(graph, out);
    let mut depths: HashMap<NodeId, usize> = HashMap::new();
    let rank: HashMap<&NodeId, usize> =
        ranked.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    for id in &ranked {
        let depth = *depths.entry((*id).clone()).or_insert(0);
        for edge in out.get(*id).into_iter().flatten() {
            if rank.get(&edge.to) > rank.get(*id) {
                let next = depths.entry(edge.to.clone()).or_insert(0);
                *next = (*next).max(depth + 1);
            }
        }
    }
    depths
}

/// Nodes reached from the trigger (or, without one, from nodes that nothing leads to), each before
/// those it leads to unless by a back edge: reverse postorder, without recursion.
fn forward_order<'a>(
    graph: &'a Graph,
    out: &HashMap<&'a NodeId, Vec<&'a Edge>>,
) -> Vec<&'a NodeId> {
    let known: HashSet<&NodeId> = graph.nodes.iter().map(|node| &node.id).collect();
    let mut seen: HashSet<&NodeId> = HashSet::new();
    let mut postorder = Vec::with_capacity(graph.nodes.len());
    for root in roots(graph).into_iter().rev() {
        if !seen.insert(root) {
            continue;
        }
        let mut stack = vec![(root, 0)];
        while let Some((id, next)) = stack.pop() {
            let edges = out.get(id).map_or(&[][..], Vec::as_slice);
            // From the last port to the first, so that the first comes first when reversed.
            match edges.len().checked_sub(next + 1).map(|at| &edges[at].to) {
                Some(to) => {
                    stack.push((id, next + 1));
                    if known.contains(to) && seen.insert(to) {
                        stack.push((to, 0));
                    }
                }
                None => postorder.push(id),
            }
        }
    }
    postorder.reverse();
    postorder
}

fn roots(graph: &Graph) -> Vec<&NodeId> {
    let entered: HashSet<&NodeId> = graph.edges.iter().map(|edge| &edge.to).collect();
    let first = graph.trigger().map(|node| &node.id);
    let others = graph.nodes.iter().map(|node| &node.id).filter(|id| !entered.contains(id));
    first.into_iter().chain(others.filter(|id| Some(*id) != first)).collect()
}

/// The nodes from which a node can be reached, itself not counted unless it is in a loop; nearest
/// first.
pub fn upstream(graph: &Graph, of: &NodeId) -> Vec<NodeId> {
    let mut into: HashMap<&NodeId, Vec<&NodeId>> = HashMap::new();
    for edge in &graph.edges {
        into.entry(&edge.to).or_default().push(&edge.from);
    }
    let mut seen: HashSet<&NodeId> = HashSet::new();
    let mut found = Vec::new();
    let mut queue = VecDeque::from([of]);
    while let Some(id) = queue.pop_front() {
        for from in into.get(id).into_iter().flatten() {
            if seen.insert(from) {
                found.push((*from).clone());
                queue.push_back(from);
            }
        }
    }
    found
}

/// Where an arrow key leads from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the node that leads here.
    Back,
    /// To the node that the first edge leads to.
    Forward,
    /// To the sibling above: another target of the same source.
    Up,
    /// To the sibling below.
    Down,
}

/// The node that an arrow key leads to along the edges; without an edge that way, the nearest node
/// in the picture that way.
pub fn step(graph: &Graph, from: &NodeId, step: Step) -> Option<NodeId> {
    let out = outgoing(graph);
    let along = match step {
        Step::Forward => out.get(from).and_then(|edges| edges.first()).map(|edge| &edge.to),
        Step::Back => graph.edges_into(from).next().map(|edge| &edge.from),
        Step::Up | Step::Down => sibling(graph, &out, from, step == Step::Down),
    };
    along.filter(|id| graph.node(id).is_some()).cloned().or_else(|| nearest(graph, from, step))
}

fn sibling<'a>(
    graph: &'a Graph,
    out: &HashMap<&'a NodeId, Vec<&'a Edge>>,
    from: &NodeId,
    down: bool,
) -> Option<&'a NodeId> {
    let source = graph.edges.iter().find(|edge| edge.to == *from)?;
    let edges = out.get(&source.from)?;
    let at = edges.iter().position(|edge| edge.to == *from)?;
    let next = if down { at + 1 } else { at.checked_sub(1)? };
    edges.get(next).map(|edge| &edge.to)
}

fn nearest(graph: &Graph, from: &NodeId, step: Step) -> Option<NodeId> {
    let origin = graph.node(from)?.position;
    let ahead = |node: &&Node| {
        let (dx, dy) = (node.position.x - origin.x, node.position.y - origin.y);
        node.id != *from
            && match step {
                Step::Forward => dx > dy.abs(),
                Step::Back => -dx > dy.abs(),
                Step::Down => dy > 0.0 && dy >= dx.abs() / 2.0,
                Step::Up => dy < 0.0 && -dy >= dx.abs() / 2.0,
            }
    };
    let distance = |node: &&Node| (node.position.x - origin.x).hypot(node.position.y - origin.y);
    let found = graph.nodes.iter().filter(ahead);
    found.min_by(|a, b| distance(a).total_cmp(&distance(b))).map(|node| node.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::model::fixture;
    use proptest::prelude::*;
    use signalbox::graph::{EndSettings, NodeKind};

    fn graph(count: usize, edges: &[(usize, usize)]) -> Graph {
        let kind = || NodeKind::End(EndSettings::default());
        Graph {
            nodes: (0..count).map(|n| Node::new(format!("n{n}"), kind())).collect(),
            edges: edges
                .iter()
                .map(|(from, to)| Edge::new(format!("n{from}"), "success", format!("n{to}")))
                .collect(),
            ..Graph::default()
        }
    }

    proptest! {
        #[test]
        fn in_a_graph_without_loops_every_node_comes_after_those_that_lead_to_it(
            count in 1usize..20, pairs in prop::collection::vec((0usize..20, 0usize..20), 0..40)
        ) {
            // Edges lead from lower to higher numbers only.
            let edges: Vec<(usize, usize)> = pairs.into_iter()
                .filter(|(a, b)| a != b && *a < count && *b < count)
                .map(|(a, b)| (a.min(b), a.max(b))).collect();
            let graph = graph(count, &edges);
            let order = order(&graph);
            prop_assert_eq!(order.len(), count);
            let rank = |id: &NodeId| order.iter().position(|other| other == id);
            for edge in &graph.edges {
                prop_assert!(rank(&edge.from) < rank(&edge.to), "{} {order:?}", edge.id);
            }
        }

        #[test]
        fn loops_and_missing_ends_do_not_hold_it_up(
            pairs in prop::collection::vec((0usize..8, 0usize..12), 0..40)
        ) {
            let graph = graph(8, &pairs);
            let order = order(&graph);
            prop_assert_eq!(order.iter().collect::<HashSet<_>>().len(), 8);
        }
    }

    #[test]
    fn arrows_follow_edges() {
        let mut graph = fixture::small();
        graph.edges.push(Edge::new("check", "false", "done"));
        let go = |from: &str, by: Step| step(&graph, &from.into(), by).map(|id| id.0);
        assert_eq!(go("start", Step::Forward).as_deref(), Some("check"));
        assert_eq!(go("check", Step::Forward).as_deref(), Some("mail"));
        assert_eq!(go("mail", Step::Down).as_deref(), Some("done"));
        assert_eq!(go("check", Step::Back).as_deref(), Some("start"));
        assert_eq!(go("start", Step::Back), None);
    }

    #[test]
    fn upstream_is_nearest_first() {
        let graph = fixture::small();
        let ids: Vec<String> =
            upstream(&graph, &"done".into()).into_iter().map(|id| id.0).collect();
        assert_eq!(ids, ["mail", "check", "start"]);
        assert!(upstream(&graph, &"start".into()).is_empty());
    }
}

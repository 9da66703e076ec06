//! Which connections are allowed, and the reason when one is not.
//!
//! Deliberately absent: what [`signalbox::graph::check`] says about the whole graph. A draft is
//! allowed to be wrong; only connections that can never be meant are refused.

use signalbox::graph::{EDGES_MAX, Graph, Node, NodeKind};
use signalbox::id::NodeId;
use std::collections::HashSet;

/// Why a connection is refused; the words are shown at the pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A node is not there.
    #[error("There is no step {0}")]
    NoNode(NodeId),
    /// The source has no such port.
    #[error("{node} has no port {port}")]
    NoPort {
        /// The source's title.
        node: String,
        /// The port.
        port: String,
    },
    /// An end has no ways out.
    #[error("{0} ends the run: nothing follows it")]
    End(String),
    /// A trigger has no way in.
    #[error("{0} starts the run: nothing can lead into it")]
    Trigger(String),
    /// From a node to itself.
    #[error("A step cannot lead straight back to itself. Put a loop before it")]
    Itself,
    /// The same connection is there.
    #[error("{from} already leads to {to} through {port}")]
    Twice {
        /// The source's title.
        from: String,
        /// The port.
        port: String,
        /// The target's title.
        to: String,
    },
    /// Too many edges.
    #[error("The workflow is full: {EDGES_MAX} connections at most")]
    Full,
}

/// Whether `(from, port)` may lead to `to`.
pub fn allowed(graph: &Graph, from: &NodeId, port: &str, to: &NodeId) -> Result<(), Refusal> {
    let source = graph.node(from).ok_or_else(|| Refusal::NoNode(from.clone()))?;
    let target = graph.node(to).ok_or_else(|| Refusal::NoNode(to.clone()))?;
    let is_there = |to: &NodeId| {
        graph.edges.iter().any(|edge| edge.from == *from && edge.port == port && edge.to == *to)
    };
    judge(source, port, target, is_there)?;
    if graph.edges.len() >= EDGES_MAX {
        return Err(Refusal::Full);
    }
    Ok(())
}

fn judge(
    source: &Node,
    port: &str,
    target: &Node,
    is_there: impl Fn(&NodeId) -> bool,
) -> Result<(), Refusal> {
    if matches!(source.kind, NodeKind::End(_)) {
        return Err(Refusal::End(source.title().to_owned()));
    }
    if !source.kind.ports().contains(&port) {
        return Err(Refusal::NoPort { node: source.title().to_owned(), port: port.to_owned() });
    }
    if matches!(target.kind, NodeKind::Trigger(_)) {
        return Err(Refusal::Trigger(target.title().to_owned()));
    }
    if source.id == target.id {
        return Err(Refusal::Itself);
    }
    if is_there(&target.id) {
        return Err(Refusal::Twice {
            from: source.title().to_owned(),
            port: port.to_owned(),
            to: target.title().to_owned(),
        });
    }
    Ok(())
}

/// The nodes that `(from, port)` may lead to, in the graph's order.
pub fn targets(graph: &Graph, from: &NodeId, port: &str) -> Vec<NodeId> {
    let Some(source) = graph.node(from).filter(|_| graph.edges.len() < EDGES_MAX) else {
        return Vec::new();
    };
    let out = graph.edges_from(from).filter(|edge| edge.port == port);
    let there: HashSet<&NodeId> = out.map(|edge| &edge.to).collect();
    let fits = |target: &&Node| judge(source, port, target, |to| there.contains(to)).is_ok();
    graph.nodes.iter().filter(fits).map(|target| target.id.clone()).collect()
}

/// The way out that a connection from a node most likely means: the first ordinary one that leads
/// nowhere yet, else the first.
pub fn likely_port(graph: &Graph, from: &NodeId) -> Option<String> {
    let node = graph.node(from)?;
    let ports = node.kind.ports();
    let free =
        |port: &&&str| **port != "error" && !graph.edges_from(from).any(|edge| edge.port == **port);
    ports.iter().find(free).or(ports.first()).map(|port| (*port).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::model::fixture;

    #[test]
    fn the_reasons() {
        let graph = fixture::small();
        let check = |from: &str, port: &str, to: &str| {
            allowed(&graph, &from.into(), port, &to.into()).map_err(|refusal| refusal.to_string())
        };
        let refused = [
            ("start", "success", "start", "Start starts the run: nothing can lead into it"),
            (
                "mail",
                "success",
                "mail",
                "A step cannot lead straight back to itself. Put a loop before it",
            ),
            ("start", "success", "check", "Start already leads to check through success"),
            ("done", "success", "mail", "done ends the run: nothing follows it"),
            ("mail", "true", "done", "mail has no port true"),
            ("mail", "success", "nowhere", "There is no step nowhere"),
        ];
        for (from, port, to, words) in refused {
            assert_eq!(check(from, port, to), Err(words.to_owned()), "{from}.{port} > {to}");
        }
        assert_eq!(check("mail", "error", "done"), Ok(()));
        assert_eq!(
            check("mail", "success", "check"),
            Ok(()),
            "leading back is a loop, not an error"
        );
    }

    #[test]
    fn every_pair_is_either_a_target_or_has_a_reason_and_targets_can_be_added() {
        let graph = fixture::small();
        for node in &graph.nodes {
            for port in node.kind.ports() {
                let targets = targets(&graph, &node.id, port);
                for other in &graph.nodes {
                    let is_allowed = allowed(&graph, &node.id, port, &other.id).is_ok();
                    assert_eq!(targets.contains(&other.id), is_allowed, "{}.{port}", node.id);
                }
                for to in targets {
                    let mut changed = graph.clone();
                    let edge = crate::canvas::model::slug::edge(&changed, &node.id, port, &to);
                    let edit =
                        signalbox::graph::GraphEdit::AddEdge { edge: Box::new(edge), index: None };
                    assert!(edit.apply(&mut changed).is_ok());
                }
            }
        }
    }

    #[test]
    fn the_likely_port_is_the_first_free_one() {
        let graph = fixture::small();
        assert_eq!(likely_port(&graph, &"check".into()).as_deref(), Some("false"));
        assert_eq!(likely_port(&graph, &"start".into()).as_deref(), Some("success"));
        assert_eq!(likely_port(&graph, &"done".into()), None);
    }
}

//! What is selected. Selecting is not a change of the graph and not in its history.

use signalbox::graph::Graph;
use signalbox::id::NodeId;
use std::collections::BTreeSet;

/// Selected nodes and edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The nodes.
    pub nodes: BTreeSet<NodeId>,
    /// The edges, by id.
    pub edges: BTreeSet<String>,
}

impl Selection {
    /// One node.
    pub fn node(id: NodeId) -> Self {
        Self { nodes: BTreeSet::from([id]), edges: BTreeSet::new() }
    }

    /// Several nodes.
    pub fn nodes(ids: impl IntoIterator<Item = NodeId>) -> Self {
        Self { nodes: ids.into_iter().collect(), edges: BTreeSet::new() }
    }

    /// One edge.
    pub fn edge(id: impl Into<String>) -> Self {
        Self { nodes: BTreeSet::new(), edges: BTreeSet::from([id.into()]) }
    }

    /// Everything.
    pub fn all(graph: &Graph) -> Self {
        Self::nodes(graph.nodes.iter().map(|node| node.id.clone()))
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty()
    }

    /// The node, when one node and nothing else is selected.
    pub fn single(&self) -> Option<&NodeId> {
        if self.nodes.len() == 1 && self.edges.is_empty() { self.nodes.first() } else { None }
    }

    /// With a node taken in, or out when it was in.
    #[must_use]
    pub fn toggled(mut self, id: &NodeId) -> Self {
        if !self.nodes.remove(id) {
            self.nodes.insert(id.clone());
        }
        self
    }

    /// With an edge taken in, or out when it was in.
    #[must_use]
    pub fn edge_toggled(mut self, id: &str) -> Self {
        if !self.edges.remove(id) {
            self.edges.insert(id.to_owned());
        }
        self
    }

    /// With what both hold.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.nodes.extend(other.nodes);
        self.edges.extend(other.edges);
        self
    }

    /// Without what the graph does not have any more.
    #[must_use]
    pub fn within(mut self, graph: &Graph) -> Self {
        if self.is_empty() {
            return self;
        }
        let nodes: BTreeSet<&NodeId> = graph.nodes.iter().map(|node| &node.id).collect();
        self.nodes.retain(|id| nodes.contains(id));
        self.edges.retain(|id| graph.edges.iter().any(|edge| edge.id == *id));
        self
    }
}

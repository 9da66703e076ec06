//! Edits: the closed set of changes to a graph, each with an inverse. Undo, autosave and quick
//! fixes all speak in them.

use super::{Edge, Graph, Node, NodeKind, Policy, Position, Settings};
use crate::id::NodeId;
use serde::{Deserialize, Serialize};

/// One change to a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum GraphEdit {
    /// Add a node at an index of the list (at the end when absent).
    AddNode {
        /// The node.
        node: Box<Node>,
        /// Where in the list.
        #[serde(default)]
        index: Option<usize>,
    },
    /// Remove a node that has no edges.
    RemoveNode {
        /// Which.
        id: NodeId,
    },
    /// Move a node.
    MoveNode {
        /// Which.
        id: NodeId,
        /// Where to.
        position: Position,
    },
    /// Give a node another slug; its edges follow.
    RenameNode {
        /// The old slug.
        id: NodeId,
        /// The new slug.
        to: NodeId,
    },
    /// Change what people read.
    DescribeNode {
        /// Which.
        id: NodeId,
        /// The new label.
        label: String,
        /// The new description.
        description: String,
    },
    /// Change a node's kind settings.
    ConfigureNode {
        /// Which.
        id: NodeId,
        /// The new settings.
        kind: Box<NodeKind>,
    },
    /// Change how a node is run.
    SetPolicy {
        /// Which.
        id: NodeId,
        /// The new policy.
        policy: Box<Policy>,
    },
    /// Add an edge at an index of the list (at the end when absent).
    AddEdge {
        /// The edge.
        edge: Box<Edge>,
        /// Where in the list.
        #[serde(default)]
        index: Option<usize>,
    },
    /// Remove an edge.
    RemoveEdge {
        /// Which.
        id: String,
    },
    /// Change what holds for the whole workflow.
    SetSettings {
        /// The new settings.
        settings: Box<Settings>,
    },
}

/// Why an edit was refused. The graph is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditRefusal {
    /// No such node.
    #[error("there is no node {0}")]
    NoNode(NodeId),
    /// No such edge.
    #[error("there is no edge {0}")]
    NoEdge(String),
    /// The id is taken.
    #[error("{0} is taken")]
    Taken(String),
    /// The node still has edges.
    #[error("node {0} still has edges")]
    HasEdges(NodeId),
    /// The slug is not one.
    #[error("{0:?} is not a valid id: 1 to 120 letters, digits, _ - . :")]
    BadId(String),
    /// The graph is full.
    #[error("the graph is full ({0} at most)")]
    Full(usize),
}

impl GraphEdit {
    /// Makes the change and returns its inverse.
    pub fn apply(self, graph: &mut Graph) -> Result<GraphEdit, EditRefusal> {
        match self {
            Self::AddNode { node, index } => add_node(graph, *node, index),
            Self::RemoveNode { id } => remove_node(graph, &id),
            Self::MoveNode { id, position } => {
                let node = node_mut(graph, &id)?;
                let old = std::mem::replace(&mut node.position, position);
                Ok(Self::MoveNode { id, position: old })
            }
            Self::RenameNode { id, to } => rename_node(graph, id, to),
            Self::DescribeNode { id, label, description } => {
                let node = node_mut(graph, &id)?;
                let label = std::mem::replace(&mut node.label, label);
                let description = std::mem::replace(&mut node.description, description);
                Ok(Self::DescribeNode { id, label, description })
            }
            Self::ConfigureNode { id, kind } => {
                let node = node_mut(graph, &id)?;
                let old = std::mem::replace(&mut node.kind, *kind);
                Ok(Self::ConfigureNode { id, kind: Box::new(old) })
            }
            Self::SetPolicy { id, policy } => {
                let node = node_mut(graph, &id)?;
                let old = std::mem::replace(&mut node.policy, *policy);
                Ok(Self::SetPolicy { id, policy: Box::new(old) })
            }
            Self::AddEdge { edge, index } => add_edge(graph, *edge, index),
            Self::RemoveEdge { id } => {
                let index = graph.edges.iter().position(|edge| edge.id == id);
                let index = index.ok_or(EditRefusal::NoEdge(id))?;
                let edge = Box::new(graph.edges.remove(index));
                Ok(Self::AddEdge { edge, index: Some(index) })
            }
            Self::SetSettings { settings } => {
                let old = std::mem::replace(&mut graph.settings, *settings);
                Ok(Self::SetSettings { settings: Box::new(old) })
            }
        }
    }
}

fn node_mut<'a>(graph: &'a mut Graph, id: &NodeId) -> Result<&'a mut Node, EditRefusal> {
    graph
        .nodes
        .iter_mut()
        .find(|node| node.id == *id)
        .ok_or_else(|| EditRefusal::NoNode(id.clone()))
}

fn add_node(graph: &mut Graph, node: Node, at: Option<usize>) -> Result<GraphEdit, EditRefusal> {
    if !node.id.is_valid() {
        return Err(EditRefusal::BadId(node.id.0));
    }
    if graph.node(&node.id).is_some() {
        return Err(EditRefusal::Taken(node.id.0));
    }
    if graph.nodes.len() >= super::NODES_MAX {
        return Err(EditRefusal::Full(super::NODES_MAX));
    }
    let id = node.id.clone();
    let index = at.unwrap_or(graph.nodes.len()).min(graph.nodes.len());
    graph.nodes.insert(index, node);
    Ok(GraphEdit::RemoveNode { id })
}

fn remove_node(graph: &mut Graph, id: &NodeId) -> Result<GraphEdit, EditRefusal> {
    let index = graph.nodes.iter().position(|node| node.id == *id);
    let index = index.ok_or_else(|| EditRefusal::NoNode(id.clone()))?;
    if graph.edges.iter().any(|edge| edge.from == *id || edge.to == *id) {
        return Err(EditRefusal::HasEdges(id.clone()));
    }
    let node = Box::new(graph.nodes.remove(index));
    Ok(GraphEdit::AddNode { node, index: Some(index) })
}

fn rename_node(graph: &mut Graph, id: NodeId, to: NodeId) -> Result<GraphEdit, EditRefusal> {
    if !to.is_valid() {
        return Err(EditRefusal::BadId(to.0));
    }
    if id != to && graph.node(&to).is_some() {
        return Err(EditRefusal::Taken(to.0));
    }
    node_mut(graph, &id)?.id = to.clone();
    for edge in &mut graph.edges {
        if edge.from == id {
            edge.from = to.clone();
        }
        if edge.to == id {
            edge.to = to.clone();
        }
    }
    Ok(GraphEdit::RenameNode { id: to, to: id })
}

fn add_edge(graph: &mut Graph, edge: Edge, at: Option<usize>) -> Result<GraphEdit, EditRefusal> {
    for end in [&edge.from, &edge.to] {
        if graph.node(end).is_none() {
            return Err(EditRefusal::NoNode(end.clone()));
        }
    }
    if graph.edges.iter().any(|other| other.id == edge.id) {
        return Err(EditRefusal::Taken(edge.id));
    }
    if graph.edges.len() >= super::EDGES_MAX {
        return Err(EditRefusal::Full(super::EDGES_MAX));
    }
    let id = edge.id.clone();
    let index = at.unwrap_or(graph.edges.len()).min(graph.edges.len());
    graph.edges.insert(index, edge);
    Ok(GraphEdit::RemoveEdge { id })
}

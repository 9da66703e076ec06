//! The changes that mend problems, as edits.

use super::draft::Draft;
use crate::graph::{
    ActionSettings, Edge, EndSettings, GraphEdit, Node, NodeKind, Position, Settings,
    layout::NODE_WIDTH,
};
use crate::id::NodeId;
use serde_json::{Value, json};

/// Room between a node and one that a fix puts beside it.
const GAP: f64 = 80.0;

/// Replaces one text of a node, by its field.
pub fn retext(
    node: &Node,
    field: &str,
    change: impl FnOnce(&str) -> Option<String>,
) -> Option<GraphEdit> {
    if field == "/policy/condition" {
        let mut policy = node.policy.clone();
        policy.condition = Some(change(policy.condition.as_deref()?)?);
        return Some(GraphEdit::SetPolicy { id: node.id.clone(), policy: Box::new(policy) });
    }
    let mut settings = serde_json::to_value(&node.kind).ok()?;
    let place = settings.pointer_mut(field)?;
    *place = Value::String(change(place.as_str()?)?);
    configure(node, settings)
}

/// Replaces one text of the workflow's settings, by its field.
pub fn resettle(
    settings: &Settings,
    field: &str,
    change: impl FnOnce(&str) -> Option<String>,
) -> Option<GraphEdit> {
    let mut whole = serde_json::to_value(settings).ok()?;
    let place = whole.pointer_mut(field.strip_prefix("/settings")?)?;
    *place = Value::String(change(place.as_str()?)?);
    let settings = serde_json::from_value(whole).ok()?;
    Some(GraphEdit::SetSettings { settings: Box::new(settings) })
}

/// Replaces any field of a node's settings.
pub fn replace(node: &Node, field: &str, value: Value) -> Option<GraphEdit> {
    let mut settings = serde_json::to_value(&node.kind).ok()?;
    *settings.pointer_mut(field)? = value;
    configure(node, settings)
}

fn configure(node: &Node, settings: Value) -> Option<GraphEdit> {
    let kind = serde_json::from_value(settings).ok()?;
    Some(GraphEdit::ConfigureNode { id: node.id.clone(), kind: Box::new(kind) })
}

/// Leads a port to where its path should go on: back to the loop around it, else to an end.
pub fn close_port(draft: &Draft, node: usize, port: &str) -> (String, Vec<GraphEdit>) {
    let from = &draft.graph.nodes[node];
    let (label, target, mut edits) = way_on(draft, node);
    edits.push(add_edge(draft, &from.id, port, target));
    (label, edits)
}

/// Adds a step that notes the error and leads on from there.
pub fn note_error(draft: &Draft, node: usize) -> Vec<GraphEdit> {
    let from = &draft.graph.nodes[node];
    let id = free_id(draft, &format!("{}_failed", from.id));
    let parameters = json!({ "errorMessage": format!("{{{{steps.{}.error.message}}}}", from.id) });
    let kind = NodeKind::Action(ActionSettings { tool: "set_variables".to_owned(), parameters });
    let mut step = Node::new(id.clone(), kind);
    step.label = format!("Note the error of {}", from.title());
    step.position = beside(from, 1.0);
    let (_, target, mut edits) = way_on(draft, node);
    edits.push(GraphEdit::AddNode { node: Box::new(step), index: None });
    edits.push(add_edge(draft, &from.id, "error", id.clone()));
    edits.push(add_edge(draft, &id, "success", target));
    edits
}

/// Where a path goes on from a node: the loop around it, an end that there is, or a new end.
fn way_on(draft: &Draft, node: usize) -> (String, NodeId, Vec<GraphEdit>) {
    let around = draft.loops_around(node).unwrap_or_default();
    if let Some(header) = around.first() {
        let header = &draft.graph.nodes[*header];
        let label = format!("Connect back to {}", header.title());
        return (label, header.id.clone(), Vec::new());
    }
    let end = draft.graph.nodes.iter().find(|node| matches!(node.kind, NodeKind::End(_)));
    if let Some(end) = end {
        return (format!("Connect to {}", end.title()), end.id.clone(), Vec::new());
    }
    let id = free_id(draft, "end");
    let mut end = Node::new(id.clone(), NodeKind::End(EndSettings::default()));
    end.label = "End".to_owned();
    end.position = beside(&draft.graph.nodes[node], 0.0);
    let edits = vec![GraphEdit::AddNode { node: Box::new(end), index: None }];
    ("Add an end".to_owned(), id, edits)
}

fn beside(node: &Node, rows: f64) -> Position {
    Position { x: node.position.x + NODE_WIDTH + GAP, y: node.position.y + rows * 96.0 }
}

/// An edge whose id is not taken.
pub fn add_edge(draft: &Draft, from: &NodeId, port: &str, to: NodeId) -> GraphEdit {
    let mut edge = Edge::new(from.clone(), port, to);
    let plain = edge.id.clone();
    let mut number = 2;
    while draft.edge_ids.contains(edge.id.as_str()) {
        edge.id = format!("{plain}.{number}");
        number += 1;
    }
    GraphEdit::AddEdge { edge: Box::new(edge), index: None }
}

/// An id that no node has.
pub fn free_id(draft: &Draft, wanted: &str) -> NodeId {
    let wanted: String = wanted.chars().take(NodeId::LENGTH_MAX - 8).collect();
    let mut id = NodeId(wanted.clone());
    let mut number = 2;
    while draft.index.contains_key(&id) {
        id = NodeId(format!("{wanted}_{number}"));
        number += 1;
    }
    id
}

/// Removes a node with its edges.
pub fn remove_node(draft: &Draft, id: &NodeId) -> Vec<GraphEdit> {
    let edges = draft.graph.edges.iter().filter(|edge| edge.from == *id || edge.to == *id);
    let removals = edges.map(|edge| GraphEdit::RemoveEdge { id: edge.id.clone() });
    removals.chain([GraphEdit::RemoveNode { id: id.clone() }]).collect()
}

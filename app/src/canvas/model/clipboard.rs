//! Copying and pasting as text: JSON that another tab, another workflow or a text editor can hold.
//! Pasted nodes get free ids, and references among them follow. Secrets never leave.

use super::geometry::{GRID, Point, snapped};
use super::references;
use super::selection::Selection;
use super::slug;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox::graph::{Edge, Graph, GraphEdit, Node, NodeKind};
use signalbox::id::NodeId;

/// Longest text that is looked at, in bytes.
const TEXT_MAX: usize = 4 * 1024 * 1024;

/// What is on the clipboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Clip {
    /// Says what this JSON is.
    signalbox: String,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

const MARK: &str = "clip/1";

/// What pasting gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paste {
    /// The edits, to be committed as one entry.
    pub edits: Vec<GraphEdit>,
    /// The new nodes, to be selected.
    pub selection: Selection,
    /// Said to the person when something was left out.
    pub note: Option<String>,
}

/// The selected nodes, and the edges among them, as text. None when no node is selected.
pub fn copy(graph: &Graph, selection: &Selection) -> Option<String> {
    let chosen = |id: &NodeId| selection.nodes.contains(id);
    let mut nodes: Vec<Node> =
        graph.nodes.iter().filter(|node| chosen(&node.id)).cloned().collect();
    if nodes.is_empty() {
        return None;
    }
    for node in &mut nodes {
        strip_secrets(node);
    }
    let inner = graph.edges.iter().filter(|edge| chosen(&edge.from) && chosen(&edge.to));
    let clip = Clip { signalbox: MARK.into(), nodes, edges: inner.cloned().collect() };
    serde_json::to_string_pretty(&clip).ok()
}

/// Encrypted secrets that stand in parameters are emptied.
fn strip_secrets(node: &mut Node) {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) if fields.contains_key("cipherText") => *value = Value::Null,
            Value::Object(fields) => fields.values_mut().for_each(strip),
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    if let NodeKind::Action(settings) = &mut node.kind {
        strip(&mut settings.parameters);
    }
}

/// Reads a copied text and makes its edits. `at` is where the upper left corner goes; none puts the
/// nodes a little beside where they were.
pub fn paste(graph: &Graph, text: &str, at: Option<Point>) -> Result<Paste, String> {
    const NOT_OURS: &str = "The clipboard holds no steps. Copy some steps first";
    if text.len() > TEXT_MAX {
        return Err("The clipboard is too large to paste".to_owned());
    }
    let clip: Clip = serde_json::from_str(text).map_err(|_| NOT_OURS.to_owned())?;
    if clip.signalbox != MARK {
        return Err(NOT_OURS.to_owned());
    }
    let (kept, left_out) = without_second_trigger(graph, clip.nodes);
    let shift = shift_of(&kept, at);
    let mut made = Graph::default();
    let mut names: Vec<(NodeId, NodeId)> = Vec::new();
    for mut node in kept {
        let taken = |text: &str| {
            let is = |other: &Node| other.id.as_str() == text;
            graph.nodes.iter().any(is) || made.nodes.iter().any(is)
        };
        let wanted = if node.id.is_valid() { node.id.0.clone() } else { slug::slug(&node.id.0) };
        let id = NodeId(slug::free(&wanted, taken));
        names.push((std::mem::replace(&mut node.id, id.clone()), id));
        node.position = snapped(Point::from(node.position).plus(shift)).into();
        made.nodes.push(node);
    }
    follow_names(&mut made.nodes, &names);
    let new_name =
        |id: &NodeId| names.iter().find(|(old, _)| old == id).map(|(_, new)| new.clone());
    for mut edge in clip.edges {
        let (Some(from), Some(to)) = (new_name(&edge.from), new_name(&edge.to)) else { continue };
        let taken = |text: &str| {
            let is = |other: &Edge| other.id == text;
            graph.edges.iter().any(is) || made.edges.iter().any(is)
        };
        edge.id = slug::free(&format!("{from}.{}>{to}", edge.port), taken);
        (edge.from, edge.to) = (from, to);
        made.edges.push(edge);
    }
    let selection = Selection::nodes(made.nodes.iter().map(|node| node.id.clone()));
    Ok(Paste { edits: additions(made), selection, note: left_out })
}

fn without_second_trigger(graph: &Graph, nodes: Vec<Node>) -> (Vec<Node>, Option<String>) {
    let mut has_trigger = graph.trigger().is_some();
    let before = nodes.len();
    let kept: Vec<Node> = nodes
        .into_iter()
        .filter(|node| {
            !matches!(node.kind, NodeKind::Trigger(_)) || !std::mem::replace(&mut has_trigger, true)
        })
        .collect();
    let note = "The trigger was left out: a workflow has one, and this one has it already";
    let left_out = (kept.len() < before).then(|| note.to_owned());
    (kept, left_out)
}

fn shift_of(nodes: &[Node], at: Option<Point>) -> Point {
    let Some(at) = at else { return Point::new(4.0 * GRID, 4.0 * GRID) };
    let corner = nodes.iter().fold(Point::new(f64::INFINITY, f64::INFINITY), |corner, node| {
        Point::new(corner.x.min(node.position.x), corner.y.min(node.position.y))
    });
    if corner.x.is_finite() && corner.y.is_finite() { at.minus(corner) } else { Point::default() }
}

/// References among the pasted nodes point to the pasted ones. Goes over names that no graph has,
/// so that swapped names do not run into each other.
fn follow_names(nodes: &mut [Node], names: &[(NodeId, NodeId)]) {
    let changed: Vec<&(NodeId, NodeId)> = names.iter().filter(|(old, new)| old != new).collect();
    let between = |number: usize| NodeId(format!("signalboxPasted{number}"));
    for node in nodes {
        let mut rename = |from: &NodeId, to: &NodeId| {
            if let Some((kind, policy)) = references::renamed(node, from, to) {
                (node.kind, node.policy) = (kind, policy);
            }
        };
        for (number, (old, _)) in changed.iter().enumerate() {
            rename(old, &between(number));
        }
        for (number, (_, new)) in changed.iter().enumerate() {
            rename(&between(number), new);
        }
    }
}

/// The edits that add a whole graph.
fn additions(made: Graph) -> Vec<GraphEdit> {
    let nodes =
        made.nodes.into_iter().map(|node| GraphEdit::AddNode { node: Box::new(node), index: None });
    let edges =
        made.edges.into_iter().map(|edge| GraphEdit::AddEdge { edge: Box::new(edge), index: None });
    nodes.chain(edges).collect()
}

/// The edits that delete what is selected: edges first, then nodes. With `rejoin`, a single node
/// with one way in is bridged: what led to it leads to where its first port led.
pub fn delete(graph: &Graph, selection: &Selection, rejoin: bool) -> Vec<GraphEdit> {
    let gone = |edge: &&Edge| {
        selection.edges.contains(&edge.id)
            || selection.nodes.contains(&edge.from)
            || selection.nodes.contains(&edge.to)
    };
    let mut edits: Vec<GraphEdit> = graph
        .edges
        .iter()
        .filter(gone)
        .map(|edge| GraphEdit::RemoveEdge { id: edge.id.clone() })
        .collect();
    for id in &selection.nodes {
        edits.push(GraphEdit::RemoveNode { id: id.clone() });
    }
    if rejoin && let Some(id) = selection.single() {
        edits.extend(bridge(graph, id));
    }
    edits
}

fn bridge(graph: &Graph, id: &NodeId) -> Vec<GraphEdit> {
    let Some(node) = graph.node(id) else { return Vec::new() };
    let first = node.kind.ports().first().map(|port| (*port).to_owned());
    let next = graph.edges_from(id).find(|edge| Some(&edge.port) == first.as_ref());
    let Some(next) = next.filter(|edge| edge.to != *id) else { return Vec::new() };
    graph
        .edges_into(id)
        .filter(|edge| edge.from != *id && edge.from != next.to)
        .filter(|edge| super::connect::allowed(graph, &edge.from, &edge.port, &next.to).is_ok())
        .map(|edge| {
            let edge = slug::edge(graph, &edge.from, &edge.port, &next.to);
            GraphEdit::AddEdge { edge: Box::new(edge), index: None }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::model::{document::Document, fixture};
    use signalbox::graph::ActionSettings;

    fn with_reference() -> Graph {
        let mut graph = fixture::small();
        graph.nodes[2].kind = NodeKind::Action(ActionSettings {
            tool: "email.send".into(),
            parameters: serde_json::json!({
                "to": "{{steps.check.output}} {{steps.start.output}}",
                "key": {"kind": "inlineEncrypted", "cipherText": "c2VjcmV0"},
            }),
        });
        graph
    }

    #[test]
    fn pasting_beside_gives_free_ids_and_references_follow_within_the_copy() {
        let graph = with_reference();
        let selection = Selection::nodes(["check".into(), "mail".into()]);
        let text = copy(&graph, &selection).expect("two nodes");
        assert!(!text.contains("c2VjcmV0"), "no secret on the clipboard");
        let paste = paste(&graph, &text, None).expect("pasted");
        assert_eq!(paste.selection, Selection::nodes(["check_2".into(), "mail_2".into()]));
        let mut document = Document::new(graph.clone());
        document.commit("Paste", paste.edits, None).expect("applies");
        let mail = document.node(&"mail_2".into()).expect("the copy");
        let NodeKind::Action(settings) = &mail.kind else { panic!("an action") };
        assert_eq!(settings.parameters["to"], "{{steps.check_2.output}} {{steps.start.output}}");
        let inner: Vec<&Edge> = document
            .graph()
            .edges
            .iter()
            .filter(|edge| edge.from.as_str().ends_with("_2"))
            .collect();
        assert_eq!(inner.len(), 1);
        assert_eq!(inner[0].to, "mail_2".into());
        document.undo();
        assert_eq!(document.graph(), &graph);
    }

    #[test]
    fn a_second_trigger_is_left_out_and_said() {
        let graph = fixture::small();
        let text = copy(&graph, &Selection::all(&graph)).expect("all");
        let again = paste(&graph, &text, Some(Point::new(100.0, 900.0))).expect("pasted");
        assert!(again.note.is_some());
        assert_eq!(again.selection.nodes.len(), 3);
        let elsewhere = paste(&Graph::default(), &text, None).expect("pasted");
        assert_eq!(elsewhere.selection.nodes.len(), 4);
        assert!(elsewhere.note.is_none());
    }

    #[test]
    fn foreign_text_is_refused_in_words() {
        for text in ["", "hello", "{}", r#"{"signalbox":"x","nodes":[],"edges":[]}"#] {
            assert!(paste(&Graph::default(), text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn deleting_a_middle_node_can_join_its_neighbours() {
        let graph = fixture::small();
        let middle = Selection::node("check".into());
        let mut document = Document::new(graph.clone());
        document.commit("Delete", delete(&graph, &middle, true), None).expect("deleted");
        let edges: Vec<&str> = document.graph().edges.iter().map(|edge| edge.id.as_str()).collect();
        assert_eq!(edges, ["mail.success>done", "start.success>mail"]);
        document.undo();
        assert_eq!(document.graph(), &graph);
        document.commit("Delete", delete(&graph, &middle, false), None).expect("deleted");
        assert_eq!(document.graph().edges.len(), 1);
    }
}

//! What the plan formats have in common: a list of steps with ids becomes a graph with a trigger before it, and
//! a graph becomes the document it was read from with the changes made in it.
//!
//! A format says how its words read ([`Codec::parts`]) and how a graph reads in its words ([`Codec::words`]).
//! What the words cannot say is found by reading them again, and kept under our own key.

use super::merge::{self, Rules};
use super::{Format, FormatError, Imported, OWN_KEY, Written, limits, losses, own, settings};
use crate::graph::{
    BranchCase, Edge, Graph, Node, NodeKind, Origin, Problem, Settings, TriggerSettings, layout,
};
use crate::id::NodeId;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A format of plans.
pub struct Codec {
    pub format: Format,
    /// Where the steps stand, each with an `id`.
    pub steps: &'static str,
    pub parts: fn(&Value) -> Result<Parts, FormatError>,
    /// The graph in the format's words. The last argument is the document it came from, whose style is kept.
    pub words: fn(&Graph, Names, Option<&Value>) -> Value,
    pub keys: &'static [(&'static str, &'static [&'static str])],
    pub atoms: &'static [&'static str],
}

/// What a document's words say.
#[derive(Default)]
pub struct Parts {
    pub name: String,
    pub description: String,
    pub settings: Settings,
    pub schemas: Map<String, Value>,
    /// One for each step, in its order.
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    pub entry: Entry,
    pub problems: Vec<Problem>,
}

/// Where a plan begins.
#[derive(Default)]
pub enum Entry {
    /// With its first step.
    #[default]
    First,
    /// With every step that nothing leads to.
    Roots,
    /// With these.
    Named(Vec<NodeId>),
}

/// A workflow's name and description.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub name: &'a str,
    pub description: &'a str,
}

pub fn import(codec: &Codec, document: &Value) -> Result<Imported, FormatError> {
    let (mut graph, parts) = read(codec, document)?;
    graph.origin = Some(Origin::new(codec.format, document.clone()));
    Ok(Imported {
        graph,
        name: parts.name,
        description: parts.description,
        format: codec.format,
        problems: parts.problems,
    })
}

/// The graph without its origin, and what else the document says.
fn read(codec: &Codec, document: &Value) -> Result<(Graph, Parts), FormatError> {
    let mut parts = (codec.parts)(document)?;
    limits::check_nodes(parts.nodes.len())?;
    let own = own::read(document, &mut parts.settings)?;
    let steps = document.get(codec.steps).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut nodes = Vec::with_capacity(parts.nodes.len() + 1);
    for (index, node) in std::mem::take(&mut parts.nodes).into_iter().enumerate() {
        let step = steps.get(index).unwrap_or(&Value::Null);
        nodes.push(own::apply(node, step, &format!("/{}/{index}", codec.steps))?);
    }
    let mut edges = std::mem::take(&mut parts.edges);
    let known: HashSet<String> = edges.iter().map(|edge| edge.id.clone()).collect();
    edges.extend(own.edges.into_iter().filter(|edge| !known.contains(&edge.id)));
    limits::check_edges(edges.len())?;
    let trigger = own.trigger.unwrap_or_else(|| made_trigger(&nodes));
    if nodes.iter().any(|node| node.id == trigger.id) {
        let message = format!("a step is called {}, like the trigger", trigger.id);
        return Err(FormatError::invalid(format!("/{OWN_KEY}/trigger/id"), message));
    }
    let start = own.start.unwrap_or_else(|| beginnings(&parts.entry, &nodes, &edges, &trigger.id));
    let led = start.into_iter().map(|to| Edge::new(trigger.id.clone(), "success", to));
    edges.splice(0..0, led);
    nodes.insert(0, trigger);
    let settings = std::mem::take(&mut parts.settings);
    let mut schemas = std::mem::take(&mut parts.schemas);
    schemas.extend(own.schemas);
    let mut graph = Graph { nodes, edges, schemas, settings, origin: None };
    layout::tidy(&mut graph);
    for node in &mut graph.nodes {
        node.position = own.positions.get(&node.id).copied().unwrap_or(node.position);
    }
    Ok((graph, parts))
}

fn made_trigger(nodes: &[Node]) -> Node {
    let taken: HashSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
    let names = (1..).map(|n| if n == 1 { "trigger".to_owned() } else { format!("trigger_{n}") });
    let id = names.into_iter().find(|name| !taken.contains(name.as_str())).unwrap_or_default();
    Node::new(id, NodeKind::Trigger(TriggerSettings::default()))
}

fn beginnings(entry: &Entry, nodes: &[Node], edges: &[Edge], trigger: &NodeId) -> Vec<NodeId> {
    match entry {
        Entry::First => nodes.first().map(|node| node.id.clone()).into_iter().collect(),
        Entry::Named(ids) => ids.clone(),
        Entry::Roots => {
            let targets: HashSet<&NodeId> = edges.iter().map(|edge| &edge.to).collect();
            let led = edges.iter().any(|edge| edge.from == *trigger);
            let roots = nodes.iter().map(|node| &node.id).filter(|id| !targets.contains(id));
            roots.filter(|_| !led).cloned().collect()
        }
    }
}

/// The graph as a document, with what the format cannot say.
pub fn export(codec: &Codec, graph: &Graph, names: Names) -> Result<Written, FormatError> {
    let origin = graph.origin.as_ref().filter(|origin| origin.format == codec.format.name());
    let original = origin.map(|origin| &origin.document);
    let current = written(codec, graph, names, original)?;
    let mut problems = losses::kept_apart(&current, codec);
    let mut document = match original {
        None => current,
        Some(original) => {
            let (base, parts) = read(codec, original)?;
            let renamed = renamed(&base, graph);
            let then = Names { name: &parts.name, description: &parts.description };
            let base = written(codec, &base, then, Some(original))?;
            let rules = Rules { keys: codec.keys, atoms: codec.atoms, renamed: Some(&renamed) };
            merge::patch_by(original, &base, &current, rules)
        }
    };
    let (again, _) = read(codec, &document)?;
    if moved(graph, &again) {
        own_part(&mut document)["positions"] = own::positions(graph);
    }
    problems.extend(losses::between(graph, &again, codec.format));
    Ok(Written { document, problems })
}

/// The document without what only its author understands.
pub fn understood(codec: &Codec, document: &Value) -> Result<Value, FormatError> {
    let (graph, parts) = read(codec, document)?;
    let names = Names { name: &parts.name, description: &parts.description };
    written(codec, &graph, names, Some(document))
}

/// The words with our own part: all but the positions.
fn written(
    codec: &Codec,
    graph: &Graph,
    names: Names,
    original: Option<&Value>,
) -> Result<Value, FormatError> {
    let mut document = (codec.words)(graph, names, original);
    let (plain, _) = read(codec, &document)?;
    let (index, now) = (by_id(&plain), by_id(graph));
    let steps = document.get_mut(codec.steps).and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten().filter_map(Value::as_object_mut) {
        let id = step.get("id").and_then(Value::as_str).map(NodeId::from);
        let words = id.as_ref().and_then(|id| index.get(id));
        let node = id.as_ref().and_then(|id| now.get(id));
        if let (Some(words), Some(node)) = (words, node) {
            own::add(step, words, node);
        }
    }
    let said: HashSet<Way> = plain.edges.iter().map(Way::of).collect();
    let is_start = |edge: &Edge| {
        graph.trigger().is_some_and(|trigger| trigger.id == edge.from) && is_plain(edge)
    };
    let unsaid =
        graph.edges.iter().filter(|edge| !said.contains(&Way::of(edge)) && !is_start(edge));
    let unsaid: Vec<&Edge> = unsaid.collect();
    if !unsaid.is_empty() {
        own_part(&mut document)["edges"] = json!(unsaid);
    }
    // Where the plan begins may hang on these.
    let (plain, _) = read(codec, &document)?;
    if let (Some(words), Some(trigger)) = (plain.trigger(), graph.trigger()) {
        let still = Node { position: words.position, ..trigger.clone() };
        if still != *words {
            let plain = Node { position: Default::default(), ..trigger.clone() };
            own_part(&mut document)["trigger"] = json!(plain);
        }
        let (now, said) = (led_to(graph, &trigger.id), led_to(&plain, &words.id));
        if now != said {
            own_part(&mut document)["start"] = json!(now);
        }
    }
    if plain.schemas != graph.schemas {
        own_part(&mut document)["schemas"] = json!(graph.schemas);
    }
    if let Some(changed) = settings::difference(&plain.settings, &graph.settings) {
        own_part(&mut document)["settings"] = changed;
    }
    Ok(document)
}

/// What an edge says, without its id.
#[derive(PartialEq, Eq, Hash, Clone, Copy)]
pub struct Way<'a> {
    pub from: &'a NodeId,
    pub port: &'a str,
    pub to: &'a NodeId,
    pub map: &'a BTreeMap<String, String>,
    pub condition: &'a Option<String>,
}

impl<'a> Way<'a> {
    pub fn of(edge: &'a Edge) -> Self {
        let Edge { from, port, to, map, condition, .. } = edge;
        Self { from, port, to, map, condition }
    }
}

/// Whether an edge is an ordinary one: from `success`, always taken, with everything.
pub fn is_plain(edge: &Edge) -> bool {
    edge.port == "success" && edge.map.is_empty() && edge.condition.is_none()
}

/// What a trigger leads to, in order of ids.
fn led_to<'a>(graph: &'a Graph, trigger: &NodeId) -> Vec<&'a NodeId> {
    let edges = graph.edges.iter().filter(|edge| edge.from == *trigger && is_plain(edge));
    let mut ids: Vec<&NodeId> = edges.map(|edge| &edge.to).collect();
    ids.sort_unstable();
    ids
}

fn by_id(graph: &Graph) -> HashMap<&NodeId, &Node> {
    graph.nodes.iter().map(|node| (&node.id, node)).collect()
}

fn own_part(document: &mut Value) -> &mut Value {
    if !document[OWN_KEY].is_object() {
        document[OWN_KEY] = json!({});
    }
    &mut document[OWN_KEY]
}

fn moved(graph: &Graph, again: &Graph) -> bool {
    let places: HashMap<_, _> = again.nodes.iter().map(|node| (&node.id, node.position)).collect();
    graph.nodes.iter().any(|node| places.get(&node.id).is_some_and(|at| *at != node.position))
}

/// Nodes that only got another id: gone under the old one, there under the new one, all else being equal.
fn renamed(base: &Graph, graph: &Graph) -> BTreeMap<String, String> {
    let ids = |graph: &Graph| -> HashSet<NodeId> {
        graph.nodes.iter().map(|node| node.id.clone()).collect()
    };
    let (then, now) = (ids(base), ids(graph));
    let mut gone: Vec<&Node> = base.nodes.iter().filter(|node| !now.contains(&node.id)).collect();
    let mut renamed = BTreeMap::new();
    for node in graph.nodes.iter().filter(|node| !then.contains(&node.id)) {
        let alike = |old: &&Node| old.kind == node.kind && old.label == node.label;
        if let Some(at) = gone.iter().position(alike) {
            renamed.insert(gone.remove(at).id.0.clone(), node.id.0.clone());
        }
    }
    renamed
}

/// A port's name that is not taken: the wanted one, or with a number behind it.
pub fn free_port(cases: &[BranchCase], wanted: &str) -> String {
    let is_free = |name: &str| {
        !matches!(name, "" | "default" | "error") && cases.iter().all(|case| case.port != name)
    };
    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    names.find(|name| is_free(name)).unwrap_or_default()
}

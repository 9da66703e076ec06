//! A whole document as a graph.

use super::header::{self, Header};
use super::step::{self, Dialect};
use super::{END_WORDS, OWN_KEY, ports};
use crate::format::{Format, FormatError, limits, settings};
use crate::graph::{
    Edge, EndSettings, Graph, Node, NodeKind, Position, Problem, Settings, Severity, TriggerKind,
    TriggerSettings, layout,
};
use crate::id::NodeId;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};

/// A document that was read, with what is needed to write it back.
#[derive(Default)]
pub struct Reading {
    pub graph: Graph,
    pub header: Header,
    pub problems: Vec<Problem>,
    /// One for each step of the document, in its order.
    pub steps: Vec<ReadStep>,
    /// The trigger that was made up because the document has none.
    pub made_trigger: Option<NodeId>,
    /// The schedule stands in the header, not in the trigger's step.
    pub schedule_apart: bool,
}

/// How one step was read.
pub struct ReadStep {
    pub node: NodeId,
    pub dialect: Dialect,
    /// The words of its `nextSteps` with the ports they stand for.
    pub words: Vec<(String, Vec<String>)>,
}

/// Where the steps stand.
pub fn steps_key(format: Format) -> &'static str {
    if format == Format::VisualWorkflowConfig { "stepsConfig" } else { "steps" }
}

/// The object with `name`, `description` and `config`.
pub fn header_of(document: &Value, format: Format) -> &Value {
    if format == Format::VisualWorkflowConfig { &document["workflowConfig"] } else { document }
}

pub fn read(document: &Value, format: Format) -> Result<Reading, FormatError> {
    let steps = steps_of(document, format)?;
    let (header, problems) = header::read(header_of(document, format));
    let mut reading = Reading { problems, ..Reading::default() };
    reading.graph.settings = header.settings.clone();
    reading.header = header;
    let slugs = read_nodes(&mut reading, steps, format)?;
    read_edges(&mut reading, steps, &slugs, format)?;
    settle_trigger(&mut reading);
    layout::tidy(&mut reading.graph);
    restore_positions(&mut reading.graph, document);
    reading.graph.settings = own_settings(&reading.graph.settings, document);
    let schemas = document.get(OWN_KEY).and_then(|own| own.get("schemas")?.as_object());
    reading.graph.schemas = schemas.cloned().unwrap_or_default();
    Ok(reading)
}

/// The settings with those over them that the format has no word for. What cannot be read is as if it were not there.
pub fn own_settings(words: &Settings, document: &Value) -> Settings {
    settings::with_own(words, document).unwrap_or_else(|_| words.clone())
}

fn steps_of(document: &Value, format: Format) -> Result<&[Value], FormatError> {
    let key = steps_key(format);
    let steps = document.get(key).and_then(Value::as_array).ok_or_else(|| {
        FormatError::invalid(format!("/{key}"), format!("expected a list of steps under `{key}`"))
    })?;
    limits::check_nodes(steps.len())?;
    Ok(steps)
}

/// Makes the nodes and returns the slugs that targets may name.
fn read_nodes(
    reading: &mut Reading,
    steps: &[Value],
    format: Format,
) -> Result<HashSet<String>, FormatError> {
    let fresh = Dialect::fresh(format == Format::VisualWorkflowConfig);
    let mut slugs = HashSet::new();
    for (index, step) in steps.iter().enumerate() {
        let pointer = || format!("/{}/{index}", steps_key(format));
        if !step.is_object() {
            return Err(FormatError::invalid(pointer(), "a step must be an object"));
        }
        let slug = required_text(step, "stepSlug", &pointer)?;
        required_text(step, "stepType", &pointer)?;
        let id = unused(slug, &slugs);
        if id != slug {
            reading.problems.push(duplicate(slug, &id));
        }
        let (node, dialect, problems) = step::read(&id, step, fresh);
        reading.problems.extend(problems.into_iter().map(|problem| problem.at(&node.id)));
        let words = Vec::new();
        reading.steps.push(ReadStep { node: node.id.clone(), dialect, words });
        reading.graph.nodes.push(node);
        slugs.insert(id);
    }
    Ok(slugs)
}

fn required_text<'a>(
    step: &'a Value,
    key: &str,
    pointer: &dyn Fn() -> String,
) -> Result<&'a str, FormatError> {
    let text = step.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        FormatError::invalid(
            format!("{}/{key}", pointer()),
            format!("every step needs a `{key}`, as text"),
        )
    })
}

fn unused(wanted: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
}

fn duplicate(slug: &str, id: &str) -> Problem {
    let message = format!(
        "Two steps are called {slug}; the later one became {id}, and nothing leads to it by its old name"
    );
    Problem::new("duplicate-step", Severity::Warning, message).at(&NodeId::from(id))
}

/// Makes the edges, and the ends that targets name without a step.
fn read_edges(
    reading: &mut Reading,
    steps: &[Value],
    slugs: &HashSet<String>,
    format: Format,
) -> Result<(), FormatError> {
    let mut ends: Vec<&'static str> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let pointer = format!("/{}/{index}/nextSteps", steps_key(format));
        let next = next_steps(step, &pointer)?;
        let node = &reading.graph.nodes[index];
        let names: Vec<&str> = next.iter().map(|(word, _)| *word).collect();
        let resolved = ports::resolve(&node.kind, &names);
        let own = own_edges(step);
        let mut edges: Vec<Edge> = Vec::new();
        for ((_, targets), ports) in next.iter().zip(&resolved) {
            for (port, target) in
                ports.iter().flat_map(|port| targets.iter().map(move |to| (port, *to)))
            {
                let end = END_WORDS.into_iter().find(|word| *word == target);
                let end = end.filter(|word| !slugs.contains(*word));
                if end.is_some() && matches!(node.kind, NodeKind::End(_)) {
                    continue;
                }
                ends.extend(end.filter(|word| !ends.contains(word)));
                let mut edge = Edge::new(node.id.clone(), port.as_str(), target);
                if edges.iter().any(|other| other.id == edge.id) {
                    continue;
                }
                if let Some(own) = own.iter().find(|own| own.is_of(&edge)) {
                    own.apply(&mut edge);
                }
                edges.push(edge);
            }
        }
        limits::check_edges(reading.graph.edges.len() + edges.len())?;
        reading.graph.edges.extend(edges);
        reading.steps[index].words = names.into_iter().map(str::to_owned).zip(resolved).collect();
    }
    reading.graph.nodes.extend(ends.into_iter().map(end_node));
    Ok(())
}

/// The end that a target without a step means.
fn end_node(word: &str) -> Node {
    let mut node = Node::new(word, NodeKind::End(EndSettings::default()));
    node.label = "End".to_owned();
    node
}

/// Whether a node is an end that a bare target would bring back.
pub fn is_implied_end(node: &Node) -> bool {
    let mut plain = end_node(node.id.as_str());
    plain.position = node.position;
    END_WORDS.contains(&node.id.as_str()) && *node == plain
}

type NextSteps<'a> = Vec<(&'a str, Vec<&'a str>)>;

/// The words of `nextSteps` with their targets: text, a list of texts, or nothing.
fn next_steps<'a>(step: &'a Value, pointer: &str) -> Result<NextSteps<'a>, FormatError> {
    let fields = match step.get("nextSteps") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            return Err(FormatError::invalid(pointer, "expected an object of port and target"));
        }
    };
    let target = |value: &'a Value, at: &str| match value {
        Value::String(target) => Ok(Some(target.as_str()).filter(|target| !target.is_empty())),
        Value::Null => Ok(None),
        _ => Err(FormatError::invalid(format!("{pointer}/{at}"), "expected the slug of a step")),
    };
    let targets = |(word, value): (&'a String, &'a Value)| {
        let targets: Result<Vec<Option<&str>>, FormatError> = match value {
            Value::Array(items) => items.iter().map(|item| target(item, word)).collect(),
            value => target(value, word).map(|target| vec![target]),
        };
        Ok((word.as_str(), targets?.into_iter().flatten().collect()))
    };
    fields.iter().map(targets).collect()
}

/// What the format has no word for about an edge.
#[derive(Deserialize)]
struct OwnEdge {
    port: String,
    to: NodeId,
    #[serde(default)]
    map: BTreeMap<String, String>,
    #[serde(default)]
    condition: Option<String>,
}

impl OwnEdge {
    fn is_of(&self, edge: &Edge) -> bool {
        self.port == edge.port && self.to == edge.to
    }

    fn apply(&self, edge: &mut Edge) {
        edge.map.clone_from(&self.map);
        edge.condition.clone_from(&self.condition);
    }
}

fn own_edges(step: &Value) -> Vec<OwnEdge> {
    let own = step.get(OWN_KEY).and_then(|own| own.get("edges")).and_then(Value::as_array);
    let read = |value: &Value| OwnEdge::deserialize(value).ok();
    own.map(|edges| edges.iter().filter_map(read).collect()).unwrap_or_default()
}

/// Finds or makes the trigger, gives it the header's schedule, and joins it to where the workflow begins.
fn settle_trigger(reading: &mut Reading) {
    let graph = &mut reading.graph;
    let schedule = reading.header.schedule.take();
    let found = graph.nodes.iter_mut().find_map(|node| match &mut node.kind {
        NodeKind::Trigger(settings) => Some((node.id.clone(), settings)),
        _ => None,
    });
    let id = match found {
        Some((id, settings)) => {
            if let (Some(schedule), TriggerKind::Manual) = (schedule, &settings.trigger) {
                settings.trigger = schedule;
                reading.schedule_apart = true;
            }
            id
        }
        None => {
            let taken = graph.nodes.iter().map(|node| node.id.0.clone()).collect();
            let id = NodeId(unused("trigger", &taken));
            let trigger = schedule.unwrap_or_default();
            let manual = trigger == TriggerKind::Manual;
            let kind = NodeKind::Trigger(TriggerSettings { trigger, ..TriggerSettings::default() });
            graph.nodes.insert(0, Node::new(id.clone(), kind));
            if manual {
                reading.problems.push(no_trigger(&id));
            }
            reading.made_trigger = Some(id.clone());
            reading.schedule_apart = true;
            id
        }
    };
    if graph.edges_from(&id).next().is_none() {
        let beginnings = beginnings(graph, &id);
        graph.edges.extend(beginnings.into_iter().map(|to| Edge::new(id.clone(), "success", to)));
    }
}

fn no_trigger(id: &NodeId) -> Problem {
    let message = "The document has no trigger; the workflow is started by hand or over the API";
    Problem::new("trigger-added", Severity::Info, message).at(id)
}

/// Where a workflow begins whose trigger leads nowhere: at each step that nothing leads to, and at the
/// first step where those do not reach it (a workflow that begins with a loop).
pub fn beginnings(graph: &Graph, trigger: &NodeId) -> Vec<NodeId> {
    let targets: HashSet<&NodeId> =
        graph.edges.iter().filter(|edge| edge.from != *trigger).map(|edge| &edge.to).collect();
    let steps = || {
        let steps = graph.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Trigger(_)));
        steps.filter(|node| !is_implied_end(node)).map(|node| &node.id)
    };
    let mut found: Vec<NodeId> = steps().filter(|id| !targets.contains(*id)).cloned().collect();
    if let Some(first) = steps().next()
        && !reaches(graph, &found, first)
    {
        found.insert(0, first.clone());
    }
    found
}

fn reaches(graph: &Graph, from: &[NodeId], target: &NodeId) -> bool {
    let mut next: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for edge in &graph.edges {
        next.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut rest: Vec<&NodeId> = from.iter().collect();
    let mut seen: HashSet<&NodeId> = HashSet::new();
    while let Some(id) = rest.pop() {
        if seen.insert(id) {
            rest.extend(next.get(id).into_iter().flatten());
        }
    }
    seen.contains(target)
}

/// Where the user put things, as export wrote it.
fn restore_positions(graph: &mut Graph, document: &Value) {
    let own = document.get(OWN_KEY).and_then(|own| own.get("positions"));
    let Some(positions) = own.and_then(Value::as_object) else { return };
    for node in &mut graph.nodes {
        if let Some(position) = positions.get(node.id.as_str()).and_then(position) {
            node.position = position;
        }
    }
}

fn position(value: &Value) -> Option<Position> {
    let [x, y] = value.as_array()?.as_slice() else { return None };
    Some(Position { x: x.as_f64()?, y: y.as_f64()? })
}

/// All positions, in the document's form.
pub fn positions(nodes: &[Node]) -> Map<String, Value> {
    let entry =
        |node: &Node| (node.id.0.clone(), Value::from(vec![node.position.x, node.position.y]));
    nodes.iter().map(entry).collect()
}

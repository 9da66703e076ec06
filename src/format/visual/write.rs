//! A graph as a document: the one it was read from with the changes made in it, or a new one.

use super::header::{self, Header};
use super::read::{self, ReadStep, Reading};
use super::step::Dialect;
use super::{OWN_KEY, encode, ports};
use crate::format::{Format, merge, settings};
use crate::graph::{Edge, Graph, Node, NodeKind, TriggerKind, TriggerSettings, layout};
use crate::id::NodeId;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub fn export(graph: &Graph, name: &str, description: &str, format: Format) -> Value {
    let origin = graph.origin.as_ref().filter(|origin| origin.format == format.name());
    let base = origin.and_then(|origin| {
        let reading = read::read(&origin.document, format).ok()?;
        Some((&origin.document, reading))
    });
    let config_form = format == Format::VisualWorkflowConfig;
    let empty = Value::Object(Map::new());
    let (document, reading) = match base {
        Some((document, reading)) => (document, Some(reading)),
        None => (&empty, None),
    };
    let writer = Writer::new(graph, reading.as_ref(), document, format, config_form);
    let mut result = document.clone();
    let holder = writer.header(name, description);
    if let Value::Object(fields) = &mut result {
        match holder {
            Some(holder) if config_form => {
                fields.insert("workflowConfig".into(), holder);
            }
            // The steps are among the holder's fields in this form and keep their place.
            Some(Value::Object(holder)) => *fields = holder,
            _ => {}
        }
        fields.insert(read::steps_key(format).into(), Value::Array(writer.steps()));
    }
    keep_settings(&mut result, graph, format);
    keep_positions(&mut result, graph, reading.as_ref());
    let then = reading.as_ref().map(|reading| &reading.graph.schemas);
    if *then.unwrap_or(&Map::new()) != graph.schemas
        && let Some(fields) = result.as_object_mut()
    {
        let own = fields.entry(OWN_KEY).or_insert_with(|| json!({}));
        if own.is_object() {
            own["schemas"] = Value::Object(graph.schemas.clone());
        }
    }
    result
}

struct Writer<'a> {
    graph: &'a Graph,
    base: Option<&'a Reading>,
    document: &'a Value,
    format: Format,
    config_form: bool,
    edges: HashMap<&'a NodeId, Vec<&'a Edge>>,
    base_edges: HashMap<&'a NodeId, Vec<&'a Edge>>,
    base_nodes: HashMap<&'a NodeId, &'a Node>,
    /// The document's step of each node that came from one.
    matched: HashMap<&'a NodeId, usize>,
}

impl<'a> Writer<'a> {
    fn new(
        graph: &'a Graph,
        base: Option<&'a Reading>,
        document: &'a Value,
        format: Format,
        config_form: bool,
    ) -> Self {
        let base_nodes: HashMap<_, _> = base
            .map(|base| base.graph.nodes.iter().map(|node| (&node.id, node)).collect())
            .unwrap_or_default();
        let matched = base.map(|base| match_steps(graph, base, &base_nodes)).unwrap_or_default();
        Self {
            graph,
            base,
            document,
            format,
            config_form,
            edges: by_source(graph),
            base_edges: base.map(|base| by_source(&base.graph)).unwrap_or_default(),
            base_nodes,
            matched,
        }
    }

    /// The object with name, description and config; none when the document has none and needs none.
    fn header(&self, name: &str, description: &str) -> Option<Value> {
        let of = |graph: &Graph, name: &str, description: &str| Header {
            name: name.to_owned(),
            description: description.to_owned(),
            settings: graph.settings.clone(),
            schedule: self.schedule_apart().then(|| schedule(graph)).flatten(),
        };
        let current = Value::Object(header::write(&of(self.graph, name, description)));
        let Some(base) = self.base else { return Some(current) };
        let then = of(&base.graph, &base.header.name, &base.header.description);
        let then = Value::Object(header::write(&then));
        match read::header_of(self.document, self.format) {
            original @ Value::Object(_) => Some(merge::patch(original, &then, &current)),
            _ => (then != current).then_some(current),
        }
    }

    fn schedule_apart(&self) -> bool {
        self.base.is_some_and(|base| base.schedule_apart)
    }

    fn steps(&self) -> Vec<Value> {
        let written = self.graph.nodes.iter().filter(|node| !self.is_implied(node));
        written.map(|node| self.step(node)).collect()
    }

    /// Whether reading the document without this node would bring it back.
    fn is_implied(&self, node: &Node) -> bool {
        if self.matched.contains_key(&node.id) {
            return false;
        }
        read::is_implied_end(node) || self.is_implied_trigger(node)
    }

    fn is_implied_trigger(&self, node: &Node) -> bool {
        let NodeKind::Trigger(settings) = &node.kind else { return false };
        let made = self.base.and_then(|base| base.made_trigger.as_ref()) == Some(&node.id);
        let plain =
            Node { position: node.position, ..Node::new(node.id.clone(), node.kind.clone()) };
        let expressible =
            matches!(settings.trigger, TriggerKind::Manual | TriggerKind::Schedule { .. });
        // Only the kind of trigger and the schedule itself have a place in the header.
        let bare = TriggerSettings { trigger: settings.trigger.clone(), ..Default::default() };
        if !made || *node != plain || !expressible || *settings != bare {
            return false;
        }
        let edges = self.edges.get(&node.id).map(Vec::as_slice).unwrap_or_default();
        let simple = |edge: &&Edge| {
            edge.port == "success" && edge.map.is_empty() && edge.condition.is_none()
        };
        let targets: BTreeSet<&NodeId> = edges.iter().map(|edge| &edge.to).collect();
        let implied = read::beginnings(self.graph, &node.id);
        edges.iter().all(simple) && targets == implied.iter().collect()
    }

    fn step(&self, node: &Node) -> Value {
        let edges = self.edges.get(&node.id).map(Vec::as_slice).unwrap_or_default();
        let matched = self.matched.get(&node.id).and_then(|index| self.original(*index));
        let Some((original, read_step, base)) = matched else {
            let mut step = self.encode(node, edges, Dialect::fresh(self.config_form), false);
            step.insert("nextSteps".into(), self.fresh_next(&node.kind, edges));
            return Value::Object(step);
        };
        let base_edges = self.base_edges.get(&base.id).map(Vec::as_slice).unwrap_or_default();
        let apart = self.schedule_apart();
        let then = Value::Object(self.encode(base, base_edges, read_step.dialect, apart));
        let now = Value::Object(self.encode(node, edges, read_step.dialect, apart));
        let mut step = merge::patch(original, &then, &now);
        if let Value::Object(fields) = &mut step {
            if !same(edges, base_edges) {
                let next = self.changed_next(original, read_step, &node.kind, edges, base_edges);
                fields.insert("nextSteps".into(), next);
            }
            let renamed = original["stepSlug"].as_str() != Some(node.id.as_str());
            // A second step of one slug keeps it until something leads to it by its new name.
            if renamed
                && self.graph.edges.iter().any(|edge| edge.to == node.id && self.is_new(edge))
            {
                fields.insert("stepSlug".into(), json!(node.id));
            }
        }
        step
    }

    fn is_new(&self, edge: &Edge) -> bool {
        let then = self.base_edges.get(&edge.from).map(Vec::as_slice).unwrap_or_default();
        !then.iter().any(|base| base.port == edge.port && base.to == edge.to)
    }

    fn original(&self, index: usize) -> Option<(&'a Value, &'a ReadStep, &'a Node)> {
        let read_step = self.base?.steps.get(index)?;
        let original = self.document.get(read::steps_key(self.format))?.get(index)?;
        Some((original, read_step, self.base_nodes.get(&read_step.node)?))
    }

    fn encode(
        &self,
        node: &Node,
        edges: &[&Edge],
        dialect: Dialect,
        apart: bool,
    ) -> Map<String, Value> {
        let mut step = encode::step(node, dialect, apart);
        let own = |edge: &&&Edge| !edge.map.is_empty() || edge.condition.is_some();
        let own: Vec<Value> = edges.iter().filter(own).map(|edge| own_edge(edge)).collect();
        if !own.is_empty() {
            let key = step.entry(OWN_KEY).or_insert_with(|| json!({}));
            key["edges"] = Value::Array(own);
        }
        step
    }

    fn fresh_next(&self, kind: &NodeKind, edges: &[&Edge]) -> Value {
        let mut next = Map::new();
        for (port, targets) in by_port(edges) {
            let word = ports::written(kind, port, self.config_form);
            next.insert(word.to_owned(), targets_value(&targets));
        }
        Value::Object(next)
    }

    /// `nextSteps` with what changed; entries whose ports are as they were stay as they were written.
    fn changed_next(
        &self,
        original: &Value,
        read_step: &ReadStep,
        kind: &NodeKind,
        edges: &[&Edge],
        base_edges: &[&Edge],
    ) -> Value {
        let (now, then) = (by_port(edges), by_port(base_edges));
        let targets = |map: &[(&'_ str, Vec<&'_ str>)], port: &str| -> Vec<String> {
            let found = map.iter().find(|(name, _)| *name == port);
            found.map(|(_, to)| to.iter().map(|to| (*to).to_owned()).collect()).unwrap_or_default()
        };
        let mut done: HashSet<&str> = HashSet::new();
        let mut next = Map::new();
        for (word, ports) in &read_step.words {
            let unchanged = ports.iter().all(|port| targets(&now, port) == targets(&then, port));
            if unchanged {
                let written = original["nextSteps"].get(word).cloned().unwrap_or_default();
                next.insert(word.clone(), written);
                done.extend(ports.iter().map(String::as_str));
            } else if let [port] = ports.as_slice() {
                let to = targets(&now, port);
                if !to.is_empty() && done.insert(port) {
                    let to: Vec<&str> = to.iter().map(String::as_str).collect();
                    next.insert(word.clone(), targets_value(&to));
                }
            }
        }
        for (port, to) in now.iter().filter(|(port, _)| !done.contains(port)) {
            let word = ports::written(kind, port, self.config_form);
            next.insert(word.to_owned(), targets_value(to));
        }
        Value::Object(next)
    }
}

fn schedule(graph: &Graph) -> Option<TriggerKind> {
    match &graph.trigger()?.kind {
        NodeKind::Trigger(settings) => match &settings.trigger {
            schedule @ TriggerKind::Schedule { .. } => Some(schedule.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn by_source(graph: &Graph) -> HashMap<&NodeId, Vec<&Edge>> {
    let mut map: HashMap<&NodeId, Vec<&Edge>> = HashMap::new();
    for edge in &graph.edges {
        map.entry(&edge.from).or_default().push(edge);
    }
    map
}

/// Targets by port, in order of first appearance.
fn by_port<'a>(edges: &[&'a Edge]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut ports: Vec<(&str, Vec<&str>)> = Vec::new();
    for edge in edges {
        match ports.iter_mut().find(|(port, _)| *port == edge.port) {
            Some((_, targets)) => targets.push(edge.to.as_str()),
            None => ports.push((&edge.port, vec![edge.to.as_str()])),
        }
    }
    ports
}

fn targets_value(targets: &[&str]) -> Value {
    match targets {
        [target] => json!(target),
        targets => json!(targets),
    }
}

fn own_edge(edge: &Edge) -> Value {
    let mut own = json!({ "port": edge.port, "to": edge.to });
    if !edge.map.is_empty() {
        own["map"] = json!(edge.map);
    }
    if let Some(condition) = &edge.condition {
        own["condition"] = json!(condition);
    }
    own
}

/// Whether two nodes lead to the same places; the order decides nothing.
fn same(edges: &[&Edge], base: &[&Edge]) -> bool {
    let set = |edges: &[&Edge]| -> BTreeSet<(String, NodeId)> {
        edges.iter().map(|edge| (edge.port.clone(), edge.to.clone())).collect()
    };
    set(edges) == set(base)
}

/// Finds each node's step: by its slug, and for a renamed node by all else being equal.
fn match_steps<'a>(
    graph: &'a Graph,
    base: &'a Reading,
    base_nodes: &HashMap<&'a NodeId, &'a Node>,
) -> HashMap<&'a NodeId, usize> {
    let by_slug: BTreeMap<&NodeId, usize> =
        base.steps.iter().enumerate().map(|(index, step)| (&step.node, index)).collect();
    let mut matched: HashMap<&NodeId, usize> = HashMap::new();
    for node in &graph.nodes {
        matched.extend(by_slug.get(&node.id).map(|index| (&node.id, *index)));
    }
    let used: HashSet<usize> = matched.values().copied().collect();
    let mut free: Vec<(usize, &Node)> = base
        .steps
        .iter()
        .enumerate()
        .filter(|(index, _)| !used.contains(index))
        .filter_map(|(index, step)| Some((index, *base_nodes.get(&step.node)?)))
        .collect();
    let made = |node: &Node| base_nodes.contains_key(&node.id);
    let fresh: Vec<&Node> =
        graph.nodes.iter().filter(|node| !matched.contains_key(&node.id) && !made(node)).collect();
    for node in fresh {
        let alike = |base: &Node| base.kind == node.kind && base.label == node.label;
        if let Some(place) = free.iter().position(|(_, base)| alike(base)) {
            matched.insert(&node.id, free.remove(place).0);
        }
    }
    matched
}

/// Keeps the settings that the format has no word for.
fn keep_settings(document: &mut Value, graph: &Graph, format: Format) {
    let (words, _) = header::read(read::header_of(document, format));
    if read::own_settings(&words.settings, document) == graph.settings {
        return;
    }
    let changed = settings::difference(&words.settings, &graph.settings);
    let Some(fields) = document.as_object_mut() else { return };
    if let Some(changed) = changed {
        let own = fields.entry(OWN_KEY).or_insert_with(|| json!({}));
        if own.is_object() {
            own["settings"] = changed;
        }
    } else if let Some(Value::Object(own)) = fields.get_mut(OWN_KEY) {
        own.shift_remove("settings");
        if own.is_empty() {
            fields.shift_remove(OWN_KEY);
        }
    }
}

/// Keeps the picture when somebody moved something: a document that would be laid out the same anyway
/// stays free of positions.
fn keep_positions(document: &mut Value, graph: &Graph, base: Option<&Reading>) {
    let fresh;
    let tidy = match base {
        Some(base) => &base.graph,
        None => {
            let mut graph = graph.clone();
            layout::tidy(&mut graph);
            fresh = graph;
            &fresh
        }
    };
    let places: HashMap<_, _> = tidy.nodes.iter().map(|node| (&node.id, node.position)).collect();
    let as_laid_out = |node: &Node| places.get(&node.id) == Some(&node.position);
    if graph.nodes.iter().all(as_laid_out) {
        return;
    }
    if let Some(fields) = document.as_object_mut() {
        let own = fields.entry(OWN_KEY).or_insert_with(|| json!({}));
        if own.is_object() {
            own["positions"] = Value::Object(read::positions(&graph.nodes));
        }
    }
}

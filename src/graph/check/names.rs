//! Names that mean nothing: steps that are not there, input that is not declared, `customer.email` where
//! `steps.get_customer.output.email` is meant.

use super::draft::Draft;
use super::fixes;
use super::nearest::nearest;
use super::plans;
use super::texts::{Path, Text};
use crate::graph::{Edge, GraphEdit, Node, NodeKind, Problem, Severity};
use crate::id::NodeId;
use crate::run::is_space;
use crate::tool::{MESSAGE_NAMES, ToolSpec, may_speak_of_message};
use serde_json::Value;
use std::collections::{HashSet, VecDeque};

/// Names that mean something in every run.
const BUILT_IN: [&str; 13] = [
    "organizationId",
    "wfDefinitionId",
    "rootWfDefinitionId",
    "$now",
    "now",
    "nowMs",
    "lastOutput",
    "contact",
    "contacts",
    "run",
    "config",
    "input",
    "secrets",
];
/// What can be read of a step.
const MEMBERS: [&str; 4] = ["output", "error", "state", "port"];
/// The code of what is read too early.
const LATER: &str = "reads-later-step";
/// Past this many steps the order of steps is not looked at: it would be felt on every edit.
const ORDER_NODES_MAX: usize = 2_000;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    let names = Names::new(draft);
    let mut search = Search::new(draft.graph.nodes.len());
    for text in &draft.texts {
        let mut seen = HashSet::new();
        for path in text.names.iter().flatten().filter(|path| seen.insert(*path)) {
            let found = names.problem(text, path).or_else(|| names.order(text, path, &mut search));
            problems.extend(found);
        }
    }
}

struct Names<'a, 'd> {
    draft: &'d Draft<'a>,
    variables: HashSet<&'a str>,
    /// Declared fields of the input; `None`: anything may come in.
    input: Option<HashSet<&'a str>>,
    has_loops: bool,
}

impl<'a, 'd> Names<'a, 'd> {
    fn new(draft: &'d Draft<'a>) -> Self {
        let mut variables: HashSet<&str> =
            draft.graph.settings.variables.keys().map(String::as_str).collect();
        for node in &draft.graph.nodes {
            if draft.tool_of(node).is_some_and(|tool| tool.name == "set_variables") {
                variables.extend(set_by(node));
            }
        }
        let input = draft.graph.trigger().and_then(|node| match &node.kind {
            NodeKind::Trigger(settings) => settings.input_schema.get("properties")?.as_object(),
            _ => None,
        });
        let input = input.map(|fields| fields.keys().map(String::as_str).collect());
        let is_loop = |node: &Node| matches!(node.kind, NodeKind::Loop(_));
        Self { draft, variables, input, has_loops: draft.graph.nodes.iter().any(is_loop) }
    }

    /// What is wrong with one path, if anything is.
    fn problem(&self, text: &Text, path: &Path) -> Option<Problem> {
        let first = path.first()?.as_str();
        let rest = path.get(1).map(String::as_str);
        match first {
            "steps" => self.step(text, path),
            "input" => self.input_field(text, path, rest?),
            "secrets" => self.secret(text, path, rest?),
            "loop" => self.turn(text, path),
            "event" if self.has_event(text) => None,
            name if self.is_declared(text, name) || self.is_of_message(text, name) => None,
            "contact" => self.contact(text, path, rest?),
            name if BUILT_IN.contains(&name) => None,
            _ => Some(self.unknown(text, path)),
        }
    }

    fn is_declared(&self, text: &Text, name: &str) -> bool {
        self.variables.contains(name)
            || self.input.as_ref().is_some_and(|fields| fields.contains(name))
            || self.draft.index.contains_key(&NodeId::from(name))
            || self.item_variables(text.node).contains(name)
    }

    fn item_variables(&self, node: Option<usize>) -> HashSet<&'a str> {
        let Some(node) = node else { return HashSet::new() };
        let named = |node: &'a Node| match &node.kind {
            NodeKind::Loop(each) => each.item_variable.as_deref(),
            _ => None,
        };
        match self.draft.loops_around(node) {
            Some(around) => {
                around.iter().filter_map(|at| named(&self.draft.graph.nodes[*at])).collect()
            }
            None => self.draft.graph.nodes.iter().filter_map(named).collect(),
        }
    }

    fn has_event(&self, text: &Text) -> bool {
        let kind = text.node.map(|node| &self.draft.graph.nodes[node].kind);
        matches!(kind, Some(NodeKind::Wait(_) | NodeKind::Trigger(_))) && text.edge.is_none()
    }

    /// Whether a text is worded where its message is sent, and the name is known there.
    fn is_of_message(&self, text: &Text, name: &str) -> bool {
        if !MESSAGE_NAMES.contains(&name) || text.edge.is_some() {
            return false;
        }
        let Some(node) = text.node.map(|node| &self.draft.graph.nodes[node]) else { return false };
        let parameter = text.field.strip_prefix("/parameters/");
        match (&node.kind, self.draft.tool_of(node), parameter) {
            (NodeKind::Action(action), Some(tool), Some(parameter)) => {
                may_speak_of_message(&tool.name, parameter, &action.parameters)
            }
            _ => false,
        }
    }

    /// A run knows of its contact who it is, and nothing else.
    fn contact(&self, text: &Text, path: &Path, field: &str) -> Option<Problem> {
        if matches!(field, "id" | "_id") {
            return None;
        }
        let title = text.owner(self.draft);
        let read = path.join(".");
        let empty = format!(
            "{title} reads {read}, which is always empty here: a run knows of its contact only contact.id."
        );
        let found = self.draft.nodes().find(|(index, node)| {
            Some(*index) != text.node && looks_up_contact(node, self.draft.tool_of(node))
        });
        let meant = found.map(|(_, node)| {
            [&["steps", node.id.as_str(), "output"].map(str::to_owned), &path[1..]].concat()
        });
        let help = match &meant {
            Some(meant) => format!("Did you mean {}?", meant.join(".")),
            None => format!(
                "Look the customer up in a step before it (customer.get_by_id with {{{{contact.id}}}}) and read \
                 steps.that_step.output.{}.",
                path[1..].join(".")
            ),
        };
        let message = format!("{empty} {help}");
        Some(self.mended(text, "unknown-path", Severity::Warning, message, path, meant))
    }

    fn step(&self, text: &Text, path: &Path) -> Option<Problem> {
        let id = path.get(1)?;
        let title = text.owner(self.draft);
        if !self.draft.index.contains_key(&NodeId::from(id.as_str())) {
            let ids = self.draft.graph.nodes.iter().map(|node| node.id.as_str());
            let meant = nearest(id, ids);
            let hint = meant.map(|id| format!(" Did you mean steps.{id}?")).unwrap_or_default();
            let message = format!("{title} reads steps.{id}, but there is no such step.{hint}");
            let meant = meant.map(|id| [&["steps".to_owned(), id.to_owned()], &path[2..]].concat());
            return Some(self.mended(
                text,
                "unknown-step-name",
                Severity::Error,
                message,
                path,
                meant,
            ));
        }
        let member = path.get(2)?;
        if MEMBERS.contains(&member.as_str()) {
            return None;
        }
        let message = format!(
            "{title} reads steps.{id}.{member}, which is always empty: what a step gives is under steps.{id}.output."
        );
        let mut meant = path.clone();
        meant.insert(2, "output".to_owned());
        Some(self.mended(text, "unknown-path", Severity::Warning, message, path, Some(meant)))
    }

    fn input_field(&self, text: &Text, path: &Path, field: &str) -> Option<Problem> {
        let fields = self.input.as_ref()?;
        if fields.contains(field) || field == "length" {
            return None;
        }
        let mut sorted: Vec<&str> = fields.iter().copied().collect();
        sorted.sort_unstable();
        let meant = nearest(field, sorted.into_iter());
        let hint = meant.map(|name| format!(" Did you mean input.{name}?")).unwrap_or_default();
        let title = text.owner(self.draft);
        let message =
            format!("{title} reads input.{field}, which the trigger does not declare.{hint}");
        let meant = meant.map(|name| [&["input".to_owned(), name.to_owned()], &path[2..]].concat());
        Some(self.mended(text, "unknown-input", Severity::Warning, message, path, meant))
    }

    fn secret(&self, text: &Text, path: &Path, name: &str) -> Option<Problem> {
        let known = self.draft.context.secrets?;
        let own = &self.draft.graph.settings.secrets;
        if own.contains_key(name) || known.iter().any(|known| known == name) {
            return None;
        }
        let meant = nearest(name, known.iter().chain(own.keys()).map(String::as_str));
        let title = text.owner(self.draft);
        let message = format!(
            "{title} reads the secret {name}, which is not stored. Add it under Settings, Secrets."
        );
        let meant = meant.map(|name| vec!["secrets".to_owned(), name.to_owned()]);
        Some(self.mended(text, "unknown-secret", Severity::Error, message, path, meant))
    }

    fn turn(&self, text: &Text, path: &Path) -> Option<Problem> {
        let around = match text.node {
            Some(node) => self.draft.loops_around(node)?,
            None => Vec::new(),
        };
        if !around.is_empty() || self.item_variables(text.node).contains("loop") {
            return None;
        }
        let title = text.owner(self.draft);
        let (severity, message) = if self.has_loops {
            (
                Severity::Warning,
                format!(
                    "{title} reads {}, but stands in no loop, so it is empty there.",
                    path.join(".")
                ),
            )
        } else {
            (
                Severity::Error,
                format!("{title} reads {}, but the workflow has no loop.", path.join(".")),
            )
        };
        Some(self.mended(text, "loop-outside", severity, message, path, None))
    }

    fn unknown(&self, text: &Text, path: &Path) -> Problem {
        let title = text.owner(self.draft);
        let name = &path[0];
        // Anything may come in with the input while its fields are not declared.
        let severity = if self.input.is_some() { Severity::Error } else { Severity::Warning };
        if let Some(step) = self.step_giving(text.node, name) {
            let id = self.draft.graph.nodes[step].id.as_str();
            let meant = [&["steps", id, "output"].map(str::to_owned), &path[1..]].concat();
            let message = format!(
                "{title} reads {}, but nothing is called {name}. Did you mean {}?",
                path.join("."),
                meant.join(".")
            );
            return self.mended(text, "unknown-name", severity, message, path, Some(meant));
        }
        let mut known: Vec<&str> = self.variables.iter().copied().collect();
        known.extend(self.input.iter().flatten().copied());
        known.extend(self.item_variables(text.node));
        known.extend(BUILT_IN);
        known.sort_unstable();
        let meant = nearest(name, known.into_iter());
        let hint = match meant {
            Some(known) => format!("Did you mean {known}?"),
            None => "Read a step's result as steps.id.output, the input as input.name.".to_owned(),
        };
        let message =
            format!("{title} reads {}, but nothing is called {name}. {hint}", path.join("."));
        let meant = meant.map(|known| [&[known.to_owned()], &path[1..]].concat());
        self.mended(text, "unknown-name", severity, message, path, meant)
    }

    /// The step whose result somebody means by a bare name: `customer` for `get_customer`.
    fn step_giving(&self, reader: Option<usize>, name: &str) -> Option<usize> {
        let fits = |(index, node): &(usize, &Node)| {
            let gives = matches!(
                node.kind,
                NodeKind::Action(_)
                    | NodeKind::Llm(_)
                    | NodeKind::Human(_)
                    | NodeKind::Task(_)
                    | NodeKind::Subworkflow(_)
            );
            let words = || node.id.as_str().split(['_', '-', '.']);
            gives && Some(*index) != reader && words().any(|word| word == name)
        };
        let mut found = self.draft.nodes().filter(fits).map(|(index, _)| index);
        found.next().filter(|_| name.len() > 2)
    }

    /// A step that can only run after the one that reads it.
    fn order(&self, text: &Text, path: &Path, search: &mut Search) -> Option<Problem> {
        let draft = self.draft;
        if draft.graph.nodes.len() > ORDER_NODES_MAX {
            return None;
        }
        let source = self.step_read(text, path)?;
        let reader = text.node?;
        // A text of an edge is read when its node is done.
        let runs = draft.reachable[source] && draft.reachable[reader];
        if !runs || (source == reader && text.edge.is_some()) {
            return None;
        }
        (!search.leads(draft, source, reader))
            .then(|| self.too_early(text, path, (source, reader), search))
    }

    /// The step that a path reads: `steps.a`, or what `a` gave by its bare name.
    fn step_read(&self, text: &Text, path: &Path) -> Option<usize> {
        let first = path.first()?.as_str();
        let second = path.get(1)?.as_str();
        if first == "steps" {
            return self.draft.index.get(&NodeId::from(second)).copied();
        }
        let is_space = is_space(first) || (first == "event" && self.has_event(text));
        if is_space || !matches!(second, "output" | "error") {
            return None;
        }
        let step = self.draft.index.get(&NodeId::from(first)).copied()?;
        (!self.item_variables(text.node).contains(first)).then_some(step)
    }

    fn too_early(
        &self,
        text: &Text,
        path: &Path,
        (source, reader): (usize, usize),
        search: &mut Search,
    ) -> Problem {
        let draft = self.draft;
        let (title, read) = (draft.title(reader), draft.title(source));
        if !plans::is_dag(draft.graph) {
            let message =
                format!("{title} reads what {read} gives, but that does not run before it.");
            return self.mended(text, LATER, Severity::Warning, message, path, None);
        }
        // A plan says itself what a step waits for: without that it reads nothing, and nobody hears of it.
        let (from, to) = (&draft.graph.nodes[source], &draft.graph.nodes[reader]);
        if source == reader || search.leads(draft, reader, source) {
            let message =
                format!("{title} reads what {read} gives, but runs before it has given anything.");
            return self.mended(text, LATER, Severity::Error, message, path, None);
        }
        let message = format!(
            "{title} reads what {read} gives, but does not wait for it. Add {} to its dependsOn.",
            from.id
        );
        let problem = self.mended(text, LATER, Severity::Error, message, path, None);
        if !from.kind.ports().contains(&"success") {
            return problem;
        }
        let edge = fixes::add_edge(draft, &from.id, "success", to.id.clone());
        problem.fix(format!("Wait for {}", from.id), vec![edge])
    }

    fn mended(
        &self,
        text: &Text,
        code: &str,
        severity: Severity,
        message: String,
        path: &Path,
        meant: Option<Path>,
    ) -> Problem {
        let problem = text.problem(self.draft, code, severity, message);
        let Some(meant) = meant else { return problem };
        let (from, to) = (path.join("."), meant.join("."));
        let label = format!("Read {to}");
        let change = |source: &str| replace_path(source, &from, &to);
        let graph = self.draft.graph;
        let edits = match (text.edge, text.node) {
            (Some(edge), _) => reroute(edge, &from, &to),
            (None, Some(node)) => {
                fixes::retext(&graph.nodes[node], &text.field, change).map(|edit| vec![edit])
            }
            (None, None) => {
                fixes::resettle(&graph.settings, &text.field, change).map(|edit| vec![edit])
            }
        };
        match edits {
            Some(edits) => problem.fix(label, edits),
            None => problem,
        }
    }
}

/// Breadth-first search that ends when it has found what it looks for.
struct Search {
    /// The number of the search that saw a node last.
    seen: Vec<u32>,
    number: u32,
}

impl Search {
    fn new(nodes: usize) -> Self {
        Self { seen: vec![0; nodes], number: 0 }
    }

    /// Whether a path of at least one edge leads from a node to another.
    fn leads(&mut self, draft: &Draft, from: usize, to: usize) -> bool {
        self.number += 1;
        let mut rest: VecDeque<usize> = draft.targets(from).collect();
        while let Some(node) = rest.pop_front() {
            if node == to {
                return true;
            }
            if std::mem::replace(&mut self.seen[node], self.number) != self.number {
                rest.extend(draft.targets(node));
            }
        }
        false
    }
}

/// Whether a step looks up the contact that the run is about.
fn looks_up_contact(node: &Node, tool: Option<&ToolSpec>) -> bool {
    let NodeKind::Action(action) = &node.kind else { return false };
    let named = action.parameters.get("customerId").and_then(Value::as_str).unwrap_or_default();
    tool.is_some_and(|tool| tool.name == "customer.get_by_id") && named.contains("contact")
}

/// The names that a `set_variables` step sets.
fn set_by(node: &Node) -> Vec<&str> {
    let NodeKind::Action(action) = &node.kind else { return Vec::new() };
    let given = match action.parameters.get("variables") {
        Some(inner @ (Value::Object(_) | Value::Array(_))) => inner,
        _ => &action.parameters,
    };
    match given {
        Value::Object(fields) => fields.keys().map(String::as_str).collect(),
        Value::Array(items) => items.iter().filter_map(|item| item.get("name")?.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn reroute(edge: &Edge, from: &str, to: &str) -> Option<Vec<GraphEdit>> {
    let mut changed = edge.clone();
    changed.condition = Some(replace_path(edge.condition.as_deref()?, from, to)?);
    Some(vec![
        GraphEdit::RemoveEdge { id: edge.id.clone() },
        GraphEdit::AddEdge { edge: Box::new(changed), index: None },
    ])
}

/// Replaces a path where it stands on its own. `None` when it is written otherwise (with brackets).
fn replace_path(source: &str, from: &str, to: &str) -> Option<String> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    let mut result = String::with_capacity(source.len());
    let (mut rest, mut found) = (source, false);
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let begins = !before.chars().next_back().or(result.chars().next_back()).is_some_and(part);
        let ends = !after.chars().next().is_some_and(|c| part(c) && c != '.');
        result.push_str(before);
        result.push_str(if begins && ends { to } else { from });
        found |= begins && ends;
        rest = after;
    }
    result.push_str(rest);
    found.then_some(result)
}

//! Names that mean nothing: steps that are not there, input that is not declared, `customer.email` where
//! `steps.get_customer.output.email` is meant.

use super::draft::Draft;
use super::fixes;
use super::nearest::nearest;
use super::texts::{Path, Text};
use crate::graph::{Edge, GraphEdit, Node, NodeKind, Problem, Severity};
use crate::id::NodeId;
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
            name if BUILT_IN.contains(&name) || self.is_declared(text, name) => None,
            _ => Some(self.unknown(text, path)),
        }
    }

    fn is_declared(&self, text: &Text, name: &str) -> bool {
        self.variables.contains(name)
            || self.input.as_ref().is_some_and(|fields| fields.contains(name))
            || self.draft.index.contains_key(&NodeId::from(name))
            || self.item_variables(text.node).contains(name)
    }

    fn item_variables(&self, node: usize) -> HashSet<&'a str> {
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
        let kind = &self.draft.graph.nodes[text.node].kind;
        matches!(kind, NodeKind::Wait(_) | NodeKind::Trigger(_)) && text.edge.is_none()
    }

    fn step(&self, text: &Text, path: &Path) -> Option<Problem> {
        let id = path.get(1)?;
        let title = self.draft.title(text.node);
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
        let title = self.draft.title(text.node);
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
        let title = self.draft.title(text.node);
        let message = format!(
            "{title} reads the secret {name}, which is not stored. Add it under Settings, Secrets."
        );
        let meant = meant.map(|name| vec!["secrets".to_owned(), name.to_owned()]);
        Some(self.mended(text, "unknown-secret", Severity::Error, message, path, meant))
    }

    fn turn(&self, text: &Text, path: &Path) -> Option<Problem> {
        if self.item_variables(text.node).contains("loop")
            || !self.draft.loops_around(text.node)?.is_empty()
        {
            return None;
        }
        let title = self.draft.title(text.node);
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
        let title = self.draft.title(text.node);
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
    fn step_giving(&self, reader: usize, name: &str) -> Option<usize> {
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
            gives && *index != reader && words().any(|word| word == name)
        };
        let mut found = self.draft.nodes().filter(fits).map(|(index, _)| index);
        found.next().filter(|_| name.len() > 2)
    }

    /// A step that can only run after the one that reads it.
    fn order(&self, text: &Text, path: &Path, search: &mut Search) -> Option<Problem> {
        let draft = self.draft;
        if path[0] != "steps" || draft.graph.nodes.len() > ORDER_NODES_MAX {
            return None;
        }
        let source = *draft.index.get(&NodeId::from(path.get(1)?.as_str()))?;
        let reader = text.node;
        // A text of an edge is read when its node is done.
        let runs = draft.reachable[source] && draft.reachable[reader];
        if !runs || (source == reader && text.edge.is_some()) {
            return None;
        }
        (!search.leads(draft, source, reader)).then(|| self.too_early(text, path, source))
    }

    fn too_early(&self, text: &Text, path: &Path, source: usize) -> Problem {
        let message = format!(
            "{} reads what {} gives, but that does not run before it.",
            self.draft.title(text.node),
            self.draft.title(source)
        );
        self.mended(text, "reads-later-step", Severity::Warning, message, path, None)
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
        let node = &self.draft.graph.nodes[text.node];
        let mut problem = Problem::new(code, severity, message).at(&node.id);
        if let Some(edge) = text.edge {
            problem.port = Some(edge.port.clone());
        } else {
            problem = problem.field(&text.field);
        }
        let Some(meant) = meant else { return problem };
        let (from, to) = (path.join("."), meant.join("."));
        let label = format!("Read {to}");
        let edits = match text.edge {
            Some(edge) => reroute(edge, &from, &to),
            None => fixes::retext(node, &text.field, |source| replace_path(source, &from, &to))
                .map(|edit| vec![edit]),
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

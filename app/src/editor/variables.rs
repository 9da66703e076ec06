//! What a template of a step can name: the run's input, outputs of steps before it, the loop it is
//! in, variables, the run itself. For the picker beside template fields.
//!
//! Deliberately absent: whether a template is right ([`signalbox::graph::check`] says so).

use crate::canvas::model::outline;
use serde_json::Value;
use signalbox::graph::{Graph, HumanMode, Node, NodeKind, OutputFormat};
use signalbox::id::NodeId;
use std::collections::{HashSet, VecDeque};

/// Names that are offered at most, so that a picker stays quick in a large graph.
const OFFERED_MAX: usize = 400;
/// Fields of one schema that are offered.
const FIELDS_MAX: usize = 40;

/// Something a template can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// What is inserted between the braces: `steps.get_customer.output.email`.
    pub path: String,
    /// What it is, for people: `Email`.
    pub label: String,
    /// Whose it is: `Get customer`, `Input`, `Loop`.
    pub group: String,
}

/// What the templates of a step can name, nearest steps first.
pub fn of(graph: &Graph, id: &NodeId) -> Vec<Variable> {
    let mut found = Vec::new();
    input(graph, &mut found);
    let upstream = outline::upstream(graph, id);
    if upstream.iter().any(|from| in_body(graph, from, id)) {
        let add = |(path, label): (&str, &str)| variable(path.into(), label, "Loop");
        found.extend([("loop.item", "The item"), ("loop.index", "Its number, from 0")].map(add));
    }
    for from in upstream.iter().filter(|from| *from != id) {
        if let Some(node) = graph.node(from) {
            outputs(node, &mut found);
        }
        if found.len() >= OFFERED_MAX {
            break;
        }
    }
    let variables = graph.settings.variables.keys();
    found.extend(variables.map(|name| variable(format!("variables.{name}"), name, "Variables")));
    let secrets = graph.settings.secrets.keys();
    found.extend(secrets.map(|name| variable(format!("secrets.{name}"), name, "Secrets")));
    for (path, label) in [
        ("$now", "The time now"),
        ("organizationId", "The organisation"),
        ("wfDefinitionId", "The workflow"),
    ] {
        found.push(variable(path.into(), label, "Run"));
    }
    found.truncate(OFFERED_MAX);
    found
}

fn variable(path: String, label: &str, group: &str) -> Variable {
    Variable { path, label: label.to_owned(), group: group.to_owned() }
}

fn input(graph: &Graph, found: &mut Vec<Variable>) {
    let before = found.len();
    if let Some(NodeKind::Trigger(settings)) = graph.trigger().map(|node| &node.kind) {
        properties(&settings.input_schema, "input", "Input", found);
    }
    if found.len() == before {
        found.push(variable("input".into(), "The run's input", "Input"));
    }
}

fn properties(schema: &Value, root: &str, group: &str, found: &mut Vec<Variable>) {
    let fields = schema.get("properties").and_then(Value::as_object);
    for (name, schema) in fields.into_iter().flatten().take(FIELDS_MAX) {
        let label = schema.get("title").and_then(Value::as_str).unwrap_or(name);
        found.push(variable(format!("{root}{}", accessor(name)), label, group));
    }
}

/// `.name`, or `["a name"]` where a dot would not do.
fn accessor(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!(".{name}") } else { format!("[{}]", Value::String(name.to_owned())) }
}

fn outputs(node: &Node, found: &mut Vec<Variable>) {
    let root = format!("steps{}.output", accessor(node.id.as_str()));
    let title = node.title().to_owned();
    let whole = |label: &str| variable(root.clone(), label, &title);
    match &node.kind {
        NodeKind::Trigger(_) | NodeKind::Condition(_) | NodeKind::Branch(_) | NodeKind::End(_) => {}
        NodeKind::Action(settings) => {
            let before = found.len();
            if let Some(tool) = signalbox::tool::find(&settings.tool) {
                properties(&tool.output, &root, &title, found);
            }
            if found.len() == before {
                found.push(whole("Output"));
            }
        }
        NodeKind::Llm(settings) => {
            if settings.output_format == OutputFormat::Json {
                properties(&settings.output_schema, &root, &title, found);
            }
            found.push(whole("The model's answer"));
        }
        NodeKind::Loop(_) => {
            found.push(variable(format!("{root}.results"), "Results of all turns", &title));
            found.push(variable(format!("{root}.count"), "Number of turns", &title));
        }
        NodeKind::Task(settings) => {
            properties(&settings.output_schema, &root, &title, found);
            found.push(whole("What the worker reported"));
        }
        NodeKind::Subworkflow(_) => {
            found.push(variable(format!("{root}.output"), "Output of its run", &title));
            found.push(variable(format!("{root}.outcome"), "Outcome of its run", &title));
        }
        NodeKind::Wait(_) => found.push(whole("What was waited for")),
        NodeKind::Human(settings) => {
            if settings.mode == HumanMode::Answer {
                properties(&settings.form, &root, &title, found);
            }
            found.push(whole("The person's answer"));
        }
    }
    use NodeKind::{Action, Llm, Subworkflow, Task};
    let has_error = matches!(node.kind, Action(_) | Llm(_) | Task(_) | Subworkflow(_));
    if has_error {
        let root = format!("steps{}.error", accessor(node.id.as_str()));
        found.push(variable(format!("{root}.message"), "What went wrong", &title));
    }
}

/// Whether `id` is in the body of the loop `header`: reached through its `next` port without passing
/// through the loop again.
fn in_body(graph: &Graph, header: &NodeId, id: &NodeId) -> bool {
    let is_loop = graph.node(header).is_some_and(|node| matches!(node.kind, NodeKind::Loop(_)));
    if !is_loop || header == id {
        return false;
    }
    let out = outline::outgoing(graph);
    let first = out.get(header).into_iter().flatten().filter(|edge| edge.port == "next");
    let mut queue: VecDeque<&NodeId> = first.map(|edge| &edge.to).collect();
    let mut seen: HashSet<&NodeId> = HashSet::from([header]);
    while let Some(next) = queue.pop_front() {
        if next == id {
            return true;
        }
        if seen.insert(next) {
            queue.extend(out.get(next).into_iter().flatten().map(|edge| &edge.to));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::graph::{ActionSettings, Edge, EndSettings, LoopSettings, TriggerSettings};

    fn graph() -> Graph {
        let trigger = TriggerSettings {
            input_schema: json!({"properties": {"email": {"title": "Address"}, "first name": {}}}),
            ..TriggerSettings::default()
        };
        let items = LoopSettings {
            items: "{{steps.get.output.customers}}".into(),
            item_variable: None,
            concurrency: 1,
        };
        let action = |tool: &str| {
            NodeKind::Action(ActionSettings { tool: tool.into(), parameters: json!({}) })
        };
        Graph {
            nodes: vec![
                Node::new("start", NodeKind::Trigger(trigger)),
                Node::new("get", action("customer.get_by_id")),
                Node::new("each", NodeKind::Loop(items)),
                Node::new("mail", action("email.send")),
                Node::new("after", NodeKind::End(EndSettings::default())),
            ],
            edges: vec![
                Edge::new("start", "success", "get"),
                Edge::new("get", "success", "each"),
                Edge::new("each", "next", "mail"),
                Edge::new("mail", "success", "each"),
                Edge::new("each", "done", "after"),
            ],
            ..Graph::default()
        }
    }

    fn paths(id: &str) -> Vec<String> {
        of(&graph(), &id.into()).into_iter().map(|variable| variable.path).collect()
    }

    #[test]
    fn a_step_sees_the_input_the_steps_before_it_and_its_loop() {
        let seen = paths("mail");
        for path in [
            "input.email",
            r#"input["first name"]"#,
            "loop.item",
            "steps.get.error.message",
            "$now",
        ] {
            assert!(seen.iter().any(|other| other == path), "{path} in {seen:?}");
        }
        assert!(seen.iter().any(|path| path.starts_with("steps.get.output")), "{seen:?}");
        assert!(!seen.iter().any(|path| path.starts_with("steps.mail")), "not itself");
    }

    #[test]
    fn outside_a_loop_its_item_is_not_offered_but_its_results_are() {
        let seen = paths("after");
        assert!(seen.iter().any(|path| path == "steps.each.output.results"));
        assert!(!seen.iter().any(|path| path.starts_with("loop.")), "{seen:?}");
        assert!(!paths("get").iter().any(|path| path.starts_with("steps.")), "{:?}", paths("get"));
    }
}

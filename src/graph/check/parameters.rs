//! A tool's input: what is required, and what cannot be of the right type. Templates are judged when they
//! have run.

use super::draft::Draft;
use super::fixes;
use super::texts::escape;
use crate::graph::{ActionSettings, Node, NodeKind, Problem, Severity};
use crate::tool::ToolSpec;
use serde_json::{Map, Value, json};

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let NodeKind::Action(action) = &node.kind else { continue };
        let Some(tool) = draft.tool_of(node) else { continue };
        if !matches!(action.parameters, Value::Object(_) | Value::Null) {
            // One template may give the whole input.
            if !is_template(&action.parameters) {
                let message = format!("The input of {} must be an object.", draft.title(index));
                problems.push(
                    Problem::new("wrong-type", Severity::Error, message)
                        .at(&node.id)
                        .field("/parameters"),
                );
            }
            continue;
        }
        missing(draft, index, action, tool, problems);
        wrong(draft, index, action, tool, problems);
    }
}

fn missing(
    draft: &Draft,
    index: usize,
    action: &ActionSettings,
    tool: &ToolSpec,
    problems: &mut Vec<Problem>,
) {
    let node = &draft.graph.nodes[index];
    let given = |name: &str| match action.parameters.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    };
    let required = tool.input.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str).filter(|name| !given(name)) {
        let title = &tool.input["properties"][name]["title"];
        let label = title.as_str().unwrap_or(name);
        let message =
            format!("{} needs {label}: {} cannot do without it.", draft.title(index), tool.label);
        let field = format!("/parameters/{}", escape(name));
        problems.push(
            Problem::new("missing-parameter", Severity::Error, message).at(&node.id).field(field),
        );
    }
    if tool.name == "email.send" && !given("subject") && !given("templateId") {
        let message =
            format!("{} needs Subject: {} cannot do without it.", draft.title(index), tool.label);
        let problem = Problem::new("missing-parameter", Severity::Error, message);
        problems.push(problem.at(&node.id).field("/parameters/subject"));
    }
    let recipients = ["to", "customerId", "contact"];
    if tool.name == "email.send" && !recipients.iter().any(|name| given(name)) {
        let message =
            format!("{} has no recipient. Give it a customer or an address.", draft.title(index));
        let problem = Problem::new("missing-recipient", Severity::Error, message);
        problems.push(problem.at(&node.id).field("/parameters/to"));
    }
}

fn wrong(
    draft: &Draft,
    index: usize,
    action: &ActionSettings,
    tool: &ToolSpec,
    problems: &mut Vec<Problem>,
) {
    let node = &draft.graph.nodes[index];
    let none = Map::new();
    let properties = tool.input["properties"].as_object().unwrap_or(&none);
    for (name, value) in action.parameters.as_object().unwrap_or(&none) {
        let Some(schema) = properties.get(name) else { continue };
        let types = types(schema);
        if types.is_empty() || is_template(value) || types.iter().any(|kind| is_of(value, kind)) {
            problems.extend(out_of_range(draft, node, index, name, value, schema));
            continue;
        }
        let field = format!("/parameters/{}", escape(name));
        let message = format!(
            "{}: {name} must be {}, not {}.",
            draft.title(index),
            types.join(" or "),
            shown(value)
        );
        let meant = types.iter().find_map(|kind| read_as(value, kind));
        let severity = if meant.is_some() { Severity::Warning } else { Severity::Error };
        let problem = Problem::new("wrong-type", severity, message).at(&node.id).field(&field);
        let edit =
            meant.and_then(|value| Some((value.to_string(), fixes::replace(node, &field, value)?)));
        problems.push(match edit {
            Some((label, edit)) => problem.fix(format!("Write {label}"), vec![edit]),
            None => problem,
        });
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A text with something to compute may become anything.
fn is_template(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("{{"))
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// The value as the type that was probably meant: a number in quotes, a number where text belongs.
fn read_as(value: &Value, kind: &str) -> Option<Value> {
    match (value, kind) {
        (Value::String(text), "integer" | "number" | "boolean") => {
            let read: Value = serde_json::from_str(text.trim()).ok()?;
            is_of(&read, kind).then_some(read)
        }
        (Value::Number(_) | Value::Bool(_), "string") => Some(json!(value.to_string())),
        _ => None,
    }
}

fn out_of_range(
    draft: &Draft,
    node: &Node,
    index: usize,
    name: &str,
    value: &Value,
    schema: &Value,
) -> Option<Problem> {
    let number = value.as_f64()?;
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (low, high) = (bound("minimum"), bound("maximum"));
    if low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high) {
        return None;
    }
    let limits = match (low, high) {
        (Some(low), Some(high)) => format!("from {low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (_, high) => format!("at most {}", high.unwrap_or_default()),
    };
    let message = format!("{}: {name} must be {limits}, not {number}.", draft.title(index));
    let field = format!("/parameters/{}", escape(name));
    Some(Problem::new("out-of-range", Severity::Error, message).at(&node.id).field(field))
}

fn shown(value: &Value) -> String {
    let text: String = value.to_string().chars().take(40).collect();
    if text.chars().count() < 40 { text } else { format!("{text}…") }
}

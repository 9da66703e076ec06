//! What a format cannot say of a graph: as problems, so that a person decides whether it matters.

use super::plan::{self, Codec, Way};
use super::{Format, OWN_KEY, codec};
use crate::graph::{Edge, Graph, Node, Problem, Severity};
use crate::id::NodeId;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// What stands under our own key: it comes back to us, but other programs pass over it, or refuse a step that
/// is none of theirs.
pub fn kept_apart(document: &Value, codec: &Codec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let format = codec.format.title();
    for step in document[codec.steps].as_array().into_iter().flatten() {
        let Some(own) = step.get(OWN_KEY).and_then(|own| own.get("node")) else { continue };
        let id = NodeId::from(step["id"].as_str().unwrap_or_default());
        let kind = own.get("kind").and_then(|kind| kind["type"].as_str());
        let what: Vec<&str> =
            own.as_object().into_iter().flat_map(|own| own.keys().map(String::as_str)).collect();
        let message = match kind {
            Some(kind) => format!(
                "{id} is a step of the kind {kind}, which the format {format} does not have. Other programs will not \
                 know it."
            ),
            None => format!(
                "The format {format} has no word for all of {id} ({}). It is kept under `{OWN_KEY}`, which other \
                 programs pass over.",
                what.join(", ")
            ),
        };
        problems.push(Problem::new("not-in-format", Severity::Warning, message).at(&id));
    }
    let own = document.get(OWN_KEY).and_then(Value::as_object);
    for (key, value) in own.into_iter().flatten() {
        let what = match key.as_str() {
            "edges" => edges(value),
            "trigger" => "how the workflow starts".to_owned(),
            "start" => "where the workflow begins".to_owned(),
            _ => format!("the workflow's {key}"),
        };
        let message = format!(
            "The format {format} cannot say {what}. It is kept under `{OWN_KEY}`, which other programs pass over."
        );
        problems.push(Problem::new("not-in-format", Severity::Warning, message));
    }
    problems
}

fn edges(value: &Value) -> String {
    let name = |edge: &Value| {
        let text = |key: &str| edge[key].as_str().unwrap_or_default().to_owned();
        format!("{}.{} to {}", text("from"), text("port"), text("to"))
    };
    let names: Vec<String> = value.as_array().into_iter().flatten().map(name).collect();
    let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("the connection {shown}"),
        0..=5 => format!("the connections {shown}"),
        more => format!("{more} connections ({shown}, \u{2026})"),
    }
}

/// What is not the same when the written document is read again.
pub fn between(graph: &Graph, again: &Graph, format: Format) -> Vec<Problem> {
    let title = format.title();
    let lost = |what: String| {
        Problem::new(
            "lost-in-format",
            Severity::Error,
            format!("The format {title} cannot say {what}, so it is lost."),
        )
    };
    let index: HashMap<&NodeId, &Node> = again.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut problems = Vec::new();
    for node in &graph.nodes {
        let what = match index.get(&node.id) {
            None => format!("the step {}", node.id),
            Some(other) if other.kind != node.kind => {
                format!("all settings of the step {}", node.id)
            }
            Some(other) if other.contract != node.contract => {
                format!("the contract of the step {}", node.id)
            }
            Some(other) if other.policy != node.policy => {
                format!("the policy of the step {}", node.id)
            }
            Some(other)
                if (&other.label, &other.description) != (&node.label, &node.description) =>
            {
                format!("the label of the step {}", node.id)
            }
            Some(_) => continue,
        };
        problems.push(lost(what).at(&node.id));
    }
    let now: HashSet<&NodeId> = graph.nodes.iter().map(|node| &node.id).collect();
    let made = again.nodes.iter().filter(|node| !now.contains(&node.id));
    problems.extend(made.map(|node| lost(format!("that there is no step {}", node.id))));
    if again.schemas != graph.schemas {
        problems.push(lost("the schemas".to_owned()));
    }
    if again.settings != graph.settings {
        problems.push(lost("the workflow's settings".to_owned()));
    }
    let ways = |graph: &Graph| -> HashSet<String> {
        let way = |way: Way| format!("{}.{} to {}", way.from, way.port, way.to);
        graph.edges.iter().map(|edge| way(Way::of(edge))).collect()
    };
    let (now, kept) = (ways(graph), ways(again));
    let gone = now.iter().filter(|way| !kept.contains(*way));
    problems.extend(gone.map(|way| lost(format!("the connection {way}"))));
    let added = kept.iter().filter(|way| !now.contains(*way));
    problems.extend(added.map(|way| lost(format!("that there is no connection {way}"))));
    problems
}

/// Keys that a problem names; the others are counted.
const KEYS_SHOWN: usize = 12;

/// What a plan says beyond its graph (its id and version, who made it, what only its author understands), and another
/// format has no place for.
pub fn left_behind(graph: &Graph, format: Format) -> Option<Problem> {
    let origin = graph.origin.as_ref()?;
    let came_from = Format::from_name(&origin.format)?;
    let is_plan = matches!(came_from, Format::Outbound | Format::Dag | Format::Contract);
    // Our own format carries the whole document.
    if !is_plan || came_from == format || format == Format::SignalboxV1 {
        return None;
    }
    let keys = keys_of_plan(graph, codec(came_from), &origin.document);
    if keys.is_empty() {
        return None;
    }
    let shown = keys.iter().take(KEYS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = match keys.len().saturating_sub(KEYS_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "The format {} has no place for what the {} says under {shown}{more}; it is left behind. Write it as {} to keep it.",
        format.title(),
        came_from.title(),
        Format::SignalboxV1.title()
    );
    Some(Problem::new("left-behind", Severity::Warning, message))
}

fn keys_of_plan(graph: &Graph, codec: &Codec, document: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    if codec.format == Format::Outbound {
        let said = ["id", "version"].into_iter().filter(|key| document.get(key).is_some());
        keys.extend(said.map(str::to_owned));
    }
    if let Ok(understood) = plan::understood(codec, document) {
        let mut seen: HashSet<String> = keys.iter().cloned().collect();
        beyond(document, &understood, codec, "", &mut keys, &mut seen);
    }
    let is_derived = |edge: &Edge| {
        edge.id == Edge::new(edge.from.clone(), edge.port.as_str(), edge.to.clone()).id
    };
    if codec.format == Format::Contract && !graph.edges.iter().all(is_derived) {
        keys.push("edges[].id".to_owned());
    }
    keys
}

/// The keys of a document that what we understand of it has not.
fn beyond(
    document: &Value,
    understood: &Value,
    codec: &Codec,
    at: &str,
    keys: &mut Vec<String>,
    seen: &mut HashSet<String>,
) {
    let (Value::Object(fields), Value::Object(known)) = (document, understood) else { return };
    for (key, value) in fields {
        // Schemas and our own part are carried as they are; the rest of these say nothing.
        if [OWN_KEY, "schemas"].contains(&key.as_str())
            || codec.atoms.contains(&key.as_str())
            || is_nothing(value)
        {
            continue;
        }
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match (known.get(key), value) {
            (None, _) if seen.insert(path.clone()) => keys.push(path),
            (Some(Value::Array(known)), Value::Array(items)) => {
                let names = codec.keys.iter().find(|(list, _)| *list == key.as_str());
                for (at, item) in items.iter().enumerate() {
                    let same = match names {
                        // As a rule it stands at the same place.
                        Some((_, names)) => {
                            let is_same = |other: &&Value| {
                                names.iter().all(|name| other.get(*name) == item.get(*name))
                            };
                            known.get(at).filter(is_same).or_else(|| known.iter().find(is_same))
                        }
                        None => known.get(at),
                    };
                    if let Some(known) = same {
                        beyond(item, known, codec, &format!("{path}[]"), keys, seen);
                    }
                }
            }
            (Some(known), value) => beyond(value, known, codec, &path, keys, seen),
            (None, _) => {}
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

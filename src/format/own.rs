//! What a format has no word for: kept under one key, `signalbox`, so that it comes back to us and other
//! programs pass over it.
//!
//! In a step: `{"node": …}`, a merge patch over the node as the format's own words give it. In the document:
//! `trigger` (the node), `start` (what it leads to), `edges`, `schemas`, `settings` (those that differ), `positions`.

use super::{FormatError, OWN_KEY, settings};
use crate::graph::{Edge, Graph, Node, NodeKind, Position, Settings};
use crate::id::NodeId;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The document's own part, read.
#[derive(Default)]
pub struct Own {
    pub trigger: Option<Node>,
    pub start: Option<Vec<NodeId>>,
    pub edges: Vec<Edge>,
    pub schemas: Map<String, Value>,
    pub positions: HashMap<NodeId, Position>,
}

/// Reads the document's own part and puts its settings over those that were read.
pub fn read(document: &Value, settings: &mut Settings) -> Result<Own, FormatError> {
    let Some(own) = document.get(OWN_KEY).filter(|own| !own.is_null()) else {
        return Ok(Own::default());
    };
    let at = |key: &str| format!("/{OWN_KEY}/{key}");
    if !own.is_object() {
        return Err(FormatError::invalid(format!("/{OWN_KEY}"), "our own part must be an object"));
    }
    let mut read = Own {
        trigger: part(own, "trigger", &at("trigger"))?,
        start: part(own, "start", &at("start"))?,
        edges: part(own, "edges", &at("edges"))?.unwrap_or_default(),
        schemas: part(own, "schemas", &at("schemas"))?.unwrap_or_default(),
        positions: HashMap::new(),
    };
    for (id, place) in own.get("positions").and_then(Value::as_object).into_iter().flatten() {
        if let Some([x, y]) = place.as_array().map(Vec::as_slice)
            && let (Some(x), Some(y)) = (x.as_f64(), y.as_f64())
        {
            read.positions.insert(NodeId(id.clone()), Position { x, y });
        }
    }
    *settings = settings::with_own(settings, document)
        .map_err(|error| FormatError::invalid(at("settings"), error.to_string()))?;
    Ok(read)
}

/// Whether a step says what it is in our own words, so that its type may be one of ours.
pub fn says_kind(step: &Map<String, Value>) -> bool {
    step.get(OWN_KEY).and_then(|own| own.get("node")?.get("kind")?.get("type")).is_some()
}

/// The own part of a step whose kind the format does not have.
pub fn of_kind(kind: &NodeKind) -> Value {
    json!({ "node": { "kind": kind } })
}

/// Puts a step's own part over the node that its words gave. A kind with its `type` stands for itself.
pub fn apply(node: Node, step: &Value, pointer: &str) -> Result<Node, FormatError> {
    let Some(changed) = step.get(OWN_KEY).and_then(|own| own.get("node")) else { return Ok(node) };
    let at = format!("{pointer}/{OWN_KEY}/node");
    let id = node.id.clone();
    let mut whole = json_of(&node);
    merge(&mut whole, changed);
    if let Some(kind) = changed.get("kind").filter(|kind| kind.get("type").is_some()) {
        whole["kind"] = kind.clone();
    }
    let mut node: Node = of_json(whole, &at)?;
    node.id = id;
    Ok(node)
}

/// Adds to a step's own part how the node differs from what the words give.
pub fn add(step: &mut Map<String, Value>, words: &Node, node: &Node) {
    let plain = |node: &Node| json_of(&Node { position: Position::default(), ..node.clone() });
    let Some(changed) = difference(&plain(words), &plain(node)) else { return };
    let own = step.entry(OWN_KEY).or_insert_with(|| json!({}));
    if let (Some(Value::Object(said)), Value::Object(changed)) = (own.get_mut("node"), &changed) {
        said.extend(changed.clone());
    } else {
        own["node"] = changed;
    }
}

/// All positions, as the document keeps them.
pub fn positions(graph: &Graph) -> Value {
    let entry =
        |node: &Node| (node.id.0.clone(), Value::from(vec![node.position.x, node.position.y]));
    Value::Object(graph.nodes.iter().map(entry).collect())
}

fn part<T: DeserializeOwned>(
    own: &Value,
    key: &str,
    pointer: &str,
) -> Result<Option<T>, FormatError> {
    let Some(value) = own.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let read = T::deserialize(value);
    read.map(Some).map_err(|error| FormatError::invalid(pointer, error.to_string()))
}

fn of_json<T: DeserializeOwned>(value: Value, pointer: &str) -> Result<T, FormatError> {
    T::deserialize(value).map_err(|error| FormatError::invalid(pointer, error.to_string()))
}

fn json_of<T: serde::Serialize>(value: &T) -> Value {
    // Nodes and settings are plain data with text keys: they always have a JSON form.
    serde_json::to_value(value).unwrap_or_default()
}

/// A merge patch (RFC 7386) that makes one value of the other; none when they are equal.
fn difference(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return Some(to.clone()) };
    let mut changed = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        changed.insert(key.clone(), Value::Null);
    }
    for (key, now) in to {
        let change = match from.get(key) {
            Some(then) => difference(then, now),
            None => Some(now.clone()),
        };
        if let Some(change) = change {
            changed.insert(key.clone(), change);
        }
    }
    Some(Value::Object(changed))
}

fn merge(target: &mut Value, changed: &Value) {
    let Value::Object(changes) = changed else {
        *target = changed.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.shift_remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_brings_one_to_the_other() {
        let check = |from: Value, to: Value| {
            let mut result = from.clone();
            if let Some(changed) = difference(&from, &to) {
                merge(&mut result, &changed);
            }
            assert_eq!(result, to);
        };
        check(json!({"a": 1, "b": {"c": [1], "d": 2}}), json!({"b": {"c": [2], "e": {"f": 1}}}));
        check(json!({"a": {"b": 1}}), json!({"a": [1]}));
        check(json!({}), json!({}));
    }
}

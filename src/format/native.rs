//! `signalbox/v1`: our own document, which says everything that a graph can.

use super::{Format, FormatError, Imported, limits, merge};
use crate::graph::{Edge, Graph, Node, Origin, layout};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The document's `format`.
pub const FORMAT: &str = "signalbox/v1";

pub fn import(document: &Value) -> Result<Imported, FormatError> {
    let mut graph = read_graph(document)?;
    let (name, description) = (text(document, "name")?, text(document, "description")?);
    // Only a document with more in it than we understand has to be kept.
    if write(&graph, &name, &description) != *document {
        if let Some(origin) = &mut graph.origin {
            if origin.format != FORMAT && origin.ours.is_none() {
                origin.ours = Some(without_origin(document));
            }
        } else {
            graph.origin = Some(Origin::new(Format::SignalboxV1, document.clone()));
        }
    }
    if !has_positions(document) {
        layout::tidy(&mut graph);
    }
    Ok(Imported { graph, name, description, format: Format::SignalboxV1, problems: Vec::new() })
}

pub fn export(graph: &Graph, name: &str, description: &str) -> Result<Value, FormatError> {
    let current = write(graph, name, description);
    let original = match &graph.origin {
        Some(origin) if origin.format == FORMAT => Some(&origin.document),
        Some(origin) => origin.ours.as_ref(),
        None => None,
    };
    let Some(original) = original else { return Ok(current) };
    // What somebody put in its place says nothing.
    let Ok(then) = import(original) else { return Ok(current) };
    let base = write(&then.graph, &then.name, &then.description);
    let mut result = merge::patch(original, &base, &current);
    for (list, key) in [("nodes", "id"), ("edges", "id")] {
        patch_list(&mut result, original, &base, &current, list, key);
    }
    Ok(result)
}

/// The document without the one that its graph came from, whose place is kept.
fn without_origin(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(origin) = document.get_mut("graph").and_then(|graph| graph.get_mut("origin")) {
        *origin = Value::Null;
    }
    document
}

fn write(graph: &Graph, name: &str, description: &str) -> Value {
    let mut graph = graph.clone();
    graph.origin = graph.origin.take().filter(|origin| origin.format != FORMAT);
    if let Some(origin) = &mut graph.origin {
        origin.ours = None;
    }
    // A graph is plain data with text keys: it always has a JSON form.
    let graph = serde_json::to_value(graph).unwrap_or_default();
    json!({ "format": FORMAT, "name": name, "description": description, "graph": graph })
}

/// Nodes and edges are matched by id, so that the unknown fields of one survive a change of another.
fn patch_list(
    result: &mut Value,
    original: &Value,
    base: &Value,
    current: &Value,
    list: &str,
    key: &str,
) {
    let items = |document: &Value| -> Vec<Value> {
        document["graph"][list].as_array().cloned().unwrap_or_default()
    };
    if items(base) == items(current) {
        return;
    }
    let index = |items: Vec<Value>| -> Map<String, Value> {
        items.into_iter().map(|item| (item[key].to_string(), item)).collect()
    };
    let (written, then) = (index(items(original)), index(items(base)));
    let patched = items(current).into_iter().map(|now| {
        let id = now[key].to_string();
        match (written.get(&id), then.get(&id)) {
            (Some(written), Some(then)) => merge::patch(written, then, &now),
            _ => now,
        }
    });
    let patched = patched.collect();
    if let Some(graph) = result.get_mut("graph").and_then(Value::as_object_mut) {
        graph.insert(list.to_owned(), Value::Array(patched));
    }
}

fn read_graph(document: &Value) -> Result<Graph, FormatError> {
    let fields = document.get("graph").and_then(Value::as_object);
    let fields = fields.ok_or_else(|| {
        FormatError::invalid("/graph", "expected an object with `nodes` and `edges`")
    })?;
    let nodes = list(fields, "nodes")?;
    let edges = list(fields, "edges")?;
    limits::check_nodes(nodes.len())?;
    limits::check_edges(edges.len())?;
    Ok(Graph {
        nodes: read_all::<Node>(nodes, "/graph/nodes")?,
        edges: read_all::<Edge>(edges, "/graph/edges")?,
        schemas: match fields.get("schemas") {
            Some(schemas) => read(schemas, "/graph/schemas")?,
            None => Map::new(),
        },
        settings: match fields.get("settings") {
            Some(settings) => read(settings, "/graph/settings")?,
            None => Default::default(),
        },
        origin: match fields.get("origin") {
            Some(origin) => read(origin, "/graph/origin")?,
            None => None,
        },
    })
}

fn list<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], FormatError> {
    match fields.get(key) {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(FormatError::invalid(format!("/graph/{key}"), "expected a list")),
    }
}

fn read_all<T: DeserializeOwned>(items: &[Value], pointer: &str) -> Result<Vec<T>, FormatError> {
    let read_one = |(index, item)| read(item, &format!("{pointer}/{index}"));
    items.iter().enumerate().map(read_one).collect()
}

fn read<T: DeserializeOwned>(value: &Value, pointer: &str) -> Result<T, FormatError> {
    T::deserialize(value).map_err(|error| FormatError::invalid(pointer, error.to_string()))
}

fn text(document: &Value, key: &str) -> Result<String, FormatError> {
    match document.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(FormatError::invalid(format!("/{key}"), "expected text")),
    }
}

fn has_positions(document: &Value) -> bool {
    let nodes = document["graph"]["nodes"].as_array();
    nodes.is_some_and(|nodes| nodes.iter().any(|node| node.get("position").is_some()))
}

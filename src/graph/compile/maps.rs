//! The maps of edges against the schemas of both ends: a field that the source does not give, one that the target
//! does not take, types that do not fit, a required field that nothing fills.

use super::CompileError;
use crate::expr::Expression;
use crate::graph::{Edge, Graph, HumanMode, Node, NodeKind};
use crate::id::NodeId;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// What is wrong with the maps of a graph.
pub fn maps(graph: &Graph) -> Vec<CompileError> {
    let nodes: HashMap<&NodeId, &Node> = graph.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut errors = Vec::new();
    let mut filled: HashMap<&NodeId, Vec<&Edge>> = HashMap::new();
    for edge in &graph.edges {
        filled.entry(&edge.to).or_default().push(edge);
        let (Some(from), Some(to)) = (nodes.get(&edge.from), nodes.get(&edge.to)) else { continue };
        for (field, path) in &edge.map {
            let given = given(graph, from, path);
            let taken = input(graph, to).map(|schema| property(schema, field));
            let why = match (&given, &taken) {
                (Known::Absent(part), _) => Some(format!(
                    "takes {path} of what {} gives, but that has no field {part}",
                    from.id
                )),
                (_, Some(Known::Absent(_))) => {
                    Some(format!("fills {field}, but {} takes no such field", to.id))
                }
                (Known::Schema(given), Some(Known::Schema(taken))) => {
                    clash(given, taken).map(|(a, b)| {
                        format!(
                            "fills {field} of {}, which is {b}, with {path}, which is {a}",
                            to.id
                        )
                    })
                }
                _ => None,
            };
            errors.extend(why.map(|why| error(edge, why)));
        }
    }
    for (id, edges) in filled {
        errors.extend(nodes.get(id).and_then(|node| unfilled(graph, node, &edges)));
    }
    errors.sort_by(|a, b| (&a.edge, &a.message).cmp(&(&b.edge, &b.message)));
    errors
}

enum Known<'a> {
    /// Nothing is said of it: anything.
    Open,
    Schema(&'a Value),
    Absent(String),
}

/// A field of an object schema.
fn property<'a>(schema: &'a Value, name: &str) -> Known<'a> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Known::Open;
    };
    match properties.get(name) {
        Some(schema) => Known::Schema(schema),
        None if schema
            .get("additionalProperties")
            .is_some_and(|more| *more != Value::Bool(false)) =>
        {
            Known::Open
        }
        None => Known::Absent(name.to_owned()),
    }
}

/// What a path gives, as far as it is a plain one.
fn given<'a>(graph: &'a Graph, from: &'a Node, path: &str) -> Known<'a> {
    let Some(schema) = output(graph, from) else { return Known::Open };
    let Ok(expression) = Expression::parse(path) else { return Known::Open };
    let names = expression.names();
    let [names] = names.as_slice() else { return Known::Open };
    if names.join(".") != path.trim() {
        return Known::Open;
    }
    // The whole output is `output`, unless there is a field of that name.
    let skip = usize::from(
        names[0] == "output" && !matches!(property(schema, "output"), Known::Schema(_)),
    );
    let mut at = schema;
    for name in &names[skip..] {
        match property(at, name) {
            Known::Schema(inner) => at = inner,
            other => return other,
        }
    }
    Known::Schema(at)
}

fn output<'a>(graph: &'a Graph, node: &'a Node) -> Option<&'a Value> {
    let named = node.contract.as_ref().and_then(|contract| contract.output_schema.as_ref());
    let own = match &node.kind {
        NodeKind::Task(task) => Some(&task.output_schema),
        NodeKind::Llm(llm) => Some(&llm.output_schema),
        NodeKind::Human(human) if human.mode == HumanMode::Answer => Some(&human.form),
        _ => None,
    };
    own.filter(|schema| schema.is_object()).or_else(|| graph.schemas.get(named?))
}

fn input<'a>(graph: &'a Graph, node: &'a Node) -> Option<&'a Value> {
    graph.schemas.get(node.contract.as_ref()?.input_schema.as_ref()?)
}

/// Two types of which no value is both, by their names.
fn clash(given: &Value, taken: &Value) -> Option<(String, String)> {
    let types = |schema: &Value| -> Vec<String> {
        match &schema["type"] {
            Value::String(name) => vec![name.clone()],
            Value::Array(names) => {
                names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    };
    let (given, taken) = (types(given), types(taken));
    let fits = |a: &String| taken.iter().any(|b| a == b || (a == "integer" && b == "number"));
    let known = !given.is_empty() && !taken.is_empty();
    (known && !given.iter().any(fits)).then(|| (given.join(" or "), taken.join(" or ")))
}

/// A required field of the input that no map fills, where maps alone fill it.
fn unfilled(graph: &Graph, node: &Node, edges: &[&Edge]) -> Option<CompileError> {
    let schema = input(graph, node)?;
    if edges.iter().any(|edge| edge.map.is_empty()) {
        return None;
    }
    let filled: HashSet<&str> =
        edges.iter().flat_map(|edge| edge.map.keys().map(String::as_str)).collect();
    let required = schema.get("required")?.as_array()?;
    let missing = required.iter().filter_map(Value::as_str).find(|name| !filled.contains(name))?;
    Some(error(edges[0], format!("leaves {missing} empty, but {} cannot do without it", node.id)))
}

fn error(edge: &Edge, why: String) -> CompileError {
    CompileError {
        code: "bad-map",
        node: Some(edge.from.clone()),
        edge: Some(edge.id.clone()),
        field: None,
        message: format!("The connection from {} to {} {why}.", edge.from, edge.to),
    }
}

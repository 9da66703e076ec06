//! The maps of edges against the schemas of both ends: a field that the source does not give, one that the target
//! does not take, types that do not fit, a required field that nothing fills. An edge without a map passes on all
//! that the source gives.

use super::CompileError;
use crate::expr::{Expression, pointer_part};
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
            errors.extend(why.map(|why| {
                let field = format!("/map/{}", pointer_part(field));
                CompileError { field: Some(field), ..error(edge, why) }
            }));
        }
    }
    for (id, edges) in filled {
        let Some(node) = nodes.get(id) else { continue };
        errors.extend(unfilled(graph, node, &edges));
        errors.extend(passed_on(graph, &nodes, node, &edges));
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

/// What has no fields.
const PLAIN: [&str; 6] = ["string", "number", "integer", "boolean", "null", "array"];
/// Words of a schema under which more properties may be declared than it lists itself.
const FURTHER: [&str; 5] = ["patternProperties", "allOf", "anyOf", "oneOf", "$ref"];

/// A field of an object schema.
fn property<'a>(schema: &'a Value, name: &str) -> Known<'a> {
    let types = types(schema);
    if !types.is_empty() && types.iter().all(|kind| PLAIN.contains(kind)) {
        let has_length =
            name == "length" && (types.contains(&"string") || types.contains(&"array"));
        return if has_length { Known::Open } else { Known::Absent(name.to_owned()) };
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Known::Open;
    };
    let more = schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
    match properties.get(name) {
        Some(schema) => Known::Schema(schema),
        None if more || FURTHER.iter().any(|word| schema.get(word).is_some()) => Known::Open,
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

/// The types that a schema names; none: any.
fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Two types of which no value is both, in words. Lists do not fit when their items do not, nor objects when a field
/// that both describe does not, although an empty one would be both.
fn clash(given: &Value, taken: &Value) -> Option<(String, String)> {
    let (from, to) = (types(given), types(taken));
    if from.is_empty() || to.is_empty() {
        return None;
    }
    let fits =
        |kind: &&str| to.iter().any(|to| kind == to || (*kind == "integer" && *to == "number"));
    let common: Vec<&str> = from.iter().copied().filter(fits).collect();
    match common.as_slice() {
        [] => Some((from.join(" or "), to.join(" or "))),
        ["array"] => {
            let (from, to) = clash(given.get("items")?, taken.get("items")?)?;
            Some((format!("a list of {from}"), format!("a list of {to}")))
        }
        ["object"] => {
            let (given, taken) = (given.get("properties")?, taken.get("properties")?);
            given.as_object()?.iter().find_map(|(name, given)| {
                let (from, to) = clash(given, taken.get(name)?)?;
                let whose = |kind: &str| format!("an object whose {name} is {kind}");
                Some((whose(&from), whose(&to)))
            })
        }
        _ => None,
    }
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

/// What does not fit where the only edge into a node passes on all that its source gives.
fn passed_on(
    graph: &Graph,
    nodes: &HashMap<&NodeId, &Node>,
    node: &Node,
    edges: &[&Edge],
) -> Option<CompileError> {
    let [edge] = edges else { return None };
    let takes_all = match &node.kind {
        NodeKind::Task(task) => task.input.is_null(),
        NodeKind::Human(_) => true,
        _ => false,
    };
    if !takes_all || !edge.map.is_empty() || edge.port == "error" {
        return None;
    }
    let (given, taken) = (output(graph, nodes.get(&edge.from)?)?, input(graph, node)?);
    let required = taken.get("required").and_then(Value::as_array).into_iter().flatten();
    let is_absent = |name: &&str| matches!(property(given, name), Known::Absent(_));
    let why = match required.filter_map(Value::as_str).find(is_absent) {
        Some(name) => format!(
            "passes on what {} gives, but that has no field {name}, and {} cannot do without it",
            edge.from, node.id
        ),
        None => {
            let (from, to) = clash(given, taken)?;
            format!(
                "passes on what {} gives, which is {from}, but {} takes {to}",
                edge.from, node.id
            )
        }
    };
    Some(error(edge, why))
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

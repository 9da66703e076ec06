//! The workflows that are measured, as documents of our own format.

use serde_json::{Value, json};

/// A webhook, a variable, a branch on a number, a variable.
pub fn webhook() -> Value {
    let nodes = json!([
        {"id": "start", "kind": {"type": "trigger", "trigger": {"on": "webhook", "path": ""}}},
        {"id": "first", "kind": set("number", "{{input.body.number}}")},
        {"id": "which", "kind": {"type": "branch", "cases": [{"port": "large", "when": "number > 500"}]}},
        {"id": "large", "kind": set("size", "large")},
        {"id": "small", "kind": set("size", "small")}
    ]);
    let edges = json!([
        edge("start", "success", "first"),
        edge("first", "success", "which"),
        edge("which", "large", "large"),
        edge("which", "default", "small")
    ]);
    document("Bench webhook", nodes, edges)
}

/// Steps in a row, started by hand.
pub fn chain(name: &str, steps: usize, step: impl Fn(usize) -> Value) -> Value {
    let mut nodes = vec![json!({"id": "start", "kind": {"type": "trigger"}})];
    let mut edges = Vec::new();
    let mut before = "start".to_owned();
    for number in 0..steps {
        let id = format!("s{number}");
        nodes.push(json!({"id": id, "kind": step(number)}));
        edges.push(edge(&before, "success", &id));
        before = id;
    }
    document(name, Value::Array(nodes), Value::Array(edges))
}

/// A step without an effect: it shares the commit of what comes after it.
pub fn set(name: &str, value: impl Into<Value>) -> Value {
    json!({"type": "action", "tool": "set_variables", "parameters": {name: value.into()}})
}

/// A step that asks the database, with a commit before and after it.
pub fn call() -> Value {
    json!({"type": "action", "tool": "customer.query", "parameters": {"paginationOpts": {"numItems": 1}}})
}

/// A step that waits until the time that the input names.
pub fn sleep() -> Value {
    json!({"type": "wait", "for": "time", "at": "{{input.at}}"})
}

fn edge(from: &str, port: &str, to: &str) -> Value {
    json!({"id": format!("{from}.{port}>{to}"), "from": from, "port": port, "to": to})
}

fn document(name: &str, nodes: Value, edges: Value) -> Value {
    json!({"format": "signalbox/v1", "name": name, "description": "", "graph": {"nodes": nodes, "edges": edges}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox::{format, graph::check};

    #[test]
    fn what_is_measured_can_be_published() {
        for document in [
            webhook(),
            chain("pure", 3, |number| set("n", number)),
            chain("calls", 3, |_| call()),
            chain("sleep", 1, |_| sleep()),
        ] {
            let graph = format::import(&document).expect("a document").graph;
            let problems = check::check(&graph, &check::CheckContext::default());
            assert!(check::is_publishable(&problems), "{problems:#?}");
        }
    }
}

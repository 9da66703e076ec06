//! What holds for every graph: fixes can be made, and checking agrees with compiling.

use super::found;
use crate::graph::{
    AnyTool, CompiledGraph, Edge, Graph, Node, Problem, Severity, check::is_publishable,
};
use crate::tool;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What has no errors must compile, and the other way round for the loops and texts.
#[test]
fn what_is_checked_clean_compiles() {
    for (name, document) in crate::format::fixtures() {
        let graph = crate::format::import(&document).unwrap().graph;
        let errors: Vec<Problem> = found(&graph)
            .into_iter()
            .filter(|problem| problem.severity == Severity::Error)
            .collect();
        // Tools of families that the catalogue does not have are the only errors there may be.
        let others: Vec<&Problem> =
            errors.iter().filter(|problem| problem.code != "unknown-tool").collect();
        assert!(others.is_empty(), "{name}: {others:#?}");
        assert!(CompiledGraph::compile(graph, &AnyTool).is_ok(), "{name}");
    }
}

fn odd_kind() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("input.x".to_owned()),
        Just("{{steps.n1.output.a}}".into()),
        Just("{{steps.n9.b}} {{loop.item}}".into()),
        Just("{{customer.email}}".into()),
        Just("1 +".into()),
        Just("{{".into()),
        Just("Use tools.".into()),
        Just("sk_live_abc123def".into()),
        Just(String::new()),
        "[a-z{}.| ]{0,12}",
    ];
    let tool = prop_oneof![
        Just("customer.get_by_id"),
        Just("email_send"),
        Just("set_variables"),
        Just("customer.filter"),
        Just("costumer.get"),
        Just(""),
    ];
    (0..9_usize, text.clone(), text, tool, -1.0..200.0_f64).prop_map(|(kind, a, b, tool, number)| match kind {
        0 => json!({"type": "trigger", "input_schema": {"properties": {"x": {}}}}),
        1 => json!({"type": "action", "tool": tool, "parameters": {"customerId": a, "subject": number, "apiKey": b, "expression": b}}),
        2 => json!({"type": "llm", "system_prompt": a, "user_prompt": b, "temperature": number, "tools": [tool]}),
        3 => json!({"type": "condition", "expression": a}),
        4 => json!({"type": "branch", "cases": [{"port": "a", "when": a}, {"port": b, "when": "true"}]}),
        5 => json!({"type": "loop", "items": a, "item_variable": "loop", "concurrency": 0}),
        6 => json!({"type": "wait", "for": "event", "event": a, "condition": b}),
        7 => json!({"type": "human", "prompt": a, "details": {"k": b}}),
        _ => json!({"type": "end", "outcome": a, "output": {"k": [b]}}),
    })
}

fn odd_graph() -> impl Strategy<Value = Graph> {
    let port = prop_oneof![
        Just("success"),
        Just("error"),
        Just("true"),
        Just("next"),
        Just("done"),
        Just("a"),
        Just("default"),
        Just("odd"),
    ];
    let edge = (0..12_usize, port, 0..12_usize).prop_map(|(from, port, to)| {
        let mut edge = Edge::new(format!("n{from}"), port, format!("n{to}"));
        edge.condition = (from == 3).then(|| "steps.n1.x > 1".to_owned());
        edge
    });
    (proptest::collection::vec(odd_kind(), 0..10), proptest::collection::vec(edge, 0..24)).prop_map(
        |(kinds, mut edges)| {
            edges.sort_by(|a, b| a.id.cmp(&b.id));
            edges.dedup_by(|a, b| a.id == b.id);
            let node = |(at, kind): (usize, Value)| {
                Node::new(format!("n{at}"), serde_json::from_value(kind).unwrap())
            };
            Graph {
                nodes: kinds.into_iter().enumerate().map(node).collect(),
                edges,
                ..Graph::default()
            }
        },
    )
}

proptest! {
    /// Whatever is drawn, checking answers, and every fix that it offers can be made.
    #[test]
    fn every_fix_can_be_made(graph in odd_graph()) {
        for problem in found(&graph) {
            let mut mended = graph.clone();
            for edit in problem.fix.iter().flat_map(|fix| fix.edits.clone()) {
                let made = edit.apply(&mut mended);
                prop_assert!(made.is_ok(), "{}: {made:?}", problem.message);
            }
        }
    }

    /// What has no errors compiles, and what has errors in its loops does not.
    #[test]
    fn checking_and_compiling_agree(graph in tame_graph()) {
        let problems = found(&graph);
        let compiled = CompiledGraph::compile(graph, &tool::catalogue().to_vec());
        prop_assert_eq!(is_publishable(&problems), compiled.is_ok(), "{:?} {:#?}", compiled.err(), problems);
    }
}

/// Steps that are each right, connected anyhow.
fn tame_graph() -> impl Strategy<Value = Graph> {
    let kind = prop_oneof![
        Just(json!({"type": "condition", "expression": "input.x"})),
        Just(json!({"type": "action", "tool": "set_variables", "parameters": {"x": 1}})),
        Just(json!({"type": "loop", "items": "input.list"})),
        Just(json!({"type": "wait", "for": "duration", "duration_ms": 1})),
        Just(json!({"type": "end"})),
    ];
    let edges = proptest::collection::vec((0..7_usize, 0..2_usize, 1..7_usize), 1..9);
    (proptest::collection::vec(kind, 6), edges).prop_map(|(kinds, edges)| {
        let kinds = [vec![json!({"type": "trigger"})], kinds].concat();
        let node = |(at, kind): (usize, Value)| {
            Node::new(format!("n{at}"), serde_json::from_value(kind).unwrap())
        };
        let mut graph =
            Graph { nodes: kinds.into_iter().enumerate().map(node).collect(), ..Graph::default() };
        graph.edges.push(Edge::new("n0", "success", "n1"));
        for (from, port, to) in edges {
            let kind = graph.nodes[from].kind.clone();
            let ports: Vec<&str> =
                kind.ports().into_iter().filter(|port| *port != "error").collect();
            let Some(port) = ports.get(port % ports.len().max(1)) else { continue };
            let edge = Edge::new(format!("n{from}"), *port, format!("n{to}"));
            if graph.edges.iter().all(|other| other.id != edge.id) {
                graph.edges.push(edge);
            }
        }
        graph
    })
}

//! Real definitions compile: every imported document, with its loops found.

use super::{AnyTool, CompiledGraph, RegionKind};
use crate::graph::Graph;
use std::path::Path;

fn definitions() -> Vec<(String, Graph)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found = vec![];
    for part in ["visual-workflows", "guide-patterns"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let document =
                    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                found.push((name, crate::format::import(&document).unwrap().graph));
            }
        }
    }
    found
}

#[test]
fn real_definitions_compile() {
    let definitions = definitions();
    assert!(definitions.len() >= 23, "{}", definitions.len());
    let mut kinds = (0, 0);
    for (name, graph) in definitions {
        let compiled = CompiledGraph::compile(graph, &AnyTool);
        let compiled = compiled.unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        for region in &compiled.regions().regions {
            match region.kind {
                RegionKind::Root => {}
                RegionKind::ForEach => kinds.0 += 1,
                RegionKind::While => kinds.1 += 1,
            }
        }
    }
    assert!(kinds.0 >= 8 && kinds.1 >= 5, "{kinds:?}");
}

/// Graphs at the size limit, in the shapes that would show what grows with a square.
#[test]
fn large_graphs_compile_in_time() {
    use crate::graph::{Edge, Node, NodeKind};
    let node = |id: String, kind: &str| {
        let kind = match kind {
            "loop" => serde_json::json!({"type": "loop", "items": "[]"}),
            "condition" => serde_json::json!({"type": "condition", "expression": "true"}),
            kind => serde_json::json!({"type": kind, "tool": "work"}),
        };
        Node::new(id, serde_json::from_value::<NodeKind>(kind).unwrap())
    };
    let fan = |kind: &str, count: usize| {
        let mut graph = Graph::default();
        graph.nodes.push(node("t".into(), "trigger"));
        graph.nodes.push(node("l".into(), kind));
        graph.edges.push(Edge::new("t", "success", "l"));
        for n in 0..count {
            let id = format!("a{n}");
            graph.nodes.push(node(id.clone(), "action"));
            graph.edges.push(Edge::new(
                "l",
                if kind == "loop" { "next" } else { "true" },
                id.as_str(),
            ));
            graph.edges.push(Edge::new(id.as_str(), "success", "l"));
        }
        graph
    };
    let row = |count: usize| {
        let mut graph = Graph::default();
        graph.nodes.push(node("t".into(), "trigger"));
        graph.edges.push(Edge::new("t", "success", "l0"));
        for n in 0..count {
            let (each, body) = (format!("l{n}"), format!("b{n}"));
            graph.nodes.push(node(each.clone(), "loop"));
            graph.nodes.push(node(body.clone(), "action"));
            graph.edges.push(Edge::new(each.as_str(), "next", body.as_str()));
            graph.edges.push(Edge::new(body.as_str(), "success", each.as_str()));
            graph.edges.push(Edge::new(each.as_str(), "done", format!("l{}", n + 1)));
        }
        graph.nodes.push(node(format!("l{count}"), "action"));
        graph
    };
    for graph in [fan("loop", 4_990), fan("condition", 4_990), row(2_490)] {
        let begun = std::time::Instant::now();
        CompiledGraph::compile(graph, &AnyTool).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let took = begun.elapsed();
        println!("{took:?}");
        assert!(took.as_secs() < 10, "{took:?}");
    }
}

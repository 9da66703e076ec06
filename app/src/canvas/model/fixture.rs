//! Generated graphs: a small one for the tests, and large ones for measuring the canvas
//! (`?fixture=1000` in the editor). The same size always gives the same graph.

use signalbox::graph::{
    ActionSettings, ConditionSettings, Edge, EndSettings, Graph, LlmSettings, Node, NodeKind,
    Position, TriggerSettings,
};

/// Most nodes of a generated graph.
pub const FIXTURE_MAX: usize = 5_000;

fn node(id: &str, label: &str, kind: NodeKind, x: f64, y: f64) -> Node {
    let mut node = Node::new(id, kind);
    node.label = label.to_owned();
    node.position = Position { x, y };
    node
}

fn action(tool: &str) -> NodeKind {
    NodeKind::Action(ActionSettings { tool: tool.into(), parameters: serde_json::json!({}) })
}

/// Start → check → (true) mail → done.
pub fn small() -> Graph {
    let condition = ConditionSettings { expression: "{{input.total}} > 10".into() };
    Graph {
        nodes: vec![
            node("start", "Start", NodeKind::Trigger(TriggerSettings::default()), 0.0, 0.0),
            node("check", "", NodeKind::Condition(condition), 320.0, 0.0),
            node("mail", "", action("email.send"), 640.0, 0.0),
            node("done", "", NodeKind::End(EndSettings::default()), 960.0, 0.0),
        ],
        edges: vec![
            Edge::new("start", "success", "check"),
            Edge::new("check", "true", "mail"),
            Edge::new("mail", "success", "done"),
        ],
        ..Graph::default()
    }
}

/// A trigger and `count - 1` steps in a grid, with about 1.5 edges a node.
pub fn large(count: usize) -> Graph {
    let count = count.clamp(2, FIXTURE_MAX);
    let columns = (count as f64).sqrt().ceil() as usize;
    let mut nodes = Vec::with_capacity(count);
    let mut edges = Vec::new();
    for number in 0..count {
        let (row, column) = (number / columns, number % columns);
        let kind = match number {
            0 => NodeKind::Trigger(TriggerSettings::default()),
            _ if number % 7 == 3 => {
                NodeKind::Condition(ConditionSettings { expression: "true".into() })
            }
            _ if number % 11 == 5 => NodeKind::Llm(LlmSettings::default()),
            _ => action("customer.get_by_id"),
        };
        let id = format!("n{number}");
        let (x, y) = (column as f64 * 300.0, row as f64 * 130.0);
        nodes.push(node(&id, &format!("Step {number}"), kind, x, y));
        if number > 0 {
            edges.push(forward(&nodes[number - 1], &id));
        }
        if number % 2 == 0 && number >= columns {
            edges.push(forward(&nodes[number - columns], &id));
        }
    }
    Graph { nodes, edges, ..Graph::default() }
}

fn forward(from: &Node, to: &str) -> Edge {
    let port = if matches!(from.kind, NodeKind::Condition(_)) { "true" } else { "success" };
    let mut edge = Edge::new(from.id.clone(), port, to);
    edge.id = format!("{}>{to}", from.id);
    edge
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_large_fixture_has_its_size_unique_ids_and_one_and_a_half_edges_a_node() {
        let graph = large(1_000);
        assert_eq!(graph.nodes.len(), 1_000);
        assert!((1_400..=1_500).contains(&graph.edges.len()), "{}", graph.edges.len());
        let ids: BTreeSet<&str> = graph.edges.iter().map(|edge| edge.id.as_str()).collect();
        assert_eq!(ids.len(), graph.edges.len());
        assert_eq!(graph, large(1_000));
    }
}

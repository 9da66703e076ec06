//! Connections that lead from or to nothing.

use super::draft::Draft;
use super::fixes;
use super::nearest::nearest;
use crate::graph::{Edge, GraphEdit, Problem, Severity};
use std::collections::HashSet;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for edge in &draft.graph.edges {
        let remove = || vec![GraphEdit::RemoveEdge { id: edge.id.clone() }];
        let Some(&from) = draft.index.get(&edge.from) else {
            let message =
                format!("A connection comes from {}, but there is no such step.", edge.from);
            let problem = Problem::new("unknown-step", Severity::Error, message).at(&edge.to);
            problems.push(problem.fix("Remove the connection", remove()));
            continue;
        };
        if !draft.index.contains_key(&edge.to) {
            problems.push(unknown_target(draft, edge, from));
        }
        let kind = &draft.graph.nodes[from].kind;
        let ports = kind.ports();
        if !ports.contains(&edge.port.as_str()) {
            let has = if ports.is_empty() {
                "none: it ends the run".to_owned()
            } else {
                ports.join(", ")
            };
            let message =
                format!("{} has no port {}; its ports are {has}.", draft.title(from), edge.port);
            let problem = Problem::new("unknown-port", Severity::Error, message)
                .at(&edge.from)
                .port(&edge.port);
            problems.push(problem.fix("Remove the connection", remove()));
        }
        if !seen.insert((&edge.from, &edge.port, &edge.to)) {
            let message = format!(
                "{} is connected to {} twice through {}.",
                draft.title(from),
                edge.to,
                edge.port
            );
            let problem = Problem::new("repeated-connection", Severity::Warning, message);
            let problem = problem.at(&edge.from).port(&edge.port);
            problems.push(problem.fix("Remove one", remove()));
        }
    }
}

fn unknown_target(draft: &Draft, edge: &Edge, from: usize) -> Problem {
    let ids = draft.graph.nodes.iter().map(|node| node.id.as_str());
    let meant = nearest(edge.to.as_str(), ids);
    let hint = meant.map(|id| format!(" Did you mean {id}?")).unwrap_or_default();
    let message =
        format!("{} leads to {}, but there is no such step.{hint}", draft.title(from), edge.to);
    let remove = GraphEdit::RemoveEdge { id: edge.id.clone() };
    let problem =
        Problem::new("unknown-step", Severity::Error, message).at(&edge.from).port(&edge.port);
    match meant {
        Some(id) => {
            let join = fixes::add_edge(draft, &edge.from, &edge.port, id.into());
            problem.fix(format!("Connect to {id}"), vec![remove, join])
        }
        None => problem.fix("Remove the connection", vec![remove]),
    }
}

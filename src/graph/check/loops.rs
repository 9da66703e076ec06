//! Loops: bodies that never return, circles without a way out, too much nesting.

use super::draft::Draft;
use super::fixes;
use crate::graph::compile::{CompileError, RegionKind};
use crate::graph::{GraphEdit, NodeKind, Problem, Severity};
use std::collections::HashSet;

/// Deepest nesting that people can still follow.
const DEPTH_MAX: usize = 3;
/// What other rules report in their own words.
const ELSEWHERE: [&str; 6] = [
    "no-trigger",
    "two-triggers",
    "trigger-entered",
    "missing-node",
    "duplicate-node",
    "duplicate-edge",
];

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for error in draft.loop_errors.iter().filter(|error| !ELSEWHERE.contains(&error.code)) {
        problems.push(loop_error(draft, error));
    }
    nesting(draft, problems);
}

fn loop_error(draft: &Draft, error: &CompileError) -> Problem {
    let mut problem = Problem::new(error.code, Severity::Error, &error.message);
    problem.node.clone_from(&error.node);
    problem.edge.clone_from(&error.edge);
    problem.field.clone_from(&error.field);
    let edge =
        error.edge.as_ref().and_then(|id| draft.graph.edges.iter().find(|edge| edge.id == *id));
    problem.port = edge.map(|edge| edge.port.clone());
    let header = error.node.as_ref().and_then(|id| draft.index.get(id)).copied();
    match (error.code, header) {
        ("loop-never-returns", Some(header)) => {
            let edits = return_to(draft, header);
            if edits.is_empty() {
                problem
            } else {
                problem.fix("Connect the body back to the loop", edits)
            }
        }
        _ => problem,
    }
}

/// Connects the open ends of a loop's body back to it; ends stay ends.
fn return_to(draft: &Draft, header: usize) -> Vec<GraphEdit> {
    let loop_node = &draft.graph.nodes[header];
    let next = draft.outs[header].iter().filter(|edge| edge.port == "next");
    let mut rest: Vec<usize> = next.filter_map(|edge| draft.index.get(&edge.to).copied()).collect();
    let done: HashSet<usize> = {
        let done = draft.outs[header].iter().filter(|edge| edge.port == "done");
        done.filter_map(|edge| draft.index.get(&edge.to).copied()).collect()
    };
    let mut seen = HashSet::new();
    let mut edits = Vec::new();
    while let Some(node) = rest.pop() {
        if done.contains(&node) || !seen.insert(node) {
            continue;
        }
        let kind = &draft.graph.nodes[node].kind;
        let leads_on = draft.targets(node).any(|to| !done.contains(&to));
        if !leads_on && !matches!(kind, NodeKind::End(_)) {
            let id = &draft.graph.nodes[node].id;
            // What leads to the loop's own "done" does so too early.
            let early = draft.outs[node].iter().filter(|edge| edge.port != "error");
            edits.extend(early.map(|edge| GraphEdit::RemoveEdge { id: edge.id.clone() }));
            let ports = kind.ports();
            let ordinary = ports.iter().filter(|port| **port != "error");
            edits.extend(
                ordinary.map(|port| fixes::add_edge(draft, id, port, loop_node.id.clone())),
            );
        }
        rest.extend(draft.targets(node));
    }
    edits
}

fn nesting(draft: &Draft, problems: &mut Vec<Problem>) {
    let Some(regions) = &draft.regions else { return };
    for region in &regions.regions {
        let (Some(header), mut parent) = (region.header, region.parent) else { continue };
        let mut depth = 1;
        while let Some(around) = parent.and_then(|parent| regions.regions.get(parent)) {
            depth += usize::from(around.kind != RegionKind::Root);
            parent = around.parent;
        }
        if depth == DEPTH_MAX + 1 {
            let message = format!(
                "The loop at {} is the fourth inside one another. Flatten the data first, or move the inner loops to a workflow of their own.",
                draft.title(header)
            );
            let node = &draft.graph.nodes[header].id;
            problems.push(Problem::new("loops-nested", Severity::Warning, message).at(node));
        }
    }
}

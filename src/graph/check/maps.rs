//! Maps of edges that do not fit the schemas of their ends.

use super::draft::Draft;
use crate::graph::compile::maps;
use crate::graph::{Problem, Severity};

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for error in maps(draft.graph) {
        let mut problem = Problem::new(error.code, Severity::Error, error.message);
        problem.node = error.node;
        let edge = draft.graph.edges.iter().find(|edge| Some(&edge.id) == error.edge.as_ref());
        problem.port = edge.map(|edge| edge.port.clone());
        (problem.edge, problem.field) = (error.edge, error.field);
        problems.push(problem);
    }
}

//! Ids that are taken twice or are not slugs, and graphs past the limits.

use super::draft::Draft;
use super::fixes;
use crate::graph::{EDGES_MAX, GraphEdit, NODES_MAX, Problem, Severity};
use std::collections::HashSet;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (what, count, max) in [
        ("steps", draft.graph.nodes.len(), NODES_MAX),
        ("connections", draft.graph.edges.len(), EDGES_MAX),
    ] {
        if count > max {
            let message =
                format!("The workflow has {count} {what}, and {max} is the most. Split it.");
            problems.push(Problem::new("too-large", Severity::Error, message));
        }
    }
    for (index, node) in draft.nodes() {
        if draft.index.get(&node.id) != Some(&index) {
            let message = format!("Two steps have the id {}. Give one of them another.", node.id);
            problems.push(Problem::new("duplicate-id", Severity::Error, message).at(&node.id));
        }
        if !node.id.is_valid() {
            let message = format!(
                "{:?} cannot be an id: use 1 to 120 letters, digits, _ - . : and no spaces.",
                node.id.as_str()
            );
            let to = fixes::free_id(draft, &slug(node.id.as_str()));
            let label = format!("Rename to {to}");
            let edit = GraphEdit::RenameNode { id: node.id.clone(), to };
            let problem = Problem::new("invalid-id", Severity::Error, message).at(&node.id);
            problems.push(problem.fix(label, vec![edit]));
        }
    }
    let mut seen = HashSet::new();
    for edge in draft.graph.edges.iter().filter(|edge| !seen.insert(&edge.id)) {
        let message =
            format!("Two connections have the id {}. Remove one and draw it again.", edge.id);
        problems.push(Problem::new("duplicate-edge", Severity::Error, message).at(&edge.from));
    }
}

/// A text as a slug.
fn slug(text: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() || "_-.:".contains(c) { c } else { '_' };
    let slug: String = text.trim().chars().map(letter).collect();
    if slug.is_empty() { "step".to_owned() } else { slug }
}

//! Tools that do not exist, and tools that a model may not use by itself.

use super::draft::Draft;
use super::fixes;
use super::nearest::nearest;
use crate::graph::{NodeKind, Problem, Severity};
use crate::tool::Effect;
use serde_json::json;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        match &node.kind {
            NodeKind::Action(action) if action.tool.trim().is_empty() => {
                let message = format!("{} does nothing yet. Choose a tool.", draft.title(index));
                problems.push(
                    Problem::new("missing-tool", Severity::Error, message)
                        .at(&node.id)
                        .field("/tool"),
                );
            }
            NodeKind::Action(action) if draft.tool(&action.tool).is_none() => {
                problems.push(unknown(draft, index, &action.tool, "/tool", Severity::Error));
            }
            NodeKind::Llm(llm) => {
                for (at, name) in llm.tools.iter().enumerate() {
                    let field = format!("/tools/{at}");
                    match draft.tool(name) {
                        None => {
                            problems.push(unknown(draft, index, name, &field, Severity::Warning))
                        }
                        Some(tool) if tool.effect != Effect::Read => {
                            problems.push(not_for_models(draft, index, name, at));
                        }
                        Some(_) => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn unknown(draft: &Draft, index: usize, name: &str, field: &str, severity: Severity) -> Problem {
    let node = &draft.graph.nodes[index];
    let names = draft.context.tools.iter();
    let names = names.flat_map(|tool| std::iter::once(&tool.name).chain(&tool.aliases));
    let meant = nearest(name, names.map(String::as_str)).and_then(|name| draft.tool(name));
    let hint = meant.map(|tool| format!(" Did you mean {}?", tool.name)).unwrap_or_default();
    let message = format!("{} uses the tool {name}, which there is not.{hint}", draft.title(index));
    let problem = Problem::new("unknown-tool", severity, message).at(&node.id).field(field);
    let edit = meant.and_then(|tool| Some((tool, fixes::replace(node, field, json!(tool.name))?)));
    match edit {
        Some((tool, edit)) => problem.fix(format!("Use {}", tool.name), vec![edit]),
        None => problem,
    }
}

fn not_for_models(draft: &Draft, index: usize, name: &str, at: usize) -> Problem {
    let node = &draft.graph.nodes[index];
    let message = format!(
        "{} lets the model use {name}, but a model may only read. Make it a step of its own.",
        draft.title(index)
    );
    let problem = Problem::new("tool-not-readable", Severity::Error, message);
    let problem = problem.at(&node.id).field(format!("/tools/{at}"));
    let NodeKind::Llm(llm) = &node.kind else { return problem };
    let rest: Vec<&String> = llm.tools.iter().filter(|tool| *tool != name).collect();
    match fixes::replace(node, "/tools", json!(rest)) {
        Some(edit) => problem.fix(format!("Take {name} away"), vec![edit]),
        None => problem,
    }
}

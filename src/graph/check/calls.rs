//! Calls of functions that a run answers, such as `events.hasReply("intro")`: functions that there are not, and
//! steps that are not there. Where either is wrong the text cannot be computed when its turn comes.

use super::draft::Draft;
use super::nearest::nearest;
use super::texts::{Text, expression_parameters};
use crate::expr::{self, Call};
use crate::graph::{NodeKind, Problem, Severity};
use crate::id::NodeId;
use crate::run::signal_functions;
use serde_json::Value;
use std::collections::HashSet;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    let known: Vec<String> = signal_functions().collect();
    for text in &draft.texts {
        let mut seen = HashSet::new();
        for call in &text.calls {
            if seen.insert((&call.path, format!("{:?}", call.args))) {
                problems.extend(problem(draft, text, call, &known));
            }
        }
    }
}

fn problem(draft: &Draft, text: &Text, call: &Call, known: &[String]) -> Option<Problem> {
    let (owner, name) = (text.owner(draft), call.path.join("."));
    let error =
        |code: &str, message: String| Some(text.problem(draft, code, Severity::Error, message));
    if !known.contains(&name) {
        let hint = match meant(&call.path, &name, known) {
            Some(meant) => format!("Did you mean {meant}?"),
            None => "What became of a step's message is asked by events.hasReply(\"step\") and the like."
                .to_owned(),
        };
        let message = format!("{owner} calls {name}(…), but there is no such function. {hint}");
        return error("unknown-function", message);
    }
    if is_apart(draft, text) {
        let message = format!(
            "{owner} calls {name}(…) in a text that is computed apart from the run, where no messages are known. Ask \
             in a condition of a step."
        );
        return error("function-not-here", message);
    }
    match call.args.first() {
        // What is computed is known only when it runs.
        Some(None) => None,
        Some(Some(Value::String(id))) => {
            if draft.index.contains_key(&NodeId::from(id.as_str())) {
                return None;
            }
            let ids = draft.graph.nodes.iter().map(|node| node.id.as_str());
            let hint = nearest(id, ids).map(|id| format!(" Did you mean {name}(\"{id}\")?"));
            let message = format!(
                "{owner} calls {name}(\"{id}\"), but there is no such step.{}",
                hint.unwrap_or_default()
            );
            error("unknown-step-name", message)
        }
        Some(Some(_)) | None => {
            let message = format!(
                "{owner} calls {name}(…) without the step whose message it asks about. Name it, such as \
                 {name}(\"intro\")."
            );
            error("missing-step", message)
        }
    }
}

/// The function that was probably meant: one of the run's, or one of the language's.
fn meant<'a>(path: &[String], name: &str, known: &'a [String]) -> Option<&'a str> {
    let of_run = nearest(name, known.iter().map(String::as_str));
    let of_language = || {
        let functions = expr::functions();
        let words = functions.flat_map(|function| {
            std::iter::once(function.name).chain(function.also.iter().copied())
        });
        nearest(path.last()?, words)
    };
    of_run.or_else(of_language)
}

/// Whether a text is computed away from the run, which lends it values at most: a filter, the map of an edge.
fn is_apart(draft: &Draft, text: &Text) -> bool {
    if text.edge.is_some() {
        return text.field.starts_with("/map/");
    }
    let Some(node) = text.node.map(|node| &draft.graph.nodes[node]) else { return false };
    match &node.kind {
        NodeKind::Trigger(_) => text.field == "/filter",
        NodeKind::Action(_) => {
            let filters = draft.tool_of(node).map(expression_parameters).unwrap_or_default();
            let parameter = text.field.strip_prefix("/parameters/");
            parameter.is_some_and(|parameter| filters.contains(&parameter))
        }
        _ => false,
    }
}

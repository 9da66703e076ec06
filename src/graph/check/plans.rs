//! What only plans must keep to: an outbound plan's size, the templates that exist, and branch targets that run
//! into one another. Unreachable steps, a missing default and a beginning that leads nowhere are judged with the
//! ports ([`super::reach`]).

use super::draft::Draft;
use crate::format::Format;
use crate::graph::{Graph, Node, NodeKind, Problem, Severity};
use crate::id::NodeId;
use serde_json::Value;
use std::collections::HashSet;

/// Whether the graph is an outbound plan.
pub fn is_outbound(graph: &Graph) -> bool {
    is_of(graph, Format::Outbound)
}

/// Whether the graph is a DAG plan.
pub fn is_dag(graph: &Graph) -> bool {
    is_of(graph, Format::Dag)
}

/// Whether the graph is a contract draft.
pub fn is_contract(graph: &Graph) -> bool {
    is_of(graph, Format::Contract)
}

/// Whether nothing is lost where a port of a step leads to nothing: the format has no word for an end, and what a
/// rejection does is said by the step's failure policy.
pub fn may_stay_open(graph: &Graph, node: &Node, port: &str) -> bool {
    let is_onward = matches!(port, "success" | "approved");
    let is_answered = port == "rejected"
        && (node.policy.on_failure.is_some() || !node.policy.failures.is_empty());
    let is_step = !matches!(node.kind, NodeKind::Trigger(_));
    is_step && (is_onward || is_answered) && (is_dag(graph) || is_contract(graph))
}

/// What to do about a plan of which nothing begins; none of a graph that is no plan.
pub fn without_beginning(graph: &Graph) -> Option<&'static str> {
    let is_plan = is_outbound(graph) || is_dag(graph) || is_contract(graph);
    let has_steps = graph.nodes.iter().any(|node| !matches!(node.kind, NodeKind::Trigger(_)));
    let advice = match (has_steps, is_contract(graph)) {
        (false, _) => "The plan has no steps: add one.",
        (true, true) => "Name its first nodes in entryNodeIds.",
        (true, false) => "Connect the trigger to its first step.",
    };
    is_plan.then_some(advice)
}

fn is_of(graph: &Graph, format: Format) -> bool {
    graph.origin.as_ref().is_some_and(|origin| origin.format == format.name())
}

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    templates(draft, problems);
    if !is_outbound(draft.graph) {
        return;
    }
    let steps: Vec<&Node> = draft
        .graph
        .nodes
        .iter()
        .filter(|node| !matches!(node.kind, NodeKind::Trigger(_)))
        .collect();
    let most = draft.context.plan_steps_max;
    if let Some(first) = steps.get(usize::try_from(most).unwrap_or(usize::MAX)) {
        let message = format!(
            "An outbound plan has {most} steps at most; this one has {}, and {} is the first too many. Split it.",
            steps.len(),
            first.id
        );
        problems.push(Problem::new("too-many-steps", Severity::Error, message).at(&first.id));
    }
    let document = draft.graph.origin.as_ref().map(|origin| &origin.document);
    if document.is_some_and(|document| !document["transitions"].is_array()) {
        let fall = |(index, _): (usize, &Node)| falling(draft, index);
        problems.extend(draft.nodes().filter_map(fall));
    }
}

/// Templates and scripts that the organisation does not have.
fn templates(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let NodeKind::Action(action) = &node.kind else { continue };
        let (templates, scripts) = (draft.context.templates, draft.context.scripts);
        for (pointer, what, known) in [
            ("/templateId", "message template", templates),
            ("/scriptId", "voice script", scripts),
            ("/voicemail/messageId", "voice script", scripts),
        ] {
            let Some(known) = known else { continue };
            let Some(id) = action.parameters.pointer(pointer).and_then(Value::as_str) else {
                continue;
            };
            if id.contains("{{") || known.iter().any(|known| known == id) {
                continue;
            }
            let message = format!(
                "{} uses the {what} {id}, which there is not. Make it, or choose another.",
                draft.title(index)
            );
            problems.push(
                Problem::new("missing-template", Severity::Error, message)
                    .at(&node.id)
                    .field(format!("/parameters{pointer}")),
            );
        }
    }
}

/// A branch of a linear plan whose one target runs on into another one.
fn falling(draft: &Draft, branch: usize) -> Option<Problem> {
    let node = &draft.graph.nodes[branch];
    if !matches!(node.kind, NodeKind::Branch(_)) {
        return None;
    }
    let targets: HashSet<&NodeId> = draft.outs[branch].iter().map(|edge| &edge.to).collect();
    for target in draft.outs[branch].iter().map(|edge| &edge.to) {
        let mut seen = HashSet::from([target]);
        let mut at = target;
        while let Some(next) = onward(draft, at).filter(|next| seen.insert(next)) {
            if targets.contains(next) && !is_end(draft, next) {
                let message = format!(
                    "Who goes from {} to {target} runs on into {next}, where another case of it goes. Put an end between \
                     them, or write the transitions out.",
                    draft.title(branch)
                );
                return Some(
                    Problem::new("runs-into-case", Severity::Warning, message).at(&node.id),
                );
            }
            at = next;
        }
    }
    None
}

fn onward<'a>(draft: &Draft<'a>, node: &NodeId) -> Option<&'a NodeId> {
    let index = *draft.index.get(node)?;
    draft.outs[index].iter().find(|edge| edge.port == "success").map(|edge| &edge.to)
}

fn is_end(draft: &Draft, node: &NodeId) -> bool {
    let index = draft.index.get(node);
    index.is_some_and(|index| matches!(draft.graph.nodes[*index].kind, NodeKind::End(_)))
}

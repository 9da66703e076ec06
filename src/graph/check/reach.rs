//! Steps that nothing leads to, and ports that lead nowhere.

use super::draft::Draft;
use super::{fixes, plans};
use crate::graph::{Node, NodeKind, Problem, Severity};
use crate::tool::Effect;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    let has_trigger = draft.reachable.iter().any(|reached| *reached);
    for (index, node) in draft.nodes() {
        let is_trigger = matches!(node.kind, NodeKind::Trigger(_));
        if has_trigger && !draft.reachable[index] && !is_trigger {
            let message = format!("Nothing leads to {}, so it never runs.", draft.title(index));
            // An outbound plan with such a step is rejected: it says something that it does not do.
            let is_plan = plans::is_outbound(draft.graph);
            let severity = if is_plan { Severity::Error } else { Severity::Warning };
            let problem = Problem::new("unreachable-node", severity, message).at(&node.id);
            problems.push(problem.fix("Remove it", fixes::remove_node(draft, &node.id)));
            continue;
        }
        for port in node.kind.ports() {
            let leads_on = draft.outs[index].iter().any(|edge| edge.port == port);
            if !leads_on && !plans::may_stay_open(draft.graph, node, port) {
                problems.extend(open_port(draft, index, node, port));
            }
        }
    }
}

fn open_port(draft: &Draft, index: usize, node: &Node, port: &str) -> Option<Problem> {
    let title = draft.title(index);
    if port == "error" {
        return can_fail(draft, node).then(|| {
            let message = format!(
                "{title} can fail, and nothing handles that: the whole run would fail. Connect its error port."
            );
            let problem = Problem::new("unhandled-error", Severity::Warning, message);
            problem.at(&node.id).port(port).fix("Note the error and go on", fixes::note_error(draft, index))
        });
    }
    let is_outbound = plans::is_outbound(draft.graph);
    let without_beginning = plans::without_beginning(draft.graph);
    let (code, message) = match (&node.kind, port) {
        (NodeKind::Branch(_), "default") => (
            "unconnected-default",
            format!("{title} has no way on when none of its cases holds. Connect default."),
        ),
        (NodeKind::Branch(branch), _) if is_outbound => {
            let case = branch.cases.iter().find(|case| case.port == port);
            let when = case.map_or(port, |case| case.when.as_str());
            let message =
                format!("{title} leads nowhere when {when} holds. Name the step that it goes to.");
            ("unconnected-port", message)
        }
        (NodeKind::Loop(_), "next") => (
            "unconnected-port",
            format!(
                "{title} has nothing to do for its items. Connect next to the first step of the loop."
            ),
        ),
        (NodeKind::Trigger(_), _) => {
            let advice = without_beginning.unwrap_or("Connect it to the first step.");
            ("unconnected-port", format!("{title} starts nothing. {advice}"))
        }
        _ => (
            "unconnected-port",
            format!("The port {port} of {title} is not connected; the path ends there."),
        ),
    };
    // A plan that does not begin, or breaks off at a choice, does not do what it says.
    let needed = match &node.kind {
        NodeKind::Branch(_) => is_outbound,
        NodeKind::Trigger(_) => without_beginning.is_some(),
        _ => false,
    };
    let severity = if needed { Severity::Error } else { Severity::Warning };
    let problem = Problem::new(code, severity, message).at(&node.id).port(port);
    if matches!((&node.kind, port), (NodeKind::Loop(_), "next") | (NodeKind::Trigger(_), _)) {
        return Some(problem);
    }
    let (label, edits) = fixes::close_port(draft, index, port);
    Some(problem.fix(label, edits))
}

/// Whether a failure of this step is to be expected: it asks a model or the world.
fn can_fail(draft: &Draft, node: &Node) -> bool {
    let asks = match &node.kind {
        NodeKind::Llm(_) | NodeKind::Task(_) | NodeKind::Subworkflow(_) => true,
        NodeKind::Action(_) => draft.tool_of(node).is_none_or(|tool| tool.effect != Effect::Pure),
        _ => false,
    };
    // A failure policy is an answer too, and so are rules for some failures: the others shall fail the run.
    asks && node.policy.on_failure.is_none() && node.policy.failures.is_empty()
}

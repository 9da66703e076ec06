//! Exactly one trigger, first, that can fire.

use super::draft::Draft;
use super::fixes;
use crate::graph::{
    GraphEdit, Node, NodeKind, Position, Problem, Severity, TriggerKind, TriggerSettings,
    WebhookProof, layout,
};
use crate::time::Cron;

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    let triggers: Vec<(usize, &Node)> =
        draft.nodes().filter(|(_, node)| matches!(node.kind, NodeKind::Trigger(_))).collect();
    if triggers.is_empty() {
        problems.push(missing(draft));
    }
    for (index, node) in triggers.iter().skip(1) {
        let message = format!(
            "{} is a second trigger; a workflow has exactly one. Remove it, or make another workflow.",
            draft.title(*index)
        );
        let problem = Problem::new("second-trigger", Severity::Error, message).at(&node.id);
        problems.push(problem.fix("Remove it", fixes::remove_node(draft, &node.id)));
    }
    for (index, node) in &triggers {
        let into = draft.graph.edges.iter().filter(|edge| edge.to == node.id);
        let removals: Vec<GraphEdit> =
            into.map(|edge| GraphEdit::RemoveEdge { id: edge.id.clone() }).collect();
        if !removals.is_empty() {
            let message = format!(
                "Something leads to {}, but a trigger only starts a run. To repeat steps, lead back to the first of them.",
                draft.title(*index)
            );
            let problem = Problem::new("trigger-entered", Severity::Error, message).at(&node.id);
            problems.push(problem.fix("Remove the connection", removals));
        }
        if let NodeKind::Trigger(settings) = &node.kind {
            settings_of(draft, node, settings, problems);
        }
    }
}

fn missing(draft: &Draft) -> Problem {
    let id = fixes::free_id(draft, "trigger");
    let mut node = Node::new(id.clone(), NodeKind::Trigger(TriggerSettings::default()));
    let first = draft.nodes().find(|(index, _)| draft.ins[*index].is_empty());
    if let Some((_, first)) = first {
        let x = first.position.x - layout::NODE_WIDTH - 80.0;
        node.position = Position { x, y: first.position.y };
    }
    let mut edits = vec![GraphEdit::AddNode { node: Box::new(node), index: Some(0) }];
    edits.extend(first.map(|(_, first)| fixes::add_edge(draft, &id, "success", first.id.clone())));
    let message = "The workflow has no trigger, so nothing can start it. Add one.";
    Problem::new("no-trigger", Severity::Error, message).fix("Start it by hand", edits)
}

fn settings_of(
    draft: &Draft,
    node: &Node,
    settings: &TriggerSettings,
    problems: &mut Vec<Problem>,
) {
    let mut report = |code: &str, field: &str, message: String| {
        problems.push(Problem::new(code, Severity::Error, message).at(&node.id).field(field));
    };
    match &settings.trigger {
        TriggerKind::Manual => {}
        TriggerKind::Webhook { path, proof, .. } => {
            if !path.is_empty() && !path.starts_with('/') {
                report(
                    "bad-path",
                    "/trigger/path",
                    format!("The path {path:?} must start with a slash."),
                );
            }
            if let Some((code, field, message)) = proof.as_ref().and_then(|p| bad_proof(draft, p)) {
                report(code, field, message);
            }
        }
        TriggerKind::Schedule { cron, timezone } => {
            if let Err(error) = cron.parse::<Cron>() {
                report("bad-schedule", "/trigger/cron", error.reason);
            }
            let zone = timezone.as_deref().filter(|zone| zone.parse::<chrono_tz::Tz>().is_err());
            if let Some(zone) = zone {
                let message =
                    format!("There is no time zone {zone:?}. Use a name such as Europe/Berlin.");
                report("bad-timezone", "/trigger/timezone", message);
            }
        }
        TriggerKind::Event { event_type } => event_type_of(node, event_type, problems),
    }
}

/// What is wrong with how a sender proves who it is.
fn bad_proof(draft: &Draft, proof: &WebhookProof) -> Option<(&'static str, &'static str, String)> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if let WebhookProof::Header { header, .. } = proof
        && (header.is_empty() || !header.chars().all(letter))
    {
        let message = format!("{header:?} is no name of a header. Such as X-Api-Key.");
        return Some(("bad-header", "/trigger/proof/header", message));
    }
    let (name, field) = (proof.secret(), "/trigger/proof/secret");
    if name.is_empty() {
        let message = "Name the secret that the sender of the webhook knows.";
        return Some(("missing-secret", field, message.to_owned()));
    }
    let known = draft.context.secrets?;
    if known.iter().any(|known| known == name) || draft.graph.settings.secrets.contains_key(name) {
        return None;
    }
    let message = format!(
        "The webhook checks the secret {name}, which is not stored. Add it under Settings, Secrets."
    );
    Some(("unknown-secret", field, message))
}

fn event_type_of(node: &Node, named: &str, problems: &mut Vec<Problem>) {
    if named.trim().is_empty() {
        let message = "Name the event that starts the workflow, such as customer.created.";
        let problem = Problem::new("missing-event", Severity::Error, message);
        problems.push(problem.at(&node.id).field("/trigger/event_type"));
    }
}

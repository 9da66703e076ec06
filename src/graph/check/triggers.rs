//! Exactly one trigger, first, that can fire.

use super::draft::Draft;
use super::fixes;
use crate::graph::{
    GraphEdit, Node, NodeKind, Position, Problem, Severity, TriggerKind, TriggerSettings, layout,
};

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
            settings_of(node, settings, problems);
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

fn settings_of(node: &Node, settings: &TriggerSettings, problems: &mut Vec<Problem>) {
    let mut report = |code: &str, field: &str, message: String| {
        problems.push(Problem::new(code, Severity::Error, message).at(&node.id).field(field));
    };
    match &settings.trigger {
        TriggerKind::Manual => {}
        TriggerKind::Webhook { path } => {
            if !path.is_empty() && !path.starts_with('/') {
                report(
                    "bad-path",
                    "/trigger/path",
                    format!("The path {path:?} must start with a slash."),
                );
            }
        }
        TriggerKind::Schedule { cron, timezone } => {
            if let Err(message) = cron_fields(cron) {
                report("bad-schedule", "/trigger/cron", message);
            }
            let zone = timezone.as_deref().filter(|zone| zone.parse::<chrono_tz::Tz>().is_err());
            if let Some(zone) = zone {
                let message =
                    format!("There is no time zone {zone:?}. Use a name such as Europe/Berlin.");
                report("bad-timezone", "/trigger/timezone", message);
            }
        }
        TriggerKind::Event { event_type } => {
            if event_type.trim().is_empty() {
                let message = "Name the event that starts the workflow, such as customer.created.";
                report("missing-event", "/trigger/event_type", message.to_owned());
            }
        }
    }
}

const CRON_FIELDS: [(&str, u32, u32); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
];

/// Whether a cron expression has its five fields, each in range. What it means is the scheduler's matter.
fn cron_fields(cron: &str) -> Result<(), String> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    if fields.len() != CRON_FIELDS.len() {
        return Err(format!(
            "The schedule {cron:?} needs five fields: minute, hour, day of month, month, day of week. Such as 0 9 * * 1."
        ));
    }
    for (field, (name, low, high)) in fields.iter().zip(CRON_FIELDS) {
        if !field.split(',').all(|part| cron_part(part, low, high)) {
            return Err(format!(
                "{field:?} is not a {name} of a schedule: {low} to {high}, *, ranges and steps."
            ));
        }
    }
    Ok(())
}

fn cron_part(part: &str, low: u32, high: u32) -> bool {
    let (range, step) =
        part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let number = |text: &str| match text.parse::<u32>() {
        Ok(number) => Some(number).filter(|number| (low..=high).contains(number)),
        Err(_) => cron_name(text, high),
    };
    let step_fits = step
        .is_none_or(|step| step.parse::<u32>().is_ok_and(|step| (1..=high.max(1)).contains(&step)));
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => {
            matches!((number(from), number(to)), (Some(from), Some(to)) if from <= to)
        }
        None => number(range).is_some(),
    };
    step_fits && range_fits
}

/// Names of months and days.
fn cron_name(text: &str, high: u32) -> Option<u32> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let text = text.to_lowercase();
    let at = |names: &[&str]| names.iter().position(|name| *name == text);
    match high {
        12 => at(&MONTHS).map(|at| at as u32 + 1),
        7 => at(&DAYS).map(|at| at as u32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::cron_fields;

    #[test]
    fn schedules_are_told_from_other_text() {
        for good in [
            "0 * * * *",
            "0 9 * * *",
            "0 9 * * 1",
            "*/15 * * * *",
            "0 0 1 * *",
            "0 9-17/2 * jan,MAR mon-fri",
        ] {
            assert_eq!(cron_fields(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "every day",
            "* * * *",
            "60 * * * *",
            "0 24 * * *",
            "0 0 0 * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "0 9 * * funday",
        ] {
            assert!(cron_fields(bad).is_err(), "{bad}");
        }
    }
}

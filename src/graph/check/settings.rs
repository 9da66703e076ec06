//! Settings of a kind that are absent or out of range.

use super::draft::Draft;
use crate::graph::{
    BranchSettings, GraphEdit, Node, NodeKind, Problem, Severity, WaitAlternative, WaitFor,
    WaitUntil,
};
use std::collections::HashSet;

/// Ten years.
const WAIT_MAX_MS: u64 = 10 * 366 * 24 * 3_600_000;

/// Shortest and longest lease of a task.
const LEASE_MS: (u64, u64) = (5_000, 24 * 3_600_000);

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let title = draft.title(index);
        let mut report = |code: &str, severity: Severity, field: &str, message: String| {
            problems.push(Problem::new(code, severity, message).at(&node.id).field(field));
        };
        let (error, warning) = (Severity::Error, Severity::Warning);
        match &node.kind {
            NodeKind::Llm(llm) => {
                // The steps of a DAG plan have only a task.
                let has_task = !llm.user_prompt.trim().is_empty();
                let is_plan = super::plans::is_dag(draft.graph);
                if llm.system_prompt.trim().is_empty() && !(has_task && is_plan) {
                    let severity = if has_task { warning } else { error };
                    let message = format!(
                        "{title} does not say what the AI should do. Write a system prompt."
                    );
                    report("missing-prompt", severity, "/system_prompt", message);
                }
                if llm.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
                    report(
                        "out-of-range",
                        error,
                        "/temperature",
                        format!("The temperature of {title} must be from 0 to 2."),
                    );
                }
            }
            NodeKind::Loop(each) if !(1..=100).contains(&each.concurrency) => {
                report(
                    "out-of-range",
                    warning,
                    "/concurrency",
                    format!("{title} may run 1 to 100 turns at once."),
                );
            }
            NodeKind::Wait(wait) => match &wait.until {
                WaitUntil::Event { event, .. } if event.trim().is_empty() => {
                    report(
                        "missing-event",
                        error,
                        "/event",
                        format!("{title} does not say which event it waits for."),
                    );
                }
                WaitUntil::First { of } => alternatives(of, &title, &mut report),
                WaitUntil::Time { at } if at.trim().is_empty() => {
                    report(
                        "missing-time",
                        error,
                        "/at",
                        format!("{title} does not say until when it waits."),
                    );
                }
                WaitUntil::Duration { duration_ms } if *duration_ms > WAIT_MAX_MS => {
                    report(
                        "out-of-range",
                        error,
                        "/duration_ms",
                        format!("{title} waits longer than ten years."),
                    );
                }
                _ => {}
            },
            NodeKind::Human(human) if human.prompt.trim().is_empty() => {
                report(
                    "missing-prompt",
                    warning,
                    "/prompt",
                    format!("{title} does not say what is asked of the person."),
                );
            }
            NodeKind::Task(task) => {
                if task.instructions.trim().is_empty() {
                    let message = format!("{title} does not say what the worker should do.");
                    report("missing-instructions", warning, "/instructions", message);
                }
                let lease_ms = task.lease_ms.unwrap_or(LEASE_MS.0);
                if !(LEASE_MS.0..=LEASE_MS.1).contains(&lease_ms) {
                    let message = format!("A claim of {title} holds 5 seconds to one day.");
                    report("out-of-range", error, "/lease_ms", message);
                }
            }
            NodeKind::Subworkflow(sub) if sub.workflow.trim().is_empty() => {
                report(
                    "missing-workflow",
                    error,
                    "/workflow",
                    format!("{title} does not say which workflow it runs."),
                );
            }
            NodeKind::Branch(branch) => cases(branch, &title, &mut report),
            _ => {}
        }
        let threshold = node.policy.review.as_ref().and_then(|review| review.threshold);
        if threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            let message = format!("The confidence that {title} needs is a number from 0 to 1.");
            report("out-of-range", error, "/policy/review/threshold", message);
        }
        if node.policy.priority.is_some_and(|priority| !(1..=10).contains(&priority)) {
            let message = format!("The priority of {title} is 1 to 10.");
            report("out-of-range", error, "/policy/priority", message);
        }
        if node.policy.retry.as_ref().is_some_and(|retry| retry.retries_max > 20) {
            report(
                "out-of-range",
                warning,
                "/policy/retry",
                format!("{title} is retried 20 times at most."),
            );
        }
        problems.extend(item_variable(node, &title));
    }
}

/// The alternatives of a wait for the first of several.
fn alternatives(
    of: &[WaitAlternative],
    title: &str,
    report: &mut dyn FnMut(&str, Severity, &str, String),
) {
    let mut ports = HashSet::new();
    for (at, one) in of.iter().enumerate() {
        let field = format!("/of/{at}/port");
        if matches!(one.port.as_str(), "" | "error") || !ports.insert(&one.port) {
            let message = format!(
                "What {title} waits for needs ports of different names; {:?} does not do.",
                one.port
            );
            report("bad-case", Severity::Error, &field, message);
        }
        let (field, wrong) = match &one.what {
            WaitFor::Event { event, .. } => ("event", event.trim().is_empty()),
            WaitFor::Time { at } => ("at", at.trim().is_empty()),
            WaitFor::Duration { duration_ms } => ("duration_ms", *duration_ms > WAIT_MAX_MS),
        };
        if wrong {
            let message = format!("{title} does not say what it waits for at {}.", one.port);
            report("missing-event", Severity::Error, &format!("/of/{at}/{field}"), message);
        }
    }
    if of.is_empty() {
        let message = format!("{title} waits for the first of nothing, which never comes.");
        report("missing-event", Severity::Error, "/of", message);
    }
}

fn cases(
    branch: &BranchSettings,
    title: &str,
    report: &mut dyn FnMut(&str, Severity, &str, String),
) {
    let mut ports = HashSet::new();
    for (at, case) in branch.cases.iter().enumerate() {
        let field = format!("/cases/{at}/port");
        if matches!(case.port.as_str(), "" | "default" | "error") {
            let message =
                format!("A case of {title} cannot be called {:?}. Choose another name.", case.port);
            report("bad-case", Severity::Error, &field, message);
        } else if !ports.insert(&case.port) {
            let message = format!("{title} has two cases called {}. Rename one.", case.port);
            report("bad-case", Severity::Error, &field, message);
        }
    }
    if branch.cases.is_empty() {
        report(
            "no-cases",
            Severity::Warning,
            "/cases",
            format!("{title} has no cases, so it always takes default."),
        );
    }
}

/// An item variable that looks like another name of the language shadows it.
fn item_variable(node: &Node, title: &str) -> Option<Problem> {
    const TAKEN: [&str; 8] =
        ["steps", "input", "loop", "config", "secrets", "organizationId", "now", "event"];
    let NodeKind::Loop(each) = &node.kind else { return None };
    let name = each.item_variable.as_deref().filter(|name| TAKEN.contains(name))?;
    let mut settings = each.clone();
    settings.item_variable = Some("item".to_owned());
    let edit =
        GraphEdit::ConfigureNode { id: node.id.clone(), kind: Box::new(NodeKind::Loop(settings)) };
    let message = format!(
        "{title} calls its item {name}, which has a meaning of its own and cannot be used."
    );
    let problem = Problem::new("reserved-name", Severity::Error, message)
        .at(&node.id)
        .field("/item_variable");
    Some(problem.fix("Call it item", vec![edit]))
}

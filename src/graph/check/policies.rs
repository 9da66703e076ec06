//! Policies that have no effect on the kind of step that they stand at. Only a step that makes a call can be approved,
//! tried again, limited in time or put in a queue: the others are done at once, or wait for something else.

use super::draft::Draft;
use crate::graph::{ApprovalTiming, GraphEdit, Node, NodeKind, Policy, Problem, Severity};

/// A policy that a step has and does not honour.
struct Ignored {
    field: &'static str,
    /// What the step has, in a sentence.
    what: &'static str,
    remove: fn(&mut Policy),
}

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (index, node) in draft.nodes() {
        let title = draft.title(index);
        problems.extend(approval(node, &title));
        for policy in ignored(node) {
            let message = format!(
                "{title} has {}, which has no effect on {}. Remove it{}.",
                policy.what,
                kind_words(node),
                instead(node, policy.field)
            );
            let problem = Problem::new("policy-not-honoured", Severity::Warning, message);
            let problem = problem.at(&node.id).field(policy.field);
            problems.push(problem.fix("Remove it", without(node, policy.remove)));
        }
    }
}

/// An approval that nobody would be asked for. An error: something would pass that somebody wanted to see. A human
/// step asks a person anyway.
fn approval(node: &Node, title: &str) -> Option<Problem> {
    let timing = node.policy.approval.filter(|_| !node.kind.makes_call())?;
    let kind = kind_words(node);
    let (severity, message) = match (&node.kind, timing) {
        (NodeKind::Human(_), _) => {
            let message = format!(
                "{title} has an approval, which has no effect on {kind}: it asks a person itself. Remove the approval."
            );
            (Severity::Warning, message)
        }
        (_, ApprovalTiming::Before) => {
            let message = format!(
                "{title} is to be approved before it runs, but nobody is asked about {kind}. Remove the approval, or \
                 put a human step before it."
            );
            (Severity::Error, message)
        }
        (_, ApprovalTiming::After) => {
            let message = format!(
                "{title} is to be approved after it has run, but nobody is asked about {kind}. Remove the approval, \
                 or put a human step after it."
            );
            (Severity::Error, message)
        }
    };
    let problem = Problem::new("policy-not-honoured", severity, message);
    let edits = without(node, |policy| policy.approval = None);
    Some(problem.at(&node.id).field("/policy/approval").fix("Remove the approval", edits))
}

/// The other policies that a step has and does not honour.
fn ignored(node: &Node) -> Vec<Ignored> {
    let policy = &node.policy;
    let (calls, works) = (node.kind.makes_call(), node.kind.works());
    let retries = policy.retry.as_ref().is_some_and(|retry| retry.retries_max > 0);
    let all = [
        (
            policy.timeout_ms.is_some() && !calls,
            Ignored {
                field: "/policy/timeout_ms",
                what: "a time limit of one attempt",
                remove: |policy| policy.timeout_ms = None,
            },
        ),
        (
            policy.total_timeout_ms.is_some() && !works,
            Ignored {
                field: "/policy/total_timeout_ms",
                what: "a time limit of all attempts",
                remove: |policy| policy.total_timeout_ms = None,
            },
        ),
        (
            retries && !calls,
            Ignored {
                field: "/policy/retry",
                what: "a retry policy",
                remove: |policy| policy.retry = None,
            },
        ),
        (
            policy.queue.is_some() && !calls,
            Ignored {
                field: "/policy/queue",
                what: "a queue",
                remove: |policy| policy.queue = None,
            },
        ),
        (
            policy.priority.is_some() && !calls,
            Ignored {
                field: "/policy/priority",
                what: "a priority",
                remove: |policy| policy.priority = None,
            },
        ),
    ];
    all.into_iter().filter(|(is_ignored, _)| *is_ignored).map(|(_, ignored)| ignored).collect()
}

/// What to do about it besides removing it.
fn instead(node: &Node, field: &str) -> &'static str {
    match &node.kind {
        NodeKind::Subworkflow(_) if field.ends_with("total_timeout_ms") => {
            ", and limit the time of one attempt, or set the time limit in the workflow that it runs"
        }
        _ => "",
    }
}

fn kind_words(node: &Node) -> String {
    match &node.kind {
        NodeKind::Action(_) => "a step that sets variables".to_owned(),
        kind => format!("a step of the kind {}", kind.tag().as_str()),
    }
}

fn without(node: &Node, remove: fn(&mut Policy)) -> Vec<GraphEdit> {
    let mut policy = node.policy.clone();
    remove(&mut policy);
    vec![GraphEdit::SetPolicy { id: node.id.clone(), policy: Box::new(policy) }]
}

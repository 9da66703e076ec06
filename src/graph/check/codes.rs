//! Codes of policies and contracts that nothing here knows: a retry, a rule or a check of such a name would never
//! have an effect.

use super::draft::Draft;
use super::nearest::nearest;
use crate::graph::{Node, Problem, Severity};
use crate::run::{ATTEMPTS_EXHAUSTED, ErrorKind};
use std::collections::HashSet;

/// What can be checked before a result counts.
const CHECKS: [&str; 7] =
    ["schema", "artifact-present", "expression", "regex", "min-items", "human", "model"];

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    let kinds = ErrorKind::ALL.into_iter();
    let failures: Vec<&str> = kinds.map(ErrorKind::as_str).chain([ATTEMPTS_EXHAUSTED]).collect();
    let retried = ErrorKind::ALL.into_iter().filter(|kind| kind.may_retry());
    let retried: Vec<&str> = retried.map(ErrorKind::as_str).collect();
    if let Some(retry) = &draft.graph.settings.retry {
        for code in unknown(&retry.retry_on, &retried) {
            let message = told("The workflow", &never_retried(code), code, &retried);
            let problem = Problem::new("unknown-code", Severity::Error, message);
            problems.push(problem.field("/settings/retry/retry_on"));
        }
    }
    for (index, node) in draft.nodes() {
        let title = draft.title(index);
        let mut report = |field: String, what: &str, code: &str, known: &[&str]| {
            let message = told(&title, what, code, known);
            let problem = Problem::new("unknown-code", Severity::Error, message);
            problems.push(problem.at(&node.id).field(field));
        };
        if let Some(retry) = &node.policy.retry {
            for code in unknown(&retry.retry_on, &retried) {
                report("/policy/retry/retry_on".to_owned(), &never_retried(code), code, &retried);
            }
        }
        for (field, code) in rules(node) {
            if !failures.contains(&code) {
                let what = format!("has a rule for {code:?}, which is no kind of failure");
                report(field, &what, code, &failures);
            }
        }
        let checks = node.contract.iter().flat_map(|contract| &contract.completion_checks);
        for (at, check) in checks.enumerate() {
            let code = check.check.as_str();
            if !CHECKS.contains(&code) {
                let what =
                    format!("has a completion check of the type {code:?}, which there is not");
                report(format!("/contract/completion_checks/{at}/type"), &what, code, &CHECKS);
            }
        }
    }
}

fn unknown<'a>(codes: &'a [String], known: &[&str]) -> Vec<&'a str> {
    codes.iter().map(String::as_str).filter(|code| !known.contains(code)).collect()
}

fn never_retried(code: &str) -> String {
    format!("is to be retried on {code:?}, which is nothing that is retried")
}

/// The failures that a node has rules for: in its contract, which its policy repeats, and in its policy alone.
fn rules(node: &Node) -> Vec<(String, &str)> {
    let contract = node.contract.iter().flat_map(|contract| &contract.failure).enumerate();
    let contract =
        contract.map(|(at, rule)| (format!("/contract/failure/{at}/on"), rule.on.as_str()));
    let policy = node.policy.failures.iter().enumerate().flat_map(|(at, rule)| {
        rule.on.iter().map(move |code| (format!("/policy/failures/{at}/on"), code.as_str()))
    });
    let mut seen = HashSet::new();
    contract.chain(policy).filter(|(_, code)| seen.insert(*code)).collect()
}

fn told(whose: &str, what: &str, code: &str, known: &[&str]) -> String {
    let hint = match nearest(code, known.iter().copied()) {
        Some(meant) => format!("Did you mean {meant}?"),
        None => format!("Known are {}.", known.join(", ")),
    };
    format!("{whose} {what}. {hint}")
}

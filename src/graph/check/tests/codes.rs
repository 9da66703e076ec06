//! Codes of policies and contracts.

use super::{alone, found, set};
use crate::graph::{
    CompletionCheck, Contract, ContractFailure, FailurePolicy, FailureRule, Graph, Node, Problem,
    RetryPolicy, Severity,
};
use serde_json::json;

fn with(change: impl FnOnce(&mut Node)) -> Graph {
    let mut graph = alone(set("a", json!({"x": 1})));
    change(&mut graph.nodes[1]);
    graph
}

fn retry(code: &str) -> Option<RetryPolicy> {
    Some(RetryPolicy { retries_max: 1, backoff_ms: 1_000, retry_on: vec![code.to_owned()] })
}

fn rule(code: &str) -> FailureRule {
    FailureRule { on: vec![code.to_owned()], action: FailurePolicy::Skip, note: String::new() }
}

fn contract(failure: &str, check: &str) -> Option<Contract> {
    Some(Contract {
        failure: vec![ContractFailure {
            on: failure.to_owned(),
            action: "skip".to_owned(),
            note: String::new(),
        }],
        completion_checks: vec![CompletionCheck {
            check: check.to_owned(),
            ..CompletionCheck::default()
        }],
        ..Contract::default()
    })
}

fn unknown(graph: &Graph) -> Vec<Problem> {
    found(graph).into_iter().filter(|problem| problem.code == "unknown-code").collect()
}

#[track_caller]
fn told(graph: &Graph, field: &str, said: &str) {
    let problems = unknown(graph);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!(problems[0].severity, Severity::Error);
    assert_eq!(problems[0].field.as_deref(), Some(field));
    assert!(problems[0].message.contains(said), "{}", problems[0].message);
}

#[test]
fn codes_that_nothing_knows_are_named() {
    for known in ["timeout", "attempts_exhausted", "human_rejected", "missing_deliverable"] {
        let graph = with(|node| {
            node.policy.retry = retry("check_failed");
            node.policy.failures = vec![rule(known)];
            node.contract = contract(known, "artifact-present");
        });
        assert_eq!(unknown(&graph), [], "{known}");
    }
    let retried = |code: &str| with(|node| node.policy.retry = retry(code));
    let misspelt = "Did you mean schema_validation_failed?";
    told(&retried("schema_validation_faild"), "/policy/retry/retry_on", misspelt);
    told(&retried("human_rejected"), "/policy/retry/retry_on", "nothing that is retried");
    let mut whole = with(|_| {});
    whole.settings.retry = retry("tiemout");
    told(&whole, "/settings/retry/retry_on", "Did you mean timeout?");

    let alone = with(|node| node.policy.failures = vec![rule("timeout"), rule("human_rejectd")]);
    told(&alone, "/policy/failures/1/on", "Did you mean human_rejected?");
    let both = with(|node| {
        node.policy.failures = vec![rule("human_rejectd")];
        node.contract = contract("human_rejectd", "schema");
    });
    told(&both, "/contract/failure/0/on", "Did you mean human_rejected?");
    let checked = with(|node| node.contract = contract("timeout", "frobnicate"));
    told(&checked, "/contract/completion_checks/0/type", "Known are schema, artifact-present");
}

//! Policies that a kind of step does not honour.

use super::{alone, caught, condition, found, llm, set};
use crate::graph::{ApprovalTiming, Graph, Policy, RetryPolicy, Severity};
use serde_json::{Value, json};

const CODE: &str = "policy-not-honoured";

fn with(step: (&'static str, Value), policy: Policy) -> Graph {
    let mut graph = alone(step);
    graph.nodes[1].policy = policy;
    graph
}

fn asks(timing: ApprovalTiming) -> Policy {
    Policy { approval: Some(timing), ..Policy::default() }
}

/// All that only a call can honour, but for the approval.
fn everything() -> Policy {
    Policy {
        timeout_ms: Some(5_000),
        total_timeout_ms: Some(9_000),
        retry: Some(RetryPolicy { retries_max: 1, backoff_ms: 1_000, retry_on: Vec::new() }),
        queue: Some("slow".to_owned()),
        priority: Some(7),
        ..Policy::default()
    }
}

fn idle_kinds() -> Vec<(&'static str, Value)> {
    vec![
        set("a", json!({"x": 1})),
        condition("a", "true"),
        ("a", json!({"type": "branch", "cases": [{"port": "one", "when": "true"}]})),
        ("a", json!({"type": "loop", "items": "[1]", "item_variable": "one"})),
        ("a", json!({"type": "wait", "for": "duration", "duration_ms": 5})),
        ("a", json!({"type": "end"})),
    ]
}

fn fields(graph: &Graph) -> Vec<String> {
    let problems = found(graph).into_iter().filter(|problem| problem.code == CODE);
    problems.filter_map(|problem| problem.field).collect()
}

#[test]
fn an_approval_that_nobody_would_be_asked_for_is_an_error() {
    for step in idle_kinds() {
        for timing in [ApprovalTiming::Before, ApprovalTiming::After] {
            let problem = caught(&with(step.clone(), asks(timing)), CODE, "a");
            assert_eq!(problem.severity, Severity::Error, "{step:?}");
            assert_eq!(problem.field.as_deref(), Some("/policy/approval"));
            assert!(problem.message.contains("put a human step"), "{}", problem.message);
        }
    }
    let person = ("a", json!({"type": "human", "prompt": "May it?"}));
    let problem = caught(&with(person, asks(ApprovalTiming::Before)), CODE, "a");
    assert_eq!(problem.severity, Severity::Warning);
}

#[test]
fn limits_retries_and_queues_of_steps_that_make_no_call_are_told() {
    for step in idle_kinds() {
        let graph = with(step.clone(), everything());
        let told = ["timeout_ms", "total_timeout_ms", "retry", "queue", "priority"];
        assert_eq!(fields(&graph), told.map(|name| format!("/policy/{name}")), "{step:?}");
        let problem = caught(&graph, CODE, "a");
        assert_eq!(problem.severity, Severity::Warning);
    }
}

#[test]
fn what_makes_a_call_honours_them() {
    let steps = [
        ("a", json!({"type": "action", "tool": "http.request", "parameters": {}})),
        llm("a", "Be brief.", json!([])),
        ("a", json!({"type": "task", "instructions": "Plan"})),
    ];
    for step in steps {
        let policy = Policy { approval: Some(ApprovalTiming::Before), ..everything() };
        assert_eq!(fields(&with(step.clone(), policy)), [""; 0], "{step:?}");
    }
}

#[test]
fn how_long_another_run_works_is_set_there_and_how_long_it_is_waited_for_here() {
    let step = ("a", json!({"type": "subworkflow", "workflow": "w"}));
    let policy = Policy { approval: Some(ApprovalTiming::After), ..everything() };
    let graph = with(step, policy);
    assert_eq!(fields(&graph), ["/policy/total_timeout_ms"]);
    let problem = caught(&graph, CODE, "a");
    assert!(problem.message.contains("limit the time of one attempt"), "{}", problem.message);
}

#[test]
fn no_retries_are_no_policy() {
    let retry = Some(RetryPolicy { retries_max: 0, backoff_ms: 1_000, retry_on: Vec::new() });
    let graph = with(set("a", json!({"x": 1})), Policy { retry, ..Policy::default() });
    assert_eq!(fields(&graph), [""; 0]);
}

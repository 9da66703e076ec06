//! Failure: retries, error ports, policies, defaults, bypass.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

fn broken(node: &'static str, kind: ErrorKind) -> TestWorld {
    failing_world(move |asked, _, _| (asked == node).then_some((kind, "it broke")))
}

#[test]
fn a_failed_attempt_is_tried_again_by_policy_with_growing_pauses() {
    let text = r#"t trigger
        a action @{"retry": {"retries_max": 3, "backoff_ms": 1000}}
        t > a"#;
    let mut world =
        failing_world(|_, attempt, _| (attempt < 4).then_some((ErrorKind::ExecutorError, "down")));
    let outcome = check_in(text, json!({}), &mut world, "t+ ax ax ax a+ =completed");
    let pauses: Vec<i64> = outcome
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::AttemptFailed { retry_at, .. } => {
                Some((*retry_at - event.at).num_milliseconds())
            }
            _ => None,
        })
        .collect();
    for (pause, ideal) in pauses.iter().zip([1000, 2000, 4000]) {
        assert!((ideal * 8 / 10..=ideal * 12 / 10).contains(pause), "{pauses:?}");
    }
    // All attempts are one call: its key is what keeps a repeated attempt from doing its work twice.
    let calls: std::collections::BTreeSet<_> = outcome
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::CallRequested { call, .. } => Some(*call),
            _ => None,
        })
        .collect();
    assert_eq!(calls.len(), 1);
}

#[test]
fn tries_run_out() {
    let text = "t trigger\na action @{\"retry\": {\"retries_max\": 2}}\nt > a";
    check_in(
        text,
        json!({}),
        &mut broken("a", ErrorKind::Timeout),
        "t+ ax ax a! =failed(it broke)",
    );
}

#[test]
fn the_workflows_retry_policy_holds_for_nodes_without_one() {
    let text = "t trigger\na action\nt > a\nsettings {\"retry\": {\"retries_max\": 1}}";
    check_in(
        text,
        json!({}),
        &mut broken("a", ErrorKind::RateLimited),
        "t+ ax a! =failed(it broke)",
    );
}

#[test]
fn only_the_named_kinds_are_retried_and_some_never() {
    let text = r#"t trigger
        a action @{"retry": {"retries_max": 1, "retry_on": ["timeout"]}}
        t > a"#;
    check_in(text, json!({}), &mut broken("a", ErrorKind::Timeout), "t+ ax a! =failed(it broke)");
    check_in(
        text,
        json!({}),
        &mut broken("a", ErrorKind::ExecutorError),
        "t+ a! =failed(it broke)",
    );
    let text = "t trigger\na action @{\"retry\": {\"retries_max\": 5}}\nt > a";
    for kind in [ErrorKind::HumanRejected, ErrorKind::Expired, ErrorKind::Refused] {
        check_in(text, json!({}), &mut broken("a", kind), "t+ a- =completed");
    }
}

#[test]
fn the_server_may_ask_for_a_longer_pause() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| match asking.attempt {
            1 => Answer::now(Reply::Failure {
                error: StepError::new(ErrorKind::RateLimited, "slow down"),
                retry_after_ms: Some(60_000),
            }),
            _ => Answer::output(json!(1)),
        }),
        ..TestWorld::default()
    };
    let text = "t trigger\na action @{\"retry\": {\"retries_max\": 1}}\nt > a";
    let outcome = check_in(text, json!({}), &mut world, "t+ ax a+ =completed");
    assert_eq!(outcome.now, at(60_000));
}

#[test]
fn a_connected_error_port_goes_on_and_the_error_can_be_read() {
    let text = r#"t trigger
        a action
        b action
        c set {"why": "{{steps.a.error.message}}", "kind": "{{steps.a.error.kind}}"}
        t > a > b
        a.error > c"#;
    let outcome = check_in(
        text,
        json!({}),
        &mut broken("a", ErrorKind::NotFound),
        "t+ a!error c+ b- =completed",
    );
    assert_eq!(outcome.state.variables["why"], json!("it broke"));
    assert_eq!(outcome.state.variables["kind"], json!("not_found"));
}

#[track_caller]
fn policy(policy: &str, expected: &str) -> Outcome {
    let text = format!(
        "t trigger\na action @{{\"on_failure\": \"{policy}\"}}\nb action\nslow wait {{\"for\": \"duration\", \"duration_ms\": 5}}\nt > a > b\nt > slow"
    );
    check_in(&text, json!({}), &mut broken("a", ErrorKind::ExecutorError), expected)
}

#[test]
fn failure_policies_do_what_they_say() {
    policy("fail", "t+ slow… a! =failed(it broke)");
    policy("abort", "t+ slow… a! =failed(it broke)");
    policy("skip", "t+ slow… a- b- slow+ =completed");
    policy("continue-partial", "t+ slow… a~ b+ slow+ =completed");
    for blocking in ["block", "replan"] {
        let outcome = policy(blocking, "t+ slow… blocked slow+");
        assert_eq!(outcome.state.status().phase(), RunPhase::Blocked);
        assert_eq!(outcome.stop, Stop::Waiting);
    }
}

#[test]
fn failing_starts_nothing_new_and_lets_what_works_finish() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| {
            let name = asking.node.id.as_str();
            Answer {
                after_ms: if name == "slow" { 100 } else { 1 },
                reply: match name {
                    "a" => Reply::Failure {
                        error: StepError::new(ErrorKind::InvalidInput, "no"),
                        retry_after_ms: None,
                    },
                    _ => Reply::Output { output: Value::Null, usage: None },
                },
            }
        }),
        ..TestWorld::default()
    };
    let text = "t trigger\na action\nslow action\nnever action\nt > a\nt > slow > never";
    let outcome = check_in(text, json!({}), &mut world, "t+ a! slow+ =failed(no)");
    assert_eq!(outcome.now, at(100));
}

#[test]
fn aborting_waits_for_nothing() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| match asking.node.id.as_str() {
            "a" => Answer::failure(StepError::new(ErrorKind::InvalidInput, "no")),
            _ => {
                Answer { after_ms: 100, reply: Reply::Output { output: Value::Null, usage: None } }
            }
        }),
        ..TestWorld::default()
    };
    let text = "t trigger\na action @{\"on_failure\": \"abort\"}\nslow action\nt > a\nt > slow";
    let outcome = check_in(text, json!({}), &mut world, "t+ a! =failed(no)");
    assert_eq!(outcome.now, at(0));
}

#[test]
fn a_loop_goes_on_with_its_next_item_after_a_refusal() {
    let mut world = failing_world(|_, _, occurrence| {
        (occurrence == 0).then_some((ErrorKind::Refused, "opted out"))
    });
    let outcome = check_in(
        "t trigger\nl loop input\na action\nt > l.next > a > l",
        json!([1, 2]),
        &mut world,
        "t+ [l0 a- ] [l1 a+ ] ]]l l+done =completed",
    );
    assert_eq!(output(&outcome)["results"][0], Value::Null);
}

#[test]
fn a_bypassed_call_goes_on_with_null() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| match asking.node.id.as_str() {
            "a" => Answer::now(Reply::Bypass { reason: "no consent".into() }),
            _ => Answer::output(plain_output(asking)),
        }),
        ..TestWorld::default()
    };
    let text = "t trigger\na action\nb action\ne action\nt > a > b\na.error > e";
    let outcome = check_in(text, json!({}), &mut world, "t+ a~ e- b+ =completed");
    let a = outcome.state.activations.values().find(|a| a.node.as_str() == "a").unwrap();
    assert_eq!((a.state, &a.output), (ActivationState::Bypassed, &Value::Null));
}

#[test]
fn a_template_that_cannot_be_computed_fails_its_step() {
    let outcome =
        run("t trigger\na action {\"parameters\": {\"x\": \"{{unknown_thing}}\"}}\nt > a");
    let RunStatus::Failed { error_message } = outcome.state.status() else { panic!() };
    assert!(error_message.contains("unknown_thing"), "{error_message}");
}

#[test]
fn json_answers_of_models_are_read_and_asked_for_again() {
    let text = r#"t trigger
        m llm {"output_format": "json"} @{"retry": {"retries_max": 1}}
        v set {"n": "{{steps.m.output.n}}"}
        t > m > v"#;
    let mut world = TestWorld {
        answer: Box::new(|asking, _| {
            Answer::output(json!(if asking.attempt == 1 {
                "Sure!"
            } else {
                "```json\n{\"n\": 7}\n```"
            }))
        }),
        ..TestWorld::default()
    };
    let outcome = check_in(text, json!({}), &mut world, "t+ mx m+ v+ =completed");
    assert_eq!(outcome.state.variables["n"], json!(7));
}

#[test]
fn a_partial_step_whose_way_on_cannot_be_computed_fails() {
    let text = "t trigger\na action @{\"on_failure\": \"continue-partial\"}\nb action\nt > a\na > b ? nowhere > 1";
    let outcome = run(text);
    assert!(
        trace(&outcome).contains("a! =failed(The condition of the connection"),
        "{}",
        trace(&outcome)
    );
}

//! Approval after with a scoring model, rules for failures, and limits of working time.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

const SCORED: &str = r#"t trigger
    m llm {"system_prompt": "Be brief", "user_prompt": "Write"} @{"approval": "after", "review": {"threshold": 0.85, "expires_after_ms": 7000}}
    e end {"output": "{{steps.m.output}}"}
    t > m > e"#;

fn scores(value: f64) -> Value {
    json!({"factualConsistency": value, "promptAdherence": value, "completeness": value, "formatting": value})
}

#[test]
fn enough_confidence_asks_nobody_and_less_asks_a_person_with_the_numbers() {
    let mut run = Told::start(SCORED, Value::Null);
    let effects = run.succeed("m", json!("Dear Ada"));
    let [Effect::Call { request: CallRequest::Score(score), .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((&score.output, score.threshold), (&json!("Dear Ada"), 0.85));
    assert_eq!(score.asked["user_prompt"], "Write");
    run.succeed("m", scores(0.9));
    assert_eq!(run.trace(), "t+ m+ e+ =completed");

    for (answer, confident) in
        [(scores(0.84), Some(0.84)), (json!("fine"), None), (json!(null), None)]
    {
        let mut run = Told::start(SCORED, Value::Null);
        run.succeed("m", json!("Dear Ada"));
        let effects = match answer {
            Value::Null => run.fail("m", ErrorKind::Timeout),
            answer => run.succeed("m", answer),
        };
        let request = effects.iter().find_map(|effect| match effect {
            Effect::OpenApproval { request, .. } => Some(request),
            _ => None,
        });
        let request = request.unwrap();
        assert_eq!(request.confidence.as_ref().map(|c| c.value), confident);
        assert_eq!((&request.subject, request.expires_at), (&json!("Dear Ada"), Some(at(7000))));
        assert!(!request.prompt.is_empty());
        let approval = run.activation("m").approval.unwrap();
        let decision = Decision::Approve { answer: json!("Hi Ada") };
        run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
        assert_eq!(run.trace(), "t+ m? m+ e+ =completed");
        let Some(RunEnd::Completed { output, .. }) = &run.state.end else { panic!() };
        assert_eq!(*output, json!("Hi Ada"), "the changed output flows on");
    }
}

#[test]
fn a_rejection_with_feedback_is_written_and_scored_anew() {
    let mut run = Told::start(SCORED, Value::Null);
    run.succeed("m", json!("Dear Ada"));
    run.succeed("m", scores(0.2));
    let approval = run.activation("m").approval.unwrap();
    let decision = Decision::Reject { reason: "Shorter".into(), retry: true };
    let effects = run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Call { request: CallRequest::Model(model), .. } => Some(model.feedback.clone()),
        _ => None,
    });
    assert_eq!(asked.unwrap(), ["Shorter"]);
    run.succeed("m", json!("Hi"));
    run.succeed("m", scores(0.99));
    assert_eq!(run.trace(), "t+ m? m+ e+ =completed");
}

#[test]
fn nobody_decides_in_time() {
    let mut run = Told::start(SCORED, Value::Null);
    run.succeed("m", json!("Dear Ada"));
    run.succeed("m", scores(0.2));
    run.fire("a2.expiry").unwrap();
    assert_eq!(run.trace(), "t+ m? m- e- =completed");
}

#[test]
fn failures_are_handled_by_the_first_rule_that_names_them() {
    // The kind of error, the rules, and what comes of it.
    let cases = [
        ("timeout", r#"[{"on": ["timeout"], "action": "skip"}]"#, "t+ a- b- =completed"),
        ("refused", r#"[{"on": ["timeout"], "action": "skip"}]"#, "t+ a! =failed(it broke)"),
        ("refused", r#"[{"action": "continue-partial"}]"#, "t+ a~ b+ =completed"),
        ("invalid_input", r#"[{"on": ["invalid_input"], "action": "block"}]"#, "t+ blocked"),
        (
            "invalid_input",
            r#"[{"on": ["refused"], "action": "block"}, {"action": "abort"}]"#,
            "t+ a! =failed(it broke)",
        ),
        (
            "check_failed",
            r#"[{"on": ["missing_deliverable", "check_failed"], "action": "replan"}]"#,
            "t+ blocked",
        ),
    ];
    for (kind, rules, expected) in cases {
        let kind: ErrorKind = serde_json::from_value(json!(kind)).unwrap();
        assert_eq!(json!(kind), json!(kind.as_str()));
        let text = format!(
            "t trigger\na action @{{\"on_failure\": \"fail\", \"failures\": {rules}}}\nb action\nt > a > b"
        );
        let mut world =
            failing_world(move |node, _, _| (node == "a").then_some((kind, "it broke")));
        check_in(&text, Value::Null, &mut world, expected);
    }
}

#[test]
fn attempts_that_are_used_up_have_a_rule_of_their_own() {
    let text = r#"t trigger
        a action @{"retry": {"retries_max": 1, "backoff_ms": 5}, "failures": [{"on": ["attempts_exhausted"], "action": "skip"}]}
        t > a"#;
    let mut world = failing_world(|_, _, _| Some((ErrorKind::Timeout, "slow")));
    check_in(text, Value::Null, &mut world, "t+ ax a- =completed");
}

#[test]
fn a_run_that_must_be_replaced_is_not_resumed() {
    let mut run =
        Told::start("t trigger\na action @{\"on_failure\": \"replan\"}\nt > a", Value::Null);
    run.fail("a", ErrorKind::InvalidInput);
    let resume = Command::Resume { by: "Ada".into() };
    assert_eq!(run.try_tell(resume).unwrap_err(), Refusal::MustBeReplaced);
    let (reason, by) = ("another plan".to_owned(), "Ada".to_owned());
    run.tell(Command::Stop { reason, by, replaced_by: Some(crate::id::RunId(uuid::Uuid::nil())) });
    assert_eq!(run.trace(), "t+ blocked =stopped(another plan)");
}

#[test]
fn the_limit_of_a_node_counts_the_work_of_all_its_attempts_and_no_pauses_between() {
    let text = r#"t trigger
        a action @{"timeout_ms": 60, "total_timeout_ms": 100, "retry": {"retries_max": 9, "backoff_ms": 5000}}
        t > a"#;
    let mut world = TestWorld {
        answer: Box::new(|_, _| Answer { after_ms: 1_000, reply: Reply::Silence }),
        ..TestWorld::default()
    };
    let outcome = run_in(text, Value::Null, &mut world);
    assert_eq!(trace(&outcome), "t+ ax a! =failed(It took longer than 1 seconds.)");
    let limits: Vec<_> = outcome
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::CallRequested { timeout_ms, .. } => *timeout_ms,
            _ => None,
        })
        .collect();
    assert_eq!(limits, [60, 40]);
    assert_eq!(outcome.state.working_ms, 100);
}

#[test]
fn a_claimed_task_works_and_an_offered_one_does_not() {
    let text = "t trigger\nk task {\"instructions\": \"do\"} @{\"total_timeout_ms\": 100}\nt > k\nsettings {\"timeout_ms\": 5000}";
    let mut run = Told::start(text, Value::Null);
    run.now_ms = 90_000;
    let effects = run.claim("k", "ada").unwrap();
    let limit = Effect::SetTimer { timer: TimerId("a2.timeout".into()), due_at: at(90_100) };
    assert!(effects.contains(&limit), "{effects:?}");
    run.now_ms = 90_100;
    run.fire("a2.timeout").unwrap();
    assert_eq!((run.state.working_ms, run.state.end.is_some()), (100, true));
}

fn told_of_people(hitl: Value) -> RunOptions {
    serde_json::from_value(json!({ "hitl": hitl })).unwrap()
}

#[test]
fn a_run_says_which_outputs_are_reviewed_and_from_which_confidence_on() {
    let text = r#"t trigger
        m llm {"system_prompt": "", "user_prompt": "Write"}
        n llm {"system_prompt": "", "user_prompt": "Write"} @{"approval": "after"}
        t > m > n"#;
    let options = told_of_people(json!({"requiredFor": ["m"], "timeoutMs": 5000}));
    let mut run = Told::start_with(text, Value::Null, options);
    let effects = run.succeed("m", json!("a"));
    let [Effect::Call { request: CallRequest::Score(score), .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(score.threshold, 0.85, "the default");
    let effects = run.succeed("m", scores(0.84));
    let opened = effects.iter().find_map(|effect| match effect {
        Effect::OpenApproval { request, .. } => request.expires_at,
        _ => None,
    });
    assert_eq!(opened, Some(at(5000)));
    let approval = run.activation("m").approval.unwrap();
    let decision = Decision::Approve { answer: Value::Null };
    run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
    run.succeed("n", json!("b"));
    run.succeed("n", scores(0.85));
    assert_eq!(run.trace(), "t+ m? m+ n+ =completed");
}

#[test]
fn nobody_decides_so_somebody_else_is_asked_and_a_decision_takes_the_timer_away() {
    let hitl = json!({"notifyChannels": ["dashboard", "slack", "slack"], "escalation": {"afterMs": 100, "to": "lead"}});
    let mut run = Told::start_with(SCORED, Value::Null, told_of_people(hitl));
    run.succeed("m", json!("a"));
    let effects = run.succeed("m", scores(0.1));
    let timer = TimerId("a2.escalate".into());
    let set = Effect::SetTimer { timer: timer.clone(), due_at: at(100) };
    assert!(effects.contains(&set), "{effects:?}");
    assert!(recover(&run.state).contains(&set), "and again after a restart");
    let approval = run.activation("m").approval.unwrap();
    run.now_ms = 100;
    let effects = run.fire("a2.escalate").unwrap();
    assert!(effects.contains(&Effect::EscalateApproval { approval, to: "lead".into() }));
    let told: Vec<(NotifyChannel, Option<String>, bool)> = run
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Notified { channel, to, reached, .. } => {
                Some((*channel, to.clone(), *reached))
            }
            _ => None,
        })
        .collect();
    let lead = || Some("lead".to_owned());
    let expected = [
        (NotifyChannel::Dashboard, None, true),
        (NotifyChannel::Slack, None, false),
        (NotifyChannel::Dashboard, lead(), true),
        (NotifyChannel::Slack, lead(), false),
    ];
    assert_eq!(told, expected);
    assert!(run.fire("a2.escalate").is_err(), "once");

    let hitl = json!({"escalation": {"afterMs": 100, "to": "lead"}});
    let mut run = Told::start_with(
        &format!("{SCORED}\n    a action\n    m > a"),
        Value::Null,
        told_of_people(hitl),
    );
    run.succeed("m", json!("a"));
    run.succeed("m", scores(0.1));
    let approval = run.activation("m").approval.unwrap();
    let decision = Decision::Approve { answer: Value::Null };
    let effects = run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
    assert!(effects.contains(&Effect::CancelTimer { timer }), "{effects:?}");
}

#[test]
fn a_dry_run_ends_in_one_decision_and_asks_nothing() {
    let text = r#"t trigger
        m llm {"system_prompt": "", "user_prompt": "Write"} @{"approval": "after", "review": {"threshold": 0.5}}
        w wait {"for": "duration", "duration_ms": 5000}
        k task {"instructions": "do"}
        a action @{"approval": "before"}
        s action @{"condition": "m.output == 'never'"}
        i action @{"condition": "input.x"}
        t > m > w > k > a > s
        a > i"#;
    let options = serde_json::from_value(json!({"options": {"dryRun": true}})).unwrap();
    let run = Told::start_with(text, json!({"x": false}), options);
    assert_eq!(run.effects, [Effect::Ended]);
    assert_eq!(run.trace(), "t+ m+ w… w+ k<the dry run k+ a? a+ s+ i- =completed");
    let asked = run.events.iter().filter(|event| event.body.kind() == "call_requested").count();
    assert_eq!(asked, 5, "what would be asked is shown");
}

#[test]
fn a_dry_run_that_takes_several_decisions_asks_nothing_in_between() {
    let text =
        "t trigger\neach loop {\"items\": \"{{input.list}}\"}\na action\nt > each.next > a > each";
    let options: RunOptions = serde_json::from_value(json!({"options": {"dryRun": true}})).unwrap();
    let list: Vec<u32> = (0..600).collect();
    let mut run = Told::start_with(text, json!({ "list": list }), options);
    let mut decisions = 1;
    while run.state.end.is_none() {
        assert_eq!(run.effects, [Effect::Continue], "decision {decisions}");
        run.tell(Command::Continue);
        decisions += 1;
    }
    assert!(decisions > 1, "the list is too short to show anything");
    assert_eq!(run.effects, [Effect::Ended]);
    let asked = run.events.iter().filter(|event| event.body.kind() == "call_requested").count();
    assert_eq!(asked, 600);
}

#[test]
fn a_step_that_is_done_again_has_all_of_its_time() {
    let policy = r#"{"total_timeout_ms": 100, "on_failure": "block"}"#;
    let text = format!("t trigger\nk task {{\"instructions\": \"do\"}} @{policy}\nt > k");
    let mut run = Told::start(&text, Value::Null);
    run.claim("k", "ada").unwrap();
    run.now_ms = 100;
    run.fire("a2.timeout").unwrap();
    assert_eq!(run.state.status().phase(), RunPhase::Blocked);
    run.tell(Command::Resume { by: "Ada".into() });
    run.now_ms = 150;
    let effects = run.claim("k", "bob").unwrap();
    let limit = Effect::SetTimer { timer: TimerId("a2.timeout".into()), due_at: at(250) };
    assert!(effects.contains(&limit), "{effects:?}");

    let policy = r#"{"total_timeout_ms": 100, "approval": "after"}"#;
    let text = format!("t trigger\nm llm {{\"user_prompt\": \"Write\"}} @{policy}\nt > m");
    let mut run = Told::start(&text, Value::Null);
    run.now_ms = 90;
    run.succeed("m", json!("Dear Ada"));
    let approval = run.activation("m").approval.unwrap();
    let decision = Decision::Reject { reason: "Shorter".into(), retry: true };
    let effects = run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
    let limit = effects.iter().find_map(|effect| match effect {
        Effect::Call { timeout_ms, .. } => *timeout_ms,
        _ => None,
    });
    assert_eq!(limit, Some(100));
}

/// The model of the step `m` answers, for so many tokens.
fn answer_of_model(run: &mut Told, output: Value, input_tokens: u64) {
    let (call, attempt) = run.call("m");
    let usage = Some(Usage { model: "model".into(), input_tokens, ..Usage::default() });
    run.tell(Command::CallSucceeded { call, attempt, output, usage });
}

#[test]
fn what_models_cost_counts_whatever_becomes_of_their_answers() {
    let text = "t trigger\nm llm {\"user_prompt\": \"Write\"} @{\"approval\": \"after\"}\nt > m";
    let mut run = Told::start(text, Value::Null);
    for round in 1..=4 {
        answer_of_model(&mut run, json!("a poem"), 10);
        assert_eq!(run.state.usage.input_tokens, 10 * round);
        let decision = match round {
            4 => Decision::Approve { answer: Value::Null },
            _ => Decision::Reject { reason: "Again".into(), retry: true },
        };
        let approval = run.activation("m").approval.unwrap();
        run.tell(Command::DecideApproval { approval, decision, by: "Bo".into() });
    }
    assert_eq!(run.trace(), "t+ m? m? m? m? m+ =completed");
    assert_eq!(run.state.usage.input_tokens, 40, "what is accepted is not counted twice");

    // An older journal does not tell of what was spent on the way: there only what was accepted counts.
    let mut old = RunState::new(RUN);
    for event in run.events.iter().filter(|event| event.body.kind() != "spent") {
        let mut written = serde_json::to_value(event).unwrap();
        written.as_object_mut().unwrap().remove("counted");
        apply(&mut old, &serde_json::from_value(written).unwrap());
    }
    assert_eq!(old.usage.input_tokens, 10);

    let mut run = Told::start(SCORED, Value::Null);
    answer_of_model(&mut run, json!("Dear Ada"), 10);
    answer_of_model(&mut run, scores(0.9), 3);
    assert_eq!(run.trace(), "t+ m+ e+ =completed");
    assert_eq!(run.state.usage.input_tokens, 13, "scoring costs as well");

    let policy = r#"{"retry": {"retries_max": 1, "backoff_ms": 0}}"#;
    let text = format!("t trigger\nm llm {{\"output_format\": \"json\"}} @{policy}\nt > m");
    let mut run = Told::start(&text, Value::Null);
    answer_of_model(&mut run, json!("Sure!"), 10);
    run.fire("a2.retry").unwrap();
    answer_of_model(&mut run, json!("{\"n\": 7}"), 10);
    assert_eq!(run.trace(), "t+ mx m+ =completed");
    assert_eq!(run.state.usage.input_tokens, 20, "an answer that is not JSON was paid for");
}

//! People: human nodes, approval before and after, the send gate.

use super::support::*;
use crate::run::*;
use serde_json::{Value, json};

fn deciding(decision: Decision) -> TestWorld {
    TestWorld { decide: Box::new(move |_, _| Some((0, decision.clone()))), ..TestWorld::default() }
}

fn reject(reason: &str) -> Decision {
    Decision::Reject { reason: reason.into(), retry: false }
}

fn approve(answer: Value) -> Decision {
    Decision::Approve { answer }
}

const HUMAN: &str = "t trigger\nh human {\"prompt\": \"Send to {{input.who}}?\"}\na action\nb action\n\
                     t > h.approved > a\nh.rejected > b";

#[test]
fn a_person_approves_or_rejects() {
    let input = json!({"who": "Ada"});
    let mut world = deciding(approve(Value::Null));
    let outcome = check_in(HUMAN, input.clone(), &mut world, "t+ h? h+approved b- a+ =completed");
    let asked = outcome.events.iter().find_map(|event| match &event.body {
        EventBody::ApprovalRequested { request, .. } => request.clone(),
        _ => None,
    });
    assert_eq!(asked.unwrap().prompt, "Send to Ada?");
    check_in(HUMAN, input, &mut deciding(reject("no")), "t+ h? h+rejected a- b+ =completed");
}

#[test]
fn a_rejection_without_a_port_skips_and_with_a_policy_fails() {
    let text = "t trigger\nh human\na action\nt > h.approved > a";
    check_in(text, json!({}), &mut deciding(reject("no")), "t+ h? h- a- =completed");
    let text = "t trigger\nh human @{\"on_failure\": \"fail\"}\na action\nt > h.approved > a";
    let expected = "t+ h? h! =failed(Rejected by the simulation: no)";
    check_in(text, json!({}), &mut deciding(reject("no")), expected);
}

#[test]
fn an_answer_is_the_output_and_a_review_may_change_what_flows_on() {
    let answer = approve(json!({"size": 4}));
    let text = "t trigger\nh human {\"mode\": \"answer\"}\nt > h";
    let outcome = check_in(text, json!({}), &mut deciding(answer.clone()), "t+ h? h+ =completed");
    assert_eq!(output(&outcome), json!({"size": 4}));
    let text = "t trigger\nh human {\"mode\": \"review\", \"details\": {\"text\": \"{{input.x}}\"}}\nt > h";
    let unchanged = run_in(text, json!({"x": "hi"}), &mut deciding(approve(Value::Null)));
    assert_eq!(output(&unchanged), json!({"text": "hi"}));
    let changed = run_in(text, json!({"x": "hi"}), &mut deciding(answer));
    assert_eq!(output(&changed), json!({"size": 4}));
}

#[test]
fn an_approval_expires_and_its_timer_goes_with_a_decision() {
    let text = "t trigger\nh human {\"expires_after_ms\": 1000}\na action\ne action\n\
                t > h.approved > a\nh.error > e";
    let mut nobody = TestWorld { decide: Box::new(|_, _| None), ..TestWorld::default() };
    let outcome = check_in(text, json!({}), &mut nobody, "t+ h? h!error a- e+ =completed");
    assert_eq!(outcome.now, at(1000));
    let mut late = TestWorld {
        decide: Box::new(|_, _| Some((2000, Decision::Approve { answer: Value::Null }))),
        ..TestWorld::default()
    };
    check_in(text, json!({}), &mut late, "t+ h? h!error a- e+ =completed");
    let mut quick = deciding(approve(Value::Null));
    let outcome = check_in(text, json!({}), &mut quick, "t+ h? h+approved e- a+ =completed");
    assert_eq!(outcome.now, at(0));
}

#[test]
fn approval_after_lets_the_output_wait_and_be_changed() {
    let text = "t trigger\na action @{\"approval\": \"after\"}\nb set {\"got\": \"{{steps.a.output}}\"}\nt > a > b";
    let outcome =
        check_in(text, json!({}), &mut deciding(approve(Value::Null)), "t+ a? a+ b+ =completed");
    assert_eq!(outcome.state.variables["got"], json!({"from": "a", "n": 0}));
    let outcome = run_in(text, json!({}), &mut deciding(approve(json!("better"))));
    assert_eq!(outcome.state.variables["got"], json!("better"));
    check_in(text, json!({}), &mut deciding(reject("bad")), "t+ a? a- b- =completed");
}

#[test]
fn a_rejected_output_is_made_again_with_the_feedback() {
    let text = "t trigger\nm llm {\"user_prompt\": \"Write\"} @{\"approval\": \"after\"}\nt > m";
    let mut world = TestWorld {
        answer: Box::new(|_, request| {
            let CallRequest::Model(model) = request else { panic!() };
            Answer::output(json!(format!("draft {:?}", model.feedback)))
        }),
        decide: Box::new(|asking, _| {
            Some((
                0,
                match asking.occurrence {
                    1 => Decision::Reject { reason: "shorter".into(), retry: true },
                    _ => Decision::Approve { answer: Value::Null },
                },
            ))
        }),
        facts: vec![],
    };
    let outcome = check_in(text, json!({}), &mut world, "t+ m? m? m+ =completed");
    assert_eq!(output(&outcome), json!("draft [\"shorter\"]"));
    let calls: std::collections::BTreeSet<_> = outcome
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::CallRequested { call, attempt, .. } => Some((*call, *attempt)),
            _ => None,
        })
        .collect();
    assert_eq!(calls.len(), 2, "another try that a person asked for is a new call");
    assert!(calls.iter().all(|(_, attempt)| *attempt == 1));
}

#[test]
fn approval_before_prepares_the_call_and_makes_exactly_that() {
    let text = "t trigger\na action {\"parameters\": {\"to\": \"{{input.to}}\"}} @{\"approval\": \"before\"}\nt > a";
    let asked_with = |decision: Decision| {
        let outcome = run_in(text, json!({"to": "ada"}), &mut deciding(decision));
        outcome.events.into_iter().find_map(|event| match event.body {
            EventBody::CallRequested { request: CallRequest::Tool { parameters, .. }, .. } => {
                Some(parameters)
            }
            _ => None,
        })
    };
    assert_eq!(asked_with(approve(Value::Null)), Some(json!({"to": "ada"})));
    assert_eq!(asked_with(approve(json!({"to": "bob"}))), Some(json!({"to": "bob"})));
    assert_eq!(asked_with(reject("no")), None);
}

#[test]
fn the_send_gate_parks_a_call_and_a_rejection_withdraws_it() {
    let parking = |decision: Option<Decision>| TestWorld {
        answer: Box::new(|_, _| {
            let request = ApprovalRequest {
                kind: ApprovalKind::Message,
                title: "Mail to Ada".into(),
                prompt: String::new(),
                subject: Value::Null,
                form: Value::Null,
                expires_at: None,
                confidence: None,
            };
            Answer::now(Reply::Park { request: Box::new(request), output: json!("sent") })
        }),
        decide: Box::new(move |_, _| decision.clone().map(|decision| (5, decision))),
        facts: vec![],
    };
    let text = "t trigger\na action\nt > a";
    let outcome =
        check_in(text, json!({}), &mut parking(Some(approve(Value::Null))), "t+ a? a+ =completed");
    assert_eq!(output(&outcome), json!("sent"));
    let outcome =
        check_in(text, json!({}), &mut parking(Some(reject("no"))), "t+ a? a- =completed");
    let cancelled = outcome
        .events
        .iter()
        .flat_map(effects)
        .any(|effect| matches!(effect, Effect::CancelCall { .. }));
    assert!(cancelled);
    let outcome = check_in(text, json!({}), &mut parking(None), "t+ a?");
    assert_eq!(outcome.state.status(), RunStatus::AwaitingInput);
    assert_eq!(recover(&outcome.state), [Effect::Continue], "the gate keeps what it holds");
}

#[test]
fn a_person_changes_what_a_prepared_call_is_given_or_hears_that_it_takes_no_change() {
    let asked = |kind: &str| {
        let text = format!("t trigger\na {kind} @{{\"approval\": \"before\"}}\nt > a");
        Told::start(&text, Value::Null)
    };
    let decide = |run: &mut Told, answer: Value| {
        let approval = run.activation("a").approval.unwrap();
        let (decision, by) = (approve(answer), "Bo".to_owned());
        run.try_tell(Command::DecideApproval { approval, decision, by })
    };
    for kind in [
        r#"task {"instructions": "do", "input": {"a": 1, "b": 2}}"#,
        r#"subworkflow {"workflow": "w", "input": {"a": 1, "b": 2}}"#,
    ] {
        let mut run = asked(kind);
        decide(&mut run, json!({"a": 3})).unwrap();
        let input = match run.activation("a").request {
            Some(CallRequest::Task(task)) => task.input,
            Some(CallRequest::Run(run)) => run.input,
            other => panic!("{other:?}"),
        };
        assert_eq!(input, json!({"a": 3, "b": 2}), "{kind}");
        run.trace();
    }

    let mut run = asked(r#"llm {"user_prompt": "Write"}"#);
    let before = run.state.clone();
    let refused = decide(&mut run, json!({"user_prompt": "Write more"})).unwrap_err();
    assert!(matches!(&refused, Refusal::Unchangeable { .. }), "{refused:?}");
    assert_eq!(run.state, before, "the approval is still open");
    decide(&mut run, Value::Null).unwrap();
    assert!(matches!(run.activation("a").request, Some(CallRequest::Model(_))));

    let refused = decide(&mut asked("action"), json!("yes")).unwrap_err();
    assert!(matches!(&refused, Refusal::Unchangeable { .. }), "{refused:?}");
}

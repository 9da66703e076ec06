//! Waiting: durations, times, outside events with look-back, limits.

use super::support::*;
use crate::run::*;
use serde_json::json;

fn facts(facts: &[(u64, &str, serde_json::Value)]) -> TestWorld {
    let fact = |(after_ms, name, payload): &(u64, &str, serde_json::Value)| OutsideFact {
        after_ms: *after_ms,
        name: (*name).to_owned(),
        payload: payload.clone(),
    };
    TestWorld { facts: facts.iter().map(fact).collect(), ..TestWorld::default() }
}

#[test]
fn durations_and_times_pass() {
    let outcome = check(
        "t trigger\nw wait {\"for\": \"duration\", \"duration_ms\": 86400000}\nt > w",
        "t+ w… w+ =completed",
    );
    assert_eq!(outcome.now, at(86_400_000));
    let text = "t trigger\nw wait {\"for\": \"time\", \"at\": \"{{input.at}}\"}\nt > w";
    let outcome = check_in(
        text,
        json!({"at": at(500).to_rfc3339()}),
        &mut TestWorld::default(),
        "t+ w… w+ =completed",
    );
    assert_eq!(outcome.now, at(500));
    check_in(text, json!({"at": "2001-01-01"}), &mut TestWorld::default(), "t+ w+ =completed");
    let outcome = run_in(text, json!({"at": "whenever"}), &mut TestWorld::default());
    assert_eq!(outcome.state.status().phase(), RunPhase::Failed);
}

const REPLY: &str = r#"t trigger
    w wait {"for": "event", "event": "reply", "condition": "event.good", "limit_ms": 1000}
    a action
    b action
    t > w > a
    w.timeout > b"#;

#[test]
fn an_event_ends_a_wait_and_is_its_output() {
    let mut world = facts(&[
        (10, "reply", json!({"good": false})),
        (20, "other", json!({"good": true})),
        (30, "reply", json!({"good": true, "text": "yes"})),
    ]);
    let outcome = check_in(REPLY, json!({}), &mut world, "t+ w… w+ b- a+ =completed");
    assert_eq!(outcome.now, at(30));
    let w = outcome.state.activations.values().find(|a| a.node.as_str() == "w").unwrap();
    assert_eq!(w.output["text"], json!("yes"));
}

#[test]
fn the_limit_takes_the_timeout_port() {
    let outcome = check_in(REPLY, json!({}), &mut facts(&[]), "t+ w… w+timeout a- b+ =completed");
    assert_eq!(outcome.now, at(1000));
}

#[test]
fn an_event_that_came_before_the_wait_is_found_and_ends_only_one_of_two_in_a_row() {
    let text = r#"t trigger
        pause wait {"for": "duration", "duration_ms": 100}
        w wait {"for": "event", "event": "reply"}
        v wait {"for": "event", "event": "reply"}
        t > pause > w > v"#;
    let outcome = check_in(
        text,
        json!({}),
        &mut facts(&[(10, "reply", json!(1))]),
        "t+ pause… pause+ w… w+ v…",
    );
    assert_eq!(outcome.state.status(), RunStatus::StandBy { next_execution_at: None });
    let mut two = facts(&[(10, "reply", json!(1)), (20, "reply", json!(2))]);
    check_in(text, json!({}), &mut two, "t+ pause… pause+ w… w+ v… v+ =completed");
}

#[test]
fn one_event_ends_parallel_waits() {
    let text = r#"t trigger
        w wait {"for": "event", "event": "reply"}
        v wait {"for": "event", "event": "reply"}
        t > w
        t > v"#;
    check_in(text, json!({}), &mut facts(&[(10, "reply", json!(1))]), "t+ w… v… w+ v+ =completed");
}

#[test]
fn the_status_names_the_next_time() {
    let graph = compile("t trigger\nw wait {\"for\": \"duration\", \"duration_ms\": 5}\nt > w");
    let mut state = RunState::new(RUN);
    let command = Command::Start {
        input: json!({}),
        contacts: vec![],
        thread_id: None,
        started_by: String::new(),
        options: Default::default(),
    };
    let advance = advance(&graph, &context(), &mut state, &command, at(0)).unwrap();
    assert_eq!(state.status(), RunStatus::StandBy { next_execution_at: Some(at(5)) });
    let timer = TimerId("a2.wait".into());
    assert_eq!(advance.effects, [Effect::SetTimer { timer: timer.clone(), due_at: at(5) }]);
    assert_eq!(recover(&state), [Effect::SetTimer { timer, due_at: at(5) }, Effect::Continue]);
}

#[test]
fn the_first_of_several_takes_its_port_and_the_others_are_forgotten() {
    let text = r#"t trigger
        w wait {"for": "first", "of": [{"port": "yes", "for": "event", "event": "reply", "condition": "event.good"}, {"port": "no", "for": "event", "event": "reply"}, {"port": "left", "for": "event", "event": "left"}, {"port": "soon", "for": "duration", "duration_ms": 500}, {"port": "then", "for": "time", "at": "{{input.at}}"}]}
        v wait {"for": "event", "event": "left", "limit_ms": 1000}
        t > w.yes > v
        w.no,w.left,w.soon,w.then > v"#;
    let edges = text
        .replace("w.no,w.left,w.soon,w.then > v", "w.no > v\nw.left > v\nw.soon > v\nw.then > v");
    let later = json!({"at": at(900).to_rfc3339()});
    let sooner = json!({"at": at(90).to_rfc3339()});
    type Facts<'a> = &'a [(u64, &'a str, serde_json::Value)];
    let cases: [(Facts, &serde_json::Value, &str, i64); 6] = [
        (&[(10, "reply", json!({"good": true}))], &later, "yes", 1010),
        (&[(10, "reply", json!({"good": false}))], &later, "no", 1010),
        (&[(10, "left", json!({})), (20, "left", json!({}))], &later, "left", 20),
        (&[(10, "other", json!({}))], &later, "soon", 1500),
        (&[(510, "reply", json!({"good": true}))], &sooner, "then", 1090),
        // The event that ended this wait ends no later one.
        (&[(0, "left", json!({}))], &later, "left", 1000),
    ];
    for (happened, input, port, until) in cases {
        let outcome = run_in(&edges, input.clone(), &mut facts(happened));
        let trace = trace(&outcome);
        assert!(trace.starts_with(&format!("t+ w… w+{port} ")), "{trace}");
        assert_eq!(outcome.now, at(until), "{port}: {trace}");
    }
    let past = json!({"at": "2001-01-01"});
    let outcome = run_in(&edges, past, &mut facts(&[]));
    assert!(trace(&outcome).starts_with("t+ w+then "), "a time that has come does not wait");
}

#[test]
fn a_blocked_wait_hears_of_no_time_and_no_event() {
    let text = r#"t trigger
        w wait {"for": "event", "event": "reply", "limit_ms": 3000, "condition": "events.hasReply(event.of)"} @{"on_failure": "block"}
        z action
        t > w
        w.timeout > z"#;
    let mut run = Told::start(text, json!({}));
    let reply = |of: &str| Command::OutsideEvent {
        name: "reply".into(),
        payload: if of.is_empty() { json!({}) } else { json!({ "of": of }) },
        id: None,
    };
    let timer = TimerId("a2.wait".into());
    assert_eq!(run.tell(reply("")), [Effect::CancelTimer { timer }]);
    assert_eq!(recover(&run.state), [Effect::Continue]);
    run.now_ms = 3_000;
    assert!(matches!(run.fire("a2.wait"), Err(Refusal::Unknown { .. })));
    run.tell(reply("w"));
    assert_eq!(run.trace(), "t+ w… blocked");
    run.tell(Command::Resume { by: "Ada".into() });
    run.fire("a2.wait").unwrap();
    assert_eq!(run.trace(), "t+ w… blocked unblocked w… w+timeout");
}

#[test]
fn a_retry_that_waits_is_not_made_once_its_step_is_blocked() {
    let text = "t trigger\na action @{\"retry\": {\"retries_max\": 1}}\nt > a";
    let mut run = Told::start(text, json!({}));
    run.fail("a", ErrorKind::Timeout);
    let (reason, activation) = ("look".to_owned(), Some(ActivationId(2)));
    let effects = run.tell(Command::Block { reason, activation });
    assert_eq!(effects, [Effect::CancelTimer { timer: TimerId("a2.retry".into()) }]);
    run.now_ms = 60_000;
    assert!(matches!(run.fire("a2.retry"), Err(Refusal::Unknown { .. })));
}

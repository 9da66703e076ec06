//! Doing again: retry from what failed, forks, other versions.

use super::support::*;
use crate::id::{MessageId, RunId};
use crate::run::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const OTHER: RunId = RunId(Uuid::from_u128(33));

#[test]
fn a_failed_run_goes_on_where_it_failed_and_does_nothing_else_again() {
    let text = r#"t trigger
        a action
        b action @{"retry": {"retries_max": 1}}
        w wait {"for": "event", "event": "reply"}
        j action
        t > a > b > j
        a > w > j"#;
    let mut run = Told::start(text, Value::Null);
    run.succeed("a", json!(1));
    let first = run.call("b").0;
    run.fail("b", ErrorKind::InvalidInput);
    assert_eq!(run.trace(), "t+ a+ w… b! =failed(it broke)");
    let done = Command::Reopen { by: "Ada".into(), from: Some("a".into()) };
    assert_eq!(run.try_tell(done).unwrap_err(), Refusal::NotBegunAnew { node: "a".into() });
    let effects = run.tell(Command::Reopen { by: "Ada".into(), from: None });
    let awaits = effects.iter().any(|effect| matches!(effect, Effect::AwaitEvent { .. }));
    assert!(awaits, "a wait that was cut off goes on: {effects:?}");
    assert_ne!(run.call("b").0, first, "another try is another call");
    run.succeed("b", json!(2));
    let event = Command::OutsideEvent { name: "reply".into(), payload: json!({}), id: None };
    run.tell(event);
    run.succeed("j", json!(3));
    assert_eq!(run.trace(), "t+ a+ w… b! =failed(it broke) reopened b+ w+ j+ =completed");
    assert_eq!(
        run.try_tell(Command::Reopen { by: "Ada".into(), from: None }).unwrap_err(),
        Refusal::NotFailed
    );
}

#[test]
fn a_turn_of_a_loop_that_failed_goes_on_in_its_turn() {
    let text = r#"t trigger
        l loop {"items": "[1, 2, 3]"}
        a action
        t > l.next > a > l"#;
    let mut run = Told::start(text, Value::Null);
    run.succeed("a", json!("one"));
    run.fail("a", ErrorKind::InvalidInput);
    run.tell(Command::Reopen { by: "Ada".into(), from: None });
    run.succeed("a", json!("two"));
    run.succeed("a", json!("three"));
    assert_eq!(
        run.trace(),
        "t+ [l0 a+ ] [l1 a! =failed(it broke) reopened a+ ] [l2 a+ ] ]]l l+done =completed"
    );
    let Some(RunEnd::Completed { output, .. }) = &run.state.end else { panic!() };
    assert_eq!(output["results"], json!(["one", "two", "three"]));
}

#[test]
fn what_was_sent_before_a_retry_needs_a_person_when_it_is_sent_again() {
    let mut run = Told::start("t trigger\na action\nt > a", Value::Null);
    let message = run.message("a", 7, "uncertain");
    run.tell(Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None });
    let effects = run.tell(Command::Reopen { by: "Ada".into(), from: None });
    let [.., Effect::Call { route, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(route.repeats, Some(message));

    let mut run = Told::start("t trigger\na action\nt > a", Value::Null);
    run.message("a", 7, "held");
    run.tell(Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None });
    let effects = run.tell(Command::Reopen { by: "Ada".into(), from: None });
    let [.., Effect::Call { route, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(route.repeats, None, "it was recalled before it left");
}

const MAILS: &str = r#"t trigger
    a action {"parameters": {"to": "{{input.to}}"}}
    w wait {"for": "duration", "duration_ms": 1000}
    b action {"parameters": {"to": "{{input.to}}"}}
    t > a > w > b"#;

/// A run that sent two messages, message 7 from `a` and message 8 from `b`.
fn mails() -> Told {
    let mut run = Told::start(MAILS, json!({"to": "ada"}));
    run.message("a", 7, "sending");
    run.succeed("a", json!(1));
    run.fire("a3.wait").unwrap();
    run.message("b", 8, "sending");
    run.succeed("b", json!(2));
    run
}

fn forked(run: &Told, up_to: u64, edits: &ForkEdits) -> Result<ForkedRun, ForkRefusal> {
    let graphs = (&run.graph, &run.graph);
    let past = ForkPast { run: RUN, events: &run.events, up_to, versions: (1, 1) };
    fork(graphs, &context(), past, OTHER, edits, "Ada", at(5_000))
}

#[test]
fn a_fork_goes_on_from_any_event_and_names_what_it_would_send_again() {
    let run = mails();
    let edits = ForkEdits { input: Some(json!({"to": "bo"})), variables: Map::new() };
    for up_to in 1..run.events.len() as u64 {
        let fork = forked(&run, up_to, &edits).unwrap();
        let mut state = RunState::new(OTHER);
        fork.journal.iter().for_each(|event| apply(&mut state, event));
        assert_eq!(state, fork.state, "replaying the fork gives its state");
        assert_eq!(state.input, json!({"to": "bo"}));
        for effect in &fork.advance.effects {
            let Effect::Call { activation, request, route, call, .. } = effect else { continue };
            let node = state.activations[activation].node.as_str();
            let repeated = MessageId(Uuid::from_u128(if node == "a" { 7 } else { 8 }));
            assert_eq!(route.repeats, Some(repeated), "{node} from {up_to}");
            assert_eq!(serde_json::to_value(request).unwrap()["parameters"]["to"], "bo");
            assert!(run.events.iter().all(|event| {
                !matches!(&event.body, EventBody::CallRequested { call: old, .. } if old == call)
            }));
        }
        assert!(
            !fork.advance.effects.is_empty(),
            "it has something to do or wait for from {up_to}"
        );
    }
    let last = run.events.len() as u64;
    assert_eq!(forked(&run, last, &edits).unwrap_err(), ForkRefusal::Ended(last));
    for none in [0, last + 1] {
        assert_eq!(
            forked(&run, none, &edits).unwrap_err(),
            ForkRefusal::NoEvent { up_to: none, last }
        );
    }
}

#[test]
fn what_was_over_before_a_fork_is_not_sent_again() {
    let run = mails();
    let waits =
        run.events.iter().find(|e| matches!(e.body, EventBody::WaitStarted { .. })).unwrap();
    let fork = forked(&run, waits.seq, &ForkEdits::default()).unwrap();
    let mut told = Told {
        graph: compile(MAILS),
        state: fork.state,
        events: fork.journal,
        effects: fork.advance.effects,
        now_ms: 9_000,
    };
    let timer = told.state.living().find_map(|(_, a)| a.timer.clone()).unwrap().0;
    let effects = told.fire(&timer.0).unwrap();
    let [Effect::Call { route, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(route.repeats, Some(MessageId(Uuid::from_u128(8))));
    told.succeed("b", json!(2));
    assert_eq!(told.trace(), "t+ a+ w… forked w… w+ b+ =completed");
}

#[test]
fn a_fork_keeps_what_is_hidden_and_hides_what_takes_its_place() {
    let text = r#"t trigger
        s set {"variables": [{"name": "pin", "value": "4711", "secure": true}, {"name": "open", "value": "x"}]}
        w wait {"for": "duration", "duration_ms": 1000}
        t > s > w"#;
    let run = Told::start(text, Value::Null);
    let with = |pin: &str| {
        let variables = json!({"pin": pin, "open": "y"}).as_object().cloned().unwrap();
        let edits = ForkEdits { input: None, variables };
        let fork = forked(&run, run.events.len() as u64, &edits).unwrap();
        let is_forked = |event: &&Event| matches!(event.body, EventBody::Forked { .. });
        let mut event = fork.advance.events.iter().find(is_forked).unwrap().clone();
        hide_in_event(&mut event);
        let shown = serde_json::to_value(&event).unwrap()["variables"].clone();
        (Value::Object(fork.state.variables), shown)
    };
    let (is, shown) = with("0815");
    assert_eq!(is, json!({"pin": "0815", "open": "y"}));
    assert_eq!(shown, json!({"pin": NOT_SHOWN, "open": "y"}));
    // Given back as it was shown it is not meant.
    let (is, shown) = with(NOT_SHOWN);
    assert_eq!((is, shown), (json!({"pin": "4711", "open": "y"}), json!({"open": "y"})));
}

/// Old version, new version, what is told before, and the steps that do not fit.
#[test]
fn a_run_moves_to_another_version_only_when_what_lives_keeps_kind_and_place() {
    let old = "t trigger\na action\nl loop {\"items\": \"[1]\"}\nb action\nt > a > l.next > b > l";
    let cases: [(&str, bool, &[&str]); 6] = [
        (old, true, &[]),
        (
            "t trigger\na action\nl loop {\"items\": \"[1]\"}\nb action\nc action\nt > a > l.next > b > c > l",
            true,
            &[],
        ),
        (
            "t trigger\na action\nl loop {\"items\": \"[1]\"}\nc action\nt > a > l.next > c > l",
            true,
            &["b"],
        ),
        (
            "t trigger\na action\nl loop {\"items\": \"[1]\"}\nb llm\nt > a > l.next > b > l",
            true,
            &["b"],
        ),
        ("t trigger\na action\nb action\nt > a > b", true, &["b", "l"]),
        ("t trigger\na action\nb action\nt > a > b", false, &[]),
    ];
    for (new, in_loop, expected) in cases {
        let mut run = Told::start(old, Value::Null);
        if in_loop {
            run.succeed("a", json!(1));
        }
        let new_graph = compile(new);
        let preview = migration_preview(&run.graph, &new_graph, &run.state);
        let names: Vec<&str> = preview.iter().map(|one| one.node.as_str()).collect();
        assert_eq!(names, expected, "{new}");
        let before = run.state.clone();
        let moved =
            migrate(&run.graph, &new_graph, &context(), &mut run.state, (1, 2), "Ada", at(9));
        match moved {
            Err(MigrationRefusal::Incompatible(found)) => {
                assert_eq!((found, &run.state), (preview, &before), "nothing changed");
            }
            moved => assert!(moved.is_ok() && expected.is_empty(), "{moved:?}"),
        }
    }
}

#[test]
fn a_step_under_way_keeps_what_it_waits_for() {
    let wait = |settings: &str| format!("t trigger\nw wait {settings}\nt > w");
    let human = |settings: &str| format!("t trigger\nh human {settings}\nt > h");
    let event = r#"{"for": "event", "event": "reply"}"#;
    let limited = r#"{"for": "event", "event": "reply", "limit_ms": 9000}"#;
    let short = r#"{"for": "duration", "duration_ms": 9000}"#;
    let cases = [
        (
            wait(event),
            wait(r#"{"for": "event", "event": "email.replied", "condition": "true"}"#),
            true,
        ),
        (wait(event), wait(r#"{"for": "event", "event": "order.placed"}"#), false),
        (wait(event), wait(short), false),
        (wait(event), wait(limited), false),
        (wait(limited), wait(short), false),
        (wait(short), wait(r#"{"for": "time", "at": "2030-01-01T00:00:00Z"}"#), true),
        (human(r#"{"mode": "approve"}"#), human(r#"{"mode": "approve", "prompt": "New"}"#), true),
        (
            human(r#"{"mode": "approve"}"#),
            human(r#"{"mode": "answer", "form": {"type": "object", "required": ["a"]}}"#),
            false,
        ),
        (
            "t trigger\na action\nt > a".into(),
            "t trigger\na action {\"tool\": \"other\"}\nt > a".into(),
            false,
        ),
    ];
    for (old, new, fits) in cases {
        let run = Told::start(&old, Value::Null);
        let preview = migration_preview(&run.graph, &compile(&new), &run.state);
        assert_eq!(preview.is_empty(), fits, "{old}\n{new}\n{preview:?}");
    }
}

#[test]
fn a_step_that_a_new_version_puts_behind_a_finished_one_runs() {
    let mut run = Told::start("t trigger\na action\nw action\nt > a > w", Value::Null);
    run.succeed("a", json!({"n": 1}));
    let new = compile(
        "t trigger\na action\nw action\nx action\ny action\nt > a > w > y\na > x > y\na.error > y",
    );
    let moved =
        migrate(&run.graph, &new, &context(), &mut run.state, (1, 2), "Ada", at(9)).unwrap();
    run.events.extend(moved.events);
    run.graph = new;
    run.succeed("w", json!(2));
    run.succeed("x", json!(3));
    run.succeed("y", json!(4));
    assert_eq!(run.trace(), "t+ a+ migrated w+ x+ y+ =completed");
}

/// Graphs in which a decision does several things at once, so that an event may stand in the middle of one.
const SHAPES: [&str; 9] = [
    // Variables that count on.
    r#"t trigger
        v set {"n": "{{n + 1}}"}
        w set {"n": "{{n * 2}}", "m": "{{n + 1}}"}
        e end {"output": ["{{n}}", "{{m}}"]}
        t > v > w > e
        settings {"variables": {"n": 3}}"#,
    // A loop with two turns at once, and what follows it.
    r#"t trigger
        l loop {"items": "{{input.items}}", "concurrency": 2}
        a action
        s set {"n": "{{n + loop.item}}"}
        h human
        e end {"output": ["{{n}}", "{{steps.l.output.count}}"]}
        t > l.next > a > s > l
        l.done > h
        h.approved > e ? steps.h.output.approved
        settings {"variables": {"n": 0}}"#,
    // A loop until a number is reached.
    r#"t trigger
        k set {"n": "{{n + 1}}"}
        a action
        c condition n<3
        e end {"output": "{{n}}"}
        t > k > a > c.true > k
        c.false > e
        settings {"variables": {"n": 0}}"#,
    // A loop in a loop; the inner one is left early.
    r#"t trigger
        outer loop input.items
        inner loop input.items
        c condition loop.item==2
        s set {"n": "{{n + loop.item * 10 + loop.parent.item}}"}
        e end {"output": "{{n}}"}
        t > outer.next > inner.next > c.false > s > inner
        c.true > outer
        inner.done > outer
        outer.done > e
        settings {"variables": {"n": 0}}"#,
    // A loop without items, and one that is left for good.
    r#"t trigger
        none loop input.nothing
        x action
        l loop input.items
        c condition loop.item==2
        v set {"n": "{{n + 1}}"}
        e end {"output": "{{n}}"}
        t > none.next > x > none
        none.done > l.next > v > c.false > l
        c.true > e
        settings {"variables": {"n": 0}}"#,
    // An end that leaves nothing else to be done.
    r#"t trigger
        a action
        b action
        x end {"outcome": "first", "output": 1, "terminate": true}
        w wait {"for": "event", "event": "reply"}
        t > a > x
        t > b > w"#,
    // An exit that a variable opens.
    r#"t trigger
        k set {"n": "{{n + 1}}"}
        c condition n<9
        t > k > c.true > k
        settings {"variables": {"n": 0}, "exits": [{"when": "n>2", "outcome": "enough"}]}"#,
    // People, workers and time.
    r#"t trigger
        a action @{"approval": "before"}
        b action @{"approval": "after"}
        k task {"instructions": "do", "claim_within_ms": 50}
        w wait {"for": "duration", "duration_ms": 50}
        v set {"n": 1}
        e end {"output": "{{n}}"}
        t > a > b > k > w > v > e"#,
    // Parallel branches that join, one of them skipped.
    r#"t trigger
        a action
        b action @{"condition": "false"}
        c branch {"cases": [{"port": "big", "when": "input.items.length>2"}]}
        j set {"n": "{{n + 1}}"}
        e end {"output": "{{n}}"}
        t > a > j > e
        t > b > j
        t > c.big > j
        c.default > e
        settings {"variables": {"n": 0}}"#,
];

#[test]
fn a_fork_at_any_event_ends_as_the_other_run_did() {
    for text in SHAPES {
        let mut world = TestWorld {
            answer: Box::new(|asking, _| Answer::output(json!({"from": asking.node.id}))),
            ..TestWorld::default()
        };
        let other = run_in(text, json!({"items": [1, 2, 3]}), &mut world);
        assert_eq!(other.stop, Stop::Ended, "{text}\n{}", trace(&other));
        let graph = compile(text);
        for up_to in 1..other.events.len() as u64 {
            let past = ForkPast { run: RUN, events: &other.events, up_to, versions: (1, 1) };
            let edits = ForkEdits::default();
            let made = fork((&graph, &graph), &context(), past, OTHER, &edits, "Ada", at(5_000));
            let ForkedRun { state, advance, .. } = made.unwrap();
            let state = to_the_end(&graph, state, advance.effects);
            let event = &other.events[up_to as usize - 1].body;
            assert_eq!(state.end, other.state.end, "after {event:?} of\n{text}");
            assert_eq!(state.variables, other.state.variables, "after {event:?} of\n{text}");
        }
    }
}

#[test]
fn a_loop_that_failed_as_it_ended_only_ends_again() {
    let text = r#"t trigger
        l loop input.items
        a action
        z action
        t > l.next > a > l
        l.done > z ? events.hasReply(input.of)"#;
    let mut run = Told::start(text, json!({"items": [1, 2]}));
    run.succeed("a", json!("one"));
    run.succeed("a", json!("two"));
    assert_eq!(run.state.status().phase(), RunPhase::Failed);
    run.tell(Command::Reopen { by: "Ada".into(), from: Some("l".into()) });
    let told = |kind: &str| run.events.iter().filter(|event| event.body.kind() == kind).count();
    let counts = ["loop_started", "call_requested", "node_failed", "run_ended"].map(told);
    assert_eq!(counts, [1, 2, 2, 2], "it fails again, and no turn is taken again");
    run.trace();

    // With an input that its condition can read it ends.
    let edits = ForkEdits { input: Some(json!({"of": "a"})), variables: Map::new() };
    let failed = run.events.iter().rposition(|event| event.body.kind() == "node_failed").unwrap();
    let made = forked(&run, run.events[failed].seq, &edits).unwrap();
    let Some(RunEnd::Completed { output, .. }) = &made.state.end else { panic!("{made:?}") };
    assert_eq!(*output, json!({"count": 2, "results": ["one", "two"]}));
}

#[test]
fn a_wait_goes_on_over_a_retry_and_keeps_its_time() {
    let text = r#"t trigger
        a action
        w wait {"for": "duration", "duration_ms": 60000}
        z action
        t > a
        t > w > z"#;
    let mut run = Told::start(text, Value::Null);
    run.now_ms = 50_000;
    run.fail("a", ErrorKind::InvalidInput);
    run.now_ms = 55_000;
    let effects = run.tell(Command::Reopen { by: "Ada".into(), from: None });
    let set = Effect::SetTimer { timer: TimerId("a3.wait".into()), due_at: at(60_000) };
    assert!(effects.contains(&set), "{effects:?}");
    run.now_ms = 60_000;
    run.fire("a3.wait").unwrap();
    run.succeed("a", json!(1));
    run.succeed("z", json!(2));
    assert_eq!(run.trace(), "t+ w… a! =failed(it broke) reopened w+ a+ z+ =completed");
}

#[test]
fn a_run_that_was_stopped_while_it_was_paused_goes_on() {
    let mut run = Told::start("t trigger\na action\nt > a", Value::Null);
    run.tell(Command::Pause { by: "Ada".into() });
    run.tell(Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None });
    let effects = run.tell(Command::Reopen { by: "Ada".into(), from: None });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Call { .. })), "{effects:?}");
    assert_eq!(run.state.status(), RunStatus::Executing);
    run.trace();
    // An older journal does not say that it goes on: there a person lifts the pause.
    let mut old = RunState::new(RUN);
    let reopened = |event: &&Event| matches!(event.body, EventBody::RunReopened { .. });
    let last = run.events.iter().find(reopened).unwrap().seq;
    for event in run.events.iter().take_while(|event| event.seq <= last) {
        let mut written = serde_json::to_value(event).unwrap();
        written.as_object_mut().unwrap().remove("resumed");
        apply(&mut old, &serde_json::from_value(written).unwrap());
    }
    assert_eq!(old.status(), RunStatus::Paused);
}

#[test]
fn a_fork_with_another_input_has_the_variables_and_the_place_of_that_input() {
    let text = r#"t trigger
        v set {"n": "{{n + 1}}"}
        h human
        t > v > h
        settings {"variables": {"greeting": "Dear {{input.name}}", "n": "{{input.n}}"}, "concurrency": {"key": "c-{{input.name}}", "limit": 1}}"#;
    let mut run = Told::start(text, json!({"name": "Ada", "n": 5}));
    run.tell(Command::GrantSlot);
    let last = run.events.len() as u64;
    let input = Some(json!({"name": "Bo", "n": 9}));
    let other = ForkEdits { input: input.clone(), variables: Map::new() };
    let hey = Map::from_iter([("greeting".to_owned(), json!("Hey"))]);
    let both = ForkEdits { input, variables: hey };
    // Where it is forked, what is different, the key that it waits for, and its variables then.
    let cases = [
        (last, ForkEdits::default(), "c-Ada", json!({"greeting": "Dear Ada", "n": 6})),
        (last, other.clone(), "c-Bo", json!({"greeting": "Dear Bo", "n": 6})),
        (1, other, "c-Bo", json!({"greeting": "Dear Bo", "n": 9})),
        (last, both, "c-Bo", json!({"greeting": "Hey", "n": 6})),
    ];
    for (up_to, edits, key, variables) in cases {
        let made = forked(&run, up_to, &edits).unwrap();
        assert_eq!(json!(made.state.variables), variables, "{edits:?} at {up_to}");
        let slot = Effect::AwaitSlot { key: key.into(), limit: 1 };
        assert!(made.advance.effects.contains(&slot), "{:?}", made.advance.effects);
        let mut state = RunState::new(OTHER);
        made.journal.iter().for_each(|event| apply(&mut state, event));
        assert_eq!(state, made.state, "replaying the fork gives its state");
    }
}

#[test]
fn a_run_that_could_not_begin_is_not_retried_and_begins_in_a_fork_with_another_input() {
    let text = r#"t trigger
        e end {"output": "{{v}}"}
        t > e
        settings {"variables": {"v": "{{events.hasReply(input.of)}}"}, "concurrency": {"key": "one", "limit": 1}}"#;
    let mut run = Told::start(text, json!({}));
    assert_eq!(run.state.status().phase(), RunPhase::Failed);
    let again = Command::Reopen { by: "Ada".into(), from: None };
    assert_eq!(run.try_tell(again).unwrap_err(), Refusal::NeverBegan);
    let refused = forked(&run, 1, &ForkEdits::default()).unwrap_err();
    assert!(matches!(refused, ForkRefusal::Input(_)), "{refused:?}");
    let edits = ForkEdits { input: Some(json!({"of": "e"})), variables: Map::new() };
    let made = forked(&run, 1, &edits).unwrap();
    let slot = Effect::AwaitSlot { key: "one".into(), limit: 1 };
    assert!(made.advance.effects.contains(&slot), "{:?}", made.advance.effects);
    assert_eq!(json!(made.state.variables), json!({"v": false}));
}

#[test]
fn the_version_at_an_event_is_told_by_the_moves() {
    let plain = || EventBody::SlotGranted {};
    let moved = |from, to| EventBody::Migrated { from, to, by: String::new(), edges: vec![] };
    let forked = |versions| EventBody::Forked {
        from: OTHER,
        up_to: 1,
        by: String::new(),
        input: None,
        variables: Map::new(),
        secure: vec![],
        anew: None,
        versions,
        again: vec![],
        edges: vec![],
        sent: Default::default(),
    };
    // The journal, the version that the run is in now, and the version at each event.
    let cases = [
        (vec![plain(), moved(1, 2), plain(), moved(2, 4), plain()], 4, vec![1, 2, 2, 4, 4]),
        (vec![plain(), forked(Some((3, 5))), plain(), moved(5, 6)], 6, vec![3, 5, 5, 6]),
        // An older fork does not say.
        (vec![moved(1, 2), plain(), forked(None), plain()], 7, vec![2, 2, 7, 7]),
        (vec![plain()], 3, vec![3]),
    ];
    for (bodies, now, expected) in cases {
        let numbered = bodies.into_iter().zip(1..);
        let events: Vec<Event> =
            numbered.map(|(body, seq)| Event { seq, at: at(0), body }).collect();
        let versions: Vec<u32> =
            events.iter().map(|event| version_at(&events, event.seq, now)).collect();
        assert_eq!(versions, expected, "{events:?}");
    }
}

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
    assert!(awaits, "a wait that was cut off waits anew: {effects:?}");
    assert_ne!(run.call("b").0, first, "another try is another call");
    run.succeed("b", json!(2));
    let event = Command::OutsideEvent { name: "reply".into(), payload: json!({}), id: None };
    run.tell(event);
    run.succeed("j", json!(3));
    assert_eq!(run.trace(), "t+ a+ w… b! =failed(it broke) reopened w… b+ w+ j+ =completed");
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
    fork(graphs, &context(), (RUN, &run.events), up_to, OTHER, edits, "Ada", at(5_000))
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

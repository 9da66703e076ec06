//! Runs of other workflows that take longer than their step may.

use super::support::*;
use crate::id::RunId;
use crate::run::*;
use serde_json::{Value, json};

const LATE: &str = "The run that it started took longer than 5 seconds, the time limit of the step";

fn step(policy: &str, edges: &str) -> Told {
    let text = format!(
        "t trigger\ns subworkflow {{\"workflow\": \"w\"}} @{{\"timeout_ms\": 5000, {policy}}}\nx action\n{edges}"
    );
    Told::start(&text, Value::Null)
}

fn retrying() -> Told {
    step(r#""retry": {"retries_max": 1, "backoff_ms": 0}"#, "t > s > x")
}

/// The run that the step asks for begins, a minute after it was asked for.
fn begins(run: &mut Told) -> Vec<Effect> {
    let (call, attempt) = run.call("s");
    let child = RunId(uuid::Uuid::from_u128(u128::from(attempt) + 40));
    run.tell(Command::ChildStarted { call, attempt, run: child })
}

fn begun(mut run: Told) -> Told {
    run.now_ms = 60_000;
    begins(&mut run);
    run.now_ms = 65_000;
    run
}

fn limit() -> TimerId {
    TimerId("a2.timeout".into())
}

fn stops(run: &Told) -> usize {
    run.effects.iter().filter(|effect| matches!(effect, Effect::CancelCall { .. })).count()
}

#[test]
fn the_limit_counts_from_when_the_run_began() {
    let mut run = retrying();
    assert!(run.fire("a2.timeout").is_err(), "it has not begun");
    run.now_ms = 60_000;
    let set = Effect::SetTimer { timer: limit(), due_at: at(65_000) };
    assert_eq!(begins(&mut run), std::slice::from_ref(&set));
    assert!(begins(&mut run).is_empty(), "saying so twice changes nothing");
    assert!(recover(&run.state).contains(&set), "and again after a restart");
    run.now_ms = 64_999;
    let effects = run.succeed("s", json!({"outcome": "won"}));
    assert!(effects.contains(&Effect::CancelTimer { timer: limit() }), "{effects:?}");
    assert!(run.fire("a2.timeout").is_err(), "it came in time");
    assert_eq!(stops(&run), 0);
    assert_eq!((run.trace().as_str(), run.state.working_ms), ("t+ s+", 0));
}

#[test]
fn a_run_that_takes_too_long_is_stopped_and_what_it_says_later_does_not_count() {
    let mut run = begun(retrying());
    let (call, attempt) = run.call("s");
    run.fire("a2.timeout").unwrap();
    assert_eq!(stops(&run), 1, "{:?}", run.effects);
    let late = Command::CallSucceeded { call, attempt, output: json!(1), usage: None };
    assert_eq!(run.try_tell(late.clone()).unwrap_err(), Refusal::Stale);
    run.fire("a2.retry").unwrap();
    assert_eq!(run.call("s"), (call, 2), "another attempt, so another run");
    assert_eq!(run.try_tell(late).unwrap_err(), Refusal::Stale);
    let told = Command::ChildStarted { call, attempt: 1, run: RUN };
    assert_eq!(run.try_tell(told).unwrap_err(), Refusal::Stale, "not of this attempt");
    begins(&mut run);
    run.now_ms = 70_000;
    run.fire("a2.timeout").unwrap();
    assert_eq!(stops(&run), 1);
    assert_eq!(run.trace(), format!("t+ sx s! =failed({LATE})"));
}

#[test]
fn whatever_follows_from_it_the_run_is_stopped_once() {
    let cases = [
        (r#""on_failure": "skip""#, "t > s > x", "t+ s- x- =completed"),
        (r#""on_failure": "block""#, "t > s > x", "t+ blocked"),
        (r#""on_failure": "continue-partial""#, "t > s > x", "t+ s~"),
        (r#""on_failure": "fail""#, "t > s\ns.error > x", "t+ s!error"),
        (
            r#""failures": [{"on": ["timeout"], "action": "skip"}]"#,
            "t > s > x",
            "t+ s- x- =completed",
        ),
    ];
    for (policy, edges, expected) in cases {
        let mut run = begun(step(policy, edges));
        let effects = run.fire("a2.timeout").unwrap();
        assert_eq!(stops(&run), 1, "{policy}: {effects:?}");
        assert_eq!(run.trace(), expected, "{policy}");
        assert!(run.fire("a2.timeout").is_err(), "{policy}");
    }
}

#[test]
fn the_limit_runs_on_while_the_run_is_paused_and_the_retry_waits() {
    let mut run = begun(retrying());
    run.tell(Command::Pause { by: "Ada".into() });
    run.fire("a2.timeout").unwrap();
    assert_eq!(stops(&run), 1);
    run.fire("a2.retry").unwrap();
    assert_eq!(run.call("s").1, 1, "nothing new starts");
    run.tell(Command::Resume { by: "Ada".into() });
    assert_eq!(run.call("s").1, 2);
}

#[test]
fn a_run_that_is_stopped_waits_for_no_limit() {
    let mut run = begun(retrying());
    let (reason, by) = ("enough".to_owned(), "Ada".to_owned());
    let effects = run.tell(Command::Stop { reason, by, replaced_by: None });
    assert!(effects.contains(&Effect::Ended), "it stops what it started");
    assert_eq!(run.fire("a2.timeout").unwrap_err(), Refusal::Ended);
}

#[test]
fn a_step_without_a_limit_takes_no_note_of_the_beginning() {
    let text = "t trigger\ns subworkflow {\"workflow\": \"w\"}\nt > s";
    let mut run = Told::start(text, Value::Null);
    let events = run.events.len();
    assert!(begins(&mut run).is_empty());
    assert_eq!(run.events.len(), events);
}

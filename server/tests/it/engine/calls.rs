//! Calls: retries, error ports, timeouts, defects, poison.

use super::support::*;
use crate::support::database::on_each;
use futures::FutureExt;
use serde_json::json;
use server::{engine::*, store::*};
use signalbox::run::*;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_call_is_retried_with_backoff_under_the_same_key() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", retrying(3, 1_000)), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>a a>e")).await;
        bench.script.answer("a", [failure(ErrorKind::ExecutorError), failure(ErrorKind::Timeout)]);
        let run = bench.start_plain().await;
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        let made = bench.script.made();
        assert_eq!(made.iter().map(|made| made.attempt).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(made.iter().all(|other| other.call == made[0].call), "one key for all attempts");
        let passed = bench.clock.now() - epoch();
        assert!(
            (1_500..=4_500).contains(&passed.num_milliseconds()),
            "one second and two, give or take the jitter: {passed}"
        );
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_takes_the_error_port_or_fails_the_run() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action()), ("rescue", action()), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>a a>e a.error>rescue rescue>e")).await;
        bench.script.answer("a", [failure(ErrorKind::InvalidInput)]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.script.nodes(), ["a", "rescue"]);
        assert_eq!(bench.phase(run).await, RunPhase::Completed);

        bench.script.answer("a", [failure(ErrorKind::InvalidInput)]);
        bench.script.answer("rescue", [failure(ErrorKind::InvalidInput)]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(
            bench.row(run).await.status,
            RunStatus::Failed { error_message: "no luck".into() }
        );
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_never_answers_times_out() {
    on_each(async || {
    let slow = json!({"type": "action", "tool": "work", "policy": {"timeout_ms": 30}});
    let nodes = [("t", trigger()), ("a", slow)];
    let bench = Bench::new(graph(&nodes, "t>a")).await;
    bench.script.answer("a", [Says::Hang]);
    let run = bench.start_plain().await;
    bench.engine.settled().await;
    let events = bench.events(run).await;
    let timed_out = events.iter().any(|event| {
        matches!(&event.body, EventBody::NodeFailed { error, .. } if error.kind == ErrorKind::Timeout)
    });
    assert!(timed_out, "{events:#?}");
    assert_eq!(bench.phase(run).await, RunPhase::Failed);
    }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_in_a_tool_fails_its_step_and_nothing_else() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action())];
        let bench = Bench::new(graph(&nodes, "t>a")).await;
        bench.script.answer("a", [Says::Panic]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Failed);
        let next = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.phase(next).await, RunPhase::Completed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bypassed_call_lets_the_path_go_on() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action()), ("b", action())];
        let bench = Bench::new(graph(&nodes, "t>a a>b")).await;
        bench
            .script
            .answer("a", [Says::Give(CallOutcome::Bypassed { reason: "no consent".into() })]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.script.nodes(), ["a", "b"]);
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_the_process_again_and_again_is_held_for_a_person() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action()), ("other", action())];
        let mut bench = Bench::new(graph(&nodes, "t>a")).await;
        bench.script.answer("a", (0..5).map(|_| Says::Hang));
        let run = bench.start_plain().await;
        for begun in 2..=5 {
            while bench.script.made().len() < begun - 1 {
                tokio::task::yield_now().await;
            }
            bench.restart().await;
        }
        while bench.script.made().len() < 5 {
            tokio::task::yield_now().await;
        }
        bench.restart().await;
        bench.engine.settled().await;
        assert_eq!(bench.script.made().len(), 5, "not begun a sixth time");
        let RunStatus::Blocked { reason } = bench.row(run).await.status else {
            panic!("{:?}", bench.row(run).await.status)
        };
        assert!(reason.contains("begun 5 times"), "{reason}");

        bench.restart().await;
        bench.engine.settled().await;
        assert_eq!(bench.script.made().len(), 5, "not after another start either");

        bench.tell(run, Command::Resume { by: "Ada".into() }).await.unwrap();
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed, "a person let it try again");
        bench.sound(run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_an_attempt_late_leaves_the_next_one_alone() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", retrying(1, 10)), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>a a>e")).await;
        bench.script.answer("a", [failure(ErrorKind::ExecutorError), Says::Hang]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        bench.clock.advance_ms(1_000);
        bench.engine.fire_due().await.unwrap();
        let open = async || calls_open(&bench.store, 10).await.unwrap();
        let second = open().await.remove(0).unwrap();
        assert_eq!(second.attempt, 2);
        let leave = async |attempt: u32| {
            let (organization, call) = (bench.organization, (second.call, attempt));
            let left = bench.store.write(move |tx| {
                async move { call_leave(tx, organization, run, call, CallState::Parked).await }
                    .boxed()
            });
            left.await.unwrap();
        };
        leave(1).await;
        assert_eq!(open().await.len(), 1, "the second attempt is still to be made");
        leave(2).await;
        assert_eq!(open().await.len(), 0);
    })
    .await;
}

/// Waits in real time until something holds.
async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..1_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_its_turn_is_not_in_the_time_limit_of_a_call() {
    let limited = json!({"type": "action", "tool": "work", "policy": {"timeout_ms": 1_000}});
    let nodes = [("t", trigger()), ("a", limited.clone()), ("b", limited)];
    let config = EngineConfig { calls_max: 1, ..EngineConfig::default() };
    let bench = Bench::with(graph(&nodes, "t>a t>b"), config).await;
    bench.script.answer("a", [Says::Later(50)]);
    bench.script.answer("b", [Says::Hang]);
    let run = bench.start_plain().await;
    until(async || bench.script.made().len() == 1).await;
    bench.clock.advance_ms(900);
    until(async || bench.script.made().len() == 2).await;
    assert_eq!(bench.script.nodes(), ["a", "b"]);
    tokio::time::sleep(Duration::from_millis(100)).await; // its limit counts
    // 1.5 seconds after it was asked for, 0.6 after it began.
    bench.clock.advance_ms(600);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.phase(run).await, RunPhase::Executing);
    bench.clock.advance_ms(400);
    until(async || bench.phase(run).await == RunPhase::Failed).await;
    bench.sound(run).await;
}

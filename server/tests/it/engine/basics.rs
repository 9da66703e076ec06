//! Runs that go through, and commands from people.

use super::support::*;
use crate::support::database::on_each;
use futures::FutureExt;
use serde_json::json;
use server::{engine::*, store::*};
use signalbox::run::*;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

fn two_steps() -> signalbox::graph::Graph {
    let nodes = [("t", trigger()), ("a", action()), ("b", action()), ("e", end())];
    graph(&nodes, "t>a a>b b>e")
}

#[tokio::test]
async fn what_broke_off_beside_the_engine_is_begun_again() {
    let bench = Bench::new(two_steps()).await;
    let begun = Arc::new(AtomicU32::new(0));
    let (ended, mut well) = tokio::sync::mpsc::unbounded_channel();
    let count = begun.clone();
    bench.engine.beside("a test", move |_| {
        let (count, ended) = (count.clone(), ended.clone());
        async move {
            assert!(count.fetch_add(1, Ordering::SeqCst) > 0, "it breaks off the first time");
            ended.send(()).unwrap();
        }
    });
    let waited = tokio::time::timeout(Duration::from_secs(30), well.recv());
    assert_eq!(waited.await, Ok(Some(())));
    assert_eq!(begun.load(Ordering::SeqCst), 2);
    bench.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_to_its_end_and_leaves_nothing_behind() {
    on_each(async || {
        let bench = Bench::new(two_steps()).await;
        let mut committed = bench.engine.subscribe();
        let started =
            bench.start(StartRun { input: json!({"say": "hi"}), ..Default::default() }).await;
        assert!(started.created);
        assert_eq!(started.status, RunStatus::Executing, "the first step is asked for");
        let wait = bench.engine.wait(
            bench.organization,
            started.run,
            WaitFor::End,
            Duration::from_secs(20),
        );
        assert_eq!(wait.await.unwrap().phase(), RunPhase::Completed);
        bench.engine.settled().await;
        assert_eq!(bench.script.nodes(), ["a", "b"]);
        bench.sound(started.run).await;
        bench.nothing_left().await;

        let mut followed = vec![];
        while let Ok(committed) = committed.try_recv() {
            followed.extend(committed.events.clone());
        }
        assert_eq!(followed, bench.events(started.run).await, "the stream is the journal");
        bench.feed_says("Completed").await;
        let closed = bench.script.closed.lock().unwrap().clone();
        assert_eq!(closed, [], "nothing was held, so there was nothing to close");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pure_steps_share_one_commit() {
    on_each(async || {
        let set = |name: &str| {
            let mut parameters = serde_json::Map::new();
            parameters.insert(name.into(), json!(1));
            json!({"type": "action", "tool": "set_variables", "parameters": parameters})
        };
        let nodes =
            [("t", trigger()), ("x", set("x")), ("y", set("y")), ("z", set("z")), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>x x>y y>z z>e")).await;
        let mut committed = bench.engine.subscribe();
        let started = bench.start(StartRun::default()).await;
        assert_eq!(started.status.phase(), RunPhase::Completed, "done when the start answers");
        let first = committed.try_recv().unwrap();
        assert_eq!(first.events.len(), bench.events(started.run).await.len());
        assert!(committed.try_recv().is_err(), "one commit");
        bench.sound(started.run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_starts_one_run() {
    on_each(async || {
        let bench = Bench::new(two_steps()).await;
        let start = || StartRun { idempotency_key: Some("order-7".into()), ..Default::default() };
        let started = futures::future::join_all((0..20).map(|_| bench.start(start()))).await;
        let runs: HashSet<_> = started.iter().map(|started| started.run).collect();
        assert_eq!(runs.len(), 1);
        assert_eq!(started.iter().filter(|started| started.created).count(), 1);
        bench.engine.settled().await;
        assert_eq!(bench.script.nodes(), ["a", "b"], "and it ran once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_holds_the_next_step_and_resume_lets_it_go() {
    on_each(async || {
        let bench = Bench::new(two_steps()).await;
        bench.script.answer("a", [Says::Hang]);
        let run = bench.start_plain().await;
        let by = || "Ada".to_owned();
        bench.tell(run, Command::Pause { by: by() }).await.unwrap();
        assert_eq!(bench.phase(run).await, RunPhase::Paused);
        let again = bench.tell(run, Command::Pause { by: by() }).await;
        assert!(matches!(again, Err(EngineError::Refused(Refusal::AlreadyPaused))), "{again:?}");
        bench.tell(run, Command::Resume { by: by() }).await.unwrap();
        assert_eq!(bench.phase(run).await, RunPhase::Executing);
        let stopped = bench
            .tell(run, Command::Stop { reason: "enough".into(), by: by(), replaced_by: None })
            .await
            .unwrap();
        assert_eq!(stopped.status.phase(), RunPhase::Stopped);
        let closed = bench.script.closed.lock().unwrap().clone();
        assert_eq!(closed.last(), Some(&(run, Closing::Run)), "its call is not wanted any more");
        let late = bench.tell(run, Command::Resume { by: by() }).await;
        assert!(matches!(late, Err(EngineError::Refused(Refusal::Ended))), "{late:?}");
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_owner_of_the_run_is_noticed_by_the_fence() {
    on_each(async || {
        let mut bench = Bench::new(two_steps()).await;
        bench.script.answer("a", [Says::Hang, Says::Hang, Says::Hang]);
        let run = bench.start_plain().await; // kept in memory: its call is in flight
        let clock = std::sync::Arc::new(bench.clock.clone());
        let config = EngineConfig { timekeeping: Timekeeping::Driven, ..Default::default() };
        let other = Engine::start(bench.store.clone(), bench.script.clone(), clock, config);
        let pause = Command::Pause { by: "the other".into() };
        other.command(bench.organization, run, pause).await.unwrap();
        // Decided on a state that is not the newest: the fence sends it back to read again.
        let stop = Command::Stop { reason: "enough".into(), by: "Ada".into(), replaced_by: None };
        bench.tell(run, stop).await.unwrap();
        let kinds: Vec<EventBody> =
            bench.events(run).await.into_iter().rev().take(2).map(|event| event.body).collect();
        assert!(matches!(kinds.as_slice(), [EventBody::RunEnded { .. }, EventBody::Paused { .. }]));
        bench.sound(run).await;
        other.shutdown().await;
        bench.restart().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rides_along_happens_with_the_command_or_not_at_all() {
    on_each(async || {
        let bench = Bench::new(two_steps()).await;
        bench.script.answer("a", [Says::Hang]);
        let run = bench.start_plain().await;
        let organization = bench.organization;
        let note = move |fails: Option<&'static str>| -> WriteOp {
            Box::new(move |tx| {
                async move {
                    setting_put(tx, organization, "note", &json!({}), epoch()).await?;
                    fails.map_or(Ok(()), |what| Err(StoreError::Conflict { what }))
                }
                .boxed()
            })
        };
        let notes = async || {
            let note = setting_fetch(&bench.store, organization, "note").await.unwrap();
            usize::from(note.is_some())
        };
        let pause = || Command::Pause { by: "Ada".into() };
        let before = bench.row(run).await;
        // Also what looks like the run's own fence: it would be tried again without what rides along.
        for what in ["the message", RUN_FENCE] {
            let write = note(Some(what));
            let failed = bench.engine.command_with(organization, run, pause(), write).await;
            let expected = StoreError::Conflict { what };
            assert!(matches!(failed, Err(EngineError::Store(error)) if error == expected));
            assert_eq!((bench.row(run).await, notes().await), (before.clone(), 0), "{what}");
        }

        bench.engine.command_with(organization, run, pause(), note(None)).await.unwrap();
        assert_eq!((bench.phase(run).await, notes().await), (RunPhase::Paused, 1));

        let refused = bench.engine.command_with(organization, run, pause(), note(None)).await;
        assert!(matches!(refused, Err(EngineError::Refused(Refusal::AlreadyPaused))));
        assert_eq!(notes().await, 1, "a refused command takes its writes with it");
        bench.sound(run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_at_once() {
    on_each(async || {
        let config = EngineConfig {
            calls_max: 16,
            calls_per_organization_max: 16,
            calls_queued_max: 50,
            cells_max: 32,
            ..Default::default()
        };
        let bench = Bench::with(two_steps(), config).await;
        let runs =
            futures::future::join_all((0..200).map(|_| async { bench.start_plain().await })).await;
        bench.engine.settled().await;
        for run in &runs {
            assert_eq!(bench.phase(*run).await, RunPhase::Completed);
            bench.sound(*run).await;
        }
        let made = bench.script.made();
        assert_eq!(made.len(), 400, "each step once");
        let keys: HashSet<_> = made.iter().map(|made| made.call).collect();
        assert_eq!(keys.len(), 400, "each with a key of its own");
        let most = bench.script.most_in_flight.load(Ordering::SeqCst);
        assert!(most <= 16, "{most} calls at once");
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organisation_cannot_command_a_run() {
    on_each(async || {
        let bench = Bench::new(two_steps()).await;
        bench.script.answer("a", [Says::Hang]);
        let run = bench.start_plain().await;
        let other = signalbox::id::OrganizationId(uuid::Uuid::now_v7());
        let refused = bench.engine.command(other, run, Command::Pause { by: "Eve".into() }).await;
        assert!(matches!(refused, Err(EngineError::Store(StoreError::NotFound { what: "run" }))));
        assert_eq!(bench.phase(run).await, RunPhase::Executing);
    })
    .await;
}

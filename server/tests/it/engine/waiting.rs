//! Waiting costs nothing and survives everything: timers, people, pauses, restarts.

use super::support::*;
use crate::support::database::{Place, on_each};
use chrono::TimeDelta;
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::run::*;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::{sync::Arc, time::Duration};

fn wait_between() -> signalbox::graph::Graph {
    let nodes = [
        ("t", trigger()),
        ("a", action()),
        ("w", wait_ms(3_600_000)),
        ("b", action()),
        ("e", end()),
    ];
    graph(&nodes, "t>a a>w w>b b>e")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_survives_a_restart_and_fires_once() {
    on_each(async || {
        let mut bench = Bench::new(wait_between()).await;
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        let due = epoch() + TimeDelta::hours(1);
        assert_eq!(
            bench.row(run).await.status,
            RunStatus::StandBy { next_execution_at: Some(due) }
        );
        assert_eq!(timer_next(&bench.store).await.unwrap(), Some(due));

        bench.restart().await;
        bench.clock.advance_to(due - TimeDelta::milliseconds(1));
        assert_eq!(bench.engine.fire_due().await.unwrap(), Some(due), "not a millisecond early");
        assert_eq!(bench.phase(run).await, RunPhase::StandBy);

        // Due while nobody was there: late, not lost.
        bench.engine.shutdown().await;
        bench.clock.advance_to(due + TimeDelta::hours(5));
        bench.restart().await;
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        assert_eq!(bench.script.nodes(), ["a", "b"], "the step before the wait was not done again");
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_while_paused_and_counts_at_the_resume() {
    on_each(async || {
        let bench = Bench::new(wait_between()).await;
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        bench.tell(run, Command::Pause { by: "Ada".into() }).await.unwrap();
        bench.clock.advance_ms(2 * 3_600_000);
        bench.engine.fire_due().await.unwrap();
        bench.engine.settled().await;
        assert_eq!(bench.script.nodes(), ["a"], "paused");
        bench.tell(run, Command::Resume { by: "Ada".into() }).await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_falls_due_while_paused_is_made_after_the_resume() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", retrying(2, 1_000)), ("e", end())];
        let mut bench = Bench::new(graph(&nodes, "t>a a>e")).await;
        bench.script.answer("a", [failure(ErrorKind::ExecutorError)]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        bench.tell(run, Command::Pause { by: "Ada".into() }).await.unwrap();
        bench.clock.advance_ms(60_000);
        bench.engine.fire_due().await.unwrap();
        bench.restart().await;
        bench.tell(run, Command::Resume { by: "Ada".into() }).await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        assert_eq!(bench.script.nodes(), ["a", "a"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_once_also_after_a_restart() {
    on_each(async || {
        let nodes = [("t", trigger()), ("h", human()), ("yes", action()), ("no", action())];
        let mut bench = Bench::new(graph(&nodes, "t>h h.approved>yes h.rejected>no")).await;
        let (run, other) = (bench.start_plain().await, bench.start_plain().await);
        assert_eq!(bench.phase(run).await, RunPhase::AwaitingInput);
        let waited =
            bench.engine.wait(bench.organization, run, WaitFor::Person, Duration::from_secs(20));
        assert_eq!(waited.await.unwrap(), RunStatus::AwaitingInput);
        bench.restart().await;

        let open = bench.engine.approvals_open(bench.organization, run).await.unwrap();
        let approval = open[0].request.id;
        assert_eq!(open[0].request.prompt, "Go on?");
        let decide = |decision: Decision, revision: u32| {
            bench.engine.decide_approval(bench.organization, approval, revision, decision, "Ada")
        };
        let approve = || Decision::Approve { answer: Value::Null };
        let reject = Decision::Reject { reason: "no".into(), retry: false };
        assert!(decide(approve(), 2).await.is_err(), "another revision than the one that was seen");
        let (first, second) = tokio::join!(decide(approve(), 1), decide(reject, 1));
        assert_eq!(
            usize::from(first.is_ok()) + usize::from(second.is_ok()),
            1,
            "one of two at the same time: {first:?}, {second:?}"
        );
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        let decided = approval_fetch(&bench.store, bench.organization, approval).await.unwrap();
        assert_eq!(decided.decided.unwrap().by, "Ada");

        // A run that is stopped asks nobody any more.
        assert_eq!(approvals_pending_count(&bench.store, bench.organization).await.unwrap(), 1);
        bench
            .tell(other, Command::Stop { reason: "x".into(), by: "Ada".into(), replaced_by: None })
            .await
            .unwrap();
        assert_eq!(approvals_pending_count(&bench.store, bench.organization).await.unwrap(), 0);
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sleepers_wake_in_order_and_all() {
    on_each(async || {
        let nodes = [("t", trigger()), ("w", wait_ms(60_000)), ("e", end())];
        let mut bench = Bench::new(graph(&nodes, "t>w w>e")).await;
        let mut runs = vec![];
        for _ in 0..300 {
            runs.push(bench.start_plain().await);
            bench.clock.advance_ms(10);
        }
        bench.restart().await;
        bench.clock.advance_ms(3_600_000);
        let mut committed = bench.engine.subscribe();
        bench.engine.fire_due().await.unwrap();
        let mut ended = vec![];
        while let Ok(commit) = committed.try_recv() {
            ended.push(commit.run);
        }
        assert_eq!(ended.len(), 300);
        // Oldest first, up to how many are woken at the same time.
        for (place, run) in ended.iter().enumerate() {
            let turn = runs.iter().position(|other| other == run).unwrap();
            assert!(turn.abs_diff(place) <= 256, "{place} was started as {turn}");
        }
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_of_a_running_server_is_on_time() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let organization = signalbox::id::OrganizationId(uuid::Uuid::now_v7());
        let nodes = [("t", trigger()), ("w", wait_ms(300)), ("e", end())];
        let workflow = publish(&store, organization, graph(&nodes, "t>w w>e")).await;
        let engine = Engine::start(
            store.clone(),
            Arc::new(Script::default()),
            Arc::new(SystemClock),
            EngineConfig::default(),
        );
        // The task that fires timers sleeps by now, and must be woken by the new one.
        engine.settled().await;
        let started =
            engine.start_run(organization, workflow, 1, StartRun::default()).await.unwrap();
        let RunStatus::StandBy { next_execution_at: Some(due) } = started.status else {
            panic!("{:?}", started.status)
        };
        engine
            .wait(organization, started.run, WaitFor::End, Duration::from_secs(20))
            .await
            .unwrap();
        let row = run_fetch(&store, organization, started.run).await.unwrap();
        let late = row.ended_at.unwrap() - due;
        assert!(late >= TimeDelta::zero(), "early by {late}");
        // 100 ms on an idle machine; tests share theirs.
        assert!(late < TimeDelta::seconds(2), "late by {late}");
        engine.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_is_set_aside_and_the_others_go_on() {
    on_each(async || {
        let mut bench = Bench::new(wait_between()).await;
        let (broken, healthy) = (bench.start_plain().await, bench.start_plain().await);
        bench.engine.settled().await;
        bench.engine.shutdown().await;
        bench.store.close().await;
        damage(&bench.place, broken).await;
        bench.restart().await;
        bench.drive().await;
        assert_eq!(bench.phase(healthy).await, RunPhase::Completed);
        let row = bench.row(broken).await;
        assert!(row.quarantined);
        let RunStatus::Blocked { reason } = row.status else { panic!("{:?}", row.status) };
        assert!(reason.contains("run_events"), "{reason}");
        assert_eq!(bench.engine.fire_due().await.unwrap(), None, "its timer rests");
        let again = bench.tell(broken, Command::Resume { by: "Ada".into() }).await;
        assert!(matches!(again, Err(EngineError::Quarantined(_))), "{again:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_blocked_leaves_no_timer_and_no_row_behind() {
    on_each(async || {
        let wait = json!({"type": "wait", "for": "event", "event": "reply", "limit_ms": 3_000,
            "condition": "events.hasReply(event.of)", "policy": {"on_failure": "block"}});
        let nodes = [("t", trigger()), ("w", wait), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>w w>e")).await;
        let run = bench.start_plain().await;
        let (name, payload) = ("reply".to_owned(), json!({}));
        let reply = OutsideEvent { name, contact: None, run: None, source_key: None, payload };
        bench.engine.outside_event(bench.organization, reply).await.unwrap();
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Blocked);
        assert_eq!(timer_next(&bench.store).await.unwrap(), None);
        let waits = runs_by_wait(&bench.store).await.unwrap();
        assert!(waits.iter().all(|(wait, _)| wait != "event" && wait != "timer"), "{waits:?}");
        bench.clock.advance_ms(5_000);
        bench.engine.fire_due().await.unwrap();
        assert_eq!(bench.phase(run).await, RunPhase::Blocked);
        bench.sound(run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_was_cut_off_keeps_its_time_when_the_run_goes_on() {
    on_each(async || {
        let nodes = [
            ("t", trigger()),
            ("a", action()),
            ("w", wait_ms(3_600_000)),
            ("v", wait_event("reply")),
            ("z", action()),
        ];
        let mut bench = Bench::new(graph(&nodes, "t>a t>w t>v w>z v>z")).await;
        bench.script.answer("a", [failure(ErrorKind::InvalidInput)]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Failed);
        assert_eq!(timer_next(&bench.store).await.unwrap(), None);
        bench.clock.advance_ms(600_000);
        bench.restart().await;
        bench.tell(run, Command::Reopen { by: "Ada".into(), from: None }).await.unwrap();
        let due = epoch() + TimeDelta::hours(1);
        assert_eq!(timer_next(&bench.store).await.unwrap(), Some(due), "its time has run on");
        let (name, payload) = ("reply".to_owned(), json!({}));
        let reply = OutsideEvent { name, contact: None, run: None, source_key: None, payload };
        bench.engine.outside_event(bench.organization, reply).await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        assert_eq!(bench.script.nodes(), ["a", "a", "z"]);
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

/// Overwrites a run's journal, as a bad disk would.
async fn damage(place: &Place, run: signalbox::id::RunId) {
    const SQL: &str = "UPDATE run_events SET events = $2 WHERE run_id = $1";
    let broken = b"[{\"seq\":".as_slice();
    let rows = match place {
        Place::Sqlite(folder) => {
            let options = SqliteConnectOptions::new().filename(folder.0.join("signalbox.db"));
            let mut conn = options.connect().await.unwrap();
            let done = sqlx::query(SQL).bind(run.0).bind(broken).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            done.rows_affected()
        }
        Place::Postgres { .. } => {
            let mut conn = sqlx::PgConnection::connect(&place.url()).await.unwrap();
            let done = sqlx::query(SQL).bind(run.0).bind(broken).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            done.rows_affected()
        }
    };
    assert!(rows > 0);
}

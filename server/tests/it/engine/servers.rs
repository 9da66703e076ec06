//! Several servers on one PostgreSQL: one goes on where another one died, and each hears of the others.

use super::support::*;
use crate::support::database::{Place, on_each_postgres};
use serde_json::Value;
use server::{engine::*, store::*};
use signalbox::{id::RunId, run::*};
use sqlx::{Connection, PgConnection};
use std::{sync::Arc, time::Duration};

const PATIENCE: Duration = Duration::from_secs(60);

/// One more server on the bench's database, by the real clock.
async fn another(bench: &Bench) -> (Store, EngineHandle, Arc<Script>) {
    let (store, script) = (bench.place.open().await, Arc::new(Script::default()));
    let config = EngineConfig { timekeeping: Timekeeping::Automatic, ..bench.config.clone() };
    let engine = Engine::start(store.clone(), script.clone(), Arc::new(SystemClock), config);
    (store, engine, script)
}

async fn sql(place: &Place, sql: &'static str) {
    let mut conn = PgConnection::connect(&place.url()).await.unwrap();
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

fn one_step() -> signalbox::graph::Graph {
    graph(&[("t", trigger()), ("a", action()), ("b", action()), ("e", end())], "t>a a>b b>e")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_server_that_is_gone_is_made_by_another() {
    on_each_postgres(async || {
        let bench = Bench::new(one_step()).await;
        bench.script.answer("a", [Says::Hang]);
        let run = bench.start_plain().await;
        let (store, engine, script) = another(&bench).await;
        // The bench's server is alive and owns the call: nobody else makes it.
        assert!(calls_open(&store, 10).await.unwrap().is_empty());
        sql(
            &bench.place,
            "UPDATE servers SET expires_at = now() - interval '1 second'
             WHERE epoch = (SELECT min(epoch) FROM servers)",
        )
        .await;
        let status = engine.wait(bench.organization, run, WaitFor::End, PATIENCE).await.unwrap();
        assert_eq!(status.phase(), RunPhase::Completed);
        assert_eq!(script.nodes(), ["a", "b"], "the other server made both calls");
        bench.sound(run).await;
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_waits_here_is_told_what_happened_there() {
    on_each_postgres(async || {
        let nodes = [("t", trigger()), ("h", human()), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>h h.approved>e")).await;
        let run = bench.start_plain().await;
        let (store, engine, _) = another(&bench).await;
        let waiting = engine.wait(bench.organization, run, WaitFor::End, PATIENCE);
        let (status, approved) = futures::join!(waiting, bench.approve_all());
        assert_eq!((status.unwrap().phase(), approved.unwrap()), (RunPhase::Completed, 1));
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_command_one_run_and_no_step_is_done_twice() {
    on_each_postgres(async || {
        let steps: Vec<String> = (0..12).map(|number| format!("h{number}")).collect();
        let mut nodes: Vec<(&str, Value)> = vec![("t", trigger())];
        nodes.extend(steps.iter().map(|step| (step.as_str(), human())));
        nodes.push(("e", end()));
        let mut edges: Vec<String> = vec!["t>h0".into()];
        edges.extend((1..12).map(|number| format!("h{}.approved>h{number}", number - 1)));
        edges.push("h11.approved>e".into());
        let bench = Bench::new(graph(&nodes, &edges.join(" "))).await;
        let run = bench.start_plain().await;
        let (store, engine, _) = another(&bench).await;
        loop {
            let pending = bench.engine.approvals_open(bench.organization, run).await.unwrap();
            let Some(approval) = pending.first() else { break };
            let decide = |by: EngineHandle| {
                let (id, revision) = (approval.request.id, approval.revision);
                let decision = Decision::Approve { answer: Value::Null };
                async move {
                    by.decide_approval(bench.organization, id, revision, decision, "Ada").await
                }
            };
            let (one, other) = futures::join!(decide(bench.engine.clone()), decide(engine.clone()));
            assert!(one.is_ok() != other.is_ok(), "one of two decides: {one:?}, {other:?}");
        }
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

/// A step that is not over beside a question and what comes after it: so the first server keeps the run in memory, and
/// does not see what another one does to it.
async fn beside_a_hanging_step(after: (&str, Value)) -> (Bench, Store, EngineHandle, RunId) {
    let nodes = [("t", trigger()), ("a", action()), ("h", human()), after];
    let edges = format!("t>a t>h h.approved>{}", nodes[3].0);
    let bench = Bench::new(graph(&nodes, &edges)).await;
    bench.script.answer("a", [Says::Hang]);
    let run = bench.start_plain().await;
    let store = bench.place.open().await;
    let clock = Arc::new(bench.clock.clone());
    let other = Engine::start(store.clone(), bench.script.clone(), clock, bench.config.clone());
    approve_one(&bench, &other, run).await;
    (bench, store, other, run)
}

async fn approve_one(bench: &Bench, by: &EngineHandle, run: RunId) {
    let pending = by.approvals_open(bench.organization, run).await.unwrap();
    let (id, revision) = (pending[0].request.id, pending[0].revision);
    let decision = Decision::Approve { answer: Value::Null };
    by.decide_approval(bench.organization, id, revision, decision, "Ada").await.unwrap();
}

async fn completed(bench: &Bench, run: RunId, node: &str) -> bool {
    let (events, _) = events_after(&bench.store, bench.organization, run, 0, 1_000).await.unwrap();
    let of_node = events.iter().find_map(|event| match &event.body {
        EventBody::NodeStarted { activation, node: id, .. } if id.0 == node => Some(*activation),
        _ => None,
    });
    events.iter().any(|event| {
        matches!(&event.body, EventBody::NodeCompleted { activation, .. } if Some(*activation) == of_node)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_although_another_server_moved_the_run_to_its_wait() {
    on_each_postgres(async || {
        let (bench, store, other, run) = beside_a_hanging_step(("w", wait_event("reply"))).await;
        let event = OutsideEvent {
            name: "reply".into(),
            contact: None,
            run: Some(run),
            source_key: None,
            payload: Value::Null,
        };
        bench.engine.outside_event(bench.organization, event).await.unwrap();
        let waited = async {
            while !completed(&bench, run, "w").await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waited).await.expect("it was told");
        other.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_although_another_server_set_it() {
    on_each_postgres(async || {
        let (bench, store, other, run) = beside_a_hanging_step(("w", wait_ms(1_000))).await;
        bench.clock.advance_ms(2_000);
        bench.engine.fire_due().await.unwrap();
        assert!(completed(&bench, run, "w").await, "its wait is over");
        other.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_here_although_another_server_brought_it_up() {
    on_each_postgres(async || {
        let (bench, store, other, run) = beside_a_hanging_step(("h2", human())).await;
        approve_one(&bench, &bench.engine, run).await;
        assert!(completed(&bench, run, "h2").await);
        other.shutdown().await;
        store.close().await;
    })
    .await;
}

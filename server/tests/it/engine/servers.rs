//! Several servers on one PostgreSQL: one goes on where another one died, and each hears of the others.

use super::support::*;
use crate::support::database::{Place, on_each_postgres};
use serde_json::Value;
use server::{engine::*, store::*};
use signalbox::run::*;
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

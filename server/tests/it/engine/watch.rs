//! The watch over runs: each unfinished run waits for exactly one thing, and one that waits for nothing comes to
//! light.

use super::support::*;
use crate::support::database::{Place, on_each};
use serde_json::json;
use server::store::*;
use signalbox::{id::*, run::*};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

async fn execute(bench: &Bench, sql: String) {
    let sql = AssertSqlSafe(sql);
    match &bench.place {
        Place::Sqlite(folder) => {
            let url = format!("sqlite://{}", folder.0.join("signalbox.db").display());
            let mut conn = SqliteConnection::connect(&url).await.unwrap();
            sqlx::query(sql).execute(&mut conn).await.map(|_| ()).unwrap();
        }
        Place::Postgres { .. } => {
            let mut conn = PgConnection::connect(&bench.place.url()).await.unwrap();
            sqlx::query(sql).execute(&mut conn).await.map(|_| ()).unwrap();
        }
    }
}

async fn begun(bench: &mut Bench, graph: signalbox::graph::Graph) -> RunId {
    bench.workflow = publish(&bench.store, bench.organization, graph).await;
    let run = bench.start_plain().await;
    if bench.script.answers.lock().unwrap().contains_key("hangs") {
        while bench.script.made().iter().all(|made| made.run != run) {
            tokio::task::yield_now().await;
        }
        bench.script.answers.lock().unwrap().clear();
    } else {
        bench.engine.settled().await;
    }
    run
}

/// A run for each thing that a run can wait for, with the word for it and the table whose rows say so.
async fn one_of_each(bench: &mut Bench) -> Vec<(RunId, &'static str, &'static str)> {
    let single =
        |kind: serde_json::Value| graph(&[("t", trigger()), ("s", kind), ("e", end())], "t>s s>e");
    let task = json!({"type": "task", "worker": "cmo", "instructions": "Plan"});
    let mut runs = vec![];
    runs.push((begun(bench, single(wait_ms(86_400_000_000))).await, "timer", "timers"));
    let asks = graph(&[("t", trigger()), ("h", human())], "t>h");
    runs.push((begun(bench, asks.clone()).await, "person", "approvals"));
    let inner = bench.workflow;
    runs.push((begun(bench, single(wait_event("reply"))).await, "event", "event_waits"));
    runs.push((begun(bench, single(task)).await, "queued", "calls"));
    let calls = json!({"type": "subworkflow", "workflow": inner});
    runs.push((begun(bench, single(calls)).await, "run", "run_links"));
    bench.script.answer("hangs", [Says::Hang]);
    let hangs = graph(&[("t", trigger()), ("hangs", action())], "t>hangs");
    runs.push((begun(bench, hangs).await, "leased", "calls"));
    runs
}

async fn waits(bench: &Bench) -> Vec<(String, u64)> {
    runs_by_wait(&bench.store).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_unfinished_run_waits_for_one_thing_and_one_that_does_not_is_blocked() {
    on_each(async || {
        let mut bench = Bench::new(graph(&[("t", trigger()), ("e", end())], "t>e")).await;
        bench.start_plain().await; // over: it counts nowhere
        let runs = one_of_each(&mut bench).await;
        let of = |wait: &str, count: u64| (wait.to_owned(), count);
        let all = [
            of("event", 1),
            of("leased", 1),
            of("person", 2), // the run inside the run asks as well
            of("queued", 1),
            of("run", 1),
            of("timer", 1),
        ];
        assert_eq!(waits(&bench).await, all);
        bench.clock.advance_ms(31_000);
        assert_eq!(bench.engine.look_for_stuck().await.unwrap(), 0, "all is well");
        assert_eq!(waits(&bench).await, all);

        for (run, wait, table) in runs {
            let id = match &bench.place {
                Place::Sqlite(_) => format!("X'{}'", run.0.simple()),
                Place::Postgres { .. } => format!("'{}'", run.0),
            };
            let column = if table == "run_links" { "parent_id" } else { "run_id" };
            execute(&bench, format!("DELETE FROM {table} WHERE {column} = {id}")).await;
            let counts = waits(&bench).await;
            assert!(counts.contains(&of("nothing", 1)), "{wait}: {counts:?}");
            assert_eq!(bench.engine.look_for_stuck().await.unwrap(), 1, "{wait}");
            let RunStatus::Blocked { reason } = bench.row(run).await.status else {
                panic!("{wait}: {:?}", bench.row(run).await)
            };
            assert!(reason.contains("waits for nothing"), "{wait}: {reason}");
            assert!(!waits(&bench).await.iter().any(|(wait, _)| wait == "nothing"), "{wait}");
            bench.feed_says("Blocked").await; // whoever looks at the list is told
            let filter =
                RunFilter { words: Some("waits nothing defect".into()), ..Default::default() };
            let found =
                run_list(&bench.store, bench.organization, &filter, None, 10).await.unwrap();
            assert!(found.iter().any(|row| row.id == run), "{wait}: found by its reason");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_just_moved_is_not_judged() {
    on_each(async || {
        let bench = Bench::new(graph(&[("t", trigger()), ("h", human())], "t>h")).await;
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        execute(&bench, "DELETE FROM approvals".into()).await;
        bench.clock.advance_ms(29_000);
        assert_eq!(
            bench.engine.look_for_stuck().await.unwrap(),
            0,
            "it may be in the middle of it"
        );
        assert_eq!(bench.phase(run).await, RunPhase::AwaitingInput);
        bench.clock.advance_ms(1_000);
        assert_eq!(bench.engine.look_for_stuck().await.unwrap(), 1);
        assert_eq!(bench.phase(run).await, RunPhase::Blocked);
    })
    .await;
}

//! Named queues hold over all servers of a database.

use super::support::*;
use crate::support::database::{Place, on_each_postgres};
use futures::{FutureExt, future::BoxFuture};
use serde_json::json;
use server::{engine::*, store::*};
use signalbox::{
    graph::Graph,
    id::*,
    run::*,
    wire::{QueueLimit, QueueSettings},
};
use sqlx::{Connection, PgConnection};
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// What the queue `slow` of every organisation lets through.
struct Limits(Mutex<QueueLimit>);

impl Organizations for Limits {
    fn zone(&self, _: OrganizationId) -> BoxFuture<'_, chrono_tz::Tz> {
        std::future::ready(chrono_tz::Tz::UTC).boxed()
    }

    fn queues(&self, _: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>> {
        let limits = [("slow".to_owned(), *self.0.lock().unwrap())];
        std::future::ready(Ok(QueueSettings(limits.into()))).boxed()
    }
}

/// Servers that ask one world, on a bench whose own server does nothing.
struct Servers {
    bench: Bench,
    limits: Arc<Limits>,
    servers: Vec<(Store, EngineHandle)>,
}

fn one_step() -> Graph {
    let slow = json!({
        "type": "action", "tool": "work", "parameters": {"say": "{{ input.say }}"},
        "policy": {"queue": "slow"},
    });
    graph(&[("t", trigger()), ("a", slow), ("e", end())], "t>a a>e")
}

impl Servers {
    async fn new(count: usize, concurrency: u32, per_minute: Option<u32>) -> Self {
        let limits = Arc::new(Limits(Mutex::new(QueueLimit { concurrency, per_minute })));
        let config = EngineConfig { organizations: limits.clone(), ..EngineConfig::default() };
        let bench = Bench::with(one_step(), config).await;
        let mut servers = Vec::new();
        for _ in 0..count {
            let config =
                EngineConfig { timekeeping: Timekeeping::Automatic, ..bench.config.clone() };
            let (store, script) = (bench.place.open().await, bench.script.clone());
            let engine = Engine::start(store.clone(), script, Arc::new(SystemClock), config);
            servers.push((store, engine));
        }
        Self { bench, limits, servers }
    }

    /// Starts a run on the n-th of them.
    async fn start(&self, number: usize) -> RunId {
        let engine = &self.servers[number % self.servers.len()].1;
        let (organization, workflow) = (self.bench.organization, self.bench.workflow);
        engine.start_run(organization, workflow, 1, StartRun::default()).await.unwrap().run
    }

    async fn ended(&self, run: RunId) {
        let engine = &self.servers[0].1;
        let ended = engine.wait(self.bench.organization, run, WaitFor::End, PATIENCE).await;
        assert_eq!(ended.unwrap().phase(), RunPhase::Completed);
        self.bench.sound(run).await;
    }

    fn made(&self) -> usize {
        self.bench.script.made().len()
    }

    /// Waits until so many calls were made.
    async fn has_made(&self, count: usize) {
        let made = async {
            while self.made() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, made).await;
        assert!(in_time.is_ok(), "{} of {count} calls were made", self.made());
    }

    async fn close(self) {
        for (store, engine) in self.servers {
            engine.shutdown().await;
            store.close().await;
        }
    }
}

async fn sql(place: &Place, sql: &'static str) {
    let mut conn = PgConnection::connect(&place.url()).await.unwrap();
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_calls_of_a_queue_are_made_at_once_on_all_servers_together() {
    on_each_postgres(async || {
        let servers = Servers::new(2, 2, None).await;
        servers.bench.script.answer("a", (0..10).map(|_| Says::Later(100)));
        let mut runs = Vec::new();
        for number in 0..10 {
            runs.push(servers.start(number).await);
        }
        for run in runs {
            servers.ended(run).await;
        }
        assert_eq!(servers.made(), 10, "each once");
        assert_eq!(servers.bench.script.most_in_flight.load(Ordering::SeqCst), 2);
        servers.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_calls_of_a_queue_begin_within_a_minute_on_all_servers_together() {
    on_each_postgres(async || {
        let servers = Servers::new(2, 100, Some(3)).await;
        let mut runs = Vec::new();
        for number in 0..5 {
            runs.push(servers.start(number).await);
        }
        servers.has_made(3).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(servers.made(), 3, "the minute is not over");
        // As if it were.
        sql(&servers.bench.place, "UPDATE queue_begins SET at = at - 60000").await;
        for run in runs {
            servers.ended(run).await;
        }
        assert_eq!(servers.made(), 5);
        servers.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_leaves_its_places_and_new_limits_hold_at_once() {
    on_each_postgres(async || {
        let mut servers = Servers::new(2, 1, None).await;
        servers.bench.script.answer("a", [Says::Hang]);
        let first = servers.start(0).await;
        servers.has_made(1).await;
        let second = servers.start(1).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(servers.made(), 1, "the queue is full");
        servers.limits.0.lock().unwrap().concurrency = 2;
        servers.servers[1].1.queues_changed(servers.bench.organization);
        servers.ended(second).await;

        servers.limits.0.lock().unwrap().concurrency = 1;
        servers.servers[1].1.queues_changed(servers.bench.organization);
        let third = servers.start(1).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(servers.made(), 2, "the queue is full again");
        let (store, engine) = servers.servers.remove(0);
        engine.shutdown().await;
        store.close().await;
        for run in [first, third] {
            let engine = &servers.servers[0].1;
            let ended = engine.wait(servers.bench.organization, run, WaitFor::End, PATIENCE).await;
            assert_eq!(ended.unwrap().phase(), RunPhase::Completed);
        }
        assert_eq!(servers.made(), 4, "the call of the first is made again, by the other server");
        servers.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_still_made_keeps_its_place_under_another_lease() {
    on_each_postgres(async || {
        let servers = Servers::new(1, 1, None).await;
        servers.bench.script.answer("a", [Says::Hang]);
        servers.start(0).await;
        servers.has_made(1).await;
        let mut conn = PgConnection::connect(&servers.bench.place.url()).await.unwrap();
        let begun = "SELECT begun_by, claims FROM calls";
        let (by, claims): (i64, i64) = sqlx::query_as(begun).fetch_one(&mut conn).await.unwrap();
        assert_eq!(claims, 1);
        // As if that had been an older lease, which is over.
        sqlx::query("UPDATE calls SET owner = 0, begun_by = 0").execute(&mut conn).await.unwrap();
        let taken_again = async {
            loop {
                let (now, claims): (Option<i64>, i64) =
                    sqlx::query_as(begun).fetch_one(&mut conn).await.unwrap();
                if now != Some(0) {
                    return (now, claims);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let taken_again = tokio::time::timeout(PATIENCE, taken_again).await.unwrap();
        assert_eq!(taken_again, (Some(by), 1));
        assert_eq!(servers.made(), 1);
        conn.close().await.unwrap();
        servers.close().await;
    })
    .await;
}

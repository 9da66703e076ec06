//! Steady work for long: memory, the write-ahead log and the file stay as they are, because history goes as it comes.
//!
//! `SIGNALBOX_SOAK_SECONDS` says how long (600; 180 at least), `SIGNALBOX_SOAK_RATE` how many runs a second (20). Nobody waits a day
//! for a run to be old enough to go, so the test sets back the ends of runs that were over half a minute ago.

mod figures;

use crate::approver::Approver;
use crate::documents::{self, chain, none_in, unended};
use crate::server_process::ServerProcess;
use crate::sink::Sink;
use crate::{STUCK_AFTER, number};
use figures::{Figures, Sample};
use serde_json::json;
use signalbox::client::Client;
use signalbox::wire::{Health, HealthCode, HistorySettings};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Runs that were over for so long are made older.
const OVER_MS: i64 = 30_000;
/// By so much: longer than the shortest time for which runs are kept.
const OLDER_MS: i64 = 2 * 86_400_000;
/// Only then has history gone long enough for the second half to be like the one after it.
const SHORTEST: Duration = Duration::from_secs(180);
/// Each run makes so many steps.
const STEPS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes; make test-long plays it"]
async fn steady_work_leaves_memory_log_and_file_as_they_are() {
    let length = Duration::from_secs(number("SIGNALBOX_SOAK_SECONDS", 600));
    let rate = number("SIGNALBOX_SOAK_RATE", 20).max(1);
    assert!(length >= SHORTEST, "a soak of {length:?} shows nothing");
    println!("soak test: {} s, {rate} runs a second", length.as_secs());
    let mut server = ServerProcess::start(None).await;
    server.stop().await;
    server.environment_set(vec![("SIGNALBOX_SWEEP_SECONDS", "10".into())]);
    server.restart().await;
    let client = server.client_with(&server.token());
    let (asked, unasked) = addresses(&client).await;
    let history = HistorySettings { runs_days: 1, keys_days: 1 };
    client.settings_history_set(&history).await.expect("history is kept for a day");
    let approver = Approver::start(client.clone(), Sink::start().await);
    let load = Load::start([asked, unasked], rate);

    let mut watch = Watch::open(server.data()).await;
    let figures = watch.for_so_long(&server, length).await;
    let started = load.stop().await;
    let ended = none_in(&client, &unended(), STUCK_AFTER * server.slack()).await;
    approver.stop(&client).await;
    let kept = watch.runs_kept().await;
    println!("{started} runs, {} steps, {kept} runs kept in the end; {figures}", started * STEPS);
    assert!(ended, "runs are stuck");
    assert!(started >= length.as_secs() * rate / 2, "the server did not keep up: {started} runs");
    assert!(kept < started / 2, "history was not forgotten: {kept} of {started} runs are there");
    figures.assert_steady();
    assert_well(&server.base_url()).await;
}

/// Two webhooks: one workflow asks a person, the other one does not.
async fn addresses(client: &Client) -> (String, String) {
    let set = |name: &str| documents::set(name, "{{input.body.number}}");
    let asked = [set("first"), documents::call(), documents::ask(), set("last")];
    let unasked = [set("first"), documents::call(), documents::call(), set("last")];
    let mut urls = Vec::new();
    for (name, steps) in [("Asked", asked), ("Unasked", unasked)] {
        let document = chain(name, documents::by_webhook(), &steps);
        urls.push(documents::publish(client, document).await.hook_url.expect("an address"));
    }
    let unasked = urls.pop().expect("two addresses");
    (urls.pop().expect("two addresses"), unasked)
}

/// Whoever sends to the webhooks.
struct Load {
    stop: Arc<AtomicBool>,
    started: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Load {
    fn start(hooks: [String; 2], rate: u64) -> Self {
        let (stop, started) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn(send(hooks, rate, stop.clone(), started.clone()));
        Self { stop, started, task }
    }

    /// How many runs were started.
    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("every webhook was answered with 2xx");
        self.started.load(Ordering::Relaxed)
    }
}

async fn send(hooks: [String; 2], rate: u64, stop: Arc<AtomicBool>, started: Arc<AtomicU64>) {
    let sender = reqwest::Client::new();
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        tick.tick().await;
        let request = sender
            .post(&hooks[(number % 2) as usize])
            .header("content-type", "application/json")
            .header("idempotency-key", format!("soak-{number}"))
            .body(json!({"number": number}).to_string());
        let answer = request.send().await.expect("the server answers");
        assert!(answer.status().is_success(), "a webhook was answered with {}", answer.status());
        started.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at the process and its files, and lets history grow old.
struct Watch {
    data: PathBuf,
    conn: SqliteConnection,
}

impl Watch {
    async fn open(data: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(data.join("signalbox.db"))
            .busy_timeout(Duration::from_secs(30));
        let conn = SqliteConnection::connect_with(&options).await.expect("the database opens");
        Self { data: data.to_owned(), conn }
    }

    /// Samples every ten seconds; the log is looked at every second.
    async fn for_so_long(&mut self, server: &ServerProcess, length: Duration) -> Figures {
        let mut figures = Figures::new(length);
        let begin = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for second in 0_u64.. {
            tick.tick().await;
            figures.log_seen(self.bytes("signalbox.db-wal"));
            if second % 10 == 0 {
                self.grow_old().await;
                let at = begin.elapsed();
                let file = self.bytes("signalbox.db");
                figures.add(Sample { at, memory_mib: server.resident_mib(), file });
            }
            if begin.elapsed() >= length {
                break;
            }
        }
        figures
    }

    fn bytes(&self, name: &str) -> u64 {
        std::fs::metadata(self.data.join(name)).map_or(0, |file| file.len())
    }

    /// Runs that are over, and events that were told, become two days older.
    async fn grow_old(&mut self) {
        let now = chrono::Utc::now().timestamp_millis();
        for sql in [
            "UPDATE runs SET ended_at = ended_at - $1 WHERE ended_at > $2 AND ended_at < $3",
            "UPDATE outside_events SET at = at - $1 WHERE at > $2 AND at < $3 AND pending <> 1",
        ] {
            sqlx::query(sql)
                .bind(OLDER_MS)
                .bind(now - OLDER_MS / 2)
                .bind(now - OVER_MS)
                .execute(&mut self.conn)
                .await
                .expect("history grows old");
        }
    }

    async fn runs_kept(&mut self) -> u64 {
        let runs: i64 = sqlx::query_scalar("SELECT count(*) FROM runs")
            .fetch_one(&mut self.conn)
            .await
            .expect("the runs are counted");
        runs.unsigned_abs()
    }
}

/// `/health` has nothing to say, but that this machine's disk is full.
async fn assert_well(base_url: &str) {
    let answer = reqwest::get(format!("{base_url}/health")).await.expect("the server answers");
    assert!(answer.status().is_success(), "health: {}", answer.status());
    let text = answer.text().await.expect("a body");
    let health: Health = serde_json::from_str(&text).expect("the health of the server");
    let reasons = health.reasons.iter().filter(|reason| reason.code != HealthCode::DiskLow);
    assert_eq!(reasons.count(), 0, "health: {text}");
}

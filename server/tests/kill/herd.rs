//! The herd after a downtime: timers and schedules fell due while the server was down. All of it is done, a schedule
//! starts one run for all the times it missed, and people get their pages meanwhile.
//!
//! `SIGNALBOX_SLEEPERS` and `SIGNALBOX_SCHEDULES` say how many. Times are asserted only where somebody asked for a
//! number of sleepers: beside other tests they say little.

use crate::documents::{self, chain, none_in, runs_of};
use crate::server_process::ServerProcess;
use crate::{STUCK_AFTER, number};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use serde_json::{Value, json};
use signalbox::client::Client;
use signalbox::id::WorkflowId;
use signalbox::run::RunPhase;
use signalbox::wire::{ApprovalState, PageQuery, RunQuery, RunStart};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Runs that are started at the same time.
const AT_ONCE: usize = 16;
/// Questions that stand in the inbox; they are put in first, and show how fast runs can be.
const QUESTIONS: u64 = 100;
/// In so long the herd must be through.
const DRAINED_MAX: Duration = Duration::from_secs(600);
/// A person may wait so long for a page, except one time in a hundred; the aim is 500 ms.
const PAGE_MAX: Duration = Duration::from_secs(2);
/// Hours by which the schedules are set back.
const MISSED_HOURS: i64 = 26;
/// Between two looks of the person.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fell_due_while_the_server_was_down_is_done_once() {
    let sleepers = number("SIGNALBOX_SLEEPERS", 500);
    let is_asked_for = std::env::var_os("SIGNALBOX_SLEEPERS").is_some();
    let mut server = ServerProcess::start(None).await;
    let client = server.client_with(&server.token());
    let published_at = Utc::now();
    let schedules = schedules(&client, number("SIGNALBOX_SCHEDULES", 20)).await;
    let (asleep, due) = put_to_sleep(&client, sleepers).await;
    server.stop().await;
    let overdue = set_back(server.data()).await;
    let wait = (due - Utc::now()).to_std().unwrap_or_default();
    tokio::time::sleep(wait + Duration::from_secs(1)).await;

    let begin = Instant::now();
    server.restart().await;
    let reader = Reader::start(client.clone());
    let patience = DRAINED_MAX * server.slack();
    let is_drained = none_in(&client, &[RunPhase::StandBy, RunPhase::Executing], patience).await;
    let took = begin.elapsed();
    let pages = reader.stop().await;
    let (p50, p99) = (share(&pages, 0.5), share(&pages, 0.99));
    println!(
        "herd: {overdue} overdue timers and {} schedules that missed {MISSED_HOURS} hours, drained in {:.1} s; {} pages \
         meanwhile, p50 {} ms, p99 {} ms",
        schedules.len(),
        took.as_secs_f64(),
        pages.len(),
        p50.as_millis(),
        p99.as_millis()
    );
    assert!(is_drained, "not all was done in {patience:?}");
    assert!(overdue >= sleepers / 2, "most woke before the server was stopped: {overdue} did not");
    let (runs, not_well) = runs_of(&client, asleep).await;
    assert_eq!(runs.len() as u64, sleepers, "one run a sleeper");
    assert!(not_well.is_empty(), "sleepers that did not complete: {not_well:?}");
    fired_once(&client, &schedules, published_at, STUCK_AFTER * server.slack()).await;
    if is_asked_for {
        assert!(p99 <= PAGE_MAX * server.slack(), "a page took {p99:?}");
    }
}

/// Schedules that come each hour.
async fn schedules(client: &Client, count: u64) -> Vec<WorkflowId> {
    let mut ids = Vec::new();
    for number in 0..count {
        let mut document =
            chain(&format!("Hourly {number}"), documents::each_hour(), &[documents::set("n", 1)]);
        document["graph"]["nodes"][0]["kind"]["schedule"] = json!({"misfire": "coalesce"});
        ids.push(documents::publish(client, document).await.workflow.id);
    }
    ids
}

/// Starts runs that wake at the same moment, late enough that all are asleep before it; and when that is.
async fn put_to_sleep(client: &Client, sleepers: u64) -> (WorkflowId, DateTime<Utc>) {
    let set = documents::set("awake", true);
    let question = chain("Question", documents::by_hand(), &[documents::ask()]);
    let question = documents::publish(client, question).await.workflow.id;
    let asleep = chain("Asleep", documents::by_hand(), &[documents::sleep(), set]);
    let asleep = documents::publish(client, asleep).await.workflow.id;
    let begin = Instant::now();
    put_in(client, question, QUESTIONS, &Value::Null).await;
    let each = begin.elapsed().as_secs_f64() / QUESTIONS as f64;
    let seconds = 3.0 + 1.5 * each * sleepers as f64;
    let due = Utc::now() + TimeDelta::milliseconds((seconds * 1e3) as i64);
    let input = json!({"at": due.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)});
    put_in(client, asleep, sleepers, &input).await;
    (asleep, due)
}

async fn put_in(client: &Client, workflow: WorkflowId, count: u64, input: &Value) {
    let start = |_: u64| async move {
        let body = RunStart { input: input.clone(), ..RunStart::default() };
        client.run_start(workflow, &body, None).await.expect("a run starts");
    };
    futures::stream::iter(0..count).for_each_concurrent(AT_ONCE, start).await;
}

/// As if the server had been down for longer: schedules missed hours. How many timers wait.
async fn set_back(data: &Path) -> u64 {
    let options = SqliteConnectOptions::new().filename(data.join("signalbox.db"));
    let mut conn = SqliteConnection::connect_with(&options).await.expect("the database opens");
    sqlx::query("UPDATE schedules SET after_at = after_at - $1, due_at = due_at - $1")
        .bind(MISSED_HOURS * 3_600_000)
        .execute(&mut conn)
        .await
        .expect("schedules are set back");
    let timers: i64 = sqlx::query_scalar("SELECT count(*) FROM timers")
        .fetch_one(&mut conn)
        .await
        .expect("the timers are counted");
    conn.close().await.expect("the database closes");
    timers.unsigned_abs()
}

/// Each schedule has one run for all that it missed, and one for each hour that struck since it was published.
async fn fired_once(
    client: &Client,
    schedules: &[WorkflowId],
    since: DateTime<Utc>,
    patience: Duration,
) {
    let hour = |at: DateTime<Utc>| at.timestamp().div_euclid(3_600);
    let limit = Instant::now() + patience;
    for schedule in schedules {
        let runs = loop {
            let wanted =
                RunQuery { workflow: Some(*schedule), limit: Some(200), ..RunQuery::default() };
            let runs = client.runs(&wanted).await.expect("a page of runs").items.len();
            if runs > 0 || Instant::now() > limit {
                break runs;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let struck = (hour(Utc::now()) - hour(since)).unsigned_abs() as usize;
        let as_it_should = 1..=1 + struck;
        assert!(as_it_should.contains(&runs), "{runs} runs of schedule {schedule}");
    }
}

/// Somebody who opens the inbox and the list of runs again and again.
struct Reader {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<Duration>>,
}

impl Reader {
    fn start(client: Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(read(client, stop.clone()));
        Self { stop, task }
    }

    /// How long each page took, the shortest first.
    async fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let mut times = self.task.await.expect("the reader got every page");
        times.sort_unstable();
        times
    }
}

async fn read(client: Client, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Vec::new();
    // At least once, however fast the herd is through.
    loop {
        tick.tick().await;
        let asked = Instant::now();
        let inbox = client.approvals(Some(ApprovalState::Pending), &PageQuery::default()).await;
        assert!(!inbox.expect("the inbox").items.is_empty(), "questions wait in the inbox");
        times.push(asked.elapsed());
        let asked = Instant::now();
        client.runs(&RunQuery::default()).await.expect("the list of runs");
        times.push(asked.elapsed());
        if stop.load(Ordering::Relaxed) {
            return times;
        }
    }
}

/// The time within which this share of the pages came.
fn share(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

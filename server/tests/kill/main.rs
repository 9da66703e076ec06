//! `kill -9` of the real binary at random moments while runs are in flight, with a real SMTP
//! server on the other side. No run is lost, no committed step repeated, no mail sent twice, and
//! every doubtful mail stands in the inbox.
//!
//! It is done on the embedded database and on each PostgreSQL of `TEST_POSTGRES_URL`; there also with two
//! servers on one database, of which one is killed.
//!
//! Beside it stand what else the real binary must bear: the power goes (`power`), it was down while much fell due
//! (`herd`), it works for long (`soak`).
//!
//! `SIGNALBOX_BIN` names the binary (the one cargo built otherwise), `SIGNALBOX_KILLS` and
//! `SIGNALBOX_RUNS` how often and how many, `SIGNALBOX_SEED` the moments.

mod approver;
mod documents;
mod herd;
mod power;
mod report;
mod server_process;
mod sink;
mod soak;
mod stuck;
mod workload;

use report::Report;
use server_process::ServerProcess;
use sink::Sink;
use sqlx::Connection;
use std::time::{Duration, Instant};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How long a server may take from its start to its first answer.
const RESTART_MAX: Duration = Duration::from_secs(2);
/// How long what a killed server had in hand may lie before another server goes on with it.
const TAKEOVER_MAX: Duration = Duration::from_secs(25);
/// A run that has not ended so long after the last server was started or killed is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// A small generator: what is left to chance must be repeatable from a printed seed.
struct Chance(u64);

impl Chance {
    fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        range.start + (z ^ (z >> 31)) % (range.end - range.start)
    }
}

/// A fresh database on each PostgreSQL that tests may use.
async fn databases(word: &str) -> Vec<String> {
    let servers = std::env::var("TEST_POSTGRES_URL").unwrap_or_default();
    let (mut urls, mut versions) = (Vec::new(), Vec::new());
    for server in servers.split_whitespace() {
        let name = format!("{word}_{}", uuid::Uuid::new_v4().simple());
        let mut conn = sqlx::PgConnection::connect(server).await.expect("the server answers");
        let version = "SELECT (current_setting('server_version_num')::int8 / 10000)::text";
        let version: String =
            sqlx::query_scalar(version).fetch_one(&mut conn).await.expect("a version");
        versions.push(version);
        let sql = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(sql).execute(&mut conn).await.expect("a database");
        let (base, _) = server.rsplit_once('/').expect("an address with a database");
        urls.push(format!("{base}/{name}"));
    }
    // Without its databases a test looks at nothing and passes.
    if let Ok(required) = std::env::var("REQUIRE_POSTGRES") {
        assert_eq!(versions.join(" "), required, "the PostgreSQL versions that are asked for");
    }
    urls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_nothing_is_lost_and_nothing_is_sent_twice() {
    killed(None, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_postgresql() {
    for url in databases("kill").await {
        killed(Some(url), false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_killed_beside_another_one() {
    for url in databases("pair").await {
        killed(Some(url), true).await;
    }
}

/// Kills the server that starts the runs. With `pair` a second one stays, through which a person decides.
async fn killed(database: Option<String>, pair: bool) {
    // The embedded database in full; a database server has kill tests of its own, so a third does.
    let share = if database.is_some() { 3 } else { 1 };
    let kills = number("SIGNALBOX_KILLS", 30 / share);
    let runs = number("SIGNALBOX_RUNS", 100 / share);
    let seed = number("SIGNALBOX_SEED", u64::from(std::process::id()));
    let on = if database.is_some() { "PostgreSQL" } else { "SQLite" };
    println!("kill test on {on}, a second server: {pair}: {kills} kills, {runs} runs, seed {seed}");
    let mut chance = Chance(seed);
    let sink = Sink::start().await;
    let mut server = ServerProcess::start(database.clone()).await;
    let token = server.token();
    let starting = server.client_with(&token);
    let second = if pair { Some(server.beside().await) } else { None };
    let client = second.as_ref().map_or(starting.clone(), |second| second.client_with(&token));
    let workflow = workload::prepare(&client, sink.port()).await;
    let approver = approver::Approver::start(client.clone(), sink.clone());
    let starter = tokio::spawn(workload::start_runs(starting, workflow, runs));

    let mut slowest_start = Duration::ZERO;
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(chance.within(30..700))).await;
        server.kill();
        let began = Instant::now();
        server.restart().await;
        slowest_start = slowest_start.max(began.elapsed());
    }
    let ids = starter.await.expect("the starter ends");
    if pair {
        server.kill(); // for good: the other one takes over what it owned
    }
    let killed_at = chrono::Utc::now();
    let left = if pair { workload::open_of(&client, ids.clone()).await } else { Vec::new() };
    let slack = server.slack();
    let finished = workload::all_ended(&client, &ids, STUCK_AFTER * slack).await;
    stuck::explain(&client, database.as_deref(), &finished).await;
    let doubts = approver.stop(&client).await;
    let silent = |why: &String| why.starts_with("no answer");
    if !finished.is_empty() || doubts.refusals.keys().any(silent) {
        println!("what the person was refused: {:#?}", doubts.refusals);
    }
    let report = Report::gather(&client, &ids, &sink, &doubts, finished).await;
    let takeover = workload::slowest_to_go_on(&client, &left, killed_at).await;
    println!(
        "{report}; slowest restart to health {} ms; {} runs were left behind and went on within {} ms",
        slowest_start.as_millis(),
        left.len(),
        takeover.as_millis()
    );
    report.assert_sound(runs);
    assert!(slowest_start <= RESTART_MAX * slack, "a restart took {slowest_start:?}");
    assert!(takeover <= TAKEOVER_MAX * slack, "a run went on {takeover:?} after the kill");
}

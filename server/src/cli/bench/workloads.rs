//! The five workloads. Every answer is looked at: a run that did not end as it should ends the bench.

use super::{
    broken, client::Connection, documents, floor, load, report::Report, server::ServerProcess,
};
use crate::cli::CommandError;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox::{
    id::{RunId, WorkflowId},
    run::RunPhase,
    wire::{RunQuery, RunStart},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// How long the slowest workload may take.
const PATIENCE: Duration = Duration::from_secs(300);
const CLIENTS: usize = 32;
/// Servers know of each other after a heartbeat.
const ACQUAINTED: Duration = Duration::from_secs(6);

/// W1: a webhook that answers when its run has finished.
pub async fn webhook_runs(
    server: &ServerProcess,
    share: f64,
    floor: Option<floor::Reached>,
    report: &mut Report,
) -> Result<(), CommandError> {
    let published = server.publish(documents::webhook()).await?;
    let address = published.hook_url.ok_or_else(|| CommandError::new("no webhook address"))?;
    let path = address.find("/hooks/").map_or("", |at| &address[at..]);
    let path = format!("{path}?respond=finished");
    let open = async || Connection::open(&server.base_url).await;
    let ask = async |connection: &mut Connection, number: usize| match connection
        .post(&path, &json!({"number": number % 1_000}))
        .await?
    {
        (200, _) => Ok(()),
        (_, body) => Err(broken("the webhook", body)),
    };
    for (place, (clients, count)) in [(1, 2_000), (8, 10_000), (32, 20_000)].into_iter().enumerate()
    {
        let (count, before) = (part(count, share), server.commits().await?);
        let load = load::drive(clients, count, open, ask).await?;
        let commits = server.commits().await? - before;
        let at = format!("webhook to answer, {clients} clients");
        report.add("W1", at.clone(), load.rate(), "runs/s");
        if let Some(floor) = floor {
            let share = 100.0 * load.rate() / floor.runs[place];
            report.add("W1", format!("{at}, share of the floor"), share, "%");
        }
        report.add("W1", format!("{at}, p50"), load.percentile_ms(0.5), "ms");
        report.add("W1", format!("{at}, p99"), load.percentile_ms(0.99), "ms");
        report.add("W1", format!("{at}, commits"), commits / count as f64, "/run");
    }
    if !server.is_shared() {
        return Ok(());
    }
    let second = server.beside().await?;
    tokio::time::sleep(ACQUAINTED).await;
    let next = AtomicUsize::new(0);
    let open = async || match next.fetch_add(1, Ordering::Relaxed) % 2 {
        0 => Connection::open(&server.base_url).await,
        _ => Connection::open(&second.base_url).await,
    };
    let load = load::drive(CLIENTS, part(20_000, share), open, ask).await?;
    let at = format!("webhook to answer, {CLIENTS} clients, two servers");
    report.add("W1", at, load.rate(), "runs/s");
    // The tables have grown meanwhile, so one server is measured once more.
    let open = async || Connection::open(&server.base_url).await;
    let load = load::drive(CLIENTS, part(20_000, share), open, ask).await?;
    let at = format!("webhook to answer, {CLIENTS} clients, one of the two servers");
    report.add("W1", at, load.rate(), "runs/s");
    Ok(())
}

/// W2: one run of 1,000 steps, pure and with a commit each.
pub async fn chain(
    server: &ServerProcess,
    share: f64,
    floor: Option<floor::Reached>,
    report: &mut Report,
) -> Result<(), CommandError> {
    let steps = part(1_000, share);
    let pure = documents::chain("Bench pure", steps, |number| documents::set("n", number));
    let calls = documents::chain("Bench calls", steps, |_| documents::call());
    for (document, what, floor) in
        [(pure, "steps that share commits", None), (calls, "steps with a commit each", floor)]
    {
        let workflow = server.publish(document).await?.workflow.id;
        let before = server.commits().await?;
        let begin = Instant::now();
        let run = start(server, workflow, Value::Null).await?;
        completed(server, run).await?;
        let took = begin.elapsed().as_secs_f64();
        let commits = server.commits().await? - before;
        report.add("W2", what, steps as f64 / took, "steps/s");
        report.add("W2", format!("{what}, commits"), commits / steps as f64, "/step");
        if let Some(floor) = floor {
            let share = 100.0 * steps as f64 / took / floor.steps;
            report.add("W2", format!("{what}, share of the floor"), share, "%");
        }
    }
    Ok(())
}

/// W3: runs are put in and drained; what each leaves on the disk.
pub async fn backlog(
    server: &mut ServerProcess,
    share: f64,
    report: &mut Report,
) -> Result<(), CommandError> {
    let document = documents::chain("Bench backlog", 3, |number| documents::set("n", number));
    let workflow = server.publish(document).await?.workflow.id;
    let (count, before) = (part(10_000, share), server.commits().await?);
    let begin = Instant::now();
    load::drive(CLIENTS, count, nothing, async |(), _| put_in(server, workflow, Value::Null).await)
        .await?;
    let put_in = begin.elapsed();
    none_left(server, workflow, RunPhase::Executing).await?;
    let drained = begin.elapsed();
    let commits = server.commits().await? - before;
    report.add("W3", "runs put in", count as f64 / put_in.as_secs_f64(), "runs/s");
    report.add("W3", "runs put in and drained", count as f64 / drained.as_secs_f64(), "runs/s");
    report.add("W3", "runs put in and drained, commits", commits / count as f64, "/run");
    report.add("W3", "resident after it", server.resident_mb(), "MB");
    let bytes = server.database_bytes().await?;
    report.add("W3", "on disk, with the full history", bytes as f64 / count as f64, "bytes/run");
    Ok(())
}

/// W4: many sleepers, some of which fall due in the same second.
pub async fn sleepers(
    server: &mut ServerProcess,
    share: f64,
    report: &mut Report,
) -> Result<(), CommandError> {
    let asleep = documents::chain("Bench sleepers", 1, |_| documents::sleep());
    let due = documents::chain("Bench due", 1, |_| documents::sleep());
    let (asleep, due) =
        (server.publish(asleep).await?.workflow.id, server.publish(due).await?.workflow.id);
    let before = server.resident_mb();
    let count = part(20_000, share);
    let later = at(Utc::now() + TimeDelta::hours(1));
    load::drive(CLIENTS, count, nothing, async |(), _| put_in(server, asleep, later.clone()).await)
        .await?;
    report.add("W4", "sleepers", count as f64, "runs");
    report.add("W4", "more resident memory", server.resident_mb() - before, "MB");

    let falling = part(2_000, share);
    // Late enough that all are asleep before the first one is due.
    let moment = Utc::now() + TimeDelta::seconds(5 + falling as i64 / 400);
    load::drive(CLIENTS, falling, nothing, async |(), _| put_in(server, due, at(moment)).await)
        .await?;
    let wait = (moment - Utc::now()).to_std();
    let wait = wait
        .map_err(|_| CommandError::new("the sleepers were put in too slowly to be due at once"))?;
    tokio::time::sleep(wait).await;
    let begin = Instant::now();
    none_left(server, due, RunPhase::StandBy).await?;
    none_left(server, due, RunPhase::Executing).await?;
    let took = begin.elapsed().as_secs_f64();
    report.add("W4", format!("{falling} timers due in the same second, all fired"), took, "s");
    let bytes = server.database_bytes().await?;
    let runs = (count + falling) as f64;
    report.add("W4", "on disk", bytes as f64 / runs, "bytes/sleeper");
    Ok(())
}

/// W5: from the start of the process to its first answer, and what it takes at rest.
pub async fn rest(server: &mut ServerProcess, report: &mut Report) -> Result<(), CommandError> {
    report.add("W5", "start to the first answer", server.started_in.as_secs_f64(), "s");
    tokio::time::sleep(Duration::from_secs(2)).await;
    report.add("W5", "resident at rest", server.resident_mb(), "MB");
    Ok(())
}

fn part(count: usize, share: f64) -> usize {
    ((count as f64 * share) as usize).max(10)
}

fn at(time: DateTime<Utc>) -> Value {
    json!({"at": time.to_rfc3339_opts(SecondsFormat::Millis, true)})
}

/// Clients that share a client of their own.
async fn nothing() -> Result<(), CommandError> {
    Ok(())
}

async fn start(
    server: &ServerProcess,
    workflow: WorkflowId,
    input: Value,
) -> Result<RunId, CommandError> {
    let body = RunStart { input, ..RunStart::default() };
    let started = server.client.run_start(workflow, &body, None).await;
    Ok(started.map_err(|error| broken("starting a run", error))?.id)
}

async fn put_in(
    server: &ServerProcess,
    workflow: WorkflowId,
    input: Value,
) -> Result<(), CommandError> {
    start(server, workflow, input).await.map(|_| ())
}

async fn completed(server: &ServerProcess, run: RunId) -> Result<(), CommandError> {
    let limit = Instant::now() + PATIENCE;
    while Instant::now() < limit {
        let asked = server.client.run_wait(run, 30_000).await;
        let phase = asked.map_err(|error| broken("the run", error))?.run.status.phase();
        match phase {
            RunPhase::Completed => return Ok(()),
            phase if phase.is_terminal() => return Err(broken("the run", format!("{phase:?}"))),
            _ => {}
        }
    }
    Err(CommandError::new("the run did not end in time"))
}

/// Asks until no run of the workflow is in this phase.
async fn none_left(
    server: &ServerProcess,
    workflow: WorkflowId,
    phase: RunPhase,
) -> Result<(), CommandError> {
    let limit = Instant::now() + PATIENCE;
    let wanted = RunQuery {
        state: Some(phase),
        workflow: Some(workflow),
        limit: Some(1),
        ..RunQuery::default()
    };
    while Instant::now() < limit {
        let page = server.client.runs(&wanted).await;
        if page.map_err(|error| broken("the runs", error))?.items.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(CommandError::new("the runs did not end in time"))
}

//! Firing schedules: the run's start and the schedule's next time are one transaction.

use super::may_pass;
use crate::{
    engine::{EngineError, EngineHandle, StartOp, StartRun},
    store::{self, ScheduleRow, Store, StoreError, UnreadableSchedule},
};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use signalbox::{id::OrganizationId, time::Schedule};
use std::sync::Mutex;

/// Rows read at once.
const BATCH: u32 = 256;
/// Schedules that fire at the same time.
const AT_ONCE: usize = 16;
/// By whom the runs are started.
const STARTED_BY: &str = "schedule";

/// Fires what is due, oldest first, until nothing is.
pub(super) async fn fire_due(engine: &EngineHandle) -> Result<(), EngineError> {
    loop {
        let due = store::schedules_due(engine.store(), engine.clock().now(), BATCH).await?;
        if due.is_empty() {
            return Ok(());
        }
        let failed = Mutex::new(None);
        futures::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |row| async {
                let done = match row {
                    Ok(row) => fire(engine, row).await,
                    Err(unreadable) => set_aside(engine, unreadable).await,
                };
                if let Err(error) = done
                    && let Ok(mut failed) = failed.lock()
                {
                    failed.get_or_insert(error);
                }
            })
            .await;
        // Its row is still due: without a pause this would turn in circles.
        if let Ok(Some(error)) = failed.into_inner() {
            return Err(error);
        }
    }
}

/// Does what is to be done about one schedule now. Somebody else may do it at the same time: only one of us
/// moves it on.
async fn fire(engine: &EngineHandle, row: ScheduleRow) -> Result<(), EngineError> {
    match fire_alone(engine, row).await {
        Err(EngineError::Store(StoreError::Conflict { .. })) => Ok(()),
        other => other,
    }
}

/// One that cannot be read waits for the next start, whose server may read it; the list of workflows says so.
async fn set_aside(
    engine: &EngineHandle,
    unreadable: UnreadableSchedule,
) -> Result<(), EngineError> {
    let UnreadableSchedule { organization, workflow, error } = unreadable;
    tracing::error!(%workflow, %error, "a schedule cannot be read");
    let note = format!("The schedule cannot be read: {error}. Publish the workflow again.");
    let noted = engine.store().write(move |tx| {
        async move { store::schedule_set_aside(tx, organization, workflow, never(), &note).await }
            .boxed()
    });
    Ok(noted.await?)
}

async fn fire_alone(engine: &EngineHandle, mut row: ScheduleRow) -> Result<(), EngineError> {
    let store = engine.store();
    let schedule = match schedule_of(store, &row).await? {
        Ok(schedule) => schedule,
        Err(reason) => return advance(store, row, None, never(), reason).await,
    };
    let Some(turn) = schedule.turn(row.after_at, engine.clock().now()) else {
        let (next, note) = (next(&schedule, row.after_at), row.note.clone());
        return advance(store, row, None, next, note).await;
    };
    let mut note = match turn.missed {
        0 => String::new(),
        missed => format!("{missed} times came too late and were left out."),
    };
    for at in &turn.runs {
        if row.rule.no_overlap {
            let (organization, workflow) = (row.organization, row.workflow);
            let going = store::run_unfinished_of(store, organization, workflow, STARTED_BY).await?;
            if going.is_some() {
                note = "A time was left out because the run before it was still going on.".into();
                break;
            }
        }
        // What is missed and has no run of its own goes with the last one.
        let last = turn.runs.last() == Some(at);
        let newest = if last { turn.newest } else { *at };
        match start(engine, &row, &schedule, *at, newest, turn.missed).await {
            Ok(()) => {}
            Err(error) if may_pass(&error) => return Err(error),
            Err(error) => {
                let reason = format!("No run was started: {error}.");
                let next = next(&schedule, newest);
                advance(store, row.clone(), Some(newest), next, reason).await?;
            }
        }
        row.after_at = newest;
    }
    if row.after_at < turn.newest {
        let next = next(&schedule, turn.newest);
        advance(store, row, Some(turn.newest), next, note).await?;
    }
    Ok(())
}

async fn start(
    engine: &EngineHandle,
    row: &ScheduleRow,
    schedule: &Schedule,
    at: DateTime<Utc>,
    newest: DateTime<Utc>,
    missed: usize,
) -> Result<(), EngineError> {
    let next = next(schedule, newest);
    let stamp = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let start = StartRun {
        input: input(schedule, at, missed),
        started_by: STARTED_BY.to_owned(),
        idempotency_key: Some(format!("sched/{}/{stamp}", row.workflow)),
        ..StartRun::default()
    };
    let fence = row.clone();
    let moves: StartOp = Box::new(move |tx, _| {
        async move { store::schedule_advance(tx, &fence, Some(newest), next, "").await }.boxed()
    });
    let (organization, workflow) = (row.organization, row.workflow);
    let started = engine.start_run_with(organization, workflow, row.version, start, moves).await?;
    if started.created {
        return Ok(());
    }
    // The time has its run already, as after a schedule was set back: only the schedule moves on.
    advance(engine.store(), row.clone(), Some(newest), next, String::new()).await
}

/// What the run finds in its input.
fn input(schedule: &Schedule, at: DateTime<Utc>, missed: usize) -> Value {
    let local = at.with_timezone(&schedule.zone);
    json!({
        "scheduledAt": at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "localTime": local.format("%Y-%m-%dT%H:%M").to_string(),
        "timezone": schedule.zone.name(),
        "missed": missed,
    })
}

/// The next time; the end of time when the calendar has none.
fn next(schedule: &Schedule, after: DateTime<Utc>) -> DateTime<Utc> {
    schedule.next_after(after).unwrap_or_else(never)
}

/// The end of the year 9999.
fn never() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

async fn advance(
    store: &Store,
    row: ScheduleRow,
    newest: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
    note: String,
) -> Result<(), EngineError> {
    let moved = store.write(move |tx| {
        async move { store::schedule_advance(tx, &row, newest, due_at, &note).await }.boxed()
    });
    Ok(moved.await?)
}

/// The rule of a row, or why it can never fire.
async fn schedule_of(
    store: &Store,
    row: &ScheduleRow,
) -> Result<Result<Schedule, String>, StoreError> {
    let cron = match row.cron.parse() {
        Ok(cron) => cron,
        Err(error) => return Ok(Err(format!("The schedule cannot be read. {error}"))),
    };
    let zone = match row.timezone.as_deref().map(signalbox::time::zone) {
        Some(Ok(zone)) => zone,
        Some(Err(error)) => return Ok(Err(format!("The schedule cannot be read: {error}."))),
        None => zone_of(store, row.organization).await?,
    };
    Ok(Ok(Schedule { cron, zone, rule: row.rule }))
}

/// When a schedule starts its next run; `None`: it is paused, or never.
pub async fn next_time(
    store: &Store,
    row: &ScheduleRow,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    match row.due_at {
        _ if row.paused => Ok(None),
        Some(at) => Ok(Some(at).filter(|at| *at < never())),
        None => {
            let schedule = schedule_of(store, row).await?.ok();
            Ok(schedule.and_then(|schedule| schedule.next_after(row.after_at)))
        }
    }
}

/// The organisation's zone; UTC when there is no such organisation, as in a trial run.
pub async fn zone_of(store: &Store, organization: OrganizationId) -> Result<Tz, StoreError> {
    match store::organization_fetch(store, organization).await {
        Ok(view) => Ok(view.timezone.parse().unwrap_or(Tz::UTC)),
        Err(StoreError::NotFound { .. }) => Ok(Tz::UTC),
        Err(error) => Err(error),
    }
}

//! Whether the server is well, and the API's own description.
//!
//! Each look is a real one: a row is written and committed, the disk is asked, the oldest timer is
//! read. Deliberately absent: anything about organisations; everybody may ask.

use crate::{
    app_state::AppState,
    gate::SenderHealth,
    http::{
        call::{Answer, Call, NoQuery, Nobody},
        openapi_document,
        reply::{Fitness, Found},
        routes,
    },
    store,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use signalbox::wire::{Health, HealthCode, HealthReason, HealthStatus};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::timeout};

/// The database takes a write within this time, or the server is not well.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// A timer may be so late, in seconds.
const TIMER_LATE_S: i64 = 5;
/// What starts runs by itself may be so late, in seconds.
const TRIGGER_LATE_S: i64 = 60;

/// The watch over runs looks every half minute.
const WATCH_SILENT: Duration = Duration::from_secs(90);
/// From so many failures in a row on the messages of a channel wait.
const CHANNEL_FAILURES: u32 = 3;

/// One write at a time, however many ask: whoever waited gets what was found after they came.
#[derive(Default)]
pub struct WriteProbe(Mutex<Option<(Instant, Option<HealthReason>)>>);

/// `GET /health`.
pub async fn health(call: Call<(), NoQuery, (), Nobody>) -> Answer<Fitness<Health>> {
    let state = &call.state;
    let (write, timers, triggers, channels) =
        tokio::join!(write(state), timers(state), triggers(state), channels(state));
    let [schedules, events] = triggers;
    let found = [
        shutdown(state),
        write,
        lease(state),
        timers,
        schedules,
        events,
        watch(state),
        sender(state),
        channels,
        disk(state),
        backlog(state),
    ];
    let reasons: Vec<HealthReason> = found.into_iter().flatten().collect();
    let worst = reasons.iter().map(|reason| reason.code.status()).max();
    let status = worst.unwrap_or(HealthStatus::Ok);
    let body = Health { status, version: env!("CARGO_PKG_VERSION").to_owned(), reasons };
    Ok(Fitness { fit: status != HealthStatus::Failing, body })
}

fn reason(code: HealthCode, message: impl Into<String>) -> Option<HealthReason> {
    Some(HealthReason { code, message: message.into() })
}

fn shutdown(state: &AppState) -> Option<HealthReason> {
    let going = state.shutdown().is_cancelled();
    going.then(|| reason(HealthCode::ShuttingDown, "The server is shutting down.")).flatten()
}

async fn write(state: &AppState) -> Option<HealthReason> {
    let came = Instant::now();
    let mut last = state.write_probe().0.lock().await;
    if let Some((began, found)) = last.as_ref().filter(|(began, _)| *began >= came) {
        tracing::trace!(?began, "the write of another request counts");
        return found.clone();
    }
    let began = Instant::now();
    let found = match timeout(PROBE_TIMEOUT, state.store().write_probe(state.now())).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::error!(%error, "health: the database takes no writes");
            reason(HealthCode::DatabaseNotWritable, "The database takes no writes.")
        }
        Err(_) => reason(
            HealthCode::DatabaseNotWritable,
            "The database did not take a write within 2 seconds.",
        ),
    };
    *last = Some((began, found.clone()));
    found
}

async fn timers(state: &AppState) -> Option<HealthReason> {
    let late = state.engine().clock().now() - TimeDelta::seconds(TIMER_LATE_S);
    // Only looked at, so that it is still fired by whoever is to; and another server's is seen too.
    match timeout(PROBE_TIMEOUT, store::timer_oldest(state.store())).await {
        Ok(Ok(oldest)) if oldest.is_none_or(|due_at| due_at > late) => None,
        Ok(Ok(_)) => reason(HealthCode::TimersLate, "Timers are more than 5 seconds late."),
        Ok(Err(error)) => {
            tracing::error!(%error, "health: the database does not answer");
            reason(HealthCode::DatabaseNotReadable, "The database does not answer.")
        }
        Err(_) => {
            reason(HealthCode::DatabaseNotReadable, "The database did not answer within 2 seconds.")
        }
    }
}

/// Whether schedules and whether events are dealt with in time.
async fn triggers(state: &AppState) -> [Option<HealthReason>; 2] {
    let late = state.engine().clock().now() - TimeDelta::seconds(TRIGGER_LATE_S);
    let Ok(Ok(oldest)) = timeout(PROBE_TIMEOUT, store::triggers_oldest(state.store())).await else {
        return [None, None]; // that the database does not answer is said already
    };
    let is_late = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= late);
    let (schedules, events) = (
        "Schedules are due for more than a minute and started no run.",
        "Events wait for more than a minute to start their workflows.",
    );
    [
        is_late(oldest.schedule).then(|| reason(HealthCode::SchedulesLate, schedules)).flatten(),
        is_late(oldest.event).then(|| reason(HealthCode::EventsLate, events)).flatten(),
    ]
}

fn sender(state: &AppState) -> Option<HealthReason> {
    match state.gate().sender_health() {
        SenderHealth::Well | SenderHealth::NotBegun => None,
        SenderHealth::Silent => reason(
            HealthCode::OutboundStopped,
            "The worker that sends messages has not moved for a minute.",
        ),
        SenderHealth::Ended => {
            reason(HealthCode::OutboundStopped, "The worker that sends messages has ended.")
        }
    }
}

fn disk(state: &AppState) -> Option<HealthReason> {
    let space = state.store().disk_space().filter(|space| space.is_low())?;
    let free = space.free_bytes >> 20;
    let text = format!(
        "Only {free} MiB are free where the data lies: no new runs are started, those that are going on may finish."
    );
    reason(HealthCode::DiskLow, text)
}

fn lease(state: &AppState) -> Option<HealthReason> {
    let held = state.store().may_work();
    let text =
        "This server's lease on the database has run out; it takes no work until it has one again.";
    (!held).then(|| reason(HealthCode::LeaseLost, text)).flatten()
}

fn watch(state: &AppState) -> Option<HealthReason> {
    let silent = state.engine().last_look().filter(|ago| *ago > WATCH_SILENT)?;
    let text = format!("The watch over runs looked last {} seconds ago.", silent.as_secs());
    reason(HealthCode::WatchSilent, text)
}

async fn channels(state: &AppState) -> Option<HealthReason> {
    let unreached = store::channels_unreached(state.store(), CHANNEL_FAILURES);
    match timeout(PROBE_TIMEOUT, unreached).await {
        Ok(Ok(count)) if count > 0 => {
            let text = format!("{count} mail servers are not reached; their messages wait.");
            reason(HealthCode::ChannelUnreached, text)
        }
        _ => None, // that the database does not answer is said already
    }
}

fn backlog(state: &AppState) -> Option<HealthReason> {
    let (waiting, most) = state.engine().backlog();
    let long = waiting >= most.div_ceil(2);
    long.then(|| reason(HealthCode::CallsBacklog, format!("{waiting} calls of steps wait.")))
        .flatten()
}

/// `GET /api/openapi.json`.
pub async fn openapi(_: Call<(), NoQuery, (), Nobody>) -> Answer<Found<Value>> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    Ok(Found(DOCUMENT.get_or_init(|| openapi_document(&routes::all())).clone()))
}

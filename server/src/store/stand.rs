//! How much of everything there is, over all organisations; for whoever watches the server.

use super::{Pool, Store, StoreResult, value};
use crate::on_db;
use chrono::{DateTime, Utc};

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Decisions that people are asked for.
    pub approvals_open: u64,
    /// Timers that are set.
    pub timers: u64,
    /// Of them, those that should have fired.
    pub timers_due: u64,
    /// How late the oldest is, in milliseconds; 0 when none is.
    pub timer_late_ms: u64,
    /// Messages that wait to be sent.
    pub messages_waiting: u64,
    /// Messages of which nobody knows whether they left.
    pub messages_uncertain: u64,
}

/// How things stand at a time.
pub async fn stand(store: &Store, now: DateTime<Utc>) -> StoreResult<Stand> {
    let row: (i64, i64, i64, Option<i64>, i64, i64) = on_db!(store, |pool| sqlx::query_as(
        "SELECT (SELECT count(*) FROM approvals WHERE state = 'pending'),
           (SELECT count(*) FROM timers WHERE due_at > 0),
           (SELECT count(*) FROM timers WHERE due_at > 0 AND due_at <= $1),
           (SELECT min(due_at) FROM timers WHERE due_at > 0),
           (SELECT count(*) FROM messages WHERE state IN ('held', 'queued', 'retry_wait')),
           (SELECT count(*) FROM messages WHERE state = 'uncertain')"
    )
    .bind(value::ms(now))
    .fetch_one(pool)
    .await)?;
    let (approvals, timers, due, oldest, waiting, uncertain) = row;
    let late = oldest.map_or(0, |oldest| value::ms(now).saturating_sub(oldest));
    Ok(Stand {
        approvals_open: value::count(approvals),
        timers: value::count(timers),
        timers_due: value::count(due),
        timer_late_ms: value::count(late),
        messages_waiting: value::count(waiting),
        messages_uncertain: value::count(uncertain),
    })
}

/// When the oldest timer of all is due, whichever server is to fire it.
pub async fn timer_oldest(store: &Store) -> StoreResult<Option<DateTime<Utc>>> {
    let oldest: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT min(due_at) FROM timers WHERE due_at > 0"
    )
    .fetch_one(pool)
    .await)?;
    value::time_opt(oldest, "timers", "due_at")
}

/// Since when what starts runs by itself waits to be dealt with; `None`: nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggersOldest {
    /// When the next schedule is due. One whose time is still to be made waits since its last time.
    pub schedule: Option<DateTime<Utc>>,
    /// When the oldest event came that somebody may still want.
    pub event: Option<DateTime<Utc>>,
}

/// The schedule and the event that wait longest, of every organisation.
pub async fn triggers_oldest(store: &Store) -> StoreResult<TriggersOldest> {
    let sql = store.pick(
        "SELECT (SELECT min(due_at) FROM schedules WHERE paused = 0),
           (SELECT min(after_at) FROM schedules WHERE paused = 0 AND due_at IS NULL),
           (SELECT min(at) FROM outside_events WHERE pending = 1), NULL",
        "SELECT (SELECT min(due_at) FROM schedules WHERE paused = 0),
           (SELECT min(after_at) FROM schedules WHERE paused = 0 AND due_at IS NULL),
           (SELECT min(at) FROM outside_events WHERE pending = 1),
           (SELECT min(at) FROM outside_events_inbox)",
    );
    type Row = (Option<i64>, Option<i64>, Option<i64>, Option<i64>);
    let row: Row = on_db!(store, |pool| sqlx::query_as(sql).fetch_one(pool).await)?;
    let (due, unmade, pending, inbox) = row;
    let schedule = due.into_iter().chain(unmade).min();
    let event = pending.into_iter().chain(inbox).min();
    Ok(TriggersOldest {
        schedule: value::time_opt(schedule, "schedules", "due_at")?,
        event: value::time_opt(event, "outside_events", "at")?,
    })
}

impl Store {
    /// How long the oldest change waits for its number in the feed, in milliseconds. An embedded database numbers
    /// at once.
    pub async fn feed_lag_ms(&self, now: DateTime<Utc>) -> StoreResult<u64> {
        let Pool::Postgres(pool) = self.pool() else { return Ok(0) };
        let oldest: Option<i64> =
            sqlx::query_scalar("SELECT min(at) FROM org_feed_inbox").fetch_one(pool).await?;
        Ok(oldest.map_or(0, |oldest| value::count(value::ms(now).saturating_sub(oldest))))
    }
}

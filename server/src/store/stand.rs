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

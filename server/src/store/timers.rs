//! Timers: times that runs wait for, as rows. Nothing is kept in memory for them.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{OrganizationId, RunId},
    run::TimerId,
};

/// A timer that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct DueTimer {
    /// Whose.
    pub organization: OrganizationId,
    /// Which run waits.
    pub run: RunId,
    /// Which of its timers.
    pub timer: TimerId,
    /// Since when it is due.
    pub due_at: DateTime<Utc>,
}

/// Sets a timer, or moves it.
pub async fn timer_set(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    timer: &TimerId,
    due_at: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO timers (organization_id, run_id, name, due_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, run_id, name) DO UPDATE SET due_at = excluded.due_at"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(&timer.0)
    .bind(value::ms(due_at))
    .execute(&mut *conn)
    .await)?;
    Ok(())
}

/// Forgets a timer; none is fine.
pub async fn timer_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    timer: &TimerId,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM timers WHERE organization_id = $1 AND run_id = $2 AND name = $3"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(&timer.0)
    .execute(&mut *conn)
    .await)?;
    Ok(())
}

/// Timers that are due, oldest first, of every organisation, without those of runs that cannot be read.
pub async fn timers_due(
    store: &Store,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<DueTimer>> {
    let rows: Vec<(uuid::Uuid, uuid::Uuid, String, i64)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, run_id, name, due_at FROM timers
         WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2"
    )
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    rows.into_iter()
        .map(|(organization, run, name, due_at)| {
            Ok(DueTimer {
                organization: OrganizationId(organization),
                run: RunId(run),
                timer: TimerId(name),
                due_at: value::time(due_at, "timers", "due_at")?,
            })
        })
        .collect()
}

/// When the next timer of all is due.
pub async fn timer_next(store: &Store) -> StoreResult<Option<DateTime<Utc>>> {
    let next: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT min(due_at) FROM timers WHERE due_at > 0"
    )
    .fetch_one(pool)
    .await)?;
    value::time_opt(next, "timers", "due_at")
}

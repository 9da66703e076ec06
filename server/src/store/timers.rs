//! Timers: times that runs wait for, as rows. Nothing is kept in memory for them.
//!
//! One that ends the server must not do so for ever. Counting each time that one is begun would cost a write for every
//! timer that fires, for something that hardly ever happens. So only those are counted that a server may have died over:
//! on PostgreSQL a dead server's name stands in the row; SQLite has one process, and what was due before it began may
//! have been begun by the one before. One that was counted is fired alone, so that at the next death it is known to be
//! the one. Firing takes the count away with the row, as does setting it anew.

use super::{Store, StoreResult, Tx, kept::Kept, on_model, value};
use crate::{args, free_of, on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{OrganizationId, RunId},
    run::{TimerId, TimerPurpose},
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
    /// How often it was begun again since a server may have died over it.
    pub tries: u32,
    /// Another server began it, perhaps, and died. Always false where there is only one.
    pub is_left: bool,
}

/// Sets a timer, or moves it.
pub async fn timer_set(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    timer: &TimerId,
    due_at: DateTime<Utc>,
) -> StoreResult<()> {
    on_model!(tx, |model| model.timer_set(run, timer, due_at));
    tx.gather(
        "timers",
        "INSERT INTO timers (organization_id, run_id, name, due_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, run_id, name) DO UPDATE SET due_at = excluded.due_at, tries = 0",
        args![organization.0, run.0, timer.0.as_str(), value::ms(due_at)],
    )
    .await
}

/// Forgets a timer that fires, if it is still due when it was. [`Conflict`](super::StoreError::Conflict) when it was moved meanwhile, as by
/// a heartbeat, which the run does not see. It is only gathered, unless a lease is to be locked first.
pub async fn timer_take(tx: &mut Tx, timer: &DueTimer) -> StoreResult<()> {
    #[cfg(test)]
    if let Some(model) = tx.model() {
        model.send()?;
        let key = (timer.run, timer.timer.clone());
        let row = model.tables.timers.get(&key);
        return match row.is_some_and(|row| row.due_ms == value::ms(timer.due_at)) {
            true => {
                model.tables.timers.remove(&key);
                Ok(())
            }
            false => Err(super::StoreError::Conflict { what: MOVED_TIMER }),
        };
    }
    let is_lease = timer.timer.parts().is_some_and(|(_, of)| of == TimerPurpose::Lease);
    if tx.is_shared() && is_lease {
        // A heartbeat locks its call, then the timer.
        on_tx!(tx, |conn| sqlx::query(
            "SELECT 1 FROM calls WHERE organization_id = $1 AND run_id = $2 ORDER BY id FOR UPDATE"
        )
        .bind(timer.organization.0)
        .bind(timer.run.0)
        .execute(&mut *conn)
        .await
        .map(value::rows))?;
    }
    let sql = "DELETE FROM timers WHERE organization_id = $1 AND run_id = $2 AND name = $3 AND due_at = $4";
    let due = value::ms(timer.due_at);
    let args = args![timer.organization.0, timer.run.0, timer.timer.0.as_str(), due];
    tx.gather_fence("timers", MOVED_TIMER, sql, args);
    Ok(())
}

/// Counts that a timer is begun which a server may have died over; none is fine.
pub async fn timer_try(tx: &mut Tx, timer: &DueTimer) -> StoreResult<()> {
    on_model!(tx, |model| model.timer_try(timer));
    let sql = "UPDATE timers SET tries = tries + 1
         WHERE organization_id = $1 AND run_id = $2 AND name = $3 AND due_at = $4";
    let due = value::ms(timer.due_at);
    let args = args![timer.organization.0, timer.run.0, timer.timer.0.as_str(), due];
    tx.gather("timers", sql, args).await
}

/// Sets back a timer that could not fire, if it is still due when it was. [`Conflict`](super::StoreError::Conflict) when
/// it was moved meanwhile, or is gone.
pub async fn timer_set_back(
    tx: &mut Tx,
    timer: &DueTimer,
    until: DateTime<Utc>,
) -> StoreResult<()> {
    timer_take(tx, timer).await?;
    timer_set(tx, timer.organization, timer.run, &timer.timer, until).await
}

/// What a [`Conflict`](super::StoreError::Conflict) names when a timer was moved before it fired.
pub const MOVED_TIMER: &str = "the timer";

/// Forgets a timer; none is fine.
pub async fn timer_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    timer: &TimerId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.timer_delete(run, timer));
    let sql = "DELETE FROM timers WHERE organization_id = $1 AND run_id = $2 AND name = $3";
    tx.gather("timers", sql, args![organization.0, run.0, timer.0.as_str()]).await
}

/// Timers that are due, oldest first, of every organisation, without those of runs that cannot be read.
/// Where several servers work: those that this one took, so that no two fire the same.
pub async fn timers_due(
    store: &Store,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<DueTimer>> {
    on_model!(store, |node| node.timers_due(now, limit).await);
    let (now, limit) = (now.timestamp_millis(), i64::from(limit));
    let rows: Vec<Row> = match store.claims() {
        None => on_db!(store, |pool| sqlx::query_as(
            "SELECT organization_id, run_id, name, due_at, tries, 0 FROM timers
                 WHERE due_at > 0 AND due_at <= $1 ORDER BY due_at LIMIT $2"
        )
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)?,
        Some((pool, owner)) => timers_take(pool, owner, now, limit).await?,
    };
    rows.into_iter()
        .map(|(organization, run, name, due_at, tries, is_left)| {
            Ok(DueTimer {
                organization: OrganizationId(organization),
                run: RunId(run),
                timer: TimerId(name),
                due_at: value::time(due_at, "timers", "due_at")?,
                tries: value::small(tries),
                is_left: is_left != 0,
            })
        })
        .collect()
}

type Row = (uuid::Uuid, uuid::Uuid, String, i64, i64, i64);

async fn timers_take(
    pool: &Kept<sqlx::Postgres>,
    owner: i64,
    now: i64,
    limit: i64,
) -> StoreResult<Vec<Row>> {
    let mut rows: Vec<Row> = sqlx::query_as(concat!(
        "WITH free AS MATERIALIZED (
           SELECT t.organization_id, t.run_id, t.name, t.owner FROM timers t
           WHERE t.due_at > 0 AND t.due_at <= $2 AND ",
        free_of!("t"),
        " ORDER BY t.due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
         UPDATE timers t SET owner = $1 FROM free f
         WHERE t.organization_id = f.organization_id AND t.run_id = f.run_id AND t.name = f.name
         RETURNING t.organization_id, t.run_id, t.name, t.due_at, t.tries,
           CAST(CASE WHEN f.owner <> $1 THEN 1 ELSE 0 END AS BIGINT)"
    ))
    .bind(owner)
    .bind(now)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.sort_by_key(|row| row.3);
    Ok(rows)
}

/// When the next timer of all is due. Where several servers work: of those that no other is firing.
pub async fn timer_next(store: &Store) -> StoreResult<Option<DateTime<Utc>>> {
    on_model!(store, |node| node.timer_next().await);
    let next: Option<i64> = match store.claims() {
        None => return super::timer_oldest(store).await,
        Some((pool, owner)) => {
            sqlx::query_scalar(concat!(
                "SELECT min(t.due_at) FROM timers t WHERE t.due_at > 0 AND ",
                free_of!("t")
            ))
            .bind(owner)
            .fetch_one(pool)
            .await?
        }
    };
    value::time_opt(next, "timers", "due_at")
}

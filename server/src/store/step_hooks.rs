//! Steps that ended and that an address is to be told of: rows that the run's own commit writes.
//!
//! Deliberately absent: what is told (it is read from the run's events) and the telling.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::{OrganizationId, RunId};

/// A step that an address is to be told of.
#[derive(Clone, Debug, PartialEq)]
pub struct StepHook {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which run.
    pub run: RunId,
    /// The event that ended the step.
    pub seq: u64,
    /// `step.completed` or `step.failed`.
    pub kind: String,
    /// The address.
    pub url: String,
    /// The name of the secret that signs it.
    pub secret: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    organization_id: uuid::Uuid,
    run_id: uuid::Uuid,
    seq: i64,
    kind: String,
    url: String,
    secret: Option<String>,
    attempts: i64,
}

/// Notes that an address is to be told, now.
pub async fn step_hook_insert(tx: &mut Tx, hook: &StepHook, now: DateTime<Utc>) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
            "INSERT INTO step_hooks (organization_id, run_id, seq, kind, url, secret, due_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (organization_id, run_id, seq) DO NOTHING",
        )
        .bind(hook.organization.0)
        .bind(hook.run.0)
        .bind(value::int(hook.seq))
        .bind(&hook.kind)
        .bind(&hook.url)
        .bind(&hook.secret)
        .bind(value::ms(now))
        .execute(&mut *conn)
        .await
        .map(value::rows)
    })?;
    Ok(())
}

/// What is due, oldest first.
pub async fn step_hooks_due(
    store: &Store,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<StepHook>> {
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, run_id, seq, kind, url, secret, attempts FROM step_hooks
         WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at, run_id, seq LIMIT $2"
    )
    .bind(value::ms(now))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    let hook = |row: Row| StepHook {
        organization: OrganizationId(row.organization_id),
        run: RunId(row.run_id),
        seq: value::count(row.seq),
        kind: row.kind,
        url: row.url,
        secret: row.secret,
        attempts: value::small(row.attempts),
    };
    Ok(rows.into_iter().map(hook).collect())
}

/// When the next one is due.
pub async fn step_hook_next(store: &Store) -> StoreResult<Option<DateTime<Utc>>> {
    let next: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT min(due_at) FROM step_hooks WHERE due_at IS NOT NULL"
    )
    .fetch_one(pool)
    .await)?;
    next.map(|ms| value::time(ms, "step_hooks", "due_at")).transpose()
}

/// Writes what became of it, if nobody else tried it since it was read: the attempts it has had, when the next one
/// is due (none: it is over), and a sentence. False: somebody else has it.
pub async fn step_hook_move(
    tx: &mut Tx,
    hook: &StepHook,
    attempts: u32,
    due_at: Option<DateTime<Utc>>,
    detail: &str,
) -> StoreResult<bool> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
            "UPDATE step_hooks SET attempts = $5, due_at = $6, detail = $7
             WHERE organization_id = $1 AND run_id = $2 AND seq = $3 AND attempts = $4",
        )
        .bind(hook.organization.0)
        .bind(hook.run.0)
        .bind(value::int(hook.seq))
        .bind(i64::from(hook.attempts))
        .bind(i64::from(attempts))
        .bind(due_at.map(value::ms))
        .bind(detail)
        .execute(&mut *conn)
        .await
        .map(value::rows)
    })?;
    Ok(changed.rows_affected() > 0)
}

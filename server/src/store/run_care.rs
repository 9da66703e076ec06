//! Runs that need care: those to be continued, those that wait for nothing, those that cannot be read.

use super::{Store, StoreResult, Tx, on_model, value};
use crate::{free_of, on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{OrganizationId, RunId},
    run::RunStatus,
};

/// Takes a run whose state cannot be read out of circulation: it is shown as blocked with the
/// reason, its timers and calls rest, and the others go on.
pub async fn run_quarantine(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    reason: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let status = RunStatus::Blocked { reason: reason.to_owned() };
    on_model!(tx, |model| model.run_quarantine(run, status, now));
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE runs SET quarantined = 1, due = 0, phase = $3, status = $4, updated_at = $5
         WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(status.phase().as_str())
    .bind(value::to_json(&status, "runs", "status")?)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    // The times are kept (negative ones are never due), so that a repaired run can go on.
    for sql in [
        "UPDATE timers SET due_at = -due_at WHERE organization_id = $1 AND run_id = $2 AND due_at > 0",
        "UPDATE calls SET state = 'held' WHERE organization_id = $1 AND run_id = $2 AND state IN ('open', 'waiting')",
    ] {
        on_tx!(tx, |conn| sqlx::query(sql)
            .bind(organization.0)
            .bind(run.0)
            .execute(&mut *conn)
            .await
            .map(value::rows))?;
    }
    let payload = serde_json::json!({ "phase": "Blocked" });
    tx.feed_append(organization, "run", run.0, payload, now);
    Ok(())
}

/// Lets a run that was set aside come back: its timers and calls count again.
pub async fn run_release(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_model!(tx, |model| model.run_release(run, now));
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE runs SET quarantined = 0, updated_at = $3 WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    let calls = tx.pick(
        "UPDATE calls SET state = 'open', claims = 1 WHERE organization_id = $1 AND run_id = $2 AND state = 'held'",
        "UPDATE calls SET state = 'open', claims = 1, begun_by = NULL
         WHERE organization_id = $1 AND run_id = $2 AND state = 'held'",
    );
    for sql in [
        "UPDATE timers SET due_at = -due_at, tries = 0 WHERE organization_id = $1 AND run_id = $2 AND due_at < 0",
        calls,
    ] {
        on_tx!(tx, |conn| sqlx::query(sql)
            .bind(organization.0)
            .bind(run.0)
            .execute(&mut *conn)
            .await
            .map(value::rows))?;
    }
    Ok(())
}

/// Nothing is left that the run must be told to continue with.
pub async fn run_not_due(tx: &mut Tx, organization: OrganizationId, run: RunId) -> StoreResult<()> {
    on_model!(tx, |model| model.run_not_due(run));
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE runs SET due = 0 WHERE organization_id = $1 AND id = $2 AND due = 1"
    )
    .bind(organization.0)
    .bind(run.0)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// Runs that must be told to continue, of every organisation. Where several servers work: those that
/// this one owns, after it took what is free.
pub async fn runs_due(store: &Store, limit: u32) -> StoreResult<Vec<(OrganizationId, RunId)>> {
    on_model!(store, |node| node.runs_due(limit).await);
    let limit = i64::from(limit);
    let rows: Vec<(uuid::Uuid, uuid::Uuid)> = match store.claims() {
        None => on_db!(store, |pool| sqlx::query_as(
            "SELECT organization_id, id FROM runs WHERE due = 1 LIMIT $1"
        )
        .bind(limit)
        .fetch_all(pool)
        .await)?,
        Some((pool, owner)) => {
            sqlx::query_as(concat!(
                "WITH free AS MATERIALIZED (
                   SELECT r.organization_id, r.id FROM runs r WHERE r.due = 1 AND ",
                free_of!("r"),
                " LIMIT $2 FOR UPDATE SKIP LOCKED)
                 UPDATE runs r SET owner = $1 FROM free f
                 WHERE r.organization_id = f.organization_id AND r.id = f.id
                 RETURNING r.organization_id, r.id"
            ))
            .bind(owner)
            .bind(limit)
            .fetch_all(pool)
            .await?
        }
    };
    Ok(rows
        .into_iter()
        .map(|(organization, run)| (OrganizationId(organization), RunId(run)))
        .collect())
}

/// This server sees to it that the run goes on; nothing to note where there is only one.
pub(super) async fn run_own(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.run_own(run));
    if tx.is_shared() {
        let owner = tx.owner;
        on_tx!(tx, |conn| sqlx::query(
            "UPDATE runs SET owner = $3 WHERE organization_id = $1 AND id = $2"
        )
        .bind(organization.0)
        .bind(run.0)
        .bind(owner)
        .execute(&mut *conn)
        .await
        .map(value::rows))?;
    }
    Ok(())
}

/// What an unfinished run (`r`) waits for, in one word; the first that holds counts, so each run has exactly one.
/// `nothing` must not be: such a run would stand still for ever.
macro_rules! wait_sql {
    () => {
        "(CASE
           WHEN r.phase IN ('Paused', 'Blocked') THEN 'person'
           WHEN r.due = 1 THEN 'queued'
           WHEN EXISTS (SELECT 1 FROM calls x WHERE x.organization_id = r.organization_id AND x.run_id = r.id
             AND x.state IN ('open', 'claimed', 'held')) THEN 'leased'
           WHEN EXISTS (SELECT 1 FROM calls x WHERE x.organization_id = r.organization_id AND x.run_id = r.id
             AND x.state IN ('offered', 'waiting')) THEN 'queued'
           WHEN EXISTS (SELECT 1 FROM run_slots x WHERE x.organization_id = r.organization_id AND x.run_id = r.id
             AND x.granted = 0) THEN 'queued'
           WHEN EXISTS (SELECT 1 FROM timers x WHERE x.organization_id = r.organization_id AND x.run_id = r.id)
             THEN 'timer'
           WHEN EXISTS (SELECT 1 FROM approvals x WHERE x.organization_id = r.organization_id AND x.run_id = r.id
             AND x.state = 'pending') THEN 'person'
           WHEN EXISTS (SELECT 1 FROM event_waits x WHERE x.organization_id = r.organization_id AND x.run_id = r.id)
             THEN 'event'
           WHEN EXISTS (SELECT 1 FROM calls x JOIN messages m ON m.organization_id = x.organization_id
               AND m.run_id = x.run_id AND m.call_id = x.id
             WHERE x.organization_id = r.organization_id AND x.run_id = r.id AND x.state = 'parked'
               AND m.state NOT IN ('accepted', 'delivered', 'bounced', 'failed_permanent', 'rejected', 'expired',
                 'cancelled', 'refused')) THEN 'message'
           WHEN EXISTS (SELECT 1 FROM calls x JOIN run_links l ON l.organization_id = x.organization_id
               AND l.parent_id = x.run_id AND l.call_id = x.id
             WHERE x.organization_id = r.organization_id AND x.run_id = r.id AND x.state = 'parked'
               AND l.state IN ('live', 'ended')) THEN 'run'
           ELSE 'nothing' END)"
    };
}

/// Runs that are not over and wait for nothing: no call, no turn, no timer, no person, no event, no message, no
/// other run. There should be none; each is a defect that must come to light.
pub async fn runs_stuck(
    store: &Store,
    quiet_since: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<(OrganizationId, RunId)>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.runs_stuck(quiet_since, limit))).await);
    let rows: Vec<(uuid::Uuid, uuid::Uuid)> = on_db!(store, |pool| {
        sqlx::query_as(concat!(
            "SELECT r.organization_id, r.id FROM runs r
             WHERE r.ended_at IS NULL AND r.updated_at <= $1 AND ",
            wait_sql!(),
            " = 'nothing' LIMIT $2"
        ))
        .bind(value::ms(quiet_since))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
    })?;
    Ok(rows
        .into_iter()
        .map(|(organization, run)| (OrganizationId(organization), RunId(run)))
        .collect())
}

/// How many runs of all organisations are not over, by what they wait for: `leased` (a call is being made),
/// `queued`, `timer`, `person`, `event`, `message`, `run`, or `nothing`, which must not be.
pub async fn runs_by_wait(store: &Store) -> StoreResult<Vec<(String, u64)>> {
    let rows: Vec<(String, i64)> = on_db!(store, |pool| {
        sqlx::query_as(concat!(
            "SELECT w.wait, count(*) FROM (SELECT ",
            wait_sql!(),
            " AS wait FROM runs r WHERE r.ended_at IS NULL) w GROUP BY w.wait ORDER BY w.wait"
        ))
        .fetch_all(pool)
        .await
    })?;
    Ok(rows.into_iter().map(|(wait, count)| (wait, value::count(count))).collect())
}

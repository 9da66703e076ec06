//! What the send gate asks about rows of others: approvals that expire, runs that are paused, names.

use super::{Store, StoreError, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::{ApprovalId, OrganizationId, RunId, WorkflowId};

/// Requests about resources that nobody decided in time, of every organisation.
pub async fn approvals_resource_expired(
    store: &Store,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<(OrganizationId, ApprovalId)>> {
    let rows: Vec<(uuid::Uuid, uuid::Uuid)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, id FROM approvals
         WHERE state = 'pending' AND expires_at IS NOT NULL AND kind = 'resource' AND expires_at <= $1
         ORDER BY expires_at LIMIT $2"
    )
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    Ok(rows.into_iter().map(|(o, id)| (OrganizationId(o), ApprovalId(id))).collect())
}

/// When the next request about a resource expires.
pub async fn approval_resource_next_expiry(store: &Store) -> StoreResult<Option<DateTime<Utc>>> {
    let next: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT min(expires_at) FROM approvals
         WHERE state = 'pending' AND expires_at IS NOT NULL AND kind = 'resource'"
    )
    .fetch_one(pool)
    .await)?;
    value::time_opt(next, "approvals", "expires_at")
}

/// Whether a person has suspended a run; false when there is no such run.
pub async fn run_is_paused_in(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<bool> {
    let phase: Option<String> = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT phase FROM runs WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(run.0)
    .fetch_optional(&mut *conn)
    .await)?;
    Ok(phase.as_deref() == Some("Paused"))
}

/// A workflow's name.
pub async fn workflow_name(
    store: &Store,
    organization: OrganizationId,
    id: WorkflowId,
) -> StoreResult<String> {
    on_db!(store, |pool| sqlx::query_scalar(
        "SELECT name FROM workflows WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("workflow"))
}

//! Public addresses of webhooks, found by the hash of their token.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::{OrganizationId, WorkflowId};
use uuid::Uuid;

/// Gives a workflow its address; nothing happens when it has that one already.
pub async fn hook_put(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO hooks (organization_id, workflow_id, token_hash, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (organization_id, workflow_id) DO UPDATE SET token_hash = excluded.token_hash"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .bind(token_hash.as_slice())
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Whether a workflow has this address.
pub async fn hook_is(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    token_hash: &[u8; 32],
) -> StoreResult<bool> {
    let found: Option<i64> = on_db!(store, |pool| {
        sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM hooks WHERE organization_id = $1 AND workflow_id = $2 AND token_hash = $3"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .bind(token_hash.as_slice())
    .fetch_optional(pool)
    .await
    })?;
    Ok(found.is_some())
}

/// The workflow of an address.
pub async fn hook_by_token(
    store: &Store,
    token_hash: &[u8; 32],
) -> StoreResult<Option<(OrganizationId, WorkflowId)>> {
    let row: Option<(Uuid, Uuid)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, workflow_id FROM hooks WHERE token_hash = $1"
    )
    .bind(token_hash.as_slice())
    .fetch_optional(pool)
    .await)?;
    Ok(row.map(|(organization, workflow)| (OrganizationId(organization), WorkflowId(workflow))))
}

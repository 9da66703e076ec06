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
    tx.catalogue_changed = true;
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

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookTarget {
    /// Whose.
    pub organization: OrganizationId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// The version that runs; none while the workflow is not published, or archived.
    pub version: Option<u32>,
}

/// What an address leads to.
pub async fn hook_by_token(
    store: &Store,
    token_hash: &[u8; 32],
) -> StoreResult<Option<HookTarget>> {
    let row: Option<(Uuid, Uuid, Option<i64>)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT h.organization_id, h.workflow_id,
           CASE WHEN w.archived = 0 THEN w.published_version END
         FROM hooks h JOIN workflows w ON w.organization_id = h.organization_id AND w.id = h.workflow_id
         WHERE h.token_hash = $1"
    )
    .bind(token_hash.as_slice())
    .fetch_optional(pool)
    .await
    })?;
    Ok(row.map(|(organization, workflow, version)| HookTarget {
        organization: OrganizationId(organization),
        workflow: WorkflowId(workflow),
        version: version.map(value::small),
    }))
}

//! Approvals that nobody decided in time: urgent, and meant for somebody else.

use super::{StoreResult, Tx, value};
use crate::on_tx;
use chrono::{DateTime, Utc};
use signalbox::{
    id::{ApprovalId, OrganizationId},
    wire::ApprovalState,
};

/// Where the metadata of an approval says whom it is meant for since nobody decided.
pub const ESCALATED_TO: &str = "escalatedTo";

/// Nobody decided in time: the request is urgent now, and meant for somebody else. What was decided stays.
pub async fn approval_escalate(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    to: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let metadata = serde_json::json!({ ESCALATED_TO: to }).to_string();
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
            "UPDATE approvals SET priority = 'urgent', metadata = $3, updated_at = $4
             WHERE organization_id = $1 AND id = $2 AND state = 'pending'",
        )
        .bind(organization.0)
        .bind(id.0)
        .bind(metadata)
        .bind(value::ms(now))
        .execute(&mut *conn)
        .await
        .map(value::rows)
    })?;
    if changed.rows_affected() > 0 {
        let payload = serde_json::json!({ "state": ApprovalState::Pending.as_str() });
        tx.feed_append(organization, "approval", id.0, payload, now);
    }
    Ok(())
}

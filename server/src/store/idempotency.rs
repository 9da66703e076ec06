//! Answers to creating requests, kept for a day so that a repetition gets the same one.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;

/// What a request was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAnswer {
    /// SHA-256 of the request.
    pub request_hash: Vec<u8>,
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub response: Value,
}

/// The answer that was given under a key at `since` or later, if one was.
pub async fn answer_fetch(
    store: &Store,
    organization: OrganizationId,
    operation: &str,
    key: &str,
    since: DateTime<Utc>,
) -> StoreResult<Option<KeptAnswer>> {
    let row: Option<(Vec<u8>, i64, String)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT request_hash, status, response FROM idempotency
         WHERE organization_id = $1 AND operation = $2 AND key = $3 AND created_at >= $4"
    )
    .bind(organization.0)
    .bind(operation)
    .bind(key)
    .bind(value::ms(since))
    .fetch_optional(pool)
    .await)?;
    row.map(|(request_hash, status, response)| {
        Ok(KeptAnswer {
            request_hash,
            status: u16::try_from(status).unwrap_or(200),
            response: value::from_json(&response, "idempotency", "response")?,
        })
    })
    .transpose()
}

/// Keeps an answer; the first one under a key stays, unless it is from before `since`.
pub async fn answer_keep(
    tx: &mut Tx,
    organization: OrganizationId,
    operation: &str,
    key: &str,
    answer: &KeptAnswer,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let response = value::to_json(&answer.response, "idempotency", "response")?;
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO idempotency (organization_id, operation, key, request_hash, status, response, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (organization_id, operation, key) DO UPDATE SET request_hash = excluded.request_hash,
           status = excluded.status, response = excluded.response, created_at = excluded.created_at
         WHERE idempotency.created_at < $8"
    )
    .bind(organization.0)
    .bind(operation)
    .bind(key)
    .bind(&answer.request_hash)
    .bind(i64::from(answer.status))
    .bind(response)
    .bind(value::ms(now))
    .bind(value::ms(since))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Drops answers from before a time, at most 1,000; gives how many.
pub async fn answer_prune(tx: &mut Tx, before: DateTime<Utc>) -> StoreResult<u64> {
    Ok(on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM idempotency WHERE (organization_id, operation, key) IN
           (SELECT organization_id, operation, key FROM idempotency WHERE created_at < $1 LIMIT 1000)"
    )
    .bind(value::ms(before))
    .execute(&mut *conn)
    .await
    .map(value::rows))?
    .rows_affected())
}

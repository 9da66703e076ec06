//! Secrets, as sealed text. Deliberately absent: the key, and what they say.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::id::OrganizationId;

/// A secret's version and sealed text.
pub async fn secret_fetch(
    store: &Store,
    organization: OrganizationId,
    name: &str,
) -> StoreResult<Option<(u32, String)>> {
    let row: Option<(i64, String)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT version, sealed FROM secrets WHERE organization_id = $1 AND name = $2"
    )
    .bind(organization.0)
    .bind(name)
    .fetch_optional(pool)
    .await)?;
    Ok(row.map(|(version, sealed)| (value::small(version), sealed)))
}

/// The version that the next change of a secret gets.
pub async fn secret_next_version(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &str,
) -> StoreResult<u32> {
    tx.turn(&format!("secret {organization} {name}")).await?;
    let version: Option<i64> = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT version FROM secrets WHERE organization_id = $1 AND name = $2"
    )
    .bind(organization.0)
    .bind(name)
    .fetch_optional(&mut *conn)
    .await)?;
    Ok(value::small(version.unwrap_or(0)).saturating_add(1))
}

/// Sets a secret.
pub async fn secret_put(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &str,
    version: u32,
    sealed: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO secrets (organization_id, name, version, sealed, updated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization_id, name) DO UPDATE SET version = excluded.version,
           sealed = excluded.sealed, updated_at = excluded.updated_at"
    )
    .bind(organization.0)
    .bind(name)
    .bind(i64::from(version))
    .bind(sealed)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// The names that begin with `prefix`, in order, with when they were set last; at most `limit`.
pub async fn secret_list(
    store: &Store,
    organization: OrganizationId,
    prefix: &str,
    limit: u32,
) -> StoreResult<Vec<(String, DateTime<Utc>)>> {
    let rows: Vec<(String, i64)> = on_db!(store, |pool| {
        sqlx::query_as(
            "SELECT name, updated_at FROM secrets
         WHERE organization_id = $1 AND substr(name, 1, length($2)) = $2 ORDER BY name LIMIT $3",
        )
        .bind(organization.0)
        .bind(prefix)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
    })?;
    rows.into_iter()
        .map(|(name, at)| Ok((name, value::time(at, "secrets", "updated_at")?)))
        .collect()
}

/// Takes a secret away; whether there was one.
pub async fn secret_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &str,
) -> StoreResult<bool> {
    let deleted = on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM secrets WHERE organization_id = $1 AND name = $2"
    )
    .bind(organization.0)
    .bind(name)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(deleted.rows_affected() > 0)
}

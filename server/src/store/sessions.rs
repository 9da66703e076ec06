//! Sign-ins of browsers, found by the hash of their secret.

use super::{Store, StoreError, StoreResult, Tx, accounts::parse_role, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{OrganizationId, SessionId, UserId},
    wire::{OrganizationView, Role},
};
use uuid::Uuid;

/// A sign-in with everything a request needs to know about who asks, as of now.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// The organisation that requests act in.
    pub organization: OrganizationView,
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their role now.
    pub role: Role,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// When they were here last, to the minute.
    pub seen_at: DateTime<Utc>,
}

/// Keeps a sign-in.
pub async fn session_create(
    tx: &mut Tx,
    organization: OrganizationId,
    id: SessionId,
    user: UserId,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO sessions (organization_id, id, user_id, secret_hash, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(user.0)
    .bind(secret_hash.as_slice())
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    organization_name: String,
    timezone: String,
    user_id: Uuid,
    name: String,
    email: String,
    role: String,
    created_at: i64,
    seen_at: i64,
}

/// The sign-in of a secret, whatever its age.
pub async fn session_by_secret(
    store: &Store,
    secret_hash: &[u8; 32],
) -> StoreResult<Option<Session>> {
    let row: Option<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT s.id, s.organization_id, o.name AS organization_name, o.timezone, s.user_id, u.name, u.email,
           m.role, s.created_at, s.seen_at
         FROM sessions s
         JOIN members m ON m.organization_id = s.organization_id AND m.user_id = s.user_id
         JOIN users u ON u.id = s.user_id
         JOIN organizations o ON o.id = s.organization_id
         WHERE s.secret_hash = $1"
    )
    .bind(secret_hash.as_slice())
    .fetch_optional(pool)
    .await
    })?;
    row.map(|row| {
        Ok(Session {
            id: SessionId(row.id),
            organization: OrganizationView {
                id: OrganizationId(row.organization_id),
                name: row.organization_name,
                timezone: row.timezone,
            },
            user: UserId(row.user_id),
            name: row.name,
            email: row.email,
            role: parse_role(&row.role, "members")?,
            created_at: value::time(row.created_at, "sessions", "created_at")?,
            seen_at: value::time(row.seen_at, "sessions", "seen_at")?,
        })
    })
    .transpose()
}

/// Lets a sign-in act in another organisation. [`StoreError::NotFound`] when the person does not belong
/// to it, or the sign-in is over.
pub async fn session_switch(
    tx: &mut Tx,
    organization: OrganizationId,
    id: SessionId,
    to: OrganizationId,
) -> StoreResult<()> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE sessions SET organization_id = $3 WHERE organization_id = $1 AND id = $2 AND EXISTS
           (SELECT 1 FROM members m WHERE m.organization_id = $3 AND m.user_id = sessions.user_id)"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(to.0)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    match changed.rows_affected() {
        0 => Err(StoreError::NotFound { what: "organization" }),
        _ => Ok(()),
    }
}

/// Notes that somebody was here.
pub async fn session_touch(
    tx: &mut Tx,
    organization: OrganizationId,
    id: SessionId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE sessions SET seen_at = $3 WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// Ends a sign-in; nothing happens when it is over already.
pub async fn session_end(
    tx: &mut Tx,
    organization: OrganizationId,
    id: SessionId,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query("DELETE FROM sessions WHERE organization_id = $1 AND id = $2")
        .bind(organization.0)
        .bind(id.0)
        .execute(&mut *conn)
        .await
        .map(value::rows))?;
    Ok(())
}

/// Ends all sign-ins of a member.
pub async fn session_end_all(
    tx: &mut Tx,
    organization: OrganizationId,
    user: UserId,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM sessions WHERE organization_id = $1 AND user_id = $2"
    )
    .bind(organization.0)
    .bind(user.0)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// Drops sign-ins that nobody can use any more, at most 1,000; gives how many.
pub async fn session_prune(
    tx: &mut Tx,
    seen_before: DateTime<Utc>,
    created_before: DateTime<Utc>,
) -> StoreResult<u64> {
    Ok(on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM sessions WHERE (organization_id, id) IN
           (SELECT organization_id, id FROM sessions WHERE seen_at < $1 OR created_at < $2 LIMIT 1000)"
    )
    .bind(value::ms(seen_before))
    .bind(value::ms(created_before))
    .execute(&mut *conn)
    .await
    .map(value::rows))?
    .rows_affected())
}

//! API tokens, found by the hash of their secret.

use super::{Store, StoreError, StoreResult, Tx, accounts::parse_role, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{ApiTokenId, OrganizationId},
    wire::{OrganizationView, Role, TokenView},
};
use uuid::Uuid;

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub organization: OrganizationId,
    /// A fresh id.
    pub id: ApiTokenId,
    /// SHA-256 of the token.
    pub secret_hash: [u8; 32],
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its first characters.
    pub prefix: String,
    /// Who made it, as people read it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Keeps a token.
pub async fn token_create(tx: &mut Tx, new: &NewToken, now: DateTime<Utc>) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO api_tokens (organization_id, id, secret_hash, name, role, prefix, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    )
    .bind(new.organization.0)
    .bind(new.id.0)
    .bind(new.secret_hash.as_slice())
    .bind(&new.name)
    .bind(new.role.as_str())
    .bind(&new.prefix)
    .bind(&new.created_by)
    .bind(value::ms(now))
    .bind(new.expires_at.map(value::ms))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    role: String,
    prefix: String,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
}

impl Row {
    fn view(self) -> StoreResult<TokenView> {
        Ok(TokenView {
            id: ApiTokenId(self.id),
            name: self.name,
            role: parse_role(&self.role, "api_tokens")?,
            prefix: self.prefix,
            created_at: value::time(self.created_at, "api_tokens", "created_at")?,
            last_used_at: value::time_opt(self.last_used_at, "api_tokens", "last_used_at")?,
            expires_at: value::time_opt(self.expires_at, "api_tokens", "expires_at")?,
        })
    }
}

/// The token of a secret with its organisation, whether it has ended or not.
pub async fn token_by_secret(
    store: &Store,
    secret_hash: &[u8; 32],
) -> StoreResult<Option<(TokenView, OrganizationView)>> {
    #[derive(sqlx::FromRow)]
    struct WithOrganization {
        #[sqlx(flatten)]
        token: Row,
        organization_id: Uuid,
        organization_name: String,
        timezone: String,
    }
    let row: Option<WithOrganization> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT t.id, t.name, t.role, t.prefix, t.created_at, t.last_used_at, t.expires_at,
           t.organization_id, o.name AS organization_name, o.timezone
         FROM api_tokens t JOIN organizations o ON o.id = t.organization_id WHERE t.secret_hash = $1"
    )
    .bind(secret_hash.as_slice())
    .fetch_optional(pool)
    .await
    })?;
    row.map(|row| {
        let organization = OrganizationView {
            id: OrganizationId(row.organization_id),
            name: row.organization_name,
            timezone: row.timezone,
        };
        Ok((row.token.view()?, organization))
    })
    .transpose()
}

/// The tokens of an organisation, newest first, at most `limit`.
pub async fn token_list(
    store: &Store,
    organization: OrganizationId,
    limit: u32,
) -> StoreResult<Vec<TokenView>> {
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(
        "SELECT id, name, role, prefix, created_at, last_used_at, expires_at FROM api_tokens
         WHERE organization_id = $1 ORDER BY id DESC LIMIT $2"
    )
    .bind(organization.0)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    rows.into_iter().map(Row::view).collect()
}

/// Notes that a token was used.
pub async fn token_touch(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApiTokenId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    tx.catalogue_changed = true;
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE api_tokens SET last_used_at = $3 WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// Ends a token.
pub async fn token_revoke(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApiTokenId,
) -> StoreResult<()> {
    tx.catalogue_changed = true;
    let gone = on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM api_tokens WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    match gone.rows_affected() {
        0 => Err(StoreError::NotFound { what: "token" }),
        _ => Ok(()),
    }
}

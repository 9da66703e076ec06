//! API tokens.

use super::check;
use crate::{
    auth::Secret,
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Done, Found},
    },
    store::{self, NewToken, Store, StoreResult},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use signalbox::{
    id::{ApiTokenId, OrganizationId},
    wire::{ErrorCode, Role, TokenCreate, TokenCreated, TokenView},
};
use uuid::Uuid;

/// What every token starts with.
pub const TOKEN_PREFIX: &str = "sbx_";
/// Characters that are kept in the open, to tell tokens apart.
const SHOWN: usize = 12;
const TOKENS_MAX: u32 = 1_000;
const DAYS_MAX: u32 = 3_650;

/// `GET /api/tokens`.
pub async fn list(call: Call) -> Answer<Found<Vec<TokenView>>> {
    Ok(Found(store::token_list(call.state.store(), call.organization(), TOKENS_MAX).await?))
}

/// `POST /api/tokens`.
pub async fn create(call: Call<(), NoQuery, Json<TokenCreate>>) -> Answer<Created<TokenCreated>> {
    let Json(wanted) = &call.body;
    if wanted.role > call.caller.role {
        let text = format!("A token cannot be {} when its maker is not.", wanted.role.as_str());
        return Err(Failure::new(ErrorCode::Forbidden, text));
    }
    let name = check::name("name", &wanted.name)?;
    let now = call.state.now();
    let expires_at = match wanted.expires_in_days {
        None => None,
        Some(days @ 1..=DAYS_MAX) => Some(now + TimeDelta::days(i64::from(days))),
        Some(_) => {
            let text = format!("A token ends after 1 to {DAYS_MAX} days, or not at all.");
            return Err(Failure::value("expires_in_days", text));
        }
    };
    let (organization, by) = (call.organization(), call.caller.label());
    let (state, role) = (&call.state, wanted.role);
    let work =
        async { Ok(make(state.store(), organization, name, role, by, expires_at, now).await?) };
    // The answer has the token in it.
    idempotent::once_sealed(state, organization, "token_create", &call.headers, wanted, work)
        .await
        .map(Created)
}

/// Makes a token; also for the command line.
pub async fn make(
    store: &Store,
    organization: OrganizationId,
    name: String,
    role: Role,
    created_by: String,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> StoreResult<TokenCreated> {
    let secret = Secret::fresh(TOKEN_PREFIX);
    let prefix: String = secret.text.chars().take(SHOWN).collect();
    let new = NewToken {
        organization,
        id: ApiTokenId(Uuid::now_v7()),
        secret_hash: secret.hash,
        name,
        role,
        prefix,
        created_by,
        expires_at,
    };
    let view = TokenView {
        id: new.id,
        name: new.name.clone(),
        role,
        prefix: new.prefix.clone(),
        created_at: now,
        last_used_at: None,
        expires_at,
    };
    store.write(move |tx| async move { store::token_create(tx, &new, now).await }.boxed()).await?;
    Ok(TokenCreated { token: secret.text, view })
}

/// `DELETE /api/tokens/{id}`.
pub async fn revoke(call: Call<ApiTokenId>) -> Answer<Done> {
    let (organization, id) = (call.organization(), call.path);
    let revoked = call
        .state
        .store()
        .write(move |tx| async move { store::token_revoke(tx, organization, id).await }.boxed());
    revoked.await?;
    call.state.access_changed();
    Ok(Done)
}

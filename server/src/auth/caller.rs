//! From a request's headers to the person or machine that asks, with the role it has right now.

use super::{cookie, secret::Secret};
use crate::store::{self, Remembered, Store, StoreResult};
use axum::http::{HeaderMap, header};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use signalbox::{
    id::{ApiTokenId, OrganizationId, SessionId, UserId},
    wire::{OrganizationView, Permission, Role, TokenView},
};

/// Hours without a request after which a session ends.
pub const SESSION_IDLE_HOURS: i64 = 12;
/// Days after which a session ends, whatever happens.
pub const SESSION_AGE_DAYS: i64 = 14;
/// How often it is noted that somebody was here, in seconds.
const TOUCH_EVERY_S: i64 = 60;
/// No credential of ours is longer; longer ones are not even hashed.
const SECRET_LENGTH_MAX: usize = 200;

/// Who asks, and in which organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// The organisation that the request acts in.
    pub organization: OrganizationView,
    /// The role, read with this request.
    pub role: Role,
    /// The person's or the token's name.
    pub name: String,
    /// Which person or token.
    pub identity: Identity,
}

/// A person or a machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// A person in a browser.
    Person {
        /// Who.
        user: UserId,
        /// Their address.
        email: String,
        /// By which sign-in.
        session: SessionId,
    },
    /// A machine.
    Token(ApiTokenId),
}

impl Caller {
    /// The organisation's id.
    pub fn organization(&self) -> OrganizationId {
        self.organization.id
    }

    /// Whether the role has a permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    /// The person, if it is one.
    pub fn user(&self) -> Option<UserId> {
        match &self.identity {
            Identity::Person { user, .. } => Some(*user),
            Identity::Token(_) => None,
        }
    }

    /// How the timeline and the lists name who did it.
    pub fn label(&self) -> String {
        match &self.identity {
            Identity::Person { .. } => self.name.clone(),
            Identity::Token(_) => format!("API token {}", self.name),
        }
    }
}

/// What a request shows to prove who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer`.
    Token(String),
    /// The session's cookie.
    Session(String),
}

/// What the headers show. A bearer token goes before a cookie: it cannot be sent by another site.
pub fn identity_from_headers(headers: &HeaderMap, secure: bool) -> Option<Credential> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let token = match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => "",
        };
        return Some(Credential::Token(token.to_owned()));
    }
    cookie::session_secret(headers, secure).map(|secret| Credential::Session(secret.to_owned()))
}

/// API tokens with their organisations, by the hash of their secret.
pub type RememberedTokens = Remembered<[u8; 32], (TokenView, OrganizationView)>;

/// Who a credential belongs to now; none when it is unknown, over, or its owner was removed.
pub async fn identify(
    store: &Store,
    tokens: &RememberedTokens,
    credential: &Credential,
    now: DateTime<Utc>,
) -> StoreResult<Option<Caller>> {
    match credential {
        Credential::Token(text) if text.len() <= SECRET_LENGTH_MAX => {
            token(store, tokens, text, now).await
        }
        Credential::Session(text) if text.len() <= SECRET_LENGTH_MAX => {
            session(store, text, now).await
        }
        _ => Ok(None),
    }
}

async fn session(store: &Store, text: &str, now: DateTime<Utc>) -> StoreResult<Option<Caller>> {
    let found = store::session_by_secret(store, &Secret::hash_of(text)).await?;
    let Some(session) = found else { return Ok(None) };
    let idle = now - session.seen_at > TimeDelta::hours(SESSION_IDLE_HOURS);
    let old = now - session.created_at > TimeDelta::days(SESSION_AGE_DAYS);
    if idle || old {
        return Ok(None);
    }
    let (organization, id) = (session.organization.id, session.id);
    if now - session.seen_at >= TimeDelta::seconds(TOUCH_EVERY_S) {
        touch(store, move |tx| {
            async move { store::session_touch(tx, organization, id, now).await }.boxed()
        });
    }
    Ok(Some(Caller {
        organization: session.organization,
        role: session.role,
        name: session.name,
        identity: Identity::Person { user: session.user, email: session.email, session: id },
    }))
}

async fn token(
    store: &Store,
    tokens: &RememberedTokens,
    text: &str,
    now: DateTime<Utc>,
) -> StoreResult<Option<Caller>> {
    let hash = Secret::hash_of(text);
    let found = tokens.get(store, hash, store::token_by_secret(store, &hash)).await?;
    let Some((token, organization)) = found else { return Ok(None) };
    if token.expires_at.is_some_and(|end| end <= now) {
        return Ok(None);
    }
    let due = |last: DateTime<Utc>| now - last >= TimeDelta::seconds(TOUCH_EVERY_S);
    if token.last_used_at.is_none_or(due) {
        let (organization, id) = (organization.id, token.id);
        touch(store, move |tx| {
            async move { store::token_touch(tx, organization, id, now).await }.boxed()
        });
    }
    Ok(Some(Caller {
        organization,
        role: token.role,
        name: token.name,
        identity: Identity::Token(token.id),
    }))
}

/// Notes in the background that a credential was used; the request does not wait for the disk.
fn touch<F>(store: &Store, op: F)
where
    F: for<'t> FnOnce(&'t mut store::Tx) -> futures::future::BoxFuture<'t, StoreResult<()>>
        + Send
        + 'static,
{
    let store = store.clone();
    tokio::spawn(async move {
        if let Err(error) = store.write(op).await {
            tracing::warn!(%error, "the last use of a credential was not noted");
        }
    });
}

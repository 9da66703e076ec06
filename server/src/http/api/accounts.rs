//! Set-up, sign-in, and who is asking.

use super::check;
use crate::{
    app_state::AppState,
    auth::{self, Caller, Credential, Identity, SESSION_AGE_DAYS, Secret},
    http::{
        body::Json,
        call::{Answer, Call, NoQuery, Nobody, SetupQuery},
        failure::Failure,
        reply::{DoneWithCookie, Found, WithCookie},
    },
    store::{self, NewOwner, StoreError, User},
};
use axum::http::{HeaderMap, header};
use futures::FutureExt;
use signalbox::{
    id::{OrganizationId, SessionId, UserId},
    wire::{ErrorCode, Me, Permission, SessionSwitch, Setup, SetupState, SignIn},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// `GET /api/setup`.
pub async fn setup_state(call: Call<(), NoQuery, (), Nobody>) -> Answer<Found<SetupState>> {
    let needs_owner = !store::owner_exists(call.state.store()).await?;
    Ok(Found(SetupState { needs_owner }))
}

/// `POST /api/setup`: the owner and the organisation, once, and signs in.
pub async fn setup(call: Call<(), SetupQuery, Json<Setup>, Nobody>) -> Answer<WithCookie<Me>> {
    let Call { state, body: Json(wanted), .. } = &call;
    if store::owner_exists(state.store()).await? {
        return Err(set_up_already());
    }
    if !from_this_machine(&call.headers, call.peer) {
        check_setup_token(state, call.query.token.as_deref())?;
    }
    let zone = check::timezone(wanted.timezone.as_deref().unwrap_or("UTC"))?;
    check::password(&wanted.password)?;
    let user = User {
        id: UserId(Uuid::now_v7()),
        email: check::email(&wanted.email)?,
        name: check::name("name", &wanted.name)?,
        password_hash: state.passwords().hash(&wanted.password).await?,
    };
    let new = NewOwner {
        organization: OrganizationId(Uuid::now_v7()),
        organization_name: check::name("organization", &wanted.organization)?,
        timezone: zone.clone(),
        user: user.clone(),
    };
    let now = state.now();
    let made = state
        .store()
        .write(move |tx| async move { store::owner_setup(tx, &new, now).await }.boxed());
    let organization = made.await.map_err(|error| match error {
        StoreError::Conflict { .. } => set_up_already(),
        other => other.into(),
    })?;
    super::settings::set_zone(state, organization, &zone, None).await?;
    tracing::info!(%organization, "the owner was set up");
    start_session(state, organization, &user).await
}

fn set_up_already() -> Failure {
    Failure::new(ErrorCode::WrongState, "This server has an owner already.")
        .help("Sign in, or ask the owner to add you as a member.")
}

/// Whether the request was made on the server's own machine, by somebody who typed its address: a
/// proxy in between or a foreign host name (DNS rebinding) do not count.
fn from_this_machine(headers: &HeaderMap, peer: Option<IpAddr>) -> bool {
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let local = matches!(name, "localhost" | "[::1]")
        || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    local
        && peer.is_some_and(|ip| ip.to_canonical().is_loopback())
        && !proxied.iter().any(|name| headers.contains_key(*name))
}

fn check_setup_token(state: &AppState, given: Option<&str>) -> Result<(), Failure> {
    let given = given.unwrap_or_default();
    if bool::from(state.setup_token().as_bytes().ct_eq(given.as_bytes())) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::Forbidden,
        "The owner can be set up on the server's own machine, or with the link that the server printed.",
    )
    .help("Look at the server's output for a line that starts with `Set up`, and open its link."))
}

/// `POST /api/session`: signs in.
pub async fn sign_in(call: Call<(), NoQuery, Json<SignIn>, Nobody>) -> Answer<WithCookie<Me>> {
    let Call { state, body: Json(wanted), .. } = &call;
    // The account that is slowed down is the one that is named, whether it exists or not.
    let email: String = wanted.email.trim().to_lowercase().chars().take(254).collect();
    let key = (email.clone(), call.peer);
    state.sign_ins().attempt(&key, Instant::now()).map_err(|wait| {
        Failure::rate_limited("Too many attempts to sign in to this account.", wait)
    })?;
    let user = store::user_by_email(state.store(), &email).await?;
    let kept = user.as_ref().map(|user| user.password_hash.clone());
    let password: String = wanted.password.chars().take(200).collect();
    let fits = state.passwords().verify(&password, kept).await?;
    let Some(user) = user.filter(|_| fits) else { return Err(wrong_credentials()) };
    let organizations = store::user_organizations(state.store(), user.id).await?;
    // Somebody who was removed everywhere learns no more than a stranger.
    let Some((organization, _)) = organizations.first() else { return Err(wrong_credentials()) };
    state.sign_ins().succeeded(&key);
    end_presented_session(state, &call.headers).await?;
    start_session(state, organization.id, &user).await
}

fn wrong_credentials() -> Failure {
    Failure::new(ErrorCode::WrongCredentials, "The email address or the password is wrong.")
}

/// A browser that signs in again leaves its earlier session behind.
async fn end_presented_session(state: &AppState, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(secret) = auth::session_secret(headers, state.secure_cookies()) else { return Ok(()) };
    let credential = Credential::Session(secret.to_owned());
    if let Some(caller) =
        auth::identify(state.store(), state.tokens(), &credential, state.now()).await?
    {
        end_session(state, &caller).await?;
    }
    Ok(())
}

async fn end_session(state: &AppState, caller: &Caller) -> Result<(), Failure> {
    if let Identity::Person { session, .. } = caller.identity {
        let organization = caller.organization();
        let op = state.store().write(move |tx| {
            async move { store::session_end(tx, organization, session).await }.boxed()
        });
        op.await?;
        state.access_changed();
    }
    Ok(())
}

async fn start_session(
    state: &AppState,
    organization: OrganizationId,
    user: &User,
) -> Answer<WithCookie<Me>> {
    let secret = Secret::fresh("");
    let (id, user, hash, now) = (SessionId(Uuid::now_v7()), user.id, secret.hash, state.now());
    let op = state.store().write(move |tx| {
        async move { store::session_create(tx, organization, id, user, &hash, now).await }.boxed()
    });
    op.await?;
    let credential = Credential::Session(secret.text.clone());
    let caller = auth::identify(state.store(), state.tokens(), &credential, now).await?;
    let caller = caller.ok_or_else(|| {
        Failure::new(ErrorCode::WrongState, "The membership ended while you signed in.")
    })?;
    let age_s = u32::try_from(SESSION_AGE_DAYS * 86_400).unwrap_or(u32::MAX);
    let cookie = auth::cookie_set(&secret.text, state.secure_cookies(), age_s);
    Ok(WithCookie(cookie, me_of(state, &caller).await?))
}

/// `POST /api/session/organization`: the session acts in another organisation from now on. Open pages
/// and live connections of it are told to sign in again.
pub async fn switch(call: Call<(), NoQuery, Json<SessionSwitch>>) -> Answer<Found<Me>> {
    let (state, to) = (&call.state, call.body.0.organization);
    let Identity::Person { user, session, .. } = &call.caller.identity else {
        return Err(Failure::new(
            ErrorCode::WrongState,
            "An API token belongs to one organisation.",
        )
        .help("Make a token in the other organisation."));
    };
    let (from, session, user) = (call.organization(), *session, *user);
    let switched = state
        .store()
        .write(move |tx| async move { store::session_switch(tx, from, session, to).await }.boxed());
    switched.await?;
    state.access_changed();
    let organizations = store::user_organizations(state.store(), user).await?;
    let found = organizations.into_iter().find(|(organization, _)| organization.id == to);
    let (organization, role) = found.ok_or_else(|| Failure::not_found("organization"))?;
    let caller = Caller { organization, role, ..call.caller.clone() };
    Ok(Found(me_of(state, &caller).await?))
}

/// `DELETE /api/session`: signs out.
pub async fn sign_out(call: Call) -> Answer<DoneWithCookie> {
    end_session(&call.state, &call.caller).await?;
    Ok(DoneWithCookie(auth::cookie_clear(call.state.secure_cookies())))
}

/// `GET /api/me`.
pub async fn me(call: Call) -> Answer<Found<Me>> {
    Ok(Found(me_of(&call.state, &call.caller).await?))
}

async fn me_of(state: &AppState, caller: &Caller) -> Result<Me, Failure> {
    let (user, email) = match &caller.identity {
        Identity::Person { user, email, .. } => (Some(*user), email.clone()),
        Identity::Token(_) => (None, String::new()),
    };
    let organizations = match user {
        Some(user) => {
            let found = store::user_organizations(state.store(), user).await?;
            found.into_iter().map(|(organization, _)| organization).collect()
        }
        None => vec![caller.organization.clone()],
    };
    let permissions = Permission::ALL.iter().copied();
    Ok(Me {
        user,
        name: caller.name.clone(),
        email,
        organization: caller.organization.clone(),
        role: caller.role,
        permissions: permissions.filter(|permission| caller.may(*permission)).collect(),
        organizations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_this_machine_counts_as_this_machine() {
        let check = |peer: &str, pairs: &[(&'static str, &'static str)], expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            let peer = peer.parse().ok();
            assert_eq!(from_this_machine(&headers, peer), expected, "{peer:?} {pairs:?}");
        };
        check("127.0.0.1", &[("host", "127.0.0.1:3000")], true);
        check("127.0.0.1", &[("host", "localhost")], true);
        check("::1", &[("host", "[::1]:3000")], true);
        check("::ffff:127.0.0.1", &[("host", "localhost:3000")], true);
        check("127.0.0.1", &[("host", "rebound.example:3000")], false);
        check("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "1.2.3.4")], false);
        check("192.168.1.5", &[("host", "localhost")], false);
        check("none", &[("host", "localhost")], false);
        check("127.0.0.1", &[], false);
    }
}

//! Set-up, sessions, throttling, tokens, members, set through the real routes.

use super::support::{As, PASSWORD, Server, example_body};
use chrono::TimeDelta;
use serde_json::json;
use signalbox::{client::Method, wire::Role};

#[tokio::test]
async fn setup_happens_once_and_signs_in() {
    let server = Server::start().await;
    assert_eq!(server.get(&As::Nobody, "/api/setup").await.json()["needs_owner"], true);
    let body = example_body("setup");
    // Ten at once: one owner.
    let calls = (0..10).map(|_| server.post(&As::Nobody, "/api/setup", &body));
    let replies = futures::future::join_all(calls).await;
    let made: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(made.len(), 1);
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 409)));
    let browser = As::Browser(made[0].cookie());
    let me = server.get(&browser, "/api/me").await.json();
    assert_eq!((&me["role"], &me["organization"]["name"]), (&json!("owner"), &json!("Acme")));
    assert_eq!(server.get(&As::Nobody, "/api/setup").await.json()["needs_owner"], false);
    let cookie = made[0].header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn strangers_need_the_printed_token_to_set_up() {
    let server = Server::start().await;
    let body = example_body("setup").to_string().into_bytes();
    let from_outside = [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.9")];
    let ask = async |path: &str| {
        server.raw(&As::Nobody, Method::Post, path, &from_outside, Some(body.clone())).await
    };
    assert_eq!(ask("/api/setup").await.status, 403);
    assert_eq!(ask("/api/setup?token=guess").await.status, 403);
    let right = format!("/api/setup?token={}", server.state.setup_token());
    assert_eq!(ask(&right).await.status, 200);
}

#[tokio::test]
async fn sign_in_tells_nothing_about_accounts() {
    let server = Server::start().await;
    server.organization("acme").await;
    let ask = async |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        server.post(&As::Nobody, "/api/session", &body).await
    };
    let (wrong, unknown) =
        (ask("owner@acme.example", "wrong password").await, ask("no@acme.example", PASSWORD).await);
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(wrong.text, unknown.text);
    assert_eq!(ask("OWNER@acme.example ", PASSWORD).await.status, 200, "case does not matter");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_not_locked() {
    let server = Server::start().await;
    server.organization("acme").await;
    let mut last = None;
    for _ in 0..8 {
        let body = json!({ "email": "owner@acme.example", "password": "wrong password" });
        last = Some(server.post(&As::Nobody, "/api/session", &body).await);
    }
    let last = last.unwrap();
    assert_eq!((last.status, last.code().as_str()), (429, "rate_limited"));
    let seconds: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=300).contains(&seconds));
    // Another account is not slowed down, and the right password does not help before its time.
    server.browser("admin@acme.example").await;
    let body = json!({ "email": "owner@acme.example", "password": PASSWORD });
    assert_eq!(server.post(&As::Nobody, "/api/session", &body).await.status, 429);
}

#[tokio::test]
async fn sessions_end() {
    let server = Server::start().await;
    server.organization("acme").await;
    let alive = async |who: &As| server.get(who, "/api/me").await.status == 200;
    // By signing out.
    let browser = server.browser("editor@acme.example").await;
    assert!(alive(&browser).await);
    let out = server.raw(&browser, Method::Delete, "/api/session", &[], None).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert!(!alive(&browser).await);
    // By idling 12 hours.
    let browser = server.browser("editor@acme.example").await;
    server.later(TimeDelta::hours(12) - TimeDelta::minutes(1));
    assert!(alive(&browser).await);
    server.later(TimeDelta::hours(12) + TimeDelta::minutes(1));
    assert!(!alive(&browser).await);
    // By age, however busy. The last use is noted in the background: wait until it is.
    let browser = server.browser("editor@acme.example").await;
    let start = server.state.now();
    while server.state.now() - start < TimeDelta::days(14) {
        assert!(alive(&browser).await, "after {}", server.state.now() - start);
        server.state.store().write(|_| Box::pin(async { Ok(()) })).await.unwrap();
        server.later(TimeDelta::hours(6));
    }
    server.later(TimeDelta::minutes(1));
    assert!(!alive(&browser).await);
}

#[tokio::test]
async fn a_new_sign_in_is_a_new_session() {
    let server = Server::start().await;
    server.organization("acme").await;
    let first = server.browser("editor@acme.example").await;
    let As::Browser(cookie) = &first else { panic!() };
    let body = json!({ "email": "editor@acme.example", "password": PASSWORD });
    let headers = [("content-type", "application/json"), ("cookie", cookie.as_str())];
    let bytes = Some(body.to_string().into_bytes());
    let again = server.raw(&As::Nobody, Method::Post, "/api/session", &headers, bytes).await;
    assert_eq!(again.status, 200);
    assert_ne!(&again.cookie(), cookie);
    assert_eq!(server.get(&first, "/api/me").await.status, 401, "the old one is over");
}

#[tokio::test]
async fn changes_by_cookie_come_from_our_own_pages_only() {
    let server = Server::start().await;
    server.organization("acme").await;
    let As::Browser(cookie) = server.browser("owner@acme.example").await else { panic!() };
    let own = format!("http://{}", server.addr);
    let check = async |headers: &[(&str, &str)], expected: u16| {
        let mut all = vec![("cookie", cookie.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = example_body("token_create").to_string().into_bytes();
        let reply = server.raw(&As::Nobody, Method::Post, "/api/tokens", &all, Some(body)).await;
        assert_eq!(reply.status, expected, "{headers:?} {}", reply.text);
    };
    check(&[("sec-fetch-site", "same-origin")], 201).await;
    check(&[("origin", &own)], 201).await;
    check(&[], 403).await;
    check(&[("sec-fetch-site", "cross-site")], 403).await;
    check(&[("sec-fetch-site", "same-site")], 403).await;
    check(&[("origin", "https://evil.example")], 403).await;
    check(&[("origin", "null")], 403).await;
    // Signing somebody in from another site is refused as well.
    let body = example_body("sign_in").to_string().into_bytes();
    let headers = [("content-type", "application/json"), ("origin", "https://evil.example")];
    let reply = server.raw(&As::Nobody, Method::Post, "/api/session", &headers, Some(body)).await;
    assert_eq!(reply.code(), "foreign_origin");
}

#[tokio::test]
async fn tokens_end_and_do_not_outrank_their_maker() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let admin = acme.machine(Role::Admin);
    let make = async |role: &str, days: Option<u32>| {
        let body = json!({ "name": "CI", "role": role, "expires_in_days": days });
        server.post(&admin, "/api/tokens", &body).await
    };
    assert_eq!(make("owner", None).await.status, 403);
    assert_eq!(make("viewer", Some(0)).await.status, 422);
    let made = make("viewer", Some(2)).await;
    assert_eq!(made.status, 201);
    let (token, id) = (made.json()["token"].clone(), made.json()["view"]["id"].clone());
    let (token, id) = (token.as_str().unwrap(), id.as_str().unwrap());
    assert!(token.starts_with("sbx_"));
    let machine = As::Token(token.to_owned());
    assert_eq!(server.get(&machine, "/api/me").await.json()["role"], "viewer");
    let listed = server.get(&admin, "/api/tokens").await;
    assert!(listed.text.contains(id) && !listed.text.contains(token), "the secret is shown once");
    server.later(TimeDelta::days(2));
    assert_eq!(server.get(&machine, "/api/me").await.status, 401);
    let forever = make("viewer", None).await.json();
    let machine = As::Token(forever["token"].as_str().unwrap().to_owned());
    assert_eq!(server.get(&machine, "/api/me").await.status, 200);
    let path = format!("/api/tokens/{}", forever["view"]["id"].as_str().unwrap());
    assert_eq!(server.raw(&admin, Method::Delete, &path, &[], None).await.status, 204);
    assert_eq!(server.get(&machine, "/api/me").await.status, 401);
}

#[tokio::test]
async fn members_come_change_and_go() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let (owner, admin) = (acme.owner(), acme.machine(Role::Admin));
    let added = server.post(&admin, "/api/members", &example_body("member_add")).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let again = server.post(&admin, "/api/members", &example_body("member_add")).await;
    assert_eq!(again.status, 409);
    let browser = server.browser("new@acme.example").await;
    let path = format!("/api/members/{}", added.json()["user"].as_str().unwrap());
    let changed = server.send(&admin, Method::Patch, &path, &json!({ "role": "editor" })).await;
    assert_eq!(changed.json()["role"], "editor");
    assert_eq!(server.get(&browser, "/api/me").await.json()["role"], "editor", "at once");
    let up = server.send(&admin, Method::Patch, &path, &json!({ "role": "owner" })).await;
    assert_eq!(up.status, 403, "an admin makes no owners");
    assert_eq!(server.raw(&admin, Method::Delete, &path, &[], None).await.status, 204);
    assert_eq!(server.get(&browser, "/api/me").await.status, 401, "the session went too");
    // An admin cannot touch the owner, and the last owner cannot go.
    let path = format!("/api/members/{}", acme.user(Role::Owner).id);
    let down = json!({ "role": "viewer" });
    assert_eq!(server.send(&admin, Method::Patch, &path, &down).await.status, 403);
    assert_eq!(server.raw(&admin, Method::Delete, &path, &[], None).await.status, 403);
    assert_eq!(server.send(&owner, Method::Patch, &path, &down).await.code(), "wrong_state");
    assert_eq!(server.raw(&owner, Method::Delete, &path, &[], None).await.code(), "wrong_state");
}

#[tokio::test]
async fn a_person_in_two_organizations_acts_in_one() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let body = json!({ "name": "x", "email": "viewer@acme.example", "role": "admin", "password": "another password" });
    let added = server.post(&other.owner(), "/api/members", &body).await;
    assert_eq!(added.status, 201);
    assert_eq!(added.json()["user"], json!(acme.user(Role::Viewer).id), "the same person");
    // The password that came with it does not replace theirs.
    let browser = server.browser("viewer@acme.example").await;
    let me = server.get(&browser, "/api/me").await.json();
    assert_eq!(me["organization"]["id"], json!(acme.id));
    assert_eq!(me["role"], "viewer", "the role of one organisation is not that of another");
    assert_eq!(server.get(&browser, "/api/tokens").await.status, 403);
}

//! Somebody who belongs to two organisations acts in one at a time.

use super::{
    support::{As, Organization, Server},
    tenancy::{ask, body_of, things},
};
use serde_json::json;
use server::http::{endpoint::Access, routes};
use signalbox::{client::Method, wire::Role};

/// Makes acme's owner an admin of the other organisation; gives their browser, which acts in acme.
async fn of_both(server: &Server, acme: &Organization, other: &Organization) -> As {
    let email = &acme.user(Role::Owner).email;
    let body =
        json!({ "name": "x", "email": email, "role": "admin", "password": "another password" });
    assert_eq!(server.post(&other.owner(), "/api/members", &body).await.status, 201);
    server.browser(email).await
}

async fn switch(server: &Server, who: &As, to: &Organization) -> super::support::Reply {
    server.post(who, "/api/session/organization", &json!({ "organization": to.id })).await
}

#[tokio::test]
async fn after_a_switch_the_other_organization_is_not_there() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let things = things(&server, &acme).await;
    let browser = of_both(&server, &acme, &other).await;
    let me = server.get(&browser, "/api/me").await.json();
    assert_eq!(me["organization"]["id"], json!(acme.id));
    let known: Vec<_> = me["organizations"].as_array().unwrap().iter().map(|o| &o["id"]).collect();
    assert_eq!(known, [&json!(acme.id), &json!(other.id)]);

    let switched = switch(&server, &browser, &other).await;
    assert_eq!(switched.status, 200, "{}", switched.text);
    assert_eq!(switched.json()["role"], "admin", "the role of that organisation");
    let now = server.get(&browser, "/api/me").await.json();
    assert_eq!(now, switched.json());
    assert_eq!(now["organization"]["id"], json!(other.id));

    let mut tried = 0;
    for endpoint in routes::all() {
        let found = things.iter().find(|(prefix, _)| endpoint.path.starts_with(prefix));
        let Some((_, id)) = found.filter(|(_, id)| !id.is_empty()) else { continue };
        if endpoint.path_parameters().is_empty() || endpoint.access == Access::Address {
            continue;
        }
        // Their own membership is theirs in both.
        let reply = ask(&server, &browser, &endpoint, id, body_of(&endpoint)).await;
        assert_eq!(reply.code(), "not_found", "{}: {}", endpoint.name, reply.text);
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} routes were tried");
    for endpoint in routes::all().iter().filter(|endpoint| endpoint.is_safe()) {
        if !endpoint.path_parameters().is_empty() {
            continue;
        }
        let reply = ask(&server, &browser, endpoint, "", Vec::new()).await;
        for (_, id) in things.iter().filter(|(_, id)| !id.is_empty()) {
            assert!(!reply.text.contains(id.as_str()), "{} shows {id}", endpoint.name);
        }
    }
    // And back again everything is there.
    assert_eq!(switch(&server, &browser, &acme).await.json()["role"], "owner");
    for (prefix, id) in things.iter().filter(|(prefix, _)| prefix.contains("workflows")) {
        assert_eq!(server.get(&browser, &format!("{prefix}{id}")).await.status, 200);
    }
}

#[tokio::test]
async fn nobody_gets_where_they_do_not_belong() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let browser = server.browser(&acme.user(Role::Owner).email).await;
    let refused = switch(&server, &browser, &other).await;
    assert_eq!((refused.status, refused.code().as_str()), (404, "not_found"));
    let nowhere = json!({ "organization": uuid::Uuid::now_v7() });
    let missing = server.post(&browser, "/api/session/organization", &nowhere).await;
    assert_eq!(missing.text, refused.text, "it looks as if it were not there");
    assert_eq!(switch(&server, &acme.owner(), &acme).await.code(), "wrong_state", "a token");
    let me = server.get(&browser, "/api/me").await.json();
    assert_eq!(me["organization"]["id"], json!(acme.id));
    assert_eq!(me["organizations"].as_array().unwrap().len(), 1);

    // A membership that ends takes the session that acts in it along, and no other.
    let both = of_both(&server, &acme, &other).await;
    assert_eq!(switch(&server, &both, &other).await.status, 200);
    let path = format!("/api/members/{}", acme.user(Role::Owner).id);
    let removed = server.raw(&other.owner(), Method::Delete, &path, &[], None).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    assert_eq!(server.get(&both, "/api/me").await.status, 401);
    assert_eq!(server.get(&browser, "/api/me").await.status, 200);
}

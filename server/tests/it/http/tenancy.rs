//! Who may do what, for every route of the table: each role by token and by session, nobody, ended
//! credentials, and another organisation.

use super::{
    support::{As, Organization, Reply, Server, document, example_body},
    tasks::task_document,
    workflows::published,
};
use futures::future::join_all;
use serde_json::json;
use server::{
    http::{
        body::BodyRule,
        endpoint::{Access, Endpoint},
        routes,
    },
    store,
};
use signalbox::wire::Role;
use uuid::Uuid;

/// The path with every parameter replaced.
pub fn path_with(endpoint: &Endpoint, value: &str) -> String {
    let mut path = endpoint.path.to_owned();
    for name in endpoint.path_parameters() {
        let value = if name == "number" { "1" } else { value };
        path = path.replace(&format!("{{{name}}}"), value).replace(&format!("{{*{name}}}"), value);
    }
    path
}

pub async fn ask(server: &Server, who: &As, endpoint: &Endpoint, id: &str, body: Vec<u8>) -> Reply {
    let mut headers = vec![("content-type", "application/json")];
    if endpoint.if_match {
        headers.push(("if-match", "\"1\""));
    }
    let body = (!endpoint.is_safe()).then_some(body);
    server.raw(who, endpoint.method, &path_with(endpoint, id), &headers, body).await
}

/// A body that the route takes as it is.
pub fn body_of(endpoint: &Endpoint) -> Vec<u8> {
    match endpoint.body {
        BodyRule::Json(_) => example_body(endpoint.name).to_string().into_bytes(),
        _ => b"{}".to_vec(),
    }
}

/// What the table says about a role; none is nobody.
fn expected(endpoint: &Endpoint, role: Option<Role>) -> Option<&'static str> {
    match (endpoint.access, role) {
        (Access::Public | Access::Address, _) => None,
        (_, None) => Some("unauthenticated"),
        (Access::SignedIn, Some(_)) => None,
        (Access::May(permission), Some(role)) => (!role.may(permission)).then_some("forbidden"),
    }
}

#[tokio::test]
async fn every_route_for_every_role() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let mut subjects = vec![
        ("nobody".to_owned(), As::Nobody, None),
        ("unknown token".to_owned(), As::Token("sbx_unknown".into()), None),
        ("unknown session".to_owned(), As::Browser("signalbox_session=unknown".into()), None),
    ];
    for role in Role::ALL {
        subjects.push((format!("{role:?} token"), acme.machine(role), Some(role)));
        let browser = server.browser(&acme.user(role).email).await;
        subjects.push((format!("{role:?} session"), browser, Some(role)));
    }
    let mut checked = 0;
    let mut table = routes::all();
    table.sort_by_key(|endpoint| endpoint.name == "sign_out"); // it ends the session it is asked with
    for endpoint in &table {
        // An id that nothing has: what is allowed changes nothing.
        let id = Uuid::now_v7().to_string();
        let calls =
            subjects.iter().map(|(_, who, _)| ask(&server, who, endpoint, &id, b"{}".to_vec()));
        for ((name, _, role), reply) in subjects.iter().zip(join_all(calls).await) {
            let place = format!("{} as {name}: {} {}", endpoint.name, reply.status, reply.text);
            match expected(endpoint, *role) {
                Some(code) => assert_eq!(reply.code(), code, "{place}"),
                None => {
                    let refused = ["unauthenticated", "forbidden", "foreign_origin"];
                    assert!(!refused.contains(&reply.code().as_str()), "{place}");
                    assert!(reply.status < 500, "{place}");
                }
            }
            if let (Access::May(permission), "forbidden") = (endpoint.access, reply.code().as_str())
            {
                assert_eq!(reply.json()["details"]["permission"], permission.as_str(), "{place}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 13 * 15, "only {checked} pairs were tried");
}

#[test]
fn whoever_may_only_read_changes_nothing() {
    for endpoint in routes::all().iter().filter(|endpoint| !endpoint.is_safe()) {
        if let Access::May(permission) = endpoint.access {
            assert!(!permission.as_str().ends_with(":Read"), "{} needs more", endpoint.name);
        }
    }
}

#[tokio::test]
async fn every_change_by_cookie_needs_our_own_page() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let As::Browser(cookie) = server.browser(&acme.user(Role::Owner).email).await else { panic!() };
    for endpoint in routes::all().iter().filter(|endpoint| !endpoint.is_safe()) {
        if matches!(endpoint.access, Access::Public | Access::Address) {
            continue;
        }
        let path = path_with(endpoint, &Uuid::now_v7().to_string());
        for (name, value) in [("x", "y"), ("origin", "https://evil.example")] {
            let headers = [("cookie", cookie.as_str()), (name, value)];
            let reply = server.raw(&As::Nobody, endpoint.method, &path, &headers, None).await;
            assert_eq!(reply.code(), "foreign_origin", "{}", endpoint.name);
        }
    }
    assert_eq!(server.get(&As::Browser(cookie), "/api/me").await.status, 200, "still signed in");
}

/// One thing of each kind that belongs to an organisation, by the beginning of its path. Empty: what
/// is at that path belongs to nobody.
pub async fn things(server: &Server, acme: &Organization) -> Vec<(&'static str, String)> {
    let owner = acme.owner();
    let token = store::token_list(server.state.store(), acme.id, 1).await.unwrap().remove(0).id;
    let path = published(server, acme, &document()).await;
    let started = server.post(&owner, &format!("{path}/runs"), &json!({})).await.json();
    let run = started["id"].as_str().unwrap().to_owned();
    server.get(&owner, &format!("/api/runs/{run}/wait?timeout_ms=20000")).await;
    let approvals = server.get(&owner, "/api/approvals?state=pending").await.json();
    let tasks = published(server, acme, &task_document(json!({}), json!({}))).await;
    server.post(&owner, &format!("{tasks}/runs"), &json!({})).await;
    let claim = json!({ "worker": "w", "wait_ms": 20_000 });
    let claimed = server.post(&owner, "/api/tasks/claim", &claim).await.json();
    let secret = json!({ "name": "shop_key_of_acme", "value": "a value" });
    assert_eq!(server.post(&owner, "/api/secrets", &secret).await.status, 201);
    let mut template = example_body("template_create");
    template["id"] = json!("welcome_of_acme");
    assert_eq!(server.post(&owner, "/api/templates", &template).await.status, 201);
    let contact =
        server.post(&owner, "/api/contacts", &example_body("contact_create")).await.json();
    vec![
        ("/api/members/", acme.user(Role::Viewer).id.to_string()),
        ("/api/tokens/", token.to_string()),
        ("/api/workflows/", path.strip_prefix("/api/workflows/").unwrap().to_owned()),
        ("/api/runs/", run),
        ("/api/tasks/", claimed["tasks"][0]["id"].as_str().unwrap().to_owned()),
        ("/api/approvals/", approvals["items"][0]["id"].as_str().unwrap().to_owned()),
        ("/api/contacts/", contact["id"].as_str().unwrap().to_owned()),
        ("/api/secrets/", "shop_key_of_acme".to_owned()),
        ("/api/templates/", "welcome_of_acme".to_owned()),
        ("/api/sandbox/messages/", String::new()),
        ("/api/starters/", String::new()),
    ]
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_there() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let things = things(&server, &acme).await;
    let mut tried = 0;
    for endpoint in routes::all() {
        if endpoint.path_parameters().is_empty() || endpoint.access == Access::Address {
            continue;
        }
        let Some((_, id)) = things.iter().find(|(prefix, _)| endpoint.path.starts_with(prefix))
        else {
            panic!("say in `things` what {} is about", endpoint.path)
        };
        if id.is_empty() {
            continue; // not an organisation's thing
        }
        let body = body_of(&endpoint);
        let theirs = ask(&server, &other.owner(), &endpoint, id, body.clone()).await;
        let missing_id = Uuid::now_v7().to_string();
        let missing = ask(&server, &other.owner(), &endpoint, &missing_id, body).await;
        assert_eq!(
            theirs.code(),
            "not_found",
            "{}: {} {}",
            endpoint.name,
            theirs.status,
            theirs.text
        );
        let shown = missing.text.replace(&missing_id, id);
        assert_eq!(theirs.text, shown, "{}: it must look as if it were not there", endpoint.name);
        tried += 1;
    }
    assert!(tried >= 20, "only {tried} routes were tried");
    // Nothing of it shows in any list either, and nothing was changed.
    for endpoint in routes::all().iter().filter(|endpoint| endpoint.is_safe()) {
        if !endpoint.path_parameters().is_empty() {
            continue;
        }
        let reply = ask(&server, &other.owner(), endpoint, "", Vec::new()).await;
        for (_, id) in things.iter().filter(|(_, id)| !id.is_empty()) {
            assert!(!reply.text.contains(id.as_str()), "{} shows {id}", endpoint.name);
        }
    }
    assert_eq!(server.get(&acme.machine(Role::Viewer), "/api/me").await.status, 200);
    server.browser(&acme.user(Role::Viewer).email).await;
}

//! `Idempotency-Key`, on every route that makes something.

use super::{
    support::{As, Organization, Reply, Server, document, example_body},
    workflows::published,
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use server::http::{endpoint::Endpoint, routes};
use signalbox::{client::Method, wire::Role};

/// Routes that answer 201 make something.
fn making() -> Vec<Endpoint> {
    let all = routes::all().into_iter();
    all.filter(|endpoint| endpoint.method == Method::Post && endpoint.status == 201).collect()
}

#[test]
fn whatever_makes_something_takes_a_key() {
    assert!(making().len() >= 8);
    for endpoint in making() {
        assert!(endpoint.idempotent, "{} makes something and takes no key", endpoint.name);
    }
}

/// The path and the body of a request, and another request to the same route.
fn requests(endpoint: &Endpoint, workflow: &str, run: &str) -> [(String, Value); 2] {
    let path = match endpoint.name {
        "starter_use" => "/api/starters/welcome-email".to_owned(),
        _ => endpoint.path.replace("/api/workflows/{id}", workflow).replace("/api/runs/{id}", run),
    };
    assert!(!path.contains('{'), "say in `requests` what {} is about", endpoint.name);
    if endpoint.name == "starter_use" {
        let other = "/api/starters/vip-offer".to_owned();
        return [(path, Value::Null), (other, Value::Null)];
    }
    let (body, mut other) = (example_body(endpoint.name), example_body(endpoint.name));
    let (field, value) = match endpoint.name {
        "member_add" => ("email", json!("another@acme.example")),
        "publish" => ("note", json!("second")),
        "run_start" | "run_fork" => ("input", json!({ "a": 2 })),
        "secret_set" => ("name", json!("another_key")),
        "template_create" => ("id", json!("another")),
        _ => ("name", json!("Another")),
    };
    other[field] = value;
    [(path.clone(), body), (path, other)]
}

async fn send(server: &Server, who: &As, key: &str, (path, body): &(String, Value)) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let body = Some(body.to_string().into_bytes());
    server.raw(who, Method::Post, path, &headers, body).await
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_and_another_request_is_refused() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let owner = acme.owner();
    for endpoint in making() {
        let workflow = published(&server, &acme, &document()).await;
        let run = server.post(&owner, &format!("{workflow}/runs"), &json!({})).await.json();
        let run = format!("/api/runs/{}", run["id"].as_str().unwrap());
        let [request, other] = requests(&endpoint, &workflow, &run);
        let key = format!("key of {}", endpoint.name);
        // Two at once and one after them: made once.
        let (first, second) = futures::join!(
            send(&server, &owner, &key, &request),
            send(&server, &owner, &key, &request)
        );
        let third = send(&server, &owner, &key, &request).await;
        assert_eq!(first.status.max(second.status), 201, "{}: {}", endpoint.name, first.text);
        assert!(matches!(third.status, 200 | 201), "{}: {}", endpoint.name, third.text);
        assert_eq!(first.json(), second.json(), "{}", endpoint.name);
        assert_eq!(first.json(), third.json(), "{}", endpoint.name);
        let refused = send(&server, &owner, &key, &other).await;
        let place = format!("{}: {} {}", endpoint.name, refused.status, refused.text);
        assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{place}");
        assert!(refused.json()["message"].as_str().unwrap().contains("Idempotency-Key"), "{place}");
        let fresh = send(&server, &owner, "a key of its own", &other).await;
        assert_eq!(fresh.code(), "", "{}: {}", endpoint.name, fresh.text);
        assert_ne!(fresh.json(), first.json(), "{}", endpoint.name);
    }
}

async fn count(server: &Server, acme: &Organization) -> usize {
    let contacts = server.get(&acme.owner(), "/api/contacts?limit=200").await.json();
    contacts["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn keys_hold_for_a_day_in_one_organization_and_one_route() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let request = ("/api/contacts".to_owned(), example_body("contact_create"));
    let made = send(&server, &acme.owner(), "k", &request).await.json();
    assert_ne!(send(&server, &other.owner(), "k", &request).await.json()["id"], made["id"]);
    let token = ("/api/tokens".to_owned(), example_body("token_create"));
    assert_eq!(send(&server, &acme.owner(), "k", &token).await.status, 201);
    server.later(TimeDelta::hours(24));
    assert_eq!(send(&server, &acme.machine(Role::Editor), "k", &request).await.json(), made);
    assert_eq!(count(&server, &acme).await, 1);
    server.later(TimeDelta::seconds(1));
    let again = send(&server, &acme.owner(), "k", &request).await.json();
    assert_ne!(again["id"], made["id"], "a day is over");
    assert_eq!(send(&server, &acme.owner(), "k", &request).await.json(), again);
    assert_eq!(count(&server, &acme).await, 2);
}

#[tokio::test]
async fn a_refused_request_uses_no_key_up() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let mut wrong = example_body("contact_create");
    wrong["email"] = json!("no address");
    let wrong = ("/api/contacts".to_owned(), wrong);
    assert_eq!(send(&server, &acme.owner(), "k", &wrong).await.status, 422);
    let right = ("/api/contacts".to_owned(), example_body("contact_create"));
    assert_eq!(send(&server, &acme.owner(), "k", &right).await.status, 201);
    let long = "k".repeat(201);
    assert_eq!(send(&server, &acme.owner(), &long, &right).await.code(), "invalid_parameter");
}

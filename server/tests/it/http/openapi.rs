//! The OpenAPI document is complete: every route, every reference, every body; and answers are as it says.

use super::{
    support::{As, Organization, Reply, Server, document, example_body},
    webhooks::{self, ORDER},
    workflows::published,
};
use serde_json::{Value, json};
use server::http::{
    body::BodyRule,
    endpoint::{Access, Endpoint},
    routes,
};
use signalbox::client::Method;

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_lists_every_route_and_resolves() {
    let server = Server::start().await;
    let reply = server.get(&As::Nobody, "/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    let document = reply.json();
    let mut names = std::collections::BTreeSet::new();
    for endpoint in routes::all() {
        let path = endpoint.path.replace("{*", "{");
        let operation = &document["paths"][&path][endpoint.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], endpoint.name, "{path}");
        assert!(names.insert(endpoint.name), "{} stands there twice", endpoint.name);
        assert_eq!(
            operation["requestBody"].is_object(),
            !matches!(endpoint.body, BodyRule::None),
            "{path}"
        );
        let open = matches!(endpoint.access, Access::Public | Access::Address);
        assert_eq!(operation["security"].as_array().unwrap().is_empty(), open, "{path}");
        assert!(operation["responses"]["default"]["content"].is_object(), "{path}");
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

async fn described(server: &Server) -> Value {
    let reply = server.get(&As::Nobody, "/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    reply.json()
}

/// The answer must have the form that the document gives for the operation and the status.
fn is_as_described(description: &Value, method: &str, path: &str, reply: &Reply) {
    let status = reply.status.to_string();
    let response = &description["paths"][path][method]["responses"][&status];
    let mut schema = response["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{method} {path}: no form for {status} {}", reply.text);
    schema["components"] = description["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let answer: Value = serde_json::from_str(&reply.text).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(&answer)
        .map(|error| format!("{error} (at {})", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{method} {path}: {wrong:?} in {answer}");
}

async fn made(server: &Server, who: &As, operation: &str, path: &str) -> Value {
    let reply = server.post(who, path, &example_body(operation)).await;
    assert_eq!(reply.status, 201, "{operation}: {}", reply.text);
    reply.json()
}

/// One thing of each kind. Gives beginnings of paths in the table, and what they are here.
async fn small_world(server: &Server, acme: &Organization) -> Vec<(&'static str, String)> {
    let owner = acme.owner();
    let workflow = published(server, acme, &document()).await;
    let id_of = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
    let contact = made(server, &owner, "contact_create", "/api/contacts").await;
    made(server, &owner, "template_create", "/api/templates").await;
    made(server, &owner, "secret_set", "/api/secrets").await;
    let run = made(server, &owner, "run_start", &format!("{workflow}/runs")).await;
    let run = format!("/api/runs/{}", id_of(&run));
    let waited = server.get(&owner, &format!("{run}/wait?until=person")).await;
    assert_eq!(waited.status, 200, "{}", waited.text);
    let pending = server.get(&owner, "/api/approvals?state=pending").await.json();
    vec![
        ("/api/workflows/{id}", workflow),
        ("/api/runs/{id}", run),
        ("/api/approvals/{id}", format!("/api/approvals/{}", id_of(&pending["items"][0]))),
        ("/api/contacts/{id}", format!("/api/contacts/{}", id_of(&contact))),
        ("/api/templates/{id}", "/api/templates/welcome".to_owned()),
        ("{number}", "1".to_owned()),
    ]
}

/// Where to ask; none for what answers no JSON or needs more than the small world has.
fn place_of(endpoint: &Endpoint, world: &[(&'static str, String)]) -> Option<String> {
    if matches!(endpoint.name, "live" | "tracked" | "sandbox_message") {
        return None;
    }
    let mut path = endpoint.path.to_owned();
    for (beginning, here) in world {
        path = path.replace(beginning, here);
    }
    assert!(!path.contains('{'), "say in `small_world` what {} is about", endpoint.name);
    match endpoint.name {
        "schedule_next" => path.push_str("?cron=0%209%20*%20*%201-5"),
        "run_wait" => path.push_str("?timeout_ms=1"),
        _ => {}
    }
    Some(path)
}

#[tokio::test]
async fn what_is_read_has_the_form_that_the_document_gives() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let world = small_world(&server, &acme).await;
    let description = described(&server).await;
    let mut read = 0;
    for endpoint in routes::all().iter().filter(|endpoint| endpoint.is_safe()) {
        let Some(place) = place_of(endpoint, &world) else { continue };
        let reply = server.get(&acme.owner(), &place).await;
        assert_eq!(reply.status, 200, "{place}: {}", reply.text);
        is_as_described(&description, "get", endpoint.path, &reply);
        read += 1;
    }
    assert!(read > 30, "{read}");
}

#[tokio::test]
async fn answers_of_every_status_have_the_form_that_the_document_gives() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let (owner, description) = (acme.owner(), described(&server).await);
    let workflow = published(&server, &acme, &document()).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
    for status in [201, 200] {
        let body = example_body("run_start").to_string().into_bytes();
        let path = format!("{workflow}/runs");
        let run = server.raw(&owner, Method::Post, &path, &headers, Some(body)).await;
        assert_eq!(run.status, status, "{}", run.text);
        is_as_described(&description, "post", "/api/workflows/{id}/runs", &run);
        let event = server.post(&owner, "/api/events", &example_body("event_send")).await;
        assert_eq!(event.status, status, "{}", event.text);
        is_as_described(&description, "post", "/api/events", &event);
    }
    // Started, ended in time, not ended in time.
    let quick = webhooks::hook(&server, &acme, json!({ "on": "webhook" }), false).await;
    let slow = webhooks::hook(&server, &acme, json!({ "on": "webhook" }), true).await;
    let none: &[(&str, &str)] = &[];
    let wait: &[(&str, &str)] = &[("prefer", "wait=0")];
    for (address, headers, status) in [
        (quick.clone(), none, 202),
        (format!("{quick}?respond=finished"), none, 200),
        (format!("{slow}?respond=finished"), wait, 202),
    ] {
        let reply = webhooks::send(&server, &address, headers, ORDER).await;
        assert_eq!(reply.status, status, "{address}: {}", reply.text);
        is_as_described(&description, "post", "/hooks/{token}", &reply);
    }
}

#[tokio::test]
async fn other_answers_than_json_and_what_hooks_read_are_described() {
    let server = Server::start().await;
    let paths = described(&server).await["paths"].clone();
    let statuses = |path: &str| -> Vec<String> {
        let responses = paths[path]["get"]["responses"].as_object().unwrap();
        responses.keys().cloned().collect()
    };
    assert_eq!(statuses("/api/live"), ["101", "default"]);
    assert_eq!(statuses("/t/{token}"), ["302", "200", "default"]);
    assert_eq!(statuses("/health"), ["200", "503", "default"]);
    let health = &paths["/health"]["get"]["responses"];
    assert_eq!(health["200"]["content"], health["503"]["content"]);
    for path in ["/hooks/{token}", "/hooks/{token}/{path}"] {
        let mut parameters = paths[path]["post"]["parameters"].as_array().unwrap().iter();
        assert!(parameters.any(|parameter| parameter["name"] == "respond"), "{path}");
    }
}

//! Webhooks as their trigger sets them up: when the sender is answered, how it proves who it is, and
//! what becomes of repetitions.

use super::{
    support::{As, Organization, Reply, Server},
    workflows::published,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use server::auth::hmac_sha256;
use signalbox::{
    client::Method,
    wire::{DraftSave, Permission, Publish, Role},
};

/// A published workflow of this trigger that answers what it was told; with a person in between or not.
/// Gives the address.
pub async fn hook(server: &Server, acme: &Organization, trigger: Value, person: bool) -> String {
    let next = if person { "ask" } else { "end" };
    let document = json!({ "format": "signalbox/v1", "name": "Hook", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": trigger } },
            { "id": "ask", "kind": { "type": "human", "mode": "approve", "prompt": "Shall we?" } },
            { "id": "end", "kind": { "type": "end", "output": { "order": "{{input.order}}" } } },
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": next },
            { "id": "e2", "from": "ask", "port": "approved", "to": "end" },
        ],
    } });
    let path = published(server, acme, &document).await;
    let url =
        server.get(&acme.owner(), &path).await.json()["hook_url"].as_str().unwrap().to_owned();
    url.strip_prefix(&server.url("")).unwrap().to_owned()
}

pub async fn send(server: &Server, address: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    server.raw(&As::Nobody, Method::Post, address, &all, Some(body.to_vec())).await
}

pub const ORDER: &[u8] = br#"{"order": 7}"#;

#[tokio::test]
async fn the_trigger_says_when_the_sender_is_answered() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let trigger = json!({ "on": "webhook", "path": "/orders", "respond": "finished" });
    let address = hook(&server, &acme, trigger.clone(), false).await;
    let finished = send(&server, &address, &[], ORDER).await;
    assert_eq!((finished.status, &finished.json()["output"]), (200, &json!({ "order": 7 })));
    let accepted = send(&server, &format!("{address}?respond=accepted"), &[], ORDER).await;
    assert_eq!(accepted.status, 202, "the query goes before the trigger");
    let url = accepted.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(url, server.url(&format!("/api/runs/{}", accepted.json()["run"].as_str().unwrap())));
    assert_eq!(accepted.header("location"), url);

    // What does not end in time is answered with its address.
    let waits = hook(&server, &acme, trigger, true).await;
    let late = send(&server, &waits, &[("prefer", "wait=0")], ORDER).await;
    assert_eq!(late.status, 202, "{}", late.text);
    let path = late.header("location").strip_prefix(&server.url("")).unwrap().to_owned();
    let run = server.get(&acme.owner(), &path).await;
    assert_eq!((run.status, &run.json()["run"]["id"]), (200, &late.json()["run"]));
    let plain = hook(&server, &acme, json!({ "on": "webhook" }), false).await;
    assert_eq!(send(&server, &plain, &[], ORDER).await.status, 202);
}

async fn secret(server: &Server, acme: &Organization, value: &str) {
    let body = json!({ "name": "shop_key", "value": value });
    assert_eq!(server.post(&acme.owner(), "/api/secrets", &body).await.status, 201);
}

/// What the shop's signature over a request is.
fn signature(key: &[u8], id: &str, seconds: &str, body: &[u8]) -> String {
    let code = hmac_sha256(key, &[format!("{id}.{seconds}.").as_bytes(), body]);
    format!("v1,{}", STANDARD.encode(code))
}

#[tokio::test]
async fn signed_requests_start_runs_and_others_do_not() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let key = b"a key of the shop's own";
    secret(&server, &acme, &format!("whsec_{}", STANDARD.encode(key))).await;
    let proof = json!({ "by": "signature", "secret": "shop_key" });
    let address = hook(&server, &acme, json!({ "on": "webhook", "proof": proof }), false).await;
    let now = || server.state.now().timestamp();
    let ask = async |id: &str, at: i64, key: &[u8], sent: &[u8]| {
        let (seconds, body) = (at.to_string(), ORDER);
        let signature = signature(key, id, &seconds, body);
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", &*seconds),
            ("webhook-signature", &*signature),
        ];
        send(&server, &address, &headers, sent).await
    };
    let first = ask("evt_1", now(), key, ORDER).await;
    assert_eq!(first.status, 202, "{}", first.text);
    for (what, refused) in [
        ("nothing", send(&server, &address, &[], ORDER).await),
        ("another key", ask("evt_2", now(), b"another key", ORDER).await),
        ("another body", ask("evt_2", now(), key, br#"{"order": 8}"#).await),
        ("an old one", ask("evt_2", now() - 301, key, ORDER).await),
        ("one from the future", ask("evt_2", now() + 301, key, ORDER).await),
    ] {
        assert_eq!((refused.status, refused.code().as_str()), (401, "unauthenticated"), "{what}");
    }
    let runs = async || {
        let runs = server.get(&acme.owner(), "/api/runs").await.json();
        runs["items"].as_array().unwrap().len()
    };
    assert_eq!(runs().await, 1);
    // The run knows the event, not the proof.
    let path = format!("/api/runs/{}", first.json()["run"].as_str().unwrap());
    let input = server.get(&acme.owner(), &path).await.json()["input"].clone();
    assert_eq!(input["headers"]["webhook-id"], "evt_1");
    assert_eq!(input["headers"]["webhook-signature"], Value::Null);

    // The sender repeats it for a week: one run.
    server.later(TimeDelta::days(7));
    let again = ask("evt_1", now(), key, ORDER).await;
    assert_eq!((again.status, &again.json()["run"]), (202, &first.json()["run"]));
    assert_eq!(runs().await, 1);
    assert_ne!(ask("evt_2", now(), key, ORDER).await.json()["run"], first.json()["run"]);
}

#[tokio::test]
async fn a_secret_in_a_header_is_asked_for_and_never_passed_on() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    secret(&server, &acme, "hush-hush-hush").await;
    let proof = json!({ "by": "header", "header": "X-Shop-Key", "secret": "shop_key" });
    let trigger = json!({ "on": "webhook", "path": "/orders", "proof": proof });
    let address = hook(&server, &acme, trigger, false).await;
    for wrong in [&[][..], &[("x-shop-key", "hush")], &[("authorization", "hush-hush-hush")]] {
        assert_eq!(send(&server, &address, wrong, ORDER).await.status, 401, "{wrong:?}");
    }
    let right = [("x-shop-key", "hush-hush-hush"), ("idempotency-key", "k")];
    let started = send(&server, &address, &right, ORDER).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let again = send(&server, &address, &right, br#"{"order": 9}"#).await;
    assert_eq!(again.json()["run"], started.json()["run"]);
    let path = format!("/api/runs/{}", started.json()["run"].as_str().unwrap());
    assert!(!server.get(&acme.owner(), &path).await.text.contains("hush"));

    let gone = server.raw(&acme.owner(), Method::Delete, "/api/secrets/shop_key", &[], None).await;
    assert_eq!(gone.status, 204);
    let unset = send(&server, &address, &right, ORDER).await;
    assert_eq!(
        (unset.status, unset.code().as_str()),
        (503, "unavailable"),
        "the sender tries again"
    );
}

#[tokio::test]
async fn a_body_has_a_mebibyte_at_most() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let address = hook(&server, &acme, json!({ "on": "webhook" }), false).await;
    let body = |bytes: usize| {
        let mut body = b"{\"a\":\"".to_vec();
        body.resize(bytes - 2, b'x');
        body.extend(b"\"}");
        body
    };
    const MEBIBYTE: usize = 1 << 20;
    assert_eq!(send(&server, &address, &[], &body(MEBIBYTE)).await.status, 202);
    let large = send(&server, &address, &[], &body(MEBIBYTE + 1)).await;
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn a_new_version_and_archiving_count_at_once() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let trigger = json!({ "on": "webhook", "path": "", "respond": "finished" });
    let address = hook(&server, &acme, trigger, false).await;
    let send = async || send(&server, &address, &[], ORDER).await;
    assert_eq!(send().await.json()["output"], json!({ "order": 7 }));

    let client = server.client(acme.token(Role::Owner));
    let id = client.workflows(&Default::default()).await.unwrap().items[0].id;
    let mut detail = client.workflow(id).await.unwrap();
    let end = detail.graph.nodes.iter_mut().find(|node| node.id.as_str() == "end").unwrap();
    end.kind = serde_json::from_value(json!({ "type": "end", "output": { "new": true } })).unwrap();
    let save = DraftSave {
        name: detail.workflow.name.clone(),
        description: String::new(),
        graph: detail.graph,
    };
    client.draft_save(id, detail.draft_revision, &save).await.unwrap();
    assert_eq!(send().await.json()["output"], json!({ "order": 7 }), "a draft does not run");
    client.publish(id, &Publish::default()).await.unwrap();
    assert_eq!(send().await.json()["output"], json!({ "new": true }));
    client.workflow_archive(id).await.unwrap();
    assert_eq!(send().await.status, 404);
}

#[tokio::test]
async fn only_those_who_may_start_or_edit_see_the_address() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let document = json!({ "format": "signalbox/v1", "name": "Hook", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "webhook" } } },
            { "id": "end", "kind": { "type": "end" } },
        ],
        "edges": [{ "id": "e1", "from": "start", "port": "success", "to": "end" }],
    } });
    let path = published(&server, &acme, &document).await;
    for role in Role::ALL.into_iter().filter(|role| role.may(Permission::WorkflowDefinitionRead)) {
        let detail = server.get(&acme.machine(role), &path).await;
        assert_eq!(detail.status, 200, "{role:?}");
        let may_know = !matches!(role, Role::Viewer | Role::Approver);
        assert_eq!(detail.json()["hook_url"].is_string(), may_know, "{role:?}: {}", detail.text);
        assert_eq!(detail.text.contains("/hooks/"), may_know, "{role:?}: {}", detail.text);
    }
}

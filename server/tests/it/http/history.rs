//! Runs are found over the API, and go when their time is over.

use super::{
    support::{As, Server, document},
    workflows::published,
};
use chrono::TimeDelta;
use futures::FutureExt;
use serde_json::{Value, json};
use server::{maintenance, store};
use signalbox::wire::Role;

async fn start(server: &Server, who: &As, path: &str, input: Value) -> String {
    let started = server.post(who, &format!("{path}/runs"), &json!({ "input": input })).await;
    assert_eq!(started.status, 201, "{}", started.text);
    let id = started.json()["id"].as_str().unwrap().to_owned();
    server.get(who, &format!("/api/runs/{id}/wait?timeout_ms=20000")).await;
    id
}

async fn listed(server: &Server, who: &As, query: &str) -> Vec<String> {
    let reply = server.get(who, &format!("/api/runs{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn runs_are_found_and_wrong_filters_are_named() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let editor = acme.machine(Role::Editor);
    let mut titled = document();
    titled["graph"]["nodes"][1]["label"] = json!("Ask the boss");
    let path = published(&server, &acme, &titled).await;
    let first = start(&server, &editor, &path, json!({ "order": "Nr. 4711" })).await;
    let second = start(&server, &editor, &path, json!({ "order": "Nr. 4712" })).await;

    let row = server.get(&editor, "/api/runs?limit=1").await.json();
    let item = &row["items"][0];
    assert_eq!(
        (&item["current_node"], &item["current_title"]),
        (&json!("ask"), &json!("Ask the boss"))
    );
    let detail = server.get(&editor, &format!("/api/runs/{first}")).await.json();
    assert_eq!(detail["run"]["current_title"], "Ask the boss");

    let both = [second.clone(), first.clone()];
    assert_eq!(listed(&server, &editor, "?state=AwaitingInput&q=nr.%20471").await, both);
    assert_eq!(listed(&server, &editor, "?q=4711").await, std::slice::from_ref(&first));
    assert_eq!(listed(&server, &editor, "?q=%20").await, both, "nothing but spaces is no filter");
    let workflow = path.rsplit('/').next().unwrap();
    assert_eq!(listed(&server, &editor, &format!("?workflow={workflow}&q=4712")).await, both[..1]);
    assert!(listed(&server, &editor, "?after=2999-01-01T00:00:00Z").await.is_empty());
    assert_eq!(listed(&server, &editor, "?before=2999-01-01T00:00:00Z").await, both);
    let page = server.get(&editor, "/api/runs?q=471&limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(
        listed(&server, &editor, &format!("?q=471&limit=1&cursor={cursor}")).await,
        both[1..]
    );

    let long = format!("?q={}", "x".repeat(201));
    for (query, says) in [
        ("?state=Broken", "Failed"),
        ("?after=yesterday", "query"),
        ("?before=2026-02-30T00:00:00Z", "query"),
        ("?after=2026-02-02T00:00:00Z&before=2026-02-01T00:00:00Z", "not earlier"),
        ("?workflow=x", "query"),
        ("?q=a%20b%20c%20d", "3 words"),
        ("?q=a%00b", "control"),
        (long.as_str(), "200 characters"),
        ("?cursor=x", "cursor"),
        ("?phase=Failed", "phase"),
    ] {
        let reply = server.get(&editor, &format!("/api/runs{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_parameter"), "{query}");
        assert!(reply.text.contains(says), "{query}: {}", reply.text);
    }
}

#[tokio::test]
async fn an_organization_says_how_long_runs_are_kept() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let (owner, editor) = (acme.owner(), acme.machine(Role::Editor));
    let set = async |body: Value| {
        server.send(&owner, signalbox::client::Method::Put, "/api/settings/history", &body).await
    };
    let kept = server.get(&owner, "/api/settings/history").await.json();
    assert_eq!(kept, json!({ "runs_days": 30, "keys_days": 7 }));
    for wrong in [
        json!({ "runs_days": 0, "keys_days": 1 }),
        json!({ "runs_days": 5, "keys_days": 6 }),
        json!({ "runs_days": 3651, "keys_days": 7 }),
        json!({ "runs_days": 400, "keys_days": 366 }),
    ] {
        let reply = set(wrong).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_value"), "{}", reply.text);
    }
    let longer = json!({ "runs_days": 10, "keys_days": 3 });
    assert_eq!(set(longer.clone()).await.json(), longer);

    let path = published(&server, &acme, &document()).await;
    let over = start(&server, &editor, &path, json!({})).await;
    let waits = start(&server, &editor, &path, json!({})).await;
    let stop = server.post(&editor, &format!("/api/runs/{over}/stop"), &json!({})).await;
    assert_eq!(stop.status, 200, "{}", stop.text);
    let now = server.state.now();
    maintenance::sweep(&server.state, now + TimeDelta::days(9)).await.unwrap();
    assert_eq!(listed(&server, &editor, "").await, [waits.clone(), over.clone()]);
    maintenance::sweep(&server.state, now + TimeDelta::days(11)).await.unwrap();
    assert_eq!(listed(&server, &editor, "").await, [waits]);
    assert_eq!(server.get(&editor, &format!("/api/runs/{over}")).await.code(), "not_found");
}

#[tokio::test]
async fn an_organization_whose_settings_cannot_be_read_holds_up_no_other() {
    let server = Server::start().await;
    let (broken, acme) = (server.organization("broken").await, server.organization("acme").await);
    let (id, now) = (broken.id, server.state.now());
    let wrong = server.state.store().write(move |tx| {
        async move { store::setting_put(tx, id, "history", &json!("none"), now).await }.boxed()
    });
    wrong.await.unwrap();
    let editor = acme.machine(Role::Editor);
    let path = published(&server, &acme, &document()).await;
    let over = start(&server, &editor, &path, json!({})).await;
    let stop = server.post(&editor, &format!("/api/runs/{over}/stop"), &json!({})).await;
    assert_eq!(stop.status, 200, "{}", stop.text);
    let is_left = maintenance::sweep(&server.state, now + TimeDelta::days(40)).await.unwrap();
    assert!(!is_left);
    assert_eq!(listed(&server, &editor, "").await, Vec::<String>::new());
}

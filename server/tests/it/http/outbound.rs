//! The pause of outbound over the API, and the real binary that pauses by itself.

use super::{
    binary::{Running, signalbox, text},
    support::{Server, example_body},
};
use crate::support::folder::Folder;
use serde_json::{Value, json};
use signalbox::wire::Role;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{fs, path::Path};

#[tokio::test]
async fn whoever_reads_the_inbox_sees_a_pause_and_administrators_end_it() {
    let server = Server::start().await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let body = example_body("outbound_pause");
    for role in [Role::Viewer, Role::Approver, Role::Editor] {
        let who = acme.machine(role);
        assert_eq!(server.get(&who, "/api/outbound").await.json()["paused"], Value::Null);
        for path in ["/api/outbound/pause", "/api/outbound/resume"] {
            assert_eq!(server.post(&who, path, &body).await.code(), "forbidden", "{role:?}");
        }
    }
    let admin = acme.machine(Role::Admin);
    let paused = server.post(&admin, "/api/outbound/pause", &body).await;
    assert_eq!(paused.status, 200, "{}", paused.text);
    let pause = paused.json()["paused"].clone();
    assert_eq!((&pause["reason"], &pause["note"]), (&json!("by_hand"), &body["reason"]));
    assert_eq!(pause["by"], "API token admin machine");
    let seen = server.get(&acme.machine(Role::Viewer), "/api/outbound").await.json();
    assert_eq!(seen["paused"], pause);
    assert_eq!(server.get(&other.owner(), "/api/outbound").await.json()["paused"], Value::Null);

    // Another organisation's administrator ends nothing here.
    server.post(&other.owner(), "/api/outbound/resume", &json!({})).await;
    assert!(server.get(&admin, "/api/outbound").await.json()["paused"].is_object());
    let resumed = server.post(&admin, "/api/outbound/resume", &json!({})).await.json();
    assert_eq!(resumed["paused"], Value::Null);
    assert!(resumed["ramping_until"].is_string());
    let long = json!({ "reason": "x".repeat(301) });
    assert_eq!(server.post(&admin, "/api/outbound/pause", &long).await.code(), "invalid_value");
}

/// Moves the time at which the server was alive last back by so many hours.
async fn age(data: &Path, hours: i64) {
    let file = SqliteConnectOptions::new().filename(data.join("signalbox.db"));
    let mut conn = SqliteConnection::connect_with(&file).await.unwrap();
    let back = sqlx::query("UPDATE instance_marks SET alive_at = alive_at - $1");
    let aged = back.bind(hours * 3_600_000).execute(&mut conn).await.unwrap();
    assert_eq!(aged.rows_affected(), 1);
    conn.close().await.unwrap();
}

fn admin_token(data: &Path) -> String {
    let create = signalbox(data).args(["token", "create", "--role", "admin"]).output().unwrap();
    let (token, errors) = text(&create);
    assert!(create.status.success(), "{errors}");
    token.trim().to_owned()
}

async fn ask(server: &Running, token: &str, method: reqwest::Method, path: &str) -> Value {
    let http = reqwest::Client::new();
    let mut request = http.request(method.clone(), format!("{}{path}", server.url()));
    if method == reqwest::Method::POST {
        request = request.header("content-type", "application/json").body("{}");
    }
    let reply = request.bearer_auth(token).send().await.unwrap();
    serde_json::from_str(&reply.text().await.unwrap()).unwrap()
}

async fn reason(server: &Running, token: &str) -> Value {
    let state = ask(server, token, reqwest::Method::GET, "/api/outbound").await;
    state["paused"]["reason"].clone()
}

#[tokio::test]
async fn a_server_that_was_down_for_hours_or_is_on_a_copy_sends_nothing_until_somebody_looks() {
    let folder = Folder::new();
    let data = folder.0.join("data");
    let mut server = Running::start(&data);
    let token = admin_token(&data);
    assert_eq!(reason(&server, &token).await, Value::Null, "a fresh database is none");
    assert!(server.stop());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(data.join("generation")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    age(&data, 5).await;
    let mut server = Running::start(&data);
    assert_eq!(reason(&server, &token).await, Value::Null, "it is not long enough");
    assert!(server.stop());
    age(&data, 7).await;
    let mut server = Running::start(&data);
    assert_eq!(reason(&server, &token).await, "downtime");
    let resumed = ask(&server, &token, reqwest::Method::POST, "/api/outbound/resume").await;
    assert_eq!(resumed["paused"], Value::Null);
    assert!(server.stop());

    // Told never to, it does not.
    age(&data, 9).await;
    let mut command = signalbox(&data);
    command.args(["serve", "--addr", "127.0.0.1:0", "--outbound-pause-after-ms", "0"]);
    let mut server = Running::of(command);
    assert_eq!(reason(&server, &token).await, Value::Null);
    assert!(server.stop());

    // And once it may again, the time until then is none.
    let mut server = Running::start(&data);
    assert_eq!(reason(&server, &token).await, Value::Null);
    assert!(server.stop());

    // A copy of the database in an empty folder, with its key.
    let copy = folder.0.join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["signalbox.db", "signalbox.db-wal", "secret.key"] {
        if data.join(name).exists() {
            fs::copy(data.join(name), copy.join(name)).unwrap();
        }
    }
    let server = Running::start(&copy);
    assert_eq!(reason(&server, &token).await, "restored");
}

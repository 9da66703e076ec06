//! `/health`, with each of its reasons brought about.

use super::support::{As, Making, Server, document};
use super::workflows::published;
use crate::support::folder::Folder;
use chrono::Utc;
use futures::FutureExt;
use serde_json::{Value, json};
use server::{
    engine::{EngineConfig, Timekeeping, VirtualClock},
    store::{self, ChannelHealth, DiskSpace, Store, StoreOptions},
    trigger,
};
use signalbox::client::Method;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::{oneshot, watch};

async fn health_of(server: &Server) -> (u16, String, Vec<String>) {
    let reply = server.get(&As::Nobody, "/health").await;
    let body = reply.json();
    let codes = body["reasons"].as_array().unwrap().iter();
    let codes = codes.filter(|reason| reason["code"] != "disk_low"); // this machine's own affair
    let codes = codes.map(|reason| reason["code"].as_str().unwrap().to_owned()).collect();
    (reply.status, body["status"].as_str().unwrap().to_owned(), codes)
}

fn failing(code: &str) -> (u16, String, Vec<String>) {
    (503, "failing".into(), vec![code.into()])
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_found_by_writing() {
    let server = Server::start().await;
    assert_eq!(health_of(&server).await.0, 200);
    // Somebody holds the writer; readers are well.
    let (let_go, held) = oneshot::channel::<()>();
    let store = server.state.store().clone();
    let (begun, is_held) = oneshot::channel::<()>();
    let holder = tokio::spawn(async move {
        let write = store.write(move |_| {
            async move {
                begun.send(()).unwrap();
                let _ = held.await;
                Ok(())
            }
            .boxed()
        });
        write.await
    });
    is_held.await.unwrap();
    assert_eq!(health_of(&server).await, failing("database_not_writable"));
    assert_eq!(server.get(&As::Nobody, "/api/setup").await.status, 200, "reading goes on");
    let_go.send(()).unwrap();
    holder.await.unwrap().unwrap();
    // Many at once are well with few writes.
    let many = futures::future::join_all((0..50).map(|_| health_of(&server))).await;
    assert!(many.iter().all(|(status, ..)| *status == 200), "{many:?}");
    server.state.store().close().await;
    let (status, word, codes) = health_of(&server).await;
    assert_eq!((status, word.as_str()), (503, "failing"));
    assert!(codes.contains(&"database_not_writable".to_owned()), "{codes:?}");
}

#[tokio::test]
async fn the_sender_and_the_shutdown_show() {
    let server = Server::start().await;
    let (stop, stopped) = watch::channel(false);
    let gate = server.state.gate().clone();
    let sender = tokio::spawn(async move { gate.run_sender(stopped).await });
    assert_eq!(health_of(&server).await.0, 200);
    stop.send(true).unwrap();
    server.state.gate().wake();
    sender.await.unwrap();
    assert_eq!(health_of(&server).await, failing("outbound_stopped"));
}

#[tokio::test]
async fn late_timers_show_until_they_fire() {
    let clock = Arc::new(VirtualClock::at(Utc::now()));
    let mut making = Making::over(Store::in_memory().await.unwrap());
    making.clock = clock.clone();
    making.config = EngineConfig { timekeeping: Timekeeping::Driven, ..EngineConfig::default() };
    let server = making.start().await;
    let acme = server.organization("acme").await;
    let mut waits = document();
    waits["graph"]["nodes"][1]["kind"] =
        json!({ "type": "wait", "for": "duration", "duration_ms": 1_000 });
    waits["graph"]["edges"][1]["port"] = json!("success");
    let path = published(&server, &acme, &waits).await;
    let started = server.post(&acme.owner(), &format!("{path}/runs"), &json!({})).await;
    assert_eq!(started.status, 201, "{}", started.text);
    clock.advance_ms(5_900);
    assert_eq!(health_of(&server).await.0, 200, "not yet late enough");
    clock.advance_ms(200);
    let late = (200, "degraded".to_owned(), vec!["timers_late".to_owned()]);
    assert_eq!(health_of(&server).await, late);
    server.state.engine().fire_due().await.unwrap();
    assert_eq!(health_of(&server).await.2, Vec::<String>::new());
}

#[tokio::test]
async fn what_starts_runs_by_itself_shows_when_it_is_late() {
    let clock = Arc::new(VirtualClock::at(Utc::now()));
    let mut making = Making::over(Store::in_memory().await.unwrap());
    making.clock = clock.clone();
    making.config = EngineConfig { timekeeping: Timekeeping::Driven, ..EngineConfig::default() };
    let server = making.start().await;
    let acme = server.organization("acme").await;
    let mut scheduled = document();
    scheduled["graph"]["nodes"][0]["kind"]["trigger"] =
        json!({ "on": "schedule", "cron": "* * * * *", "timezone": "UTC" });
    published(&server, &acme, &scheduled).await;
    let mut waits = document();
    waits["name"] = json!("Paid");
    waits["graph"]["nodes"][0]["kind"]["trigger"] =
        json!({ "on": "event", "event_type": "payment.received" });
    published(&server, &acme, &waits).await;
    let event = json!({ "name": "payment.received", "payload": {} });
    let sent = server.post(&acme.owner(), "/api/events", &event).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    clock.advance_ms(40_000);
    assert_eq!(health_of(&server).await.2, Vec::<String>::new(), "not yet late enough");
    clock.advance_ms(50_000);
    let late = vec!["schedules_late".to_owned(), "events_late".to_owned()];
    assert_eq!(health_of(&server).await, (200, "degraded".to_owned(), late));
    trigger::look(server.state.engine()).await.unwrap();
    assert_eq!(health_of(&server).await.2, Vec::<String>::new());
}

#[tokio::test]
async fn a_long_queue_shows() {
    let mut making = Making::over(Store::in_memory().await.unwrap());
    // No call is answered, one is in flight, four may wait.
    making.tools = Some("127.0.0.1".into());
    making.config = EngineConfig { calls_max: 1, calls_queued_max: 4, ..EngineConfig::default() };
    let server = making.start().await;
    let acme = server.organization("acme").await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mut asks = document();
    asks["graph"]["nodes"][1]["kind"] =
        json!({ "type": "action", "tool": "http.request", "parameters": { "url": url } });
    asks["graph"]["edges"][1]["port"] = json!("success");
    let path = published(&server, &acme, &asks).await;
    assert_eq!(health_of(&server).await.0, 200);
    for _ in 0..4 {
        let started = server.post(&acme.owner(), &format!("{path}/runs"), &Value::Null).await;
        assert_eq!(started.code(), "invalid_body");
        let started = server.post(&acme.owner(), &format!("{path}/runs"), &json!({})).await;
        assert_eq!(started.status, 201, "{}", started.text);
    }
    let (_, word, codes) = health_of(&server).await;
    assert_eq!((word.as_str(), codes), ("degraded", vec!["calls_backlog".to_owned()]));
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_takes_no_new_runs_and_lets_others_finish() {
    const GIB: u64 = 1 << 30;
    let free = Arc::new(AtomicU64::new(50 * GIB));
    let reading = free.clone();
    let space = move || {
        let free_bytes = reading.load(Ordering::SeqCst);
        Some(DiskSpace { free_bytes, total_bytes: 100 * GIB })
    };
    let folder = Folder::new();
    let options = StoreOptions { space: Some(Arc::new(space)), ..StoreOptions::default() };
    let store = Store::open_with(&folder.0, options).await.unwrap();
    let server = Making::over(store).start().await;
    let acme = server.organization("acme").await;
    let path = published(&server, &acme, &document()).await;
    let runs = format!("{path}/runs");
    let key = [("content-type", "application/json"), ("idempotency-key", "k")];
    let start = async || {
        let body = Some(b"{}".to_vec());
        server.raw(&acme.owner(), Method::Post, &runs, &key, body).await
    };
    let going = start().await;
    assert_eq!(going.status, 201, "{}", going.text);

    for low in [5 * GIB - 1, 100 << 20] {
        free.store(low, Ordering::SeqCst);
        let refused = server.post(&acme.owner(), &runs, &json!({})).await;
        assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));
        let body = refused.json();
        assert_eq!(body["details"], json!({ "reason": "disk_low", "free_bytes": low }));
        assert!(body["help"].as_str().unwrap().contains("free space"), "{body}");
        let reply = server.get(&As::Nobody, "/health").await;
        assert_eq!((reply.status, reply.json()["status"].as_str()), (200, Some("degraded")));
        assert!(reply.text.contains("disk_low"), "{}", reply.text);
    }
    assert_eq!(start().await.json()["id"], going.json()["id"], "a repetition gets its answer");

    // What is going on may finish: a person lets it pass, and its end is written.
    let pending = server.get(&acme.owner(), "/api/approvals?state=pending").await.json();
    let approval = format!("/api/approvals/{}/decide", pending["items"][0]["id"].as_str().unwrap());
    let decide = json!({ "decision": "approve", "revision": 1 });
    assert_eq!(server.post(&acme.owner(), &approval, &decide).await.status, 200);
    let run = format!("/api/runs/{}/wait?timeout_ms=20000", going.json()["id"].as_str().unwrap());
    assert_eq!(server.get(&acme.owner(), &run).await.json()["ended"], true);

    free.store(6 * GIB, Ordering::SeqCst);
    assert_eq!(server.post(&acme.owner(), &runs, &json!({})).await.status, 201, "room again");
}

#[tokio::test]
async fn a_mail_server_that_is_not_reached_shows() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let now = server.state.now();
    for (failures, shows) in [(2, false), (3, true)] {
        let (organization, account) = (acme.id, "smtp mail.acme.example:587");
        let health = ChannelHealth {
            failures,
            since: now,
            retry_at: now,
            detail: "connection refused".into(),
        };
        let write = server.state.store().write(move |tx| {
            async move { store::channel_health_put(tx, organization, account, &health).await }
                .boxed()
        });
        write.await.unwrap();
        let (status, _, codes) = health_of(&server).await;
        assert_eq!(status, 200);
        assert_eq!(codes.contains(&"channel_unreached".to_owned()), shows, "{failures}: {codes:?}");
    }
}

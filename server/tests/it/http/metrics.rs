//! Numbers for Prometheus, on an address of their own.

use super::{
    support::{Server, document},
    workflows::published,
};
use serde_json::json;
use server::metrics;
use std::net::SocketAddr;

/// The value of a sample, such as `signalbox_runs_ended_total{outcome="stopped"}`.
fn value(text: &str, sample: &str) -> f64 {
    let line =
        text.lines().find(|line| line.strip_prefix(sample).is_some_and(|l| l.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no {sample} in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn scrape(server: &Server, addr: SocketAddr) -> String {
    let reply = server.http.get(format!("http://{addr}/metrics")).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let form = reply.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(form.starts_with("application/openmetrics-text"), "{form}");
    reply.text().await.unwrap()
}

#[tokio::test]
async fn what_happens_is_counted_and_how_things_stand_is_read() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let path = published(&server, &acme, &document()).await;
    let addr = metrics::listen(&server.state, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let before = scrape(&server, addr).await;
    let start = async || {
        let started = server.post(&acme.owner(), &format!("{path}/runs"), &json!({})).await;
        started.json()["id"].as_str().unwrap().to_owned()
    };
    let (first, _) = (start().await, start().await);
    let open = scrape(&server, addr).await;
    assert_eq!(value(&open, "signalbox_approvals_open"), 2.0);
    assert_eq!(value(&open, "signalbox_runs_unfinished{waits_for=\"person\"}"), 2.0);
    server.post(&acme.owner(), &format!("/api/runs/{first}/stop"), &json!({})).await;
    let after = scrape(&server, addr).await;
    // Other tests of this process count too.
    let rose = |sample: &str| value(&after, sample) - value(&before, sample);
    assert!(rose("signalbox_runs_started_total") >= 2.0);
    assert!(value(&after, "signalbox_runs_ended_total{outcome=\"stopped\"}") >= 1.0);
    assert!(rose("signalbox_commit_duration_seconds_count") >= 3.0);
    assert!(rose("signalbox_commit_operations_sum") >= 3.0);
    assert_eq!(value(&after, "signalbox_approvals_open"), 1.0);
    assert_eq!(value(&after, "signalbox_timers"), 0.0);
    assert_eq!(value(&after, "signalbox_feed_lag_seconds"), 0.0);
    assert_eq!(value(&after, "signalbox_schedule_late_seconds"), 0.0);
    assert_eq!(value(&after, "signalbox_event_late_seconds"), 0.0);
    assert_eq!(value(&after, "signalbox_live_clients"), 0.0);
    assert_eq!(value(&after, "signalbox_lease_held"), 1.0);
    assert!(value(&after, "signalbox_database_bytes") > 100_000.0);
    assert!(value(&after, "signalbox_watch_last_look_seconds") >= 0.0);
    assert!(after.contains(concat!(
        "signalbox_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\"} 1"
    )));
    assert!(after.ends_with("# EOF\n"), "{after}");
    for secret in ["acme", "Hello", &first] {
        assert!(!after.contains(secret), "numbers of the whole server only: {secret}");
    }
    // Not where people and other organisations' tokens come.
    assert_eq!(server.get(&acme.owner(), "/metrics").await.status, 404);
}

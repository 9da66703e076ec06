//! How things stand now, and the whole page as text.

use super::metrics;
use crate::{
    app_state::AppState,
    store::{self, StoreResult},
};
use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};
use std::{fmt, sync::atomic::AtomicU64};

type Float = Gauge<f64, AtomicU64>;

/// All numbers as OpenMetrics text. What the database cannot tell now is left out.
pub async fn scrape(state: &AppState) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("signalbox");
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "Which Signalbox this is", build);
    of_process(state, &mut registry);
    if let Err(error) = of_database(state, &mut registry).await {
        tracing::warn!(%error, "some metrics cannot be read");
    }
    let mut text = String::new();
    encode_registry(&mut text, &metrics().registry)?;
    encode_registry(&mut text, &registry)?;
    encode_eof(&mut text)?;
    Ok(text)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Float::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

/// Exact up to 2^53, which no count here comes near.
fn float(count: u64) -> f64 {
    count as f64
}

fn of_process(state: &AppState, registry: &mut Registry) {
    let (calls, _) = state.engine().backlog();
    gauge(
        registry,
        "calls_waiting",
        "Calls of steps that wait in memory for their turn",
        float(calls as u64),
    );
    let writes = state.store().writes_waiting();
    gauge(registry, "writes_waiting", "Writes that wait for the database", float(writes as u64));
    let clients = state.live().clients();
    gauge(registry, "live_clients", "Open connections of the live stream", float(clients));
    let may_work = f64::from(u8::from(state.store().may_work()));
    gauge(registry, "lease_held", "1 while this server may take work", may_work);
    if let Some(ago) = state.engine().last_look() {
        let help = "Time since the watch looked for runs that wait for nothing";
        gauge(registry, "watch_last_look_seconds", help, ago.as_secs_f64());
    }
    if let Some(space) = state.store().disk_space() {
        gauge(registry, "disk_free_bytes", "Free where the data lies", float(space.free_bytes));
        gauge(
            registry,
            "disk_total_bytes",
            "All there is where the data lies",
            float(space.total_bytes),
        );
    }
}

async fn of_database(state: &AppState, registry: &mut Registry) -> StoreResult<()> {
    let (store, now) = (state.store(), state.engine().clock().now());
    let (size, free) = store.size_bytes().await?;
    gauge(registry, "database_bytes", "Size of the database", float(size));
    gauge(registry, "database_free_bytes", "Of it, free for new rows", float(free));
    let runs = Family::<[(&'static str, String); 1], Float>::default();
    for (wait, count) in store::runs_by_wait(store).await? {
        runs.get_or_create(&[("waits_for", wait)]).set(float(count));
    }
    let help = "Runs that are not over, by what they wait for; `nothing` must not be";
    registry.register("runs_unfinished", help, runs);
    let stand = store::stand(store, now).await?;
    gauge(
        registry,
        "approvals_open",
        "Decisions that people are asked for",
        float(stand.approvals_open),
    );
    gauge(registry, "timers", "Timers that are set", float(stand.timers));
    gauge(registry, "timers_due", "Timers that should have fired", float(stand.timers_due));
    let late = stand.timer_late_ms as f64 / 1_000.0;
    gauge(registry, "timer_late_seconds", "How late the oldest of them is", late);
    let oldest = store::triggers_oldest(store).await?;
    let late = |since: Option<DateTime<Utc>>| {
        let late = since.map_or(0, |since| (now - since).num_milliseconds().max(0));
        late as f64 / 1_000.0
    };
    let help = "How late the oldest schedule is that should have started a run";
    gauge(registry, "schedule_late_seconds", help, late(oldest.schedule));
    let help = "How long the oldest event waits to start its workflows";
    gauge(registry, "event_late_seconds", help, late(oldest.event));
    gauge(
        registry,
        "messages_waiting",
        "Messages that wait to be sent",
        float(stand.messages_waiting),
    );
    gauge(
        registry,
        "messages_uncertain",
        "Messages of which nobody knows whether they left",
        float(stand.messages_uncertain),
    );
    let lag = store.feed_lag_ms(now).await? as f64 / 1_000.0;
    gauge(
        registry,
        "feed_lag_seconds",
        "How long the oldest change waits to be told to live views",
        lag,
    );
    Ok(())
}

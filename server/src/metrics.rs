//! Numbers for whoever watches the server: what happened since it started, counted where it happens, and how
//! things stand, read when they are asked for ([`scrape`]).
//!
//! Deliberately absent: anything about one organisation, workflow or contact. Numbers are of the whole server.

mod serve;
mod stand;

pub use serve::listen;
pub use stand::scrape;

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::{sync::LazyLock, time::Duration};

type Label = [(&'static str, &'static str); 1];

/// What is counted in this process.
pub struct Metrics {
    registry: Registry,
    runs_started: Counter,
    runs_ended: Family<Label, Counter>,
    calls: Family<Label, Counter>,
    sends: Family<Label, Counter>,
    commit_seconds: Histogram,
    commit_operations: Histogram,
    timer_late_seconds: Histogram,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The counters of this process.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("signalbox");
        let runs_started = Counter::default();
        registry.register("runs_started", "Runs that were started", runs_started.clone());
        let mut family = |name: &str, help: &str| {
            let family = Family::<Label, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let runs_ended = family("runs_ended", "Runs that ended, by how");
        let calls = family("calls", "Calls that steps made, by what came of them");
        let sends = family("sends", "Attempts to send a message, by what came of them");
        let mut histogram = |name: &str, help: &str, unit: Option<Unit>, buckets: Vec<f64>| {
            let histogram = Histogram::new(buckets);
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, histogram.clone()),
                None => registry.register(name, help, histogram.clone()),
            }
            histogram
        };
        let commit_seconds = histogram(
            "commit_duration",
            "Time from the first operation of a transaction until it was on disk",
            Some(Unit::Seconds),
            exponential_buckets(0.000_5, 2.0, 14).collect(), // to 4 s
        );
        let commit_operations = histogram(
            "commit_operations",
            "Operations that one transaction committed together",
            None,
            exponential_buckets(1.0, 2.0, 7).collect(), // to 64
        );
        let timer_late_seconds = histogram(
            "timer_lateness",
            "How late timers fired",
            Some(Unit::Seconds),
            vec![0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0],
        );
        Self {
            runs_started,
            runs_ended,
            calls,
            sends,
            commit_seconds,
            commit_operations,
            timer_late_seconds,
            registry,
        }
    }

    /// A run was started.
    pub fn run_started(&self) {
        self.runs_started.inc();
    }

    /// A run ended: `completed`, `failed`, `stopped`.
    pub fn run_ended(&self, outcome: &'static str) {
        self.runs_ended.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A call was made: `succeeded`, `failed`, `bypassed`, `parked`, `timed_out`, `broke_off`.
    pub fn call_made(&self, outcome: &'static str) {
        self.calls.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A message was tried to be sent: `accepted`, `retried`, `failed`, `uncertain`.
    pub fn send_tried(&self, outcome: &'static str) {
        self.sends.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// A transaction with so many operations is on disk.
    pub fn committed(&self, operations: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_operations.observe(f64::from(u32::try_from(operations).unwrap_or(u32::MAX)));
    }

    /// A timer fired so late.
    pub fn timer_fired(&self, late: Duration) {
        self.timer_late_seconds.observe(late.as_secs_f64());
    }
}

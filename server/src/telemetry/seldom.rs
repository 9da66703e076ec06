//! What the collection of traces says of itself, once a minute at most: while a collector is not reached, every batch
//! fails, one every few seconds.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Event, Metadata, subscriber::Interest};
use tracing_subscriber::{
    filter::LevelFilter,
    layer::{Context, Filter},
};

/// Between two messages of one kind.
const EVERY: Duration = Duration::from_secs(60);
/// What the targets of the collection's crates begin with.
const TARGETS: &str = "opentelemetry";

/// Lets all through, but messages of the collection seldom. Knows when each kind was let through last.
#[derive(Default)]
pub(super) struct Seldom(Mutex<HashMap<&'static str, Instant>>);

impl Seldom {
    fn is_due(&self, kind: &'static str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said.get(kind).is_none_or(|last| now.duration_since(*last) >= EVERY);
        if is_due {
            said.insert(kind, now);
        }
        is_due
    }
}

impl<S> Filter<S> for Seldom {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, about: &'static Metadata<'static>) -> Interest {
        // Others are not asked about again.
        match about.target().starts_with(TARGETS) {
            true => Interest::sometimes(),
            false => Interest::always(),
        }
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let about = event.metadata();
        !about.target().starts_with(TARGETS) || self.is_due(about.name(), Instant::now())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE) // none at all would have every span of every crate made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_comes_once_a_minute() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(seldom.is_due("failed", at(0)));
        assert!(!seldom.is_due("failed", at(5)) && !seldom.is_due("failed", at(59)));
        assert!(seldom.is_due("dropped", at(59)), "another kind has its own minute");
        assert!(seldom.is_due("failed", at(60)) && !seldom.is_due("failed", at(61)));
    }
}

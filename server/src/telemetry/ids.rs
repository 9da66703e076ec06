//! Ids of spans: random ones, but for the root of a run's trace, whose ids are made of the run's.

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use signalbox::id::RunId;
use std::cell::Cell;

thread_local! {
    /// The run whose root span this thread is making.
    static ROOT_OF: Cell<Option<RunId>> = const { Cell::new(None) };
}

/// The trace of a run.
pub(super) fn trace_of(run: RunId) -> TraceId {
    TraceId::from_bytes(run.0.into_bytes())
}

/// The root span of a run's trace: the random half of the run's id.
pub(super) fn root_of(run: RunId) -> SpanId {
    let (_, low) = run.0.as_u64_pair();
    SpanId::from_bytes(low.to_be_bytes())
}

/// Makes a span whose ids are those of a run's root.
pub(super) fn as_root_of<T>(run: RunId, make: impl FnOnce() -> T) -> T {
    ROOT_OF.set(Some(run));
    let made = make();
    ROOT_OF.set(None);
    made
}

/// Makes ids.
#[derive(Debug, Default)]
pub(super) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        ROOT_OF.get().map_or_else(|| self.0.new_trace_id(), trace_of)
    }

    fn new_span_id(&self) -> SpanId {
        ROOT_OF.get().map_or_else(|| self.0.new_span_id(), root_of)
    }
}

//! Where a span hangs: below its run's root, below what a request says, beside what caused it.

use super::ids::{as_root_of, root_of, trace_of};
use axum::http::HeaderMap;
use opentelemetry::{
    Context, KeyValue, global,
    propagation::Extractor,
    trace::{
        Span as _, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer,
    },
};
use signalbox::id::{OrganizationId, RunId, WorkflowId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A count as a span's field: unsigned ones would become text.
pub fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Hangs a span that was not entered yet below a run's root.
pub fn of_run(span: Span, run: RunId) -> Span {
    if span.is_disabled() {
        return span;
    }
    let root = SpanContext::new(
        trace_of(run),
        root_of(run),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    // Fails where no traces are collected; the log's spans need no parent.
    let _ = span.set_parent(Context::new().with_remote_span_context(root));
    span
}

/// Notes what a span was caused by, in another trace.
pub fn link_to(span: &Span, cause: &Span) {
    if span.is_disabled() || cause.is_disabled() {
        return;
    }
    let cause = cause.context().span().span_context().clone();
    if cause.is_valid() {
        span.add_link(cause);
    }
}

/// Hangs a span that was not entered yet below the one that a request names.
pub fn remote(span: Span, headers: &HeaderMap) -> Span {
    if span.is_disabled() {
        return span;
    }
    let cx = global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
    if cx.span().span_context().is_valid() {
        let _ = span.set_parent(cx); // as above
    }
    span
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// Writes the root span of a run that just ended: from when the run was made, as its id says, until now.
pub fn finish_root(
    organization: OrganizationId,
    workflow: WorkflowId,
    run: RunId,
    outcome: &'static str,
) {
    // No traces are collected: the global tracer does nothing, but what it is given costs.
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let began = run.0.get_timestamp().map_or_else(SystemTime::now, |at| {
        let (seconds, nanos) = at.to_unix();
        UNIX_EPOCH + Duration::new(seconds, nanos)
    });
    let tracer = global::tracer("signalbox");
    let builder = tracer
        .span_builder("run")
        .with_kind(SpanKind::Internal)
        .with_start_time(began)
        .with_attributes([
            KeyValue::new("signalbox.organization", organization.to_string()),
            KeyValue::new("signalbox.workflow", workflow.to_string()),
            KeyValue::new("signalbox.run", run.to_string()),
            KeyValue::new("signalbox.outcome", outcome),
        ]);
    let mut root = as_root_of(run, || tracer.build_with_context(builder, &Context::new()));
    if outcome == "failed" {
        root.set_status(Status::error(outcome));
    }
    root.end();
}

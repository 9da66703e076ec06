//! The log on standard error, and traces for OpenTelemetry.
//!
//! **A run is one trace**, however long it lasts and whichever server moves it: the trace's id is the run's id, so
//! a run's page and its trace are found by the same number. Its root span is written when the run ends and covers
//! the whole of it; what was done meanwhile hangs below: commands, calls of tools and models, attempts to send.
//! A request is a span of the trace that its `traceparent` names, or of a new one, and the commands that it causes
//! link to it.
//!
//! Spans are made at the level *debug*: where nobody collects them they cost a comparison. Deliberately absent:
//! what was said to whom. Spans carry ids, names, numbers and outcomes, never content.

mod ids;
mod seldom;
mod trace;

pub use trace::{finish_root, link_to, number, of_run, remote};

use crate::config::ServeConfig;
use ids::Ids;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use seldom::Seldom;
use std::io::IsTerminal;
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Where spans are collected when the address has no path.
const TRACES_PATH: &str = "/v1/traces";

/// Keeps the collection going; what is still in memory leaves with [`Telemetry::close`].
pub struct Telemetry(Option<SdkTracerProvider>);

/// Starts the log, and traces where an address to send them to is given.
pub fn start(config: &ServeConfig) -> Result<Telemetry, String> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured())
        .with_filter(filter.and(Seldom::default()));
    let provider = config.otlp_endpoint.as_deref().map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("signalbox"))
            // Where in the source a span was made says nothing to who runs the server.
            .with_location(false)
            .with_threads(false)
            .with_filter(Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::DEBUG))
    });
    // Fails only where a log is set up already.
    let _ = tracing_subscriber::registry().with(log).with(traces).try_init();
    if let Some(provider) = &provider {
        opentelemetry::global::set_tracer_provider(provider.clone());
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    }
    Ok(Telemetry(provider))
}

/// Whether the log is for a person's eyes: a file or another program gets no colours, and nobody who says so
/// (<https://no-color.org>).
fn is_coloured() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !is_unwanted
}

/// Spans are collected in memory (2,048 at most) and sent every five seconds and whenever 512 are there; the
/// variables `OTEL_BSP_*`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_EXPORTER_OTLP_HEADERS`
/// mean what the specification of OpenTelemetry says. Batches that cannot be sent are dropped; the log says so.
fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(traces_url(endpoint)?)
        .build()
        .map_err(|error| format!("traces cannot be sent to {endpoint}: {error}"))?;
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "signalbox".into());
    let resource = Resource::builder().with_service_name(name).build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_id_generator(Ids::default())
        .with_batch_exporter(exporter)
        .build())
}

fn traces_url(endpoint: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("--otlp-endpoint {endpoint} {why}");
    let url =
        url::Url::parse(endpoint).map_err(|error| wrong(&format!("is no address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("must start with http:// or https://"));
    }
    let url = url.as_str().trim_end_matches('/');
    Ok(if url.ends_with(TRACES_PATH) { url.to_owned() } else { format!("{url}{TRACES_PATH}") })
}

impl Telemetry {
    /// Sends what is still in memory. Blocks for some seconds at most.
    pub async fn close(self) {
        let Some(provider) = self.0 else { return };
        let closed = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(error)) = closed {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_collectors() {
        let url = |text: &str| traces_url(text);
        assert_eq!(url("http://127.0.0.1:4318").unwrap(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(url("https://a.example/otlp/").unwrap(), "https://a.example/otlp/v1/traces");
        assert_eq!(url("https://a.example/v1/traces").unwrap(), "https://a.example/v1/traces");
        for wrong in ["127.0.0.1:4318", "grpc://a:4317", ""] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}

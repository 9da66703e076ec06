//! Traces, from the real binary to a collector that speaks OpenTelemetry's protocol over a real socket.

use super::binary::{Running, signalbox};
use crate::support::folder::Folder;
use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;
use serde_json::json;
use signalbox::{
    client::{Client, http::HttpTransport},
    run::RunPhase,
    wire::{ImportRequest, Publish, RunStart},
};
use std::sync::{Arc, Mutex};

type Got = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

async fn collect(State(got): State<Got>, body: Bytes) {
    got.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
}

async fn collector() -> (Got, String) {
    let got = Got::default();
    let app = Router::new().route("/v1/traces", post(collect)).with_state(got.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (got, url)
}

fn attribute(span: &Span, key: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.clone()
}

fn text(text: &str) -> Option<Value> {
    Some(Value::StringValue(text.into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_one_trace_and_links_to_the_request_that_caused_it() {
    let (got, url) = collector().await;
    let folder = Folder::new();
    let mut command = signalbox(&folder.0);
    command.args(["serve", "--addr", "127.0.0.1:0"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
    let mut server = Running::of(command);
    let made = signalbox(&folder.0).args(["token", "create", "--role", "owner"]).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let transport = HttpTransport::new(server.url(), Some(token.clone())).unwrap();
    let client = Client::new(transport);
    let document = json!({"name": "Traced", "steps": [
        {"stepSlug": "start", "stepType": "trigger", "config": {"type": "manual"},
         "nextSteps": {"success": "think"}},
        {"stepSlug": "think", "stepType": "llm",
         "config": {"systemPrompt": "Be brief.", "userPrompt": "the hidden words"}, "nextSteps": {}}
    ]});
    let request = ImportRequest { document, ..Default::default() };
    let workflow = client.workflow_import(&request).await.unwrap().workflow.id;
    client.publish(workflow, &Publish::default()).await.unwrap();
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let started: serde_json::Value = reqwest::Client::new()
        .post(format!("{}/api/workflows/{workflow}/runs", server.url()))
        .bearer_auth(&token)
        .header("traceparent", caller)
        .json(&RunStart::default())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let run: signalbox::id::RunId = started["id"].as_str().unwrap().parse().unwrap();
    let done = client.run_wait(run, 10_000).await.unwrap();
    assert_eq!(done.run.status.phase(), RunPhase::Completed);
    assert!(server.stop());

    let requests = got.lock().unwrap().clone();
    let scopes = requests.iter().flat_map(|request| &request.resource_spans);
    let spans: Vec<&Span> = scopes.flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).collect();
    let of_run: Vec<&&Span> =
        spans.iter().filter(|span| span.trace_id == run.0.as_bytes()).collect();
    let named = |name: &str| {
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        **of_run.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name}: {names:?}"))
    };
    let root = named("run");
    assert!(root.parent_span_id.is_empty());
    assert_eq!(attribute(root, "signalbox.outcome"), text("completed"));
    assert!(root.end_time_unix_nano > root.start_time_unix_nano);
    let call = named("model");
    assert_eq!(call.parent_span_id, root.span_id);
    assert_eq!(attribute(call, "node"), text("think"));
    assert_eq!(attribute(call, "outcome"), text("succeeded"));
    let chat = named("chat sandbox");
    assert_eq!(chat.parent_span_id, call.span_id);
    assert_eq!(attribute(chat, "gen_ai.operation.name"), text("chat"));
    assert!(matches!(attribute(chat, "gen_ai.usage.output_tokens"), Some(Value::IntValue(1..))));
    assert_eq!(named("call_succeeded").parent_span_id, root.span_id);

    let asked = spans.iter().find(|span| span.name == "POST /api/workflows/{id}/runs").unwrap();
    assert_eq!(hex::encode(&asked.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex::encode(&asked.parent_span_id), "b7ad6b7169203331");
    assert_eq!(attribute(asked, "http.response.status_code"), Some(Value::IntValue(201)));
    let links = &named("start").links;
    assert_eq!(links.len(), 1);
    assert_eq!((&links[0].trace_id, &links[0].span_id), (&asked.trace_id, &asked.span_id));
    assert!(!format!("{spans:?}").contains("hidden words"), "spans carry no content");
}

// Batches fail one after the other; the log says it once a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_reached_shows_in_the_log() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = Folder::new();
    let log = folder.0.join("log");
    let mut command = signalbox(&folder.0.join("data"));
    command
        .args(["serve", "--addr", "127.0.0.1:0", "--otlp-endpoint", &format!("http://{closed}")])
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
        .stderr(std::fs::File::create(&log).unwrap());
    let mut server = Running::of(command);
    let failures = || std::fs::read_to_string(&log).unwrap().matches("ExportError").count();
    let ask = async || {
        reqwest::get(format!("{}/api/setup", server.url())).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let start = std::time::Instant::now();
    while failures() == 0 {
        assert!(start.elapsed().as_secs() < 30, "nothing is said");
        ask().await;
    }
    for _ in 0..30 {
        ask().await;
    }
    assert_eq!(failures(), 1, "{}", std::fs::read_to_string(&log).unwrap());
    assert!(server.stop());
}

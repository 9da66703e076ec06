//! Webhooks: a request from outside starts a run.
//!
//! The address is the credential. What the body means is decided by its declared type and nothing
//! else; no file, no path, no template is ever read from it.

use super::{runs, workflows};
use crate::{
    app_state::AppState,
    auth::{Caller, Secret},
    engine::{StartRun, WaitFor},
    http::{
        body::{self, BODY_MAX},
        call::{HookQuery, Query},
        endpoint::read_path,
        failure::Failure,
        idempotent::KEY_LENGTH_MAX,
    },
    store,
};
use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use signalbox::{
    graph::TriggerKind,
    id::{OrganizationId, RunId, WorkflowId},
    wire::ErrorCode,
};
use std::time::Duration;

/// How long `respond=finished` waits for the run's end.
const FINISHED_MAX: Duration = Duration::from_secs(60);
const TOKEN_LENGTH_MAX: usize = 64;
/// Headers that never reach a run: credentials, and what concerns the connection only.
const HEADERS_HIDDEN: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "connection",
    "transfer-encoding",
    "te",
    "upgrade",
    "x-idempotency-key",
];
const HEADERS_MAX: usize = 64;

#[derive(Deserialize)]
struct HookPath {
    token: String,
    #[serde(default)]
    path: String,
}

/// `POST /hooks/{token}{path}`.
pub async fn receive(
    state: AppState,
    _: Option<Caller>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut parts, stream) = request.into_parts();
    let HookPath { token, path } = read_path(&mut parts).await?;
    let path = format!("/{path}");
    let (organization, workflow) = workflow_of(&state, &token).await?;
    let version = match runs::version_to_run(&state, organization, workflow, None).await {
        Err(failure) if failure.error.code == ErrorCode::WrongState => return Err(nothing_here()),
        other => other?,
    };
    let graph = store::version_fetch(state.store(), organization, workflow, version).await?.graph;
    let Some(TriggerKind::Webhook { path: wanted }) = workflows::trigger(&graph) else {
        return Err(nothing_here());
    };
    if !path_fits(wanted, &path) {
        return Err(nothing_here());
    }
    let bytes = body::read(&parts.headers, stream, BODY_MAX).await?;
    let (query, finished) = read_query(&parts)?;
    let content = read_content(&parts.headers, &bytes)?;
    let key = idempotency_key(&parts.headers)?;
    let start = StartRun {
        input: input_of(&parts, &path, query, content),
        started_by: "webhook".to_owned(),
        idempotency_key: key.map(|key| format!("hook {workflow} {key}")),
        ..StartRun::default()
    };
    let started = state.engine().start_run(organization, workflow, version, start).await?;
    respond(&state, organization, started.run, finished).await
}

/// An unknown token, an unpublished workflow and a foreign path all look the same.
fn nothing_here() -> Failure {
    Failure::new(ErrorCode::NotFound, "No webhook listens at this address.")
        .help("Copy the address from the workflow's trigger; the workflow must be published.")
}

async fn workflow_of(
    state: &AppState,
    token: &str,
) -> Result<(OrganizationId, WorkflowId), Failure> {
    if token.len() > TOKEN_LENGTH_MAX {
        return Err(nothing_here());
    }
    let found = store::hook_by_token(state.store(), &Secret::hash_of(token)).await?;
    found.ok_or_else(nothing_here)
}

/// An empty setting means any path; a slash at the end does not matter.
fn path_fits(wanted: &str, path: &str) -> bool {
    let (wanted, path) = (wanted.trim_matches('/'), path.trim_matches('/'));
    wanted.is_empty() || wanted == path
}

/// The query as the run sees it, and whether to answer only when the run has ended.
fn read_query(parts: &Parts) -> Result<(Map<String, Value>, bool), Failure> {
    let text = parts.uri.query().unwrap_or_default();
    let mut query = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        add(&mut query, name.into_owned(), value.into_owned());
    }
    let ours = HookQuery::PARAMETERS[0].name;
    let finished = match query.remove(ours) {
        None => false,
        Some(Value::String(word)) if word == "accepted" => false,
        Some(Value::String(word)) if word == "finished" => true,
        Some(_) => {
            let text = "`respond` must be accepted or finished.";
            return Err(Failure::new(ErrorCode::InvalidParameter, text));
        }
    };
    Ok((query, finished))
}

/// A name that comes several times becomes a list.
fn add(fields: &mut Map<String, Value>, name: String, value: String) {
    match fields.get_mut(&name) {
        Some(Value::Array(items)) => items.push(value.into()),
        Some(first) => *first = json!([first.take(), value]),
        None => drop(fields.insert(name, value.into())),
    }
}

/// JSON, a form, or text, by the declared type.
fn read_content(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            let mut fields = Map::new();
            for (name, value) in url::form_urlencoded::parse(bytes) {
                if name.contains('\0') || value.contains('\0') {
                    let text = "The body has a NUL character in it.";
                    return Err(Failure::new(ErrorCode::InvalidBody, text));
                }
                add(&mut fields, name.into_owned(), value.into_owned());
            }
            Ok(Value::Object(fields))
        }
        kind if kind == "application/json" || kind.ends_with("+json") => body::parse_json(bytes),
        _ => Err(Failure::new(
            ErrorCode::UnsupportedMediaType,
            format!("The content type `{kind}` is not taken here."),
        )
        .help("Send JSON or a form.")),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("x-idempotency-key") else { return Ok(None) };
    let fits = |text: &&str| !text.is_empty() && text.len() <= KEY_LENGTH_MAX;
    value.to_str().ok().filter(fits).map(|text| Some(text.to_owned())).ok_or_else(|| {
        let text =
            format!("X-Idempotency-Key must be 1 to {KEY_LENGTH_MAX} visible ASCII characters.");
        Failure::new(ErrorCode::InvalidParameter, text)
    })
}

/// What the run sees: the body's own fields at the top, and the request beside them. The latter win,
/// so that a body cannot pretend to be another request.
fn input_of(parts: &Parts, path: &str, query: Map<String, Value>, content: Value) -> Value {
    let mut input = content.as_object().cloned().unwrap_or_default();
    let mut headers = Map::new();
    for (name, value) in parts.headers.iter().take(HEADERS_MAX) {
        if let (false, Ok(text)) = (HEADERS_HIDDEN.contains(&name.as_str()), value.to_str()) {
            headers.insert(name.to_string(), text.into());
        }
    }
    input.insert("body".into(), content);
    input.insert("headers".into(), Value::Object(headers));
    input.insert("query".into(), Value::Object(query));
    input.insert("method".into(), parts.method.as_str().into());
    input.insert("path".into(), path.into());
    Value::Object(input)
}

async fn respond(
    state: &AppState,
    organization: OrganizationId,
    run: RunId,
    finished: bool,
) -> Result<Response, Failure> {
    if !finished {
        return Ok((StatusCode::ACCEPTED, Json(json!({ "run": run }))).into_response());
    }
    let waited = runs::wait_for(state, organization, run, WaitFor::End, FINISHED_MAX).await?;
    let status = if waited.ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    let body = json!({ "run": run, "status": waited.run.status, "output": waited.output });
    Ok((status, Json(body)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert!(path_fits("", "/anything/at/all"));
        assert!(path_fits("/orders", "/orders") && path_fits("orders", "/orders/"));
        assert!(!path_fits("/orders", "/") && !path_fits("/orders", "/orders/1"));
    }

    #[test]
    fn the_request_wins_over_the_body() {
        let request = axum::http::Request::post("/hooks/x/orders?a=1").header("x-sender", "shop");
        let request = request.header("authorization", "secret").body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let content = json!({ "order": { "id": 7 }, "method": "FAKE", "headers": {} });
        let (query, finished) = read_query(&parts).unwrap();
        let input = input_of(&parts, "/orders", query, content.clone());
        assert_eq!(input["order"]["id"], 7);
        assert_eq!(input["body"], content);
        assert_eq!(input["method"], "POST");
        assert_eq!(input["headers"], json!({ "x-sender": "shop" }));
        assert_eq!(input["query"], json!({ "a": "1" }));
        assert!(!finished);
    }

    #[test]
    fn forms_and_json() {
        let read = |kind: &'static str, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            read_content(&headers, text.as_bytes()).map_err(|failure| failure.error.code)
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read(form, "a=1&b=x%20y&a=2").unwrap(), json!({ "a": ["1", "2"], "b": "x y" }));
        assert_eq!(read("application/json; charset=utf-8", "[1]").unwrap(), json!([1]));
        assert_eq!(read("application/cloudevents+json", "{}").unwrap(), json!({}));
        assert_eq!(read("application/json", "{"), Err(ErrorCode::InvalidBody));
        assert_eq!(read("text/html", "x"), Err(ErrorCode::UnsupportedMediaType));
        assert_eq!(read(form, "a=%00"), Err(ErrorCode::InvalidBody));
    }
}

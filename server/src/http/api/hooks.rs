//! Webhooks: a request from outside starts a run.
//!
//! The address is the credential, and where the trigger asks for it a signature or a secret besides. What
//! the body means is decided by its declared type and nothing else; no file, no path, no template is ever
//! read from it.

use super::{hook_proof, runs, workflows};
use crate::{
    app_state::AppState,
    auth::{Caller, Secret},
    engine::{StartRun, Started, WaitFor},
    http::{
        body::{self, BODY_MAX},
        call::{HookQuery, Query},
        endpoint::read_path,
        failure::Failure,
        idempotent::KEY_LENGTH_MAX,
    },
    store::{self, HookTarget},
};
use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use signalbox::{
    graph::{Graph, TriggerKind, WebhookAnswer, WebhookProof},
    id::{OrganizationId, RunId},
    run::RunStatus,
    wire::ErrorCode,
};
use std::time::Duration;
use utoipa::ToSchema;

/// How long the answer `finished` waits for the run's end: below the patience of common proxies.
const FINISHED_MAX: Duration = Duration::from_secs(30);
/// Headers that name the event, the strongest first.
const EVENT_IDS: [&str; 3] = [hook_proof::ID, "idempotency-key", "x-idempotency-key"];
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

/// The answer when the run goes on.
#[derive(Serialize, ToSchema)]
pub struct HookAccepted {
    /// The run.
    pub run: RunId,
    /// Its address in the API.
    pub url: String,
    /// Its status, if the sender waited and it did not end in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
}

/// The answer when the run ended while the sender waited.
#[derive(Serialize, ToSchema)]
pub struct HookFinished {
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub status: RunStatus,
    /// Its output; null when it did not complete.
    pub output: Value,
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
    let HookTarget { organization, workflow, version } = target_of(&state, &token).await?;
    let version = version.ok_or_else(nothing_here)?;
    let compiled = state.engine().version(organization, workflow, version).await?;
    let graph = compiled.graph();
    let Some(TriggerKind::Webhook { path: wanted, respond, proof }) = workflows::trigger(graph)
    else {
        return Err(nothing_here());
    };
    if !path_fits(wanted, &path) {
        return Err(nothing_here());
    }
    let bytes = body::read(&parts.headers, stream, BODY_MAX).await?;
    if let Some(proof) = proof {
        prove(&state, organization, graph, proof, &parts.headers, &bytes).await?;
    }
    let event = Event::read(&parts, &path, &bytes, proof.as_ref())?;
    let start = StartRun {
        input: event.input,
        started_by: "webhook".to_owned(),
        // Kept with the run, so for as long as runs are kept and longer than the 7 days that senders repeat.
        idempotency_key: event.id.map(|id| format!("hook {workflow} {id}")),
        ..StartRun::default()
    };
    let started = state.engine().start_run(organization, workflow, version, start).await?;
    match event.asked.unwrap_or(*respond) {
        WebhookAnswer::Accepted => Ok(accepted(&state, started.run, None)),
        WebhookAnswer::Finished => {
            finished(&state, organization, started, wait_of(&parts.headers)).await
        }
    }
}

/// What a request from outside says, read and within bounds.
#[derive(Debug)]
pub struct Event {
    /// What the run sees.
    pub input: Value,
    /// When the query says the sender wants to be answered.
    pub asked: Option<WebhookAnswer>,
    /// What a repetition of the same event is known by.
    pub id: Option<String>,
}

impl Event {
    /// Reads a request whose sender has proved who it is: its query, its body by the declared type, its headers.
    pub fn read(
        parts: &Parts,
        path: &str,
        body: &[u8],
        proof: Option<&WebhookProof>,
    ) -> Result<Self, Failure> {
        let (query, asked) = read_query(parts)?;
        let content = read_content(&parts.headers, body)?;
        let id = event_id(&parts.headers)?;
        Ok(Self { input: input_of(parts, path, query, content, proof), asked, id })
    }
}

/// The sender must prove who it is, by the secret that the trigger names.
async fn prove(
    state: &AppState,
    organization: OrganizationId,
    graph: &Graph,
    proof: &WebhookProof,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Failure> {
    let settings = state.gate().channels().settings();
    let own = &graph.settings.secrets;
    let secret = settings.secret_of_workflow(organization, own, proof.secret()).await?;
    let Some(secret) = secret else {
        let name = proof.secret();
        tracing::warn!(%organization, name, "a webhook checks a secret that is not set");
        let text = "The secret that this webhook checks is not set.";
        return Err(Failure::new(ErrorCode::Unavailable, text)
            .help("Add it under Settings, Secrets, and send again."));
    };
    hook_proof::check(proof, &secret, headers, body, state.now())
}

/// An unknown token, an unpublished workflow and a foreign path all look the same.
fn nothing_here() -> Failure {
    Failure::new(ErrorCode::NotFound, "No webhook listens at this address.")
        .help("Copy the address from the workflow's trigger; the workflow must be published.")
}

async fn target_of(state: &AppState, token: &str) -> Result<HookTarget, Failure> {
    if token.len() > TOKEN_LENGTH_MAX {
        return Err(nothing_here());
    }
    let (store, hash) = (state.store(), Secret::hash_of(token));
    let found = state.hooks().get(store, hash, store::hook_by_token(store, &hash)).await?;
    found.ok_or_else(nothing_here)
}

/// An empty setting means any path; a slash at the end does not matter.
fn path_fits(wanted: &str, path: &str) -> bool {
    let (wanted, path) = (wanted.trim_matches('/'), path.trim_matches('/'));
    wanted.is_empty() || wanted == path
}

/// The query as the run sees it, and when to answer where the query says it.
fn read_query(parts: &Parts) -> Result<(Map<String, Value>, Option<WebhookAnswer>), Failure> {
    let text = parts.uri.query().unwrap_or_default();
    let mut query = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if name.contains('\0') || value.contains('\0') {
            let text = "The query has a NUL character in it.";
            return Err(Failure::new(ErrorCode::InvalidParameter, text));
        }
        add(&mut query, name.into_owned(), value.into_owned());
    }
    let ours = HookQuery::PARAMETERS[0].name;
    let asked = match query.remove(ours) {
        None => None,
        Some(Value::String(word)) if word == "accepted" => Some(WebhookAnswer::Accepted),
        Some(Value::String(word)) if word == "finished" => Some(WebhookAnswer::Finished),
        Some(_) => {
            let text = "`respond` must be accepted or finished.";
            return Err(Failure::new(ErrorCode::InvalidParameter, text));
        }
    };
    Ok((query, asked))
}

/// How long to wait for the end: `Prefer: wait=<seconds>` (RFC 7240), at most [`FINISHED_MAX`].
fn wait_of(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let wait = |preference: &str| {
        let (name, value) = preference.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
        seconds.filter(|_| name.trim().eq_ignore_ascii_case("wait"))
    };
    let wanted = preferences.flat_map(|text| text.split(',')).find_map(wait);
    wanted.unwrap_or(FINISHED_MAX).min(FINISHED_MAX)
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

/// What a repetition of the same event is known by: the first of these headers that is there.
fn event_id(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let found = EVENT_IDS.iter().find_map(|name| Some((name, headers.get(*name)?)));
    let Some((name, value)) = found else { return Ok(None) };
    let fits = |text: &&str| !text.is_empty() && text.len() <= KEY_LENGTH_MAX;
    value.to_str().ok().filter(fits).map(|text| Some(text.to_owned())).ok_or_else(|| {
        let text = format!("{name} must be 1 to {KEY_LENGTH_MAX} visible ASCII characters.");
        Failure::new(ErrorCode::InvalidParameter, text)
    })
}

/// What the run sees: the body's own fields at the top, and the request beside them. The latter win,
/// so that a body cannot pretend to be another request.
fn input_of(
    parts: &Parts,
    path: &str,
    query: Map<String, Value>,
    content: Value,
    proof: Option<&WebhookProof>,
) -> Value {
    let secret = match proof {
        Some(WebhookProof::Header { header, .. }) => header.as_str(),
        _ => hook_proof::SIGNATURE,
    };
    let hidden = |name: &str| HEADERS_HIDDEN.contains(&name) || name.eq_ignore_ascii_case(secret);
    let mut input = content.as_object().cloned().unwrap_or_default();
    let mut headers = Map::new();
    for (name, value) in parts.headers.iter().take(HEADERS_MAX) {
        if let (false, Ok(text)) = (hidden(name.as_str()), value.to_str()) {
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

/// 202 with the run's address.
fn accepted(state: &AppState, run: RunId, status: Option<RunStatus>) -> Response {
    let url = format!("{}/api/runs/{run}", state.base_url());
    let body = HookAccepted { run, url: url.clone(), status };
    (StatusCode::ACCEPTED, [(header::LOCATION, url)], Json(body)).into_response()
}

/// 200 with the output when the run ends in time, else 202 with its address.
async fn finished(
    state: &AppState,
    organization: OrganizationId,
    started: Started,
    wait: Duration,
) -> Result<Response, Failure> {
    let Started { run, status, end, .. } = started;
    let (status, output) = match end {
        Some(end) => (status, runs::output_of(Some(end))),
        None => {
            let waited = runs::wait_for(state, organization, run, WaitFor::End, wait).await?;
            if !waited.ended {
                return Ok(accepted(state, run, Some(waited.run.status)));
            }
            (waited.run.status, waited.output)
        }
    };
    Ok(Json(HookFinished { run, status, output }).into_response())
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
        let (query, asked) = read_query(&parts).unwrap();
        let input = input_of(&parts, "/orders", query, content.clone(), None);
        assert_eq!(input["order"]["id"], 7);
        assert_eq!(input["body"], content);
        assert_eq!(input["method"], "POST");
        assert_eq!(input["headers"], json!({ "x-sender": "shop" }));
        assert_eq!(input["query"], json!({ "a": "1" }));
        assert_eq!(asked, None);
        let proof = WebhookProof::Header { header: "X-Sender".into(), secret: "s".into() };
        let input = input_of(&parts, "/orders", Map::new(), Value::Null, Some(&proof));
        assert_eq!(input["headers"], json!({}), "the secret does not reach the run");
    }

    #[test]
    fn the_wait_is_bounded() {
        let wait = |value: &str| {
            let headers = [("prefer".parse().unwrap(), value.parse().unwrap())];
            wait_of(&HeaderMap::from_iter(headers)).as_secs()
        };
        assert_eq!(wait_of(&HeaderMap::new()), FINISHED_MAX);
        assert_eq!((wait("wait=3"), wait("respond-async, Wait = 0"), wait("wait=900")), (3, 0, 30));
        assert_eq!((wait("wait"), wait("wait=x"), wait("wait=-1")), (30, 30, 30));
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

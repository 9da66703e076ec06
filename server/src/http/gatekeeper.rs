//! What happens to every request, in this order: who asks → from which site → may they → the
//! handler, in a task of its own when it changes something → one form of error → headers.

use super::{
    endpoint::{Access, Endpoint, peer},
    failure::Failure,
};
use crate::{
    app_state::AppState,
    auth::{self, Caller, Credential, Site},
    telemetry,
};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use signalbox::wire::{ApiError, ErrorCode};
use std::{panic::AssertUnwindSafe, sync::Arc};
use tracing::{Instrument, debug_span, field};

/// Headers of an answer, about, with those that are added on its way out.
const HEADERS_USUAL: usize = 20;
/// On every answer of the API; the pages have their own.
const HEADERS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Serves a request to an endpoint.
pub async fn serve(state: AppState, endpoint: Arc<Endpoint>, request: Request) -> Response {
    let span = debug_span!(
        parent: None,
        "request",
        otel.name = %format_args!("{} {}", request.method(), endpoint.path),
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = %request.method(),
        http.route = endpoint.path,
        http.response.status_code = field::Empty,
    );
    let span = telemetry::remote(span, request.headers());
    let answering = admit_and_run(state, endpoint, request).instrument(span.clone());
    let response = finish(answering.await.unwrap_or_else(IntoResponse::into_response));
    span.record("http.response.status_code", i64::from(response.status().as_u16()));
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// Adds the headers that every answer has.
pub fn finish(mut response: Response) -> Response {
    response.headers_mut().reserve(HEADERS_USUAL);
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn admit_and_run(
    state: AppState,
    endpoint: Arc<Endpoint>,
    request: Request,
) -> Result<Response, Failure> {
    let caller = admit(&state, &endpoint, request.headers()).await?;
    tracing::debug!(
        operation = endpoint.name,
        peer = ?peer(request.extensions()),
        organization = ?caller.as_ref().map(Caller::organization),
        "request"
    );
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let run = (endpoint.run)(state, caller, request, endpoint.body_max);
    let outcome = if safe {
        AssertUnwindSafe(run).catch_unwind().await.map_err(|panic| panic_text(&*panic))
    } else {
        // Whoever goes away while a change is being made does not stop it half way.
        tokio::spawn(run.in_current_span()).await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => panic_text(&*panic),
            Err(error) => error.to_string(),
        })
    };
    outcome.unwrap_or_else(|panic| Err(Failure::internal("a handler broke off", &panic)))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}

/// Who asks, if the route wants to know, and whether they may.
async fn admit(
    state: &AppState,
    endpoint: &Endpoint,
    headers: &HeaderMap,
) -> Result<Option<Caller>, Failure> {
    match endpoint.access {
        Access::Address => Ok(None),
        Access::Public => {
            let site = auth::site_of(headers, state.public_origin());
            if !endpoint.is_safe() && site == Site::Foreign {
                return Err(foreign_origin());
            }
            Ok(None)
        }
        Access::SignedIn => authenticate(state, endpoint, headers).await.map(Some),
        Access::May(permission) => {
            let caller = authenticate(state, endpoint, headers).await?;
            if !caller.may(permission) {
                let (role, wanted) = (caller.role.as_str(), permission.as_str());
                let text = format!("The role {role} does not have the permission {wanted}.");
                return Err(Failure::new(ErrorCode::Forbidden, text)
                    .help("Ask an administrator of the organisation.")
                    .details(serde_json::json!({ "permission": wanted })));
            }
            Ok(Some(caller))
        }
    }
}

async fn authenticate(
    state: &AppState,
    endpoint: &Endpoint,
    headers: &HeaderMap,
) -> Result<Caller, Failure> {
    let credential = auth::identity_from_headers(headers, state.secure_cookies());
    let Some(credential) = credential else { return Err(unauthenticated("Sign in first.")) };
    if matches!(credential, Credential::Session(_)) && !endpoint.is_safe() {
        // A cookie goes along with requests of any page; only ours may change something with it.
        if auth::site_of(headers, state.public_origin()) != Site::Own {
            return Err(foreign_origin());
        }
    }
    match auth::identify(state.store(), state.tokens(), &credential, state.now()).await? {
        Some(caller) => Ok(caller),
        None => Err(match credential {
            Credential::Session(_) => unauthenticated("The session is over. Sign in again."),
            Credential::Token(_) => unauthenticated("The token is not known, or has ended."),
        }),
    }
}

fn unauthenticated(message: &str) -> Failure {
    let error = ApiError::new(ErrorCode::Unauthenticated, message)
        .help("Sign in with POST /api/session, or send `Authorization: Bearer <token>`.");
    let mut failure = Failure::from(error);
    failure.headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    failure
}

fn foreign_origin() -> Failure {
    Failure::new(ErrorCode::ForeignOrigin, "The request comes from another site.").help(
        "Programs send `Authorization: Bearer <token>` instead of a cookie. Behind a proxy, start the \
         server with --public-url.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app_state::Parts,
        assemble,
        auth::ServerKey,
        engine::{CallContext, CallExecutor, CallOutcome, Clock, EngineConfig, SystemClock},
        secret::Vault,
        store::Store,
    };
    use axum::body::{Body, to_bytes};
    use futures::future::BoxFuture;
    use signalbox::{client, run::CallRequest};

    struct NoCalls;

    impl CallExecutor for NoCalls {
        fn execute(&self, _: CallContext, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
            Box::pin(std::future::pending())
        }
    }

    async fn state() -> AppState {
        let services = assemble::start(
            Store::in_memory().await.unwrap(),
            Arc::new(Vault::ephemeral()),
            Arc::new(SystemClock),
            EngineConfig::default(),
            |_| Arc::new(NoCalls),
        );
        AppState::new(Parts {
            engine: services.engine,
            gate: services.gate,
            key: ServerKey::ephemeral(),
            public_origin: None,
            base_url: "http://127.0.0.1".into(),
            clock: Arc::new(|| SystemClock.now()),
            plan_steps_max: signalbox::graph::PLAN_STEPS_MAX,
        })
    }

    async fn broken(_: AppState, _: Option<Caller>, _: Request) -> Result<Response, Failure> {
        tokio::task::yield_now().await;
        panic!("a secret in the panic")
    }

    #[tokio::test]
    async fn a_handler_that_breaks_off_is_a_500_with_a_reference() {
        let state = state().await;
        for method in [client::Method::Get, client::Method::Post] {
            let endpoint = Endpoint::raw(method, "/x", "broken", Access::Public, "", broken);
            let request = Request::builder().method(method.as_str()).uri("/x");
            let request = request.body(Body::empty()).unwrap();
            let response = serve(state.clone(), Arc::new(endpoint), request).await;
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
            let error: ApiError = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(error.code, ErrorCode::Internal);
            assert_eq!(error.details["reference"].as_str().unwrap().len(), 8);
            assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
        }
    }
}

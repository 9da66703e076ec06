//! The HTTP API: one route table, one way in for every request, one form of error.
//!
//! Reading order: [`routes`] (what there is) → [`endpoint`] (what a route says) → [`gatekeeper`]
//! (what happens to a request) → [`api`] (the handlers).
//!
//! Deliberately absent: pages and assets (`web`), SQL, rules of the business.

pub mod api;
pub mod body;
pub mod call;
pub mod endpoint;
pub mod failure;
mod gatekeeper;
pub mod idempotent;
pub mod in_process;
mod openapi;
mod reply;
pub mod routes;
pub mod views;

use crate::app_state::AppState;
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::{MethodFilter, any, on},
};
use endpoint::Endpoint;
use failure::Failure;
use signalbox::wire::{ApiError, ErrorCode};
use std::sync::Arc;

pub use idempotent::KeysInWork;
pub use openapi::document as openapi_document;

/// The API's router, made from the route table. What it does not know under `/api` and `/hooks` is
/// a coded 404; other paths are left to the caller's fallback.
pub fn router(state: &AppState) -> Router {
    let mut router = Router::new();
    for endpoint in routes::all() {
        let endpoint = Arc::new(endpoint);
        let (filter, path) = (method_filter(&endpoint), endpoint.path);
        let state = state.clone();
        let serve =
            move |request: Request| gatekeeper::serve(state.clone(), endpoint.clone(), request);
        router = router.route(path, on(filter, serve));
    }
    for prefix in ["/api", "/api/", "/api/{*rest}", "/hooks", "/hooks/"] {
        router = router.route(prefix, any(unknown_path));
    }
    router.method_not_allowed_fallback(wrong_method)
}

fn method_filter(endpoint: &Endpoint) -> MethodFilter {
    use signalbox::client::Method;
    match endpoint.method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

async fn unknown_path(request: Request) -> Response {
    let text = format!("There is nothing at {}.", request.uri().path());
    let error =
        ApiError::new(ErrorCode::NotFound, text).help("GET /api/openapi.json lists every path.");
    gatekeeper::finish(Failure::from(error).into_response())
}

async fn wrong_method(request: Request) -> Response {
    let text = format!("{} does not exist on {}.", request.method(), request.uri().path());
    let error = ApiError::new(ErrorCode::MethodNotAllowed, text)
        .help("GET /api/openapi.json lists every path with its methods.");
    gatekeeper::finish(Failure::from(error).into_response())
}

//! Whether the server is well, and the API's own description.

use crate::{
    http::{
        call::{Answer, Call, NoQuery, Nobody},
        openapi_document,
        reply::{Found, Plain},
        routes,
    },
    store,
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{sync::OnceLock, time::Duration};

/// The database answers within this time, or the server is not well.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /health`: 200 `{"status":"ok"}`, or 503 with reasons.
pub async fn health(call: Call<(), NoQuery, (), Nobody>) -> Answer<Plain> {
    let mut reasons = Vec::new();
    let probe = tokio::time::timeout(PROBE_TIMEOUT, store::owner_exists(call.state.store())).await;
    match probe {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "health: the database does not answer");
            reasons.push("the database does not answer");
        }
        Err(_) => reasons.push("the database does not answer within 2 s"),
    }
    if call.state.shutdown().is_cancelled() {
        reasons.push("the server is shutting down");
    }
    Ok(Plain(report(&reasons)))
}

fn report(reasons: &[&str]) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    if reasons.is_empty() {
        return Json(json!({ "status": "ok", "version": version })).into_response();
    }
    let body = json!({ "status": "degraded", "version": version, "reasons": reasons });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// `GET /api/openapi.json`.
pub async fn openapi(_: Call<(), NoQuery, (), Nobody>) -> Answer<Found<Value>> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    Ok(Found(DOCUMENT.get_or_init(|| openapi_document(&routes::all())).clone()))
}

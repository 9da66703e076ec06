//! `/metrics` on an address of its own, for Prometheus and what reads the same form.
//!
//! The numbers are of all organisations together, so no role of one of them may read them, and they need no
//! password where nobody else can reach the address: it is separate from the one that people use, off unless it is
//! given, and meant for the machine itself or a private network.

use super::scrape;
use crate::app_state::AppState;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{io, net::SocketAddr};
use tokio::net::TcpListener;

const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers on an address until the server ends; gives the address, which is another one where port 0 was asked for.
pub async fn listen(state: &AppState, addr: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(addr).await?;
    let bound = listener.local_addr()?;
    if !bound.ip().is_loopback() {
        tracing::warn!(%bound, "metrics are served without a password to whoever reaches this address");
    }
    let service = Router::new().route("/metrics", get(answer)).with_state(state.clone());
    let ended = state.shutdown().clone();
    tokio::spawn(async move {
        let serving = axum::serve(listener, service)
            .with_graceful_shutdown(async move { ended.cancelled().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "metrics are served no longer");
        }
    });
    Ok(bound)
}

async fn answer(State(state): State<AppState>) -> Response {
    match scrape(&state).await {
        Ok(text) => ([(header::CONTENT_TYPE, FORM)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

//! The typed API client over a [`Transport`]. The UI, the command line and Rust users all speak
//! through it, so the public API is complete by construction.
//!
//! Transports: [`browser`] (gloo-net, feature `browser`), [`http`] (reqwest, feature `http`), and
//! in-process (the server hands the request to its own router).

mod accounts;
mod approvals;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub mod browser;
mod contacts;
mod events;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(test, feature = "documents"))]
mod plans;
mod runs;
mod settings;
mod tasks;
mod templates;
mod transport;
mod workflows;

#[cfg(any(test, feature = "documents"))]
pub use plans::WaitOptions;
pub use transport::{Method, Request, Response, Transport, TransportError};

use crate::wire::{ApiError, ErrorCode};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
}

/// What a call gives.
pub type Answer<T> = Result<T, ApiError>;

impl Client {
    /// A client over a transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self { transport: Arc::new(transport) }
    }

    async fn get<T: DeserializeOwned>(&self, path: String) -> Answer<T> {
        decode(self.send(Request::new(Method::Get, path)).await?)
    }

    async fn post<B: Serialize, T: DeserializeOwned>(&self, path: String, body: &B) -> Answer<T> {
        self.with_body(Method::Post, path, body, Vec::new()).await
    }

    async fn with_body<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: &B,
        headers: Vec<(String, String)>,
    ) -> Answer<T> {
        let bytes = serde_json::to_vec(body)
            .map_err(|error| ApiError::new(ErrorCode::InvalidBody, error.to_string()))?;
        let mut request = Request::new(method, path);
        request.headers = headers;
        request.headers.push(("content-type".into(), "application/json".into()));
        request.body = Some(bytes);
        decode(self.send(request).await?)
    }

    async fn delete(&self, path: String) -> Answer<()> {
        self.send(Request::new(Method::Delete, path)).await.map(|_| ())
    }

    /// Sends a request; an error status becomes the [`ApiError`] of its body.
    pub async fn send(&self, request: Request) -> Answer<Response> {
        let response = self.transport.send(request).await.map_err(|error| {
            ApiError::new(ErrorCode::Unreachable, error.0)
                .help("Check the connection to the server and try again.")
        })?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let text = String::from_utf8_lossy(&response.body);
        Err(serde_json::from_str(&text).unwrap_or_else(|_| {
            ApiError::new(
                ErrorCode::Internal,
                format!("The server answered with status {}.", response.status),
            )
        }))
    }
}

// The error is as large as what every call gives.
#[allow(clippy::result_large_err)]
fn decode<T: DeserializeOwned>(response: Response) -> Answer<T> {
    // An empty body is the unit value.
    let body: &[u8] = if response.body.is_empty() { b"null" } else { &response.body };
    let not_understood = |error: &dyn std::fmt::Display| {
        ApiError::new(
            ErrorCode::Internal,
            format!("The server's answer is not understood: {error}"),
        )
        .help("The page may be older than the server. Reload it.")
    };
    // From text, as the pages read what the server drew them with: the browser's copy of this
    // crate then holds one reader for each type and not two.
    let text = std::str::from_utf8(body).map_err(|error| not_understood(&error))?;
    serde_json::from_str(text).map_err(|error| not_understood(&error))
}

/// A query string of the parameters that are given, percent-encoded, with its `?`.
pub(crate) fn query(parameters: &[(&str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        if let Some(value) = value {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.push_str(&encode(value));
        }
    }
    text
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{encode, query};

    #[test]
    fn query_strings_are_encoded() {
        assert_eq!(encode("a b&c/ü~"), "a%20b%26c%2F%C3%BC~");
        let text = query(&[("a", None), ("b", Some("1".into())), ("c", Some("x=y".into()))]);
        assert_eq!(text, "?b=1&c=x%3Dy");
    }
}

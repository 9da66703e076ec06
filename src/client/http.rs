//! The transport for programs: reqwest, with an API token.

use super::{Request, Response, Transport, TransportError};
use futures::{FutureExt, future::BoxFuture};
use std::time::Duration;

/// Requests to a server's base address, with an API token.
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

impl HttpTransport {
    /// A transport to `base_url`, such as `http://127.0.0.1:3000`.
    pub fn new(base_url: &str, token: Option<String>) -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(330))
            .build()
            .map_err(|error| TransportError(error.to_string()))?;
        Ok(Self { client, base_url: base_url.trim_end_matches('/').to_owned(), token })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let this = self.clone();
        async move { this.exchange(request).await.map_err(|e| TransportError(e.to_string())) }
            .boxed()
    }
}

impl HttpTransport {
    async fn exchange(&self, request: Request) -> reqwest::Result<Response> {
        let method = match request.method {
            super::Method::Get => reqwest::Method::GET,
            super::Method::Post => reqwest::Method::POST,
            super::Method::Put => reqwest::Method::PUT,
            super::Method::Patch => reqwest::Method::PATCH,
            super::Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = self.client.request(method, format!("{}{}", self.base_url, request.path));
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let response = builder.send().await?;
        let headers = response.headers().iter();
        let headers = headers
            .map(|(k, v)| (k.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect();
        Ok(Response {
            status: response.status().as_u16(),
            headers,
            body: response.bytes().await?.to_vec(),
        })
    }
}

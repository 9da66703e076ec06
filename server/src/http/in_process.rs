//! The API client's transport inside the server: pages that are drawn here ask the same router as
//! everybody else, without a socket, with the visitor's cookies.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{self, HeaderMap, HeaderName, HeaderValue, header},
};
use futures::{FutureExt, future::BoxFuture};
use signalbox::client::{Client, Request, Response, Transport, TransportError};
use std::sync::Arc;
use tower::ServiceExt;

/// Answers larger than this are not drawn into a page, in bytes.
const ANSWER_MAX: usize = 32 * 1024 * 1024;

/// Hands requests to a router on behalf of a visitor.
#[derive(Clone)]
pub struct InProcess {
    router: Router,
    cookies: Arc<[HeaderValue]>,
    host: Option<HeaderValue>,
}

impl InProcess {
    /// For the visitor whose request has these headers.
    pub fn new(router: Router, visitor: &HeaderMap) -> Self {
        Self {
            router,
            cookies: visitor.get_all(header::COOKIE).iter().cloned().collect(),
            host: visitor.get(header::HOST).cloned(),
        }
    }

    /// A client for that visitor.
    pub fn client(router: Router, visitor: &HeaderMap) -> Client {
        Client::new(Self::new(router, visitor))
    }

    fn request(&self, request: Request) -> Result<http::Request<Body>, http::Error> {
        let mut builder =
            http::Request::builder().method(request.method.as_str()).uri(request.path);
        for cookie in self.cookies.iter() {
            builder = builder.header(header::COOKIE, cookie);
        }
        if let Some(host) = &self.host {
            builder = builder.header(header::HOST, host);
        }
        // The page itself asks: that is our own site by definition.
        builder = builder.header(HeaderName::from_static("sec-fetch-site"), "same-origin");
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        builder.body(request.body.map_or_else(Body::empty, Body::from))
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let this = self.clone();
        async move {
            let failed = |error: &dyn std::fmt::Display| TransportError(error.to_string());
            let request = this.request(request).map_err(|e| failed(&e))?;
            let response = this.router.oneshot(request).await.map_err(|e| failed(&e))?;
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, ANSWER_MAX).await.map_err(|e| failed(&e))?;
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            Ok(Response {
                status: parts.status.as_u16(),
                headers: headers.collect(),
                body: body.to_vec(),
            })
        }
        .boxed()
    }
}

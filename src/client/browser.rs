//! The browser's transport: `fetch` on the page's own origin, with its cookies.

use super::{Method, Request, Response, Transport, TransportError};
use futures::{FutureExt, future::BoxFuture};
use gloo_net::http::RequestBuilder;
use send_wrapper::SendWrapper;

/// `fetch` on the page's own origin.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrowserTransport;

impl Transport for BrowserTransport {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        // The browser has one thread; the wrapper only satisfies the bound that servers need.
        SendWrapper::new(fetch(request)).boxed()
    }
}

async fn fetch(request: Request) -> Result<Response, TransportError> {
    let method = match request.method {
        Method::Get => gloo_net::http::Method::GET,
        Method::Post => gloo_net::http::Method::POST,
        Method::Put => gloo_net::http::Method::PUT,
        Method::Patch => gloo_net::http::Method::PATCH,
        Method::Delete => gloo_net::http::Method::DELETE,
    };
    let mut builder = RequestBuilder::new(&request.path).method(method);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let failed =
        |error: gloo_net::Error| TransportError(format!("The server cannot be reached: {error}"));
    let response = match request.body {
        Some(body) => builder.body(js_sys::Uint8Array::from(body.as_slice())).map_err(failed)?,
        None => builder.build().map_err(failed)?,
    };
    let response = response.send().await.map_err(failed)?;
    Ok(Response {
        status: response.status(),
        headers: response.headers().entries().collect(),
        body: response.binary().await.map_err(failed)?,
    })
}

//! The API client as a context, and its errors as people read them.

use crate::ui::{ErrorPanel, Toast, Toasts, Trouble};
use leptos::prelude::*;
use signalbox::client::Client;
use signalbox::wire::{ApiError, ErrorCode};

/// Makes the browser's client. On the server the client comes with the request: it carries the
/// visitor's cookies and hands each call to the API's router without a socket.
pub(crate) fn provide_client() {
    #[cfg(all(target_arch = "wasm32", feature = "hydrate"))]
    provide_context(Client::new(signalbox::client::browser::BrowserTransport));
}

/// The API client of this page.
pub fn use_client() -> Client {
    use_context().unwrap_or_else(|| Client::new(nowhere::Nowhere))
}

/// Where no client is provided every call fails and says so.
mod nowhere {
    use futures::future::{BoxFuture, ready};
    use signalbox::client::{Request, Response, Transport, TransportError};

    pub(super) struct Nowhere;

    impl Transport for Nowhere {
        fn send(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
            Box::pin(ready(Err(TransportError("This page has no connection to the API.".into()))))
        }
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        let next = match error.help.is_empty() {
            false => error.help,
            true => "Try again; if it stays so, tell who runs this server".to_owned(),
        };
        Trouble { what: error.message, next, code: Some(error.code.as_str().to_owned()) }
    }
}

/// Whether the answer means that nobody is signed in.
pub fn is_signed_out(error: &ApiError) -> bool {
    error.code == ErrorCode::Unauthenticated
}

/// An error in the words of the interface.
pub fn trouble(error: &ApiError) -> Trouble {
    error.clone().into()
}

/// An error in the place of what could not be shown.
pub fn failure(error: &ApiError, retry: Option<Callback<()>>) -> AnyView {
    crate::status::set_status(error.code.status());
    let trouble = trouble(error);
    match retry {
        Some(retry) if error.code != ErrorCode::NotFound => {
            view! { <ErrorPanel trouble=trouble on_retry=retry /> }.into_any()
        }
        _ => view! { <ErrorPanel trouble=trouble /> }.into_any(),
    }
}

/// Says that an action failed and why.
pub fn toast_failure(toasts: Toasts, error: &ApiError) {
    let text = if error.help.is_empty() {
        error.message.clone()
    } else {
        format!("{} {}", error.message, error.help)
    };
    toasts.push(Toast::failed(text));
}

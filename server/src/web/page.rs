//! Draws pages. A page is drawn whole before the first byte goes out, so that its status and its
//! redirects are right; the data comes from the same machine in a few milliseconds.

use super::{assets::Site, headers::content_security_policy};
use app::{
    prefs::RequestCookies,
    shell::{PageAssets, shell},
    status::StatusSetter,
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, Response, StatusCode, header, request::Parts},
    response::IntoResponse,
};
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use std::{pin::Pin, sync::Arc};

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A file if there is one at the path, else a page.
pub(super) fn handler<Prepared, Provide>(
    site: Site,
    prepare: impl Fn(Parts) -> Prepared + Clone + Send + Sync + 'static,
) -> impl Fn(Request) -> Answer + Clone + Send + Sync + 'static
where
    Prepared: Future<Output = Provide> + Send + 'static,
    Provide: Fn() + Clone + Send + Sync + 'static,
{
    move |request| {
        let (site, prepare) = (site.clone(), prepare.clone());
        Box::pin(async move {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")])
                    .into_response();
            }
            if let Some(file) = site.file(request.uri().path(), request.headers()).await {
                return file;
            }
            match site.page_assets().await {
                Some(assets) => {
                    let (parts, body) = request.into_parts();
                    let provide = prepare(parts.clone()).await;
                    draw(assets, provide, Request::from_parts(parts, body)).await
                }
                None => not_built(),
            }
        })
    }
}

async fn draw(
    assets: PageAssets,
    provide: impl Fn() + Clone + Send + Sync + 'static,
    request: Request,
) -> Response<Body> {
    let options = LeptosOptions::builder().output_name("signalbox").build();
    let contexts = move || {
        page_contexts();
        provide();
    };
    let path = request.uri().path().to_owned();
    let document = move || shell(assets.clone(), &path, options.clone());
    let mut response =
        leptos_axum::render_app_async_with_context(contexts, document)(request).await;
    // Every page is about the person who asks for it.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the shell and every page find as contexts, whatever the business provides.
fn page_contexts() {
    let cookies = use_context::<Parts>().and_then(|parts| {
        let cookies = parts.headers.get(header::COOKIE)?;
        cookies.to_str().ok().map(str::to_owned)
    });
    provide_context(RequestCookies(cookies.unwrap_or_default()));
    let Some(response) = use_context::<ResponseOptions>() else { return };
    if let Some(nonce) = use_nonce()
        && let Ok(policy) = HeaderValue::from_str(&content_security_policy(&nonce))
    {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    provide_context(StatusSetter(Arc::new(move |status| {
        if let Ok(status) = StatusCode::from_u16(status) {
            response.set_status(status);
        }
    })));
}

fn not_built() -> Response<Body> {
    let text = "The front end has not been built. Run `make run`, or `scripts/build debug` for a \
                debug build; LEPTOS_SITE_ROOT names the folder.\n";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

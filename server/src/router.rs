//! Everything that a server's address answers: the API, and the pages for all else.

use crate::{
    app_state::AppState,
    http::{self, in_process::InProcess},
    web::{self, Site},
};
use app::session::Visitor;
use axum::{Router, http::request::Parts};
use leptos::prelude::provide_context;

/// The API, and the pages of a site. A page asks the API on behalf of who asks for it.
pub fn whole(state: &AppState, site: Site) -> Router {
    let api = http::router(state);
    let for_pages = api.clone();
    let prepare = move |parts: Parts| {
        let client = InProcess::client(for_pages.clone(), &parts.headers);
        async move {
            let visitor = Visitor::find(&client).await;
            move || {
                provide_context(client.clone());
                provide_context(visitor.clone());
            }
        }
    };
    api.fallback_service(web::router(site, prepare))
        .layer(axum::middleware::from_fn(web::security_headers))
}

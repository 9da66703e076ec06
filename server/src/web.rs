//! The pages and the files of the front end. Knows nothing of the business: what a page needs
//! (the API client, the session) the caller provides as Leptos contexts.

mod assets;
mod headers;
mod page;

pub use assets::Site;
pub use headers::security_headers;

use axum::Router;

/// Serves every path that nothing else serves: a file of the front end, or else a page.
///
/// `provide` runs once for each page that is drawn, inside its reactive owner: it gives the page
/// its contexts by `provide_context`, and finds the request's `axum::http::request::Parts` by
/// `use_context`. Merge this last; it is the router's fallback.
pub fn router(site: Site, provide: impl Fn() + Clone + Send + Sync + 'static) -> Router {
    // Fails only when it is set up already.
    let _ = any_spawner::Executor::init_tokio();
    Router::new().fallback(page::handler(site, provide))
}

#[cfg(test)]
mod tests;

//! The pages and the files of the front end. Knows nothing of the business: what a page needs
//! (the API client, the session) the caller provides as Leptos contexts.

mod assets;
mod headers;
mod page;

pub use assets::Site;
pub use headers::security_headers;

use axum::{Router, http::request::Parts};

/// Serves every path that nothing else serves: a file of the front end, or else a page.
///
/// `prepare` is awaited once for each page before it is drawn, with the head of its request; what it gives runs
/// inside the page's reactive owner and gives the page its contexts by `provide_context`. Merge this last; it is the
/// router's fallback.
pub fn router<Prepared, Provide>(
    site: Site,
    prepare: impl Fn(Parts) -> Prepared + Clone + Send + Sync + 'static,
) -> Router
where
    Prepared: Future<Output = Provide> + Send + 'static,
    Provide: Fn() + Clone + Send + Sync + 'static,
{
    // Fails only when it is set up already.
    let _ = any_spawner::Executor::init_tokio();
    Router::new().fallback(page::handler(site, prepare))
}

#[cfg(test)]
mod tests;

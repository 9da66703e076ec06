//! The Signalbox user interface. Speaks to the server only through [`signalbox::client`].
//!
//! Reading order: [`routes`] → [`frame`] → [`pages`] → [`ui`]; [`shell`] is the HTML document
//! around it, drawn by the server.

pub mod api;
pub mod canvas;
pub mod editor;
pub mod frame;
pub mod inbox;
pub mod keys;
pub mod lazy;
pub mod live;
pub mod looks;
pub mod pages;
pub mod prefs;
pub mod routes;
pub mod runs;
pub mod session;
pub mod settings;
pub mod shell;
pub mod status;
pub mod timeline;
pub mod ui;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::Router;

/// The root component: contexts, then the pages.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    prefs::Prefs::provide();
    ui::provide_clock();
    ui::Toasts::provide();
    api::provide_client();
    mark_hydrated();
    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { "Signalbox".to_owned() } else { format!("{title} · Signalbox") }
        } />
        <Router>
            <ErrorBoundary fallback=|errors| view! { <Broken errors=errors /> }>
                <routes::AppRoutes />
            </ErrorBoundary>
        </Router>
        <ui::ToastHost />
    }
}

/// Effects run once the page is awake; the browser tests wait for this before they click.
fn mark_hydrated() {
    Effect::new(|| {
        if let Some(body) = document().body() {
            // Setting a plain attribute does not fail.
            let _ = body.set_attribute("data-hydrated", "");
        }
    });
}

/// What shows in the place of a page that could not be drawn.
#[component]
fn Broken(errors: ArcRwSignal<Errors>) -> impl IntoView {
    let what = move || {
        let messages: Vec<String> =
            errors.read().iter().map(|(_, error)| error.to_string()).collect();
        messages.join("; ")
    };
    view! {
        {move || {
            let trouble = ui::Trouble::new(
                format!("This page could not be shown: {}", what()),
                "Reload it. If it stays so, tell who runs this server what you did",
            );
            view! { <ui::ErrorPanel trouble=trouble /> }
        }}
    }
}

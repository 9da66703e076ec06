//! The Signalbox user interface. Speaks to the server only through [`signalbox::client`].

use leptos::prelude::*;

/// The root component.
#[component]
pub fn App() -> impl IntoView {
    view! { <p>"Signalbox"</p> }
}

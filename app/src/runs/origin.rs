//! Who or what started a run.

use leptos::prelude::*;
use leptos_router::components::A;
use signalbox::run::run_of;

/// The words for it; a link where another run did.
pub fn started_by(words: String) -> AnyView {
    match run_of(&words) {
        Some(run) => view! {
            <A href=format!("/runs/{run}") attr:class="underline">
                "another run"
            </A>
        }
        .into_any(),
        None => words.into_any(),
    }
}

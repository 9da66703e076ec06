//! What the pages before the frame share: a card in the middle.

use crate::ui::{Glyph, Icon};
use leptos::prelude::*;

/// The card.
#[component]
pub(super) fn EntryFrame(
    /// The page's title.
    title: &'static str,
    /// One sentence.
    text: &'static str,
    /// The form.
    children: Children,
) -> impl IntoView {
    view! {
        <leptos_meta::Title text=title />
        <main class="flex min-h-dvh items-center justify-center bg-surface-0 p-4">
            <div class="w-full max-w-sm rounded border border-line bg-surface-1 p-6 shadow-float">
                <p class="flex items-center gap-2 text-sm font-medium text-accent">
                    <Glyph icon=Icon::Workflow />
                    "Signalbox"
                </p>
                <h1 class="mt-3 text-xl font-semibold">{title}</h1>
                <p class="mt-1 mb-5 text-text-2">{text}</p>
                {children()}
            </div>
        </main>
    }
}

/// Where to go after signing in: the place that was asked for, if it is one of ours.
pub(super) fn next_place() -> String {
    let search = window().location().search().unwrap_or_default();
    let next =
        search.trim_start_matches('?').split('&').find_map(|pair| pair.strip_prefix("next="));
    let next = next.map(|next| next.replace("%2F", "/")).unwrap_or_default();
    // `//host` would be another site.
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    if ours { next } else { "/inbox".to_owned() }
}

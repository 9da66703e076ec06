//! What the pages before the frame share: a card in the middle.

use crate::ui::{Glyph, Icon};
use leptos::prelude::*;
use leptos_router::location::Url;

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
    place_of(&window().location().search().unwrap_or_default())
}

fn place_of(search: &str) -> String {
    let next =
        search.trim_start_matches('?').split('&').find_map(|pair| pair.strip_prefix("next="));
    let next = next.map(Url::unescape).unwrap_or_default();
    // `//host` would be another site, also with control characters in it, which browsers leave out.
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte > b' ' && byte != b'\\');
    if ours { next } else { "/inbox".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn the_way_back_is_a_place_of_ours() {
        let cases = [
            ("", "/inbox"),
            ("?next=/runs", "/runs"),
            ("?a=b&next=/runs%3Fstate%3DFailed%26q%3Dshop", "/runs?state=Failed&q=shop"),
            ("?next=%2Fruns%3Fq%3Da%2520b", "/runs?q=a%20b"),
            ("?next=//far.example", "/inbox"),
            ("?next=/%2Ffar.example", "/inbox"),
            ("?next=/%09/far.example", "/inbox"),
            ("?next=/%5Cfar.example", "/inbox"),
            ("?next=https://far.example", "/inbox"),
        ];
        for (search, place) in cases {
            assert_eq!(place_of(search), place, "{search}");
        }
    }
}

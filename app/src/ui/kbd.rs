//! A key as it is written on a keyboard.

use leptos::prelude::*;

/// Shows a key or a chord such as `Ctrl+K`.
#[component]
pub fn Kbd(
    /// The key's name.
    #[prop(into)]
    key: String,
) -> impl IntoView {
    view! {
        <kbd class="rounded-sm border border-line bg-surface-2 px-1 font-sans text-xs text-text-2">
            {key}
        </kbd>
    }
}

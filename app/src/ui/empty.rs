//! What a page shows when there is nothing yet: one sentence and the first action.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// Explains an empty place and offers what to do first.
#[component]
pub fn EmptyState(
    /// The icon of the thing that is missing.
    icon: Icon,
    /// What there is none of: "No runs yet".
    #[prop(into)]
    title: String,
    /// One sentence that explains the thing.
    #[prop(into)]
    text: String,
    /// The first action, usually a button.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="mx-auto flex max-w-md flex-col items-center gap-2 px-4 py-16 text-center">
            <span class="text-text-3">
                <Glyph icon=icon class="size-8" />
            </span>
            <h2 class="text-lg font-semibold">{title}</h2>
            <p class="text-text-2">{text}</p>
            {children.map(|children| view! { <div class="mt-3 flex gap-2">{children()}</div> })}
        </div>
    }
}

//! What shows while something is awaited. Absent: progress in per cent.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// A turning circle, for work that takes less than a few seconds.
#[component]
pub fn Spinner() -> impl IntoView {
    view! {
        <span class="inline-flex animate-spin">
            <Glyph icon=Icon::Loader />
        </span>
    }
}

/// Grey lines in the place of rows that are being fetched.
#[component]
pub fn Skeleton(
    /// How many rows.
    #[prop(default = 5)]
    rows: usize,
) -> impl IntoView {
    view! {
        <div role="status" aria-label="Loading" class="flex flex-col gap-3 p-4">
            {(0..rows)
                .map(|_| view! { <div class="h-5 animate-pulse rounded bg-surface-2"></div> })
                .collect_view()}
        </div>
    }
}

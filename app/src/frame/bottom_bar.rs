//! The phone's bar at the bottom, inbox first. The rest of the places are in the palette.

use super::use_inbox_count;
use crate::routes::{PLACES, Place};
use crate::ui::Glyph;
use leptos::prelude::*;
use leptos_router::components::A;

/// The bar; hidden from tablet size up, where the rail is.
#[component]
pub fn BottomBar() -> impl IntoView {
    view! {
        <nav
            aria-label="Main"
            class="border-t border-line bg-surface-1 pb-[env(safe-area-inset-bottom)] md:hidden"
        >
            <ul class="flex">
                {PLACES
                    .iter()
                    .filter(|place| place.on_phone)
                    .map(|place| view! { <BarEntry place=place /> })
                    .collect_view()}
            </ul>
        </nav>
    }
}

#[component]
fn BarEntry(place: &'static Place) -> impl IntoView {
    let count = use_inbox_count().0;
    let waiting = move || count.get().filter(|count| *count > 0 && place.href == "/inbox");
    view! {
        <li class="min-w-0 flex-1">
            <A
                href=place.href
                attr:class="flex h-14 flex-col items-center justify-center gap-0.5 text-xs text-text-2 \
                aria-[current=page]:text-accent"
            >
                <span class="relative">
                    <Glyph icon=place.icon class="size-5" />
                    {move || {
                        waiting()
                            .map(|count| {
                                view! {
                                    <span class="absolute -top-1.5 left-3 rounded-full bg-wait px-1 text-xs leading-4 \
                                    font-medium text-surface-1 tabular-nums">{count}</span>
                                }
                            })
                    }}
                </span>
                {place.label}
            </A>
        </li>
    }
}

//! The phone's bar at the bottom, inbox first. The places that have no room are behind its last entry.

use super::use_inbox_count;
use crate::routes::{PLACES, Place};
use crate::ui::{Glyph, Icon};
use leptos::{
    ev::{FocusEvent, KeyboardEvent},
    html,
    prelude::*,
    wasm_bindgen::JsCast,
};
use leptos_router::components::A;
use leptos_router::hooks::use_location;

const ENTRY: &str = "flex h-14 flex-col items-center justify-center gap-0.5 text-xs text-text-2 \
    aria-[current=page]:text-accent";

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
                <More />
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
                attr:class=ENTRY
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

/// The other places, in a list above the bar. Choosing one, Escape and leaving close it.
#[component]
fn More() -> impl IntoView {
    let location = use_location();
    let is_here =
        move || location.pathname.with(|path| Place::of(path).is_some_and(|place| !place.on_phone));
    let root = NodeRef::<html::Details>::new();
    let close = move || {
        if let Some(root) = root.get_untracked() {
            // Removing a plain attribute does not fail.
            let _ = root.remove_attribute("open");
        }
    };
    let keys = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            close();
        }
    };
    let leave = move |event: FocusEvent| {
        // To nothing is no leaving: some browsers give links no focus when they are tapped.
        let to = event.related_target().and_then(|to| to.dyn_into::<web_sys::Node>().ok());
        let root = root.get_untracked();
        if to.is_some() && root.is_some_and(|root| !root.contains(to.as_ref())) {
            close();
        }
    };
    view! {
        <li class="min-w-0 flex-1">
            <details node_ref=root class="group relative" on:keydown=keys on:focusout=leave>
                <summary
                    class=format!("{ENTRY} cursor-pointer list-none")
                    aria-current=move || is_here().then_some("page")
                >
                    <Glyph icon=Icon::More class="size-5" />
                    "More"
                </summary>
                <div class="fixed inset-0 z-20" on:click=move |_| close()></div>
                <ul class="absolute right-1 bottom-full z-20 mb-1 min-w-44 rounded border border-line bg-surface-1 p-1 \
                shadow-float">
                    {PLACES
                        .iter()
                        .filter(|place| !place.on_phone)
                        .map(|place| {
                            view! {
                                <li on:click=move |_| close()>
                                    <A
                                        href=place.href
                                        attr:class="target flex items-center gap-2 rounded-sm px-2 py-1.5 \
                                        hover:bg-surface-2 aria-[current=page]:text-accent"
                                    >
                                        <Glyph icon=place.icon />
                                        {place.label}
                                    </A>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </details>
        </li>
    }
}

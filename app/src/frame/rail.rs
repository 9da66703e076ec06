//! The left rail, from tablet size up. Folds to icons; the fold is remembered.

use super::use_inbox_count;
use crate::prefs::Prefs;
use crate::routes::{PLACES, Place};
use crate::ui::{Glyph, Icon, IconButton};
use leptos::prelude::*;
use leptos_router::components::A;

/// The rail.
#[component]
pub fn Rail() -> impl IntoView {
    let folded = expect_context::<Prefs>().rail_folded;
    let width = move || if folded.get() { "w-14" } else { "w-52" };
    let fold_icon =
        Signal::derive(move || if folded.get() { Icon::ChevronsRight } else { Icon::ChevronsLeft });
    let fold_label = Signal::derive(move || {
        if folded.get() { "Unfold the rail" } else { "Fold the rail to icons" }.to_owned()
    });
    view! {
        <nav
            aria-label="Main"
            class=move || {
                format!(
                    "hidden shrink-0 flex-col border-r border-line bg-surface-1 px-2 py-3 transition-[width] \
                    duration-150 ease-out md:flex {}",
                    width(),
                )
            }
        >
            <div class="mb-3 flex h-8 items-center gap-2 px-2.5 text-accent">
                <Mark />
                <span class="text-lg font-semibold text-text-1" class:hidden=move || folded.get()>
                    "Signalbox"
                </span>
            </div>
            <ul class="flex flex-1 flex-col gap-0.5">
                {PLACES
                    .iter()
                    .map(|place| view! { <RailEntry place=place folded=folded /> })
                    .collect_view()}
            </ul>
            <div class="flex px-1">
                <IconButton
                    icon=fold_icon
                    label=fold_label
                    on_click=move |_| folded.update(|folded| *folded = !*folded)
                />
            </div>
        </nav>
    }
}

/// The product's mark: a signal on its mast.
#[component]
fn Mark() -> impl IntoView {
    view! {
        <svg class="size-5 shrink-0" viewBox="0 0 24 24" aria-hidden="true">
            <path fill="currentColor" d="M7 1h10a3 3 0 0 1 3 3v11a3 3 0 0 1-3 3h-4v5h-2v-5H7a3 3 0 0 1-3-3V4a3 3 0 0 1 3-3Zm5 3a2.2 2.2 0 1 0 0 4.4A2.2 2.2 0 0 0 12 4Zm0 6.6a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4Z" fill-rule="evenodd"></path>
        </svg>
    }
}

#[component]
fn RailEntry(place: &'static Place, folded: RwSignal<bool>) -> impl IntoView {
    view! {
        <li>
            <A
                href=place.href
                attr:title=move || folded.get().then_some(place.label)
                attr:class="group flex h-9 items-center gap-2.5 rounded px-2.5 text-text-2 hover:bg-surface-2 \
                hover:text-text-1 aria-[current=page]:bg-surface-2 aria-[current=page]:font-medium \
                aria-[current=page]:text-text-1"
            >
                <span class="relative inline-flex group-aria-[current=page]:text-accent">
                    <Glyph icon=place.icon class="size-4.5" />
                    <Waiting place=place dot=true shown=folded.into() />
                </span>
                <span class:sr-only=move || folded.get()>{place.label}</span>
                <Waiting place=place dot=false shown=Signal::derive(move || !folded.get()) />
            </A>
        </li>
    }
}

/// The number of approvals that wait, on the inbox's entry only.
#[component]
fn Waiting(place: &'static Place, dot: bool, shown: Signal<bool>) -> impl IntoView {
    let count = use_inbox_count().0;
    let class = if dot {
        "absolute -top-1 -right-1 size-2 rounded-full bg-wait"
    } else {
        "ml-auto inline-flex h-5 items-center gap-1 rounded-sm bg-wait-soft px-1.5 text-xs font-medium text-wait tabular-nums"
    };
    move || {
        let count =
            count.get().filter(|count| *count > 0 && shown.get() && place.href == "/inbox")?;
        let words = (!dot).then(|| {
            view! {
                <Glyph icon=Icon::Hand class="size-3" />
                {count}
                <span class="sr-only">" waiting"</span>
            }
        });
        Some(view! { <span class=class>{words}</span> })
    }
}

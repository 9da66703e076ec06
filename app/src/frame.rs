//! The frame around every page of a person who is signed in: rail, top bar, the phone's bottom
//! bar, the palette. Absent: what the pages show.

mod bottom_bar;
mod palette;
mod rail;
mod top_bar;

use bottom_bar::BottomBar;
use leptos::prelude::*;
use leptos_router::components::Outlet;
use palette::Palette;
use rail::Rail;
use top_bar::TopBar;

/// How many approvals wait in the inbox, as a context; none until it is known.
#[derive(Clone, Copy)]
pub struct InboxCount(pub RwSignal<Option<u64>>);

/// The count of this application.
pub fn use_inbox_count() -> InboxCount {
    use_context().unwrap_or_else(|| InboxCount(RwSignal::new(None)))
}

/// The frame; the page is its outlet.
#[component]
pub fn Frame() -> impl IntoView {
    let palette_open = RwSignal::new(false);
    view! {
        <a
            href="#content"
            class="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-surface-1 focus:p-2"
        >
            "Skip to the content"
        </a>
        <div class="flex h-dvh">
            <Rail />
            <div class="flex min-w-0 flex-1 flex-col">
                <TopBar palette_open=palette_open />
                <main id="content" tabindex="-1" class="min-h-0 flex-1 overflow-y-auto outline-none">
                    <Outlet />
                </main>
                <BottomBar />
            </div>
        </div>
        <Palette open=palette_open />
    }
}

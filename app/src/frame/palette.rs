//! The palette (Ctrl+K): type a few letters of a place, Enter opens it. Absent: search in the
//! organisation's data, which the pages offer.

use crate::routes::{PLACES, Place};
use crate::ui::{Dialog, Glyph};
use leptos::{
    ev::{self, KeyboardEvent},
    html,
    prelude::*,
};
use leptos_router::hooks::use_navigate;

/// The places that hold every word of what was typed, in the order of the rail.
fn found(typed: &str) -> Vec<&'static Place> {
    let typed = typed.to_ascii_lowercase();
    let fits = |place: &&Place| {
        let label = place.label.to_ascii_lowercase();
        typed.split_whitespace().all(|word| label.contains(word))
    };
    PLACES.iter().filter(fits).collect()
}

/// The dialog and its key.
#[component]
pub fn Palette(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    Effect::new(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
                event.prevent_default();
                open.update(|open| *open = !*open);
            }
        });
        on_cleanup(move || keys.remove());
    });
    view! {
        <Dialog open=open title="Go to">
            <Finder open=open />
        </Dialog>
    }
}

#[component]
fn Finder(open: RwSignal<bool>) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let input = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    let navigate = use_navigate();
    let go = Callback::new(move |href: &'static str| {
        open.set(false);
        navigate(href, Default::default());
    });
    let keys = move |event: KeyboardEvent| {
        let places = found(&typed.get_untracked());
        let last = places.len().saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|at| *at = (*at + 1).min(last)),
            "ArrowUp" => chosen.update(|at| *at = at.saturating_sub(1)),
            "Enter" => {
                if let Some(place) = places.get(chosen.get_untracked()) {
                    go.run(place.href);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let row = move |(at, place): (usize, &'static Place)| {
        view! {
            <button
                type="button"
                id=format!("palette-{at}")
                role="option"
                tabindex="-1"
                aria-selected=move || if chosen.get() == at { "true" } else { "false" }
                class="target flex h-9 w-full items-center gap-2 rounded px-2 text-left hover:bg-surface-2 \
                aria-selected:bg-accent-soft"
                on:click=move |_| go.run(place.href)
            >
                <Glyph icon=place.icon />
                {place.label}
            </button>
        }
    };
    view! {
        <input
            node_ref=input
            type="search"
            role="combobox"
            aria-label="Type the name of a place"
            aria-controls="palette-list"
            aria-expanded="true"
            aria-activedescendant=move || format!("palette-{}", chosen.get())
            class="h-9 w-full rounded border border-line-strong bg-surface-1 px-2.5"
            placeholder="Inbox, Runs, …"
            on:input=move |event| {
                typed.set(event_target_value(&event));
                chosen.set(0);
            }
            on:keydown=keys
        />
        <div id="palette-list" role="listbox" aria-label="Places" class="mt-2 flex flex-col">
            {move || found(&typed.get()).into_iter().enumerate().map(row).collect_view()}
        </div>
        <p class="text-text-3" class:hidden=move || !found(&typed.get()).is_empty()>
            "No place has this name"
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_a_place() {
        let labels = |typed| found(typed).iter().map(|place| place.label).collect::<Vec<_>>();
        assert_eq!(labels("wor"), ["Workflows"]);
        assert_eq!(labels("  IN"), ["Inbox", "Settings"]);
        assert_eq!(labels("").len(), PLACES.len());
        assert!(labels("nowhere at all").is_empty());
    }
}

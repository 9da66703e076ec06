//! The palette: search, choose, and the step is added where the palette was asked for.

pub mod entries;

use super::Editor;
use crate::canvas::view::kind_icon;
use crate::ui::{Dialog, Glyph};
use entries::{Entry, all, found};
use leptos::{html, prelude::*};
use signalbox::graph::KindTag;

/// Entries that show at once.
const SHOWN_MAX: usize = 60;

#[component]
pub(super) fn PaletteDialog(editor: Editor) -> impl IntoView {
    let open = RwSignal::new(false);
    // The dialog closes itself; the place is what opens it.
    Effect::new(move |_| {
        let wanted = editor.palette.with(Option::is_some);
        if untrack(|| open.get()) != wanted {
            open.set(wanted);
        }
    });
    Effect::new(move |_| {
        if !open.get() && editor.palette.with_untracked(Option::is_some) {
            editor.palette.set(None);
        }
    });
    view! {
        <Dialog open=open title="Add a step" width="max-w-xl">
            <Palette editor=editor open=open />
        </Dialog>
    }
}

#[component]
fn Palette(editor: Editor, open: RwSignal<bool>) -> impl IntoView {
    let canvas = editor.canvas;
    // A new step that something leads to cannot be the trigger.
    let joined = editor.palette.with_untracked(|place| {
        place.as_ref().is_some_and(|place| place.from.is_some() || place.on_edge.is_some())
    });
    let has_trigger = canvas.with_document(|document| document.graph().trigger().is_some());
    let entries = all(signalbox::tool::catalogue(), has_trigger || joined);
    let entries = StoredValue::new(entries);
    let search = RwSignal::new(String::new());
    let at = RwSignal::new(0usize);
    let shown = Memo::new(move |_| {
        let mut list = entries.with_value(|entries| found(entries, &search.get()));
        list.truncate(SHOWN_MAX);
        list
    });
    let add = move |entry: Entry| {
        let place = editor.palette.get_untracked().unwrap_or_default();
        open.set(false);
        // An end needs no name of its own; a tool is called what it does.
        let label = if entry.kind.tag() == KindTag::End { String::new() } else { entry.label };
        canvas.add_node(entry.kind, label, &place);
    };
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            // Focusing an attached element does not fail.
            let _ = input.focus();
        }
    });
    let keys = move |event: web_sys::KeyboardEvent| {
        let count = shown.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" if count > 0 => at.update(|at| *at = (*at + 1) % count),
            "ArrowUp" if count > 0 => at.update(|at| *at = (*at + count - 1) % count),
            "Enter" => {
                let chosen = shown.with_untracked(|list| list.get(at.get_untracked()).cloned());
                if let Some(entry) = chosen {
                    add(entry);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="flex flex-col gap-2" on:keydown=keys>
            <input
                node_ref=input
                type="search"
                role="combobox"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-activedescendant=move || format!("palette-{}", at.get())
                aria-label="Search steps"
                placeholder="Search steps"
                class="h-9 w-full rounded border border-line-strong bg-surface-1 px-2.5"
                data-testid="palette-search"
                prop:value=move || search.get()
                on:input=move |event| {
                    search.set(event_target_value(&event));
                    at.set(0);
                }
            />
            <div id="palette-list" role="listbox" aria-label="Steps" class="flex max-h-96 flex-col overflow-y-auto">
                {move || rows(shown.get(), !search.with(String::is_empty), at, add)}
            </div>
        </div>
    }
}

/// The rows, with a heading before each group unless they are sorted by fit.
fn rows(
    entries: Vec<Entry>,
    searching: bool,
    at: RwSignal<usize>,
    add: impl Fn(Entry) + Copy + Send + Sync + 'static,
) -> AnyView {
    if entries.is_empty() {
        return view! { <p class="p-3 text-text-3">"Nothing is called so. Try another word."</p> }
            .into_any();
    }
    let mut group = "";
    let mut views = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        if !searching && entry.group != group {
            group = entry.group;
            let heading = view! {
                <div role="presentation" class="px-2 pt-2 pb-1 text-xs font-medium text-text-3">{group}</div>
            };
            views.push(heading.into_any());
        }
        views.push(view! { <EntryRow entry=entry index=index at=at add=add /> }.into_any());
    }
    views.into_any()
}

#[component]
fn EntryRow(
    entry: Entry,
    index: usize,
    at: RwSignal<usize>,
    add: impl Fn(Entry) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let icon = kind_icon(&entry.kind);
    let row = NodeRef::<html::Button>::new();
    Effect::new(move |_| {
        if at.get() == index
            && let Some(row) = row.get()
        {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            row.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
    let chosen = entry.clone();
    view! {
        <button
            node_ref=row
            type="button"
            role="option"
            tabindex="-1"
            id=format!("palette-{index}")
            aria-selected=move || if at.get() == index { "true" } else { "false" }
            class="target flex items-start gap-2.5 rounded px-2 py-1.5 text-left hover:bg-surface-2 \
            aria-selected:bg-accent-soft"
            on:click=move |_| add(chosen.clone())
        >
            <span class="mt-0.5 text-text-2">
                <Glyph icon=icon />
            </span>
            <span class="flex min-w-0 flex-col">
                <span class="font-medium">{entry.label.clone()}</span>
                <span class="text-xs text-text-3">{entry.help.clone()}</span>
            </span>
            <span class="ml-auto pl-2 text-xs whitespace-nowrap text-text-3">{entry.ports()}</span>
        </button>
    }
}

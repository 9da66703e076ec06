//! A row of tabs; the page shows what belongs to the active one. Arrow keys move; where there is no room it scrolls.

use super::bind::Bind;
use leptos::{ev::KeyboardEvent, prelude::*, wasm_bindgen::JsCast};

/// One tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabItem {
    /// Its id; the panel has `id="{id}-panel"` and `aria-labelledby="{id}-tab"`.
    pub id: &'static str,
    /// The words.
    pub label: &'static str,
}

/// The row of tabs.
#[component]
pub fn TabBar(
    /// What the tabs choose between, for screen readers.
    #[prop(into)]
    label: String,
    /// The tabs.
    items: Vec<TabItem>,
    /// The id of the active tab.
    #[prop(into)]
    active: Bind<&'static str>,
) -> impl IntoView {
    let ids: Vec<&'static str> = items.iter().map(|item| item.id).collect();
    let keys = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => ids.len().saturating_sub(1),
            _ => return,
        };
        let at = ids.iter().position(|id| *id == active.get_untracked()).unwrap_or(0);
        let next = ids[(at + step) % ids.len()];
        active.set(next);
        let tab = document().get_element_by_id(&format!("{next}-tab"));
        if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = tab.focus();
        }
    };
    let tab = move |item: TabItem| {
        let on = move || active.get() == item.id;
        view! {
            <button
                type="button"
                role="tab"
                id=format!("{}-tab", item.id)
                // The others have no panel as long as they are not chosen.
                aria-controls=move || on().then(|| format!("{}-panel", item.id))
                aria-selected=move || if on() { "true" } else { "false" }
                tabindex=move || if on() { "0" } else { "-1" }
                class="target h-9 shrink-0 border-b-2 border-transparent px-3 whitespace-nowrap text-text-2 hover:text-text-1 \
                aria-selected:border-accent aria-selected:font-medium aria-selected:text-text-1"
                on:click=move |_| active.set(item.id)
            >
                {item.label}
            </button>
        }
    };
    view! {
        <div
            role="tablist"
            aria-label=label
            class="flex gap-1 overflow-x-auto border-b border-line [scrollbar-width:none]"
            on:keydown=keys
        >
            {items.into_iter().map(tab).collect_view()}
        </div>
    }
}

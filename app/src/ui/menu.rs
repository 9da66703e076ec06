//! A button that opens a list of actions. Arrow keys move, Escape and leaving close it.

use super::button::IconButton;
use super::icon::{Glyph, Icon};
use leptos::{
    ev::{FocusEvent, KeyboardEvent},
    html,
    prelude::*,
    wasm_bindgen::JsCast,
};

/// One action of a menu.
#[derive(Clone)]
pub struct MenuItem {
    label: String,
    icon: Option<Icon>,
    danger: bool,
    on_select: Callback<()>,
}

impl MenuItem {
    /// An action with its words.
    pub fn new(label: impl Into<String>, on_select: impl Fn() + Send + Sync + 'static) -> Self {
        MenuItem {
            label: label.into(),
            icon: None,
            danger: false,
            on_select: Callback::new(move |()| on_select()),
        }
    }

    /// With an icon before the words.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Marked as destroying something.
    pub fn danger(mut self) -> Self {
        self.danger = true;
        self
    }
}

/// Moves the focus among the siblings of the focused item; wraps around.
fn step_focus(event: &KeyboardEvent, forward: bool) {
    event.prevent_default();
    let item = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(item) = item else { return };
    let next = if forward { item.next_element_sibling() } else { item.previous_element_sibling() };
    let wrapped = next.or_else(|| {
        let list = item.parent_element()?;
        if forward { list.first_element_child() } else { list.last_element_child() }
    });
    if let Some(next) = wrapped.and_then(|next| next.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Focusing an attached element does not fail.
        let _ = next.focus();
    }
}

/// The button and its list.
#[component]
pub fn Menu(
    /// What the menu is for, read aloud and shown on hover.
    #[prop(into)]
    label: String,
    /// The button's icon.
    #[prop(default = Icon::More)]
    icon: Icon,
    /// The actions.
    #[prop(into)]
    items: Signal<Vec<MenuItem>>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let root = NodeRef::<html::Div>::new();
    let list = NodeRef::<html::Div>::new();
    Effect::new(move || {
        let first = list.get().and_then(|list| list.first_element_child());
        if let Some(first) = first.and_then(|first| first.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = first.focus();
        }
    });
    let close_to_button = move || {
        open.set(false);
        let button = root.get_untracked().and_then(|root| root.first_element_child());
        if let Some(button) = button.and_then(|b| b.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = button.focus();
        }
    };
    let keys = move |event: KeyboardEvent| match event.key().as_str() {
        "Escape" if open.get_untracked() => {
            event.stop_propagation();
            close_to_button();
        }
        "ArrowDown" if open.get_untracked() => step_focus(&event, true),
        "ArrowUp" if open.get_untracked() => step_focus(&event, false),
        _ => {}
    };
    let leave = move |event: FocusEvent| {
        let to = event.related_target().and_then(|to| to.dyn_into::<web_sys::Node>().ok());
        let inside = root.get_untracked().is_some_and(|root| root.contains(to.as_ref()));
        if !inside {
            open.set(false);
        }
    };
    let row = move |item: MenuItem| {
        let tone = if item.danger { "text-stop" } else { "text-text-1" };
        view! {
            <button
                type="button"
                role="menuitem"
                tabindex="-1"
                class=format!(
                    "target flex w-full items-center gap-2 rounded-sm px-2 py-1.5 text-left hover:bg-surface-2 \
                    focus:bg-surface-2 {tone}",
                )
                on:click=move |_| {
                    close_to_button();
                    item.on_select.run(());
                }
            >
                {item.icon.map(|icon| view! { <Glyph icon=icon /> })}
                {item.label}
            </button>
        }
    };
    view! {
        <div node_ref=root class="relative inline-flex" on:keydown=keys on:focusout=leave>
            <IconButton
                icon=icon
                label=label
                attr:aria-haspopup="menu"
                attr:aria-expanded=move || if open.get() { "true" } else { "false" }
                on_click=move |_| open.update(|open| *open = !*open)
            />
            <Show when=move || open.get()>
                <div
                    node_ref=list
                    role="menu"
                    class="absolute top-full right-0 z-20 mt-1 min-w-44 rounded border border-line bg-surface-1 \
                    p-1 shadow-float"
                >
                    {move || items.get().into_iter().map(row).collect_view()}
                </div>
            </Show>
        </div>
    }
}

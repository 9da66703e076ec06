//! Buttons and links that look like buttons. A button that is waiting keeps its width and its
//! focus and ignores clicks. Absent: menus (`menu`), toggles (`choice`).

use super::icon::{Glyph, Icon};
use super::progress::Spinner;
use leptos::{ev::MouseEvent, prelude::*};
use leptos_router::components::A;

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing this place is for; at most one in sight.
    Primary,
    /// Everything else.
    #[default]
    Secondary,
    /// In toolbars and rows, where boxes would be noise.
    Quiet,
    /// Destroys or rejects.
    Danger,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            ButtonKind::Primary => {
                "border-transparent bg-accent text-on-accent hover:bg-accent-strong"
            }
            ButtonKind::Secondary => {
                "border-line-strong bg-surface-1 text-text-1 hover:bg-surface-2 active:bg-surface-3"
            }
            ButtonKind::Quiet => {
                "border-transparent text-text-2 hover:bg-surface-2 hover:text-text-1 active:bg-surface-3"
            }
            ButtonKind::Danger => "border-transparent bg-stop text-on-stop hover:brightness-110",
        }
    }
}

const BUTTON: &str = "target inline-flex h-8 items-center justify-center gap-1.5 rounded border px-3 \
    text-base font-medium whitespace-nowrap select-none transition-colors duration-150 \
    disabled:opacity-50 aria-disabled:opacity-60 aria-disabled:cursor-default";

const SQUARE: &str = "target inline-flex size-8 items-center justify-center rounded border \
    transition-colors duration-150 disabled:opacity-50 aria-disabled:opacity-60";

/// A button with a word on it.
#[component]
pub fn Button(
    /// How much it asks for attention.
    #[prop(optional)]
    kind: ButtonKind,
    /// An icon before the word.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// True while the work it started is going on: shows a spinner and ignores clicks.
    #[prop(optional, into)]
    pending: Signal<bool>,
    /// True when it cannot be used now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// `button`, or `submit` inside a form.
    #[prop(default = "button")]
    button_type: &'static str,
    /// The exact tooltip, such as why it is disabled or its key.
    #[prop(optional, into)]
    title: Option<String>,
    /// Called on click, not while pending.
    #[prop(optional, into)]
    on_click: Option<Callback<MouseEvent>>,
    /// The word.
    children: Children,
) -> impl IntoView {
    let click = move |event: MouseEvent| {
        if pending.get_untracked() {
            event.prevent_default();
        } else if let Some(on_click) = on_click {
            on_click.run(event);
        }
    };
    view! {
        <button
            type=button_type
            class=format!("{BUTTON} {}", kind.class())
            title=title
            disabled=move || disabled.get()
            aria-disabled=move || pending.get().then_some("true")
            aria-busy=move || pending.get().then_some("true")
            on:click=click
        >
            {move || match (pending.get(), icon) {
                (true, _) => Some(view! { <Spinner /> }.into_any()),
                (false, Some(icon)) => Some(view! { <Glyph icon=icon /> }.into_any()),
                (false, None) => None,
            }}
            {children()}
        </button>
    }
}

/// A button that is only an icon. Its label is read aloud and shown on hover.
#[component]
pub fn IconButton(
    /// The icon.
    #[prop(into)]
    icon: Signal<Icon>,
    /// What it does, as words.
    #[prop(into)]
    label: Signal<String>,
    /// How much it asks for attention; quiet unless said.
    #[prop(default = ButtonKind::Quiet)]
    kind: ButtonKind,
    /// True when it cannot be used now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// For a button that is on or off: whether it is on.
    #[prop(optional, into)]
    pressed: Option<Signal<bool>>,
    /// Called on click.
    #[prop(into)]
    on_click: Callback<MouseEvent>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=format!(
                "{SQUARE} {} aria-pressed:bg-accent-soft aria-pressed:text-accent",
                kind.class(),
            )
            title=move || label.get()
            aria-label=move || label.get()
            aria-pressed=move || {
                pressed.map(|pressed| if pressed.get() { "true" } else { "false" })
            }
            disabled=move || disabled.get()
            on:click=move |event| on_click.run(event)
        >
            <Glyph icon=icon />
        </button>
    }
}

/// A link that looks like a button; it goes to a place, it does nothing.
#[component]
pub fn LinkButton(
    /// Where to.
    #[prop(into)]
    href: String,
    /// How much it asks for attention.
    #[prop(optional)]
    kind: ButtonKind,
    /// An icon before the word.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// The word.
    children: Children,
) -> impl IntoView {
    view! {
        <A href=href attr:class=format!("{BUTTON} {}", kind.class())>
            {icon.map(|icon| view! { <Glyph icon=icon /> })}
            {children()}
        </A>
    }
}

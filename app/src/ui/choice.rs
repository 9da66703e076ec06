//! Controls that choose: checkbox, toggle, select. All are the browser's own, so that keyboard
//! and screen readers work as people know them.

use super::bind::Bind;
use super::field::{CONTROL, Field, described_by, invalid};
use leptos::prelude::*;

/// A box to tick, for one of several things or for a form that is sent later.
#[component]
pub fn Checkbox(
    /// Id and form name, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// Whether it is ticked.
    #[prop(into)]
    value: Bind<bool>,
    /// A line that explains it.
    #[prop(optional, into)]
    help: Option<String>,
    /// True when it cannot be changed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let describe = format!("{name}-help");
    view! {
        <div class="flex flex-col gap-1">
            <label class="flex items-center gap-2">
                <input
                    id=name.clone()
                    name=name
                    type="checkbox"
                    class="size-4 accent-(--accent)"
                    checked=value.get_untracked()
                    prop:checked=move || value.get()
                    disabled=move || disabled.get()
                    aria-describedby=describe.clone()
                    on:change=move |event| value.set(event_target_checked(&event))
                />
                <span>{label}</span>
            </label>
            <p id=describe class="text-xs text-text-3 empty:hidden">{help}</p>
        </div>
    }
}

/// A switch, for a setting that takes effect at once.
#[component]
pub fn Toggle(
    /// Id, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// Whether it is on.
    #[prop(into)]
    value: Bind<bool>,
    /// True when it cannot be changed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <button
            id=name
            type="button"
            role="switch"
            class="target group flex items-center gap-2 rounded disabled:opacity-50"
            aria-checked=move || if value.get() { "true" } else { "false" }
            disabled=move || disabled.get()
            on:click=move |_| value.set(!value.get_untracked())
        >
            <span class="flex h-5 w-9 items-center rounded-full border border-line-strong bg-surface-3 px-0.5 \
            transition-colors duration-150 group-aria-checked:border-accent group-aria-checked:bg-accent">
                <span class="size-3.5 rounded-full bg-surface-1 shadow-float transition-transform duration-150 \
                group-aria-checked:translate-x-4"></span>
            </span>
            <span>{label}</span>
        </button>
    }
}

/// One thing that can be selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectOption {
    /// The value it stands for.
    pub value: String,
    /// The words.
    pub label: String,
}

impl SelectOption {
    /// A value and its words.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        SelectOption { value: value.into(), label: label.into() }
    }
}

/// One of a list.
#[component]
pub fn SelectField(
    /// Id and form name, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The value of the selected option.
    #[prop(into)]
    value: Bind<String>,
    /// What there is to select.
    #[prop(into)]
    options: Signal<Vec<SelectOption>>,
    /// A line that explains it.
    #[prop(optional, into)]
    help: Option<String>,
    /// What is wrong with the selection.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// True when it cannot be changed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let describe = described_by(&name);
    let option = move |option: SelectOption| {
        let own = option.value.clone();
        let selected = move || value.get() == own;
        view! { <option value=option.value selected=selected>{option.label}</option> }
    };
    view! {
        <Field name=name.clone() label=label help=help error=error>
            <select
                id=name.clone()
                name=name
                class=format!("target h-8 {CONTROL}")
                disabled=move || disabled.get()
                aria-describedby=describe
                aria-invalid=invalid(error)
                prop:value=move || value.get()
                on:change=move |event| value.set(event_target_value(&event))
            >
                {move || options.get().into_iter().map(option).collect_view()}
            </select>
        </Field>
    }
}

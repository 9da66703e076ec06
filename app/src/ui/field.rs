//! Text controls with their label, help and error. `name` must be unique on the page: ids are
//! made from it, so that the server and the browser agree. Absent: validation itself.

use super::bind::Bind;
use leptos::prelude::*;

pub(super) const CONTROL: &str = "w-full rounded border border-line-strong bg-surface-1 px-2.5 text-base \
    text-text-1 aria-invalid:border-stop disabled:bg-surface-2 disabled:text-text-3";

/// What belongs to every control. The control itself has `id = name`, and
/// `aria-describedby` = `{name}-help {name}-error`.
#[component]
pub fn Field(
    /// The control's id.
    #[prop(into)]
    name: String,
    /// Its label.
    #[prop(into)]
    label: String,
    /// A line that explains it.
    #[prop(optional_no_strip)]
    help: Option<String>,
    /// What is wrong with the value, when something is.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// Marks the label as optional.
    #[prop(optional)]
    optional: bool,
    /// The control.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex flex-col gap-1">
            <label for=name.clone() class="text-sm font-medium">
                {label}
                {optional.then(|| view! { <span class="font-normal text-text-3">" (optional)"</span> })}
            </label>
            {children()}
            <p id=format!("{name}-help") class="text-xs text-text-3 empty:hidden">{help}</p>
            <p id=format!("{name}-error") class="text-xs text-stop empty:hidden" aria-live="polite">
                {move || error.get()}
            </p>
        </div>
    }
}

pub(super) fn described_by(name: &str) -> String {
    format!("{name}-help {name}-error")
}

pub(super) fn invalid(error: Signal<Option<String>>) -> impl Fn() -> Option<&'static str> + Copy {
    move || error.with(Option::is_some).then_some("true")
}

/// One line of text.
#[component]
pub fn TextInput(
    /// Id and form name, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The text.
    #[prop(into)]
    value: Bind<String>,
    /// `text`, `email`, `password`, `number`, `url`, `search`, `datetime-local`.
    #[prop(default = "text")]
    input_type: &'static str,
    /// A line that explains it.
    #[prop(optional, into)]
    help: Option<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// An example, grey while empty.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// What the browser may fill in, such as `username`.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// Marks the label as optional.
    #[prop(optional)]
    optional: bool,
    /// True when it cannot be changed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Shows the text in the monospace face: ids, expressions.
    #[prop(optional)]
    mono: bool,
) -> impl IntoView {
    let face = if mono { "font-mono text-sm" } else { "" };
    let describe = described_by(&name);
    view! {
        <Field name=name.clone() label=label help=help error=error optional=optional>
            <input
                id=name.clone()
                name=name
                type=input_type
                class=format!("target h-8 {CONTROL} {face}")
                prop:value=move || value.get()
                value=value.get_untracked()
                placeholder=placeholder
                autocomplete=autocomplete
                required=required
                disabled=move || disabled.get()
                aria-describedby=describe
                aria-invalid=invalid(error)
                on:input=move |event| value.set(event_target_value(&event))
            />
        </Field>
    }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    /// Id and form name, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The text.
    #[prop(into)]
    value: Bind<String>,
    /// Height in lines.
    #[prop(default = 4)]
    rows: u32,
    /// A line that explains it.
    #[prop(optional, into)]
    help: Option<String>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// An example, grey while empty.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// Marks the label as optional.
    #[prop(optional)]
    optional: bool,
    /// True when it cannot be changed now.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// Shows the text in the monospace face.
    #[prop(optional)]
    mono: bool,
) -> impl IntoView {
    let face = if mono { "font-mono text-sm" } else { "" };
    let describe = described_by(&name);
    view! {
        <Field name=name.clone() label=label help=help error=error optional=optional>
            <textarea
                id=name.clone()
                name=name
                rows=rows
                class=format!("py-1.5 {CONTROL} {face}")
                prop:value=move || value.get()
                placeholder=placeholder
                disabled=move || disabled.get()
                aria-describedby=describe
                aria-invalid=invalid(error)
                on:input=move |event| value.set(event_target_value(&event))
            >
                {value.get_untracked()}
            </textarea>
        </Field>
    }
}

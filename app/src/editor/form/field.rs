//! The frame of a form control in the side panel: label, required mark, help, and what is wrong.

use crate::ui::{Glyph, Icon};
use leptos::prelude::*;

/// The look of text controls in forms.
pub const CONTROL: &str = "w-full rounded border border-line-strong bg-surface-1 px-2 py-1 text-base text-text-1 \
    aria-invalid:border-stop disabled:bg-surface-2";

/// A label with its control. The control's id is `name`; its `aria-describedby` should be
/// `{name}-about`.
#[component]
pub fn Labelled(
    /// The control's id, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// What it is for.
    #[prop(optional, into)]
    help: String,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// What is wrong with what stands in it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// The control.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex flex-col gap-1">
            <label for=name.clone() class="text-sm font-medium">
                {label}
                {required.then(|| view! { <span class="font-normal text-text-3">" (required)"</span> })}
            </label>
            {children()}
            <div id=format!("{name}-about") class="flex flex-col gap-0.5 text-xs">
                {(!help.is_empty()).then(|| view! { <p class="text-text-3">{help}</p> })}
                {move || {
                    error
                        .get()
                        .map(|words| {
                            view! {
                                <p class="flex items-start gap-1 text-stop">
                                    <Glyph icon=Icon::Alert class="mt-0.5 size-3" />
                                    <span>{words}</span>
                                </p>
                            }
                        })
                }}
            </div>
        </div>
    }
}

/// For `aria-invalid`.
pub fn invalid(
    error: Signal<Option<String>>,
) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync {
    move || error.with(Option::is_some).then_some("true")
}

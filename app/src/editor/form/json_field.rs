//! A field for JSON: lists, objects, and whatever a schema does not say. Text that is not JSON stays
//! in the field and is not handed on, so that the value never becomes something else.

use super::field::{CONTROL, Labelled, invalid};
use super::model::{json_from, shown_json};
use leptos::prelude::*;
use serde_json::Value;

/// The field.
#[component]
pub fn JsonField(
    /// Id, unique on the page.
    #[prop(into)]
    name: String,
    /// The label.
    #[prop(into)]
    label: String,
    /// The value; null is absent.
    #[prop(into)]
    value: Signal<Value>,
    /// Called with each value that is JSON; none when the field was emptied.
    #[prop(into)]
    on_change: Callback<Option<Value>>,
    /// What it is for.
    #[prop(optional, into)]
    help: String,
    /// Grey while empty.
    #[prop(optional, into)]
    hint: String,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// Height in lines.
    #[prop(default = 4)]
    rows: u32,
    /// True when it cannot be changed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let text = RwSignal::new(value.with_untracked(shown_json));
    let parsed = Memo::new(move |_| json_from(&text.get()));
    let error = Signal::derive(move || parsed.with(|parsed| parsed.as_ref().err().cloned()));
    // A change from outside (undo, another field) replaces the text; one's own does not.
    Effect::new(move || {
        let value = value.get();
        let same = untrack(|| match parsed.get() {
            Ok(own) => own.unwrap_or(Value::Null) == value,
            Err(_) => true,
        });
        if !same {
            text.set(shown_json(&value));
        }
    });
    let typed = move |event| {
        text.set(event_target_value(&event));
        if let Ok(value) = parsed.get_untracked() {
            on_change.run(value);
        }
    };
    let about = format!("{name}-about");
    view! {
        <Labelled name=name.clone() label=label help=help required=required error=error>
            <textarea
                id=name.clone()
                name=name
                rows=rows
                class=format!("{CONTROL} font-mono text-sm")
                placeholder=hint
                spellcheck="false"
                disabled=move || disabled.get()
                aria-describedby=about
                aria-invalid=invalid(error)
                prop:value=move || text.get()
                on:input=typed
            >
                {text.get_untracked()}
            </textarea>
        </Labelled>
    }
}

//! An end: the outcome's word, the output, whether parallel work is waited for.

use crate::editor::form::{JsonField, Language, TemplateField};
use crate::editor::panel::step::{Step, setting};
use crate::ui::Checkbox;
use leptos::prelude::*;
use serde_json::Value;

#[component]
pub(super) fn EndForm(step: Step) -> impl IntoView {
    let output = setting!(step, End.output);
    view! {
        <TemplateField
            name="end-outcome"
            label="Outcome"
            help="A word for lists and counts."
            hint="completed"
            value=setting!(step, End.outcome)
            language=Language::Template
            variables=step.variables
            disabled=step.readonly()
        />
        <JsonField
            name="end-output"
            label="Output of the run"
            help="JSON whose texts are templates, or one template. Empty: the last step's output."
            value=Signal::derive(move || output.get())
            on_change=Callback::new(move |value: Option<Value>| output.set(value.unwrap_or(Value::Null)))
            disabled=step.readonly()
        />
        <Checkbox
            name="end-terminate"
            label="Do not wait for parallel work"
            value=setting!(step, End.terminate)
            disabled=step.readonly()
        />
    }
}

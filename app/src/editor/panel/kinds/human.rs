//! A person's part: what is asked, what is shown, the form, the deadline.

use crate::editor::form::{JsonField, Language, TemplateField};
use crate::editor::panel::duration_field::DurationField;
use crate::editor::panel::step::{Step, setting};
use crate::ui::{SelectField, SelectOption};
use leptos::prelude::*;
use serde_json::Value;
use signalbox::graph::{HumanMode, NodeKind};

#[component]
pub(super) fn HumanForm(step: Step) -> impl IntoView {
    let mode = step.bind(
        "mode",
        |kind| {
            match kind {
                NodeKind::Human(settings) => match settings.mode {
                    HumanMode::Approve => "approve",
                    HumanMode::Answer => "answer",
                    HumanMode::Review => "review",
                },
                _ => "",
            }
            .to_owned()
        },
        |kind, word: String| {
            if let NodeKind::Human(settings) = kind {
                settings.mode = match word.as_str() {
                    "answer" => HumanMode::Answer,
                    "review" => HumanMode::Review,
                    _ => HumanMode::Approve,
                };
            }
        },
    );
    let options = vec![
        SelectOption::new("approve", "Approves or rejects"),
        SelectOption::new("answer", "Fills in a form"),
        SelectOption::new("review", "Looks at something and may change it"),
    ];
    let which = Memo::new(move |_| mode.get());
    let details = setting!(step, Human.details);
    let form = setting!(step, Human.form);
    let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
    view! {
        <SelectField name="human-mode" label="The person" value=mode options=options disabled=step.readonly() />
        <TemplateField
            name="human-prompt"
            label="Question or instruction"
            value=setting!(step, Human.prompt)
            language=Language::Template
            variables=step.variables
            rows=3
            required=true
            disabled=step.readonly()
        />
        <JsonField
            name="human-details"
            label="What is shown beside it"
            help="JSON whose texts are templates, or one template."
            value=Signal::derive(move || details.get())
            on_change=Callback::new(move |value| details.set(or_null(value)))
            disabled=step.readonly()
        />
        <Show when=move || which.with(|word| word == "answer")>
            <JsonField
                name="human-form"
                label="Form"
                help="A JSON schema of the answer: each property becomes a field."
                value=Signal::derive(move || form.get())
                on_change=Callback::new(move |value| form.set(or_null(value)))
                rows=8
                disabled=step.readonly()
            />
        </Show>
        <DurationField
            name="human-expires"
            label="Expires after"
            help="Then it counts as not given. Empty: never."
            value=setting!(step, Human.expires_after_ms)
            disabled=step.readonly()
        />
    }
}

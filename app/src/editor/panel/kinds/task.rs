//! A task: who does it, what is to be done, what comes back, how long a claim holds.

use crate::editor::form::{JsonField, Language, TemplateField};
use crate::editor::panel::duration_field::DurationField;
use crate::editor::panel::step::{Step, setting};
use crate::ui::{SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use serde_json::Value;
use signalbox::graph::{NodeKind, TaskExecutor};

#[component]
pub(super) fn TaskForm(step: Step) -> impl IntoView {
    let executor = step.bind(
        "executor",
        |kind| match kind {
            NodeKind::Task(settings) => settings.executor.as_str().to_owned(),
            _ => String::new(),
        },
        |kind, word: String| {
            if let NodeKind::Task(settings) = kind {
                settings.executor = match word.as_str() {
                    "plugin" => TaskExecutor::Plugin,
                    "system" => TaskExecutor::System,
                    _ => TaskExecutor::Agent,
                };
            }
        },
    );
    let options = vec![
        SelectOption::new("agent", "An outside agent"),
        SelectOption::new("plugin", "A plugin"),
        SelectOption::new("system", "Another system"),
    ];
    let input = setting!(step, Task.input);
    let schema = setting!(step, Task.output_schema);
    let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
    view! {
        <SelectField name="task-executor" label="Done by" value=executor options=options disabled=step.readonly() />
        <TextInput
            name="task-worker"
            label="Worker"
            help="The name that workers claim it by. Empty: any of the kind."
            value=setting!(step, Task.worker)
            mono=true
            disabled=step.readonly()
        />
        <TemplateField
            name="task-instructions"
            label="Instructions"
            value=setting!(step, Task.instructions)
            language=Language::Template
            variables=step.variables
            rows=4
            required=true
            disabled=step.readonly()
        />
        <JsonField
            name="task-input"
            label="Input"
            help="JSON whose texts are templates, or one template. Empty: the last step's output."
            value=Signal::derive(move || input.get())
            on_change=Callback::new(move |value| input.set(or_null(value)))
            disabled=step.readonly()
        />
        <JsonField
            name="task-schema"
            label="Schema of the result"
            help="A JSON schema. Empty: anything."
            value=Signal::derive(move || schema.get())
            on_change=Callback::new(move |value| schema.set(or_null(value)))
            disabled=step.readonly()
        />
        <DurationField
            name="task-lease"
            label="A claim holds"
            help="Without a heartbeat of the worker; then another may claim it. Empty: one minute."
            value=setting!(step, Task.lease_ms)
            disabled=step.readonly()
        />
        <DurationField
            name="task-claim-within"
            label="Must be claimed within"
            help="Then it fails. Empty: it waits for ever."
            value=setting!(step, Task.claim_within_ms)
            disabled=step.readonly()
        />
    }
}

//! The workflow's own settings: what it is for, its variables, its limits.

use super::duration_field::DurationField;
use crate::editor::Editor;
use crate::editor::form::JsonField;
use crate::ui::{Bind, TextArea, TextInput};
use leptos::prelude::*;
use serde_json::{Map, Value};
use signalbox::graph::Settings;

#[component]
pub(super) fn WorkflowForm(editor: Editor) -> impl IntoView {
    let canvas = editor.canvas;
    let settings = Memo::new(move |_| {
        canvas.version.track();
        canvas.with_document(|document| document.graph().settings.clone())
    });
    let counts = move || {
        canvas.version.track();
        canvas.with_document(|document| {
            let graph = document.graph();
            format!("{} steps, {} connections", graph.nodes.len(), graph.edges.len())
        })
    };
    let variables = move || {
        settings.with(|settings| match settings.variables.is_empty() {
            true => Value::Null,
            false => Value::Object(settings.variables.clone()),
        })
    };
    let set_variables = move |value: Option<Value>| {
        // Anything but an object has no names and is left in the field.
        if let Value::Object(map) = value.unwrap_or(Value::Object(Map::new())) {
            canvas.change_settings(|settings| settings.variables = map);
        }
    };
    let secrets =
        move || settings.with(|settings| settings.secrets.keys().cloned().collect::<Vec<_>>());
    let limit = Bind::new(
        Signal::derive(move || settings.with(|settings| settings.timeout_ms)),
        move |ms| {
            canvas.change_settings(|settings| settings.timeout_ms = ms);
        },
    );
    view! {
        <div class="flex flex-col gap-4 p-4">
            <TextArea
                name="workflow-description"
                label="What it is for"
                value=editor.description
                rows=4
                optional=true
                disabled=canvas.readonly
            />
            <p class="text-sm text-text-2">{counts}</p>
            <JsonField
                name="workflow-variables"
                label="Variables"
                help="A JSON object: what every run starts with. Templates name them as variables.<name>."
                hint=r#"{"greeting": "Hello"}"#
                value=Signal::derive(variables)
                on_change=Callback::new(set_variables)
                disabled=canvas.readonly
            />
            {move || {
                let names = secrets();
                (!names.is_empty())
                    .then(|| {
                        view! {
                            <div class="flex flex-col gap-1 text-sm">
                                <h3 class="font-medium">"Secrets"</h3>
                                <ul class="font-mono">
                                    {names.into_iter().map(|name| view! { <li>{name}</li> }).collect_view()}
                                </ul>
                            </div>
                        }
                    })
            }}
            <DurationField
                name="workflow-limit"
                label="Time limit of a run"
                help="Working time; waiting for people and timers does not count."
                value=limit
                disabled=canvas.readonly
            />
            <Turns editor=editor settings=settings />
        </div>
    }
}

#[component]
fn Turns(editor: Editor, settings: Memo<Settings>) -> impl IntoView {
    let error = RwSignal::new(None::<String>);
    let read = move || {
        settings
            .with(|settings| settings.turns_max.map(|turns| turns.to_string()).unwrap_or_default())
    };
    let write = move |text: String| {
        let text = text.trim();
        let turns = if text.is_empty() { Ok(None) } else { text.parse::<u32>().map(Some) };
        match turns {
            Ok(turns) if turns != Some(0) => {
                error.set(None);
                editor.canvas.change_settings(|settings| settings.turns_max = turns);
            }
            _ => error.set(Some("This must be a whole number from 1 up".to_owned())),
        }
    };
    view! {
        <TextInput
            name="workflow-turns"
            label="Turns a loop back may take"
            help="Past it the run waits for a person. Empty: 1,000."
            value=Bind::new(Signal::derive(read), write)
            error=error
            disabled=editor.canvas.readonly
        />
    }
}

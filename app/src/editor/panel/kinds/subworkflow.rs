//! A run of another workflow: which, in which version, with what input.

use crate::editor::form::JsonField;
use crate::editor::panel::step::{Step, setting};
use crate::ui::{Bind, TextInput};
use leptos::prelude::*;
use serde_json::Value;
use signalbox::graph::NodeKind;

#[component]
pub(super) fn SubworkflowForm(step: Step) -> impl IntoView {
    let input = setting!(step, Subworkflow.input);
    view! {
        <TextInput
            name="subworkflow-workflow"
            label="Workflow"
            help="Its id or its key."
            value=setting!(step, Subworkflow.workflow)
            required=true
            mono=true
            disabled=step.readonly()
        />
        <Version step=step />
        <JsonField
            name="subworkflow-input"
            label="Input of its run"
            help="JSON whose texts are templates, or one template. Empty: the last step's output."
            value=Signal::derive(move || input.get())
            on_change=Callback::new(move |value: Option<Value>| input.set(value.unwrap_or(Value::Null)))
            disabled=step.readonly()
        />
    }
}

#[component]
fn Version(step: Step) -> impl IntoView {
    let error = RwSignal::new(None::<String>);
    let read = move || {
        step.node.with(|node| match &node.kind {
            NodeKind::Subworkflow(settings) => settings.version.map(|version| version.to_string()),
            _ => None,
        })
    };
    let value =
        Bind::new(Signal::derive(move || read().unwrap_or_default()), move |text: String| {
            let text = text.trim();
            let version = if text.is_empty() { Ok(None) } else { text.parse::<u32>().map(Some) };
            match version {
                Ok(version) => {
                    error.set(None);
                    step.change("version", |kind| {
                        if let NodeKind::Subworkflow(settings) = kind {
                            settings.version = version;
                        }
                    });
                }
                Err(_) => error.set(Some("This must be the number of a version".to_owned())),
            }
        });
    view! {
        <TextInput
            name="subworkflow-version"
            label="Version"
            help="Empty: the published one."
            value=value
            error=error
            disabled=step.readonly()
        />
    }
}

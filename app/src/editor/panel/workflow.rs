//! The workflow's own settings: what it is for, its variables, its time limit.

use super::duration_field::DurationField;
use crate::editor::Editor;
use crate::ui::{Bind, TextArea};
use leptos::prelude::*;

#[component]
pub(super) fn WorkflowForm(editor: Editor) -> impl IntoView {
    let canvas = editor.canvas;
    let counts = move || {
        canvas.version.track();
        canvas.with_document(|document| {
            let graph = document.graph();
            format!("{} steps, {} connections", graph.nodes.len(), graph.edges.len())
        })
    };
    // Read only: no edit of the history changes the workflow's settings yet.
    let variables = canvas.with_document(|document| {
        let settings = &document.graph().settings;
        let names: Vec<String> = settings.variables.keys().cloned().collect();
        names
    });
    let limit = canvas.with_document(|document| document.graph().settings.timeout_ms);
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
            {(!variables.is_empty())
                .then(|| {
                    view! {
                        <div class="flex flex-col gap-1 text-sm">
                            <h3 class="font-medium">"Variables"</h3>
                            <ul class="font-mono">
                                {variables.into_iter().map(|name| view! { <li>{name}</li> }).collect_view()}
                            </ul>
                        </div>
                    }
                })}
            {limit
                .map(|_| {
                    view! {
                        <DurationField
                            name="workflow-limit"
                            label="Time limit of a run"
                            value=Bind::new(Signal::stored(limit), |_| ())
                            disabled=true
                        />
                    }
                })}
        </div>
    }
}

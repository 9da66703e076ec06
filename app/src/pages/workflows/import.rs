//! Importing a document: pasted or from a file. What is wrong with it shows before and after.

use super::Making;
use crate::api::use_client;
use crate::ui::{Button, ButtonKind, Dialog, Icon, TextArea, TextInput};
use leptos::{html, prelude::*, task::spawn_local};
use signalbox::format::{Format, Notation, detect, import};
use signalbox::graph::{CheckContext, Severity, check};
use signalbox::wire::{ImportOutcome, ImportRequest};

/// Largest document that is read here, in bytes; the server has its own limit.
const TEXT_MAX: usize = 8 * 1024 * 1024;

#[component]
pub(super) fn ImportDialog(making: Making) -> impl IntoView {
    view! {
        <Dialog open=making.import title="Import a workflow" width="max-w-2xl">
            {crate::lazy::import(making)}
        </Dialog>
    }
}

/// What a text is, in words, without asking the server.
fn look(text: &str) -> Result<String, String> {
    if text.len() > TEXT_MAX {
        return Err("This is larger than 8 MB.".to_owned());
    }
    if Notation::of(text) == Notation::Yaml {
        return Ok("YAML. It is read when you import it.".to_owned());
    }
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("This is not JSON: {error}."))?;
    let format = detect(&document).ok_or_else(|| {
        "The format is not known. A plan or a visual workflow has steps, or workflowConfig and stepsConfig.".to_owned()
    })?;
    if !Format::EVERYWHERE.contains(&format) {
        return Ok(format!("{}. It is read when you import it.", format.title()));
    }
    let imported = import(&document).map_err(|error| error.to_string())?;
    let problems = check(&imported.graph, &CheckContext::default());
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    Ok(format!(
        "{}: {} steps, {} connections, {} errors, {} warnings.",
        format.name(),
        imported.graph.nodes.len(),
        imported.graph.edges.len(),
        count(Severity::Error),
        count(Severity::Warning)
    ))
}

#[component]
pub(crate) fn ImportForm(making: Making) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let name = RwSignal::new(String::new());
    let pending = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let outcome = RwSignal::new(None::<ImportOutcome>);
    let client = StoredValue::new(use_client());
    let seen = Memo::new(move |_| {
        text.with(|text| if text.trim().is_empty() { None } else { Some(look(text)) })
    });
    let error = Signal::derive(move || {
        seen.with(|seen| seen.as_ref().and_then(|seen| seen.as_ref().err().cloned()))
    });
    let send = move |_| {
        let body = ImportRequest {
            document: serde_json::Value::String(text.get_untracked()),
            name: Some(name.get_untracked()).filter(|name| !name.trim().is_empty()),
            format: None,
        };
        pending.set(true);
        failure.set(None);
        spawn_local(async move {
            let made = client.get_value().workflow_import(&body).await;
            if pending.try_set(false).is_some() {
                return;
            }
            match made {
                Ok(made) if made.problems.is_empty() => {
                    making.import.set(false);
                    making.go.run(made.workflow.id);
                }
                Ok(made) => outcome.set(Some(made)),
                Err(error) => failure.set(Some(format!("{} {}", error.message, error.help))),
            }
        });
    };
    let unready = Memo::new(move |_| !matches!(seen.get(), Some(Ok(_))));
    view! {
        {move || match outcome.get() {
            Some(made) => view! { <Made making=making made=made /> }.into_any(),
            None => {
                view! {
                    <div class="flex flex-col gap-3">
                        <FileButton text=text failure=failure />
                        <TextArea
                            name="import-text"
                            label="Document"
                            help="Paste the JSON or YAML here, or choose a file."
                            value=text
                            rows=12
                            mono=true
                            error=error
                        />
                        {move || {
                            seen.get()
                                .and_then(Result::ok)
                                .map(|words| view! { <p class="text-sm text-text-2" data-testid="import-look">{words}</p> })
                        }}
                        <TextInput
                            name="import-name"
                            label="Name"
                            help="Empty: the document's own."
                            value=name
                            optional=true
                        />
                        <div role="alert" class="text-stop">{move || failure.get()}</div>
                        <div class="flex justify-end gap-2">
                            <Button on_click=move |_| making.import.set(false)>"Cancel"</Button>
                            <Button kind=ButtonKind::Primary pending=pending disabled=unready on_click=send>
                                "Import"
                            </Button>
                        </div>
                    </div>
                }
                    .into_any()
            }
        }}
    }
}

#[component]
fn FileButton(text: RwSignal<String>, failure: RwSignal<Option<String>>) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let chosen = move |_| {
        let file =
            input.get_untracked().and_then(|input| input.files()).and_then(|files| files.get(0));
        let Some(file) = file else { return };
        if file.size() > TEXT_MAX as f64 {
            return failure.set(Some(format!("{} is larger than 8 MB.", file.name())));
        }
        spawn_local(async move {
            let read = wasm_bindgen_futures::JsFuture::from(file.text()).await;
            match read.ok().and_then(|text| text.as_string()) {
                Some(content) => {
                    text.try_set(content);
                }
                None => {
                    failure.try_set(Some(format!("{} could not be read.", file.name())));
                }
            }
        });
    };
    view! {
        <div>
            <input
                node_ref=input
                type="file"
                accept=".json,.yaml,.yml,application/json"
                class="sr-only"
                aria-label="Choose a file"
                tabindex="-1"
                on:change=chosen
            />
            <Button
                icon=Icon::Upload
                on_click=move |_| {
                    if let Some(input) = input.get_untracked() {
                        input.click();
                    }
                }
            >
                "Choose a file"
            </Button>
        </div>
    }
}

/// It was made, but not everything is right with it.
#[component]
fn Made(making: Making, made: ImportOutcome) -> impl IntoView {
    let id = made.workflow.id;
    let open = move |_| {
        making.import.set(false);
        making.go.run(id);
    };
    view! {
        <div class="flex flex-col gap-3">
            <p>{format!("{} was imported. Worth a look:", made.workflow.name)}</p>
            <ul class="flex max-h-80 flex-col gap-1 overflow-y-auto">
                {made
                    .problems
                    .iter()
                    .map(|problem| {
                        let (word, tone) = match problem.severity {
                            Severity::Error => ("Error", "text-stop"),
                            Severity::Warning => ("Warning", "text-wait"),
                            Severity::Info => ("Hint", "text-text-2"),
                        };
                        view! {
                            <li>
                                <span class=tone>{word} ": "</span>
                                {problem.message.clone()}
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            <div class="flex justify-end">
                <Button kind=ButtonKind::Primary on_click=open>"Open it"</Button>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::look;

    #[test]
    fn a_document_is_looked_at_before_it_is_sent() {
        let words = look(
            r#"{"name": "A", "steps": [{"stepSlug": "start", "stepType": "trigger", "config": {"type": "manual"}, "nextSteps": {}}]}"#,
        );
        assert!(words.is_ok_and(|words| words.starts_with("visual-workflow: 1 steps")));
        assert!(look("{").is_err_and(|words| words.starts_with("This is not JSON")));
        assert!(look("{}").is_err_and(|words| words.starts_with("The format is not known")));
        assert!(look("name: x\nsteps: []").is_ok_and(|words| words.starts_with("YAML")));
        let plan = look(r#"{"steps": [{"id": "a", "prompt": "x"}]}"#);
        assert!(plan.is_ok_and(|words| words.starts_with("DAG plan")));
    }
}

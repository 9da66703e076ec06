//! Starting a run: the input as a form, the contacts, how it runs, and, when the draft is ahead of the newest
//! version, publishing first.

use super::autosave::Autosave;
use super::form::model::{fields, missing};
use super::form::{JsonField, SchemaForm};
use super::publish::{Failure, follow, publish};
use super::run_options::{Chosen, RunOptionsForm};
use super::{Editor, Open};
use crate::ui::{Badge, Button, ButtonKind, Checkbox, Dialog, Icon, IconButton, TextInput};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_navigate;
use serde_json::{Map, Value};
use signalbox::graph::{Graph, NodeKind};
use signalbox::id::ContactId;
use signalbox::wire::{ApiError, ErrorCode, PageQuery, RunStart, RunStarted};
use std::collections::BTreeMap;

#[component]
pub(super) fn RunDialog(editor: Editor, autosave: Autosave) -> impl IntoView {
    let open = RwSignal::new(false);
    follow(editor, Open::Run, open);
    view! {
        <Dialog open=open title=Signal::derive(move || format!("Run {}", editor.name.get()))>
            <Form editor=editor autosave=autosave />
        </Dialog>
    }
}

/// The schema of the trigger's input; null when it has none.
fn input_schema(graph: &Graph) -> Value {
    match graph.trigger().map(|node| &node.kind) {
        Some(NodeKind::Trigger(settings)) => settings.input_schema.clone(),
        _ => Value::Null,
    }
}

/// What a form starts with: the schema's defaults.
fn defaults(schema: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let with_default =
        |(name, schema): (&String, &Value)| Some((name.clone(), schema.get("default")?.clone()));
    Value::Object(properties.into_iter().flatten().filter_map(with_default).collect::<Map<_, _>>())
}

#[component]
fn Form(editor: Editor, autosave: Autosave) -> impl IntoView {
    let schema = editor.canvas.with_document(|document| input_schema(document.graph()));
    let known = fields(&schema);
    let input = RwSignal::new(defaults(&schema));
    let contacts = RwSignal::new(BTreeMap::<ContactId, String>::new());
    let chosen = Chosen::default();
    let unpublished = move || {
        let behind = editor.save.with(super::save::SaveState::is_behind);
        editor.version.get().is_none() || editor.draft_changed.get() || behind
    };
    let first = editor.version.get_untracked().is_none();
    let publish_first = RwSignal::new(untrack(unpublished));
    let pending = RwSignal::new(false);
    let failure = RwSignal::new(None::<String>);
    let navigate = StoredValue::new(use_navigate());
    let has_errors = Memo::new(move |_| editor.counts().0 > 0);
    let blocked = Memo::new(move |_| publish_first.get() && has_errors.get());
    let required = StoredValue::new(known.clone());
    // One key for one dialog: pressing twice, or again after a lost answer, starts one run.
    let key = uuid::Uuid::new_v4().to_string();
    let start = move |_| {
        let lacking =
            required.with_value(|known| input.with_untracked(|input| missing(known, input)));
        if !lacking.is_empty() {
            return failure.set(Some(format!("Fill in first: {}", lacking.join(", "))));
        }
        pending.set(true);
        failure.set(None);
        let body = RunStart {
            input: input.get_untracked(),
            contacts: contacts.with_untracked(|chosen| chosen.keys().copied().collect()),
            hitl: chosen.hitl(),
            options: chosen.options(),
            ..RunStart::default()
        };
        let (key, wanted) = (key.clone(), publish_first.get_untracked());
        spawn_local(async move {
            let started = start_run(editor, autosave, wanted, &body, &key).await;
            if pending.try_set(false).is_some() {
                return;
            }
            match started {
                Ok(run) => {
                    editor.open.set(None);
                    navigate.with_value(|go| go(&format!("/runs/{}", run.id), Default::default()));
                }
                Err(error) => failure.set(Some(format!("{} {}", error.message, error.help))),
            }
        });
    };
    let verb = move || match (publish_first.get(), chosen.dry_run.get()) {
        (true, true) => "Publish and dry run",
        (true, false) => "Publish and run",
        (false, true) => "Dry run",
        (false, false) => "Run",
    };
    view! {
        <div class="flex flex-col gap-4">
            {if known.is_empty() {
                view! {
                    <JsonField
                        name="run-input"
                        label="Input"
                        help="JSON. The trigger describes none, so anything is taken."
                        value=input
                        on_change=Callback::new(move |value: Option<Value>| {
                            input.set(value.unwrap_or(Value::Object(Map::new())));
                        })
                        rows=5
                    />
                }
                    .into_any()
            } else {
                view! {
                    <SchemaForm
                        schema=schema
                        value=input
                        on_change=Callback::new(move |value| input.set(value))
                        prefix="run-input"
                        templates=false
                    />
                }
                    .into_any()
            }}
            <Contacts editor=editor chosen=contacts />
            <RunOptionsForm editor=editor chosen=chosen />
            {move || {
                unpublished()
                    .then(|| {
                        if first {
                            view! {
                                <p class="text-text-2">
                                    "It is not published yet. Running it publishes version 1."
                                </p>
                            }
                                .into_any()
                        } else {
                            view! {
                                <Checkbox
                                    name="run-publish"
                                    label="Publish the changed draft first"
                                    help="Without it the newest version runs, as it was published."
                                    value=publish_first
                                />
                            }
                                .into_any()
                        }
                    })
            }}
            {move || {
                blocked
                    .get()
                    .then(|| view! { <p class="text-stop">"Mend the errors first; a version with errors cannot run."</p> })
            }}
            <Failure text=failure />
            <div class="flex justify-end gap-2">
                <Button on_click=move |_| editor.open.set(None)>"Cancel"</Button>
                <Button kind=ButtonKind::Primary icon=Icon::Play pending=pending disabled=blocked on_click=start>
                    {verb}
                </Button>
            </div>
        </div>
    }
}

async fn start_run(
    editor: Editor,
    autosave: Autosave,
    publish_first: bool,
    body: &RunStart,
    key: &str,
) -> Result<RunStarted, ApiError> {
    let Some(id) = editor.id.get_value() else {
        return Err(ApiError::new(ErrorCode::NotFound, "This graph belongs to no workflow."));
    };
    if publish_first {
        publish(editor, autosave, String::new()).await?;
    }
    editor.client().run_start(id, body, Some(key)).await
}

/// Whom the run is about: found by name, shown as a list.
#[component]
fn Contacts(editor: Editor, chosen: RwSignal<BTreeMap<ContactId, String>>) -> impl IntoView {
    let search = RwSignal::new(String::new());
    let client = StoredValue::new(editor.client());
    let found = LocalResource::new(move || {
        let query = search.get().trim().to_owned();
        async move {
            if query.is_empty() {
                return Ok(Vec::new());
            }
            let page = PageQuery { limit: Some(8), cursor: None, search: Some(query) };
            client.get_value().contacts(&page).await.map(|page| page.items)
        }
    });
    let rows = move || {
        let Some(answer) = found.get() else { return ().into_any() };
        match answer {
            Err(error) => view! { <p class="text-stop">{error.message}</p> }.into_any(),
            Ok(contacts) => contacts
                .into_iter()
                .filter(|contact| chosen.with(|chosen| !chosen.contains_key(&contact.id)))
                .map(|contact| {
                    let words = match &contact.email {
                        Some(email) => format!("{} · {email}", contact.name),
                        None => contact.name.clone(),
                    };
                    let add = move |_| {
                        chosen.update(|chosen| {
                            chosen.insert(contact.id, contact.name.clone());
                        });
                        search.set(String::new());
                    };
                    view! {
                        <li>
                            <button
                                type="button"
                                class="target w-full rounded px-2 py-1 text-left hover:bg-surface-2"
                                on:click=add
                            >
                                {words}
                            </button>
                        </li>
                    }
                })
                .collect_view()
                .into_any(),
        }
    };
    view! {
        <div class="flex flex-col gap-1">
            <TextInput
                name="run-contacts"
                label="Contacts"
                help="Whom the run is about. Type a name or an address."
                value=search
                input_type="search"
                optional=true
            />
            <ul class="flex flex-col" aria-label="Found contacts">
                // A border of its own: without it the frame around the page would wait.
                <Transition fallback=|| ()>{rows}</Transition>
            </ul>
            <ul class="flex flex-wrap gap-1" aria-label="Chosen contacts">
                {move || {
                    chosen
                        .get()
                        .into_iter()
                        .map(|(id, name)| {
                            let label = format!("Leave {name} out");
                            view! {
                                <li class="flex items-center">
                                    <Badge>{name}</Badge>
                                    <IconButton
                                        icon=Icon::Close
                                        label=label
                                        on_click=move |_| {
                                            chosen
                                                .update(|chosen| {
                                                    chosen.remove(&id);
                                                });
                                        }
                                    />
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_starts_with_the_defaults_of_its_schema() {
        let schema = json!({"properties": {"n": {"type": "integer", "default": 3}, "name": {"type": "string"}}});
        assert_eq!(defaults(&schema), json!({"n": 3}));
        assert_eq!(defaults(&Value::Null), json!({}));
    }
}

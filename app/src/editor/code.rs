//! The workflow as a document: to read, to copy, to download in any format. The browser writes what it can; the rest
//! is written by the server, from the saved draft.

mod choice;

use super::save::SaveState;
use super::{Editor, Open};
use crate::ui::{
    Button, Dialog, ErrorPanel, Icon, SelectField, SelectOption, Skeleton, Toast, Toasts, Trouble,
};
use choice::Choice;
use leptos::{prelude::*, task::spawn_local, wasm_bindgen::JsCast};
use signalbox::client::Answer;
use signalbox::format::{Format, Notation, export};
use signalbox::graph::Problem;
use signalbox::id::WorkflowId;
use signalbox::wire::ExportReport;

#[component]
pub(super) fn CodeDialog(editor: Editor) -> impl IntoView {
    let open = RwSignal::new(false);
    super::publish::follow(editor, Open::Code, open);
    view! {
        <Dialog open=open title="The workflow as a document" width="max-w-3xl">
            <Code editor=editor />
        </Dialog>
    }
}

/// What the browser writes: the draft as it is in the editor.
fn written_here(editor: Editor, format: Format) -> Result<String, String> {
    editor.canvas.version.track();
    let (name, description) = (editor.name.get(), editor.description.get());
    let document = export(&editor.canvas.graph(), &name, &description, format);
    let document = document.map_err(|error| error.to_string())?;
    serde_json::to_string_pretty(&document).map_err(|error| error.to_string())
}

/// What the server is to write, and of which state: the draft's revision and how often it was tried again.
type Wanted = (WorkflowId, Choice, u64, u32);

/// The server's answer to what is wanted now; none while it is on its way.
fn fetched(editor: Editor, wanted: Memo<Option<Wanted>>) -> RwSignal<Option<Answer<ExportReport>>> {
    let answer = RwSignal::new(None);
    Effect::new(move |_| {
        let asked = wanted.get();
        answer.set(None);
        let Some((id, choice, ..)) = asked else { return };
        let client = editor.client();
        spawn_local(async move {
            let (format, is_yaml) = (choice.format.name(), choice.notation == Notation::Yaml);
            let written = client.workflow_export_draft(id, format, is_yaml).await;
            // Meanwhile something else may be wanted, or the dialog be closed.
            if wanted.try_get_untracked() == Some(asked) {
                answer.set(Some(written));
            }
        });
    });
    answer
}

#[component]
fn Code(editor: Editor) -> impl IntoView {
    let id = editor.id.get_value();
    let choices = Choice::all(id.is_some());
    let own = editor.canvas.with_document(|document| {
        let origin = document.graph().origin.as_ref();
        origin.and_then(|origin| Format::from_name(&origin.format))
    });
    let first = own.map(Choice::json).filter(|own| choices.contains(own));
    let chosen = RwSignal::new(first.unwrap_or_else(|| Choice::json(Format::SignalboxV1)).value());
    let options: Vec<SelectOption> =
        choices.iter().map(|choice| SelectOption::new(choice.value(), choice.words())).collect();
    let choice = Memo::new(move |_| Choice::of(&chosen.get()));
    let tries = RwSignal::new(0_u32);
    let toasts = Toasts::expect();
    let is_saved = Memo::new(move |_| editor.save.with(|state| *state == SaveState::Saved));
    let wanted: Memo<Option<Wanted>> = Memo::new(move |_| {
        let choice = choice.get();
        let asks = is_saved.get() && !choice.is_written_here();
        let id = id.filter(|_| asks)?;
        Some((id, choice, editor.revision.get(), tries.get()))
    });
    let answer = fetched(editor, wanted);
    let shown = move || {
        let choice = choice.get();
        if choice.is_written_here() {
            return match written_here(editor, choice.format) {
                Ok(text) => written(editor, toasts, choice, text, Vec::new()),
                Err(reason) => {
                    view! { <p class="text-stop">"This format cannot say it: " {reason}</p> }
                        .into_any()
                }
            };
        }
        if !is_saved.get() {
            return view! {
                <p role="status" class="text-text-2">
                    "This format is written from the saved draft, and there are changes that are not saved. Save \
                    first: it appears here as soon as they are."
                </p>
            }
            .into_any();
        }
        match answer.get() {
            None => view! { <Skeleton rows=6 /> }.into_any(),
            Some(Err(error)) => {
                let retry = Callback::new(move |()| tries.update(|tries| *tries += 1));
                view! { <ErrorPanel trouble=Trouble::from(error) on_retry=retry /> }.into_any()
            }
            Some(Ok(report)) => {
                let text = match report.document {
                    serde_json::Value::String(text) => text,
                    document => serde_json::to_string_pretty(&document).unwrap_or_default(),
                };
                written(editor, toasts, choice, text, report.problems)
            }
        }
    };
    view! {
        <div class="flex flex-col gap-3">
            <SelectField name="code-format" label="Format" value=chosen options=options />
            {shown}
        </div>
    }
}

/// The document, what the format cannot say of the workflow, and what can be done with it.
fn written(
    editor: Editor,
    toasts: Toasts,
    choice: Choice,
    text: String,
    losses: Vec<Problem>,
) -> AnyView {
    let end = choice.notation.extension();
    let file = move || {
        let name = crate::canvas::model::slug::slug(&editor.name.get_untracked());
        format!("{name}.{end}")
    };
    let verb = if choice.notation == Notation::Yaml { "Export YAML" } else { "Export JSON" };
    let (copied, saved) = (text.clone(), text.clone());
    view! {
        {(!losses.is_empty()).then(|| view! { <Losses losses=losses /> })}
        <pre
            class="max-h-[50dvh] overflow-auto rounded border border-line bg-surface-0 p-3 font-mono text-xs"
            tabindex="0"
            data-testid="code"
        >
            {text}
        </pre>
        <div class="flex justify-end gap-2">
            <Button icon=Icon::Copy on_click=move |_| to_clipboard(copied.clone(), toasts)>
                "Copy"
            </Button>
            <Button icon=Icon::Download on_click=move |_| download(&file(), &saved)>
                {verb}
            </Button>
        </div>
    }
    .into_any()
}

#[component]
fn Losses(losses: Vec<Problem>) -> impl IntoView {
    view! {
        <div class="rounded border border-line p-3" data-testid="code-losses">
            <p class="font-medium">"What this format has no word for"</p>
            <ul class="list-disc pl-5 text-text-2">
                {losses.into_iter().map(|loss| view! { <li>{loss.message}</li> }).collect_view()}
            </ul>
        </div>
    }
}

/// Puts text on the clipboard, and says so.
pub(super) fn to_clipboard(text: String, toasts: Toasts) {
    let clipboard = window().navigator().clipboard();
    spawn_local(async move {
        let done = wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text)).await;
        toasts.push(match done {
            Ok(_) => Toast::done("Copied"),
            Err(_) => Toast::failed(
                "Not copied: the browser does not allow it here. Select the text and press Ctrl+C",
            ),
        });
    });
}

/// Saves text as a file.
fn download(name: &str, text: &str) {
    let parts = js_sys::Array::of1(&text.into());
    let Ok(blob) = web_sys::Blob::new_with_str_sequence(&parts) else { return };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else { return };
    let link = document().create_element("a").ok();
    if let Some(link) = link.and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Plain attributes of an element of one's own do not fail.
        let _ = link.set_attribute("href", &url);
        let _ = link.set_attribute("download", name);
        link.click();
    }
    let _ = web_sys::Url::revoke_object_url(&url);
}

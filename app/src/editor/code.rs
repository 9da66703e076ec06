//! The workflow as JSON: to read, to copy, to download in any format.

use super::{Editor, Open};
use crate::ui::{Button, Dialog, Icon, SelectField, SelectOption, Toast, Toasts};
use leptos::{prelude::*, task::spawn_local, wasm_bindgen::JsCast};
use signalbox::format::{Format, export};

fn format_words(format: Format) -> &'static str {
    match format {
        Format::SignalboxV1 => "Signalbox (everything)",
        Format::VisualWorkflow => "Visual workflow",
        Format::VisualWorkflowConfig => "Visual workflow, workflowConfig and stepsConfig",
        other => other.title(),
    }
}

#[component]
pub(super) fn CodeDialog(editor: Editor) -> impl IntoView {
    let open = RwSignal::new(false);
    super::publish::follow(editor, Open::Code, open);
    view! {
        <Dialog open=open title="The workflow as JSON" width="max-w-3xl">
            <Code editor=editor />
        </Dialog>
    }
}

#[component]
fn Code(editor: Editor) -> impl IntoView {
    let first = editor.canvas.with_document(|document| {
        let origin = document.graph().origin.as_ref();
        let own = origin.and_then(|origin| Format::from_name(&origin.format));
        own.filter(|own| Format::EVERYWHERE.contains(own)).unwrap_or(Format::SignalboxV1)
    });
    let format = RwSignal::new(first.name().to_owned());
    let options: Vec<SelectOption> = Format::EVERYWHERE
        .iter()
        .map(|format| SelectOption::new(format.name(), format_words(*format)))
        .collect();
    let text = Memo::new(move |_| {
        editor.canvas.version.track();
        let format = Format::from_name(&format.get()).unwrap_or(Format::SignalboxV1);
        let (name, description) = (editor.name.get(), editor.description.get());
        let graph = editor.canvas.graph();
        export(&graph, &name, &description, format).map_err(|error| error.to_string()).and_then(
            |value| serde_json::to_string_pretty(&value).map_err(|error| error.to_string()),
        )
    });
    let toasts = Toasts::expect();
    let file =
        move || format!("{}.json", crate::canvas::model::slug::slug(&editor.name.get_untracked()));
    view! {
        <div class="flex flex-col gap-3">
            <SelectField name="code-format" label="Format" value=format options=options />
            {move || match text.get() {
                Ok(text) => {
                    let (copied, saved) = (text.clone(), text.clone());
                    view! {
                        <pre
                            class="max-h-[50dvh] overflow-auto rounded border border-line bg-surface-0 p-3 font-mono text-xs"
                            tabindex="0"
                            data-testid="code"
                        >
                            {text}
                        </pre>
                        <div class="flex justify-end gap-2">
                            <Button
                                icon=Icon::Copy
                                on_click=move |_| to_clipboard(copied.clone(), toasts)
                            >
                                "Copy"
                            </Button>
                            <Button icon=Icon::Download on_click=move |_| download(&file(), &saved)>
                                "Export JSON"
                            </Button>
                        </div>
                    }
                        .into_any()
                }
                Err(reason) => {
                    view! { <p class="text-stop">"This format cannot say it: " {reason}</p> }.into_any()
                }
            }}
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

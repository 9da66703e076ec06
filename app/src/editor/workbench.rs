//! The page, put together.

use super::autosave::Autosave;
use super::bar::Bar;
use super::code::CodeDialog;
use super::notice::Notices;
use super::outline_view::Outline;
use super::palette::PaletteDialog;
use super::panel::SidePanel;
use super::publish::PublishDialog;
use super::run_dialog::RunDialog;
use super::{Editor, checking};
use crate::canvas::{CanvasView, Placement};
use leptos::{ev, prelude::*};
use signalbox::id::NodeId;

/// The editor of one workflow.
#[component]
pub fn Workbench(
    /// What it edits.
    editor: Editor,
) -> impl IntoView {
    let autosave = Autosave::start(editor);
    checking::start(editor);
    keys(editor, autosave);
    // A step or a connection that is selected shows its form.
    Effect::new(move |_| {
        if editor.canvas.selection.with(|chosen| chosen.nodes.len() + chosen.edges.len() == 1) {
            editor.tab.set("step");
        }
    });
    let label = Signal::derive(move || format!("Workflow {}", editor.name.get()));
    let offer = move |place: Placement| editor.palette.set(Some(place));
    let open = move |id: NodeId| {
        editor.canvas.go_to(&id);
        editor.tab.set("step");
        focus_panel();
    };
    view! {
        <div class="flex h-full flex-col" data-testid="editor">
            // The name that shows is a field.
            <h1 class="sr-only">{move || label.get()}</h1>
            <Bar editor=editor autosave=autosave />
            <Notices editor=editor autosave=autosave />
            <div class="flex min-h-0 flex-1 flex-col md:flex-row">
                <section class="relative min-h-0 min-w-0 flex-1" aria-label="Steps">
                    {move || {
                        if editor.outline.get() {
                            view! { <Outline editor=editor /> }.into_any()
                        } else {
                            view! {
                                <CanvasView
                                    canvas=editor.canvas
                                    label=label
                                    on_palette=Callback::new(offer)
                                    on_open=Callback::new(open)
                                />
                            }
                                .into_any()
                        }
                    }}
                </section>
                <SidePanel editor=editor />
            </div>
        </div>
        <PaletteDialog editor=editor />
        <PublishDialog editor=editor autosave=autosave />
        <RunDialog editor=editor autosave=autosave />
        <CodeDialog editor=editor />
    }
}

/// Puts the keyboard into the side panel's first field, once that is drawn.
fn focus_panel() {
    use leptos::wasm_bindgen::JsCast;
    request_animation_frame(|| {
        let field = document()
            .query_selector("#editor-panel input, #editor-panel textarea, #editor-panel select")
            .ok()
            .flatten();
        if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
            // Focusing an attached element does not fail.
            let _ = field.focus();
        }
    });
}

/// Keys that work everywhere on the page. Undo and the like belong to the canvas and the outline:
/// in a text field they are the browser's.
fn keys(editor: Editor, autosave: Autosave) {
    let listener = window_event_listener(ev::keydown, move |event| {
        let held = event.ctrl_key() || event.meta_key();
        match event.key().as_str() {
            "s" | "S" if held => {
                event.prevent_default();
                autosave.now();
            }
            "F8" => {
                event.prevent_default();
                editor.canvas.go_to_problem(!event.shift_key());
            }
            _ => {}
        }
    });
    on_cleanup(move || listener.remove());
}

//! The toolbar: name, saved state, tools of the canvas, publish and run.

use super::autosave::Autosave;
use super::save::SaveState;
use super::{Editor, Open};
use crate::session::may;
use crate::ui::{Badge, Button, ButtonKind, Icon, IconButton, StateBadge, Tone};
use leptos::prelude::*;
use leptos_router::components::A;
use signalbox::graph::layout;
use signalbox::wire::Permission;

#[component]
pub(super) fn Bar(editor: Editor, autosave: Autosave) -> impl IntoView {
    let canvas = editor.canvas;
    let readonly = canvas.readonly;
    let undo_words = move || {
        canvas.version.track();
        let what =
            canvas.with_document(|document| document.history().undo_label().map(str::to_owned));
        what.map_or_else(|| "Nothing to undo".to_owned(), |what| format!("Undo: {what} (Ctrl+Z)"))
    };
    let redo_words = move || {
        canvas.version.track();
        let what =
            canvas.with_document(|document| document.history().redo_label().map(str::to_owned));
        what.map_or_else(
            || "Nothing to redo".to_owned(),
            |what| format!("Redo: {what} (Shift+Ctrl+Z)"),
        )
    };
    let tidy = move |_| {
        let edits = canvas.with_document(|document| layout::tidy_edits(document.graph()));
        if edits.is_empty() {
            canvas.say("Everything is tidy");
        } else if canvas.commit("Tidy up", edits) {
            canvas.fit();
            canvas.say("Tidied up");
        }
    };
    let saved = editor.id.with_value(Option::is_some);
    let may_publish = may(Permission::WorkflowDefinitionPublish);
    let may_run = may(Permission::PlanInstanceStart);
    view! {
        <div
            role="toolbar"
            aria-label="Workflow"
            class="flex flex-wrap items-center gap-x-2 gap-y-1 border-b border-line bg-surface-1 px-3 py-1.5"
        >
            <A href="/workflows" attr:class="text-text-2 hover:text-text-1">
                "Workflows"
            </A>
            <span class="text-text-3" aria-hidden="true">"/"</span>
            <input
                aria-label="Name of the workflow"
                class="h-8 w-56 min-w-0 rounded border border-transparent bg-transparent px-1.5 font-semibold \
                hover:border-line focus:border-line-strong"
                disabled=move || readonly.get()
                prop:value=move || editor.name.get()
                on:input=move |event| editor.name.set(event_target_value(&event))
            />
            {saved.then(|| view! { <Saved editor=editor autosave=autosave /> })}
            <div class="ml-auto flex flex-wrap items-center gap-1">
                <IconButton
                    icon=Icon::Plus
                    label="Add a step (/)"
                    disabled=readonly
                    on_click=move |_| editor.palette.set(Some(Default::default()))
                />
                <IconButton
                    icon=Icon::Undo
                    label=Signal::derive(undo_words)
                    disabled=readonly
                    on_click=move |_| canvas.undo()
                />
                <IconButton
                    icon=Icon::Redo
                    label=Signal::derive(redo_words)
                    disabled=readonly
                    on_click=move |_| canvas.redo()
                />
                <Button kind=ButtonKind::Quiet icon=Icon::Sparkles disabled=readonly on_click=tidy>
                    "Tidy up"
                </Button>
                <IconButton
                    icon=Icon::Code
                    label="Show as a document"
                    on_click=move |_| editor.open.set(Some(Open::Code))
                />
                <IconButton
                    icon=Signal::derive(move || if editor.outline.get() { Icon::Workflow } else { Icon::Grip })
                    label=Signal::derive(move || {
                        if editor.outline.get() { "Show the canvas".to_owned() } else { "Show the outline".to_owned() }
                    })
                    on_click=move |_| editor.outline.update(|shown| *shown = !*shown)
                />
                <ProblemCount editor=editor />
                {saved
                    .then(|| {
                        view! {
                            <Button
                                icon=Icon::Upload
                                disabled=Signal::derive(move || readonly.get() || !may_publish)
                                on_click=move |_| editor.open.set(Some(Open::Publish))
                            >
                                "Publish"
                            </Button>
                            <Button
                                kind=ButtonKind::Primary
                                icon=Icon::Play
                                disabled=!may_run
                                on_click=move |_| editor.open.set(Some(Open::Run))
                            >
                                "Run"
                            </Button>
                        }
                    })}
            </div>
        </div>
    }
}

/// Whether the draft is saved, and which version is the newest.
#[component]
fn Saved(editor: Editor, autosave: Autosave) -> impl IntoView {
    let look = move || match editor.save.get() {
        SaveState::Saved => (Tone::Clear, Icon::Check),
        SaveState::Changed => (Tone::Neutral, Icon::Pencil),
        SaveState::Saving => (Tone::Move, Icon::Refresh),
        SaveState::Offline | SaveState::Conflict => (Tone::Wait, Icon::Alert),
        SaveState::Refused(_) => (Tone::Stop, Icon::Alert),
    };
    let words = move || editor.save.with(|state| state.words().to_owned());
    let version = move || match editor.version.get() {
        None => "Not published".to_owned(),
        Some(number) if editor.draft_changed.get() => format!("Version {number}, draft changed"),
        Some(number) => format!("Version {number}"),
    };
    view! {
        <button
            type="button"
            title="Save now (Ctrl+S)"
            data-testid="save-state"
            on:click=move |_| autosave.now()
        >
            <StateBadge
                tone=Signal::derive(move || look().0)
                icon=Signal::derive(move || look().1)
                label=Signal::derive(words)
            />
        </button>
        <span role="status" class="sr-only">{words}</span>
        <Badge>{version}</Badge>
    }
}

/// How many errors and warnings; leads to the list.
#[component]
fn ProblemCount(editor: Editor) -> impl IntoView {
    let look = move || match editor.counts() {
        (0, 0) => (Tone::Clear, Icon::Check, "No problems".to_owned()),
        (0, warnings) => (Tone::Wait, Icon::Alert, count(warnings, "warning")),
        (errors, 0) => (Tone::Stop, Icon::Alert, count(errors, "error")),
        (errors, warnings) => (
            Tone::Stop,
            Icon::Alert,
            format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
        ),
    };
    view! {
        <button
            type="button"
            class="target px-1"
            title="Show the problems (F8 goes to the next)"
            data-testid="problem-count"
            on:click=move |_| editor.tab.set("problems")
        >
            <StateBadge
                tone=Signal::derive(move || look().0)
                icon=Signal::derive(move || look().1)
                label=Signal::derive(move || look().2)
            />
        </button>
    }
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

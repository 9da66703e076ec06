//! Name, id, description and problems of a step, and what can be done with it.

use super::step::Step;
use crate::canvas::model::summary::kind_word;
use crate::canvas::model::{Selection, references};
use crate::canvas::view::kind_icon;
use crate::editor::problems::ProblemRow;
use crate::ui::{Bind, Button, ButtonKind, Glyph, Icon, TextArea, TextInput};
use leptos::prelude::*;
use signalbox::id::NodeId;

#[component]
pub(super) fn General(step: Step) -> impl IntoView {
    let node = step.node;
    let canvas = step.canvas();
    let describe = move |label: Option<String>, description: Option<String>| {
        let (old_label, old_description) =
            node.with_untracked(|node| (node.label.clone(), node.description.clone()));
        step.id.with_value(|id| {
            canvas.describe(id, label.unwrap_or(old_label), description.unwrap_or(old_description));
        });
    };
    let label =
        Bind::new(Signal::derive(move || node.with(|node| node.label.clone())), move |text| {
            describe(Some(text), None)
        });
    let description = Bind::new(
        Signal::derive(move || node.with(|node| node.description.clone())),
        move |text| describe(None, Some(text)),
    );
    let icon = Memo::new(move |_| node.with(|node| kind_icon(&node.kind)));
    let word = move || node.with(|node| kind_word(&node.kind));
    view! {
        <p class="flex items-center gap-2 text-sm text-text-2">
            <Glyph icon=icon />
            {word}
        </p>
        {move || {
            let problems = step.problems();
            (!problems.is_empty())
                .then(|| {
                    view! {
                        <ul class="rounded border border-line" aria-label="Problems of this step">
                            {problems
                                .into_iter()
                                .map(|problem| view! { <ProblemRow editor=step.editor problem=problem /> })
                                .collect_view()}
                        </ul>
                    }
                })
        }}
        <TextInput name="step-label" label="Name" value=label disabled=step.readonly() />
        <Slug step=step />
        <TextArea
            name="step-description"
            label="Description"
            value=description
            rows=2
            optional=true
            disabled=step.readonly()
        />
        <Actions step=step />
    }
}

/// The id that templates refer to. Changing it changes them too, on leaving the field.
#[component]
fn Slug(step: Step) -> impl IntoView {
    let canvas = step.canvas();
    let text = RwSignal::new(step.id.with_value(|id| id.to_string()));
    let error = RwSignal::new(None::<String>);
    let users = Memo::new(move |_| {
        canvas.version.track();
        let id = step.id.get_value();
        canvas.with_document(|document| references::users(document.graph(), &id).len())
    });
    let help = Signal::derive(move || match users.get() {
        0 => "Templates refer to it as steps.<id>.".to_owned(),
        1 => "One step refers to it; it follows when you change it.".to_owned(),
        count => format!("{count} steps refer to it; they follow when you change it."),
    });
    let commit = move |_| {
        let to = NodeId(text.get_untracked().trim().to_owned());
        match canvas.rename(&step.id.get_value(), &to) {
            Ok(0) => error.set(None),
            Ok(changed) => canvas.say(format!("Renamed; {changed} steps follow")),
            Err(reason) => error.set(Some(reason)),
        }
    };
    view! {
        <div class="flex flex-col gap-1" on:focusout=commit>
            <TextInput
                name="step-id"
                label="Id"
                value=text
                error=error
                mono=true
                disabled=step.readonly()
                attr:data-testid="step-id"
            />
            <p class="text-xs text-text-3">{move || help.get()}</p>
        </div>
    }
}

#[component]
fn Actions(step: Step) -> impl IntoView {
    let canvas = step.canvas();
    let only = move || canvas.select(Selection::node(step.id.get_value()));
    let middle = Memo::new(move |_| {
        canvas.version.track();
        let id = step.id.get_value();
        canvas.with_document(|document| {
            let graph = document.graph();
            graph.edges_into(&id).next().is_some() && graph.edges_from(&id).next().is_some()
        })
    });
    view! {
        <div class="flex flex-wrap gap-1">
            <Button
                kind=ButtonKind::Quiet
                icon=Icon::Copy
                disabled=step.readonly()
                on_click=move |_| {
                    only();
                    canvas.duplicate();
                }
            >
                "Duplicate"
            </Button>
            <Button
                kind=ButtonKind::Quiet
                icon=Icon::Trash
                disabled=step.readonly()
                on_click=move |_| {
                    only();
                    canvas.delete_selection(false);
                }
            >
                "Delete"
            </Button>
            <Show when=move || middle.get()>
                <Button
                    kind=ButtonKind::Quiet
                    disabled=step.readonly()
                    title="Connects what led here with what follows (Shift+Delete)"
                    on_click=move |_| {
                        only();
                        canvas.delete_selection(true);
                    }
                >
                    "Delete and join"
                </Button>
            </Show>
        </div>
    }
}

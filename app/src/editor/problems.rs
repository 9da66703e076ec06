//! The list of problems: click goes to the step, a quick fix mends it.

use super::Editor;
use crate::ui::{Button, ButtonKind, Glyph, Icon, Tone};
use leptos::prelude::*;
use signalbox::graph::{Problem, Severity};

#[component]
pub(super) fn Problems(editor: Editor) -> impl IntoView {
    view! {
        {move || {
            let problems = editor.canvas.problems.get();
            if problems.is_empty() {
                return view! {
                    <p class="p-4 text-text-2">"No problems. The workflow can be published."</p>
                }
                    .into_any();
            }
            view! {
                <ul class="flex flex-col" aria-label="Problems" data-testid="problems">
                    {problems
                        .into_iter()
                        .map(|problem| view! { <ProblemRow editor=editor problem=problem /> })
                        .collect_view()}
                </ul>
            }
                .into_any()
        }}
    }
}

fn look(severity: Severity) -> (Tone, Icon, &'static str) {
    match severity {
        Severity::Error => (Tone::Stop, Icon::CircleX, "Error"),
        Severity::Warning => (Tone::Wait, Icon::Alert, "Warning"),
        Severity::Info => (Tone::Move, Icon::Info, "Hint"),
    }
}

/// One problem, with its fix.
#[component]
pub(super) fn ProblemRow(editor: Editor, problem: Problem) -> impl IntoView {
    let canvas = editor.canvas;
    let (tone, icon, word) = look(problem.severity);
    let title = problem.node.as_ref().map(|id| canvas.title(id));
    let node = problem.node.clone();
    let go = move |_| {
        if let Some(id) = &node {
            canvas.go_to(id);
        }
    };
    let fix = problem.fix.map(|fix| {
        let (label, edits) = (fix.label.clone(), fix.edits);
        let mend = move |_| {
            if canvas.commit(&fix.label, edits.clone()) {
                canvas.say(format!("Done: {}", fix.label));
            }
        };
        view! {
            <Button kind=ButtonKind::Quiet icon=Icon::Check disabled=canvas.readonly on_click=mend>
                {label}
            </Button>
        }
    });
    view! {
        <li class="flex items-start gap-2 border-b border-line px-3 py-2">
            <span class=format!("mt-0.5 {}", tone.text_class())>
                <Glyph icon=icon />
                <span class="sr-only">{word}</span>
            </span>
            <div class="flex min-w-0 flex-col items-start gap-1">
                <button type="button" class="text-left break-words hover:underline" on:click=go>
                    {title.map(|title| view! { <span class="font-medium">{title} ": "</span> })}
                    {problem.message}
                </button>
                {fix}
            </div>
        </li>
    }
}

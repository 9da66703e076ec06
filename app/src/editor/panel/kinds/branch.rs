//! A branch: ordered cases, each with its port. Renaming a port takes its connections along.

use crate::canvas::model::slug;
use crate::editor::form::field::CONTROL;
use crate::editor::form::{Language, TemplateField};
use crate::editor::panel::step::Step;
use crate::ui::{Bind, Button, ButtonKind, Icon, IconButton};
use leptos::prelude::*;
use signalbox::graph::{BranchCase, GraphEdit, NodeKind};

fn cases(kind: &NodeKind) -> Vec<BranchCase> {
    match kind {
        NodeKind::Branch(settings) => settings.cases.clone(),
        _ => Vec::new(),
    }
}

fn change(step: Step, field: &str, edit: impl FnOnce(&mut Vec<BranchCase>)) {
    step.change(field, |kind| {
        if let NodeKind::Branch(settings) = kind {
            edit(&mut settings.cases);
        }
    });
}

#[component]
pub(super) fn BranchForm(step: Step) -> impl IntoView {
    let count = Memo::new(move |_| step.node.with(|node| cases(&node.kind).len()));
    let add = move |_| {
        change(step, "add", |cases| {
            let taken = |text: &str| cases.iter().any(|case| case.port == text);
            let port = slug::free(&format!("case_{}", cases.len() + 1), taken);
            cases.push(BranchCase { port, when: String::new() });
        });
    };
    view! {
        <div class="flex flex-col gap-3">
            <p class="text-sm text-text-2">"The first case that holds is taken; none: default."</p>
            <ol class="flex flex-col gap-3">
                {move || {
                    (0..count.get()).map(|at| view! { <Case step=step at=at count=count /> }).collect_view()
                }}
            </ol>
            <div>
                <Button kind=ButtonKind::Quiet icon=Icon::Plus disabled=step.readonly() on_click=add>
                    "Add a case"
                </Button>
            </div>
        </div>
    }
}

#[component]
fn Case(step: Step, at: usize, count: Memo<usize>) -> impl IntoView {
    let case = move || step.node.with(|node| cases(&node.kind).into_iter().nth(at));
    let port = move || case().map(|case| case.port).unwrap_or_default();
    let when = Bind::new(
        Signal::derive(move || case().map(|case| case.when).unwrap_or_default()),
        move |text: String| {
            change(step, &format!("when-{at}"), |cases| {
                if let Some(case) = cases.get_mut(at) {
                    case.when = text;
                }
            });
        },
    );
    let error = RwSignal::new(None::<String>);
    let rename = move |text: String| error.set(rename_port(step, at, text.trim()).err());
    view! {
        <li class="flex flex-col gap-2 rounded border border-line p-2">
            <div class="flex items-center gap-1">
                <input
                    aria-label=format!("Port of case {}", at + 1)
                    class=format!("{CONTROL} h-8 font-mono text-sm")
                    disabled=move || step.readonly().get()
                    prop:value=port
                    on:change=move |event| rename(event_target_value(&event))
                />
                <IconButton
                    icon=Icon::ChevronUp
                    label=format!("Move case {} up", at + 1)
                    disabled=Signal::derive(move || at == 0 || step.readonly().get())
                    on_click=move |_| change(step, "order", |cases| cases.swap(at, at.saturating_sub(1)))
                />
                <IconButton
                    icon=Icon::Trash
                    label=format!("Remove case {}", at + 1)
                    disabled=Signal::derive(move || count.get() <= 1 || step.readonly().get())
                    on_click=move |_| remove(step, at)
                />
            </div>
            {move || error.get().map(|words| view! { <p class="text-xs text-stop">{words}</p> })}
            <TemplateField
                name=format!("case-{at}")
                label="When"
                value=when
                language=Language::Expression
                variables=step.variables
                required=true
                disabled=step.readonly()
            />
        </li>
    }
}

fn rename_port(step: Step, at: usize, to: &str) -> Result<(), String> {
    let mut kind = step.node.with_untracked(|node| node.kind.clone());
    let NodeKind::Branch(settings) = &mut kind else { return Ok(()) };
    let taken =
        settings.cases.iter().enumerate().any(|(other, case)| other != at && case.port == to);
    if to.is_empty() || taken || ["default", "error"].contains(&to) {
        return Err("A port needs a name of its own, other than default and error".to_owned());
    }
    let Some(case) = settings.cases.get_mut(at) else { return Ok(()) };
    let old = std::mem::replace(&mut case.port, to.to_owned());
    if old == to {
        return Ok(());
    }
    let id = step.id.get_value();
    let mut edits = vec![GraphEdit::ConfigureNode { id: id.clone(), kind: Box::new(kind) }];
    edits.extend(step.canvas().with_document(|document| {
        let graph = document.graph();
        let own =
            graph.edges.iter().enumerate().filter(|(_, edge)| edge.from == id && edge.port == old);
        let moved = own.flat_map(|(index, edge)| {
            let mut new = edge.clone();
            new.port = to.to_owned();
            new.id = slug::edge(graph, &id, to, &edge.to).id;
            [
                GraphEdit::RemoveEdge { id: edge.id.clone() },
                GraphEdit::AddEdge { edge: Box::new(new), index: Some(index) },
            ]
        });
        moved.collect::<Vec<_>>()
    }));
    step.canvas().commit("Rename port", edits);
    Ok(())
}

/// Removes a case with what it leads to.
fn remove(step: Step, at: usize) {
    let mut kind = step.node.with_untracked(|node| node.kind.clone());
    let NodeKind::Branch(settings) = &mut kind else { return };
    if at >= settings.cases.len() {
        return;
    }
    let port = settings.cases.remove(at).port;
    let id = step.id.get_value();
    let mut edits: Vec<GraphEdit> = step.canvas().with_document(|document| {
        let own = document.graph().edges_from(&id).filter(|edge| edge.port == port);
        own.map(|edge| GraphEdit::RemoveEdge { id: edge.id.clone() }).collect()
    });
    edits.push(GraphEdit::ConfigureNode { id, kind: Box::new(kind) });
    step.canvas().commit("Remove case", edits);
}

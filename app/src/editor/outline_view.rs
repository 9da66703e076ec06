//! The outline: the workflow as an ordered list of steps with their ports and connections. It is a
//! full editor for those who do not use the canvas, and what a screen reader reads.

use super::Editor;
use crate::canvas::model::{connect, keys, outline, summary};
use crate::canvas::view::{kind_icon, state_look};
use crate::canvas::{Placement, state::NodeSignals};
use crate::ui::{Button, ButtonKind, Glyph, Icon, IconButton, Tone};
use leptos::prelude::*;
use signalbox::graph::Edge;
use signalbox::id::NodeId;
use web_sys::KeyboardEvent;

#[component]
pub(super) fn Outline(editor: Editor) -> impl IntoView {
    let canvas = editor.canvas;
    let order = Memo::new(move |_| {
        canvas.version.track();
        canvas.with_document(|document| outline::order(document.graph()))
    });
    let rows = move || {
        let order = order.get();
        let count = order.len();
        let known =
            order.into_iter().enumerate().filter_map(|(at, id)| Some((at, canvas.node(&id)?)));
        known.map(|(at, node)| (at, count, node)).collect::<Vec<_>>()
    };
    let undo = move |event: KeyboardEvent| {
        let name = event.key();
        let key = keys::Key {
            name: &name,
            ctrl: event.ctrl_key() || event.meta_key(),
            shift: event.shift_key(),
            alt: event.alt_key(),
        };
        match keys::Command::of(key, false) {
            Some(keys::Command::Undo) => canvas.undo(),
            Some(keys::Command::Redo) => canvas.redo(),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="h-full overflow-y-auto p-4" on:keydown=undo data-testid="outline">
            <ol class="mx-auto flex max-w-3xl flex-col gap-2" aria-label="Steps in order">
                <For each=rows key=|(at, count, node)| (node.stamp, *at, *count) let((at, count, node))>
                    <StepRow editor=editor at=at count=count node=node />
                </For>
            </ol>
            <div class="mx-auto mt-3 max-w-3xl">
                <Button
                    icon=Icon::Plus
                    disabled=canvas.readonly
                    on_click=move |_| editor.palette.set(Some(Placement::default()))
                >
                    "Add a step"
                </Button>
            </div>
            <div role="status" aria-live="polite" class="sr-only">{move || canvas.said.get()}</div>
        </div>
    }
}

#[component]
fn StepRow(editor: Editor, at: usize, count: usize, node: NodeSignals) -> impl IntoView {
    let canvas = editor.canvas;
    let id = node.id.clone();
    let fields = node.node.clone();
    let (title, line, icon) = (fields.clone(), fields.clone(), fields.clone());
    let icon = Memo::new(move |_| icon.with(|node| kind_icon(&node.kind)));
    let marks = node.marks.clone();
    let overlay = node.overlay.clone();
    let selected = node.selected.clone();
    let ports = {
        let fields = fields.clone();
        Memo::new(move |_| {
            fields.with(|node| node.kind.ports().into_iter().map(str::to_owned).collect::<Vec<_>>())
        })
    };
    let select = {
        let id = id.clone();
        move |_| {
            canvas.go_to(&id);
            editor.tab.set("step");
        }
    };
    let remove = {
        let id = id.clone();
        move |_| {
            canvas.go_to(&id);
            canvas.delete_selection(false);
        }
    };
    let problems = move || {
        marks.with(|marks| {
            let (tone, words) = match (marks.errors, marks.warnings) {
                (0, 0) => return None,
                (0, warnings) => (Tone::Wait, format!("{warnings} warnings: ")),
                (errors, _) => (Tone::Stop, format!("{errors} errors: ")),
            };
            let text = format!("{words}{}", marks.messages.join(" "));
            Some(view! { <p class=format!("text-sm {}", tone.text_class())>{text}</p> })
        })
    };
    let state = move || overlay.get().map(|overlay| state_look(overlay.state).2);
    let delete_title = canvas.title(&id);
    view! {
        <li
            class="flex flex-col gap-1 rounded border border-line bg-surface-1 p-3 aria-[current=true]:border-accent"
            aria-current=move || if selected.get() { "true" } else { "false" }
            aria-posinset=(at + 1).to_string()
            aria-setsize=count.to_string()
        >
            <div class="flex items-center gap-2">
                <span class="text-text-2">
                    <Glyph icon=icon />
                </span>
                <button type="button" class="target min-w-0 flex-1 text-left font-medium hover:underline" on:click=select>
                    {move || title.with(|node| node.title().to_owned())}
                    <span class="font-normal text-text-3">
                        ", "
                        {move || {
                            line.with(|node| {
                                format!("{}: {}", summary::kind_word(&node.kind), summary::summary(node, None))
                            })
                        }}
                    </span>
                </button>
                <span class="text-sm text-text-2">{state}</span>
                <IconButton
                    icon=Icon::Trash
                    label=format!("Delete {delete_title}")
                    disabled=canvas.readonly
                    on_click=remove
                />
            </div>
            {problems}
            <ul class="flex flex-col gap-1 pl-6">
                {move || {
                    ports
                        .get()
                        .into_iter()
                        .map(|port| view! { <PortRow editor=editor id=id.clone() port=port /> })
                        .collect_view()
                }}
            </ul>
        </li>
    }
}

/// One way out: where it leads, and how to lead it elsewhere.
#[component]
fn PortRow(editor: Editor, id: NodeId, port: String) -> impl IntoView {
    let canvas = editor.canvas;
    let (own, name) = (id.clone(), port.clone());
    let edges = Memo::new(move |_| {
        canvas.version.track();
        canvas.with_document(|document| {
            let out = document.graph().edges_from(&own).filter(|edge| edge.port == name);
            out.cloned().collect::<Vec<Edge>>()
        })
    });
    let (own, name) = (id.clone(), port.clone());
    let targets = move || {
        canvas.version.track();
        let ids = canvas.with_document(|document| connect::targets(document.graph(), &own, &name));
        ids.into_iter().map(|id| (id.to_string(), canvas.title(&id))).collect::<Vec<_>>()
    };
    let (own, name) = (id.clone(), port.clone());
    let choose = move |event: web_sys::Event| {
        let to = event_target_value(&event);
        if !to.is_empty() {
            canvas.connect(&own, &name, &NodeId(to));
        }
    };
    let (own, name) = (id.clone(), port.clone());
    let add = move |_| {
        let from = Some((own.clone(), name.clone()));
        editor.palette.set(Some(Placement { at: None, from, on_edge: None }));
    };
    let label = format!("Connect {} of {} to", port, canvas.title(&id));
    let title = canvas.title(&id);
    view! {
        <li class="flex flex-wrap items-center gap-2 text-sm">
            <span class="font-mono text-text-2">{port.clone()}</span>
            <span aria-hidden="true">"→"</span>
            <For each=move || edges.get() key=|edge| edge.id.clone() let(edge)>
                {
                    let to = canvas.title(&edge.to);
                    let from = title.clone();
                    let edge_id = edge.id.clone();
                    let target = edge.to.clone();
                    view! {
                        <span class="flex items-center rounded border border-line pl-2">
                            <button type="button" class="hover:underline" on:click=move |_| canvas.go_to(&target)>
                                <span class="sr-only">{format!("from {from}, port {} to ", edge.port)}</span>
                                {to.clone()}
                            </button>
                            <IconButton
                                icon=Icon::Close
                                label=format!("Remove the connection to {to}")
                                disabled=canvas.readonly
                                on_click=move |_| canvas.disconnect(&edge_id)
                            />
                        </span>
                    }
                }
            </For>
            <select
                class="h-7 rounded border border-line-strong bg-surface-1 px-1"
                aria-label=label
                disabled=move || canvas.readonly.get()
                prop:value=""
                on:change=choose
            >
                <option value="">"Connect to…"</option>
                {move || {
                    targets()
                        .into_iter()
                        .map(|(id, title)| view! { <option value=id>{title}</option> })
                        .collect_view()
                }}
            </select>
            <Button kind=ButtonKind::Quiet icon=Icon::Plus disabled=canvas.readonly on_click=add>
                "New step"
            </Button>
        </li>
    }
}

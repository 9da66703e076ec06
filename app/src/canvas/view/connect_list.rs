//! "Connect to…": choosing a port and a target from lists, for those who do not drag. Only targets
//! that are allowed are offered.

use crate::canvas::model::{connect, fuzzy};
use crate::canvas::state::Canvas;
use crate::ui::{Dialog, SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use signalbox::id::NodeId;

#[component]
pub(super) fn ConnectList(canvas: Canvas, open: RwSignal<bool>) -> impl IntoView {
    let title = move || {
        let from = canvas.focus.get().map(|id| canvas.title(&id)).unwrap_or_default();
        format!("Connect {from} to…")
    };
    view! {
        <Dialog open=open title=Signal::derive(title) width="max-w-md">
            {move || {
                canvas.focus.get().map(|from| view! { <Targets canvas=canvas from=from open=open /> })
            }}
        </Dialog>
    }
}

#[component]
fn Targets(canvas: Canvas, from: NodeId, open: RwSignal<bool>) -> impl IntoView {
    let ports: Vec<String> = canvas.with_document(|document| {
        document
            .node(&from)
            .map(|node| node.kind.ports().into_iter().map(str::to_owned).collect())
            .unwrap_or_default()
    });
    let likely = canvas.with_document(|document| connect::likely_port(document.graph(), &from));
    let port = RwSignal::new(likely.unwrap_or_default());
    let search = RwSignal::new(String::new());
    let options: Vec<SelectOption> =
        ports.iter().map(|name| SelectOption::new(name.clone(), name.clone())).collect();
    let source = from.clone();
    let found = Memo::new(move |_| {
        let (port, query) = (port.get(), search.get());
        let ids =
            canvas.with_document(|document| connect::targets(document.graph(), &source, &port));
        let mut scored: Vec<(i32, NodeId, String)> = ids
            .into_iter()
            .filter_map(|id| {
                let title = canvas.title(&id);
                fuzzy::score(&query, &title).map(|score| (score, id, title))
            })
            .collect();
        scored.sort_by_key(|(score, ..)| std::cmp::Reverse(*score));
        scored.truncate(50);
        scored.into_iter().map(|(_, id, title)| (id, title)).collect::<Vec<_>>()
    });
    let choose = move |to: NodeId| {
        open.set(false);
        canvas.connect(&from, &port.get_untracked(), &to);
    };
    let choose = StoredValue::new(choose);
    view! {
        <div class="flex flex-col gap-3">
            <SelectField name="connect-port" label="Port" value=port options=options />
            <TextInput name="connect-search" label="Step" value=search input_type="search" />
            <ul class="flex max-h-72 flex-col overflow-y-auto" aria-label="Steps it may lead to">
                {move || {
                    let found = found.get();
                    if found.is_empty() {
                        return view! { <li class="p-2 text-text-3">"No step that it may lead to"</li> }
                            .into_any();
                    }
                    found
                        .into_iter()
                        .map(|(id, title)| {
                            view! {
                                <li>
                                    <button
                                        type="button"
                                        class="target flex w-full rounded px-2 py-1.5 text-left hover:bg-surface-2"
                                        on:click=move |_| choose.with_value(|choose| choose(id.clone()))
                                    >
                                        {title}
                                    </button>
                                </li>
                            }
                        })
                        .collect_view()
                        .into_any()
                }}
            </ul>
        </div>
    }
}

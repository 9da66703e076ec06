//! The rows on the screen: newest first or oldest first, follows the run.

use super::fold::RunFold;
use super::offers::Offers;
use super::older::OlderEvents;
use super::rows::{TimelineRow, icon, rows, tone};
use crate::runs::Again;
use crate::session::may;
use crate::ui::{Button, ButtonKind, EmptyState, Glyph, Icon, IconButton, Time};
use leptos::prelude::*;
use leptos_router::components::A;
use signalbox::graph::Graph;
use signalbox::id::NodeId;
use signalbox::run::ActivationState;
use signalbox::wire::Permission;
use std::collections::BTreeSet;

/// Rows drawn at first; more on demand, so that a long run does not fill the page.
const ROWS_STEP: usize = 200;

/// The timeline.
#[component]
pub fn Timeline(
    /// The run.
    fold: RwSignal<RunFold>,
    /// The version that it runs.
    graph: StoredValue<Graph>,
    /// The node whose rows are shown; all when none.
    node: RwSignal<Option<NodeId>>,
    /// Where it is asked to do steps again.
    again: RwSignal<Option<Again>>,
) -> impl IntoView {
    let newest_first = RwSignal::new(true);
    let shown = RwSignal::new(ROWS_STEP);
    let all = Memo::new(move |_| {
        let rows = fold.with(|fold| graph.with_value(|graph| rows(fold, graph)));
        match node.get() {
            Some(node) => {
                rows.into_iter().filter(|row| row.entry.node.as_ref() == Some(&node)).collect()
            }
            None => rows,
        }
    });
    let open_approvals = Memo::new(move |_| {
        fold.with(|fold| {
            let waiting = fold.state.activations.values();
            let waiting = waiting.filter(|a| a.state == ActivationState::AwaitingHuman);
            waiting.filter_map(|a| a.approval).collect::<BTreeSet<_>>()
        })
    });
    let offers = Memo::new(move |_| {
        if may(Permission::PlanInstanceExecute) { fold.with(Offers::of) } else { Offers::default() }
    });
    let visible = move || {
        let mut rows = all.get();
        if newest_first.get() {
            rows.reverse();
        }
        rows.truncate(shown.get());
        rows
    };
    let more = Callback::new(move |()| {
        shown.try_update(|shown| *shown += ROWS_STEP);
    });
    let title_of = move |node: NodeId| {
        graph.with_value(|graph| graph.node(&node).map(|node| node.title().to_owned()))
    };
    view! {
        <div class="flex items-center gap-2 border-b border-line px-4 py-2">
            <h2 class="font-medium">"Timeline"</h2>
            {move || {
                node.get()
                    .map(|only| {
                        view! {
                            <Button kind=ButtonKind::Quiet icon=Icon::Close on_click=move |_| node.set(None)>
                                {format!("Only {}", title_of(only.clone()).unwrap_or_else(|| only.to_string()))}
                            </Button>
                        }
                    })
            }}
            <div class="flex-1"></div>
            <button
                type="button"
                class="target text-sm text-text-2 hover:underline"
                on:click=move |_| newest_first.update(|on| *on = !*on)
            >
                {move || if newest_first.get() { "Newest first" } else { "Oldest first" }}
            </button>
        </div>
        // Where they begin: above the oldest row.
        <Show when=move || !newest_first.get()>
            <OlderEvents fold=fold on_more=more />
        </Show>
        <ol class="flex flex-col" data-testid="timeline">
            <For each=visible key=TimelineRow::key let(row)>
                <RowView row=row open=open_approvals node=node offers=offers again=again />
            </For>
        </ol>
        <Show when=move || all.with(Vec::is_empty)>
            <Empty fold=fold />
        </Show>
        <Show
            when=move || { all.with(Vec::len) > shown.get() }
            fallback=move || {
                view! {
                    <Show when=move || newest_first.get()>
                        <OlderEvents fold=fold on_more=more />
                    </Show>
                }
            }
        >
            <div class="flex justify-center p-3">
                <Button on_click=move |_| more.run(())>"Show more"</Button>
            </div>
        </Show>
    }
}

/// Why there is no row.
#[component]
fn Empty(fold: RwSignal<RunFold>) -> impl IntoView {
    move || match fold.with(|fold| fold.older().is_some()) {
        true => view! {
            <EmptyState
                icon=Icon::Clock
                title="Nothing of it is among the newest events"
                text="Fetch older events to see what it did before."
            />
        },
        false => view! {
            <EmptyState
                icon=Icon::Clock
                title="Nothing has happened yet"
                text="What the run does shows here as it happens."
            />
        },
    }
}

#[component]
fn RowView(
    row: TimelineRow,
    open: Memo<BTreeSet<signalbox::id::ApprovalId>>,
    node: RwSignal<Option<NodeId>>,
    offers: Memo<Offers>,
    again: RwSignal<Option<Again>>,
) -> impl IntoView {
    let TimelineRow { entry, approval, other } = row;
    let (icon, tone) = (icon(&entry), tone(entry.signal));
    let own = StoredValue::new(entry.node.clone());
    let has_node = entry.node.is_some();
    let (seq, can_fork) = (entry.seq, entry.kind != "run_ended");
    let at_ms = entry.at.timestamp_millis();
    let until = entry.until.map(|until| until.timestamp_millis());
    let until = until.map(|at_ms| view! { <span>" " <Time at_ms=at_ms /></span> });
    view! {
        <li class="group flex gap-3 border-b border-line px-4 py-2" data-seq=entry.seq>
            <span class=format!("pt-0.5 {}", tone.text_class())>
                <Glyph icon=icon />
            </span>
            <div class="min-w-0 flex-1">
                <p class="break-words">
                    {if has_node {
                        view! {
                            <button
                                type="button"
                                class="text-left font-medium hover:underline"
                                title="Show only this step"
                                on:click=move |_| node.set(own.get_value())
                            >
                                {entry.title.clone()}
                                {until}
                            </button>
                        }
                            .into_any()
                    } else {
                        view! { <span class="font-medium">{entry.title.clone()} {until}</span> }.into_any()
                    }}
                </p>
                <p class="text-sm break-words text-text-2">{entry.detail.clone()}</p>
                {other
                    .map(|other| {
                        view! {
                            <A
                                href=other.href
                                attr:class="mt-1 inline-flex items-center gap-1 text-sm text-accent underline"
                            >
                                {other.words}
                            </A>
                        }
                    })}
                {move || {
                    approval
                        .filter(|approval| open.with(|open| open.contains(approval)))
                        .map(|approval| {
                            view! {
                                <A
                                    href=format!("/inbox/{approval}")
                                    attr:class="mt-1 inline-flex items-center gap-1 text-sm text-accent underline"
                                >
                                    "Decide in the inbox"
                                </A>
                            }
                        })
                }}
                {move || {
                    offers
                        .with(|offers| offers.retry.contains(&seq))
                        .then(|| {
                            view! {
                                <Button
                                    icon=Icon::Repeat
                                    on_click=move |_| again.set(Some(Again::Retry(own.get_value())))
                                >
                                    "Retry from here"
                                </Button>
                            }
                        })
                }}
            </div>
            {move || {
                offers
                    .with(|offers| can_fork && offers.fork.is_some_and(|last| seq <= last))
                    .then(|| {
                        view! {
                            <span class="opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
                                <IconButton
                                    icon=Icon::Branch
                                    label="Fork from here"
                                    on_click=move |_| again.set(Some(Again::Fork(seq)))
                                />
                            </span>
                        }
                    })
            }}
            <span class="text-xs text-text-3 tabular-nums">
                <Time at_ms=at_ms />
            </span>
        </li>
    }
}

//! The list of runs, kept up by the live stream.

mod filter;
mod nothing;
mod rows;

use crate::api::{failure, toast_failure, use_client};
use crate::live::{FrameKind, use_live};
use crate::looks;
use crate::runs::{retry_on_return, started_by};
use crate::ui::{Button, Cell, Column, PageHeader, Row, Skeleton, Table, Time, Toasts};
use filter::{Filter, FilterBar, use_filter};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use nothing::Nothing;
use rows::{Became, change, merge};
use signalbox::run::RunStatus;
use signalbox::wire::{Page, RunQuery, RunView};
use std::time::Duration;

/// How long what came into the filter waits to be fetched, with all that comes meanwhile.
const FETCH_AFTER: Duration = Duration::from_millis(500);

/// `/runs`.
#[component]
pub fn Runs() -> impl IntoView {
    let client = use_client();
    let filter = use_filter();
    let page = Resource::new(
        move || filter.get(),
        move |filter| {
            let client = client.clone();
            async move { client.runs(&filter.wanted()).await }
        },
    );
    let retry = Callback::new(move |()| page.refetch());
    let away = retry_on_return(retry);
    view! {
        <PageHeader title="Runs" subtitle="Every execution of a workflow, newest first." />
        <FilterBar filter=filter />
        <Transition fallback=|| {
            view! { <Skeleton rows=8 /> }
        }>
            {move || Suspend::new(async move {
                let found = page.await;
                away.note(&found);
                match found {
                    Ok(first) => view! { <List first=first filter=filter /> }.into_any(),
                    Err(error) => failure(&error, Some(retry)),
                }
            })}
        </Transition>
    }
}

#[component]
fn List(first: Page<RunView>, filter: RwSignal<Filter>) -> impl IntoView {
    let runs = RwSignal::new(first.items);
    let next = RwSignal::new(first.next_cursor);
    keep_up(runs, filter);
    view! {
        <Show
            when=move || runs.with(|runs| !runs.is_empty())
            fallback=move || view! { <Nothing filter=filter /> }
        >
            <div class="px-1 md:px-3">
                <Table
                    caption="Runs"
                    columns=vec![
                        Column::text("State"),
                        Column::text("Workflow"),
                        Column::text("At"),
                        Column::text("Contacts"),
                        Column::text("Started by"),
                        Column::text("Started"),
                        Column::text("Last change"),
                    ]
                >
                    <For
                        each=move || runs.get()
                        key=|run| (run.id, run.seq, run.status.phase())
                        let(run)
                    >
                        <RunRow run=run />
                    </For>
                </Table>
            </div>
            <More runs=runs next=next filter=filter />
        </Show>
    }
}

#[component]
fn RunRow(run: RunView) -> impl IntoView {
    let version = format!("v{}", run.version);
    // The usual outcome says no more than the badge does.
    let outcome = match &run.status {
        RunStatus::Completed { outcome, .. } if outcome != "completed" => Some(outcome.clone()),
        _ => None,
    };
    view! {
        <Row>
            <Cell>
                {looks::badge(looks::phase(run.status.phase()))}
                {outcome.map(|outcome| view! { <span class="ml-2 text-text-2">{outcome}</span> })}
            </Cell>
            <Cell>
                <A href=format!("/runs/{}", run.id) attr:class="font-medium text-text-1 hover:underline">
                    {run.workflow_name}
                </A>
                <span class="ml-2 text-xs text-text-3">{version}</span>
            </Cell>
            <Cell>
                <span class="text-text-2">{run.current_title.or(run.current_node)}</span>
            </Cell>
            <Cell>{run.contacts.join(", ")}</Cell>
            <Cell>{started_by(run.started_by)}</Cell>
            <Cell>
                <Time at_ms=run.started_at.timestamp_millis() />
            </Cell>
            <Cell>
                <Time at_ms=run.updated_at.timestamp_millis() />
            </Cell>
        </Row>
    }
}

#[component]
fn More(
    runs: RwSignal<Vec<RunView>>,
    next: RwSignal<Option<String>>,
    filter: RwSignal<Filter>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let fetching = RwSignal::new(false);
    let fetch = move |_| {
        let client = client.get_value();
        let wanted =
            RunQuery { cursor: next.get_untracked(), ..filter.with_untracked(Filter::wanted) };
        fetching.set(true);
        spawn_local(async move {
            match client.runs(&wanted).await {
                Ok(page) => {
                    next.try_set(page.next_cursor);
                    runs.try_update(|runs| merge(runs, page.items));
                }
                Err(error) => toast_failure(toasts, &error),
            }
            fetching.try_set(false);
        });
    };
    view! {
        <Show when=move || next.with(Option::is_some)>
            <div class="flex justify-center p-4">
                <Button pending=fetching on_click=fetch>
                    "Show more"
                </Button>
            </div>
        </Show>
    }
}

/// Rows move with the live stream; a run that is new, or comes into the filter, shows where the filter lets it.
fn keep_up(runs: RwSignal<Vec<RunView>>, filter: RwSignal<Filter>) {
    let client = use_client();
    let fetch = fetch_soon(runs, filter);
    use_live().on(move |frame| match frame.kind {
        FrameKind::RunCreated => {
            let Some(run) = frame.run_created() else { return };
            match filter.with_untracked(|filter| filter.lets_through(&run)) {
                Some(true) => {
                    runs.try_update(|runs| {
                        runs.retain(|other| other.id != run.id);
                        runs.insert(0, run);
                    });
                }
                Some(false) => {}
                None => fetch.run(()),
            }
        }
        FrameKind::RunChanged => {
            let Some(changed) = frame.run_changed() else { return };
            let became = filter
                .with_untracked(|filter| runs.try_update(|runs| change(runs, filter, changed)));
            if became == Some(Became::Unknown) {
                fetch.run(());
            }
        }
        FrameKind::Resync => {
            let client = client.clone();
            let wanted = filter.with_untracked(Filter::wanted);
            spawn_local(async move {
                if let Ok(page) = client.runs(&wanted).await {
                    runs.try_set(page.items);
                }
            });
        }
        _ => {}
    });
}

/// Fetches the newest rows in a moment and puts them into the list.
fn fetch_soon(runs: RwSignal<Vec<RunView>>, filter: RwSignal<Filter>) -> Callback<()> {
    let client = StoredValue::new(use_client());
    let waiting = StoredValue::new(false);
    Callback::new(move |()| {
        if waiting.get_value() {
            return;
        }
        waiting.set_value(true);
        let fetch = move || {
            let asked = filter.try_with_untracked(|filter| (filter.clone(), filter.wanted()));
            let (Some(client), Some((before, wanted))) = (client.try_get_value(), asked) else {
                return; // The page is gone.
            };
            waiting.set_value(false);
            spawn_local(async move {
                let Ok(page) = client.runs(&wanted).await else { return };
                // Another filter has another list.
                if filter.try_with_untracked(|now| *now == before) == Some(true) {
                    runs.try_update(|runs| merge(runs, page.items));
                }
            });
        };
        set_timeout(fetch, FETCH_AFTER);
    })
}

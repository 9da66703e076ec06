//! The list of runs, kept up by the live stream.

use crate::api::{failure, toast_failure, use_client};
use crate::live::{FrameKind, use_live};
use crate::looks;
use crate::ui::{
    Bind, Button, Cell, Column, EmptyState, Icon, LinkButton, PageHeader, Row, SelectField,
    SelectOption, Skeleton, Table, Time, Toasts,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use signalbox::run::{RunPhase, RunStatus};
use signalbox::wire::{Page, RunQuery, RunView};

/// `/runs`.
#[component]
pub fn Runs() -> impl IntoView {
    let client = use_client();
    let phase = RwSignal::new(String::new());
    let page = Resource::new(
        move || RunPhase::parse(&phase.get()),
        move |phase| {
            let client = client.clone();
            async move { client.runs(&RunQuery { phase, ..Default::default() }).await }
        },
    );
    let retry = Callback::new(move |()| page.refetch());
    let mut options = vec![SelectOption::new("", "All states")];
    options.extend(RunPhase::ALL.map(|p| SelectOption::new(p.as_str(), looks::phase(p).2)));
    view! {
        <PageHeader title="Runs" subtitle="Every execution of a workflow, newest first.">
            <div class="w-52">
                <SelectField
                    name="phase"
                    label="State"
                    value=Bind::from(phase)
                    options=Signal::stored(options)
                />
            </div>
        </PageHeader>
        <Transition fallback=|| {
            view! { <Skeleton rows=8 /> }
        }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(first) => view! { <List first=first phase=phase /> }.into_any(),
                    Err(error) => failure(&error, Some(retry)),
                }
            })}
        </Transition>
    }
}

#[component]
fn List(first: Page<RunView>, phase: RwSignal<String>) -> impl IntoView {
    let runs = RwSignal::new(first.items);
    let next = RwSignal::new(first.next_cursor);
    keep_up(runs, phase);
    view! {
        <Show
            when=move || runs.with(|runs| !runs.is_empty())
            fallback=move || view! { <Nothing filtered=phase.with(|phase| !phase.is_empty()) /> }
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
            <More runs=runs next=next phase=phase />
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
                <span class="font-mono text-xs text-text-2">{run.current_node}</span>
            </Cell>
            <Cell>{run.contacts.join(", ")}</Cell>
            <Cell>{run.started_by}</Cell>
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
    phase: RwSignal<String>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let fetching = RwSignal::new(false);
    let fetch = move |_| {
        let client = client.get_value();
        let wanted = RunQuery {
            phase: RunPhase::parse(&phase.get_untracked()),
            cursor: next.get_untracked(),
            ..Default::default()
        };
        fetching.set(true);
        spawn_local(async move {
            match client.runs(&wanted).await {
                Ok(page) => {
                    next.try_set(page.next_cursor);
                    runs.try_update(|runs| runs.extend(page.items));
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

#[component]
fn Nothing(filtered: bool) -> impl IntoView {
    if filtered {
        return view! {
            <EmptyState
                icon=Icon::Filter
                title="No run is in this state"
                text="Choose another state to see the others."
            />
        }
        .into_any();
    }
    view! {
        <EmptyState
            icon=Icon::Activity
            title="No runs yet"
            text="A run is one execution of a workflow. Publish a workflow, then start it by hand, by webhook or by the API."
        >
            <LinkButton href="/workflows">"Open workflows"</LinkButton>
        </EmptyState>
    }
    .into_any()
}

/// Rows move with the live stream; a new run shows where the filter lets it.
fn keep_up(runs: RwSignal<Vec<RunView>>, phase: RwSignal<String>) {
    let client = use_client();
    use_live().on(move |frame| match frame.kind {
        FrameKind::RunCreated => {
            let Some(run) = frame.run_created() else { return };
            let wanted = RunPhase::parse(&phase.get_untracked());
            if wanted.is_none_or(|phase| run.status.phase() == phase) {
                runs.try_update(|runs| {
                    runs.retain(|other| other.id != run.id);
                    runs.insert(0, run);
                });
            }
        }
        FrameKind::RunChanged => {
            let Some(change) = frame.run_changed() else { return };
            runs.try_update(|runs| {
                if let Some(row) = runs.iter_mut().find(|row| row.id == change.run) {
                    row.status = change.status;
                    row.seq = change.seq;
                }
            });
        }
        FrameKind::Resync => {
            let client = client.clone();
            let phase = RunPhase::parse(&phase.get_untracked());
            spawn_local(async move {
                if let Ok(page) = client.runs(&RunQuery { phase, ..Default::default() }).await {
                    runs.try_set(page.items);
                }
            });
        }
        _ => {}
    });
}

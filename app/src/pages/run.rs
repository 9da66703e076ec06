//! One run: its timeline, its graph coloured by what happened, its data, its controls.

use crate::api::{failure, toast_failure, use_client};
use crate::keys::focus_id;
use crate::live::{FrameKind, use_live};
use crate::looks;
use crate::runs::{
    Again, AgainDialogs, MoveButton, RunData, RunGraph, Versions, retry_on_return, started_by,
};
use crate::session::may;
use crate::timeline::{OtherRun, OtherRuns, RunFold, Taken, Timeline, can_retry};
use crate::ui::{
    Bind, Button, ButtonKind, Dialog, Icon, PageHeader, Skeleton, StateBadge, TabBar, TabItem,
    TextInput, Time, Toasts, Tone,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{components::A, hooks::use_params_map};
use signalbox::id::RunId;
use signalbox::run::{Event, EventBody, RunPhase};
use signalbox::wire::{ApiError, ErrorCode, Permission, ReasonBody, RunDetail};

/// `/runs/{id}`.
#[component]
pub fn Run() -> impl IntoView {
    let params = use_params_map();
    let client = use_client();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id")).and_then(|id| id.parse::<RunId>().ok())
    });
    let detail = Resource::new(
        move || id.get(),
        move |id| {
            let client = client.clone();
            async move {
                match id {
                    Some(id) => client.run(id).await,
                    None => Err(ApiError::new(ErrorCode::NotFound, "This is not a run's address.")),
                }
            }
        },
    );
    let retry = Callback::new(move |()| detail.refetch());
    let away = retry_on_return(retry);
    view! {
        <Suspense fallback=|| {
            view! { <Skeleton rows=10 /> }
        }>
            {move || Suspend::new(async move {
                let found = detail.await;
                away.note(&found);
                match found {
                    Ok(detail) => view! { <Opened detail=detail reload=retry /> }.into_any(),
                    Err(error) => failure(&error, Some(retry)),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Opened(detail: RunDetail, reload: Callback<()>) -> impl IntoView {
    let id = detail.run.id;
    let fold = RwSignal::new(RunFold::open(&detail));
    follow(id, fold, reload);
    let versions = Versions { own: detail.run.version, newest: detail.newest_version };
    let graph = StoredValue::new(detail.graph);
    let node = RwSignal::new(None);
    let tab = RwSignal::new("steps");
    let again = RwSignal::new(None::<Again>);
    let phase = Memo::new(move |_| fold.with(|fold| fold.status().phase()));
    let is_dry = Memo::new(move |_| fold.with(|fold| fold.state.options.options.dry_run));
    let run = detail.run;
    let title = run.workflow_name.clone();
    view! {
        <div class="flex h-full min-h-0 flex-col">
            <PageHeader title=title>
                <Controls run=id phase=phase />
                <RetryButton fold=fold again=again />
                <MoveButton run=id fold=fold graph=graph versions=versions on_moved=reload />
            </PageHeader>
            <div class="flex flex-wrap items-center gap-3 px-4 pb-3 text-sm text-text-2 md:px-6">
                <span data-testid="run-phase" data-phase=move || phase.get().as_str()>
                    {move || looks::badge(looks::phase(phase.get()))}
                </span>
                <Show when=move || is_dry.get()>
                    <StateBadge tone=Tone::Wait icon=Icon::Info label="Dry run: nothing is sent, answers are made up".to_owned() />
                </Show>
                <Why fold=fold />
                <A href=format!("/workflows/{}", run.workflow) attr:class="underline">
                    {format!("Version {}", run.version)}
                </A>
                <span>
                    "Started by " {started_by(run.started_by)} " "
                    <Time at_ms=run.started_at.timestamp_millis() />
                </span>
                <ForkOf fold=fold />
                {(!run.contacts.is_empty())
                    .then(|| view! { <span>{run.contacts.join(", ")}</span> })}
                <span class="font-mono text-xs text-text-3 select-all">{id.to_string()}</span>
            </div>
            <div class="grid min-h-0 flex-1 border-t border-line lg:grid-cols-[1fr_28rem]">
                <section aria-label="Steps and data" class="flex min-h-80 min-w-0 flex-col">
                    <div class="px-4">
                        <TabBar
                            label="What is shown"
                            items=vec![
                                TabItem { id: "steps", label: "Graph" },
                                TabItem { id: "data", label: "Data" },
                            ]
                            active=Bind::from(tab)
                        />
                    </div>
                    <div
                        class="relative min-h-0 flex-1"
                        role="tabpanel"
                        id=move || format!("{}-panel", tab.get())
                        aria-labelledby=move || format!("{}-tab", tab.get())
                    >
                        {move || match tab.get() {
                            "data" => view! { <RunData fold=fold graph=graph node=node /> }.into_any(),
                            _ => view! { <RunGraph graph=graph fold=fold node=node /> }.into_any(),
                        }}
                    </div>
                </section>
                <section
                    aria-label="Timeline"
                    class="min-h-0 overflow-y-auto border-line bg-surface-1 lg:border-l"
                >
                    <Timeline fold=fold graph=graph node=node again=again />
                </section>
            </div>
            <AgainDialogs run=id fold=fold graph=graph versions=versions asked=again />
        </div>
    }
}

/// Does again what failed, wherever that was.
#[component]
fn RetryButton(fold: RwSignal<RunFold>, again: RwSignal<Option<Again>>) -> impl IntoView {
    let offered = Memo::new(move |_| may(Permission::PlanInstanceExecute) && fold.with(can_retry));
    view! {
        <Show when=move || offered.get()>
            <Button icon=Icon::Repeat on_click=move |_| again.set(Some(Again::Retry(None)))>
                "Retry"
            </Button>
        </Show>
    }
}

/// The run that this one is a fork of, where the events that are known say so.
#[component]
fn ForkOf(fold: RwSignal<RunFold>) -> impl IntoView {
    let source = Memo::new(move |_| fold.with(|fold| OtherRuns::fork_of(&fold.events)));
    move || {
        source.get().map(|(run, up_to)| {
            let OtherRun { href, words } = OtherRun::page(run, "another run");
            view! {
                <span>
                    "Fork of "
                    <A href=href attr:class="underline">
                        {words}
                    </A> {format!(" from its event {up_to}")}
                </span>
            }
        })
    }
}

/// Whether events that are new say that the run goes on in another version, whose graph the page does not have.
fn moves_on(events: &[Event], last: u64) -> bool {
    let moves = |event: &Event| matches!(event.body, EventBody::Migrated { .. });
    events.iter().any(|event| event.seq > last && moves(event))
}

/// Fetches what is missing and follows the run from there.
fn follow(id: RunId, fold: RwSignal<RunFold>, reload: Callback<()>) {
    let client = StoredValue::new(use_client());
    let (fetching, again) = (StoredValue::new(false), StoredValue::new(false));
    let catch_up = Callback::new(move |()| {
        if fetching.get_value() {
            return again.set_value(true);
        }
        fetching.set_value(true);
        spawn_local(async move {
            loop {
                let Some(seq) = fold.try_with_untracked(RunFold::seq) else { return };
                let Some(client) = client.try_get_value() else { return };
                let Ok(page) = client.run_events(id, seq).await else { break };
                let Some(last) = fold.try_with_untracked(RunFold::last) else { return };
                if moves_on(&page.events, last) {
                    fetching.try_set_value(false);
                    reload.try_run(());
                    return;
                }
                fold.try_update(|fold| fold.take(&page.events));
                // Something may have come while the last page was on its way.
                let asked = again.try_update_value(std::mem::take) == Some(true);
                if !page.more && !asked {
                    break;
                }
            }
            fetching.try_set_value(false);
        });
    });
    let live = use_live();
    // Effects run in the browser only: the server follows nothing.
    Effect::new(move || {
        live.follow_run(id, fold.with_untracked(RunFold::last));
        live.on(move |frame| match frame.kind {
            FrameKind::RunEvents => {
                let Some(came) = frame.run_events().filter(|came| came.run == id) else { return };
                let Some(last) = fold.try_with_untracked(RunFold::last) else { return };
                if moves_on(&came.events, last) {
                    return reload.run(());
                }
                let missing =
                    fold.try_update(|fold| matches!(fold.take(&came.events), Taken::Missing(_)));
                if missing == Some(true) {
                    catch_up.run(());
                }
            }
            FrameKind::RunChanged => {
                let Some(change) = frame.run_changed() else { return };
                if change.run != id {
                    return;
                }
                let is_behind = fold.try_with_untracked(RunFold::is_behind);
                if is_behind == Some(true) {
                    fold.try_update(|fold| fold.note(change.status));
                }
                let known = fold.try_with_untracked(RunFold::seq);
                if known.is_some_and(|known| known < change.seq) {
                    catch_up.run(());
                }
            }
            FrameKind::Resync => catch_up.run(()),
            _ => {}
        });
        catch_up.run(());
    });
}

/// Why it waits, failed or is blocked.
#[component]
fn Why(fold: RwSignal<RunFold>) -> impl IntoView {
    use signalbox::run::RunStatus;
    move || {
        fold.with(|fold| match fold.status() {
            RunStatus::Failed { error_message } => Some(error_message.into_any()),
            RunStatus::Blocked { reason } => Some(reason.into_any()),
            RunStatus::Stopped { reason, .. } => Some(reason.into_any()),
            RunStatus::Completed { outcome, .. } => Some(format!("Outcome: {outcome}").into_any()),
            RunStatus::StandBy { next_execution_at: Some(at) } => Some(
                view! {
                    <span>
                        "Next " <Time at_ms=at.timestamp_millis() />
                    </span>
                }
                .into_any(),
            ),
            RunStatus::StandBy { next_execution_at: None } => {
                Some("Waits for an outside event".into_any())
            }
            _ => None,
        })
    }
}

#[derive(Clone, Copy)]
enum Control {
    Pause,
    Resume,
    Stop,
}

#[component]
fn Controls(run: RunId, phase: Memo<RunPhase>) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let toasts = Toasts::expect();
    let working = RwSignal::new(false);
    let stopping = RwSignal::new(false);
    let reason = RwSignal::new(String::new());
    let act = Callback::new(move |control: Control| {
        working.set(true);
        let body = ReasonBody { reason: reason.get_untracked().trim().to_owned() };
        spawn_local(async move {
            let client = client.get_value();
            let answer = match control {
                Control::Pause => client.run_pause(run, &body).await,
                Control::Resume => client.run_resume(run, &body).await,
                Control::Stop => client.run_stop(run, &body).await,
            };
            working.try_set(false);
            if let Err(error) = answer {
                toast_failure(toasts, &error);
            }
        });
    });
    let live = move || !phase.get().is_terminal() && may(Permission::PlanInstanceControl);
    let can_resume = move || matches!(phase.get(), RunPhase::Paused | RunPhase::Blocked);
    let stop = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        stopping.set(false);
        act.run(Control::Stop);
    };
    Effect::new(move || {
        if stopping.get() {
            request_animation_frame(|| focus_id("stop-reason"));
        }
    });
    view! {
        <Show when=live>
            <Show
                when=can_resume
                fallback=move || {
                    view! {
                        <Button
                            icon=Icon::Pause
                            pending=working
                            on_click=move |_| act.run(Control::Pause)
                        >
                            "Pause"
                        </Button>
                    }
                }
            >
                <Button
                    kind=ButtonKind::Primary
                    icon=Icon::Play
                    pending=working
                    on_click=move |_| act.run(Control::Resume)
                >
                    {move || if phase.get() == RunPhase::Blocked { "Try again" } else { "Resume" }}
                </Button>
            </Show>
            <Button icon=Icon::Stop on_click=move |_| stopping.set(true)>
                "Stop"
            </Button>
        </Show>
        <Dialog open=stopping title="Stop this run?" width="max-w-md">
            <form class="flex flex-col gap-4" on:submit=stop>
                <p class="text-text-2">
                    "It starts nothing new. Its approvals are withdrawn and messages that are held are recalled."
                </p>
                <TextInput name="stop-reason" label="Reason" value=Bind::from(reason) optional=true />
                <div class="flex justify-end gap-2">
                    <Button on_click=move |_| stopping.set(false)>"Cancel"</Button>
                    <Button kind=ButtonKind::Danger button_type="submit">
                        "Stop the run"
                    </Button>
                </div>
            </form>
        </Dialog>
    }
}

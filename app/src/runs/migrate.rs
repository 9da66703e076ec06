//! Moving a run on to a newer version of its workflow: what would meet what, then the question.

use super::Versions;
use crate::api::{trouble, use_client};
use crate::session::may;
use crate::timeline::RunFold;
use crate::ui::{Button, ButtonKind, Dialog, ErrorPanel, Icon, Skeleton, Trouble};
use leptos::{prelude::*, task::spawn_local};
use signalbox::graph::Graph;
use signalbox::id::{NodeId, RunId};
use signalbox::run::Incompatible;
use signalbox::wire::{Permission, RunMigrate};
use std::collections::BTreeSet;

/// The button, where there is a newer version and the run is not over; and its dialog.
#[component]
pub fn MoveButton(
    /// The run.
    run: RunId,
    /// Its events.
    fold: RwSignal<RunFold>,
    /// The graph of its version.
    graph: StoredValue<Graph>,
    /// Its version and the newest one.
    versions: Versions,
    /// Runs when it has moved.
    on_moved: Callback<()>,
) -> impl IntoView {
    let asking = RwSignal::new(false);
    let lives = Memo::new(move |_| fold.with(|fold| !fold.status().phase().is_terminal()));
    let newer = versions.newer().filter(|_| may(Permission::PlanInstanceExecute));
    newer.map(|version| {
        let title = format!("Move the run to version {version}?");
        view! {
            <Show when=move || lives.get()>
                <Button icon=Icon::Workflow on_click=move |_| asking.set(true)>
                    {format!("Move to version {version}")}
                </Button>
            </Show>
            <Dialog open=asking title=title width="max-w-lg">
                <Question
                    run=run
                    fold=fold
                    graph=graph
                    version=version
                    open=asking
                    on_moved=on_moved
                />
            </Dialog>
        }
    })
}

/// What is known of the move.
#[derive(Clone)]
enum Preview {
    Asked,
    Found(Vec<Incompatible>),
    Failed(Trouble),
}

#[component]
fn Question(
    run: RunId,
    fold: RwSignal<RunFold>,
    graph: StoredValue<Graph>,
    version: u32,
    open: RwSignal<bool>,
    on_moved: Callback<()>,
) -> impl IntoView {
    let client = StoredValue::new(use_client());
    let preview = RwSignal::new(Preview::Asked);
    let working = RwSignal::new(false);
    let send = move |preview_only: bool| {
        let body = RunMigrate { version, preview: preview_only };
        async move { client.get_value().run_migrate(run, &body).await }
    };
    Effect::new(move || {
        spawn_local(async move {
            let found = match send(true).await {
                Ok(answer) => Preview::Found(answer.incompatible),
                Err(error) => Preview::Failed(trouble(&error)),
            };
            preview.try_set(found);
        });
    });
    let go = move |_| {
        working.set(true);
        spawn_local(async move {
            let answer = send(false).await;
            working.try_set(false);
            match answer {
                Ok(_) => {
                    open.try_set(false);
                    on_moved.try_run(());
                }
                // It moved on since it was looked at.
                Err(error) => drop(preview.try_set(Preview::Failed(trouble(&error)))),
            }
        });
    };
    let fits = move || {
        preview.with(|preview| matches!(preview, Preview::Found(reasons) if reasons.is_empty()))
    };
    view! {
        <div class="flex flex-col gap-3" data-testid="migration">
            {move || match preview.get() {
                Preview::Asked => view! { <Skeleton rows=2 /> }.into_any(),
                Preview::Failed(trouble) => view! { <ErrorPanel trouble=trouble /> }.into_any(),
                Preview::Found(reasons) => {
                    let stay = fold
                        .with_untracked(|fold| graph.with_value(|graph| staying(fold, graph, &reasons)));
                    view! { <Judged version=version reasons=reasons stay=stay /> }.into_any()
                }
            }}
            <div class="mt-1 flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Show when=fits>
                    <Button kind=ButtonKind::Primary pending=working on_click=go>
                        {format!("Move to version {version}")}
                    </Button>
                </Show>
            </div>
        </div>
    }
}

/// The titles of the living steps that go on where they are.
fn staying(fold: &RunFold, graph: &Graph, refused: &[Incompatible]) -> Vec<String> {
    let living: BTreeSet<&NodeId> =
        fold.state.living().map(|(_, activation)| &activation.node).collect();
    let stays = |id: &&NodeId| refused.iter().all(|one| one.node != **id);
    let title = |id: &NodeId| graph.node(id).map_or(id.to_string(), |node| node.title().to_owned());
    living.into_iter().filter(stays).map(title).collect()
}

/// What stays and what is in the way.
#[component]
fn Judged(version: u32, reasons: Vec<Incompatible>, stay: Vec<String>) -> impl IntoView {
    let fits = reasons.is_empty();
    let reasons = reasons.into_iter().map(|step| format!("{}.", step.reason)).collect();
    let list = |id: &'static str, lines: Vec<String>| {
        let line = |line: String| view! { <li class="break-words">{line}</li> };
        view! {
            <ul class="list-disc pl-5" data-testid=id>
                {lines.into_iter().map(line).collect_view()}
            </ul>
        }
    };
    let kept = (!stay.is_empty()).then(|| {
        view! {
            <p>"These steps are under way and go on where they are, with what they have:"</p>
            {list("migration-kept", stay)}
        }
    });
    if fits {
        view! {
            {kept}
            <p class="text-text-2">
                "What is done stays done and is not repeated. Steps that version " {version}
                " has behind finished ones begin at once."
            </p>
        }
        .into_any()
    } else {
        view! {
            <p>{format!("The run cannot go on in version {version}:")}</p>
            {list("migration-refused", reasons)}
            {kept}
            <p class="text-text-2">
                "Let these steps end first, or fork the run at an event before they began and choose the version there."
            </p>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;
    use signalbox::run::{ActivationId, Event, EventBody, FrameId};

    #[test]
    fn what_is_alive_and_not_refused_stays() {
        let mut fold = RunFold::new(RunId(uuid::Uuid::nil()));
        let events: Vec<Event> = ["ask", "wait"]
            .into_iter()
            .zip(1..)
            .map(|(node, number)| Event {
                seq: u64::from(number),
                at: DateTime::UNIX_EPOCH,
                body: EventBody::NodeStarted {
                    activation: ActivationId(number),
                    node: node.into(),
                    frame: FrameId(0),
                },
            })
            .collect();
        fold.take(&events);
        let human = json!({ "type": "human", "mode": "approve" });
        let graph =
            json!({ "nodes": [{ "id": "ask", "label": "Ask Ada", "kind": human }], "edges": [] });
        let graph: Graph = serde_json::from_value(graph).expect("a graph");
        assert_eq!(staying(&fold, &graph, &[]), ["Ask Ada", "wait"]);
        let refused = Incompatible { node: "ask".into(), reason: "gone".into() };
        assert_eq!(staying(&fold, &graph, &[refused]), ["wait"]);
    }
}

//! Asking before a run's steps are done again: a retry, or a fork from an event.

use crate::api::{toast_failure, use_client};
use crate::timeline::RunFold;
use crate::ui::{Bind, Button, ButtonKind, Dialog, TextArea, Toasts};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_navigate;
use serde_json::Value;
use signalbox::graph::Graph;
use signalbox::id::{NodeId, RunId};
use signalbox::run::{RunState, apply, begun_anew};
use signalbox::wire::{RunFork, RunRetry};
use std::collections::BTreeSet;

/// What a person asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Again {
    /// What failed or was cut off, from a step or wherever it was.
    Retry(Option<NodeId>),
    /// A run of its own from an event on.
    Fork(u64),
}

/// The dialogs; they open when `asked` is set.
#[component]
pub fn AgainDialogs(
    /// The run.
    run: RunId,
    /// Its events.
    fold: RwSignal<RunFold>,
    /// Its version.
    graph: StoredValue<Graph>,
    /// What was asked for; emptied when the dialog closes.
    asked: RwSignal<Option<Again>>,
) -> impl IntoView {
    let is_retry = |again: &Option<Again>| matches!(again, Some(Again::Retry(_)));
    let retrying = RwSignal::new(false);
    let forking = RwSignal::new(false);
    Effect::new(move || {
        let again = asked.get();
        retrying.set(is_retry(&again));
        forking.set(again.is_some() && !is_retry(&again));
    });
    Effect::new(move || {
        if !retrying.get() && !forking.get() && asked.with_untracked(Option::is_some) {
            asked.set(None);
        }
    });
    view! {
        <Dialog open=retrying title="Do again what failed?" width="max-w-md">
            <RetryForm run=run fold=fold graph=graph asked=asked open=retrying />
        </Dialog>
        <Dialog open=forking title="Fork the run from here?" width="max-w-lg">
            <ForkForm run=run fold=fold graph=graph asked=asked open=forking />
        </Dialog>
    }
}

/// The titles of the steps that are begun anew in a state.
fn titles(state: &RunState, graph: &Graph) -> Vec<String> {
    let nodes = begun_anew(state).into_iter().filter_map(|id| state.activations.get(&id));
    let nodes: BTreeSet<&NodeId> = nodes.map(|activation| &activation.node).collect();
    let title = |id: &NodeId| graph.node(id).map_or(id.to_string(), |node| node.title().to_owned());
    nodes.into_iter().map(title).collect()
}

/// The run as it was after an event.
fn state_at(fold: &RunFold, seq: u64) -> RunState {
    let mut state = RunState::new(fold.state.run);
    fold.events.iter().take_while(|event| event.seq <= seq).for_each(|e| apply(&mut state, e));
    state
}

#[component]
fn Steps(titles: Vec<String>) -> impl IntoView {
    view! {
        <ul class="list-disc pl-5" data-testid="again-steps">
            {titles.into_iter().map(|title| view! { <li class="break-words">{title}</li> }).collect_view()}
        </ul>
    }
}

#[component]
fn Mails() -> impl IntoView {
    view! {
        <p class="text-text-2">
            "An email that one of them sent before is not sent again by itself: it waits in the inbox for approval."
        </p>
    }
}

#[component]
fn RetryForm(
    run: RunId,
    fold: RwSignal<RunFold>,
    graph: StoredValue<Graph>,
    asked: RwSignal<Option<Again>>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let (client, toasts) = (StoredValue::new(use_client()), Toasts::expect());
    let working = RwSignal::new(false);
    let again = fold.with_untracked(|fold| graph.with_value(|graph| titles(&fold.state, graph)));
    let go = move |_| {
        let from = match asked.get_untracked() {
            Some(Again::Retry(from)) => from,
            _ => None,
        };
        working.set(true);
        spawn_local(async move {
            let answer = client.get_value().run_retry(run, &RunRetry { from }).await;
            working.try_set(false);
            open.try_set(false);
            if let Err(error) = answer {
                toast_failure(toasts, &error);
            }
        });
    };
    view! {
        <div class="flex flex-col gap-3">
            <p>"The run goes on. These steps are done again, with the same input:"</p>
            <Steps titles=again />
            <p class="text-text-2">"Steps that are done stay done."</p>
            <Mails />
            <div class="mt-1 flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Primary pending=working on_click=go>
                    "Do again"
                </Button>
            </div>
        </div>
    }
}

#[component]
fn ForkForm(
    run: RunId,
    fold: RwSignal<RunFold>,
    graph: StoredValue<Graph>,
    asked: RwSignal<Option<Again>>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let (client, toasts) = (StoredValue::new(use_client()), Toasts::expect());
    let navigate = StoredValue::new(use_navigate());
    let seq = match asked.get_untracked() {
        Some(Again::Fork(seq)) => seq,
        _ => 0,
    };
    let then = fold.with_untracked(|fold| state_at(fold, seq));
    let again = graph.with_value(|graph| titles(&then, graph));
    let before = serde_json::to_string_pretty(&then.input).unwrap_or_default();
    let (input, before) = (RwSignal::new(before.clone()), StoredValue::new(before));
    let (working, wrong) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let go = move |_| {
        let text = input.get_untracked();
        let changed = before.with_value(|before| *before != text);
        let input = match changed.then(|| serde_json::from_str::<Value>(&text)).transpose() {
            Ok(input) => input,
            Err(error) => return wrong.set(Some(format!("This is not JSON: {error}."))),
        };
        working.set(true);
        spawn_local(async move {
            let fork = RunFork { seq, input, ..RunFork::default() };
            let answer = client.get_value().run_fork(run, &fork, None).await;
            working.try_set(false);
            open.try_set(false);
            match answer {
                Ok(made) => {
                    navigate.with_value(|go| go(&format!("/runs/{}", made.id), Default::default()));
                }
                Err(error) => toast_failure(toasts, &error),
            }
        });
    };
    view! {
        <div class="flex flex-col gap-3">
            <p>
                "A run of its own is made that has everything up to event " {seq}
                " as its past. This run stays as it is."
            </p>
            {(!again.is_empty())
                .then(|| {
                    view! {
                        <p>"These steps were under way there and are begun anew; what comes after them follows:"</p>
                        <Steps titles=again />
                    }
                })}
            <Mails />
            <TextArea
                name="fork-input"
                label="Input"
                rows=5
                mono=true
                help="What was computed from it before this event stays as it was."
                value=Bind::from(input)
                error=wrong
            />
            <div class="mt-1 flex justify-end gap-2">
                <Button on_click=move |_| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Primary pending=working on_click=go>
                    "Make the fork"
                </Button>
            </div>
        </div>
    }
}

//! Asking before a run's steps are done again: a retry, or a fork from an event.

use crate::api::{toast_failure, use_client};
use crate::timeline::RunFold;
use crate::ui::{Bind, Button, ButtonKind, Dialog, SelectField, SelectOption, TextArea, Toasts};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_navigate;
use serde_json::Value;
use signalbox::graph::Graph;
use signalbox::id::{NodeId, RunId};
use signalbox::run::{ActivationId, RunState, begun_anew, done_again};
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
    /// The graph of its version.
    graph: StoredValue<Graph>,
    /// Its version, and those from which a fork can choose.
    versions: Versions,
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
            <ForkForm run=run fold=fold graph=graph versions=versions asked=asked open=forking />
        </Dialog>
    }
}

/// The version that a run runs, and the newest one of its workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The run's own.
    pub own: u32,
    /// The newest; none when the workflow is archived.
    pub newest: Option<u32>,
}

impl Versions {
    /// The newest version, where it is newer than the run's own.
    pub fn newer(self) -> Option<u32> {
        self.newest.filter(|newest| *newest > self.own)
    }

    /// The run's own version and those after it.
    fn options(self) -> Vec<SelectOption> {
        let option = |number: u32| {
            let own = if number == self.own { " (as this run)" } else { "" };
            SelectOption::new(number.to_string(), format!("Version {number}{own}"))
        };
        (self.own..=self.newest.unwrap_or(self.own)).rev().map(option).collect()
    }
}

/// The titles of steps by their activations in a state.
fn titles(state: &RunState, again: Vec<ActivationId>, graph: &Graph) -> Vec<String> {
    let nodes = again.into_iter().filter_map(|id| state.activations.get(&id));
    let nodes: BTreeSet<&NodeId> = nodes.map(|activation| &activation.node).collect();
    let title = |id: &NodeId| graph.node(id).map_or(id.to_string(), |node| node.title().to_owned());
    nodes.into_iter().map(title).collect()
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
    let of = |fold: &RunFold, graph: &Graph| titles(&fold.state, done_again(&fold.state), graph);
    let again = fold.with_untracked(|fold| graph.with_value(|graph| of(fold, graph)));
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
    versions: Versions,
    asked: RwSignal<Option<Again>>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let (client, toasts) = (StoredValue::new(use_client()), Toasts::expect());
    let navigate = StoredValue::new(use_navigate());
    let seq = match asked.get_untracked() {
        Some(Again::Fork(seq)) => seq,
        _ => 0,
    };
    // Of an event that is far back only the server knows what was under way.
    let then = fold.with_untracked(|fold| fold.state_at(seq));
    let again =
        then.as_ref().map(|then| graph.with_value(|graph| titles(then, begun_anew(then), graph)));
    let input = then
        .map_or_else(|| fold.with_untracked(|fold| fold.state.input.clone()), |then| then.input);
    let before = serde_json::to_string_pretty(&input).unwrap_or_default();
    let version = RwSignal::new(versions.own.to_string());
    let (input, before) = (RwSignal::new(before.clone()), StoredValue::new(before));
    let (working, wrong) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let go = move |_| {
        let text = input.get_untracked();
        let changed = before.with_value(|before| *before != text);
        let input = match changed.then(|| serde_json::from_str::<Value>(&text)).transpose() {
            Ok(input) => input,
            Err(error) => return wrong.set(Some(format!("This is not JSON: {error}."))),
        };
        let version =
            version.get_untracked().parse::<u32>().ok().filter(|wanted| *wanted != versions.own);
        working.set(true);
        spawn_local(async move {
            let fork = RunFork { seq, input, version, ..RunFork::default() };
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
            {match again {
                Some(again) if again.is_empty() => ().into_any(),
                Some(again) => {
                    view! {
                        <p>"These steps were under way there and are begun anew; what comes after them follows:"</p>
                        <Steps titles=again />
                    }
                        .into_any()
                }
                None => {
                    view! { <p>"What was under way there is begun anew; what comes after it follows."</p> }
                        .into_any()
                }
            }}
            <Mails />
            {versions
                .newer()
                .map(|_| {
                    view! {
                        <SelectField
                            name="fork-version"
                            label="It goes on in"
                            help="Steps that were under way at this event must be there too."
                            value=Bind::from(version)
                            options=Signal::stored(versions.options())
                        />
                    }
                })}
            <TextArea
                name="fork-input"
                label="Input"
                rows=5
                mono=true
                help="What steps computed from it before this event stays as it was."
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_chooses_among_its_own_version_and_newer_ones() {
        let values = |own, newest| -> Vec<String> {
            let options = Versions { own, newest }.options();
            options.into_iter().map(|option| option.value).collect()
        };
        assert_eq!(values(2, Some(4)), ["4", "3", "2"]);
        assert_eq!(values(2, Some(2)), ["2"]);
        assert_eq!(values(2, None), ["2"]);
        let newer = |own, newest| Versions { own, newest }.newer();
        assert_eq!((newer(1, Some(3)), newer(3, Some(3)), newer(1, None)), (Some(3), None, None));
    }
}

//! A run's data: what it was started with, its variables and its output; or of one step what it was given and gave.

use super::turns::{StepTurn, turns_of};
use crate::canvas::view::state_look;
use crate::timeline::RunFold;
use crate::ui::StateBadge;
use leptos::prelude::*;
use serde_json::Value;
use signalbox::graph::Graph;
use signalbox::id::NodeId;
use signalbox::run::RunEnd;

/// Turns that are shown of a step.
const TURNS_MAX: usize = 50;

/// The data of the run, or of the chosen step.
#[component]
pub fn RunData(
    /// The run.
    fold: RwSignal<RunFold>,
    /// Its version.
    graph: StoredValue<Graph>,
    /// The step; the run as a whole when none.
    node: RwSignal<Option<NodeId>>,
) -> impl IntoView {
    view! {
        <div class="flex h-full flex-col gap-4 overflow-y-auto p-4" data-testid="run-data">
            {move || match node.get() {
                Some(node) => view! { <OfStep fold=fold graph=graph node=node /> }.into_any(),
                None => view! { <OfRun fold=fold /> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn OfRun(fold: RwSignal<RunFold>) -> impl IntoView {
    let parts = move || {
        fold.with(|fold| {
            let state = &fold.state;
            let output = match &state.end {
                Some(RunEnd::Completed { output, .. }) => output.clone(),
                _ => Value::Null,
            };
            [
                ("Input", state.input.clone()),
                ("Variables", Value::Object(state.variables.clone())),
                ("Output", output),
            ]
        })
    };
    move || {
        let part = |(label, value): (&'static str, Value)| {
            view! {
                <section>
                    <h2 class="mb-1 text-sm font-medium text-text-2">{label}</h2>
                    <Json value=value />
                </section>
            }
        };
        parts().into_iter().map(part).collect_view()
    }
}

#[component]
fn OfStep(fold: RwSignal<RunFold>, graph: StoredValue<Graph>, node: NodeId) -> impl IntoView {
    let title = graph.with_value(|graph| {
        graph.node(&node).map_or_else(|| node.to_string(), |node| node.title().to_owned())
    });
    let turns = Memo::new(move |_| {
        fold.with(|fold| graph.with_value(|graph| turns_of(fold, graph, &node)))
    });
    let left_out = move || {
        let count = turns.with(Vec::len);
        let is_cut = fold.with(|fold| fold.older().is_some());
        match (count > TURNS_MAX, is_cut) {
            (true, _) => Some(format!("The newest {TURNS_MAX} of {count} that are known.")),
            (false, true) => Some(
                "Only what the newest events tell. Fetch older events in the timeline for what was before.".to_owned(),
            ),
            (false, false) if count == 0 => Some("The run has not come to this step.".to_owned()),
            (false, false) => None,
        }
    };
    view! {
        <h2 class="text-base font-semibold">{title}</h2>
        {move || left_out().map(|words| view! { <p class="text-sm text-text-2">{words}</p> })}
        {move || {
            turns
                .with(|turns| turns.iter().take(TURNS_MAX).cloned().collect::<Vec<_>>())
                .into_iter()
                .map(|turn| view! { <Turn turn=turn /> })
                .collect_view()
        }}
    }
}

#[component]
fn Turn(turn: StepTurn) -> impl IntoView {
    let StepTurn { turn, state, given, gave, why } = turn;
    let (tone, icon, word) = state_look(state);
    let part = |label: &'static str, value: Value| {
        view! {
            <div>
                <h3 class="mb-1 text-sm text-text-2">{label}</h3>
                <Json value=value />
            </div>
        }
    };
    view! {
        <section class="flex flex-col gap-2 border-t border-line pt-3" data-testid="step-turn">
            <p class="flex flex-wrap items-center gap-2 text-sm">
                <StateBadge tone=tone icon=icon label=word />
                {turn}
            </p>
            {why.map(|why| view! { <p class="text-sm break-words">{why}</p> })}
            {given.map(|given| part("Was given", given))}
            {gave.map(|gave| part("Gave", gave))}
        </section>
    }
}

#[component]
fn Json(value: Value) -> impl IntoView {
    view! {
        <pre class="overflow-x-auto rounded bg-surface-2 p-3 font-mono text-xs whitespace-pre-wrap break-words">
            {serde_json::to_string_pretty(&value).unwrap_or_default()}
        </pre>
    }
}

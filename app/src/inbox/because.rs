//! Why an item exists, and what the send gate says about its message.

use super::card::Plain;
use crate::runs::started_by;
use crate::ui::{Glyph, Icon, Time};
use leptos::prelude::*;
use leptos_router::components::A;
use signalbox::id::{RunId, WorkflowId};
use signalbox::wire::{Because, GateVerdict};

/// Why it exists.
#[component]
pub(super) fn BecauseView(
    because: Because,
    run: Option<RunId>,
    workflow: Option<(WorkflowId, String)>,
) -> impl IntoView {
    let step = (!because.node_title.is_empty()).then(|| because.node_title.clone());
    let sources =
        [("Input of the run", because.input), ("What the step was given", because.parameters)];
    view! {
        <section aria-label="Why this exists" class="text-sm">
            <h3 class="font-medium">"Why this exists"</h3>
            <p class="mt-1 text-text-2">
                {workflow
                    .map(|(id, name)| {
                        view! {
                            <span>
                                "Workflow "
                                <A href=format!("/workflows/{id}") attr:class="text-accent underline">
                                    {name}
                                </A>
                            </span>
                        }
                    })}
                {step.map(|title| view! { <span>", step " {title}</span> })}
                {(!because.started_by.is_empty())
                    .then(|| {
                        view! { <span>", started by " {started_by(because.started_by.clone())}</span> }
                    })}
                {run
                    .map(|id| {
                        view! {
                            <span>
                                ". "
                                <A href=format!("/runs/{id}") attr:class="text-accent underline">
                                    "Open the run"
                                </A>
                            </span>
                        }
                    })}
            </p>
            {(!because.written_by.is_empty())
                .then(|| {
                    view! { <p class="mt-1 text-text-2">"Written by " {because.written_by.clone()}</p> }
                })}
            {sources
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(label, value)| {
                    view! {
                        <details class="mt-2">
                            <summary class="cursor-pointer text-text-2">{label}</summary>
                            <div class="mt-1">
                                <Plain value=value />
                            </div>
                        </details>
                    }
                })
                .collect_view()}
        </section>
    }
}

/// The gate's verdict and its checks.
#[component]
pub(super) fn GateView(gate: GateVerdict, pending: bool) -> impl IntoView {
    let failed = gate.checks.iter().any(|check| !check.passed && check.name != "approval");
    let (icon, class) = if gate.verdict == "refuse" || failed {
        (Icon::Alert, "text-stop")
    } else {
        (Icon::CircleCheck, "text-clear")
    };
    view! {
        <section aria-label="Send gate" class="text-sm">
            <h3 class="font-medium">"Send gate"</h3>
            <p class=format!("mt-1 flex items-start gap-2 {class}")>
                <Glyph icon=icon />
                <span class="text-text-1">
                    {gate.because.clone()}
                    {gate
                        .not_before
                        .filter(|_| pending)
                        .map(|at| {
                            view! {
                                <span>
                                    " Not before " <Time at_ms=at.timestamp_millis() /> "."
                                </span>
                            }
                        })}
                </span>
            </p>
            <details class="mt-1">
                <summary class="cursor-pointer text-text-2">
                    {format!("{} checks", gate.checks.len())}
                </summary>
                <ul class="mt-1 flex flex-col gap-1">
                    {gate
                        .checks
                        .into_iter()
                        .map(|check| {
                            let (icon, class) = if check.passed {
                                (Icon::Check, "text-clear")
                            } else {
                                (Icon::Hand, "text-wait")
                            };
                            let name = check.name.replace('_', " ");
                            view! {
                                <li class="flex items-start gap-2">
                                    <span class=class>
                                        <Glyph icon=icon />
                                    </span>
                                    <span>
                                        <span class="font-medium capitalize">{name}</span>
                                        ": "
                                        {check.detail}
                                    </span>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </details>
        </section>
    }
}

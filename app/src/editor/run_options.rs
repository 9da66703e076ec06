//! How a run goes, besides its input: dry, within a time, with people looking at what steps made.

use super::Editor;
use super::panel::DurationField;
use crate::ui::{Bind, Checkbox, TextInput};
use leptos::prelude::*;
use signalbox::graph::{Catalogue, Node, NodeKind, ReviewPolicy, ToolNames};
use signalbox::id::NodeId;
use signalbox::run::{Escalation, ExecutionOptions, Hitl};
use std::collections::BTreeSet;

/// What the form says. A handle.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    /// Nothing is asked or sent.
    pub(super) dry_run: RwSignal<bool>,
    timeout_ms: RwSignal<Option<u64>>,
    reviewed: RwSignal<BTreeSet<NodeId>>,
    expires_ms: RwSignal<Option<u64>>,
    escalate_ms: RwSignal<Option<u64>>,
    escalate_to: RwSignal<String>,
}

impl Default for Chosen {
    fn default() -> Self {
        Self {
            dry_run: RwSignal::new(false),
            timeout_ms: RwSignal::new(None),
            reviewed: RwSignal::new(BTreeSet::new()),
            expires_ms: RwSignal::new(None),
            escalate_ms: RwSignal::new(None),
            escalate_to: RwSignal::new(String::new()),
        }
    }
}

impl Chosen {
    /// People in the run; none when no step was chosen.
    pub(super) fn hitl(&self) -> Option<Hitl> {
        let required_for = self
            .reviewed
            .with_untracked(|reviewed| reviewed.iter().map(NodeId::to_string).collect::<Vec<_>>());
        if required_for.is_empty() {
            return None;
        }
        let to = self.escalate_to.with_untracked(|to| to.trim().to_owned());
        let escalation = self.escalate_ms.get_untracked().map(|after_ms| Escalation {
            after_ms: Some(after_ms),
            to: (!to.is_empty()).then_some(to),
        });
        Some(Hitl {
            required_for,
            timeout_ms: self.expires_ms.get_untracked(),
            escalation,
            ..Hitl::default()
        })
    }

    /// The run as a whole.
    pub(super) fn options(&self) -> ExecutionOptions {
        ExecutionOptions {
            timeout_ms: self.timeout_ms.get_untracked(),
            dry_run: self.dry_run.get_untracked(),
            ..ExecutionOptions::default()
        }
    }
}

/// Whether a person can look at what a step makes. What leaves through the send gate is decided about there.
fn makes_something(node: &Node) -> bool {
    let is_gated =
        matches!(&node.kind, NodeKind::Action(action) if Catalogue.is_gated(&action.tool));
    node.kind.makes_call() && !is_gated
}

#[component]
pub(super) fn RunOptionsForm(editor: Editor, chosen: Chosen) -> impl IntoView {
    let steps: Vec<(NodeId, String)> = editor.canvas.with_document(|document| {
        let nodes = document.graph().nodes.iter().filter(|node| makes_something(node));
        nodes.map(|node| (node.id.clone(), node.title().to_owned())).collect()
    });
    let now = Signal::stored(false);
    view! {
        <Checkbox
            name="run-dry"
            label="Dry run"
            help="Shows the whole path. No model is asked, nothing is sent, and answers are made up."
            value=chosen.dry_run
        />
        <details class="rounded border border-line px-3 py-2">
            <summary class="cursor-pointer text-sm font-medium">"More about this run"</summary>
            <div class="mt-3 flex flex-col gap-4">
                <DurationField
                    name="run-limit"
                    label="Time limit"
                    help="Working time; waiting for people and timers does not count. Empty: the workflow's own."
                    value=Bind::from(chosen.timeout_ms)
                    disabled=now
                />
                {(!steps.is_empty()).then(|| view! { <Reviewed steps=steps chosen=chosen /> })}
            </div>
        </details>
    }
}

/// Which outputs a person looks at before they flow on.
#[component]
fn Reviewed(steps: Vec<(NodeId, String)>, chosen: Chosen) -> impl IntoView {
    let tick = move |(id, title): (NodeId, String)| {
        let (name, own) = (format!("run-review-{id}"), id.clone());
        let ticked =
            Signal::derive(move || chosen.reviewed.with(|reviewed| reviewed.contains(&own)));
        let value = Bind::new(ticked, move |on| {
            chosen.reviewed.update(|reviewed| {
                match on {
                    true => reviewed.insert(id.clone()),
                    false => reviewed.remove(&id),
                };
            });
        });
        view! { <Checkbox name=name label=title value=value /> }
    };
    let asks = move || chosen.reviewed.with(|reviewed| !reviewed.is_empty());
    let now = Signal::stored(false);
    view! {
        <fieldset class="flex flex-col gap-2">
            <legend class="mb-1 text-sm font-medium">"A person looks at the output of"</legend>
            <p class="text-xs text-text-3">
                {format!(
                    "A scoring model looks first. Nobody is asked where it gives {} of 1 or more, unless the step says \
                    otherwise.",
                    ReviewPolicy::THRESHOLD_DEFAULT,
                )}
            </p>
            {steps.into_iter().map(tick).collect_view()}
        </fieldset>
        <Show when=asks>
            <DurationField
                name="run-review-expires"
                label="The step fails when nobody decides within"
                value=Bind::from(chosen.expires_ms)
                disabled=now
            />
            <DurationField
                name="run-escalate-after"
                label="Somebody else is asked after"
                value=Bind::from(chosen.escalate_ms)
                disabled=now
            />
            <Show when=move || chosen.escalate_ms.with(Option::is_some)>
                <TextInput
                    name="run-escalate-to"
                    label="Who is asked then"
                    help="A member's name or an address. Empty: anybody who may approve."
                    value=chosen.escalate_to
                    optional=true
                />
            </Show>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_a_run_can_have_reviewed_is_offered() {
        let offered = |tool: &str| {
            let kind = json!({ "type": "action", "tool": tool, "parameters": {} });
            let node = serde_json::from_value(json!({ "id": "a", "kind": kind })).expect("a node");
            makes_something(&node)
        };
        assert!(offered("http.request"));
        assert!(!offered("email.send") && !offered("set_variables"));
    }
}

//! How a step is run: condition, retries, time limit, what a failure does, whether a person looks.

use super::duration_field::DurationField;
use super::step::Step;
use crate::editor::form::{Language, TemplateField};
use crate::ui::{Bind, SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use signalbox::graph::{ApprovalTiming, FailurePolicy, KindTag, RetryPolicy};

/// A choice that may be unset, as words of a select.
fn choice<T: Copy + PartialEq + Send + Sync + 'static>(
    bind: Bind<Option<T>>,
    words: &'static [(T, &'static str)],
) -> Bind<String> {
    let read = move || {
        let value = bind.get();
        let at = words.iter().position(|(own, _)| Some(*own) == value);
        at.map(|at| at.to_string()).unwrap_or_default()
    };
    Bind::new(Signal::derive(read), move |text: String| {
        let at = text.parse::<usize>().ok();
        bind.set(at.and_then(|at| words.get(at)).map(|(value, _)| *value));
    })
}

fn options<T>(unset: &str, words: &'static [(T, &'static str)]) -> Vec<SelectOption> {
    let first = SelectOption::new("", unset);
    let rest =
        words.iter().enumerate().map(|(at, (_, words))| SelectOption::new(at.to_string(), *words));
    std::iter::once(first).chain(rest).collect()
}

const FAILURES: &[(FailurePolicy, &str)] = &[
    (FailurePolicy::Fail, "End the run as failed"),
    (FailurePolicy::Skip, "Skip the step"),
    (FailurePolicy::Block, "Wait for a person"),
    (FailurePolicy::Replan, "Wait until the run is replaced"),
    (FailurePolicy::Abort, "End the run at once"),
    (FailurePolicy::ContinuePartial, "Go on without its output"),
];

const APPROVALS: &[(ApprovalTiming, &str)] =
    &[(ApprovalTiming::Before, "Before it runs"), (ApprovalTiming::After, "After it has run")];

#[component]
pub(super) fn PolicyForm(step: Step) -> impl IntoView {
    let tag = step.node.with_untracked(|node| node.kind.tag());
    // Neither has work that could fail or wait.
    if matches!(tag, KindTag::Trigger | KindTag::End) {
        return ().into_any();
    }
    // What a step does not honour is not offered; another tool may change that.
    let calls = Memo::new(move |_| step.node.with(|node| node.kind.makes_call()));
    let limit_help = match tag {
        KindTag::Subworkflow => "From when the other run begins; what it waits for counts too.",
        _ => "Working time; waiting for people and timers does not count.",
    };
    let condition = step.bind_policy(
        "condition",
        |policy| policy.condition.clone().unwrap_or_default(),
        |policy, text: String| policy.condition = (!text.trim().is_empty()).then_some(text),
    );
    let timeout = step.bind_policy(
        "timeout",
        |policy| policy.timeout_ms,
        |policy, ms| policy.timeout_ms = ms,
    );
    let on_failure = step.bind_policy(
        "on_failure",
        |policy| policy.on_failure,
        |policy, value| policy.on_failure = value,
    );
    let approval = step.bind_policy(
        "approval",
        |policy| policy.approval,
        |policy, value| policy.approval = value,
    );
    let set = move || {
        step.node.with(|node| {
            let policy = &node.policy;
            let parts = [
                policy.condition.is_some(),
                policy.retry.is_some(),
                policy.timeout_ms.is_some(),
                policy.on_failure.is_some(),
                policy.approval.is_some(),
            ];
            parts.into_iter().filter(|part| *part).count()
        })
    };
    view! {
        <details class="rounded border border-line">
            <summary class="px-3 py-2 font-medium">
                "How it runs "
                <span class="font-normal text-text-3">
                    {move || match set() {
                        0 => "as usual".to_owned(),
                        count => format!("{count} set"),
                    }}
                </span>
            </summary>
            <div class="flex flex-col gap-3 border-t border-line p-3">
                <TemplateField
                    name="policy-condition"
                    label="Only if"
                    help="The step is skipped when this is false."
                    value=condition
                    language=Language::Expression
                    variables=step.variables
                    disabled=step.readonly()
                />
                <Show when=move || calls.get()>
                    <Retries step=step />
                </Show>
                <Show when=move || calls.get()>
                    <DurationField
                        name="policy-timeout"
                        label="Time limit of one attempt"
                        help=limit_help
                        value=timeout
                        disabled=step.readonly()
                    />
                </Show>
                <SelectField
                    name="policy-failure"
                    label="If it fails"
                    help="Only when its error port leads nowhere."
                    value=choice(on_failure, FAILURES)
                    options=options("As its kind says", FAILURES)
                    disabled=step.readonly()
                />
                <Show when=move || calls.get()>
                    <SelectField
                        name="policy-approval"
                        label="A person decides"
                        value=choice(approval, APPROVALS)
                        options=options("Only where the tool asks for it", APPROVALS)
                        disabled=step.readonly()
                    />
                </Show>
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn Retries(step: Step) -> impl IntoView {
    let error = RwSignal::new(None::<String>);
    let write = move |text: String| {
        let text = text.trim();
        let number = if text.is_empty() { Ok(0) } else { text.parse::<u32>() };
        match number {
            Ok(number) if number <= 20 => {
                error.set(None);
                let mut policy = step.node.with_untracked(|node| node.policy.clone());
                policy.retry = (number > 0).then(|| {
                    let old = policy.retry.clone();
                    let fresh = RetryPolicy {
                        retries_max: number,
                        backoff_ms: RetryPolicy::backoff_default_ms(),
                        retry_on: Vec::new(),
                    };
                    RetryPolicy { retries_max: number, ..old.unwrap_or(fresh) }
                });
                step.id.with_value(|id| step.canvas().set_policy(id, policy, "retry"));
            }
            _ => error.set(Some("This must be a whole number from 0 to 20".to_owned())),
        }
    };
    let read = move || {
        step.node.with(|node| {
            node.policy
                .retry
                .as_ref()
                .map(|retry| retry.retries_max.to_string())
                .unwrap_or_default()
        })
    };
    let backoff = step.bind_policy(
        "backoff",
        |policy| policy.retry.as_ref().map(|retry| retry.backoff_ms),
        |policy, ms: Option<u64>| {
            if let (Some(retry), Some(ms)) = (&mut policy.retry, ms) {
                retry.backoff_ms = ms;
            }
        },
    );
    let retrying = Memo::new(move |_| step.node.with(|node| node.policy.retry.is_some()));
    view! {
        <TextInput
            name="policy-retries"
            label="Retries"
            help="How often a failed attempt is tried again."
            value=Bind::new(Signal::derive(read), write)
            error=error
            disabled=step.readonly()
        />
        <Show when=move || retrying.get()>
            <DurationField
                name="policy-backoff"
                label="Pause before the first retry"
                help="It doubles with each retry."
                value=backoff
                disabled=step.readonly()
            />
        </Show>
    }
}

//! The trigger: by whom or what, and the schema of the run's input.

mod event;
mod schedule;

use crate::editor::form::JsonField;
use crate::editor::panel::step::{Step, setting};
use crate::ui::{Button, ButtonKind, Icon, SelectField, SelectOption, TextInput, Toasts};
use event::Event;
use leptos::prelude::*;
use schedule::Schedule;
use serde_json::Value;
use signalbox::graph::{NodeKind, TriggerKind};

fn trigger(kind: &NodeKind) -> Option<&TriggerKind> {
    match kind {
        NodeKind::Trigger(settings) => Some(&settings.trigger),
        _ => None,
    }
}

fn word(kind: &NodeKind) -> String {
    match trigger(kind) {
        Some(TriggerKind::Webhook { .. }) => "webhook",
        Some(TriggerKind::Schedule { .. }) => "schedule",
        Some(TriggerKind::Event { .. }) => "event",
        _ => "manual",
    }
    .to_owned()
}

fn fresh(word: &str) -> TriggerKind {
    match word {
        "webhook" => TriggerKind::Webhook { path: String::new() },
        "schedule" => TriggerKind::Schedule { cron: "0 9 * * 1".into(), timezone: None },
        "event" => TriggerKind::Event { event_type: "customer.created".into() },
        _ => TriggerKind::Manual,
    }
}

#[component]
pub(super) fn TriggerForm(step: Step) -> impl IntoView {
    let choice = step.bind("on", word, |kind, text: String| {
        if word(kind) != text
            && let NodeKind::Trigger(settings) = kind
        {
            settings.trigger = fresh(&text);
        }
    });
    let options = vec![
        SelectOption::new("manual", "By hand, or the API"),
        SelectOption::new("webhook", "By webhook"),
        SelectOption::new("schedule", "By schedule"),
        SelectOption::new("event", "By an event here"),
    ];
    let which = Memo::new(move |_| choice.get());
    let schema = setting!(step, Trigger.input_schema);
    view! {
        <SelectField name="trigger-on" label="Started" value=choice options=options disabled=step.readonly() />
        {move || match which.get().as_str() {
            "webhook" => view! { <Webhook step=step /> }.into_any(),
            "schedule" => view! { <Schedule step=step /> }.into_any(),
            "event" => view! { <Event step=step /> }.into_any(),
            _ => ().into_any(),
        }}
        <JsonField
            name="trigger-schema"
            label="Input"
            help="A JSON schema: the start form shows its properties, and templates can name them as input.<name>."
            hint=r#"{"type": "object", "properties": {"customerId": {"type": "string"}}}"#
            value=Signal::derive(move || schema.get())
            on_change=Callback::new(move |value: Option<Value>| schema.set(value.unwrap_or(Value::Null)))
            rows=8
            disabled=step.readonly()
        />
    }
}

#[component]
fn Webhook(step: Step) -> impl IntoView {
    let path = step.bind(
        "path",
        |kind| match trigger(kind) {
            Some(TriggerKind::Webhook { path }) => path.clone(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Trigger(settings) = kind {
                settings.trigger = TriggerKind::Webhook { path: text };
            }
        },
    );
    let error = Signal::derive(move || {
        let path = path.get();
        (!path.is_empty() && !path.starts_with('/')).then(|| "It must start with /".to_owned())
    });
    let address = step.editor.hook_url;
    let toasts = Toasts::expect();
    let copy = move |_| {
        if let Some(address) = address.get_untracked() {
            crate::editor::code::to_clipboard(address, toasts);
        }
    };
    view! {
        <TextInput
            name="trigger-path"
            label="Path"
            help="Empty: any path."
            value=path
            error=error
            mono=true
            disabled=step.readonly()
        />
        <div class="flex flex-col gap-1 text-sm">
            <span class="font-medium">"Address"</span>
            {move || match address.get() {
                Some(address) => {
                    view! {
                        <div class="flex items-start gap-1">
                            <code class="min-w-0 flex-1 break-all" data-testid="hook-url">{address}</code>
                            <Button kind=ButtonKind::Quiet icon=Icon::Copy on_click=copy>"Copy"</Button>
                        </div>
                    }
                        .into_any()
                }
                None => {
                    view! { <p class="text-text-3">"It is made when the workflow is published."</p> }.into_any()
                }
            }}
        </div>
    }
}

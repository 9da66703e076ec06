//! The trigger: by whom or what, and the schema of the run's input.

mod event;
mod schedule;

use super::webhook::{self, Webhook};
use crate::editor::form::JsonField;
use crate::editor::panel::step::{Step, setting};
use crate::ui::{SelectField, SelectOption};
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
        "webhook" => webhook::fresh(),
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

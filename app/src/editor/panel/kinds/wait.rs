//! A wait: for a duration, until a time, for an outside event, or for the first of several.

use super::event_name::EventName;
use crate::editor::form::{JsonField, Language, TemplateField};
use crate::editor::panel::duration_field::DurationField;
use crate::editor::panel::step::Step;
use crate::ui::{SelectField, SelectOption};
use leptos::prelude::*;
use signalbox::event_type::{self, EventType};
use signalbox::graph::{NodeKind, WaitAlternative, WaitFor, WaitUntil};

const DAY_MS: u64 = 86_400_000;

fn until(kind: &NodeKind) -> Option<&WaitUntil> {
    match kind {
        NodeKind::Wait(settings) => Some(&settings.until),
        _ => None,
    }
}

fn word(kind: &NodeKind) -> String {
    match until(kind) {
        Some(WaitUntil::Time { .. }) => "time",
        Some(WaitUntil::Event { .. }) => "event",
        Some(WaitUntil::First { .. }) => "first",
        _ => "duration",
    }
    .to_owned()
}

fn fresh(word: &str) -> WaitUntil {
    match word {
        "time" => WaitUntil::Time { at: String::new() },
        "first" => WaitUntil::First {
            of: vec![
                WaitAlternative {
                    port: "event".to_owned(),
                    what: WaitFor::Event {
                        event: event_type::EMAIL_REPLIED.to_owned(),
                        condition: None,
                    },
                },
                WaitAlternative {
                    port: "later".to_owned(),
                    what: WaitFor::Duration { duration_ms: 7 * DAY_MS },
                },
            ],
        },
        "event" => WaitUntil::Event {
            event: event_type::EMAIL_REPLIED.to_owned(),
            condition: None,
            limit_ms: Some(7 * DAY_MS),
        },
        _ => WaitUntil::Duration { duration_ms: DAY_MS },
    }
}

#[component]
pub(super) fn WaitForm(step: Step) -> impl IntoView {
    let choice = step.bind("for", word, |kind, text: String| {
        if word(kind) != text
            && let NodeKind::Wait(settings) = kind
        {
            settings.until = fresh(&text);
        }
    });
    let options = vec![
        SelectOption::new("duration", "For a time"),
        SelectOption::new("time", "Until a time"),
        SelectOption::new("event", "For an event"),
        SelectOption::new("first", "For the first of several"),
    ];
    let which = Memo::new(move |_| choice.get());
    view! {
        <SelectField name="wait-for" label="Waits" value=choice options=options disabled=step.readonly() />
        {move || match which.get().as_str() {
            "time" => view! { <Time step=step /> }.into_any(),
            "event" => view! { <Event step=step /> }.into_any(),
            "first" => view! { <First step=step /> }.into_any(),
            _ => view! { <Duration step=step /> }.into_any(),
        }}
    }
}

#[component]
fn Duration(step: Step) -> impl IntoView {
    let duration = step.bind(
        "duration",
        |kind| match until(kind) {
            Some(WaitUntil::Duration { duration_ms }) => Some(*duration_ms),
            _ => None,
        },
        |kind, ms: Option<u64>| {
            if let (NodeKind::Wait(settings), Some(duration_ms)) = (kind, ms) {
                settings.until = WaitUntil::Duration { duration_ms };
            }
        },
    );
    view! { <DurationField name="wait-duration" label="How long" value=duration disabled=step.readonly() /> }
}

#[component]
fn Time(step: Step) -> impl IntoView {
    let at = step.bind(
        "at",
        |kind| match until(kind) {
            Some(WaitUntil::Time { at }) => at.clone(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Wait(settings) = kind {
                settings.until = WaitUntil::Time { at: text };
            }
        },
    );
    view! {
        <TemplateField
            name="wait-at"
            label="Until"
            help="An RFC 3339 time, or a local time such as 2026-12-01 09:00 in the organisation's zone."
            value=at
            language=Language::Template
            variables=step.variables
            required=true
            disabled=step.readonly()
        />
    }
}

fn gives(event: &EventType) -> String {
    format!("The step gives {}.", event.fields.join(", "))
}

#[component]
fn Event(step: Step) -> impl IntoView {
    let event = step.bind(
        "event",
        |kind| match until(kind) {
            Some(WaitUntil::Event { event, .. }) => event.clone(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Wait(settings) = kind
                && let WaitUntil::Event { event, .. } = &mut settings.until
            {
                *event = text;
            }
        },
    );
    let condition = step.bind(
        "condition",
        |kind| match until(kind) {
            Some(WaitUntil::Event { condition, .. }) => condition.clone().unwrap_or_default(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Wait(settings) = kind
                && let WaitUntil::Event { condition, .. } = &mut settings.until
            {
                *condition = (!text.trim().is_empty()).then_some(text);
            }
        },
    );
    let limit = step.bind(
        "limit",
        |kind| match until(kind) {
            Some(WaitUntil::Event { limit_ms, .. }) => *limit_ms,
            _ => None,
        },
        |kind, ms: Option<u64>| {
            if let NodeKind::Wait(settings) = kind
                && let WaitUntil::Event { limit_ms, .. } = &mut settings.until
            {
                *limit_ms = ms;
            }
        },
    );
    view! {
        <EventName
            choice_id="wait-event-type"
            name_id="wait-event"
            value=event
            hint=gives
            disabled=step.readonly()
        />
        <TemplateField
            name="wait-condition"
            label="Only when"
            help="An expression over event. Empty: any event of the name."
            value=condition
            language=Language::Expression
            variables=step.variables
            disabled=step.readonly()
        />
        <DurationField
            name="wait-limit"
            label="At most"
            help="After it the port timeout is taken."
            value=limit
            disabled=step.readonly()
        />
    }
}

/// Its list is written as JSON: each entry makes a port.
#[component]
fn First(step: Step) -> impl IntoView {
    let value = move || {
        step.node.with(|node| match until(&node.kind) {
            Some(WaitUntil::First { of }) => serde_json::to_value(of).unwrap_or_default(),
            _ => serde_json::Value::Null,
        })
    };
    let change = move |value: Option<serde_json::Value>| {
        // What is no list of alternatives is not taken over; the field keeps it while it is edited.
        let Ok(of) = serde_json::from_value(value.unwrap_or_default()) else { return };
        step.change("of", |kind| {
            if let NodeKind::Wait(settings) = kind {
                settings.until = WaitUntil::First { of };
            }
        });
    };
    view! {
        <JsonField
            name="wait-first"
            label="Whichever comes first"
            help="A list: each entry has a port, and for: event, duration or time."
            value=Signal::derive(value)
            on_change=Callback::new(change)
            rows=10
            disabled=step.readonly()
        />
    }
}

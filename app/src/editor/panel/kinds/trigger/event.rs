//! An event: which, and for which of them.

use super::super::event_name::EventName;
use super::trigger;
use crate::editor::form::{Language, TemplateField};
use crate::editor::panel::step::Step;
use leptos::prelude::*;
use signalbox::event_type::EventType;
use signalbox::graph::{NodeKind, TriggerKind};

fn finds(event: &EventType) -> String {
    let fields: Vec<String> = event.fields.iter().map(|field| format!("input.{field}")).collect();
    format!("The run finds {}.", fields.join(", "))
}

#[component]
pub(super) fn Event(step: Step) -> impl IntoView {
    let name = step.bind(
        "event_type",
        |kind| match trigger(kind) {
            Some(TriggerKind::Event { event_type }) => event_type.clone(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Trigger(settings) = kind {
                settings.trigger = TriggerKind::Event { event_type: text };
            }
        },
    );
    let filter = step.bind(
        "filter",
        |kind| match kind {
            NodeKind::Trigger(settings) => settings.filter.clone().unwrap_or_default(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Trigger(settings) = kind {
                settings.filter = (!text.trim().is_empty()).then_some(text);
            }
        },
    );
    view! {
        <EventName
            choice_id="trigger-event-type"
            name_id="trigger-event"
            value=name
            hint=finds
            disabled=step.readonly()
        />
        <TemplateField
            name="trigger-filter"
            label="Only when"
            help="An expression over event. Empty: every one."
            hint="event.customer.status == 'VIP'"
            value=filter
            language=Language::Expression
            variables=step.variables
            disabled=step.readonly()
        />
    }
}

//! An event: which, and for which of them.

use super::trigger;
use crate::editor::form::{Language, TemplateField};
use crate::editor::panel::step::Step;
use crate::ui::{SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use signalbox::event_type;
use signalbox::graph::{NodeKind, TriggerKind};

/// The choice that lets one type the name of an event of the outside.
const OTHER: &str = "";

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
    let choice = step.bind(
        "event_type",
        |kind| match trigger(kind) {
            Some(TriggerKind::Event { event_type }) => {
                event_type::find(event_type).map_or(OTHER, |found| found.name).to_owned()
            }
            _ => OTHER.to_owned(),
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
    let known = event_type::ALL.iter().map(|event| SelectOption::new(event.name, event.says));
    let options: Vec<SelectOption> =
        known.chain([SelectOption::new(OTHER, "Something else")]).collect();
    let found = Memo::new(move |_| event_type::find(&name.get()));
    view! {
        <SelectField
            name="trigger-event-type"
            label="Event"
            value=choice
            options=options
            disabled=step.readonly()
        />
        {move || match found.get() {
            Some(event) => {
                let fields = event.fields.iter().map(|field| format!("input.{field}"));
                let fields = fields.collect::<Vec<_>>().join(", ");
                view! { <p class="text-xs text-text-3">{format!("The run finds {fields}.")}</p> }.into_any()
            }
            None => {
                view! {
                    <TextInput
                        name="trigger-event"
                        label="Name"
                        help="The name under which it is sent, such as order.placed."
                        value=name
                        mono=true
                        disabled=step.readonly()
                    />
                }
                    .into_any()
            }
        }}
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

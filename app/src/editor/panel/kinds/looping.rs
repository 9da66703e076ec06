//! A loop: the list, the item's name, how many turns at once.

use crate::editor::form::{Language, TemplateField};
use crate::editor::panel::step::{Step, setting};
use crate::ui::{Bind, TextInput};
use leptos::prelude::*;
use signalbox::graph::NodeKind;

#[component]
pub(super) fn LoopForm(step: Step) -> impl IntoView {
    let variable = step.bind(
        "item_variable",
        |kind| match kind {
            NodeKind::Loop(settings) => settings.item_variable.clone().unwrap_or_default(),
            _ => String::new(),
        },
        |kind, text: String| {
            if let NodeKind::Loop(settings) = kind {
                settings.item_variable = (!text.trim().is_empty()).then_some(text);
            }
        },
    );
    let error = RwSignal::new(None::<String>);
    let concurrency = Bind::new(
        Signal::derive(move || {
            step.node.with(|node| match &node.kind {
                NodeKind::Loop(settings) => settings.concurrency.to_string(),
                _ => String::new(),
            })
        }),
        move |text: String| match text.trim().parse::<u32>() {
            Ok(number) if (1..=100).contains(&number) => {
                error.set(None);
                step.change("concurrency", |kind| {
                    if let NodeKind::Loop(settings) = kind {
                        settings.concurrency = number;
                    }
                });
            }
            _ => error.set(Some("This must be a whole number from 1 to 100".to_owned())),
        },
    );
    view! {
        <TemplateField
            name="loop-items"
            label="For each of"
            help="A list. The steps after next run once for each item and lead back here; done follows the last."
            hint="{{steps.get_customers.output.customers}}"
            value=setting!(step, Loop.items)
            language=Language::Template
            variables=step.variables
            required=true
            disabled=step.readonly()
        />
        <TextInput
            name="loop-variable"
            label="Name of the item"
            help="Beside loop.item, the item is also known under this name."
            value=variable
            mono=true
            optional=true
            disabled=step.readonly()
        />
        <TextInput
            name="loop-concurrency"
            label="Turns at once"
            value=concurrency
            error=error
            disabled=step.readonly()
        />
    }
}

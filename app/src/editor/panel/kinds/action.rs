//! An action: its tool, and the form made from the tool's schema. Parameters the schema does not
//! know stay, and can be seen and changed as JSON.

use crate::editor::form::model::{fields, with_field};
use crate::editor::form::{JsonField, SchemaForm};
use crate::editor::panel::step::{Step, setting};
use crate::ui::{Badge, SelectField, SelectOption};
use leptos::prelude::*;
use serde_json::{Map, Value};
use signalbox::tool::{Effect, ToolSpec, catalogue, find};

#[component]
pub(super) fn ActionForm(step: Step) -> impl IntoView {
    let tool = setting!(step, Action.tool);
    let known = Memo::new(move |_| find(&tool.get()).map(|spec| spec.name.clone()));
    // An alias is kept as it is written until another tool is chosen.
    let chosen = crate::ui::Bind::new(
        Signal::derive(move || known.get().unwrap_or_else(|| tool.get())),
        move |name: String| tool.set(name),
    );
    let options = move || {
        let mut options: Vec<SelectOption> = catalogue()
            .iter()
            .map(|spec| SelectOption::new(spec.name.clone(), spec.label.clone()))
            .collect();
        let own = tool.get();
        if find(&own).is_none() {
            let words = if own.is_empty() {
                "Choose a tool".to_owned()
            } else {
                format!("{own} (unknown)")
            };
            options.insert(0, SelectOption::new(own, words));
        }
        options
    };
    view! {
        <SelectField
            name="action-tool"
            label="Tool"
            value=chosen
            options=Signal::derive(options)
            disabled=step.readonly()
        />
        {move || match known.get().as_deref().and_then(find) {
            Some(spec) => view! { <Parameters step=step spec=spec /> }.into_any(),
            None => view! { <AllParameters step=step /> }.into_any(),
        }}
    }
}

fn effect_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Pure => "Computes only",
        Effect::Read => "Reads",
        Effect::Write => "Changes data",
        Effect::Outbound => "Sends a message",
    }
}

#[component]
fn Parameters(step: Step, spec: &'static ToolSpec) -> impl IntoView {
    let parameters = setting!(step, Action.parameters);
    let value = Signal::derive(move || parameters.get());
    let known: Vec<String> = fields(&spec.input).into_iter().map(|field| field.name).collect();
    let others = move || {
        let known = known.clone();
        value.with(|value| {
            let object = value.as_object();
            object
                .into_iter()
                .flatten()
                .filter(|(name, _)| !known.contains(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect::<Map<String, Value>>()
        })
    };
    let others = Memo::new(move |_| others());
    let has_others = Memo::new(move |_| others.with(|others| !others.is_empty()));
    let change_others = move |new: Option<Value>| {
        let new = new.unwrap_or(Value::Object(Map::new()));
        let Some(new) = new.as_object() else { return };
        let mut object = parameters.get_untracked();
        for name in others.get_untracked().keys().filter(|name| !new.contains_key(*name)) {
            object = with_field(&object, name, None);
        }
        for (name, value) in new {
            object = with_field(&object, name, Some(value.clone()));
        }
        parameters.set(object);
    };
    view! {
        <div class="flex flex-col gap-1">
            <p class="text-sm text-text-2">{spec.description.clone()}</p>
            <div>
                <Badge>{effect_words(spec.effect)}</Badge>
            </div>
        </div>
        <SchemaForm
            schema=spec.input.clone()
            value=value
            on_change=Callback::new(move |value| parameters.set(value))
            prefix="parameter"
            variables=step.variables
            disabled=step.readonly()
        />
        <Show when=move || has_others.get()>
            <JsonField
                name="parameter-others"
                label="Other parameters"
                help="The tool does not know these. They are kept."
                value=Signal::derive(move || Value::Object(others.get()))
                on_change=Callback::new(change_others)
                disabled=step.readonly()
            />
        </Show>
    }
}

/// Of a tool that is not known.
#[component]
fn AllParameters(step: Step) -> impl IntoView {
    let parameters = setting!(step, Action.parameters);
    view! {
        <JsonField
            name="parameters"
            label="Parameters"
            value=Signal::derive(move || parameters.get())
            on_change=Callback::new(move |value: Option<Value>| parameters.set(value.unwrap_or(Value::Null)))
            rows=8
            disabled=step.readonly()
        />
    }
}

//! A model step: prompts, model, output, tools it may read with.

use crate::editor::form::model::{Control, number_from, shown};
use crate::editor::form::{JsonField, Language, TemplateField};
use crate::editor::panel::step::{Step, setting};
use crate::ui::{Bind, Checkbox, SelectField, SelectOption, TextInput};
use leptos::prelude::*;
use serde_json::Value;
use signalbox::graph::{LlmSettings, NodeKind, OutputFormat};
use signalbox::tool::{Effect, catalogue, find};

#[component]
pub(super) fn LlmForm(step: Step) -> impl IntoView {
    let model = step.bind(
        "model",
        |kind| llm(kind).and_then(|settings| settings.model.clone()).unwrap_or_default(),
        |kind, text: String| {
            if let NodeKind::Llm(settings) = kind {
                settings.model = (!text.trim().is_empty()).then_some(text);
            }
        },
    );
    view! {
        <TemplateField
            name="llm-system"
            label="Role and behaviour"
            help="The system prompt."
            value=setting!(step, Llm.system_prompt)
            language=Language::Template
            variables=step.variables
            rows=4
            required=true
            disabled=step.readonly()
        />
        <TemplateField
            name="llm-user"
            label="Task"
            help="The user prompt."
            value=setting!(step, Llm.user_prompt)
            language=Language::Template
            variables=step.variables
            rows=4
            disabled=step.readonly()
        />
        <Output step=step />
        <Tools step=step />
        <details class="rounded border border-line">
            <summary class="px-3 py-2 font-medium">"Model"</summary>
            <div class="flex flex-col gap-3 border-t border-line p-3">
                <TextInput
                    name="llm-model"
                    label="Model"
                    help="Empty: the organisation's."
                    value=model
                    mono=true
                    disabled=step.readonly()
                />
                <Temperature step=step />
                <MaxTokens step=step />
            </div>
        </details>
    }
}

fn llm(kind: &NodeKind) -> Option<&LlmSettings> {
    match kind {
        NodeKind::Llm(settings) => Some(settings),
        _ => None,
    }
}

#[component]
fn Output(step: Step) -> impl IntoView {
    let format = step.bind(
        "output_format",
        |kind| match llm(kind).map(|settings| settings.output_format) {
            Some(OutputFormat::Json) => "json".to_owned(),
            _ => "text".to_owned(),
        },
        |kind, word: String| {
            if let NodeKind::Llm(settings) = kind {
                settings.output_format =
                    if word == "json" { OutputFormat::Json } else { OutputFormat::Text };
            }
        },
    );
    let json = Memo::new(move |_| format.get() == "json");
    let schema = setting!(step, Llm.output_schema);
    let options = vec![SelectOption::new("text", "Text"), SelectOption::new("json", "JSON")];
    view! {
        <SelectField name="llm-format" label="Answer" value=format options=options disabled=step.readonly() />
        <Show when=move || json.get()>
            <JsonField
                name="llm-schema"
                label="Schema of the answer"
                help="A JSON schema. Empty: any JSON."
                value=Signal::derive(move || schema.get())
                on_change=Callback::new(move |value: Option<Value>| schema.set(value.unwrap_or(Value::Null)))
                disabled=step.readonly()
            />
        </Show>
    }
}

/// Tools that read, to be ticked. One the catalogue does not know stays until it is unticked.
#[component]
fn Tools(step: Step) -> impl IntoView {
    let granted = setting!(step, Llm.tools);
    let named = move |name: &str| {
        granted
            .get()
            .iter()
            .any(|own| own == name || find(own).is_some_and(|spec| spec.name == name))
    };
    let toggle = move |name: &str, on: bool| {
        let mut tools = granted.get_untracked();
        tools.retain(|own| own != name && find(own).is_none_or(|spec| spec.name != name));
        if on {
            tools.push(name.to_owned());
        }
        granted.set(tools);
    };
    let unknown = granted.get_untracked().into_iter().filter(|name| find(name).is_none());
    let known = catalogue().iter().filter(|spec| spec.effect == Effect::Read);
    let rows: Vec<(String, String)> = known
        .map(|spec| (spec.name.clone(), spec.label.clone()))
        .chain(unknown.map(|name| (name.clone(), format!("{name} (unknown)"))))
        .collect();
    let row = move |(name, label): (String, String)| {
        let (read, write) = (name.clone(), name.clone());
        let value = Bind::new(Signal::derive(move || named(&read)), move |on| toggle(&write, on));
        view! { <Checkbox name=format!("llm-tool-{name}") label=label value=value disabled=step.readonly() /> }
    };
    view! {
        <fieldset class="flex flex-col gap-1">
            <legend class="mb-1 text-sm font-medium">"Tools it may read with"</legend>
            {rows.into_iter().map(row).collect_view()}
        </fieldset>
    }
}

#[component]
fn Temperature(step: Step) -> impl IntoView {
    let control = Control::Number { whole: false, min: Some(0.0), max: Some(2.0) };
    let read = |settings: &LlmSettings| settings.temperature.map(Value::from);
    let write = |settings: &mut LlmSettings, value: Option<Value>| {
        settings.temperature = value.and_then(|value| value.as_f64());
    };
    number(
        step,
        "llm-temperature",
        "Temperature",
        "0 to 2; empty: the model's own.",
        control,
        read,
        write,
    )
}

#[component]
fn MaxTokens(step: Step) -> impl IntoView {
    let control = Control::Number { whole: true, min: Some(1.0), max: Some(1_000_000.0) };
    let read = |settings: &LlmSettings| settings.max_tokens.map(Value::from);
    let write = |settings: &mut LlmSettings, value: Option<Value>| {
        settings.max_tokens =
            value.and_then(|value| value.as_u64()).and_then(|value| u32::try_from(value).ok());
    };
    number(step, "llm-tokens", "Longest answer", "In tokens.", control, read, write)
}

fn number(
    step: Step,
    name: &'static str,
    label: &'static str,
    help: &'static str,
    control: Control,
    read: fn(&LlmSettings) -> Option<Value>,
    write: fn(&mut LlmSettings, Option<Value>),
) -> impl IntoView {
    let value = move || {
        step.node
            .with(|node| llm(&node.kind).and_then(read))
            .map(|value| shown(&value))
            .unwrap_or_default()
    };
    let error = RwSignal::new(None::<String>);
    let bind = Bind::new(Signal::derive(value), move |text: String| {
        match number_from(&text, &control, false) {
            Ok(new) => {
                error.set(None);
                step.change(name, |kind| {
                    if let NodeKind::Llm(settings) = kind {
                        write(settings, new);
                    }
                });
            }
            Err(words) => error.set(Some(words)),
        }
    });
    view! { <TextInput name=name label=label help=help value=bind error=error disabled=step.readonly() /> }
}

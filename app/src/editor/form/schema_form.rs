//! The form of an object schema. With `templates`, any value may be computed: a number, a choice or
//! a flag has a switch to a template.

use super::field::{CONTROL, Labelled, invalid};
use super::model::{
    Control, Field, NESTING_MAX, fields, is_template, number_from, shown, with_field,
};
use super::{JsonField, Language, ListField, TemplateField};
use crate::editor::variables::Variable;
use crate::ui::Bind;
use leptos::prelude::*;
use serde_json::Value;

/// What the controls of one form have in common.
#[derive(Clone, Copy)]
struct Form {
    value: Signal<Value>,
    on_change: Callback<Value>,
    templates: bool,
    variables: Signal<Vec<Variable>>,
    disabled: Signal<bool>,
    depth: usize,
}

impl Form {
    fn field(&self, name: &str) -> Signal<Value> {
        let (value, name) = (self.value, name.to_owned());
        Signal::derive(move || value.with(|value| value.get(&name).cloned().unwrap_or(Value::Null)))
    }

    fn set(&self, name: &str, new: Option<Value>) {
        let changed = self.value.with_untracked(|value| with_field(value, name, new));
        self.on_change.run(changed);
    }
}

/// The form.
#[component]
pub fn SchemaForm(
    /// An object schema.
    schema: Value,
    /// The object.
    #[prop(into)]
    value: Signal<Value>,
    /// Called with the whole changed object.
    #[prop(into)]
    on_change: Callback<Value>,
    /// What ids of controls begin with, unique on the page.
    #[prop(into)]
    prefix: String,
    /// Whether texts are templates.
    #[prop(default = true)]
    templates: bool,
    /// What templates can name.
    #[prop(optional, into)]
    variables: Signal<Vec<Variable>>,
    /// True when it cannot be changed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let form = Form { value, on_change, templates, variables, disabled, depth: 0 };
    form_view(form, fields(&schema), &prefix)
}

fn form_view(form: Form, fields: Vec<Field>, prefix: &str) -> AnyView {
    let controls = fields.into_iter().map(|field| control_view(form, field, prefix)).collect_view();
    view! { <div class="flex flex-col gap-3">{controls}</div> }.into_any()
}

fn control_view(form: Form, field: Field, prefix: &str) -> AnyView {
    let id = format!("{prefix}-{}", field.name);
    match field.control.clone() {
        Control::Text => text_view(form, field, id, Language::Template, 1),
        Control::LongText => text_view(form, field, id, Language::Template, 4),
        Control::Expression => text_view(form, field, id, Language::Expression, 2),
        Control::Number { .. } => number_view(form, field, id),
        Control::Boolean => {
            let choices = vec![Value::Bool(true), Value::Bool(false)];
            choice_view(form, field, id, &choices)
        }
        Control::Choice(choices) => choice_view(form, field, id, &choices),
        Control::TextList => list_view(form, field, id),
        Control::Object(inner) if form.depth < NESTING_MAX => object_view(form, field, inner, &id),
        Control::Object(_) | Control::Json => json_view(form, field, id),
    }
}

fn text_view(form: Form, field: Field, id: String, language: Language, rows: u32) -> AnyView {
    let (read, name) = (form.field(&field.name), field.name.clone());
    let write = move |text: String| {
        form.set(&name, (!text.is_empty()).then_some(Value::String(text)));
    };
    if field.secret {
        return secret_view(
            field,
            id,
            Bind::new(Signal::derive(move || read.with(shown)), write),
            form.disabled,
        );
    }
    let value = Bind::new(Signal::derive(move || read.with(shown)), write);
    if form.templates {
        view! {
            <TemplateField
                name=id
                label=field.label
                value=value
                language=language
                variables=form.variables
                help=field.help
                hint=field.hint.unwrap_or_default()
                rows=rows
                required=field.required
                disabled=form.disabled
            />
        }
        .into_any()
    } else {
        plain_view(field, id, value, rows, form.disabled)
    }
}

fn plain_view(
    field: Field,
    id: String,
    value: Bind<String>,
    rows: u32,
    disabled: Signal<bool>,
) -> AnyView {
    view! {
        <Labelled name=id.clone() label=field.label help=field.help required=field.required>
            <textarea
                id=id.clone()
                name=id
                rows=rows
                class=CONTROL
                placeholder=field.hint
                disabled=move || disabled.get()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            >
                {value.get_untracked()}
            </textarea>
        </Labelled>
    }
    .into_any()
}

fn secret_view(field: Field, id: String, value: Bind<String>, disabled: Signal<bool>) -> AnyView {
    view! {
        <Labelled name=id.clone() label=field.label help=field.help required=field.required>
            <input
                id=id.clone()
                name=id
                // What is read from elsewhere is no secret itself.
                type=move || if is_template(&value.get()) { "text" } else { "password" }
                autocomplete="off"
                class=format!("{CONTROL} h-8")
                disabled=move || disabled.get()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
        </Labelled>
    }
    .into_any()
}

fn number_view(form: Form, field: Field, id: String) -> AnyView {
    let (read, name) = (form.field(&field.name), field.name.clone());
    let text = RwSignal::new(read.with_untracked(shown));
    let (control, templates) = (field.control.clone(), form.templates);
    let parsed = Memo::new(move |_| number_from(&text.get(), &control, templates));
    let error = Signal::derive(move || parsed.with(|parsed| parsed.as_ref().err().cloned()));
    Effect::new(move || {
        let value = read.get();
        let own = parsed.get_untracked().unwrap_or_else(|_| Some(value.clone()));
        if own.unwrap_or(Value::Null) != value {
            text.set(shown(&value));
        }
    });
    let about = format!("{id}-about");
    let disabled = form.disabled;
    view! {
        <Labelled name=id.clone() label=field.label help=field.help required=field.required error=error>
            <input
                id=id.clone()
                name=id
                inputmode="decimal"
                autocomplete="off"
                class=format!("{CONTROL} h-8 tabular-nums")
                placeholder=field.hint
                disabled=move || disabled.get()
                aria-describedby=about
                aria-invalid=invalid(error)
                prop:value=move || text.get()
                on:input=move |event| {
                    text.set(event_target_value(&event));
                    if let Ok(value) = parsed.get_untracked() {
                        form.set(&name, value);
                    }
                }
            />
        </Labelled>
    }
    .into_any()
}

fn choice_words(value: &Value) -> String {
    match value {
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        other => shown(other),
    }
}

/// A list of values; with templates, a last entry that turns the field into a template.
fn choice_view(form: Form, field: Field, id: String, choices: &[Value]) -> AnyView {
    const COMPUTED: &str = "\u{1}computed";
    let read = form.field(&field.name);
    let known = choices.to_vec();
    let computed = Memo::new(move |_| {
        read.with(|value| match value {
            Value::Null => false,
            Value::String(text) => is_template(text) || !known.contains(value),
            other => !known.contains(other),
        })
    });
    let name = field.name.clone();
    let values = choices.to_vec();
    let chosen = move |word: String| {
        let value = match word.as_str() {
            "" => None,
            COMPUTED => Some(Value::String("{{}}".to_owned())),
            word => values.iter().find(|value| reads(value, word)).cloned(),
        };
        form.set(&name, value);
    };
    let options: Vec<(String, String)> =
        choices.iter().map(|value| (value.to_string(), choice_words(value))).collect();
    let (about, disabled, templates) = (format!("{id}-about"), form.disabled, form.templates);
    let selected = move |word: &str| read.with(|value| reads(value, word));
    let template = Field {
        label: format!("{}, computed", field.label),
        help: String::new(),
        control: Control::Text,
        ..field.clone()
    };
    let template_id = format!("{id}-computed");
    let unset = match &field.hint {
        Some(hint) => format!("Not set ({hint})"),
        None => "Not set".to_owned(),
    };
    view! {
        <Labelled name=id.clone() label=field.label help=field.help required=field.required>
            <select
                id=id.clone()
                name=id
                class=format!("{CONTROL} h-8")
                disabled=move || disabled.get()
                aria-describedby=about
                on:change=move |event| chosen(event_target_value(&event))
            >
                <option value="" selected=move || read.with(Value::is_null)>{unset}</option>
                {options
                    .into_iter()
                    .map(|(word, words)| {
                        let own = word.clone();
                        view! { <option value=word selected=move || selected(&own)>{words}</option> }
                    })
                    .collect_view()}
                {templates
                    .then(|| {
                        view! {
                            <option value=COMPUTED selected=move || computed.get()>
                                "Computed…"
                            </option>
                        }
                    })}
            </select>
        </Labelled>
        {move || {
            let (template, id) = (template.clone(), template_id.clone());
            (computed.get() && templates).then(|| text_view(form, template, id, Language::Template, 1))
        }}
    }
    .into_any()
}

fn list_view(form: Form, field: Field, id: String) -> AnyView {
    let read = form.field(&field.name);
    // A template that gives a list is text; it is edited as such.
    let is_list = Memo::new(move |_| read.with(|value| value.is_array() || value.is_null()));
    let control = move || {
        let (field, id) = (field.clone(), id.clone());
        if !is_list.get() {
            return text_view(form, field, id, Language::Template, 1);
        }
        let name = field.name.clone();
        let change = move |value: Option<Value>| form.set(&name, value);
        view! {
            <ListField
                name=id
                label=field.label
                value=read
                on_change=Callback::new(change)
                help=field.help
                disabled=form.disabled
            />
        }
        .into_any()
    };
    control.into_any()
}

fn object_view(form: Form, field: Field, inner: Vec<Field>, id: &str) -> AnyView {
    let name = field.name.clone();
    let inner_form = Form {
        value: form.field(&field.name),
        on_change: Callback::new(move |value: Value| {
            let empty = value.as_object().is_none_or(serde_json::Map::is_empty);
            form.set(&name, (!empty).then_some(value));
        }),
        depth: form.depth + 1,
        ..form
    };
    view! {
        <fieldset class="flex flex-col gap-2 rounded border border-line p-2">
            <legend class="px-1 text-sm font-medium">{field.label}</legend>
            {(!field.help.is_empty()).then(|| view! { <p class="text-xs text-text-3">{field.help}</p> })}
            {form_view(inner_form, inner, id)}
        </fieldset>
    }
    .into_any()
}

fn json_view(form: Form, field: Field, id: String) -> AnyView {
    let name = field.name.clone();
    let change = move |value: Option<Value>| form.set(&name, value);
    view! {
        <JsonField
            name=id
            label=field.label
            value=form.field(&field.name)
            on_change=Callback::new(change)
            help=field.help
            hint=field.hint.unwrap_or_default()
            required=field.required
            disabled=form.disabled
        />
    }
    .into_any()
}

/// Whether a value's JSON is this text.
fn reads(value: &Value, text: &str) -> bool {
    let json = value.to_string();
    json == text
}

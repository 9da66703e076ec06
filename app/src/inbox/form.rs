//! The form of a human node's question, made from its JSON Schema. What is typed is kept as one
//! JSON text, so that a form and a free answer travel the same way.

use crate::ui::{Bind, Checkbox, SelectField, SelectOption, TextArea, TextInput};
use leptos::prelude::*;
use serde_json::{Map, Value};
use signalbox::run::ApprovalKind;

/// Fields shown at most; a larger form is filled as JSON.
const FIELDS_MAX: usize = 40;

/// The form.
#[component]
pub(super) fn AnswerForm(form: Value, answer: RwSignal<String>) -> impl IntoView {
    let Some(fields) = fields_of(&form) else {
        return view! {
            <TextArea name="answer" label="Your answer" value=Bind::from(answer) rows=5 />
        }
        .into_any();
    };
    if answer.with_untracked(String::is_empty) {
        answer.set("{}".into());
    }
    fields
        .into_iter()
        .map(|field| view! { <Input field=field answer=answer /> })
        .collect_view()
        .into_any()
}

#[derive(Clone)]
struct FieldSpec {
    name: String,
    label: String,
    help: String,
    kind: String,
    options: Vec<String>,
    required: bool,
}

fn fields_of(form: &Value) -> Option<Vec<FieldSpec>> {
    let properties = form.get("properties")?.as_object()?;
    if properties.is_empty() || properties.len() > FIELDS_MAX {
        return None;
    }
    let required = form.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |schema: &Value, key: &str| {
        schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let field = |(name, schema): (&String, &Value)| {
        let title = text(schema, "title");
        let options = schema.get("enum").and_then(Value::as_array);
        FieldSpec {
            name: name.clone(),
            label: if title.is_empty() { name.clone() } else { title },
            help: text(schema, "description"),
            kind: text(schema, "type"),
            options: options
                .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            required: required.iter().any(|r| r.as_str() == Some(name)),
        }
    };
    Some(properties.iter().map(field).collect())
}

#[component]
fn Input(field: FieldSpec, answer: RwSignal<String>) -> impl IntoView {
    let (key, kind) = (field.name.clone(), field.kind.clone());
    let read_key = key.clone();
    let read = Signal::derive(move || answer.with(|text| read_field(text, &read_key)));
    let write = move |text: String| {
        answer.update(|all| *all = write_field(all, &key, &kind, &text));
    };
    let name = format!("answer-{}", field.name);
    let label =
        if field.required { field.label.clone() } else { format!("{} (optional)", field.label) };
    if field.kind == "boolean" {
        let ticked = Bind::new(Signal::derive(move || read.get() == "true"), move |on: bool| {
            write(on.to_string());
        });
        return view! { <Checkbox name=name label=label value=ticked help=field.help /> }
            .into_any();
    }
    if !field.options.is_empty() {
        let mut options = vec![SelectOption::new("", "Choose")];
        options.extend(field.options.iter().map(|o| SelectOption::new(o.clone(), o.clone())));
        return view! {
            <SelectField
                name=name
                label=label
                value=Bind::new(read, write)
                options=Signal::stored(options)
                help=field.help
            />
        }
        .into_any();
    }
    let input_type =
        if matches!(field.kind.as_str(), "number" | "integer") { "number" } else { "text" };
    view! {
        <TextInput name=name label=label value=Bind::new(read, write) input_type=input_type help=field.help />
    }
    .into_any()
}

fn read_field(all: &str, key: &str) -> String {
    let value = serde_json::from_str::<Value>(all).ok();
    match value.as_ref().and_then(|value| value.get(key)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn write_field(all: &str, key: &str, kind: &str, text: &str) -> String {
    let mut object = match serde_json::from_str(all) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let value = match kind {
        _ if text.is_empty() => None,
        "boolean" => Some(Value::Bool(text == "true")),
        "number" | "integer" => serde_json::from_str(text).ok().filter(Value::is_number),
        _ => Some(Value::String(text.to_owned())),
    };
    match value {
        Some(value) => object.insert(key.to_owned(), value),
        None => object.shift_remove(key),
    };
    Value::Object(object).to_string()
}

/// The answer that travels: a form's object, a review's JSON, or the free text. The error is a
/// sentence for the person.
pub(super) fn answer_from(form: &Value, text: &str, kind: ApprovalKind) -> Result<Value, String> {
    if kind == ApprovalKind::Review {
        return serde_json::from_str(text).map_err(|error| {
            format!("The changed output is not JSON: {error}. Mend it, or cancel.")
        });
    }
    let Some(fields) = fields_of(form) else {
        let text = text.trim();
        return if text.is_empty() {
            Err("Write an answer first.".into())
        } else {
            Ok(Value::String(text.to_owned()))
        };
    };
    let missing = fields.iter().find(|f| f.required && read_field(text, &f.name).is_empty());
    match missing {
        Some(field) => Err(format!("Fill in {} first.", field.label)),
        None => Ok(serde_json::from_str(text).unwrap_or(Value::Object(Map::new()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_written_with_their_type() {
        let mut all = String::from("{}");
        for (key, kind, text) in [
            ("n", "integer", "12"),
            ("b", "boolean", "true"),
            ("s", "string", "x"),
            ("s", "string", ""),
        ] {
            all = write_field(&all, key, kind, text);
        }
        assert_eq!(serde_json::from_str::<Value>(&all).ok(), Some(json!({"n": 12, "b": true})));
        assert_eq!(write_field("{}", "n", "number", "abc"), "{}");
    }

    #[test]
    fn a_required_field_must_be_filled() {
        let form = json!({"properties": {"size": {"type": "string", "title": "Size"}}, "required": ["size"]});
        let empty = answer_from(&form, "{}", ApprovalKind::Answer);
        assert_eq!(empty, Err("Fill in Size first.".into()));
        let full = answer_from(&form, r#"{"size":"L"}"#, ApprovalKind::Answer);
        assert_eq!(full, Ok(json!({"size": "L"})));
        assert_eq!(answer_from(&Value::Null, " yes ", ApprovalKind::Answer), Ok(json!("yes")));
        assert!(answer_from(&Value::Null, "{", ApprovalKind::Review).is_err());
    }
}

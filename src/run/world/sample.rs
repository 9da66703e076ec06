//! What a model says when no rule answers: something of the shape that was asked for.

use crate::run::ModelRequest;
use serde_json::{Map, Value, json};

/// Deepest schema that is followed.
const DEPTH_MAX: usize = 12;

/// A deterministic answer of the requested shape.
pub fn answer(request: &ModelRequest) -> Value {
    match (&request.output_schema, request.json) {
        (Value::Null, true) => json!({}),
        (schema, true) => of_schema(schema, 0),
        _ => {
            let name = if request.name.is_empty() { "the model" } else { &request.name };
            json!(format!("(simulated answer of {name})"))
        }
    }
}

/// An answer that satisfies a form; null when there is none.
pub fn of_form(form: &Value) -> Value {
    if form.is_null() { Value::Null } else { of_schema(form, 0) }
}

/// What a scoring model says that finds nothing wrong, and nothing to praise.
pub fn scores() -> Value {
    json!({
        "factualConsistency": 0.8, "promptAdherence": 0.8, "completeness": 0.8, "formatting": 0.8,
    })
}

/// The least value that satisfies a schema.
pub fn of_any(schema: &Value) -> Value {
    of_schema(schema, 0)
}

/// The least value that satisfies a plain schema: required fields, first choices.
fn of_schema(schema: &Value, depth: usize) -> Value {
    if let Some(choice) = schema["enum"].get(0).or(schema.get("const")).or(schema.get("default")) {
        return choice.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => json!("simulated"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") if depth < DEPTH_MAX && schema["items"].is_object() => {
            json!([of_schema(&schema["items"], depth + 1)])
        }
        Some("array") => json!([]),
        Some("null") => Value::Null,
        _ if depth < DEPTH_MAX => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let sampled = fields.map(|(key, schema)| (key.clone(), of_schema(schema, depth + 1)));
            Value::Object(sampled.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

//! A call's input: made fit for its schema, then checked against it.
//!
//! Templates often give text where a number is meant; what is plainly meant is taken. What the
//! document writes beside the input (`operation`, `organizationId`) is left out.

use super::wrong;
use jsonschema::Validator;
use serde_json::{Map, Value};
use signalbox::{
    run::StepError,
    tool::{ToolSpec, catalogue, late_source},
};
use std::{collections::HashMap, sync::LazyLock};

static VALIDATORS: LazyLock<HashMap<&'static str, Validator>> = LazyLock::new(|| {
    let compiled = catalogue().iter().filter_map(|spec| {
        Some((spec.name.as_str(), jsonschema::validator_for(&spec.input).ok()?))
    });
    compiled.collect()
});

/// The input that the tool gets, or what is wrong with it.
pub(super) fn prepare(spec: &'static ToolSpec, parameters: Value) -> Result<Value, StepError> {
    let mut fields = match parameters {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        other => {
            return Err(wrong(format!("{}: the input must be an object, not {other}", spec.name)));
        }
    };
    // `{"parameters": {…}}`: some documents put the input one level deeper.
    let deeper = spec.input["properties"].get("parameters").is_none();
    if deeper && let Some(Value::Object(inner)) = fields.shift_remove("parameters") {
        fields.extend(inner);
    }
    fields.shift_remove("operation");
    fields.shift_remove("organizationId");
    let mut bound = Vec::new();
    if let Some(properties) = spec.input["properties"].as_object() {
        for (name, schema) in properties {
            let Some(whole) = fields.get_mut(name) else { continue };
            let source = match schema["format"] == "expression" {
                true => whole.get("$expression").cloned(),
                false => late_source(&spec.name, name, whole).map(Value::from),
            };
            if let Some(source) = source {
                bound.push((name.clone(), std::mem::replace(whole, source)));
            }
        }
        for (name, schema) in properties {
            if let Some(value) = fields.get_mut(name) {
                coerce(schema, value);
            }
        }
        drop_absent(&mut fields, properties);
    }
    let mut input = Value::Object(fields);
    let Some(validator) = VALIDATORS.get(spec.name.as_str()) else { return Ok(input) };
    let broken_rule = validator.iter_errors(&input).next().map(|error| {
        let at = error.instance_path().to_string();
        let at = if at.is_empty() { String::new() } else { format!(" (at {at})") };
        let text: String = error.to_string().chars().take(300).collect();
        wrong(format!("{}: {text}{at}", spec.name))
    });
    if let Some(error) = broken_rule {
        return Err(error);
    }
    // An expression goes to its tool together with what it binds from the run, a text that is not worded yet as such.
    for (name, whole) in bound {
        input[name] = whole;
    }
    Ok(input)
}

/// Takes away nulls where the schema wants something else: an absent field and null mean the same.
fn drop_absent(fields: &mut Map<String, Value>, properties: &Map<String, Value>) {
    let takes_null = |schema: &Value| match &schema["type"] {
        Value::Null => true,
        Value::Array(types) => types.iter().any(|t| t == "null"),
        _ => false,
    };
    fields.retain(|name, value| !value.is_null() || properties.get(name).is_none_or(takes_null));
}

/// Turns a value into the type that its schema wants, where that is plain.
fn coerce(schema: &Value, value: &mut Value) {
    let wants = |word: &str| match &schema["type"] {
        Value::String(one) => one == word,
        Value::Array(types) => types.iter().any(|t| t == word),
        _ => false,
    };
    let changed = match value {
        Value::String(text) if !wants("string") => {
            let text = text.trim();
            if text.is_empty() && wants("null") {
                Some(Value::Null)
            } else if wants("integer") || wants("number") {
                number(text, wants("number"))
            } else if wants("boolean") {
                text.parse().ok().map(Value::Bool)
            } else if wants("object") || wants("array") {
                serde_json::from_str(text).ok().filter(|v: &Value| v.is_object() || v.is_array())
            } else {
                None
            }
        }
        Value::Number(number) if !wants("number") && !wants("integer") && wants("string") => {
            Some(Value::String(number.to_string()))
        }
        Value::Number(number) if wants("integer") && !wants("number") => {
            // 20.0 is how an expression may write 20.
            number
                .as_f64()
                .filter(|n| n.fract() == 0.0 && n.abs() < 9e15)
                .map(|n| Value::from(n as i64))
        }
        Value::Bool(flag) if wants("string") && !wants("boolean") => {
            Some(Value::String(flag.to_string()))
        }
        _ => None,
    };
    if let Some(changed) = changed {
        *value = changed;
    }
}

fn number(text: &str, fractions: bool) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    text.parse::<f64>().ok().filter(|n| fractions && n.is_finite()).map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox::tool::find;

    #[test]
    fn every_schema_of_the_catalogue_compiles() {
        for spec in catalogue() {
            assert!(VALIDATORS.contains_key(spec.name.as_str()), "{}", spec.name);
            assert!(jsonschema::validator_for(&spec.output).is_ok(), "{}", spec.name);
        }
    }

    #[test]
    fn what_is_plainly_meant_is_taken_and_the_rest_refused() {
        let check = |tool: &str, given: Value, expected: Option<Value>| {
            let prepared = prepare(find(tool).unwrap(), given.clone()).ok();
            assert_eq!(prepared, expected, "{tool} {given}");
        };
        let query = "customer.query";
        check(query, json!({"operation": "query", "limit": "20"}), Some(json!({"limit": 20})));
        check(query, json!({"limit": 20.0, "organizationId": "x"}), Some(json!({"limit": 20})));
        check(query, json!({"limit": ""}), Some(json!({"limit": null})));
        check(query, json!({"limit": "many"}), None);
        check(query, json!({"limit": 1000}), None);
        check(
            query,
            json!({"parameters": {"status": "active"}}),
            Some(json!({"status": "active"})),
        );
        check(query, Value::Null, Some(json!({})));
        check(query, json!([1]), None);
        check("customer.get_by_id", json!({"customerId": 17}), Some(json!({"customerId": "17"})));
        check("customer.get_by_id", json!({"customerId": null}), None);
        check(
            "customer.create",
            json!({"name": "A", "plan": "gold"}),
            Some(json!({"name": "A", "plan": "gold"})),
        );
        check("email.send", json!({"to": "a@example.com", "subject": {"a": 1}}), None);
        let bound = json!({"expression": {"$expression": "a > {{b}}", "$scope": {"b": 1}}});
        check("customer.filter", bound.clone(), Some(bound));
        let late = json!({"templateId": "t", "subject": {"$template": "Hi {{contact.name}}"}});
        check("email.send", late.clone(), Some(late));
    }
}

//! Schemas: `required: true` at a property, and `required` lists as JSON Schema has them.

use crate::graph::schema::{Holds, holds};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The draft's schema as JSON Schema. What its properties say of themselves is listed behind what it lists already.
pub fn read(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    // Whether this part is required is said by what holds it.
    let kept = fields.iter().filter(|(word, value)| *word != "required" || !value.is_boolean());
    let mut read: Map<String, Value> =
        kept.map(|(word, value)| (word.clone(), within(word, value, self::read))).collect();
    let properties = fields.get("properties").and_then(Value::as_object).into_iter().flatten();
    let says_so = |(_, property): &(&String, &Value)| property["required"] == true;
    let listed = fields.get("required").and_then(Value::as_array).into_iter().flatten();
    let mut seen: HashSet<&str> = listed.filter_map(Value::as_str).collect();
    for (name, _) in properties.filter(says_so) {
        let listed = read.entry("required").or_insert_with(|| json!([]));
        if let Value::Array(listed) = listed
            && seen.insert(name)
        {
            listed.push(json!(name));
        }
    }
    Value::Object(read)
}

/// JSON Schema in the draft's words.
pub fn write(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut written: Map<String, Value> = fields
        .iter()
        .map(|(word, value)| (word.clone(), within(word, value, self::write)))
        .collect();
    let Some(listed) = fields.get("required").and_then(Value::as_array) else {
        return Value::Object(written);
    };
    let Some(Value::Object(properties)) = written.get_mut("properties") else {
        return Value::Object(written);
    };
    // What is not described has no property to say so, nor has one whose own list stands where it would say it.
    // Read again, they are listed in the order of the properties.
    let can_say = |property: &Value| property.is_object() && property.get("required").is_none();
    let names: HashSet<&str> = listed.iter().filter_map(Value::as_str).collect();
    let said: Vec<Value> = properties
        .iter()
        .filter(|(name, property)| names.contains(name.as_str()) && can_say(property))
        .map(|(name, _)| json!(name))
        .collect();
    if !said.is_empty() && said == *listed {
        for (_, property) in properties.iter_mut().filter(|(name, _)| names.contains(name.as_str()))
        {
            property["required"] = json!(true);
        }
        written.shift_remove("required");
    }
    Value::Object(written)
}

/// What stands under a word of a schema, with the schemas in it changed.
fn within(word: &str, value: &Value, change: fn(&Value) -> Value) -> Value {
    match (holds(word), value) {
        (Some(Holds::Named), Value::Object(named)) => {
            let changed = named.iter().map(|(name, schema)| (name.clone(), change(schema)));
            Value::Object(changed.collect())
        }
        // Older drafts have lists of items.
        (Some(Holds::List | Holds::One), Value::Array(schemas)) => {
            Value::Array(schemas.iter().map(change).collect())
        }
        (Some(Holds::One), schema) => change(schema),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // CON-01
    #[test]
    fn required_properties_are_listed_and_written_back() {
        let draft = json!({"type": "object", "required": true, "properties": {
            "a": {"type": "string", "required": true},
            "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "number", "required": true}}}}}});
        let schema = read(&draft);
        let expected = json!({"type": "object", "properties": {
            "a": {"type": "string"},
            "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "number"}}, "required": ["c"]}}},
            "required": ["a"]});
        assert_eq!(schema, expected);
        assert_eq!(read(&write(&schema)), schema);
        assert_eq!(read(&schema), schema);
        let odd = json!({"type": "object", "required": ["x"]});
        assert_eq!((read(&odd), write(&odd)), (odd.clone(), odd));
    }

    #[test]
    fn both_spellings_are_read_together() {
        let draft = json!({"type": "object", "required": ["b", "x"], "properties": {
            "a": {"type": "string", "required": true}, "b": {"type": "string", "required": true}}});
        let schema = read(&draft);
        let expected = json!({"type": "object", "required": ["b", "x", "a"], "properties": {
            "a": {"type": "string"}, "b": {"type": "string"}}});
        assert_eq!(schema, expected);
        assert_eq!(read(&write(&schema)), schema);
    }

    #[test]
    fn schemas_are_read_wherever_they_stand() {
        let inner = json!({"properties": {"a": {"required": true}}});
        let listed = json!({"properties": {"a": {}}, "required": ["a"]});
        for place in ["anyOf", "allOf", "oneOf", "prefixItems"] {
            let (draft, schema) =
                (json!({ place: [inner, inner] }), json!({ place: [listed, listed] }));
            assert_eq!((read(&draft), write(&schema)), (schema, draft));
        }
        for place in ["additionalProperties", "not", "items", "if"] {
            let (draft, schema) = (json!({ place: inner }), json!({ place: listed }));
            assert_eq!((read(&draft), write(&schema)), (schema, draft));
        }
        for place in ["properties", "$defs", "patternProperties"] {
            let (draft, schema) = (json!({ place: {"p": inner} }), json!({ place: {"p": listed} }));
            assert_eq!((read(&draft), write(&schema)), (schema, draft));
        }
        // What only looks like a schema stays.
        let data = json!({"default": inner, "enum": [inner]});
        assert_eq!((read(&data), write(&data)), (data.clone(), data));
    }

    #[test]
    fn a_list_that_its_properties_cannot_say_stays() {
        for schema in [
            json!({"required": ["b", "a"], "properties": {"a": {}, "b": {}}}),
            json!({"required": ["a"], "properties": {"a": {"required": ["c"]}}}),
            json!({"required": ["a", "c"], "properties": {"a": {}}}),
            json!({"required": [], "properties": {"a": {}}}),
            json!({"required": ["a"], "properties": {"a": true}}),
        ] {
            assert_eq!((read(&schema), write(&schema)), (schema.clone(), schema));
        }
    }

    #[test]
    fn many_properties_are_listed_as_fast_as_they_are_read() {
        let properties: Map<String, Value> =
            (0..100_000).map(|at| (format!("p{at}"), json!({"required": true}))).collect();
        let draft = json!({ "properties": properties });
        assert_eq!(write(&read(&draft)), draft);
    }
}

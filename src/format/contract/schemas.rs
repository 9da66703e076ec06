//! Schemas: `required: true` at a property, and `required` lists as JSON Schema has them.

use serde_json::{Map, Value, json};

/// The draft's schema as JSON Schema. What lists its required properties already stays as it is.
pub fn read(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut read = Map::new();
    let mut required = Vec::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            // Whether this part is required is said by what holds it.
            ("required", Value::Bool(_)) => {}
            ("properties", Value::Object(properties)) => {
                let inner = properties.iter().map(|(name, property)| {
                    if property.get("required") == Some(&Value::Bool(true)) {
                        required.push(name.clone());
                    }
                    (name.clone(), self::read(property))
                });
                let inner: Map<String, Value> = inner.collect();
                read.insert(key.clone(), Value::Object(inner));
            }
            ("items", item) => drop(read.insert(key.clone(), self::read(item))),
            _ => drop(read.insert(key.clone(), value.clone())),
        }
    }
    if !required.is_empty() && !read.contains_key("required") {
        read.insert("required".to_owned(), json!(required));
    }
    Value::Object(read)
}

/// JSON Schema in the draft's words.
pub fn write(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let listed: Vec<&str> = fields
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = fields.get("properties").and_then(Value::as_object);
    // What is required without being described has no property to say so.
    let can_say = listed
        .iter()
        .all(|name| properties.and_then(|all| all.get(*name)).is_some_and(Value::is_object));
    let mut written = Map::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("required", _) if can_say => {}
            ("properties", Value::Object(properties)) => {
                let inner = properties.iter().map(|(name, property)| {
                    let mut property = write(property);
                    if can_say && listed.contains(&name.as_str()) {
                        property["required"] = json!(true);
                    }
                    (name.clone(), property)
                });
                let inner: Map<String, Value> = inner.collect();
                written.insert(key.clone(), Value::Object(inner));
            }
            ("items", item) => drop(written.insert(key.clone(), write(item))),
            _ => drop(written.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(written)
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
}

//! Short words for the JSON schemas of the catalogue.

use super::{Effect, ToolFamily, ToolSpec};
use serde_json::{Map, Value, json};

/// A property with its name, in the order of the form.
pub(super) type Property = (&'static str, Value);

/// An object schema. Names that end in `!` are required.
pub(super) fn object(properties: &[Property]) -> Value {
    let mut required = Vec::new();
    let mut map = Map::new();
    for (name, schema) in properties {
        let plain = name.trim_end_matches('!');
        if plain.len() != name.len() {
            required.push(plain);
        }
        map.insert(plain.to_owned(), schema.clone());
    }
    let mut schema = json!({ "type": "object", "properties": map });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A schema with a title and a description.
pub(super) fn titled(mut schema: Value, title: &str, description: &str) -> Value {
    schema["title"] = json!(title);
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    schema
}

/// Text on one line.
pub(super) fn text(title: &str, description: &str) -> Value {
    titled(json!({ "type": "string" }), title, description)
}

/// Text on one line that may be absent or null.
pub(super) fn text_or_null(title: &str, description: &str) -> Value {
    titled(json!({ "type": ["string", "null"] }), title, description)
}

/// Text of several lines.
pub(super) fn long_text(title: &str, description: &str) -> Value {
    titled(json!({ "type": "string", "format": "template" }), title, description)
}

/// A number of a documented range.
pub(super) fn whole(title: &str, description: &str, min: i64, max: i64, default: i64) -> Value {
    titled(
        json!({ "type": ["integer", "null"], "minimum": min, "maximum": max, "default": default }),
        title,
        description,
    )
}

/// Free keys.
pub(super) fn free_object(title: &str, description: &str) -> Value {
    titled(json!({ "type": ["object", "null"], "additionalProperties": true }), title, description)
}

/// The shape of every list: `items`, the same as `page` and under the entity's plural.
pub(super) fn list_output(plural: &'static str, item: &Value) -> Value {
    let items = json!({ "type": "array", "items": item });
    object(&[
        ("items!", titled(items.clone(), "Items", "The records of this page.")),
        ("page", titled(items.clone(), "Page", "The same as items.")),
        (plural, titled(items, "Records", "The same as items.")),
        ("count!", titled(json!({ "type": "integer" }), "Count", "Records on this page.")),
        ("isDone!", titled(json!({ "type": "boolean" }), "Is done", "No more pages follow.")),
        ("continueCursor", text_or_null("Continue cursor", "Give it as cursor for the next page.")),
    ])
}

/// The words of one tool.
pub(super) struct Words {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub label: &'static str,
    pub description: &'static str,
}

/// A tool from its words and schemas.
pub(super) fn tool(
    words: Words,
    family: ToolFamily,
    effect: Effect,
    input: Value,
    output: Value,
) -> ToolSpec {
    ToolSpec {
        name: words.name.into(),
        aliases: words.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        label: words.label.into(),
        description: words.description.into(),
        family,
        effect,
        input,
        output,
    }
}

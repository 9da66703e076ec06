//! What kind of control a schema gets, and how text becomes a typed value and back.

use serde_json::{Map, Number, Value};

/// Objects in objects deeper than this are edited as JSON.
pub const NESTING_MAX: usize = 3;

/// The control for a schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// One line of text; a template where templates are allowed.
    Text,
    /// Several lines of text.
    LongText,
    /// An expression.
    Expression,
    /// A number; whole when true.
    Number {
        /// Only whole numbers.
        whole: bool,
        /// Least value.
        min: Option<f64>,
        /// Greatest value.
        max: Option<f64>,
    },
    /// True or false.
    Boolean,
    /// One of these.
    Choice(Vec<Value>),
    /// Several texts.
    TextList,
    /// An object with known fields.
    Object(Vec<Field>),
    /// Anything, as JSON.
    Json,
}

/// A property of an object schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The property's name.
    pub name: String,
    /// What people read; the name in words when the schema has no title.
    pub label: String,
    /// The description.
    pub help: String,
    /// Whether it must be there.
    pub required: bool,
    /// Never shown once it is set.
    pub secret: bool,
    /// Shown in grey while empty: an example or the default.
    pub hint: Option<String>,
    /// The control.
    pub control: Control,
}

/// The fields of an object schema, required ones first, else in its order.
pub fn fields(schema: &Value) -> Vec<Field> {
    fields_at(schema, 0)
}

fn fields_at(schema: &Value, depth: usize) -> Vec<Field> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let field = |(name, schema): (&String, &Value)| Field {
        name: name.clone(),
        label: text(schema, "title").unwrap_or_else(|| in_words(name)),
        help: text(schema, "description").unwrap_or_default(),
        required: required.contains(&name.as_str()),
        secret: schema.get("x-secret").and_then(Value::as_bool).unwrap_or(false),
        hint: hint(schema),
        control: control_at(schema, depth),
    };
    let mut fields: Vec<Field> = properties.iter().map(field).collect();
    fields.sort_by_key(|field| !field.required);
    fields
}

fn text(schema: &Value, name: &str) -> Option<String> {
    let text = schema.get(name).and_then(Value::as_str)?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn hint(schema: &Value) -> Option<String> {
    let shown = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    if let Some(default) = schema.get("default").and_then(shown) {
        return Some(default);
    }
    let example = schema.get("examples").and_then(Value::as_array).and_then(|list| list.first());
    example.and_then(shown).map(|example| format!("such as {example}"))
}

/// `customerId` and `customer_id` as `Customer id`.
pub fn in_words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c == '_' || c == '-' || c == '.' {
            words.push(' ');
        } else if c.is_uppercase() && words.ends_with(|last: char| last.is_lowercase()) {
            words.push(' ');
            words.extend(c.to_lowercase());
        } else {
            words.push(c);
        }
    }
    let mut letters = words.trim().chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + letters.as_str()
}

/// The control for a schema.
pub fn control(schema: &Value) -> Control {
    control_at(schema, 0)
}

fn control_at(schema: &Value, depth: usize) -> Control {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices = choices.iter().filter(|choice| !choice.is_null()).cloned();
        return Control::Choice(choices.collect());
    }
    let types = types(schema);
    let is = |word: &str| types.contains(&word);
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let number = |whole| Control::Number { whole, min: limit("minimum"), max: limit("maximum") };
    match schema.get("format").and_then(Value::as_str) {
        Some("expression") => return Control::Expression,
        Some("template") => return Control::LongText,
        Some("json") => return Control::Json,
        _ => {}
    }
    match types.as_slice() {
        // Text or a number is typed as text: an id may be either.
        _ if is("string") && !is("object") && !is("array") => Control::Text,
        ["string", "object"] | ["object", "string"] => Control::Json,
        ["integer"] => number(true),
        ["number"] | ["integer", "number"] | ["number", "integer"] => number(false),
        ["boolean"] => Control::Boolean,
        ["array"] if schema.get("items").is_some_and(|items| types_of(items) == ["string"]) => {
            Control::TextList
        }
        ["object"] if depth < NESTING_MAX && has_properties(schema) => {
            Control::Object(fields_at(schema, depth + 1))
        }
        _ => Control::Json,
    }
}

fn has_properties(schema: &Value) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|map| !map.is_empty())
}

fn types(schema: &Value) -> Vec<&str> {
    types_of(schema)
}

/// The types of a schema, null not counted.
fn types_of(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|word| *word != "null").collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a text is computed when the step runs.
pub fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// Text typed for a number: a number, nothing, or (where `templates`) a template.
pub fn number_from(
    text: &str,
    control: &Control,
    templates: bool,
) -> Result<Option<Value>, String> {
    let Control::Number { whole, min, max } = control else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if is_template(text) && templates {
        return Ok(Some(Value::String(text.to_owned())));
    }
    let kind = if *whole { "a whole number" } else { "a number" };
    let also = if templates { ", or a template such as {{input.count}}" } else { "" };
    let wrong = || format!("This must be {kind}{also}");
    let value: f64 = text.parse().map_err(|_| wrong())?;
    if let Some(min) = min.filter(|min| value < *min) {
        return Err(format!("At least {min}"));
    }
    if let Some(max) = max.filter(|max| value > *max) {
        return Err(format!("At most {max}"));
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Some(Value::from(whole)));
    }
    if *whole {
        return Err(wrong());
    }
    Number::from_f64(value).map(|number| Some(Value::Number(number))).ok_or_else(wrong)
}

/// Text typed for JSON. Nothing means absent.
pub fn json_from(text: &str) -> Result<Option<Value>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    // A lone template is the value it computes; it need not be quoted.
    let trimmed = text.trim();
    if trimmed.starts_with("{{")
        && trimmed.ends_with("}}")
        && serde_json::from_str::<Value>(trimmed).is_err()
    {
        return Ok(Some(Value::String(trimmed.to_owned())));
    }
    serde_json::from_str(text).map(Some).map_err(|error| format!("This is not JSON: {error}"))
}

/// How a value is shown in a text control. Text is shown as it is, everything else as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How a value is shown in a JSON control.
pub fn shown_json(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_template(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// An object with a field set, or taken out when the value is none. What is not an object becomes
/// one.
pub fn with_field(object: &Value, name: &str, value: Option<Value>) -> Value {
    let mut map: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    match value {
        Some(value) => {
            map.insert(name.to_owned(), value);
        }
        None => {
            // Keeps the order of the others.
            map.shift_remove(name);
        }
    }
    Value::Object(map)
}

/// Required fields that are missing or empty, by label.
pub fn missing(fields: &[Field], value: &Value) -> Vec<String> {
    let empty = |field: &&Field| match value.get(&field.name) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    };
    fields
        .iter()
        .filter(|field| field.required)
        .filter(empty)
        .map(|field| field.label.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_leaf_of_every_tool_has_a_label_and_a_typed_control() {
        fn look(tool: &str, fields: &[Field]) {
            for field in fields {
                assert!(!field.label.trim().is_empty(), "{tool}.{}", field.name);
                if let Control::Object(inner) = &field.control {
                    look(tool, inner);
                }
            }
        }
        let mut seen = 0;
        for tool in signalbox::tool::catalogue() {
            let fields = fields(&tool.input);
            seen += fields.len();
            look(&tool.name, &fields);
        }
        assert!(seen > 20, "the catalogue has parameters: {seen}");
    }

    #[test]
    fn schemas_get_their_controls() {
        let whole = |min, max| Control::Number { whole: true, min, max };
        let cases = [
            (json!({"type": "string"}), Control::Text),
            (json!({"type": ["string", "null"]}), Control::Text),
            (json!({"type": ["string", "number"]}), Control::Text),
            (json!({"type": "string", "format": "template"}), Control::LongText),
            (json!({"type": "string", "format": "expression"}), Control::Expression),
            (json!({"type": ["integer", "null"], "minimum": 1}), whole(Some(1.0), None)),
            (json!({"type": "boolean"}), Control::Boolean),
            (json!({"enum": ["a", 1, null]}), Control::Choice(vec![json!("a"), json!(1)])),
            (json!({"type": "array", "items": {"type": "string"}}), Control::TextList),
            (json!({"type": "array", "items": {"type": "object"}}), Control::Json),
            (json!({"type": "object", "additionalProperties": true}), Control::Json),
            (json!({"title": "Anything"}), Control::Json),
            (json!(true), Control::Json),
            (json!({"type": ["string", "object", "null"]}), Control::Json),
        ];
        for (schema, expected) in cases {
            assert_eq!(control(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn numbers_keep_their_type_and_say_what_is_wrong() {
        let whole = Control::Number { whole: true, min: Some(1.0), max: Some(10.0) };
        let any = Control::Number { whole: false, min: None, max: None };
        assert_eq!(number_from("7", &whole, false), Ok(Some(json!(7))));
        assert_eq!(number_from(" ", &whole, false), Ok(None));
        assert_eq!(number_from("0.5", &any, false), Ok(Some(json!(0.5))));
        assert_eq!(number_from("{{input.n}}", &whole, true), Ok(Some(json!("{{input.n}}"))));
        for (text, templates) in [("{{input.n}}", false), ("x", true), ("1.5", true), ("NaN", true)]
        {
            assert!(number_from(text, &whole, templates).is_err(), "{text}");
        }
        assert_eq!(number_from("0", &whole, true), Err("At least 1".into()));
        assert_eq!(number_from("11", &whole, true), Err("At most 10".into()));
    }

    #[test]
    fn json_is_typed_and_a_lone_template_is_a_text() {
        assert_eq!(json_from("[1, \"a\"]"), Ok(Some(json!([1, "a"]))));
        assert_eq!(json_from("{{steps.a.output}}"), Ok(Some(json!("{{steps.a.output}}"))));
        assert_eq!(json_from(""), Ok(None));
        assert!(json_from("{a: 1}").is_err());
        for value in [json!({"a": [1, null]}), json!("plain"), json!("{{x}}"), json!(3.5)] {
            assert_eq!(json_from(&shown_json(&value)), Ok(Some(value)));
        }
    }

    #[test]
    fn fields_are_set_in_place_and_taken_out() {
        let object = json!({"a": 1, "b": 2, "c": 3});
        let text = |value: &Value| value.to_string();
        assert_eq!(text(&with_field(&object, "b", Some(json!(9)))), r#"{"a":1,"b":9,"c":3}"#);
        assert_eq!(text(&with_field(&object, "a", None)), r#"{"b":2,"c":3}"#);
        assert_eq!(with_field(&Value::Null, "a", Some(json!(1))), json!({"a": 1}));
    }

    #[test]
    fn names_become_words_and_missing_fields_are_named() {
        assert_eq!(in_words("customerId"), "Customer id");
        assert_eq!(in_words("total_spent"), "Total spent");
        let schema = json!({"type": "object", "required": ["b"], "properties": {"a": {}, "b": {"title": "Bee"}}});
        let fields = fields(&schema);
        assert_eq!(fields[0].name, "b", "required ones first");
        assert_eq!(missing(&fields, &json!({"b": " "})), ["Bee"]);
        assert!(missing(&fields, &json!({"b": false})).is_empty());
    }
}

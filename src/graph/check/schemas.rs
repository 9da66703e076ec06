//! Schemas that are no JSON Schemas: nothing would ever satisfy them, because whoever asks them refuses them. The
//! words that are judged are those of the draft of 2020-12; patterns and references are judged when they are used.

use super::draft::Draft;
use super::nearest::nearest;
use super::texts::escape;
use crate::graph::schema::{Holds, holds};
use crate::graph::{Graph, Node, NodeKind, OutputFormat, Problem, Severity};
use serde_json::Value;
use std::collections::HashSet;

/// All types.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

pub fn check(draft: &Draft, problems: &mut Vec<Problem>) {
    for (name, schema) in &draft.graph.schemas {
        if let Some(wrong) = Wrong::find(schema) {
            let message = format!("The schema {name} is no JSON Schema: {}", wrong.told());
            let field = format!("/schemas/{}{}", escape(name), wrong.pointer);
            problems.push(Problem::new("bad-schema", Severity::Error, message).field(field));
        }
    }
    for (index, node) in draft.nodes() {
        let Some((field, schema)) = own(draft.graph, node) else { continue };
        if let Some(wrong) = Wrong::find(schema) {
            let what = if field == "/form" { "form" } else { "output schema" };
            let title = draft.title(index);
            let message = format!("The {what} of {title} is no JSON Schema: {}", wrong.told());
            let field = format!("{field}{}", wrong.pointer);
            let problem = Problem::new("bad-schema", Severity::Error, message);
            problems.push(problem.at(&node.id).field(field));
        }
    }
}

/// The schema that is written into a node, unless it is the one that its contract names.
fn own<'a>(graph: &Graph, node: &'a Node) -> Option<(&'static str, &'a Value)> {
    let (field, schema) = match &node.kind {
        NodeKind::Task(task) => ("/output_schema", &task.output_schema),
        // Where the output is text, or the schema is no object, it is not asked.
        NodeKind::Llm(llm)
            if llm.output_format == OutputFormat::Json && llm.output_schema.is_object() =>
        {
            ("/output_schema", &llm.output_schema)
        }
        NodeKind::Human(human) => ("/form", &human.form),
        _ => return None,
    };
    let named = node.contract.as_ref().and_then(|contract| contract.output_schema.as_ref());
    let is_named = named.is_some_and(|name| graph.schemas.get(name) == Some(schema));
    Some((field, schema)).filter(|_| !is_named)
}

/// What keeps a value from being a JSON Schema.
struct Wrong {
    /// Where in the schema.
    pointer: String,
    /// The end of a sentence.
    why: String,
}

impl Wrong {
    /// The first thing that is wrong. Null stands for no schema.
    fn find(schema: &Value) -> Option<Self> {
        let named = schema.get("$schema").and_then(Value::as_str);
        let is_older = named.is_some_and(|named| !named.contains("2020-12"));
        if schema.is_null() { None } else { wrong(schema, is_older) }
    }

    fn here(why: impl Into<String>) -> Self {
        Self { pointer: String::new(), why: why.into() }
    }

    /// The same, seen from what holds the part.
    fn under(mut self, key: &str) -> Self {
        self.pointer = format!("/{}{}", escape(key), self.pointer);
        self
    }

    fn told(&self) -> String {
        match self.pointer.as_str() {
            "" => self.why.clone(),
            pointer => format!("at {pointer} {}", self.why),
        }
    }
}

fn wrong(schema: &Value, is_older: bool) -> Option<Wrong> {
    let words = match schema {
        Value::Bool(_) => return None,
        Value::Object(words) => words,
        _ => return Some(Wrong::here("there must be a schema, such as {\"type\": \"string\"}.")),
    };
    let of_word = |(word, value): (&String, &Value)| {
        let found = match holds(word) {
            Some(held) => inside(held, value, is_older),
            None => misused(word, value, is_older).map(Wrong::here),
        };
        found.map(|wrong| wrong.under(word))
    };
    words.iter().find_map(of_word)
}

/// What is wrong with the schemas under a word.
fn inside(held: Holds, value: &Value, is_older: bool) -> Option<Wrong> {
    let each = |schemas: &[Value]| {
        let at = |(at, schema): (usize, &Value)| {
            wrong(schema, is_older).map(|wrong| wrong.under(&at.to_string()))
        };
        schemas.iter().enumerate().find_map(at)
    };
    match (held, value) {
        (Holds::Named, Value::Object(named)) => named
            .iter()
            .find_map(|(name, schema)| wrong(schema, is_older).map(|wrong| wrong.under(name))),
        (Holds::Named, _) => Some(Wrong::here("there must be an object with schemas.")),
        (Holds::List, Value::Array(schemas)) if !schemas.is_empty() => each(schemas),
        (Holds::List, _) => Some(Wrong::here("there must be a list of schemas.")),
        (Holds::One, Value::Array(schemas)) if is_older => each(schemas),
        (Holds::One, schema) => wrong(schema, is_older),
    }
}

/// What is wrong with the value of another word.
fn misused(word: &str, value: &Value, is_older: bool) -> Option<String> {
    let (is_right, expected) = match word {
        "type" => return wrong_type(value),
        "required" => (is_names(value), "a list of names, each once"),
        "enum" | "examples" => (value.is_array(), "a list"),
        "title" | "description" | "format" | "pattern" | "$ref" | "$id" | "$schema" | "$anchor"
        | "$comment" => (value.is_string(), "text"),
        "minimum" | "maximum" => (value.is_number(), "a number"),
        "exclusiveMinimum" | "exclusiveMaximum" => (value.is_number() || is_older, "a number"),
        "multipleOf" => (value.as_f64().is_some_and(|number| number > 0.0), "a number above 0"),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minContains" | "maxContains"
        | "minProperties" | "maxProperties" => (is_count(value), "a whole number from 0"),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => {
            (value.is_boolean(), "true or false")
        }
        _ => return None,
    };
    (!is_right).then(|| format!("there must be {expected}."))
}

fn wrong_type(value: &Value) -> Option<String> {
    let names = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(names) if !names.is_empty() && !has_twice(names) => names.as_slice(),
        _ => return Some("there must be a type, or a list of types, each once.".to_owned()),
    };
    let is_type = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    let odd = names.iter().find(|name| !is_type(name))?;
    let meant = odd.as_str().and_then(|odd| nearest(odd, TYPES.into_iter()));
    Some(match meant {
        Some(meant) => format!("{odd} is no type. Did you mean {meant}?"),
        None => format!("{odd} is no type. Types are {}.", TYPES.join(", ")),
    })
}

fn is_names(value: &Value) -> bool {
    let names = value.as_array();
    names.is_some_and(|names| names.iter().all(Value::is_string) && !has_twice(names))
}

fn is_count(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}

/// Whether a text is there twice; what is no text is refused by who asks.
fn has_twice(values: &[Value]) -> bool {
    let mut seen = HashSet::new();
    !values.iter().filter_map(Value::as_str).all(|name| seen.insert(name))
}

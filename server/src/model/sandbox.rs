//! The built-in model: deterministic, needs no key, and never pretends to be a real one.
//!
//! It writes what has the asked form: JSON by the schema or by the keys that the prompt names, else a
//! short letter. It reads only the name of the person and what stands in the prompt.

use super::{Model, ModelAnswer, ModelCall, ModelError, Turn};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Map, Value, json};

const DEPTH_MAX: usize = 8;
const KEYS_MAX: usize = 40;

/// The built-in model.
pub struct SandboxModel;

impl Model for SandboxModel {
    fn answer<'a>(&'a self, call: &'a ModelCall) -> BoxFuture<'a, Result<ModelAnswer, ModelError>> {
        async move { Ok(write(call)) }.boxed()
    }
}

fn write(call: &ModelCall) -> ModelAnswer {
    let said = call.turns.iter().map(|turn| match turn {
        Turn::User(text) | Turn::Assistant { text, .. } => text.as_str(),
        Turn::Tool { content, .. } => content.as_str(),
    });
    let asked = said.collect::<Vec<_>>().join("\n");
    let prompt = Prompt { name: person(&asked), asked: &asked };
    let text = if call.json {
        let value = match (&call.schema, keys_of(&format!("{}\n{asked}", call.system))) {
            (Value::Object(_), _) => instance(&call.schema, "result", &prompt, 0),
            (_, keys) if keys.is_empty() => json!({ "result": sentence("result", &prompt) }),
            (_, keys) => keys
                .into_iter()
                .map(|(key, kind)| {
                    let value = of_kind(kind, &key, &prompt);
                    (key, value)
                })
                .collect::<Map<_, _>>()
                .into(),
        };
        value.to_string()
    } else {
        letter(&prompt)
    };
    let tokens = |text: &str| (text.len() as u64).div_ceil(4);
    ModelAnswer {
        output_tokens: tokens(&text),
        input_tokens: tokens(&call.system) + tokens(&asked),
        text,
        model: "sandbox".into(),
        cost_micros: Some(0),
        sandbox: true,
        ..ModelAnswer::default()
    }
}

struct Prompt<'a> {
    name: String,
    asked: &'a str,
}

/// A value of a schema.
fn instance(schema: &Value, key: &str, prompt: &Prompt, depth: usize) -> Value {
    if let Some(fixed) = schema.get("const").or_else(|| schema.get("default")) {
        return fixed.clone();
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.is_empty()) {
        return choose(choices, prompt.asked);
    }
    let first =
        ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema[*name].as_array()?.first());
    if let Some(first) = first.filter(|_| depth < DEPTH_MAX) {
        return instance(first, key, prompt, depth + 1);
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or("string"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    };
    let bound = |name: &str| schema[name].as_f64();
    match kind {
        "object" => object(schema, prompt, depth),
        "array" => {
            let count = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 20);
            if depth >= DEPTH_MAX {
                return json!([]);
            }
            let item = |_| instance(&schema["items"], key, prompt, depth + 1);
            (0..count).map(item).collect()
        }
        "boolean" => json!(true),
        "integer" => {
            let low = bound("minimum").unwrap_or(1.0);
            json!(low.max(1.0).min(bound("maximum").unwrap_or(f64::MAX)).ceil() as i64)
        }
        "number" => {
            let (low, high) = (bound("minimum").unwrap_or(0.0), bound("maximum").unwrap_or(1.0));
            json!(low + (high.max(low) - low) * 0.75)
        }
        "null" => Value::Null,
        _ => {
            let max = schema["maxLength"].as_u64().map_or(usize::MAX, |max| max as usize);
            let mut text: String = sentence(key, prompt).chars().take(max).collect();
            let min = schema["minLength"].as_u64().unwrap_or(0).min(1_000) as usize;
            while text.chars().count() < min {
                text.push('.');
            }
            json!(text)
        }
    }
}

fn object(schema: &Value, prompt: &Prompt, depth: usize) -> Value {
    let Some(properties) = schema["properties"].as_object().filter(|_| depth < DEPTH_MAX) else {
        return json!({});
    };
    let fields = properties.iter().take(200);
    fields
        .map(|(key, schema)| (key.clone(), instance(schema, key, prompt, depth + 1)))
        .collect::<Map<_, _>>()
        .into()
}

/// The choice that the prompt's data names, else the first.
fn choose(choices: &[Value], asked: &str) -> Value {
    let named = choices.iter().find(|choice| {
        choice.as_str().is_some_and(|word| {
            asked.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
        })
    });
    named.unwrap_or(&choices[0]).clone()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Flag,
    Number,
    List,
}

fn kind_of(words: &str) -> Kind {
    let words: String = words.to_lowercase().chars().take(24).collect();
    let has = |options: &[&str]| options.iter().any(|option| words.contains(option));
    if has(&["bool", "true", "false"]) {
        Kind::Flag
    } else if has(&["number", "integer", "0-", "0 to", "1-", "1 to", "score"]) {
        Kind::Number
    } else if has(&["array", "list", "["]) {
        Kind::List
    } else {
        Kind::Text
    }
}

fn of_kind(kind: Kind, key: &str, prompt: &Prompt) -> Value {
    match kind {
        Kind::Flag => json!(true),
        Kind::Number => json!(0.75),
        Kind::List => json!([sentence(key, prompt)]),
        Kind::Text => json!(sentence(key, prompt)),
    }
}

/// The keys that a prompt names: `'needsReply' boolean`, `"score": number`, `JSON: subject and body`.
fn keys_of(text: &str) -> Vec<(String, Kind)> {
    let mut keys: Vec<(String, Kind)> = Vec::new();
    let is_key = |word: &str| {
        !word.is_empty()
            && word.len() <= 40
            && word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let Some(at) = text.find("JSON") else { return keys };
    let after = &text[at + 4..];
    for quote in ['\'', '"', '`'] {
        let parts: Vec<&str> = after.split(quote).collect();
        for (index, word) in parts.iter().enumerate().skip(1).step_by(2) {
            let known = keys.iter().any(|(key, _)| key == word);
            if is_key(word) && !known && keys.len() < KEYS_MAX {
                keys.push((
                    (*word).to_owned(),
                    kind_of(parts.get(index + 1).copied().unwrap_or("")),
                ));
            }
        }
        if !keys.is_empty() {
            return keys;
        }
    }
    // `JSON: status (active or churned), reason (one sentence) and message: …`
    let Some(list) = after.strip_prefix(':') else { return keys };
    let list = list.split(['.', '\n']).next().unwrap_or_default();
    let mut plain = String::new();
    let mut depth = 0usize;
    for c in list.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    for part in plain.replace(" and ", ",").split(',') {
        let word = part.trim().split([' ', ':']).next().unwrap_or_default();
        if is_key(word) && keys.len() < KEYS_MAX && !keys.iter().any(|(key, _)| key == word) {
            keys.push((word.to_owned(), Kind::Text));
        }
    }
    keys
}

/// The person the prompt is about: `Customer: Ada Lovelace`, `"name": "Ada Lovelace"`.
fn person(asked: &str) -> String {
    let after = |mark: &str, ends: &[char]| {
        let rest = &asked[asked.find(mark)? + mark.len()..];
        let name = rest.trim_start().split(ends).next()?.trim();
        let fits = !name.is_empty() && name.len() <= 80 && !name.contains('{');
        fits.then(|| name.to_owned())
    };
    after("\"name\":\"", &['"'])
        .or_else(|| after("\"name\": \"", &['"']))
        .or_else(|| after("Customer:", &['\n', '(', ',', ';']))
        .or_else(|| after("Name:", &['\n', '(', ',', ';']))
        .or_else(|| after("customer:", &['\n', '(', ',', ';']))
        .unwrap_or_default()
}

fn first_name(prompt: &Prompt) -> String {
    prompt.name.split_whitespace().next().unwrap_or_default().to_owned()
}

/// A text that fits a field's name.
fn sentence(key: &str, prompt: &Prompt) -> String {
    let name = first_name(prompt);
    let for_whom = if name.is_empty() { String::new() } else { format!(", {name}") };
    let key = key.to_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| key.contains(word));
    if is(&["subject", "title", "headline"]) {
        format!("A short note{for_whom}")
    } else if is(&["body", "message", "text", "reply", "draft", "content", "email"]) {
        letter(prompt)
    } else if is(&["name"]) {
        if prompt.name.is_empty() { "Example".into() } else { prompt.name.clone() }
    } else if is(&["status", "state"]) {
        "active".into()
    } else if is(&["reason", "why", "explanation", "summary", "analysis"]) {
        "The sandbox model does not judge; this is an example of an answer.".into()
    } else {
        format!("Example of {}", if key.is_empty() { "an answer" } else { &key })
    }
}

/// A short letter.
fn letter(prompt: &Prompt) -> String {
    let name = first_name(prompt);
    let greeting = if name.is_empty() { "Hello,".to_owned() } else { format!("Hi {name},") };
    format!(
        "{greeting}\n\nthank you for being with us. We wanted to get in touch and ask how things are going. \
         Just answer this email if there is anything we can do for you.\n\nKind regards"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(system: &str, user: &str, json: bool, schema: Value) -> String {
        let turns = vec![Turn::User(user.into())];
        let call = ModelCall { system: system.into(), turns, json, schema, ..ModelCall::default() };
        let answer = write(&call);
        assert_eq!(answer, write(&call), "the same again");
        assert!(answer.sandbox && answer.model == "sandbox");
        answer.text
    }

    #[test]
    fn answers_satisfy_their_schema() {
        let schemas = [
            json!({"type": "object", "required": ["subject", "body"], "properties": {
                "subject": {"type": "string", "maxLength": 12}, "body": {"type": "string", "minLength": 20}}}),
            json!({"type": "object", "properties": {
                "status": {"enum": ["at_risk", "active"]}, "score": {"type": "number", "minimum": 2, "maximum": 5},
                "count": {"type": "integer", "minimum": 3}, "tags": {"type": "array", "minItems": 2, "items": {"type": "string"}},
                "nested": {"type": "object", "properties": {"ok": {"type": "boolean"}}}, "none": {"type": "null"}}}),
            json!({"type": "array", "items": {"anyOf": [{"const": 7}, {"type": "string"}]}}),
        ];
        for schema in schemas {
            let text = ask(
                "Answer with JSON.",
                "Customer: Ada Lovelace\nstatus: active",
                true,
                schema.clone(),
            );
            let value: Value = serde_json::from_str(&text).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            assert!(validator.is_valid(&value), "{schema} {value}");
        }
    }

    #[test]
    fn keys_are_taken_from_the_prompt() {
        let check = |system: &str, expected: &[&str]| {
            let value: Value =
                serde_json::from_str(&ask(system, "Hello", true, Value::Null)).unwrap();
            let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, expected, "{system}");
        };
        check("Return JSON with 'needsReply' boolean.", &["needsReply"]);
        check("Answer with JSON: subject and body.", &["subject", "body"]);
        check(
            "Answer with JSON: status (active, at_risk or churned), reason (one sentence), and message: short.",
            &["status", "reason", "message"],
        );
        check("JSON like {\"score\": number, \"tags\": [..]}", &["score", "tags"]);
        check("Say something.", &["result"]);
        let flag = ask("Return JSON with 'needsReply' boolean.", "x", true, Value::Null);
        assert_eq!(flag, r#"{"needsReply":true}"#);
    }

    #[test]
    fn letters_greet_the_person() {
        assert!(ask("", "Customer: Ada Lovelace\n", false, Value::Null).starts_with("Hi Ada,"));
        assert!(ask("", r#"{"name":"Grace Hopper"}"#, false, Value::Null).starts_with("Hi Grace,"));
        assert!(ask("", "Write.", false, Value::Null).starts_with("Hello,"));
    }
}

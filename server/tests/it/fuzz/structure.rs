//! Changes to documents as trees: something else in a place, a part of another document, a key more, less or
//! renamed, a list that repeats, a value wrapped too deep.

use super::mutate::{Rng, change as change_bytes};
use serde_json::{Map, Value, json};
use signalbox::{
    format::{self, Notation},
    graph::Graph,
};

/// The document changed in a place or a few, in JSON or YAML; none when the input is no document.
pub fn change(rng: &mut Rng, input: &[u8], corpus: &[Vec<u8>], words: &[&str]) -> Option<Vec<u8>> {
    let mut document = read(input)?;
    for _ in 0..=rng.below(3) {
        let pointers = pointers(&document);
        let pointer = rng.pick(&pointers).clone();
        let part = document.pointer_mut(&pointer)?;
        change_part(rng, part, corpus, words);
    }
    let text = match rng.below(4) {
        0 => format::to_text(&Graph::default(), &document, Notation::Yaml).ok()?,
        1 => serde_json::to_string_pretty(&document).ok()?,
        _ => document.to_string(),
    };
    Some(text.into_bytes())
}

fn read(input: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(input).ok()?;
    let (document, _) = format::parse(text).ok()?;
    (document.is_object() || document.is_array()).then_some(document)
}

/// The pointers of all parts.
pub fn pointers(document: &Value) -> Vec<String> {
    let mut found = vec![];
    let mut open = vec![(document, String::new())];
    while let Some((value, pointer)) = open.pop() {
        match value {
            Value::Array(items) => {
                let parts = items.iter().enumerate();
                open.extend(parts.map(|(at, item)| (item, format!("{pointer}/{at}"))));
            }
            Value::Object(fields) => open.extend(fields.iter().map(|(key, field)| {
                (field, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")))
            })),
            _ => {}
        }
        found.push(pointer);
    }
    found
}

fn change_part(rng: &mut Rng, part: &mut Value, corpus: &[Vec<u8>], words: &[&str]) {
    match rng.below(10) {
        0 | 1 => *part = hostile(rng),
        2 => *part = grafted(rng, corpus).unwrap_or_default(),
        3 => *part = word(rng, words),
        4 => *part = wrapped(rng, part.take()),
        5 => change_key(rng, part, words),
        6 => drop_one(rng, part),
        _ => change_inside(rng, part, corpus, words),
    }
}

/// A part of another document.
fn grafted(rng: &mut Rng, corpus: &[Vec<u8>]) -> Option<Value> {
    let input: &Vec<u8> = rng.pick(corpus);
    let other = read(input)?;
    let pointers = pointers(&other);
    let pointer: &String = rng.pick(&pointers);
    other.pointer(pointer).cloned()
}

fn word(rng: &mut Rng, words: &[&str]) -> Value {
    if words.is_empty() { Value::Null } else { json!(rng.pick(words)) }
}

fn hostile(rng: &mut Rng) -> Value {
    match rng.below(16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(i64::MIN),
        5 => json!(1e308),
        6 => json!(0.1),
        7 => json!(""),
        8 => json!("x".repeat(*rng.pick(&[121, 1_000, 20_000]))),
        9 => json!([]),
        10 => json!({}),
        11 => json!([[[[[]]]]]),
        12 => json!({ "": { "": "" } }),
        13 => json!("{{"),
        14 => json!("{{a.b|map('x')}} {{#c}}{{/c}}"),
        _ => json!("a\u{0}\u{202e}\r\nb"),
    }
}

/// Nested on and on.
fn wrapped(rng: &mut Rng, part: Value) -> Value {
    let levels = *rng.pick(&[1, 2, 38, 60, 97, 99, 110]);
    (0..levels)
        .fold(part, |inner, at| if at % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
}

fn change_key(rng: &mut Rng, part: &mut Value, words: &[&str]) {
    match part {
        Value::Object(fields) if !fields.is_empty() => {
            let key = fields.keys().nth(rng.below(fields.len())).cloned().unwrap_or_default();
            let value = fields.shift_remove(&key).unwrap_or_default();
            let name = word(rng, words).as_str().unwrap_or("unknown").to_owned();
            fields.insert(name, value);
        }
        Value::Array(items) if !items.is_empty() => {
            let copy = items[rng.below(items.len())].clone();
            let times = *rng.pick(&[1, 2, 40]);
            items.extend(std::iter::repeat_n(copy, times));
        }
        other => *other = Value::Object(Map::from_iter([("unknown".to_owned(), other.take())])),
    }
}

fn drop_one(rng: &mut Rng, part: &mut Value) {
    match part {
        Value::Object(fields) => {
            if let Some(key) = fields.keys().nth(rng.below(fields.len())).cloned() {
                fields.shift_remove(&key);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            items.remove(rng.below(items.len()));
        }
        other => *other = Value::Null,
    }
}

/// A text changed as bytes are; two parts of a list or an object that change places.
fn change_inside(rng: &mut Rng, part: &mut Value, corpus: &[Vec<u8>], words: &[&str]) {
    match part {
        Value::String(text) => {
            let mut bytes = std::mem::take(text).into_bytes();
            change_bytes(rng, &mut bytes, corpus, words);
            bytes.truncate(2_000);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        Value::Array(items) if items.len() > 1 => {
            let (one, other) = (rng.below(items.len()), rng.below(items.len()));
            items.swap(one, other);
        }
        Value::Object(fields) if fields.len() > 1 => {
            let (one, other) = (rng.below(fields.len()), rng.below(fields.len()));
            let mut values: Vec<Value> = fields.values().cloned().collect();
            values.swap(one, other);
            fields.values_mut().zip(values).for_each(|(field, value)| *field = value);
        }
        Value::Number(number) => {
            let near = number.as_i64().unwrap_or(0).wrapping_add(rng.below(5) as i64 - 2);
            *part = json!(near);
        }
        other => *other = hostile(rng),
    }
}

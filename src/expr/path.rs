//! Steps into a value: fields, list positions, text that is JSON. A step that leads nowhere is null.

use super::EvalError;
use super::lexer::{is_name_part, is_name_start};
use super::limits::{MAX_OUTPUT_BYTES, Meter};
use serde_json::Value;
use std::borrow::Cow;

/// One step of a written path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Field(String),
    Position(usize),
}

/// Reads `name`, `name.name`, `name[0].name`; `None` if it is anything else.
pub(crate) fn parse(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        if let Some(inner) = rest.strip_prefix('[').filter(|_| !steps.is_empty()) {
            let (digits, after) = inner.split_once(']')?;
            steps.push(Step::Position(digits.parse().ok()?));
            rest = after;
        } else {
            let name = if steps.is_empty() { rest } else { rest.strip_prefix('.')? };
            let first = name.chars().next().filter(|c| is_name_start(*c))?;
            let tail = &name[first.len_utf8()..];
            let end =
                tail.find(|c| !is_name_part(c)).map_or(name.len(), |end| first.len_utf8() + end);
            steps.push(Step::Field(name[..end].to_owned()));
            rest = &name[end..];
        }
        if rest.is_empty() {
            return Some(steps);
        }
    }
}

/// Follows the steps from `value`.
pub(crate) fn follow<'a>(
    meter: &mut Meter,
    value: &'a Value,
    steps: &[Step],
) -> Result<Cow<'a, Value>, EvalError> {
    let mut at = Cow::Borrowed(value);
    for step in steps {
        meter.step(1)?;
        at = match step {
            Step::Field(name) => field(meter, at, name)?,
            Step::Position(position) => position_of(meter, at, *position)?,
        };
    }
    Ok(at)
}

/// `value.name`. `length` of a text or list is its length.
pub(crate) fn field<'a>(
    meter: &mut Meter,
    value: Cow<'a, Value>,
    name: &str,
) -> Result<Cow<'a, Value>, EvalError> {
    match (&*value, name) {
        (Value::Array(items), "length") => return Ok(Cow::Owned(Value::from(items.len()))),
        (Value::String(text), "length") => {
            meter.read(text.len())?;
            return Ok(Cow::Owned(Value::from(text.chars().count())));
        }
        (Value::String(text), _) => {
            return Ok(Cow::Owned(match json_text(meter, text)? {
                Some(Value::Object(mut fields)) => fields.swap_remove(name).unwrap_or_default(),
                _ => Value::Null,
            }));
        }
        _ => {}
    }
    Ok(match value {
        Cow::Borrowed(value) => value.get(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Cow::Owned(Value::Object(mut fields)) => {
            Cow::Owned(fields.swap_remove(name).unwrap_or_default())
        }
        Cow::Owned(_) => Cow::Owned(Value::Null),
    })
}

/// `value[position]`: an item of a list, a character of a text.
pub(crate) fn position_of<'a>(
    meter: &mut Meter,
    value: Cow<'a, Value>,
    position: usize,
) -> Result<Cow<'a, Value>, EvalError> {
    if let Value::String(text) = &*value {
        meter.read(text.len())?;
        return Ok(Cow::Owned(match json_text(meter, text)? {
            Some(Value::Array(items)) => items.into_iter().nth(position).unwrap_or_default(),
            _ => text.chars().nth(position).map_or(Value::Null, |c| Value::from(c.to_string())),
        }));
    }
    Ok(match value {
        Cow::Borrowed(value) => value.get(position).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Cow::Owned(Value::Array(items)) => {
            Cow::Owned(items.into_iter().nth(position).unwrap_or_default())
        }
        Cow::Owned(_) => Cow::Owned(Value::Null),
    })
}

/// `value[key]` for a computed key.
pub(crate) fn index<'a>(
    meter: &mut Meter,
    value: Cow<'a, Value>,
    key: &Value,
) -> Result<Cow<'a, Value>, EvalError> {
    match key {
        Value::String(name) => match name.parse::<usize>() {
            Ok(position) if value.is_array() => position_of(meter, value, position),
            _ => field(meter, value, name),
        },
        Value::Number(n) => match whole(n) {
            Some(position) if !value.is_object() => position_of(meter, value, position),
            _ => field(meter, value, &super::number::text(n)),
        },
        _ => Ok(Cow::Owned(Value::Null)),
    }
}

fn whole(n: &serde_json::Number) -> Option<usize> {
    let n = n.as_u64().or_else(|| {
        let f = n.as_f64()?;
        (f.fract() == 0.0 && (0.0..1e15).contains(&f)).then_some(f as u64)
    })?;
    usize::try_from(n).ok()
}

/// The object or list that a text holds as JSON, also within a code fence, as models like to write it.
pub(crate) fn json_text(meter: &mut Meter, text: &str) -> Result<Option<Value>, EvalError> {
    let text = unfenced(text.trim());
    if !text.starts_with(['{', '[']) || text.len() > MAX_OUTPUT_BYTES {
        return Ok(None);
    }
    meter.alloc(text.len())?;
    Ok(serde_json::from_str(text).ok())
}

fn unfenced(text: &str) -> &str {
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some(inner) = inner else { return text };
    let word = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    inner[word..].trim()
}

//! What the operators do with values. No operator fails on a type: what cannot be computed is null, what
//! cannot be compared is false.

use super::ast::BinaryOp;
use super::limits::{MAX_MATCH_BYTES, MAX_PATTERN_BYTES, Meter};
use super::{EvalError, dates, number};
use serde_json::Value;
use std::cmp::Ordering;

type Outcome = Result<Value, EvalError>;

/// The value of `left op right`, for the operators that look at both sides.
pub(crate) fn binary(meter: &mut Meter, op: BinaryOp, left: &Value, right: &Value) -> Outcome {
    use BinaryOp as Op;
    Ok(match op {
        Op::Equal => Value::Bool(loosely_equal(meter, left, right)?),
        Op::NotEqual => Value::Bool(!loosely_equal(meter, left, right)?),
        Op::Same => Value::Bool(same(meter, left, right)?),
        Op::NotSame => Value::Bool(!same(meter, left, right)?),
        Op::Less => ordered(left, right, Ordering::is_lt),
        Op::LessOrEqual => ordered(left, right, Ordering::is_le),
        Op::Greater => ordered(left, right, Ordering::is_gt),
        Op::GreaterOrEqual => ordered(left, right, Ordering::is_ge),
        Op::Contains | Op::Includes => Value::Bool(contains(meter, left, right)?),
        Op::In => Value::Bool(contains(meter, right, left)?),
        Op::StartsWith => Value::Bool(edge(meter, left, right, |a, b| a.starts_with(b))?),
        Op::EndsWith => Value::Bool(edge(meter, left, right, |a, b| a.ends_with(b))?),
        Op::Matches => Value::Bool(matches(meter, left, right)?),
        Op::Add => add(meter, left, right)?,
        Op::Subtract => number::combine(left, right, i64::checked_sub, |a, b| a - b),
        Op::Multiply => number::combine(left, right, i64::checked_mul, |a, b| a * b),
        Op::Divide => number::value(number::of(left) / number::of(right)),
        Op::IntegerDivide => number::value((number::of(left) / number::of(right)).floor()),
        Op::Remainder => number::combine(left, right, i64::checked_rem, |a, b| a % b),
        Op::Power => number::value(number::of(left).powf(number::of(right))),
        // These do not always look at both sides: `eval` has them.
        Op::Coalesce | Op::Or | Op::And => Value::Null,
    })
}

/// Sum of numbers, one text after the other, one list after the other.
fn add(meter: &mut Meter, left: &Value, right: &Value) -> Outcome {
    if let (Value::Array(a), Value::Array(b)) = (left, right) {
        let size = super::limits::size_within(left, super::limits::MAX_OUTPUT_BYTES)
            .zip(super::limits::size_within(right, super::limits::MAX_OUTPUT_BYTES))
            .ok_or_else(super::limits::too_large)?;
        meter.alloc(size.0 + size.1)?;
        return Ok(a.iter().chain(b).cloned().collect());
    }
    let textual = |v: &Value| v.is_string() || v.is_array() || v.is_object();
    if textual(left) || textual(right) {
        let mut out = text(meter, left)?;
        out.push_str(&text(meter, right)?);
        meter.alloc(out.len())?;
        return Ok(Value::String(out));
    }
    Ok(number::combine(left, right, i64::checked_add, |a, b| a + b))
}

/// A value as text: null is empty, lists and objects are JSON.
pub(crate) fn text(meter: &mut Meter, value: &Value) -> Result<String, EvalError> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number::text(n),
        Value::String(text) => {
            meter.alloc(text.len())?;
            text.clone()
        }
        Value::Array(_) | Value::Object(_) => {
            let size = super::limits::size_within(value, super::limits::MAX_OUTPUT_BYTES);
            meter.alloc(size.ok_or_else(super::limits::too_large)?)?;
            value.to_string()
        }
    })
}

/// `===`: of one type and equal, lists and objects by their content.
pub(crate) fn same(meter: &mut Meter, left: &Value, right: &Value) -> Result<bool, EvalError> {
    meter.step(1)?;
    Ok(match (left, right) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !same(meter, a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, a) in a {
                match b.get(key) {
                    Some(b) if same(meter, a, b)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (a, b) => a == b,
    })
}

/// `==`: like [`same`], and a text equals the number or the boolean that it spells; true is 1, false is 0.
/// null equals only null.
pub(crate) fn loosely_equal(
    meter: &mut Meter,
    left: &Value,
    right: &Value,
) -> Result<bool, EvalError> {
    Ok(match (left, right) {
        (Value::Bool(b), Value::String(text)) | (Value::String(text), Value::Bool(b))
            if matches!(text.as_str(), "true" | "false") =>
        {
            text == if *b { "true" } else { "false" }
        }
        (
            Value::Number(_) | Value::Bool(_),
            Value::Number(_) | Value::Bool(_) | Value::String(_),
        )
        | (Value::String(_), Value::Number(_) | Value::Bool(_)) => {
            number::of(left) == number::of(right)
        }
        _ => same(meter, left, right)?,
    })
}

/// Whether `left` stands to `right` as asked. Texts that are both dates compare as instants, other texts by
/// their characters, all else as numbers. With null, or with what is no number, it is false.
fn ordered(left: &Value, right: &Value, fits: fn(Ordering) -> bool) -> Value {
    Value::Bool(order(left, right).is_some_and(fits))
}

/// The order of two values, if they have one.
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::String(a), Value::String(b)) => match (dates::instant(a), dates::instant(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => Some(a.cmp(b)),
        },
        (Value::String(text), _) | (_, Value::String(text)) if text.trim().is_empty() => None,
        _ => number::of(left).partial_cmp(&number::of(right)),
    }
}

/// Whether a text contains a text, a list an item (or a text that spells it), an object a key.
pub(crate) fn contains(meter: &mut Meter, whole: &Value, part: &Value) -> Result<bool, EvalError> {
    Ok(match (whole, part) {
        (Value::String(whole), Value::String(part)) => {
            meter.read(whole.len() + part.len())?;
            whole.contains(part.as_str())
        }
        (Value::String(_), Value::Null | Value::Array(_) | Value::Object(_)) => false,
        (Value::String(whole), part) => {
            meter.read(whole.len())?;
            whole.contains(&text(meter, part)?)
        }
        (Value::Array(items), part) => {
            for item in items {
                if equal_or_spelled(meter, item, part)? {
                    return Ok(true);
                }
            }
            false
        }
        (Value::Object(fields), Value::String(key)) => fields.contains_key(key),
        _ => false,
    })
}

/// Equal, or one spells the number that the other is.
pub(crate) fn equal_or_spelled(meter: &mut Meter, a: &Value, b: &Value) -> Result<bool, EvalError> {
    match (a, b) {
        (Value::Number(n), Value::String(text)) | (Value::String(text), Value::Number(n)) => {
            meter.step(1)?;
            Ok(number::text(n) == *text)
        }
        _ => same(meter, a, b),
    }
}

fn edge(
    meter: &mut Meter,
    whole: &Value,
    part: &Value,
    test: fn(&str, &str) -> bool,
) -> Result<bool, EvalError> {
    if whole.is_null() || part.is_null() {
        return Ok(false);
    }
    let (whole, part) = (text(meter, whole)?, text(meter, part)?);
    Ok(test(&whole, &part))
}

/// Whether the text has a match of the pattern. The engine is linear in text × pattern, and both are bounded.
pub(crate) fn matches(
    meter: &mut Meter,
    value: &Value,
    pattern: &Value,
) -> Result<bool, EvalError> {
    if value.is_null() || pattern.is_null() {
        return Ok(false);
    }
    let (value, pattern) = (text(meter, value)?, text(meter, pattern)?);
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(EvalError::new(
            "bad_pattern",
            format!("The pattern is longer than {MAX_PATTERN_BYTES} characters."),
        ));
    }
    if value.len() > MAX_MATCH_BYTES {
        return Err(EvalError::new(
            "too_large",
            format!("The text is too long to search: {} KiB at most.", MAX_MATCH_BYTES / 1024),
        ));
    }
    meter.step(100 + value.len() * pattern.len().max(16) / 64)?;
    let built =
        regex_lite::RegexBuilder::new(&pattern).size_limit(16 * 1024).nest_limit(32).build();
    match built {
        Ok(regex) => Ok(regex.is_match(&value)),
        Err(error) => Err(EvalError::new(
            "bad_pattern",
            format!("{pattern:?} is not a pattern that can be used: {error}."),
        )),
    }
}

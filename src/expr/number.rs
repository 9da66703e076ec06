//! Numbers: whole ones stay whole, what is not a number is null, nothing overflows.

use serde_json::{Number, Value};

/// Up to here a 64-bit float holds every whole number.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The number, as an integer where it is whole. `None` for NaN and infinities.
pub(crate) fn integral(n: f64) -> Option<Number> {
    if n.fract() == 0.0 && n.abs() <= MAX_EXACT {
        Some(Number::from(n as i64))
    } else {
        Number::from_f64(n)
    }
}

/// The number as a value; null for NaN and infinities.
pub(crate) fn value(n: f64) -> Value {
    integral(n).map_or(Value::Null, Value::Number)
}

/// Reads a value as a number: null is 0, true is 1, a text is read as a number, the empty text is 0.
/// NaN when it is none.
pub(crate) fn of(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Number(n) => n.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => of_text(text),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

/// Reads a text as a number; NaN when it is none. (Rust would also read "inf" and "nan".)
pub(crate) fn of_text(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
    if !text.bytes().all(plain) {
        return f64::NAN;
    }
    text.parse().unwrap_or(f64::NAN)
}

/// Computes with integers as long as they fit, else with floats.
pub(crate) fn combine(
    left: &Value,
    right: &Value,
    exact: fn(i64, i64) -> Option<i64>,
    float: fn(f64, f64) -> f64,
) -> Value {
    if let (Some(a), Some(b)) = (left.as_i64(), right.as_i64())
        && let Some(n) = exact(a, b)
    {
        return Value::from(n);
    }
    value(float(of(left), of(right)))
}

/// The number as people write it: no `.0`, no exponent for ordinary sizes.
pub(crate) fn text(n: &Number) -> String {
    match n.as_f64() {
        Some(f) if n.is_f64() => integral(f).map_or_else(|| n.to_string(), |n| n.to_string()),
        _ => n.to_string(),
    }
}

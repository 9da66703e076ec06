//! `{days, hours, minutes, seconds, milliseconds}` as milliseconds and back.

use crate::format::FormatError;
use crate::format::fields::Fields;
use serde_json::{Map, Value, json};

const UNITS: [(&str, u64); 6] = [
    ("weeks", 604_800_000),
    ("days", 86_400_000),
    ("hours", 3_600_000),
    ("minutes", 60_000),
    ("seconds", 1_000),
    ("milliseconds", 1),
];
/// The longest that can be said: a hundred years.
const MAX_MS: f64 = 100.0 * 366.0 * 86_400_000.0;

/// Milliseconds. Parts may be fractions; none at all is refused.
pub fn read(fields: &Fields) -> Result<u64, FormatError> {
    let mut total = 0.0;
    let mut given = false;
    for (unit, length_ms) in UNITS {
        if let Some(count) = fields.number(unit)? {
            total += count * length_ms as f64;
            given = true;
        }
    }
    let refuse = |message: &str| Err(FormatError::invalid(fields.pointer.clone(), message));
    if !given {
        return refuse("a duration needs `days`, `hours`, `minutes` or `seconds`");
    }
    if total > MAX_MS {
        return refuse("a duration of more than a hundred years");
    }
    Ok(total.round() as u64)
}

/// The largest units first; no time at all is `{"seconds": 0}`.
pub fn write(duration_ms: u64) -> Value {
    let mut rest = duration_ms;
    let mut parts = Map::new();
    for (unit, length_ms) in UNITS.into_iter().skip(1) {
        if rest >= length_ms {
            parts.insert(unit.to_owned(), json!(rest / length_ms));
            rest %= length_ms;
        }
    }
    if parts.is_empty() {
        parts.insert("seconds".to_owned(), json!(0));
    }
    Value::Object(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    // OUT-06
    #[test]
    fn durations_are_read_and_written() {
        let check = |value: Value, expected_ms: u64| {
            let read_ms = |value: &Value| read(&Fields::of(value, "", "x").unwrap()).unwrap();
            assert_eq!(read_ms(&value), expected_ms, "{value}");
            assert_eq!(read_ms(&write(expected_ms)), expected_ms, "{value}");
        };
        check(json!({"days": 3, "hours": 12}), 302_400_000);
        check(json!({"hours": 84}), 302_400_000);
        check(json!({"minutes": 1.5, "seconds": null}), 90_000);
        check(json!({"seconds": 0}), 0);
        check(json!({"milliseconds": 7}), 7);
        assert_eq!(write(302_400_000), json!({"days": 3, "hours": 12}));
        for bad in [json!({}), json!({"days": 1e9}), json!({"days": -1}), json!({"days": "2"})] {
            assert!(read(&Fields::of(&bad, "", "x").unwrap()).is_err(), "{bad}");
        }
    }
}

//! `{days, hours, minutes, seconds, milliseconds}` as milliseconds and back.

use crate::format::FormatError;
use crate::format::fields::Fields;
use crate::graph::check::nearest::nearest;
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
    only_units(fields)?;
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

/// Refuses a number under another key: it would not be waited for.
fn only_units(fields: &Fields) -> Result<(), FormatError> {
    let units = UNITS.map(|(unit, _)| unit);
    let is_strange = |key: &str, value: &Value| value.is_number() && !units.contains(&key);
    let Some((key, _)) = fields.map.iter().find(|(key, value)| is_strange(key, value)) else {
        return Ok(());
    };
    let hint = match nearest(key, units.into_iter()) {
        Some(unit) => format!("did you mean `{unit}`?"),
        None => format!("it is one of {}", units.join(", ")),
    };
    Err(fields.wrong(key, format!("`{key}` is no unit of a duration; {hint}")))
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

    #[test]
    fn a_unit_that_there_is_not_is_refused_and_other_fields_are_passed_over() {
        let read = |value: Value| read(&Fields::of(&value, "/d", "x").unwrap());
        let check = |value: Value, expected: &str| {
            let error = read(value).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            json!({"day": 3, "hours": 1}),
            "`day` is no unit of a duration; did you mean `days`? (at d.day)",
        );
        check(json!({"hours": 1, "Minutes": 5}), "did you mean `minutes`?");
        check(
            json!({"fortnights": 1}),
            "it is one of weeks, days, hours, minutes, seconds, milliseconds",
        );
        assert_eq!(read(json!({"hours": 1, "note": "at lunch", "by": {"x": 1}})), Ok(3_600_000));
    }
}

//! Durations: `{"days": 3, "hours": 12}`, "3 days 12 h", `P3DT12H`, in milliseconds.

use super::TimeError;
use serde_json::{Map, Value};

/// Longest duration, ms: ten years.
pub const MAX_DURATION_MS: u64 = 10 * 366 * DAY_MS;

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Reads a duration, in ms. An object has any of `weeks`, `days`, `hours`, `minutes`, `seconds`,
/// `milliseconds` (fractions are fine, nothing else is); a text is `3 days 12 h`, `90m`, `1h30m` or ISO 8601
/// (`P3DT12H`); a number is milliseconds.
pub fn duration_parse(value: &Value) -> Result<u64, TimeError> {
    let ms = match value {
        Value::Object(fields) => of_fields(fields),
        Value::String(text) => of_text(text),
        Value::Number(n) => n.as_f64(),
        _ => None,
    };
    let shown = || value.to_string().chars().take(80).collect();
    let ms =
        ms.filter(|ms| ms.is_finite() && *ms >= 0.0).ok_or_else(|| TimeError::Duration(shown()))?;
    if ms > MAX_DURATION_MS as f64 {
        return Err(TimeError::TooLong(shown()));
    }
    Ok(ms.round() as u64)
}

/// The duration as an object of its largest parts: `{"days": 3, "hours": 12}`. Zero is `{"seconds": 0}`.
/// Milliseconds that are no whole second are a fraction of `seconds`.
pub fn duration_parts(ms: u64) -> Value {
    let mut parts = Map::new();
    let mut left = ms;
    for (name, unit) in [("days", DAY_MS), ("hours", HOUR_MS), ("minutes", MINUTE_MS)] {
        if left >= unit {
            parts.insert(name.to_owned(), Value::from(left / unit));
            left %= unit;
        }
    }
    if !left.is_multiple_of(SECOND_MS) {
        parts.insert("seconds".to_owned(), Value::from(left as f64 / SECOND_MS as f64));
    } else if left > 0 || parts.is_empty() {
        parts.insert("seconds".to_owned(), Value::from(left / SECOND_MS));
    }
    Value::Object(parts)
}

/// The duration in its two largest units: "3 days 12 h", "1 min 30 s", "less than 1 s". Smaller units are cut
/// off.
pub fn duration_human(ms: u64) -> String {
    let units = [
        (DAY_MS, "day", "days"),
        (HOUR_MS, "h", "h"),
        (MINUTE_MS, "min", "min"),
        (SECOND_MS, "s", "s"),
    ];
    let Some(first) = units.iter().position(|(unit, ..)| ms >= *unit) else {
        return if ms == 0 { "0 s".to_owned() } else { "less than 1 s".to_owned() };
    };
    let say = |count: u64, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let (unit, one, many) = units[first];
    let mut words = say(ms / unit, one, many);
    if let Some((next, one, many)) = units.get(first + 1)
        && ms % unit >= *next
    {
        words.push(' ');
        words.push_str(&say(ms % unit / next, one, many));
    }
    words
}

fn of_fields(fields: &Map<String, Value>) -> Option<f64> {
    if fields.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    for (name, count) in fields {
        let count = match count {
            Value::Null => 0.0,
            Value::Number(n) => n.as_f64().filter(|n| *n >= 0.0)?,
            // Forms send what was typed.
            Value::String(text) => plain(text)?,
            _ => return None,
        };
        sum += count * unit(name)? as f64;
    }
    Some(sum)
}

fn of_text(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(iso) = text.strip_prefix('P') {
        return of_iso(iso);
    }
    let mut sum = None;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let count = plain(&rest[..digits])?;
        rest = rest[digits..].trim_start();
        let word = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        sum = Some(sum.unwrap_or(0.0) + count * unit(&rest[..word])? as f64);
        rest = rest[word..].trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    }
    sum
}

/// What follows the P of ISO 8601, without years and months, whose length is not fixed.
fn of_iso(text: &str) -> Option<f64> {
    let (days, times) =
        text.split_once('T').map_or((text, None), |(days, times)| (days, Some(times)));
    if days.is_empty() && times.is_none_or(str::is_empty) {
        return None;
    }
    let sum = |mut text: &str, units: &[(char, u64)]| {
        let mut sum = 0.0;
        while !text.is_empty() {
            let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let sign = text[at..].chars().next()?;
            let (_, unit) = units.iter().find(|(name, _)| *name == sign)?;
            sum += plain(&text[..at])? * *unit as f64;
            text = &text[at + sign.len_utf8()..];
        }
        Some(sum)
    };
    let days = sum(days, &[('W', 7 * DAY_MS), ('D', DAY_MS)])?;
    let times = sum(times.unwrap_or(""), &[('H', HOUR_MS), ('M', MINUTE_MS), ('S', SECOND_MS)])?;
    Some(days + times)
}

/// Digits with at most one point.
fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if text.is_empty() || !digits { None } else { text.parse().ok() }
}

fn unit(name: &str) -> Option<u64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "w" | "week" | "weeks" => 7 * DAY_MS,
        "d" | "day" | "days" => DAY_MS,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR_MS,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE_MS,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND_MS,
        "ms" | "millisecond" | "milliseconds" => 1,
        _ => return None,
    })
}

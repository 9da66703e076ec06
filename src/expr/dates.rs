//! Instants in expressions: ISO texts and numbers to milliseconds since the epoch, and back.

use super::number;
use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Utc};
use serde_json::Value;

/// Numbers below this are seconds, others milliseconds.
const SECONDS_BELOW: f64 = 1e11;
/// Latest instant that is taken for one: the end of the year 9999.
const LATEST_MS: i64 = 253_402_300_799_999;

/// The instant that a value means, in ms since the epoch. A date without a zone is in UTC.
pub(crate) fn of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => of_number(n.as_f64()?),
        Value::String(text) => instant(text).or_else(|| {
            let text = text.trim();
            let written_as_number = text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit());
            written_as_number.then(|| of_number(number::of_text(text))).flatten()
        }),
        _ => None,
    }
}

fn of_number(n: f64) -> Option<i64> {
    let ms = if n > 0.0 && n < SECONDS_BELOW { n * 1000.0 } else { n };
    bounded(ms.floor() as i64)
}

fn bounded(ms: i64) -> Option<i64> {
    (-LATEST_MS..=LATEST_MS).contains(&ms).then_some(ms)
}

/// Reads an ISO date or date and time (or the form that mails use); `None` if the text is something else.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() > 40 || text.len() < 10 || !text.is_ascii() {
        return None;
    }
    let iso = text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let read = if iso { iso_instant(text) } else { mail_instant(text) };
    read.map(|at| at.timestamp_millis()).and_then(bounded)
}

fn iso_instant(text: &str) -> Option<DateTime<Utc>> {
    if text.len() == 10 {
        let day = text.parse::<NaiveDate>().ok()?;
        return Some(Utc.from_utc_datetime(&day.and_hms_opt(0, 0, 0)?));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return Some(Utc.from_utc_datetime(&at));
        }
    }
    // Offsets without a colon: +0200.
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok().map(|at| at.to_utc())
}

fn mail_instant(text: &str) -> Option<DateTime<Utc>> {
    text.contains(':')
        .then(|| DateTime::parse_from_rfc2822(text).ok())
        .flatten()
        .map(|at| at.to_utc())
}

/// The instant as ISO text in UTC, with milliseconds. `None` outside the years −9999 to 9999.
pub(crate) fn iso(ms: i64) -> Option<String> {
    let at = Utc.timestamp_millis_opt(bounded(ms)?).single()?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

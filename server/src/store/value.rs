//! How values stand in columns: times as milliseconds, JSON as text, counts as integers; and what a
//! statement that writes came to.

use super::StoreError;
use chrono::{DateTime, TimeZone, Utc};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// Milliseconds since 1970, rounded up: a timer is never early.
pub fn ms(at: DateTime<Utc>) -> i64 {
    let ms = at.timestamp_millis();
    if at.timestamp_subsec_nanos().is_multiple_of(1_000_000) { ms } else { ms.saturating_add(1) }
}

/// The time of a column.
pub fn time(
    ms: i64,
    table: &'static str,
    column: &'static str,
) -> Result<DateTime<Utc>, StoreError> {
    Utc.timestamp_millis_opt(ms).single().ok_or_else(|| StoreError::Corrupt {
        table,
        column,
        detail: format!("{ms} is not a time in milliseconds"),
    })
}

/// The time of a column that may be null.
pub fn time_opt(
    ms: Option<i64>,
    table: &'static str,
    column: &'static str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    ms.map(|ms| time(ms, table, column)).transpose()
}

/// Text as each database can keep it. One cannot keep the character NUL, which may come from anywhere in the world:
/// U+FFFD stands for it. In JSON it is written as an escape anyway.
pub fn text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// JSON text.
pub fn to_json<T: Serialize + ?Sized>(
    value: &T,
    table: &'static str,
    column: &'static str,
) -> Result<String, StoreError> {
    let corrupt = |detail| StoreError::Corrupt { table, column, detail };
    let mut json = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut json, value)
        .map_err(|error| corrupt(format!("it cannot be written as JSON: {error}")))?;
    String::from_utf8(json).map_err(|error| corrupt(error.to_string()))
}

/// Room for most of what is written, so that it need not grow.
const USUAL_BYTES: usize = 1_024;

/// The value of JSON text.
pub fn from_json<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        table,
        column,
        detail: error.to_string(),
    })
}

/// A count as a column's integer; past the column's range it stays at the top.
pub fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A column's integer as a count; negative ones are nothing.
pub fn count(int: i64) -> u64 {
    u64::try_from(int).unwrap_or(0)
}

/// A column's integer as a small count.
pub fn small(int: i64) -> u32 {
    u32::try_from(int.max(0)).unwrap_or(u32::MAX)
}

/// The pattern of `LIKE … ESCAPE '\\'` for text that has a word in it somewhere; the text must be lower case.
pub fn like(word: &str) -> String {
    let word = word.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{word}%")
}

/// How many rows a statement wrote, whichever database it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows(u64);

impl Rows {
    /// How many.
    pub fn rows_affected(self) -> u64 {
        self.0
    }
}

/// A driver's answer to a statement that writes.
pub trait Outcome {
    /// How many rows it wrote.
    fn rows(&self) -> u64;
}

impl Outcome for sqlx::sqlite::SqliteQueryResult {
    fn rows(&self) -> u64 {
        self.rows_affected()
    }
}

impl Outcome for sqlx::postgres::PgQueryResult {
    fn rows(&self) -> u64 {
        self.rows_affected()
    }
}

/// The answer of either driver as one type; see [`on_tx!`](crate::on_tx).
pub fn rows(outcome: impl Outcome) -> Rows {
    Rows(outcome.rows())
}

/// The value of JSON bytes.
pub fn from_json_bytes<T: DeserializeOwned>(
    bytes: &[u8],
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt {
        table,
        column,
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_character_that_cannot_be_kept_is_replaced() {
        assert_eq!(text("a\0b\0"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(text("a\nb"), Cow::Borrowed("a\nb")));
    }
}

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

/// JSON text.
pub fn to_json<T: Serialize + ?Sized>(
    value: &T,
    table: &'static str,
    column: &'static str,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        table,
        column,
        detail: format!("it cannot be written as JSON: {error}"),
    })
}

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

/// Shorter JSON is kept as it is.
const PACK_FROM_BYTES: usize = 256;
/// The first byte of what is packed; JSON never begins with it.
const PACKED: u8 = 1;
/// What a packed column may unpack to: far above what one commit writes.
const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// JSON as it stands in a column of bytes: packed with LZ4 where that is shorter. Journals repeat
/// themselves: a short run takes a third.
pub fn pack(json: String) -> Vec<u8> {
    if json.len() < PACK_FROM_BYTES {
        return json.into_bytes();
    }
    let mut packed = vec![PACKED];
    packed.extend(lz4_flex::block::compress_prepend_size(json.as_bytes()));
    if packed.len() < json.len() { packed } else { json.into_bytes() }
}

/// The JSON of a column of bytes.
pub fn unpack<'a>(
    bytes: &'a [u8],
    table: &'static str,
    column: &'static str,
) -> Result<Cow<'a, [u8]>, StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { table, column, detail };
    let Some((&PACKED, packed)) = bytes.split_first() else { return Ok(Cow::Borrowed(bytes)) };
    let (size, packed) = lz4_flex::block::uncompressed_size(packed)
        .map_err(|error| corrupt(format!("it cannot be unpacked: {error}")))?;
    if size > UNPACKED_BYTES_MAX {
        return Err(corrupt(format!("it says that it unpacks to {size} bytes")));
    }
    let json = lz4_flex::block::decompress(packed, size)
        .map_err(|error| corrupt(format!("it cannot be unpacked: {error}")))?;
    Ok(Cow::Owned(json))
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
    use proptest::prelude::*;

    #[test]
    fn what_repeats_itself_is_packed_and_comes_out_again() {
        let json = format!("[{}]", "{\"type\":\"node_started\",\"frame\":0},".repeat(20));
        let packed = pack(json.clone());
        assert!(packed.len() * 4 < json.len(), "{} of {}", packed.len(), json.len());
        assert_eq!(unpack(&packed, "t", "c").unwrap().as_ref(), json.as_bytes());
        assert_eq!(pack("[1]".into()), b"[1]");
    }

    #[test]
    fn a_size_that_cannot_be_is_refused() {
        let huge = [&[PACKED][..], &u32::MAX.to_le_bytes(), b"abc"].concat();
        assert!(matches!(unpack(&huge, "t", "c"), Err(StoreError::Corrupt { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = unpack(&bytes, "t", "c");
        }

        #[test]
        fn any_text_comes_out_again(text in "[a-c\\[{]{1,2000}") {
            let packed = pack(text.clone());
            let unpacked = unpack(&packed, "t", "c").unwrap();
            prop_assert_eq!(unpacked.as_ref(), text.as_bytes());
        }
    }
}

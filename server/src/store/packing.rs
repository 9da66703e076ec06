//! JSON as it stands in a column of bytes: packed with LZ4 where that is shorter.
//!
//! Journals repeat themselves, and one another: the packer knows what events usually look like (`packing.dict`), so
//! that even one short commit takes a third. The first byte says how it is packed; JSON begins with none of these.

use super::StoreError;
use std::borrow::Cow;

/// Shorter JSON is kept as it is.
const PACK_FROM_BYTES: usize = 64;
/// Packed by itself, as before there was a dictionary.
const PACKED_ALONE: u8 = 1;
/// Packed with the dictionary.
const PACKED: u8 = 2;
/// Pieces of events. Never changed: what was packed with it needs it. A better one gets a first byte of its own.
const DICTIONARY: &[u8] = include_bytes!("packing.dict");
/// What a packed column may unpack to: far above what one commit writes.
const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Packs JSON.
pub(super) fn pack(json: String) -> Vec<u8> {
    if json.len() < PACK_FROM_BYTES {
        return json.into_bytes();
    }
    let mut packed = vec![PACKED];
    packed.extend(lz4_flex::block::compress_prepend_size_with_dict(json.as_bytes(), DICTIONARY));
    if packed.len() < json.len() { packed } else { json.into_bytes() }
}

/// The JSON of a column of bytes.
pub(super) fn unpack<'a>(
    bytes: &'a [u8],
    table: &'static str,
    column: &'static str,
) -> Result<Cow<'a, [u8]>, StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { table, column, detail };
    let (dictionary, packed): (&[u8], _) = match bytes.split_first() {
        Some((&PACKED, packed)) => (DICTIONARY, packed),
        Some((&PACKED_ALONE, packed)) => (&[], packed),
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    let (size, packed) = lz4_flex::block::uncompressed_size(packed)
        .map_err(|error| corrupt(format!("it cannot be unpacked: {error}")))?;
    if size > UNPACKED_BYTES_MAX {
        return Err(corrupt(format!("it says that it unpacks to {size} bytes")));
    }
    let json = lz4_flex::block::decompress_with_dict(packed, size, dictionary)
        .map_err(|error| corrupt(format!("it cannot be unpacked: {error}")))?;
    Ok(Cow::Owned(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn what_repeats_itself_is_packed_and_comes_out_again() {
        let json = format!("[{}]", "{\"type\":\"node_started\",\"frame\":0},".repeat(20));
        let packed = pack(json.clone());
        assert!(packed.len() * 4 < json.len(), "{} of {}", packed.len(), json.len());
        assert_eq!(unpack(&packed, "t", "c").unwrap().as_ref(), json.as_bytes());
        assert_eq!(pack("[1]".into()), b"[1]");
    }

    #[test]
    fn a_short_commit_takes_a_third_of_its_json_and_what_was_packed_alone_is_read() {
        let json = r#"[{"seq":6,"at":"2026-11-29T12:31:16.804Z","type":"node_completed","activation":2,"port":"success","logic":true},{"seq":7,"at":"2026-11-29T12:31:16.804Z","type":"run_ended","end":{"as":"completed","outcome":"completed","output":null}}]"#;
        let packed = pack(json.into());
        assert!(packed.len() * 3 < json.len(), "{} of {}", packed.len(), json.len());
        assert_eq!(unpack(&packed, "t", "c").unwrap().as_ref(), json.as_bytes());
        let mut alone = vec![PACKED_ALONE];
        alone.extend(lz4_flex::block::compress_prepend_size(json.as_bytes()));
        assert_eq!(unpack(&alone, "t", "c").unwrap().as_ref(), json.as_bytes());
    }

    #[test]
    fn the_dictionary_is_what_it_was() {
        let hash = hex::encode(Sha256::digest(DICTIONARY));
        assert_eq!(hash, "49aa3e93e9078b050541735c6f57783f973f4a7d79b39e680378cd7c5cbc7815");
    }

    #[test]
    fn a_size_that_cannot_be_is_refused() {
        for first in [PACKED, PACKED_ALONE] {
            let huge = [&[first][..], &u32::MAX.to_le_bytes(), b"abc"].concat();
            assert!(matches!(unpack(&huge, "t", "c"), Err(StoreError::Corrupt { .. })));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, first in 0_u8..4) {
            let _ = unpack(&bytes, "t", "c");
            let _ = unpack(&[&[first][..], &bytes].concat(), "t", "c");
        }

        #[test]
        fn any_text_comes_out_again(text in "[a-c\\[{]{1,2000}") {
            let packed = pack(text.clone());
            let unpacked = unpack(&packed, "t", "c").unwrap();
            prop_assert_eq!(unpacked.as_ref(), text.as_bytes());
        }
    }
}

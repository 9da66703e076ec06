//! Large payloads, apart from the rows that are read and written all the time.
//!
//! What a run took in or gave out stands in its journal and in its open calls. Past 64 KiB (packed) it goes into a
//! row of its own, and the hot row keeps its hash. Readers get the same bytes either way.

use super::{StoreError, StoreResult, Tx, packing};
use crate::args;
use sha2::{Digest, Sha256};
use signalbox::id::{OrganizationId, RunId};

/// What stands in a hot row at most, packed, in bytes.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;
/// The largest event or call, as JSON, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 10 * 1024 * 1024;

/// JSON on its way into a row: in the row itself, or apart with its hash.
#[derive(Clone, Debug)]
pub(super) enum Packed {
    Inline(Vec<u8>),
    Apart { hash: [u8; 32], bytes: Vec<u8> },
}

impl Packed {
    /// Packs JSON; made before the writer's turn.
    pub(super) fn of(json: String) -> Self {
        let bytes = packing::pack(json);
        if bytes.len() <= INLINE_BYTES_MAX {
            return Self::Inline(bytes);
        }
        Self::Apart { hash: Sha256::digest(&bytes).into(), bytes }
    }

    /// What the row itself keeps.
    pub(super) fn inline(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Apart { .. } => &[],
        }
    }

    /// The hash that the row keeps when the payload is apart.
    pub(super) fn hash(&self) -> Option<Vec<u8>> {
        match self {
            Self::Inline(_) => None,
            Self::Apart { hash, .. } => Some(hash.to_vec()),
        }
    }

    /// All bytes, wherever they will stand.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &Vec<u8> {
        match self {
            Self::Inline(bytes) | Self::Apart { bytes, .. } => bytes,
        }
    }

    /// Writes the payload that is apart, if it is and is not there yet.
    pub(super) async fn put(
        &self,
        tx: &mut Tx,
        organization: OrganizationId,
        run: RunId,
    ) -> StoreResult<()> {
        let Self::Apart { hash, bytes } = self else { return Ok(()) };
        tx.gather(
            "payloads",
            "INSERT INTO payloads (organization_id, run_id, hash, bytes) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            args![organization.0, run.0, hash.to_vec(), bytes.clone()],
        )
        .await
    }
}

/// Refuses JSON that is larger than a payload may be.
pub(super) fn check_size(json: &str, what: &'static str) -> StoreResult<()> {
    if json.len() <= PAYLOAD_BYTES_MAX {
        return Ok(());
    }
    Err(StoreError::TooLarge { what, size: json.len(), limit: PAYLOAD_BYTES_MAX })
}

/// A column's bytes, wherever they stand: `payload_sql!("run_events", "events")`. Null: the payload is gone.
macro_rules! payload_sql {
    ($table:literal, $column:literal) => {
        concat!(
            "CASE WHEN ",
            $table,
            ".payload IS NULL THEN ",
            $column,
            " ELSE (SELECT p.bytes FROM payloads p WHERE p.organization_id = ",
            $table,
            ".organization_id AND p.run_id = ",
            $table,
            ".run_id AND p.hash = ",
            $table,
            ".payload) END"
        )
    };
}
pub(super) use payload_sql;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packs_well_stays_in_the_row() {
        let repeats = format!("\"{}\"", "ab".repeat(200_000));
        assert!(matches!(Packed::of(repeats), Packed::Inline(_)));
        let mut random = String::new();
        for n in 0..20_000_u64 {
            random.push_str(&format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
        let first = Packed::of(random.clone());
        assert!(first.hash().is_some() && first.inline().is_empty());
        assert_eq!(first.hash(), Packed::of(random).hash());
    }
}

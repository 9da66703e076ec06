//! Rows that change rarely and are asked for with every request, kept until any of them changes.
//!
//! The writer counts changes of such rows ([`Tx::catalogue_changed`](super::Tx)), before it answers; what was read at
//! an earlier count is read again. Where other servers write too, nothing is kept, but what may be
//! [late](Remembered::may_be_late) by a moment.

use super::{Store, StoreResult};
use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Values by key, bounded.
pub struct Remembered<K, V> {
    kept_max: usize,
    late: Option<Duration>,
    kept: Mutex<HashMap<K, Kept<V>>>,
}

struct Kept<V> {
    count: u64,
    at: Instant,
    value: V,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// Keeps at most so many.
    pub fn new(kept_max: usize) -> Self {
        Self { kept_max: kept_max.max(1), late: None, kept: Mutex::default() }
    }

    /// A change by another server may come so much later.
    #[must_use]
    pub fn may_be_late(self, late: Duration) -> Self {
        Self { late: Some(late), ..self }
    }

    /// The value of a key, read when it is not known or may have changed. What is not there is not kept.
    pub async fn get(
        &self,
        store: &Store,
        key: K,
        read: impl Future<Output = StoreResult<Option<V>>>,
    ) -> StoreResult<Option<V>> {
        // Before the look: a change that comes while it is read leaves an entry that is out of date at once.
        let (count, late) = match store.catalogue_count() {
            Some(count) => (count, None),
            None if self.late.is_some() => (0, self.late),
            None => return read.await,
        };
        let at = Instant::now();
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && kept.count == count
            && late.is_none_or(|late| at.duration_since(kept.at) < late)
        {
            return Ok(Some(kept.value.clone()));
        }
        let value = read.await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &value {
            Some(value) => {
                if kept.len() >= self.kept_max {
                    kept.clear();
                }
                kept.insert(key, Kept { count, at, value: value.clone() });
            }
            None => drop(kept.remove(&key)),
        }
        Ok(value)
    }
}

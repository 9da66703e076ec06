//! Rows that change rarely and are asked for with every request, kept until any of them changes.
//!
//! The writer counts changes of such rows ([`Tx::catalogue_changed`](super::Tx)), before it answers; what was read at
//! an earlier count is read again. Where other servers write too, nothing is kept.

use super::{Store, StoreResult};
use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Values by key, bounded.
pub struct Remembered<K, V> {
    kept_max: usize,
    kept: Mutex<HashMap<K, (u64, V)>>,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// Keeps at most so many.
    pub fn new(kept_max: usize) -> Self {
        Self { kept_max: kept_max.max(1), kept: Mutex::default() }
    }

    /// The value of a key, read when it is not known or may have changed. What is not there is not kept.
    pub async fn get(
        &self,
        store: &Store,
        key: K,
        read: impl Future<Output = StoreResult<Option<V>>>,
    ) -> StoreResult<Option<V>> {
        // Before the look: a change that comes while it is read leaves an entry that is out of date at once.
        let Some(count) = store.catalogue_count() else { return read.await };
        if let Some((at, value)) =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && *at == count
        {
            return Ok(Some(value.clone()));
        }
        let value = read.await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &value {
            Some(value) => {
                if kept.len() >= self.kept_max {
                    kept.clear();
                }
                kept.insert(key, (count, value.clone()));
            }
            None => drop(kept.remove(&key)),
        }
        Ok(value)
    }
}

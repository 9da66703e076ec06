//! Slows down guessing: a growing pause per account and address, never a lock for good.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Failures that cost nothing.
const FREE: u32 = 4;
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// A quiet hour forgets everything.
const FORGET_AFTER: Duration = Duration::from_secs(3_600);
const ENTRIES_MAX: usize = 10_000;

/// Counts attempts by key.
pub struct Throttle<K> {
    entries: Mutex<HashMap<K, Entry>>,
}

#[derive(Clone, Copy)]
struct Entry {
    attempts: u32,
    last: Instant,
    free_at: Instant,
}

impl<K> Default for Throttle<K> {
    fn default() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    /// Counts an attempt before it is made, so that many at once count as many. An error says how
    /// long to wait; a refused attempt does not lengthen the wait.
    pub fn attempt(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(key) {
            make_room(&mut entries, now);
        }
        let fresh = Entry { attempts: 0, last: now, free_at: now };
        let entry = entries.entry(key.clone()).or_insert(fresh);
        if now.saturating_duration_since(entry.last) > FORGET_AFTER {
            *entry = fresh;
        }
        if now < entry.free_at {
            return Err(entry.free_at - now);
        }
        entry.attempts = entry.attempts.saturating_add(1);
        entry.last = now;
        entry.free_at = now + pause(entry.attempts);
        Ok(())
    }

    /// The attempt was right: start anew.
    pub fn succeeded(&self, key: &K) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// 1, 2, 4 … seconds from the fifth attempt on.
fn pause(attempts: u32) -> Duration {
    match attempts.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(past) => Duration::from_secs(1 << past.min(16)).min(PAUSE_MAX),
    }
}

/// Forgets the half that has been quiet the longest.
fn make_room<K: Eq + Hash + Clone>(entries: &mut HashMap<K, Entry>, now: Instant) {
    entries.retain(|_, entry| now.saturating_duration_since(entry.last) <= FORGET_AFTER);
    if entries.len() < ENTRIES_MAX {
        return;
    }
    let mut times: Vec<Instant> = entries.values().map(|entry| entry.last).collect();
    times.sort_unstable();
    let middle = times[times.len() / 2];
    entries.retain(|_, entry| entry.last > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_and_end() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..FREE {
            assert_eq!(throttle.attempt(&"ada", start), Ok(()));
        }
        assert_eq!(throttle.attempt(&"ada", start), Ok(()));
        assert_eq!(throttle.attempt(&"ada", start), Err(S));
        assert_eq!(throttle.attempt(&"ada", start + S), Ok(()));
        assert_eq!(throttle.attempt(&"ada", start + S), Err(2 * S));
        assert_eq!(throttle.attempt(&"bob", start), Ok(()), "others are not slowed down");
    }

    #[test]
    fn success_and_time_forget() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..=FREE {
            let _ = throttle.attempt(&1, start);
        }
        assert!(throttle.attempt(&1, start).is_err());
        throttle.succeeded(&1);
        assert!(throttle.attempt(&1, start).is_ok());
        for _ in 0..50 {
            let _ = throttle.attempt(&2, start);
        }
        assert!(throttle.attempt(&2, start + FORGET_AFTER + S).is_ok());
        assert!(throttle.attempt(&2, start + FORGET_AFTER + S).is_ok(), "the count is new too");
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for key in 0..(3 * ENTRIES_MAX) {
            let _ = throttle.attempt(&key, start + Duration::from_millis(key as u64));
        }
        assert!(throttle.entries.lock().unwrap().len() <= ENTRIES_MAX);
    }
}

//! Timers that could not fire: each rests for a while, longer each time, and holds up no other.

use chrono::TimeDelta;
use signalbox::{id::RunId, run::TimerId};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How long one rests after the first time.
const FIRST_MS: i64 = 1_000;
/// How long one rests at most.
const MOST_MS: i64 = 60_000;
/// Timers of which is known how often they failed. Past it all are forgotten, and rest shortly again.
const KEPT_MAX: usize = 10_000;

/// How often timers could not fire.
#[derive(Default)]
pub(super) struct Setbacks(Mutex<HashMap<(RunId, TimerId), u32>>);

impl Setbacks {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(RunId, TimerId), u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A timer could not fire once more; gives how long it rests.
    pub(super) fn failed(&self, run: RunId, timer: &TimerId) -> TimeDelta {
        let mut failures = self.lock();
        if failures.len() >= KEPT_MAX {
            failures.clear();
        }
        let times = failures.entry((run, timer.clone())).or_insert(0);
        let rest_ms = FIRST_MS.saturating_mul(1_i64 << (*times).min(16)).min(MOST_MS);
        *times += 1;
        TimeDelta::milliseconds(rest_ms)
    }

    /// A timer fired, or is not wanted any more.
    pub(super) fn over(&self, run: RunId, timer: &TimerId) {
        let mut failures = self.lock();
        if !failures.is_empty() {
            failures.remove(&(run, timer.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rests_longer_each_time_but_not_for_ever() {
        let (setbacks, run) = (Setbacks::default(), RunId(uuid::Uuid::nil()));
        let (timer, other) = (TimerId("1:wait".into()), TimerId("2:wait".into()));
        let rests: Vec<i64> =
            (0..20).map(|_| setbacks.failed(run, &timer).num_milliseconds()).collect();
        assert_eq!(rests[..7], [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
        assert_eq!(rests[19], 60_000);
        assert_eq!(setbacks.failed(run, &other).num_milliseconds(), 1_000);
        setbacks.over(run, &timer);
        assert_eq!(setbacks.failed(run, &timer).num_milliseconds(), 1_000);
    }
}

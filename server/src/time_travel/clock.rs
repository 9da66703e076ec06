//! Two clocks side by side: the one on the wall, which people and time servers set, and a steady one, which only goes
//! on.

use super::finding::{Finding, lasting};
use chrono::{DateTime, TimeDelta, Utc};
use signalbox::wire::PauseReason;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// So far the clocks may come apart between two looks.
pub(super) const JUMP_MIN: TimeDelta = TimeDelta::seconds(60);

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// On the wall.
    pub wall: DateTime<Utc>,
    /// Since some moment in the past, steadily; on Linux also while the machine sleeps.
    pub steady: Duration,
}

impl Reading {
    /// Reads them.
    pub fn now() -> Self {
        Self { wall: Utc::now(), steady: steady() }
    }

    /// How much time went by since an earlier reading.
    fn since(&self, last: &Self) -> TimeDelta {
        TimeDelta::from_std(self.steady.saturating_sub(last.steady)).unwrap_or(TimeDelta::MAX)
    }
}

#[cfg(target_os = "linux")]
fn steady() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// Where this clock stands still while the machine sleeps, its sleep looks like a clock that was set.
#[cfg(not(target_os = "linux"))]
fn steady() -> Duration {
    static ORIGIN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    ORIGIN.elapsed()
}

/// How far the clock on the wall was set between two readings, forward or back, if by more than a minute.
pub fn clock_jump(last: &Reading, now: &Reading) -> Option<TimeDelta> {
    let jump = (now.wall - last.wall) - now.since(last);
    (jump.abs() > JUMP_MIN).then_some(jump)
}

/// Compares the clocks with what they showed when all was well.
pub(super) struct Watch {
    last: Mutex<Reading>,
    after: TimeDelta,
}

impl Watch {
    pub fn new(after: TimeDelta) -> Self {
        Self { last: Mutex::new(Reading::now()), after }
    }

    /// What went wrong since all was well. It stays until [`settle`](Self::settle), whoever looks.
    pub fn look(&self) -> Option<Finding> {
        self.look_at(Reading::now())
    }

    fn look_at(&self, now: Reading) -> Option<Finding> {
        let mut last = self.last();
        let found = travelled(&last, &now, self.after);
        if found.is_none() {
            *last = now;
        }
        found
    }

    /// What was found is dealt with.
    pub fn settle(&self) {
        *self.last() = Reading::now();
    }

    fn last(&self) -> MutexGuard<'_, Reading> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn travelled(last: &Reading, now: &Reading, after: TimeDelta) -> Option<Finding> {
    if let Some(jump) = clock_jump(last, now) {
        let way = if jump < TimeDelta::zero() { "back" } else { "forward" };
        let note = format!("the server\u{2019}s clock was set {way} by {}", lasting(jump.abs()));
        return Some(Finding { reason: PauseReason::ClockJump, note });
    }
    let stood = now.since(last);
    (stood >= after).then(|| Finding {
        reason: PauseReason::Downtime,
        note: format!("the server stood still for {}", lasting(stood)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall_s: i64, steady_s: u64) -> Reading {
        let wall = DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + wall_s);
        Reading { wall, steady: Duration::from_secs(1_000 + steady_s) }
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_goes_on_is_not() {
        let start = reading(0, 0);
        let jump = |wall_s, steady_s| clock_jump(&start, &reading(wall_s, steady_s));
        for well in [(0, 0), (1, 1), (60, 0), (-60, 0), (61, 1), (90_000, 90_000)] {
            assert_eq!(jump(well.0, well.1), None, "{well:?}");
        }
        assert_eq!(jump(61, 0), Some(TimeDelta::seconds(61)));
        assert_eq!(jump(-61, 0), Some(TimeDelta::seconds(-61)));
        assert_eq!(jump(5, 90_000), Some(TimeDelta::seconds(5 - 90_000)));
    }

    #[test]
    fn what_is_found_stays_until_it_is_dealt_with() {
        let watch = Watch { last: Mutex::new(reading(0, 0)), after: TimeDelta::hours(6) };
        assert_eq!(watch.look_at(reading(5, 5)), None);
        let found = watch.look_at(reading(7_210, 10)).unwrap();
        assert_eq!(found.reason, PauseReason::ClockJump);
        assert!(found.note.ends_with("was set forward by 2 hours"), "{}", found.note);
        assert!(watch.look_at(reading(7_211, 11)).is_some());
        *watch.last() = reading(7_211, 11);
        assert_eq!(watch.look_at(reading(7_212, 12)), None);
        // A machine that slept: both clocks went on.
        let slept = watch.look_at(reading(7_212 + 32_400, 12 + 32_400)).unwrap();
        assert_eq!(slept.note, "the server stood still for 9 hours");
    }

    #[test]
    fn the_clocks_of_this_machine_go_on_together() {
        let (one, two) = (Reading::now(), Reading::now());
        assert!(two.steady >= one.steady);
        assert_eq!(clock_jump(&one, &two), None);
    }
}

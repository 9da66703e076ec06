//! What a schedule does now, when its times may have been missed.
//!
//! A time is in order within a minute ([`GRACE_MS`]). What is later was missed, because the server was down or
//! busy, and the schedule's rule decides. Deliberately absent: overlapping runs, which only the store knows.

use super::Cron;
use crate::graph::{Misfire, ScheduleRule};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// A time that is later than this was missed.
pub const GRACE_MS: i64 = 60_000;
/// Missed times that are made up one by one, at most.
pub const CATCH_UP_MAX: usize = 100;

/// A rule in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When.
    pub cron: Cron,
    /// By which clocks.
    pub zone: Tz,
    /// And what if not then.
    pub rule: ScheduleRule,
}

/// What is to be done now about all times up to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Times that start a run each, oldest first.
    pub runs: Vec<DateTime<Utc>>,
    /// The newest time that is dealt with by that; nothing up to it comes again.
    pub newest: DateTime<Utc>,
    /// Times without a run of their own; it stops counting at [`CATCH_UP_MAX`].
    pub missed: usize,
}

impl Schedule {
    /// The first time after an instant.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.next_after(after, self.zone)
    }

    /// What is to be done at `now` when all times up to `after` are dealt with; `None`: nothing is due.
    pub fn turn(&self, after: DateTime<Utc>, now: DateTime<Utc>) -> Option<Turn> {
        let due = self.cron.newest(after, now, self.zone, CATCH_UP_MAX);
        let newest = *due.last()?;
        let late_ms = |at: &DateTime<Utc>| (now - *at).num_milliseconds();
        let limit_ms = match (self.rule.misfire, self.rule.max_lateness_ms) {
            (Misfire::Skip, _) => GRACE_MS,
            (_, Some(limit)) => i64::try_from(limit).unwrap_or(i64::MAX).max(GRACE_MS),
            (Misfire::Coalesce, None) => self.period_ms(newest).max(GRACE_MS),
            (Misfire::All, None) => i64::MAX,
        };
        let count = due.len();
        let mut runs: Vec<_> = due.into_iter().filter(|at| late_ms(at) <= limit_ms).collect();
        if self.rule.misfire == Misfire::Coalesce {
            runs = runs.pop().into_iter().collect();
        }
        Some(Turn { missed: count - runs.len(), runs, newest })
    }

    /// From a time to the next, in milliseconds.
    fn period_ms(&self, at: DateTime<Utc>) -> i64 {
        let next = self.next_after(at).unwrap_or(at + TimeDelta::days(366));
        (next - at).num_milliseconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, misfire: Misfire, max_lateness_ms: Option<u64>) -> Schedule {
        let rule = ScheduleRule { misfire, no_overlap: false, max_lateness_ms };
        Schedule { cron: cron.parse().unwrap(), zone: Tz::Europe__Berlin, rule }
    }

    #[test]
    fn missed_times_are_treated_as_the_rule_says() {
        use Misfire::*;
        // Every hour; all up to 08:00 is dealt with. When it is now, how many runs, newest of them, missed.
        for (misfire, limit_ms, now, runs, missed) in [
            (Coalesce, None, "2026-03-02T08:59:59Z", 0, 0),
            (Coalesce, None, "2026-03-02T09:00:00Z", 1, 0),
            (Coalesce, None, "2026-03-02T12:59:00Z", 1, 3),
            (Coalesce, Some(600_000), "2026-03-02T12:10:00Z", 1, 3),
            (Coalesce, Some(600_000), "2026-03-02T12:10:01Z", 0, 4),
            (Coalesce, Some(1), "2026-03-02T09:01:00Z", 1, 0),
            (Skip, None, "2026-03-02T09:01:00Z", 1, 0),
            (Skip, None, "2026-03-02T09:01:01Z", 0, 1),
            (Skip, None, "2026-03-02T12:00:10Z", 1, 3),
            (Skip, Some(9_000_000), "2026-03-02T12:30:00Z", 0, 4),
            (All, None, "2026-03-02T12:30:00Z", 4, 0),
            (All, Some(5_400_000), "2026-03-02T12:30:00Z", 2, 2),
            (All, None, "2026-06-02T12:30:00Z", 100, 0),
        ] {
            let turn =
                schedule("0 * * * *", misfire, limit_ms).turn(at("2026-03-02T08:00:00Z"), at(now));
            let found = turn.as_ref().map_or((0, 0), |turn| (turn.runs.len(), turn.missed));
            assert_eq!(found, (runs, missed), "{misfire:?} {limit_ms:?} {now}");
            if let Some(turn) = turn {
                assert!(turn.runs.last().is_none_or(|last| *last == turn.newest));
                assert!(turn.newest <= at(now) && turn.runs.is_sorted());
            }
        }
    }
}

//! Instants and durations between machines and people: zones, wall times, the words for them.
//!
//! Deliberately absent: the clock. "Now" and the zone are arguments, always.

mod cron;
mod duration;
mod misfire;
mod words;

pub use cron::{Cron, CronError};
pub use duration::{MAX_DURATION_MS, duration_human, duration_parse, duration_parts};
pub use misfire::{CATCH_UP_MAX, GRACE_MS, Schedule, Turn};
pub use words::{exact, exact_on_wall, said, said_on_walls};

use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use thiserror::Error;

/// Text or JSON that is not what it should be, with what would be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Not the name of a zone.
    #[error("{0:?} is not a time zone; write one such as Europe/Vienna or UTC")]
    Zone(String),
    /// Not a time.
    #[error("{0:?} is not a time; write one such as 2026-03-01T09:00 or 2026-03-01T09:00:00+01:00")]
    Instant(String),
    /// Not a duration.
    #[error(
        "{0} is not a duration; write one such as {{\"days\": 3, \"hours\": 12}} or \"3 days 12 h\""
    )]
    Duration(String),
    /// A duration beyond ten years.
    #[error("a duration of {0} is too long; ten years at most")]
    TooLong(String),
}

/// The zone of an IANA name, such as `Europe/Vienna`.
pub fn zone(name: &str) -> Result<Tz, TimeError> {
    name.trim().parse().map_err(|_| TimeError::Zone(name.to_owned()))
}

/// The instant at which a wall clock in the zone shows `wall`.
///
/// Twice in a year this needs a rule. A time that the clocks jump over (02:30 in spring) means as much later as
/// the jump is long (03:30). A time that comes twice (02:30 in autumn) means its first coming.
pub fn at_wall(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => {
            // Half a day before, the offset from before the jump is in force; no zone jumps by more than a day,
            // and those that skipped a whole day are in the past.
            let before = wall.checked_sub_signed(TimeDelta::hours(24))?;
            let offset = zone.from_local_datetime(&before).earliest()?.naive_utc() - before;
            Some(Utc.from_utc_datetime(&wall.checked_add_signed(offset)?))
        }
    }
}

/// The next instant after `after` at which a wall clock in the zone shows `time`.
pub fn next_at(time: NaiveTime, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let mut day = after.with_timezone(&zone).date_naive();
    // Today, tomorrow, and a day more for a zone whose jump moved tomorrow's time behind `after`.
    for _ in 0..3 {
        match at_wall(day.and_time(time), zone) {
            Some(at) if at > after => return Some(at),
            _ => day = day.succ_opt()?,
        }
    }
    None
}

/// Reads a time with an offset (RFC 3339), or a wall time in `zone`: `2026-03-01T09:00`, `2026-03-01 09:00:30`,
/// `2026-03-01` (its first instant).
pub fn instant_parse(text: &str, zone: Tz) -> Result<DateTime<Utc>, TimeError> {
    let text = text.trim();
    let wrong = || TimeError::Instant(text.chars().take(60).collect());
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let forms =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let wall = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN)))
        .ok_or_else(wrong)?;
    at_wall(wall, zone).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;

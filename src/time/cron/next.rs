//! When a rule fires. See [`super`] for what holds when the clocks change.

use super::Cron;
use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
    Timelike, Utc,
};
use chrono_tz::{GapInfo, Tz};
use std::collections::VecDeque;

/// How far ahead is looked: 29 February on given weekdays comes every 40 years at the least.
const DAYS_MAX: i64 = 366 * 41;
/// A change of the clocks within so many hours makes the search go by single minutes.
const CHANGE_HOURS: i64 = 3;

impl Cron {
    /// The first instant after `after` at which it fires; `None` when there is none that a calendar can hold.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        if self.is_elapsed() {
            self.next_elapsed(after, zone)
        } else {
            self.next_named(after, zone)
        }
    }

    /// The first `count` instants after `after`.
    pub fn next_few(&self, after: DateTime<Utc>, zone: Tz, count: usize) -> Vec<DateTime<Utc>> {
        let first = self.next_after(after, zone);
        std::iter::successors(first, |at| self.next_after(*at, zone)).take(count).collect()
    }

    /// The newest instants after `after` up to `until`, oldest of them first, at most `count`.
    pub fn newest(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        zone: Tz,
        count: usize,
    ) -> Vec<DateTime<Utc>> {
        let mut window = TimeDelta::hours(1);
        loop {
            // Backwards in growing windows: what was missed may be a year of minutes.
            let start = until.checked_sub_signed(window).map_or(after, |start| start.max(after));
            let mut found = VecDeque::new();
            let mut next = self.next_after(start, zone);
            while let Some(at) = next.filter(|at| *at <= until) {
                if found.len() == count {
                    found.pop_front();
                }
                found.push_back(at);
                next = self.next_after(at, zone);
            }
            if found.len() >= count || start <= after {
                return found.into();
            }
            window = window * 4;
        }
    }

    fn next_named(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // From the day before: what a gap moved may fire on the next date.
        let mut date = after.with_timezone(&zone).date_naive().pred_opt()?;
        for _ in 0..DAYS_MAX {
            if self.fits_day(date) && exists(date, zone) {
                let reached = self.times().map(|time| reached(date.and_time(time), zone));
                if let Some(at) = reached.flatten().find(|at| *at > after) {
                    return Some(at);
                }
            }
            date = date.succ_opt()?;
        }
        None
    }

    /// The times of day that it names, in order.
    pub(super) fn times(&self) -> impl Iterator<Item = NaiveTime> + '_ {
        self.hours.numbers().flat_map(|hour| {
            self.minutes
                .numbers()
                .filter_map(move |minute| NaiveTime::from_hms_opt(hour, minute, 0))
        })
    }

    fn next_elapsed(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let until = after.checked_add_signed(TimeDelta::days(DAYS_MAX))?;
        let local = after.with_timezone(&zone).naive_local();
        let into_minute = TimeDelta::seconds(local.second().into())
            + TimeDelta::nanoseconds(local.nanosecond().into());
        let mut at = after.checked_add_signed(TimeDelta::minutes(1) - into_minute)?;
        while at <= until {
            let local = at.with_timezone(&zone).naive_local();
            let day_fits = self.fits_day(local.date());
            if day_fits && self.hours.has(local.hour()) && self.minutes.has(local.minute()) {
                return Some(at);
            }
            let minutes_left = 60 - i64::from(local.minute());
            at = match steady(at, zone) {
                // Where the clocks go back over midnight the next day began before this second evening.
                true if !day_fits => {
                    self.next_day(local.date(), zone)?.max(at + TimeDelta::minutes(1))
                }
                true if !self.hours.has(local.hour()) => at + TimeDelta::minutes(minutes_left),
                _ => at + TimeDelta::minutes(1),
            };
        }
        None
    }

    /// The beginning of the next day that fits.
    fn next_day(&self, date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
        let mut date = date.succ_opt()?;
        for _ in 0..DAYS_MAX {
            if self.fits_day(date) {
                return reached(date.and_time(NaiveTime::MIN), zone);
            }
            date = date.succ_opt()?;
        }
        None
    }
}

/// Whether the clocks do not change soon.
fn steady(at: DateTime<Utc>, zone: Tz) -> bool {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    offset(at) == offset(at + TimeDelta::hours(CHANGE_HOURS))
}

/// The first instant at which the wall clock shows `wall` or a later time.
pub(super) fn reached(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => GapInfo::new(&wall, &zone)?.end.map(|end| end.to_utc()),
    }
}

/// False for a date that the zone left out, as Apia did 30 December 2011.
fn exists(date: NaiveDate, zone: Tz) -> bool {
    let first = reached(date.and_time(NaiveTime::MIN), zone);
    first.is_some_and(|at| at.with_timezone(&zone).date_naive() == date)
}

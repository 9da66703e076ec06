//! Schedules: cron rules of five fields, when they fire in a zone, and how people read them.
//!
//! The fields are minute, hour, day of month, month, day of week, with `*`, lists, ranges, steps and names.
//! When both day fields are restricted, a day that fits either fires, as in every cron since Vixie's; a field
//! that begins with `*` does not restrict. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are short forms.
//!
//! # When the clocks change
//!
//! * A rule with fixed hours names times of day. Each fires once, at the first instant at which the wall clock
//!   shows that time or a later one: a time that the clocks jump over fires at the end of the gap, a time that
//!   comes twice fires the first time. A date that the zone left out altogether fires nothing.
//! * A rule whose hour begins with `*` (`*/15 * * * *`) counts elapsed time: it fires whenever the wall clock
//!   shows a time that fits, both times when it comes twice.
//!
//! Deliberately absent: the clock, seconds, years, and the letters `L`, `W`, `#`, `?` of other dialects.

mod next;
mod parse;
mod words;

use chrono::{Datelike, NaiveDate};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// A rule that was read. `Display` gives back the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    source: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// The numbers that one field lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    /// One bit a number.
    bits: u64,
    /// It was written with `*` at its beginning.
    star: bool,
}

impl Field {
    fn has(self, number: u32) -> bool {
        number < 64 && self.bits & (1 << number) != 0
    }

    fn numbers(self) -> impl DoubleEndedIterator<Item = u32> + Clone {
        (0..64).filter(move |number| self.has(*number))
    }

    fn only(self) -> Option<u32> {
        (self.bits.count_ones() == 1).then(|| self.bits.trailing_zeros())
    }
}

/// Why a text is no rule: which field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct CronError {
    /// `minute`, `hour`, `day of month`, `month`, `day of week`; empty when it is the rule as a whole.
    pub field: &'static str,
    /// What is wrong and what would be right, as a sentence that names the field.
    pub reason: String,
}

impl Cron {
    /// The longest source, in bytes.
    pub const LENGTH_MAX: usize = 200;

    /// Whether it counts elapsed time rather than naming times of day.
    pub fn is_elapsed(&self) -> bool {
        self.hours.star
    }

    fn fits_day(&self, date: NaiveDate) -> bool {
        let (day, weekday) = (date.day(), date.weekday().num_days_from_sunday());
        let (by_day, by_weekday) = (self.days.has(day), self.weekdays.has(weekday));
        let either = !self.days.star && !self.weekdays.star;
        self.months.has(date.month())
            && if either { by_day || by_weekday } else { by_day && by_weekday }
    }
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        parse::parse(text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

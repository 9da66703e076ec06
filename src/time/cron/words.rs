//! A rule as people say it: "every weekday at 09:00".

use super::{Cron, Field};

/// Times of day that are listed one by one.
const LISTED_MAX: usize = 6;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Cron {
    /// The rule in words, without a zone: "every weekday at 09:00", "every 15 minutes".
    pub fn words(&self) -> String {
        let days = self.day_words();
        if self.is_elapsed() || self.minutes.star {
            let often = self.often_words();
            return match days.as_str() {
                "every day" => often,
                days => format!("{often}, {days}"),
            };
        }
        let times: Vec<String> = self
            .times()
            .take(LISTED_MAX + 1)
            .map(|time| time.format("%H:%M").to_string())
            .collect();
        match (times.len(), self.minutes.only(), span(self.hours)) {
            (0..=LISTED_MAX, ..) => format!("{days} at {}", listed(&times)),
            (_, Some(minute), Some((first, last))) => {
                format!("{days}, hourly from {first:02}:{minute:02} to {last:02}:{minute:02}")
            }
            _ => format!("{days}, {} past {}", self.minute_words(), self.hour_words()),
        }
    }

    /// A rule that comes several times an hour, or every few hours.
    fn often_words(&self) -> String {
        let every_hour = self.hours.bits.count_ones() == 24;
        let minutes = match (self.minutes.bits.count_ones(), step(self.minutes, 60)) {
            (60, _) => Some("every minute".to_owned()),
            (_, Some(step)) if step > 1 => Some(format!("every {step} minutes")),
            _ => None,
        };
        match (minutes, every_hour) {
            (Some(minutes), true) => minutes,
            (Some(minutes), false) => format!("{minutes} {}", self.within_words()),
            (None, _) if self.minutes.only() == Some(0) => self.hour_words(),
            (None, true) => format!("{} past every hour", self.minute_words()),
            (None, false) => format!("{}, {} past", self.hour_words(), self.minute_words()),
        }
    }

    fn minute_words(&self) -> String {
        let numbers: Vec<String> = self.minutes.numbers().map(|n| n.to_string()).collect();
        let unit = if self.minutes.only() == Some(1) { "minute" } else { "minutes" };
        format!("{} {unit}", listed(&numbers))
    }

    /// "every hour", "every 2 hours", "the hours 9 to 17".
    fn hour_words(&self) -> String {
        match (self.hours.bits.count_ones(), step(self.hours, 24)) {
            (24, _) => "every hour".to_owned(),
            (_, Some(step)) => format!("every {step} hours"),
            _ => format!("the hours {}", spans(self.hours)),
        }
    }

    /// "from 09:00 to 17:59".
    fn within_words(&self) -> String {
        match span(self.hours) {
            Some((first, last)) => format!("from {first:02}:00 to {last:02}:59"),
            None => format!("of the hours {}", spans(self.hours)),
        }
    }

    fn day_words(&self) -> String {
        let all_days = self.days.bits.count_ones() == 31;
        let all_weekdays = self.weekdays.bits.count_ones() == 7;
        let weekdays = match self.weekdays.bits {
            0b011_1110 => "every weekday".to_owned(),
            _ => {
                // The week begins on Monday.
                let names: Vec<&str> = (1..=7)
                    .map(|day| day % 7)
                    .filter(|day| self.weekdays.has(*day))
                    .map(|day| WEEKDAYS[day as usize])
                    .collect();
                format!("every {}", listed(&names))
            }
        };
        let numbers: Vec<String> = self.days.numbers().map(|n| n.to_string()).collect();
        let plural = if numbers.len() == 1 { "day" } else { "days" };
        let month = match self.months.bits.count_ones() {
            12 => "every month".to_owned(),
            _ => {
                let names: Vec<&str> =
                    self.months.numbers().map(|month| MONTHS[month as usize - 1]).collect();
                listed(&names)
            }
        };
        let dated = format!("on {plural} {} of {month}", listed(&numbers));
        let within = if self.months.bits.count_ones() == 12 {
            String::new()
        } else {
            format!(" in {month}")
        };
        match (all_days, all_weekdays) {
            (true, true) => format!("every day{within}"),
            (true, false) => format!("{weekdays}{within}"),
            (false, true) => dated,
            (false, false) if self.days.star || self.weekdays.star => {
                format!("{weekdays} that falls {dated}")
            }
            (false, false) => format!("{dated} and {weekdays}{within}"),
        }
    }
}

/// The step of a field that starts at 0, runs to the end and divides it evenly: 15 for 0, 15, 30, 45.
fn step(field: Field, size: u32) -> Option<u32> {
    let step = field.numbers().nth(1)?;
    let even = (0..size).step_by(step as usize).fold(0, |bits, number| bits | 1u64 << number);
    (size.is_multiple_of(step) && field.bits == even).then_some(step)
}

/// First and last of numbers without a hole.
fn span(field: Field) -> Option<(u32, u32)> {
    let (first, last) = (field.numbers().next()?, field.numbers().next_back()?);
    (last - first + 1 == field.bits.count_ones()).then_some((first, last))
}

/// "9 to 17", "8, 12 and 16".
fn spans(field: Field) -> String {
    match span(field) {
        Some((first, last)) if last > first + 1 => format!("{first} to {last}"),
        _ => listed(&field.numbers().map(|n| n.to_string()).collect::<Vec<_>>()),
    }
}

/// "a", "a and b", "a, b and c".
fn listed<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

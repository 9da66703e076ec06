//! Hours in which messages leave, and days that caps count by, in the zone of whoever they concern.
//!
//! A day's hours are two wall-clock times, turned into instants by the zone's own rules: a time that does
//! not exist on that day is the moment at which the clocks are put forward; of a time that exists twice the
//! opening takes the later and the closing the earlier one, so that nothing leaves in an hour that could be
//! meant as quiet. Deliberately absent: a clock, holidays.

use chrono::{DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use signalbox::wire::{Day, SendingHours};

/// Days that are looked at for the next opening. Some day of the week is always allowed, and at most one
/// in a row is swallowed by a change of a zone's date.
const DAYS_AHEAD: u64 = 16;
/// The longest gap that a zone has ever had, in minutes: a whole day.
const GAP_MAX_MIN: i64 = 1_500;

/// Minutes of a wall clock since midnight: `08:00` is 480, `24:00` is 1440.
pub fn minutes_of(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let plain = !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute).filter(|_| minute.len() == 2)?);
    (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some(hour * 60 + minute)
}

/// Whether messages leave at `now`, and if not, when the next opening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// They leave.
    Open,
    /// It is quiet until then.
    QuietUntil(DateTime<Utc>),
    /// There is no opening: the rules cannot be kept.
    Never,
}

/// Where `now` lies in the hours of a zone.
pub fn hours_at(hours: &SendingHours, zone: Tz, now: DateTime<Utc>) -> Hours {
    if !hours.enabled {
        return Hours::Open;
    }
    let (Some(from), Some(to)) = (minutes_of(&hours.from), minutes_of(&hours.to)) else {
        return Hours::Never;
    };
    let today = now.with_timezone(&zone).date_naive();
    let Some(first) = today.checked_sub_days(Days::new(1)) else { return Hours::Never };
    for ahead in 0..=DAYS_AHEAD {
        let Some(date) = first.checked_add_days(Days::new(ahead)) else { break };
        if !hours.days.contains(&day_of(date)) {
            continue;
        }
        let Some((opens, closes)) = window(date, from, to, zone) else { continue };
        if now < opens {
            return Hours::QuietUntil(opens);
        }
        if now < closes {
            return Hours::Open;
        }
    }
    Hours::Never
}

/// The instants between which a day's hours lie; none where the zone leaves nothing of them.
fn window(date: NaiveDate, from: u32, to: u32, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let midnight = date.and_hms_opt(0, 0, 0)?;
    let at = |minutes: u32| midnight.checked_add_signed(TimeDelta::minutes(i64::from(minutes)));
    let opens = instant(at(from)?, zone, Fold::Later)?;
    let closes = instant(at(to)?, zone, Fold::Earlier)?;
    (opens < closes).then_some((opens, closes))
}

/// Which of two instants a wall-clock time means that exists twice.
#[derive(Clone, Copy)]
enum Fold {
    Earlier,
    Later,
}

fn instant(wall: NaiveDateTime, zone: Tz, fold: Fold) -> Option<DateTime<Utc>> {
    let mut wall = wall;
    for _ in 0..=GAP_MAX_MIN {
        match (wall.and_local_timezone(zone), fold) {
            (MappedLocalTime::Single(at), _) => return Some(at.to_utc()),
            (MappedLocalTime::Ambiguous(earlier, _), Fold::Earlier) => {
                return Some(earlier.to_utc());
            }
            (MappedLocalTime::Ambiguous(_, later), Fold::Later) => return Some(later.to_utc()),
            // In the gap: the first wall-clock time after it is the moment of the change.
            (MappedLocalTime::None, _) => wall = wall.checked_add_signed(TimeDelta::minutes(1))?,
        }
    }
    None
}

fn day_of(date: NaiveDate) -> Day {
    Day::ALL[date.weekday().num_days_from_monday() as usize]
}

/// The day of a zone in which `now` lies: its first instant and the next day's.
pub fn day_around(zone: Tz, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let today = now.with_timezone(&zone).date_naive();
    let start = |date: Option<NaiveDate>| instant(date?.and_hms_opt(0, 0, 0)?, zone, Fold::Earlier);
    let from = start(Some(today)).unwrap_or(now);
    // A zone may skip a whole date; its start is then the same instant as the one after it.
    let next = (1..=2)
        .find_map(|ahead| start(today.checked_add_days(Days::new(ahead))).filter(|at| *at > now));
    (from, next.unwrap_or(now + TimeDelta::days(1)))
}

#[cfg(test)]
mod tests;

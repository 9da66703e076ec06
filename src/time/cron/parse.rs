//! From text to fields, with errors that name the field.

use super::{Cron, CronError, Field};

/// What a field may hold.
struct Kind {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const KINDS: [Kind; 5] = [
    Kind { name: "minute", low: 0, high: 59, names: &[] },
    Kind { name: "hour", low: 0, high: 23, names: &[] },
    Kind { name: "day of month", low: 1, high: 31, names: &[] },
    Kind { name: "month", low: 1, high: 12, names: &MONTHS },
    Kind { name: "day of week", low: 0, high: 7, names: &WEEKDAYS },
];

/// The most days that a month has, from January.
const MONTH_DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    let source = text.trim();
    let whole = |reason: String| CronError { field: "", reason };
    if source.len() > Cron::LENGTH_MAX {
        return Err(whole(format!("The schedule is longer than {} characters.", Cron::LENGTH_MAX)));
    }
    let spelled = match source.strip_prefix('@') {
        Some(word) => short_form(word).ok_or_else(|| {
            whole(format!(
                "There is no schedule @{word}. The words are @hourly, @daily, @weekly, @monthly and @yearly."
            ))
        })?,
        None => source,
    };
    let parts: Vec<&str> = spelled.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts[..] else {
        return Err(whole(format!(
            "A schedule has five fields (minute, hour, day of month, month, day of week), this one has {}. \
             0 9 * * 1 is Mondays at 9.",
            parts.len()
        )));
    };
    let [minutes, hours, days, months, weekdays] = &KINDS;
    let mut cron = Cron {
        source: source.to_owned(),
        minutes: field(minute, minutes)?,
        hours: field(hour, hours)?,
        days: field(day, days)?,
        months: field(month, months)?,
        weekdays: field(weekday, weekdays)?,
    };
    // Sunday is 0 and 7.
    cron.weekdays.bits = (cron.weekdays.bits | cron.weekdays.bits >> 7) & 0x7f;
    match comes_ever(&cron) {
        true => Ok(cron),
        false => Err(CronError {
            field: "day of month",
            reason: format!("No month of {month:?} has a day {day}, so this would never come."),
        }),
    }
}

fn short_form(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        _ => return None,
    })
}

/// False for 30 February and its like.
fn comes_ever(cron: &Cron) -> bool {
    let by_weekday_alone = !cron.days.star && !cron.weekdays.star;
    by_weekday_alone
        || cron.months.numbers().any(|month| {
            let most = MONTH_DAYS.get(month as usize - 1).copied().unwrap_or(31);
            cron.days.numbers().any(|day| day <= most)
        })
}

fn field(text: &str, kind: &Kind) -> Result<Field, CronError> {
    let mut bits = 0;
    for part in text.split(',') {
        bits |= part_bits(part, kind)?;
    }
    Ok(Field { bits, star: text.starts_with('*') })
}

fn wrong(kind: &Kind, reason: impl std::fmt::Display) -> CronError {
    CronError { field: kind.name, reason: format!("The {} {reason}", kind.name) }
}

fn part_bits(part: &str, kind: &Kind) -> Result<u64, CronError> {
    if part.is_empty() {
        return Err(wrong(kind, "has nothing between two commas."));
    }
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(self::step(step, part, kind)?)),
        None => (part, None),
    };
    let (low, high) = match range.split_once('-') {
        // 7 is a second name of Sunday and no eighth day.
        _ if range == "*" => (kind.low, open_end(kind)),
        Some((from, to)) => {
            let (low, mut high) = (number(from, kind)?, number(to, kind)?);
            if kind.high == 7 && high == 0 {
                high = 7; // sat-sun
            }
            if low > high {
                let text = format!("{part:?} ends before it begins; write it as two ranges.");
                return Err(wrong(kind, text));
            }
            (low, high)
        }
        None => {
            let from = number(range, kind)?;
            (from, if step.is_some() { open_end(kind).max(from) } else { from })
        }
    };
    let numbers = (low..=high).step_by(step.unwrap_or(1) as usize);
    Ok(numbers.fold(0, |bits, number| bits | 1 << number))
}

fn open_end(kind: &Kind) -> u32 {
    if kind.high == 7 { 6 } else { kind.high }
}

fn step(text: &str, part: &str, kind: &Kind) -> Result<u32, CronError> {
    match text.parse::<u32>() {
        Ok(step) if (1..=kind.high.max(1)).contains(&step) => Ok(step),
        _ => Err(wrong(
            kind,
            format!("{part:?} has no step that fits; steps are 1 to {}.", kind.high),
        )),
    }
}

fn number(text: &str, kind: &Kind) -> Result<u32, CronError> {
    let (low, high) = (kind.low, kind.high);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let fits = text.parse().ok().filter(|number| (low..=high).contains(number));
        return fits.ok_or_else(|| {
            wrong(kind, format!("{text} is out of range; it goes from {low} to {high}."))
        });
    }
    let lower = text.to_ascii_lowercase();
    if let Some(at) = kind.names.iter().position(|name| *name == lower) {
        return Ok(at as u32 + low);
    }
    let names = match kind.names {
        [first, .., last] => format!(" or {first} to {last}"),
        _ => String::new(),
    };
    Err(wrong(
        kind,
        format!(
            "{text:?} is not understood; write {low} to {high}{names}, *, lists, ranges and steps."
        ),
    ))
}

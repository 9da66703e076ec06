//! Instants in words: "Tue 09:00 (in 14 h)", and the exact form for those who look closer.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use chrono_tz::Tz;

/// The instant as people in the zone say it at `now`: the day only when it is not today, the year only when it
/// is not this one, and how far away it is when that is less than a month: "Tue 09:00 (in 14 h)".
pub fn said(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let wall = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
    said_on_walls(wall(at), wall(now), (at - now).num_milliseconds())
}

/// Like [`said`], for one who knows what the wall clocks show. `ahead_ms` is how far the instant is ahead of now;
/// it is not the difference of the walls on days when the clocks change.
pub fn said_on_walls(then: NaiveDateTime, now: NaiveDateTime, ahead_ms: i64) -> String {
    let days = (then.date() - now.date()).num_days();
    let clock = format!("{:02}:{:02}", then.hour(), then.minute());
    let words = match days {
        0 => clock,
        -6..=6 => format!("{} {clock}", then.weekday()),
        _ if then.year() == now.year() => format!("{} {} {clock}", then.day(), month(then)),
        _ => format!("{} {} {} {clock}", then.day(), month(then), then.year()),
    };
    match distance(ahead_ms) {
        Some(distance) => format!("{words} ({distance})"),
        None => words,
    }
}

/// A wall clock to the second, with weekday: "Tue 24 Nov 2026 09:00:00". Written out, because what reads
/// chrono's patterns is larger in the browser than everything else that shows times.
pub fn exact_on_wall(wall: NaiveDateTime) -> String {
    let (day, month, year) = (wall.day(), month(wall), wall.year());
    let (hour, minute, second) = (wall.hour(), wall.minute(), wall.second());
    format!("{} {day} {month} {year} {hour:02}:{minute:02}:{second:02}", wall.weekday())
}

fn month(wall: NaiveDateTime) -> &'static str {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS[wall.month0() as usize % 12]
}

/// The instant to the second, with weekday, offset and zone: "Tue 24 Nov 2026 09:00:00 +01:00 Europe/Vienna".
pub fn exact(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    format!("{} {} {}", exact_on_wall(local.naive_local()), local.format("%:z"), zone.name())
}

/// How far away: "now", "in 30 min", "14 h ago", "in 3 d"; nothing from a month on.
fn distance(ahead_ms: i64) -> Option<String> {
    let seconds = ahead_ms.unsigned_abs() / 1000;
    let amount = match seconds {
        0..45 => return Some("now".to_owned()),
        45..3_570 => format!("{} min", (seconds + 30) / 60),
        3_570..171_000 => format!("{} h", (seconds + 1_800) / 3_600),
        171_000..2_592_000 => format!("{} d", (seconds + 43_200) / 86_400),
        _ => return None,
    };
    Some(if ahead_ms < 0 { format!("{amount} ago") } else { format!("in {amount}") })
}

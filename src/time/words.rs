//! Instants in words: "Tue 09:00 (in 14 h)", and the exact form for those who look closer.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
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
    let form = match days {
        0 => "%H:%M",
        -6..=6 => "%a %H:%M",
        _ if then.year() == now.year() => "%-d %b %H:%M",
        _ => "%-d %b %Y %H:%M",
    };
    match distance(ahead_ms) {
        Some(distance) => format!("{} ({distance})", then.format(form)),
        None => then.format(form).to_string(),
    }
}

/// The instant to the second, with weekday, offset and zone: "Tue 24 Nov 2026 09:00:00 +01:00 Europe/Vienna".
pub fn exact(at: DateTime<Utc>, zone: Tz) -> String {
    format!("{} {}", at.with_timezone(&zone).format("%a %-d %b %Y %H:%M:%S %:z"), zone.name())
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

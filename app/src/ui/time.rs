//! Instants as people say them: "Tue 09:00 (in 14 h)", the exact time with its offset on hover.
//!
//! The server looks zones up in chrono-tz; the browser asks its own `Intl`, which spares every
//! visitor the zone tables. Deliberately absent: times in the reader's own zone.

use super::clock::{use_now, use_zone};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use leptos::prelude::*;

/// What a wall clock in a zone shows at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Date and time on the wall.
    pub wall: NaiveDateTime,
    /// How far the wall is ahead of UTC, in minutes.
    pub offset_min: i32,
}

impl LocalTime {
    /// The offset as `+02:00`.
    pub fn offset(&self) -> String {
        let sign = if self.offset_min < 0 { '-' } else { '+' };
        let minutes = self.offset_min.abs();
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// The wall time of an instant in an IANA zone; an unknown zone counts as UTC. None when the
/// instant is outside the calendar.
#[cfg(not(target_arch = "wasm32"))]
pub fn local_time(instant_ms: i64, zone: &str) -> Option<LocalTime> {
    use chrono::Offset;
    let instant = DateTime::from_timestamp_millis(instant_ms)?;
    let zone: chrono_tz::Tz = zone.parse().unwrap_or(chrono_tz::UTC);
    let local = instant.with_timezone(&zone);
    let offset_min = local.offset().fix().local_minus_utc() / 60;
    Some(LocalTime { wall: local.naive_local(), offset_min })
}

/// The wall time of an instant in an IANA zone; an unknown zone counts as UTC. None when the
/// instant is outside the calendar.
#[cfg(target_arch = "wasm32")]
pub fn local_time(instant_ms: i64, zone: &str) -> Option<LocalTime> {
    use wasm_bindgen::{JsCast, JsValue};
    let date = js_sys::Date::new(&JsValue::from_f64(instant_ms as f64));
    let wall_in = |zone: &str| {
        let options = js_sys::Object::new();
        js_sys::Reflect::set(&options, &"timeZone".into(), &zone.into()).ok()?;
        let format = js_sys::Reflect::get(&date, &"toLocaleString".into()).ok()?;
        let format: js_sys::Function = format.dyn_into().ok()?;
        // The Swedish form is ISO 8601 with a space. An unknown zone throws, hence the call by
        // reflection, which gives an error back.
        let text = format.call2(&date, &"sv-SE".into(), &options).ok()?.as_string()?;
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok()
    };
    let utc = DateTime::from_timestamp_millis(instant_ms)?.naive_utc();
    let wall = wall_in(zone).unwrap_or(utc);
    let offset_min = (wall - utc).num_seconds().div_euclid(60) as i32;
    Some(LocalTime { wall, offset_min })
}

/// The words for an instant, seen from `now`: day only where it is not today, year only where it
/// is not this one, and how far away it is.
pub fn said(instant_ms: i64, now_ms: i64, zone: &str) -> String {
    let (Some(then), Some(now)) = (local_time(instant_ms, zone), local_time(now_ms, zone)) else {
        return String::new();
    };
    let clock = match day_of(then.wall, now.wall) {
        Some(day) => format!("{day} {}", then.wall.format("%H:%M")),
        None => then.wall.format("%H:%M").to_string(),
    };
    match distance(instant_ms - now_ms) {
        Some(distance) => format!("{clock} ({distance})"),
        None => clock,
    }
}

/// The instant to the second, with weekday, offset and zone.
pub fn exact(instant_ms: i64, zone: &str) -> String {
    local_time(instant_ms, zone).map_or_else(String::new, |local| {
        format!("{} {} {zone}", local.wall.format("%a %-d %b %Y %H:%M:%S"), local.offset())
    })
}

fn day_of(then: NaiveDateTime, now: NaiveDateTime) -> Option<String> {
    let days = (then.date() - now.date()).num_days();
    match days {
        0 => None,
        -6..=6 => Some(then.format("%a").to_string()),
        _ if then.year() == now.year() => Some(then.format("%-d %b").to_string()),
        _ => Some(then.format("%-d %b %Y").to_string()),
    }
}

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

/// Shows an instant in the organisation's zone.
#[component]
pub fn Time(
    /// The instant, in milliseconds since 1970.
    #[prop(into)]
    at_ms: Signal<i64>,
) -> impl IntoView {
    let (now, zone) = (use_now(), use_zone());
    let iso = move || {
        DateTime::<Utc>::from_timestamp_millis(at_ms.get()).map(|instant| instant.to_rfc3339())
    };
    view! {
        <time
            class="whitespace-nowrap"
            datetime=iso
            title=move || zone.with(|zone| exact(at_ms.get(), zone))
        >
            {move || zone.with(|zone| said(at_ms.get(), now.get(), zone))}
        </time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<DateTime<Utc>>().expect("a test instant").timestamp_millis()
    }

    #[test]
    fn instants_are_said_as_people_say_them() {
        let now = "2026-11-20T18:00:00Z"; // a Friday, 19:00 in Berlin
        let cases = [
            ("2026-11-20T18:00:10Z", "19:00 (now)"),
            ("2026-11-20T18:30:00Z", "19:30 (in 30 min)"),
            ("2026-11-20T15:00:00Z", "16:00 (3 h ago)"),
            ("2026-11-20T23:30:00Z", "Sat 00:30 (in 6 h)"),
            ("2026-11-23T08:00:00Z", "Mon 09:00 (in 3 d)"),
            ("2026-11-03T08:00:00Z", "3 Nov 09:00 (17 d ago)"),
            ("2026-07-03T08:00:00Z", "3 Jul 10:00"),
            ("2025-07-03T08:00:00Z", "3 Jul 2025 10:00"),
        ];
        for (instant, words) in cases {
            assert_eq!(said(ms(instant), ms(now), "Europe/Berlin"), words, "{instant}");
        }
    }

    #[test]
    fn the_exact_time_carries_its_offset_and_zone() {
        let cases = [
            (
                "2026-07-03T08:00:05Z",
                "Europe/Berlin",
                "Fri 3 Jul 2026 10:00:05 +02:00 Europe/Berlin",
            ),
            (
                "2026-01-03T08:00:05Z",
                "America/St_Johns",
                "Sat 3 Jan 2026 04:30:05 -03:30 America/St_Johns",
            ),
        ];
        for (instant, zone, words) in cases {
            assert_eq!(exact(ms(instant), zone), words);
        }
    }
}

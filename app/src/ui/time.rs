//! Instants as people say them: "Tue 09:00 (in 14 h)", the exact time with its offset on hover.
//!
//! The server looks zones up in chrono-tz; the browser asks its own `Intl`, which spares every
//! visitor the zone tables. Deliberately absent: times in the reader's own zone.

use super::clock::{use_now, use_zone};
use chrono::{DateTime, NaiveDateTime, Utc};
use leptos::prelude::*;
use signalbox::time::{exact_on_wall, said_on_walls};

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
        wall_of(&text)
    };
    let utc = DateTime::from_timestamp_millis(instant_ms)?.naive_utc();
    let wall = wall_in(zone).unwrap_or(utc);
    let offset_min = (wall - utc).num_seconds().div_euclid(60) as i32;
    Some(LocalTime { wall, offset_min })
}

/// `2026-11-20 19:30:00`. By hand, because chrono's own reader of patterns is large.
#[cfg(any(target_arch = "wasm32", test))]
fn wall_of(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '-');
    let mut time = time.splitn(3, ':').map(str::parse::<u32>);
    let year = date.next()?.parse().ok()?;
    let (month, day) = (date.next()?.parse().ok()?, date.next()?.parse().ok()?);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    chrono::NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)
}

/// The words for an instant, seen from `now`: see [`signalbox::time::said`].
pub fn said(instant_ms: i64, now_ms: i64, zone: &str) -> String {
    match (local_time(instant_ms, zone), local_time(now_ms, zone)) {
        (Some(then), Some(now)) => said_on_walls(then.wall, now.wall, instant_ms - now_ms),
        _ => String::new(),
    }
}

/// The instant to the second, with weekday, offset and zone.
pub fn exact(instant_ms: i64, zone: &str) -> String {
    local_time(instant_ms, zone).map_or_else(String::new, |local| {
        format!("{} {} {zone}", exact_on_wall(local.wall), local.offset())
    })
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
    fn instants_are_said_on_the_zones_walls() {
        let now = "2026-11-20T18:00:00Z"; // a Friday
        let cases = [
            ("2026-11-20T18:30:00Z", "Europe/Berlin", "19:30 (in 30 min)"),
            ("2026-11-20T23:30:00Z", "Europe/Berlin", "Sat 00:30 (in 6 h)"),
            ("2026-11-20T23:30:00Z", "America/New_York", "18:30 (in 6 h)"),
            ("2026-11-20T23:30:00Z", "No/Such_Zone", "23:30 (in 6 h)"),
        ];
        for (instant, zone, words) in cases {
            assert_eq!(said(ms(instant), ms(now), zone), words, "{instant} {zone}");
        }
    }

    #[test]
    fn the_browsers_wall_time_is_read() {
        let wall = wall_of("2026-03-01 09:05:07").map(|wall| wall.to_string());
        assert_eq!(wall.as_deref(), Some("2026-03-01 09:05:07"));
        for text in
            ["", "2026-03-01", "2026-13-01 09:05:07", "2026-03-01 24:00:00", "1.3.2026, 09:05"]
        {
            assert_eq!(wall_of(text), None, "{text}");
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

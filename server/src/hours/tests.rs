//! Tables of quiet hours over real zones and their changes of the clocks, and the rules that hold in any.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn hours(from: &str, to: &str, days: &[Day]) -> SendingHours {
    SendingHours { enabled: true, from: from.into(), to: to.into(), days: days.to_vec() }
}

const WEEK: &[Day] = &Day::ALL;
const WORKDAYS: &[Day] = &[Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];

/// Zone, from, to, days, now, the opening; empty: it is open.
type Case = (&'static str, &'static str, &'static str, &'static [Day], &'static str, &'static str);

#[test]
fn the_next_opening_is_the_zones_own() {
    // 2026-03-29 and 2026-10-25 are the changes in
    // Europe, 2026-03-08 and 2026-11-01 those in the United States.
    #[rustfmt::skip]
    let cases: &[Case] = &[
        ("UTC", "08:00", "20:00", WEEK, "2026-11-23T08:00:00Z", ""),
        ("UTC", "08:00", "20:00", WEEK, "2026-11-23T19:59:59Z", ""),
        ("UTC", "08:00", "20:00", WEEK, "2026-11-23T20:00:00Z", "2026-11-24T08:00:00Z"),
        ("UTC", "08:00", "20:00", WEEK, "2026-11-23T07:59:59.999Z", "2026-11-23T08:00:00Z"),
        ("UTC", "00:00", "24:00", WEEK, "2026-11-23T23:59:59Z", ""),
        ("Europe/Berlin", "08:00", "20:00", WEEK, "2026-11-23T19:30:00Z", "2026-11-24T07:00:00Z"),
        ("America/Los_Angeles", "08:00", "20:00", WEEK, "2026-11-24T03:59:00Z", ""),
        ("America/Los_Angeles", "08:00", "20:00", WEEK, "2026-11-24T04:00:00Z", "2026-11-24T16:00:00Z"),
        ("Pacific/Kiritimati", "08:00", "20:00", WEEK, "2026-11-23T19:00:00Z", ""),
        ("Asia/Kathmandu", "08:00", "20:00", WEEK, "2026-11-23T01:00:00Z", "2026-11-23T02:15:00Z"),
        // Friday evening to Monday; in Berlin it is still Sunday when Kiritimati has Monday.
        ("Europe/Berlin", "09:00", "17:00", WORKDAYS, "2026-11-20T16:00:00Z", "2026-11-23T08:00:00Z"),
        ("Pacific/Kiritimati", "09:00", "17:00", WORKDAYS, "2026-11-22T20:00:00Z", ""),
        ("UTC", "09:00", "17:00", &[Day::Tue], "2026-11-24T17:00:00Z", "2026-12-01T09:00:00Z"),
        // The night before the clocks go forward is an hour shorter, before they go back an hour longer.
        ("Europe/Berlin", "08:00", "20:00", WEEK, "2026-03-28T19:00:00Z", "2026-03-29T06:00:00Z"),
        ("Europe/Berlin", "08:00", "20:00", WEEK, "2026-10-24T18:00:00Z", "2026-10-25T07:00:00Z"),
        ("America/New_York", "08:00", "21:00", WEEK, "2026-03-08T02:00:00Z", "2026-03-08T12:00:00Z"),
        ("America/New_York", "08:00", "21:00", WEEK, "2026-11-01T01:00:00Z", "2026-11-01T13:00:00Z"),
        // 02:30 does not exist on that day: the hours begin as the clocks jump to 03:00.
        ("Europe/Berlin", "02:30", "12:00", WEEK, "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "02:30", "12:00", WEEK, "2026-03-29T01:00:00Z", ""),
        // 02:30 exists twice: they begin with the second, and end with the first.
        ("Europe/Berlin", "02:30", "12:00", WEEK, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("Europe/Berlin", "01:00", "02:30", WEEK, "2026-10-25T00:30:00Z", "2026-10-26T00:00:00Z"),
        // Hours that lie in the gap altogether: nothing on that day.
        ("Europe/Berlin", "02:10", "02:50", WEEK, "2026-03-29T00:00:00Z", "2026-03-30T00:10:00Z"),
        // Half an hour of summer time.
        ("Australia/Lord_Howe", "08:00", "20:00", WEEK, "2026-04-04T12:00:00Z", "2026-04-04T21:30:00Z"),
        // Samoa had no 30 December 2011.
        ("Pacific/Apia", "08:00", "20:00", WEEK, "2011-12-30T06:30:00Z", "2011-12-30T18:00:00Z"),
    ];
    for (zone, from, to, days, now, opening) in cases {
        let found = hours_at(&hours(from, to, days), zone.parse().unwrap(), at(now));
        let expected = match *opening {
            "" => Hours::Open,
            opening => Hours::QuietUntil(at(opening)),
        };
        assert_eq!(found, expected, "{zone} {from}-{to} {days:?} at {now}");
    }
}

#[test]
fn off_is_always_open_and_senseless_hours_are_never() {
    let now = at("2026-11-23T03:00:00Z");
    assert_eq!(hours_at(&SendingHours::default(), Tz::UTC, now), Hours::Open);
    for bad in
        [hours("8", "20:00", WEEK), hours("20:00", "08:00", WEEK), hours("08:00", "20:00", &[])]
    {
        assert_eq!(hours_at(&bad, Tz::UTC, now), Hours::Never, "{bad:?}");
    }
}

#[test]
fn wall_clock_times_are_read_strictly() {
    for (text, minutes) in [("08:00", 480), ("8:05", 485), ("24:00", 1440), ("00:00", 0)] {
        assert_eq!(minutes_of(text), Some(minutes), "{text}");
    }
    for bad in ["", "8", "08:0", "24:01", "25:00", "08:60", "-1:00", "08:00:00", "+8:00", "08:+1"] {
        assert_eq!(minutes_of(bad), None, "{bad}");
    }
}

#[test]
fn a_day_is_the_zones_own() {
    #[rustfmt::skip]
    let cases = [
        ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
        ("Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
    ];
    for (zone, now, from, to) in cases {
        assert_eq!(day_around(zone.parse().unwrap(), at(now)), (at(from), at(to)), "{zone} {now}");
    }
}

proptest! {
    /// In any zone at any time: the opening lies ahead, it is open then and not a moment before, and the
    /// wall clock shows an allowed time on an allowed day whenever it is open.
    #[test]
    fn an_opening_is_the_first_moment_that_is_allowed(
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        seconds in 1_700_000_000_i64..2_000_000_000,
        from in 0_u32..1_380,
        length in 60_u32..720,
        days in prop::sample::subsequence(Day::ALL.to_vec(), 1..=7),
    ) {
        let text = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let to = (from + length).min(1_440);
        let rules = hours(&text(from), &text(to), &days);
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        match hours_at(&rules, zone, now) {
            Hours::Never => prop_assert!(false, "never"),
            Hours::Open => {
                let wall = now.with_timezone(&zone);
                prop_assert!(days.contains(&day_of(wall.date_naive())));
                let minutes = chrono::Timelike::hour(&wall) * 60 + chrono::Timelike::minute(&wall);
                prop_assert!(from <= minutes && minutes < to, "{wall}");
            }
            Hours::QuietUntil(opening) => {
                prop_assert!(opening > now);
                prop_assert_eq!(hours_at(&rules, zone, opening), Hours::Open);
                let before = opening - TimeDelta::seconds(1);
                prop_assert_eq!(hours_at(&rules, zone, before), Hours::QuietUntil(opening));
            }
        }
    }
}

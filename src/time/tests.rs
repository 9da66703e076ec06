//! Days with 23 and 25 hours among the rest.

use super::*;
use serde_json::json;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn zones_are_known_by_name() {
    assert_eq!(zone("Europe/Vienna"), Ok(chrono_tz::Europe::Vienna));
    assert_eq!(zone(" UTC "), Ok(chrono_tz::UTC));
    let error = zone("Vienna").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"Vienna\" is not a time zone; write one such as Europe/Vienna or UTC"
    );
}

#[test]
fn wall_times_follow_the_zone_through_the_year() {
    let (vienna, new_york, apia, lord_howe) = (
        chrono_tz::Europe::Vienna,
        chrono_tz::America::New_York,
        chrono_tz::Pacific::Apia,
        chrono_tz::Australia::Lord_Howe,
    );
    let table = [
        ("2026-01-15T09:00", vienna, "2026-01-15T08:00:00Z"),
        ("2026-07-15 09:00", vienna, "2026-07-15T07:00:00Z"),
        ("2026-07-15", vienna, "2026-07-14T22:00:00Z"),
        // The clocks jump from 02:00 to 03:00: 02:30 is 03:30.
        ("2026-03-29T02:30", vienna, "2026-03-29T01:30:00Z"),
        ("2026-03-29T03:30", vienna, "2026-03-29T01:30:00Z"),
        ("2026-03-08T02:15:00", new_york, "2026-03-08T07:15:00Z"),
        // They go back from 03:00 to 02:00: 02:30 comes twice, the first counts.
        ("2026-10-25T02:30", vienna, "2026-10-25T00:30:00Z"),
        ("2026-10-25T03:00", vienna, "2026-10-25T02:00:00Z"),
        // A jump of half an hour, and a day that a zone left out.
        ("2026-10-04T02:15", lord_howe, "2026-10-03T15:45:00Z"),
        ("2011-12-30T12:00", apia, "2011-12-30T22:00:00Z"),
        ("2026-07-15T09:00:00+05:30", vienna, "2026-07-15T03:30:00Z"),
        ("2026-07-15T09:00:00Z", vienna, "2026-07-15T09:00:00Z"),
    ];
    for (text, zone, expected) in table {
        assert_eq!(instant_parse(text, zone), Ok(utc(expected)), "{text} in {zone}");
    }
    for text in ["", "tomorrow", "2026-02-30", "09:00", "2026-07-15T25:00"] {
        assert_eq!(instant_parse(text, vienna), Err(TimeError::Instant(text.to_owned())), "{text}");
    }
}

#[test]
fn the_next_coming_of_a_time_of_day() {
    let vienna = chrono_tz::Europe::Vienna;
    let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap();
    let half_past_two = NaiveTime::from_hms_opt(2, 30, 0).unwrap();
    let table = [
        (nine, "2026-11-20T07:59:59Z", "2026-11-20T08:00:00Z"),
        (nine, "2026-11-20T08:00:00Z", "2026-11-21T08:00:00Z"),
        // Over the night in which an hour is lost it is only 23 hours.
        (nine, "2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"),
        (nine, "2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z"),
        (half_past_two, "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
        (half_past_two, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
    ];
    for (time, after, expected) in table {
        assert_eq!(next_at(time, utc(after), vienna), Some(utc(expected)), "{time} after {after}");
    }
}

// PLAN-17
#[test]
fn instants_are_said_as_people_say_them() {
    let (berlin, friday) = (chrono_tz::Europe::Berlin, "2026-11-20T18:00:00Z");
    let table = [
        (friday, "2026-11-20T18:00:10Z", "19:00 (now)"),
        (friday, "2026-11-20T18:30:00Z", "19:30 (in 30 min)"),
        (friday, "2026-11-20T15:00:00Z", "16:00 (3 h ago)"),
        (friday, "2026-11-21T08:00:00Z", "Sat 09:00 (in 14 h)"),
        (friday, "2026-11-23T08:00:00Z", "Mon 09:00 (in 3 d)"),
        (friday, "2026-11-03T08:00:00Z", "3 Nov 09:00 (17 d ago)"),
        (friday, "2026-07-03T08:00:00Z", "3 Jul 10:00"),
        (friday, "2025-07-03T08:00:00Z", "3 Jul 2025 10:00"),
        // From Saturday 12:00 to Sunday 12:00 it is 23 hours in spring and 25 in autumn.
        ("2026-03-28T11:00:00Z", "2026-03-29T10:00:00Z", "Sun 12:00 (in 23 h)"),
        ("2026-10-24T10:00:00Z", "2026-10-25T11:00:00Z", "Sun 12:00 (in 25 h)"),
    ];
    for (now, at, words) in table {
        assert_eq!(said(utc(at), utc(now), berlin), words, "{at} at {now}");
    }
    let exactly = [
        ("2026-03-29T00:59:59Z", "Sun 29 Mar 2026 01:59:59 +01:00 Europe/Berlin"),
        ("2026-03-29T01:00:00Z", "Sun 29 Mar 2026 03:00:00 +02:00 Europe/Berlin"),
    ];
    for (at, words) in exactly {
        assert_eq!(exact(utc(at), berlin), words);
    }
}

// OUT-06
#[test]
fn durations_are_read_in_every_form() {
    let (minute, hour, day) = (60_000, 3_600_000, 86_400_000);
    let table = [
        (json!({"days": 3, "hours": 12}), 3 * day + 12 * hour),
        (json!({"minutes": 5}), 5 * minute),
        (json!({"days": 0, "hours": 0, "minutes": 1, "seconds": 30}), 90_000),
        (json!({"hours": 1.5, "days": null}), 90 * minute),
        (json!({"hours": "2"}), 2 * hour),
        (json!({"seconds": 0}), 0),
        (json!("3 days 12 h"), 3 * day + 12 * hour),
        (json!("1 day, 2 hours and 5 min"), day + 2 * hour + 5 * minute),
        (json!("1h30m"), 90 * minute),
        (json!("90s"), 90_000),
        (json!("P3DT12H"), 3 * day + 12 * hour),
        (json!("PT0.5S"), 500),
        (json!("P2W"), 14 * day),
        (json!(1500), 1500),
    ];
    for (value, ms) in table {
        assert_eq!(duration_parse(&value), Ok(ms), "{value}");
        assert_eq!(duration_parse(&duration_parts(ms)), Ok(ms), "{value} through its parts");
    }
    let wrong = [
        json!({}),
        json!({"fortnights": 1}),
        json!({"days": -1}),
        json!({"days": "x"}),
        json!({"days": [1]}),
        json!("soon"),
        json!("3"),
        json!("P"),
        json!("PT"),
        json!("P1Y"),
        json!(""),
        json!(null),
        json!(-1),
        json!("1e9 days"),
        json!("1.2.3 h"),
        json!("١ day"),
    ];
    for value in wrong {
        assert!(matches!(duration_parse(&value), Err(TimeError::Duration(_))), "{value}");
    }
    assert!(matches!(duration_parse(&json!({"days": 4000})), Err(TimeError::TooLong(_))));
    assert!(matches!(
        duration_parse(&json!({"days": 1e300, "hours": 1})),
        Err(TimeError::TooLong(_))
    ));
    assert_eq!(duration_parts(302_400_000), json!({"days": 3, "hours": 12}));
    assert_eq!(duration_parts(0), json!({"seconds": 0}));
}

#[test]
fn durations_are_said_in_two_units() {
    let table = [
        (0, "0 s"),
        (500, "less than 1 s"),
        (1_000, "1 s"),
        (90_000, "1 min 30 s"),
        (300_000, "5 min"),
        (302_400_000, "3 days 12 h"),
        (86_400_000, "1 day"),
        (90_061_000, "1 day 1 h"),
        (86_460_000, "1 day"),
        (MAX_DURATION_MS, "3660 days"),
    ];
    for (ms, words) in table {
        assert_eq!(duration_human(ms), words, "{ms}");
    }
}

//! What a rule is, how it reads, and what holds of every rule in every zone.

use super::Cron;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;

fn cron(text: &str) -> Cron {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn rules_read_as_words() {
    for (rule, words) in [
        ("0 9 * * 1-5", "every weekday at 09:00"),
        ("0 9 * * *", "every day at 09:00"),
        ("@daily", "every day at 00:00"),
        ("@weekly", "every Sunday at 00:00"),
        ("@monthly", "on day 1 of every month at 00:00"),
        ("@yearly", "on day 1 of January at 00:00"),
        ("@hourly", "every hour"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0-59/20 * * * *", "every 20 minutes"),
        ("5 * * * *", "5 minutes past every hour"),
        ("1 * * * *", "1 minute past every hour"),
        ("0 */2 * * *", "every 2 hours"),
        ("30 */6 * * *", "every 6 hours, 30 minutes past"),
        ("*/7 * * * *", "0, 7, 14, 21, 28, 35, 42, 49 and 56 minutes past every hour"),
        ("*/10 9-17 * * mon-fri", "every 10 minutes from 09:00 to 17:59, every weekday"),
        ("0 8,12,17 * * sat,sun", "every Saturday and Sunday at 08:00, 12:00 and 17:00"),
        ("30 7-20 * * *", "every day, hourly from 07:30 to 20:30"),
        ("0 9 1,15 * *", "on days 1 and 15 of every month at 09:00"),
        ("0 9 * jan,jul 1", "every Monday in January and July at 09:00"),
        ("0 9 13 * fri", "on day 13 of every month and every Friday at 09:00"),
        (
            "0 9 */2 * 5",
            "every Friday that falls on days 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29 and 31 of every month at 09:00",
        ),
    ] {
        assert_eq!(cron(rule).words(), words, "{rule}");
    }
}

#[test]
fn spellings_of_the_same_rule() {
    let after = Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap();
    for (one, other) in [
        ("0 9 * * 7", "0 9 * * 0"),
        ("0 9 * * sat-sun", "0 9 * * 6,0"),
        ("0 9 * * 5-7", "0 9 * * FRI,sat,Sun"),
        ("0 9 1 JAN-mar *", " 0  9 1\t1,2,3 * "),
        ("5/20 8 * * *", "5,25,45 8 * * *"),
        ("0 0 * * 1/2", "0 0 * * 1,3,5"),
        ("@annually", "0 0 1 1 *"),
        ("@Midnight", "0 0 * * *"),
    ] {
        let few = |rule: &str| cron(rule).next_few(after, Tz::Europe__Rome, 9);
        assert_eq!(few(one), few(other), "{one} and {other}");
    }
}

#[test]
fn what_is_no_rule_says_why() {
    for (rule, field, reason) in [
        ("", "", "this one has 0"),
        ("every day", "", "this one has 2"),
        ("* * * *", "", "this one has 4"),
        ("0 0 9 * * *", "", "this one has 6"),
        ("@reboot", "", "There is no schedule @reboot"),
        ("60 * * * *", "minute", "The minute 60 is out of range; it goes from 0 to 59."),
        ("0 24 * * *", "hour", "The hour 24 is out of range"),
        ("0 0 0 * *", "day of month", "it goes from 1 to 31"),
        ("0 0 1 13 *", "month", "The month 13 is out of range"),
        ("0 0 * * 8", "day of week", "it goes from 0 to 7"),
        ("*/0 * * * *", "minute", "no step that fits"),
        ("*/x * * * *", "minute", "no step that fits"),
        ("5-1 * * * *", "minute", "ends before it begins"),
        ("0 9 * * fri-mon", "day of week", "ends before it begins"),
        (
            "0 9 * * funday",
            "day of week",
            "\"funday\" is not understood; write 0 to 7 or sun to sat",
        ),
        ("0 9 L * *", "day of month", "\"L\" is not understood"),
        ("0 9 ? * *", "day of month", "\"?\" is not understood"),
        ("0 9 * * 1#2", "day of week", "\"1#2\" is not understood"),
        ("0 jan * * *", "hour", "\"jan\" is not understood"),
        ("1,,2 * * * *", "minute", "nothing between two commas"),
        ("-1 * * * *", "minute", "is not understood"),
        ("99999999999999999999 * * * *", "minute", "out of range"),
        ("0 0 30 feb *", "day of month", "would never come"),
        ("0 0 31 4,6,9,11 *", "day of month", "would never come"),
    ] {
        let error = rule.parse::<Cron>().expect_err(rule);
        assert_eq!(error.field, field, "{rule}: {error}");
        assert!(error.reason.contains(reason), "{rule}: {error}");
    }
    assert!("1,".repeat(200).parse::<Cron>().is_err());
}

#[test]
fn rare_days_are_found_and_the_end_of_time_is_not_passed() {
    let after = Utc.with_ymd_and_hms(2096, 3, 1, 0, 0, 0).unwrap();
    let leap = cron("0 0 29 2 *").next_after(after, Tz::UTC).unwrap();
    assert_eq!(leap.to_rfc3339(), "2104-02-29T00:00:00+00:00");
    let after = Utc.with_ymd_and_hms(2024, 3, 1, 0, 0, 0).unwrap();
    for rule in ["0 0 29 2 */7", "*/30 * 29 2 */7"] {
        let leap = cron(rule).next_after(after, Tz::UTC).unwrap();
        assert_eq!(leap.date_naive(), NaiveDate::from_ymd_opt(2032, 2, 29).unwrap(), "{rule}");
    }
    for rule in ["* * * * *", "0 9 * * *"] {
        assert_eq!(cron(rule).next_after(DateTime::<Utc>::MAX_UTC, Tz::UTC), None, "{rule}");
    }
}

#[test]
fn the_newest_of_a_year_of_minutes() {
    let until = Utc.with_ymd_and_hms(2026, 7, 1, 12, 0, 30).unwrap();
    let newest = cron("* * * * *").newest(until - TimeDelta::days(365), until, Tz::UTC, 100);
    assert_eq!(newest.len(), 100);
    assert_eq!(newest[99], until - TimeDelta::seconds(30));
    assert_eq!(newest[0], newest[99] - TimeDelta::minutes(99));
    let daily = cron("0 9 * * *").newest(until - TimeDelta::days(3), until, Tz::UTC, 100);
    assert_eq!(daily.len(), 3);
}

#[test]
fn the_next_time_is_never_an_earlier_one_where_the_clocks_go_back_over_midnight() {
    // 00:01 on 30 October 2005 became 23:01 on the 29th.
    let second_evening: DateTime<Utc> = "2005-10-30T03:00:00Z".parse().unwrap();
    let next = cron("* * 30 * *").next_after(second_evening, Tz::America__St_Johns);
    assert_eq!(next, Some(second_evening + TimeDelta::minutes(30)));
}

/// The same rules by walking through time minute by minute.
fn walked(rule: &Cron, after: DateTime<Utc>, zone: Tz, minutes: i64) -> Vec<DateTime<Utc>> {
    let wall = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
    let fits = |wall: chrono::NaiveDateTime| {
        rule.fits_day(wall.date()) && rule.hours.has(wall.hour()) && rule.minutes.has(wall.minute())
    };
    let mut at = after - TimeDelta::days(2);
    let mut highest = wall(at);
    let mut found = Vec::new();
    while at < after + TimeDelta::minutes(minutes) {
        at += TimeDelta::minutes(1);
        let now = wall(at);
        let mut fires = rule.is_elapsed() && fits(now);
        let before = highest.date();
        while !rule.is_elapsed() && highest < now {
            highest += TimeDelta::minutes(1);
            let shown = highest.date() == before || highest.date() == now.date();
            fires |= shown && fits(highest);
        }
        if fires && at > after {
            found.push(at);
        }
    }
    found
}

/// Zones and minutes since 1975, close to a change of the clocks more often than not.
fn somewhere() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    let minute = 5 * 365 * 1_440..65 * 365 * 1_440i64;
    (0..TZ_VARIANTS.len(), minute).prop_map(|(zone, minute)| {
        let zone = TZ_VARIANTS[zone];
        let at = DateTime::from_timestamp(minute * 60, 0).unwrap();
        let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).to_string();
        let change = (0..400).map(|day| at + TimeDelta::days(day));
        let near = change.into_iter().find(|day| offset(*day) != offset(*day + TimeDelta::days(1)));
        (zone, near.unwrap_or(at))
    })
}

fn rules() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        Just("*".to_owned()),
        Just("*/7".to_owned()),
        Just("*/30".to_owned()),
        (0..60u32).prop_map(|minute| minute.to_string()),
        (0..30u32, 30..60u32).prop_map(|(a, b)| format!("{a},{b}")),
    ];
    let hour = prop_oneof![
        Just("*".to_owned()),
        Just("*/3".to_owned()),
        (0..24u32).prop_map(|hour| hour.to_string()),
        (0..3u32, 3..24u32).prop_map(|(a, b)| format!("{a}-{b}")),
    ];
    let day = prop_oneof![3 => Just("*"), 1 => Just("*/2"), 1 => Just("1,15,28-31")];
    let weekday = prop_oneof![3 => Just("*"), 1 => Just("1-5"), 1 => Just("sun")];
    (minute, hour, day, weekday).prop_map(|(m, h, d, w)| format!("{m} {h} {d} * {w}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn rules_fire_as_a_walk_through_time_says((zone, at) in somewhere(), rule in rules()) {
        let rule = cron(&rule);
        let expected = walked(&rule, at, zone, 2 * 1_440);
        let found: Vec<_> = std::iter::successors(rule.next_after(at, zone), |at| rule.next_after(*at, zone))
            .take_while(|next| *next <= at + TimeDelta::days(2))
            .collect();
        prop_assert_eq!(&found, &expected, "{} in {} after {}", rule, zone, at);
        let until = at + TimeDelta::days(2);
        prop_assert_eq!(rule.newest(at, until, zone, 7), &expected[expected.len().saturating_sub(7)..]);
    }
}

/// As many cases as `SIGNALBOX_CASES` says (`make test-long`), or as a test run has time for.
fn cases() -> ProptestConfig {
    let told = std::env::var("SIGNALBOX_CASES").ok();
    let cases: u32 = told.map_or(5_000, |text| text.parse().expect("SIGNALBOX_CASES is a number"));
    // What is assumed away counts as rejected; the limit grows with the cases.
    let max_global_rejects = cases.saturating_mul(4).max(1_024);
    ProptestConfig { cases, max_global_rejects, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    // WF-22
    #[test]
    fn a_daily_rule_fires_once_for_each_local_date((zone, at) in somewhere(), minute in 0..1_440u32) {
        let first = at.with_timezone(&zone).date_naive() - TimeDelta::days(15);
        let begins = |days| {
            let wall = (first + TimeDelta::days(days)).and_time(NaiveTime::MIN);
            super::next::reached(wall, zone).unwrap()
        };
        let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).to_string();
        // The window's own ends stand in quiet days, so that nothing is carried over them.
        let (from, to) = (begins(0), begins(30));
        for end in [from, to] {
            prop_assume!(offset(end - TimeDelta::days(1)) == offset(end + TimeDelta::days(1)));
        }
        let dates = (0..30).filter(|days| begins(*days) < begins(days + 1)).count();
        let rule = cron(&format!("{} {} * * *", minute % 60, minute / 60));
        let fired = rule.newest(from - TimeDelta::seconds(1), to - TimeDelta::seconds(1), zone, 100);
        prop_assert_eq!(fired.len(), dates, "{} in {} from {}: {:?}", rule, zone, from, fired);
        for pair in fired.windows(2) {
            let apart = (pair[1] - pair[0]).num_minutes();
            prop_assert!((16 * 60..=32 * 60).contains(&apart), "{} in {}: {:?}", rule, zone, pair);
        }
    }
}

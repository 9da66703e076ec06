//! What the marks in a database and what there is now say together.

use super::clock::JUMP_MIN;
use crate::store::Marks;
use chrono::{DateTime, TimeDelta, Utc};
use signalbox::wire::PauseReason;

/// Why outbound is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub reason: PauseReason,
    /// As a part of a sentence: "the server was down for 9 hours".
    pub note: String,
}

/// What there is now.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Of a database server.
    pub identity: Option<String>,
    /// What the file beside an embedded database says; none for a database server.
    pub generations: Option<Vec<String>>,
}

/// What is wrong, if something is. `after`: how long a standstill may be, at a start; none while the server runs, where
/// only the database server can have become another one.
pub(super) fn found(
    marks: &Marks,
    seen: &Seen,
    now: DateTime<Utc>,
    after: Option<TimeDelta>,
) -> Option<Finding> {
    let finding = |reason, note: String| Some(Finding { reason, note });
    if let Some(what) = replaced(marks.identity.as_deref(), seen.identity.as_deref()) {
        return finding(PauseReason::Failover, what.to_owned());
    }
    let after = after?;
    if let (Some(own), Some(known)) = (&marks.generation, &seen.generations)
        && !known.contains(own)
    {
        return Some(restored());
    }
    let away = now - marks.alive_at;
    if away < -JUMP_MIN {
        let note = format!(
            "the server\u{2019}s clock is {} behind the time at which it was alive last",
            lasting(-away)
        );
        return finding(PauseReason::ClockJump, note);
    }
    match away >= after {
        true => {
            finding(PauseReason::Downtime, format!("the server was down for {}", lasting(away)))
        }
        false => None,
    }
}

/// What is wrong with a database without marks: where a file is beside it, it comes from before the first one, as a
/// backup that an older version made does.
pub(super) fn found_unmarked(seen: &Seen) -> Option<Finding> {
    let known = seen.generations.as_ref().is_some_and(|known| !known.is_empty());
    known.then(restored)
}

fn restored() -> Finding {
    let note = "the database was restored from a backup, or moved here".to_owned();
    Finding { reason: PauseReason::Restored, note }
}

/// What of a database server is another one than it was. A part that is not known (`?`) says nothing.
fn replaced(was: Option<&str>, is: Option<&str>) -> Option<&'static str> {
    const WORDS: [&str; 3] = [
        "the database runs on another server",
        "the database server failed over, or was restored to an earlier time",
        "the database is another one than before",
    ];
    let (was, is) = (was?, is?);
    let differs = |(was, is): (&str, &str)| was != "?" && is != "?" && was != is;
    let mut parts = was.split('/').zip(is.split('/')).zip(WORDS);
    parts.find(|(pair, _)| differs(*pair)).map(|(_, word)| word)
}

/// What is known now, with what was known of the parts that are not.
pub(super) fn merged(was: Option<String>, is: Option<String>) -> Option<String> {
    match (was, is) {
        (Some(was), Some(is)) => {
            let mut was = was.split('/');
            let parts = is.split('/').map(|part| match (part, was.next()) {
                ("?", Some(known)) => known,
                (known, _) => known,
            });
            Some(parts.collect::<Vec<_>>().join("/"))
        }
        (was, is) => is.or(was),
    }
}

/// A length of time as people say it, in whole units: "9 hours".
pub(super) fn lasting(time: TimeDelta) -> String {
    let (seconds, minutes, hours) = (time.num_seconds(), time.num_minutes(), time.num_hours());
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{minutes} minutes"),
        7_200..172_800 => format!("{hours} hours"),
        _ => format!("{} days", time.num_days()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: TimeDelta = TimeDelta::hours(6);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + seconds)
    }

    fn marks() -> Marks {
        Marks {
            alive_at: at(0),
            generation: Some("a".into()),
            identity: Some("7/00000001/16384".into()),
        }
    }

    fn seen(identity: Option<&str>, ids: Option<&[&str]>) -> Seen {
        let generations = ids.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        Seen { identity: identity.map(str::to_owned), generations }
    }

    #[test]
    fn each_kind_of_time_travel_is_named() {
        use PauseReason::{ClockJump, Downtime, Failover, Restored};
        let own = seen(None, Some(&["a", "b"]));
        let reason = |seen: &Seen, seconds| {
            found(&marks(), seen, at(seconds), Some(AFTER)).map(|finding| finding.reason)
        };
        for well in [0, -60, 21_599] {
            assert_eq!(reason(&own, well), None, "{well}");
        }
        assert_eq!(reason(&own, 21_600), Some(Downtime));
        assert_eq!(reason(&own, -61), Some(ClockJump));
        assert_eq!(reason(&seen(None, Some(&[])), 1), Some(Restored));
        assert_eq!(reason(&seen(None, Some(&["b"])), 1), Some(Restored));
        for (identity, expected) in [
            ("7/00000001/16384", None),
            ("?/00000001/?", None),
            ("8/00000001/16384", Some(Failover)),
            ("7/00000002/16384", Some(Failover)),
            ("?/?/16385", Some(Failover)),
        ] {
            let seen = seen(Some(identity), None);
            assert_eq!(reason(&seen, 1), expected, "{identity}");
            let running = found(&marks(), &seen, at(1), None).map(|finding| finding.reason);
            assert_eq!(running, expected, "{identity}");
        }
        // While it runs only the database server can be another one.
        assert_eq!(found(&marks(), &seen(None, Some(&[])), at(90_000), None), None);
        let none = Marks { generation: None, ..marks() };
        assert_eq!(found(&none, &seen(None, Some(&[])), at(1), Some(AFTER)), None);
    }

    #[test]
    fn a_database_without_marks_is_a_new_one_unless_a_file_is_beside_it() {
        let reason = |seen: &Seen| found_unmarked(seen).map(|finding| finding.reason);
        assert_eq!(reason(&seen(None, Some(&[]))), None);
        assert_eq!(reason(&seen(Some("7/00000001/16384"), None)), None);
        assert_eq!(reason(&seen(None, Some(&["a"]))), Some(PauseReason::Restored));
    }

    #[test]
    fn what_is_not_told_for_a_moment_is_not_forgotten() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(merged(text("7/1/3"), text("?/2/?")), text("7/2/3"));
        assert_eq!(merged(None, text("?/2/3")), text("?/2/3"));
        assert_eq!(merged(text("7/1/3"), None), text("7/1/3"));
        assert_eq!(merged(None, None), None);
    }

    #[test]
    fn times_are_said_in_whole_units() {
        let said = |seconds| lasting(TimeDelta::seconds(seconds));
        assert_eq!(
            [61, 119, 120, 7_199].map(said),
            ["61 seconds", "119 seconds", "2 minutes", "119 minutes"]
        );
        assert_eq!([7_200, 32_400, 172_799].map(said), ["2 hours", "9 hours", "47 hours"]);
        assert_eq!(said(172_800), "2 days");
    }
}

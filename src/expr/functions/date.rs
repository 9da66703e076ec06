//! Functions on dates: ISO texts, or numbers (below 1e11 seconds, else milliseconds). What is no date is null.

use super::{Arg, First, Run, Spec};
use crate::expr::{EvalError, dates};
use serde_json::Value;

type Outcome = Result<Value, EvalError>;

const fn spec(
    name: &'static str,
    args: (usize, usize),
    run: fn(Run<'_, '_>) -> Outcome,
    help: (&'static str, &'static str),
) -> Spec {
    Spec { name, also: &[], first: First::Value, args, run, help }
}

pub(super) const SPECS: &[Spec] = &[
    spec("daysAgo", (0, 0), days_ago, ("", "How many whole days ago the date was.")),
    spec("hoursAgo", (0, 0), hours_ago, ("", "How many whole hours ago the date was.")),
    spec("minutesAgo", (0, 0), minutes_ago, ("", "How many whole minutes ago the date was.")),
    spec("parseDate", (0, 0), parse_date, ("", "The date as milliseconds since 1970.")),
    spec("isoDate", (0, 0), iso_date, ("", "The date as ISO text in UTC.")),
    spec("epochSeconds", (0, 0), epoch_seconds, ("", "The date as whole seconds since 1970.")),
    spec("isBefore", (1, 1), is_before, ("(date)", "Whether the date is before another.")),
    spec("isAfter", (1, 1), is_after, ("(date)", "Whether the date is after another.")),
];

fn ago(run: Run<'_, '_>, unit_ms: i64) -> Outcome {
    let now_ms = run.env.now_ms();
    Ok(dates::of(&run.on)
        .map_or(Value::Null, |at| Value::from(now_ms.saturating_sub(at).div_euclid(unit_ms))))
}

fn days_ago(run: Run<'_, '_>) -> Outcome {
    ago(run, 24 * 60 * 60 * 1000)
}

fn hours_ago(run: Run<'_, '_>) -> Outcome {
    ago(run, 60 * 60 * 1000)
}

fn minutes_ago(run: Run<'_, '_>) -> Outcome {
    ago(run, 60 * 1000)
}

fn parse_date(run: Run<'_, '_>) -> Outcome {
    Ok(dates::of(&run.on).map_or(Value::Null, Value::from))
}

fn iso_date(run: Run<'_, '_>) -> Outcome {
    Ok(dates::of(&run.on).and_then(dates::iso).map_or(Value::Null, Value::from))
}

fn epoch_seconds(run: Run<'_, '_>) -> Outcome {
    Ok(dates::of(&run.on).map_or(Value::Null, |at| Value::from(at.div_euclid(1000))))
}

fn both(run: &Run<'_, '_>) -> Option<(i64, i64)> {
    let Some(Arg::Value(other)) = run.args.first() else { return None };
    Some((dates::of(&run.on)?, dates::of(other)?))
}

fn is_before(run: Run<'_, '_>) -> Outcome {
    Ok(Value::Bool(both(&run).is_some_and(|(a, b)| a < b)))
}

fn is_after(run: Run<'_, '_>) -> Outcome {
    Ok(Value::Bool(both(&run).is_some_and(|(a, b)| a > b)))
}

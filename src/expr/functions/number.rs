//! Functions on numbers and on lists of numbers.

use super::list::spec;
use super::{First, Run, Spec};
use crate::expr::{EvalError, number};
use serde_json::Value;

type Outcome = Result<Value, EvalError>;

pub(super) const SPECS: &[Spec] = &[
    spec(
        "round",
        First::Value,
        (0, 1),
        round,
        ("(digits = 0)", "The number rounded to so many digits."),
    ),
    spec("floor", First::Value, (0, 0), floor, ("", "The next whole number below.")),
    spec("ceil", First::Value, (0, 0), ceil, ("", "The next whole number above.")),
    spec("abs", First::Value, (0, 0), abs, ("", "The number without its sign.")),
    spec(
        "toFixed",
        First::Value,
        (0, 1),
        to_fixed,
        ("(digits = 0)", "The number as text with so many digits."),
    ),
    spec(
        "sum",
        First::Field,
        (0, 1),
        sum,
        ("(field)", "The sum of the items or of a field of them."),
    ),
    spec(
        "min",
        First::Field,
        (0, 1),
        min,
        ("(field)", "The smallest of the items or of a field of them."),
    ),
    spec(
        "max",
        First::Field,
        (0, 1),
        max,
        ("(field)", "The largest of the items or of a field of them."),
    ),
];

fn of(run: &Run<'_, '_>) -> Option<f64> {
    if run.on.is_null() {
        return None;
    }
    Some(number::of(&run.on)).filter(|n| n.is_finite())
}

fn digits(run: &Run<'_, '_>) -> Result<usize, EvalError> {
    Ok(run.whole_arg(0)?.unwrap_or(0).clamp(0, 15) as usize)
}

fn round(run: Run<'_, '_>) -> Outcome {
    let digits = digits(&run)?;
    Ok(of(&run).map_or(Value::Null, |n| number::value(rounded(n, digits))))
}

fn floor(run: Run<'_, '_>) -> Outcome {
    Ok(of(&run).map_or(Value::Null, |n| number::value(n.floor())))
}

fn ceil(run: Run<'_, '_>) -> Outcome {
    Ok(of(&run).map_or(Value::Null, |n| number::value(n.ceil())))
}

fn abs(run: Run<'_, '_>) -> Outcome {
    Ok(of(&run).map_or(Value::Null, |n| number::value(n.abs())))
}

fn to_fixed(run: Run<'_, '_>) -> Outcome {
    let digits = digits(&run)?;
    // Printing alone would round 0.125 to the even 0.12; people expect 0.13.
    Ok(of(&run).map_or(Value::Null, |n| Value::String(format!("{:.digits$}", rounded(n, digits)))))
}

/// Rounded half away from zero; a number too large to have such digits stays as it is.
fn rounded(n: f64, digits: usize) -> f64 {
    let scale = 10f64.powi(digits as i32);
    let rounded = (n * scale).round() / scale;
    if rounded.is_finite() { rounded } else { n }
}

/// The numbers among the items, or among a field of them.
fn numbers(run: &mut Run<'_, '_>) -> Result<Vec<f64>, EvalError> {
    let (items, key) = (run.list()?, run.key()?);
    let mut out = Vec::new();
    for item in items.iter() {
        let n = match &key {
            Some(key) => {
                let found = run.look(key, item)?;
                if found.is_null() { f64::NAN } else { number::of(&found) }
            }
            None if item.is_null() => f64::NAN,
            None => {
                run.meter.step(1)?;
                number::of(item)
            }
        };
        if !n.is_nan() {
            out.push(n);
        }
    }
    Ok(out)
}

fn sum(mut run: Run<'_, '_>) -> Outcome {
    Ok(number::value(numbers(&mut run)?.into_iter().sum::<f64>() + 0.0))
}

fn min(mut run: Run<'_, '_>) -> Outcome {
    Ok(numbers(&mut run)?.into_iter().reduce(f64::min).map_or(Value::Null, number::value))
}

fn max(mut run: Run<'_, '_>) -> Outcome {
    Ok(numbers(&mut run)?.into_iter().reduce(f64::max).map_or(Value::Null, number::value))
}

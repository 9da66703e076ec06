//! Functions on texts. null stays null; other values are taken as text.

use super::{First, Run, Spec};
use crate::expr::limits::MAX_OUTPUT_BYTES;
use crate::expr::{EvalError, limits, ops};
use serde_json::Value;

type Outcome = Result<Value, EvalError>;

pub(super) const SPECS: &[Spec] = &[
    Spec {
        name: "upper",
        also: &["toUpperCase"],
        first: First::Value,
        args: (0, 0),
        run: upper,
        help: ("", "The text in capitals."),
    },
    Spec {
        name: "lower",
        also: &["toLowerCase"],
        first: First::Value,
        args: (0, 0),
        run: lower,
        help: ("", "The text in small letters."),
    },
    Spec {
        name: "trim",
        also: &[],
        first: First::Value,
        args: (0, 0),
        run: trim,
        help: ("", "The text without space at its ends."),
    },
    Spec {
        name: "split",
        also: &[],
        first: First::Value,
        args: (0, 1),
        run: split,
        help: ("(separator = \",\")", "The parts of the text between the separators."),
    },
    Spec {
        name: "replace",
        also: &["replaceAll"],
        first: First::Value,
        args: (2, 2),
        run: replace,
        help: ("(what, by)", "The text with every occurrence replaced."),
    },
    Spec {
        name: "includes",
        also: &["contains"],
        first: First::Value,
        args: (1, 1),
        run: includes,
        help: ("(part)", "Whether a text contains the part, a list the item, an object the key."),
    },
    Spec {
        name: "startsWith",
        also: &[],
        first: First::Value,
        args: (1, 1),
        run: starts_with,
        help: ("(start)", "Whether the text starts so."),
    },
    Spec {
        name: "endsWith",
        also: &[],
        first: First::Value,
        args: (1, 1),
        run: ends_with,
        help: ("(end)", "Whether the text ends so."),
    },
    Spec {
        name: "matches",
        also: &[],
        first: First::Value,
        args: (1, 1),
        run: matches,
        help: ("(pattern)", "Whether the regular expression is found in the text."),
    },
    Spec {
        name: "indexOf",
        also: &[],
        first: First::Value,
        args: (1, 1),
        run: index_of,
        help: ("(part)", "Where the part or item first stands, from 0; -1 when it is not there."),
    },
];

fn mapped(mut run: Run<'_, '_>, change: fn(&str) -> String) -> Outcome {
    let Some(text) = run.text()? else { return Ok(Value::Null) };
    // Capitals can take up to three times the bytes.
    run.meter.alloc(text.len() * 3)?;
    Ok(Value::String(change(&text)))
}

fn upper(run: Run<'_, '_>) -> Outcome {
    mapped(run, str::to_uppercase)
}

fn lower(run: Run<'_, '_>) -> Outcome {
    mapped(run, str::to_lowercase)
}

fn trim(run: Run<'_, '_>) -> Outcome {
    mapped(run, |text| text.trim().to_owned())
}

fn split(mut run: Run<'_, '_>) -> Outcome {
    let separator = run.text_arg(0, ",")?;
    let Some(text) = run.text()? else { return Ok(Value::Array(Vec::new())) };
    run.meter.alloc(text.len())?;
    if separator.is_empty() {
        run.meter.alloc(text.len() * size_of::<Value>())?;
        return Ok(text.chars().map(|c| Value::from(c.to_string())).collect());
    }
    run.meter.alloc(text.matches(&separator).count() * size_of::<Value>())?;
    Ok(text.split(&separator).map(Value::from).collect())
}

fn replace(mut run: Run<'_, '_>) -> Outcome {
    let (what, by) = (run.text_arg(0, "")?, run.text_arg(1, "")?);
    let Some(text) = run.text()? else { return Ok(Value::Null) };
    if what.is_empty() {
        return Ok(Value::String(text));
    }
    run.meter.read(text.len())?;
    let grown = text.matches(&what).count().saturating_mul(by.len()).saturating_add(text.len());
    if grown > MAX_OUTPUT_BYTES {
        return Err(limits::too_large());
    }
    run.meter.alloc(grown)?;
    Ok(Value::String(text.replace(&what, &by)))
}

fn includes(run: Run<'_, '_>) -> Outcome {
    let Run { meter, on, args, .. } = run;
    Ok(Value::Bool(ops::contains(meter, &on, only(&args))?))
}

fn starts_with(run: Run<'_, '_>) -> Outcome {
    let Run { meter, on, args, .. } = run;
    ops::binary(meter, crate::expr::ast::BinaryOp::StartsWith, &on, only(&args))
}

fn ends_with(run: Run<'_, '_>) -> Outcome {
    let Run { meter, on, args, .. } = run;
    ops::binary(meter, crate::expr::ast::BinaryOp::EndsWith, &on, only(&args))
}

fn matches(run: Run<'_, '_>) -> Outcome {
    let Run { meter, on, args, .. } = run;
    Ok(Value::Bool(ops::matches(meter, &on, only(&args))?))
}

fn index_of(run: Run<'_, '_>) -> Outcome {
    let Run { meter, on, args, .. } = run;
    let part = only(&args);
    let found = match (&*on, part) {
        (Value::Null, _) => return Ok(Value::Null),
        (Value::Array(items), part) => {
            let mut found = None;
            for (position, item) in items.iter().enumerate() {
                if ops::equal_or_spelled(meter, item, part)? {
                    found = Some(position);
                    break;
                }
            }
            found
        }
        (whole, part) => {
            let (whole, part) = (ops::text(meter, whole)?, ops::text(meter, part)?);
            whole.find(&part).map(|at| whole[..at].chars().count())
        }
    };
    Ok(found.map_or_else(|| Value::from(-1), Value::from))
}

/// The one argument of a function that has exactly one.
fn only<'v>(args: &'v [super::Arg<'_>]) -> &'v Value {
    match args.first() {
        Some(super::Arg::Value(value)) => value,
        _ => &Value::Null,
    }
}

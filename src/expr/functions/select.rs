//! Functions that look at each item of a list: by a field, a condition, or as it is.

use super::list::spec;
use super::{Arg, First, Run, Spec, run};
use crate::expr::{EvalError, eval, ops};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

type Outcome = Result<Value, EvalError>;

pub(super) const SPECS: &[Spec] = &[
    spec(
        "map",
        First::Field,
        (1, 1),
        map,
        ("(field)", "The field of each item; items without it are left out."),
    ),
    spec(
        "filter",
        First::Condition,
        (1, 1),
        filter,
        ("(condition)", "The items for which the condition holds."),
    ),
    spec(
        "filterBy",
        First::Field,
        (2, 2),
        filter_by,
        ("(field, value)", "The items whose field has the value."),
    ),
    spec(
        "find",
        First::FieldOrCondition,
        (1, 2),
        find,
        (
            "(field, value)",
            "The first item whose field has the value, or for which a condition holds.",
        ),
    ),
    spec(
        "some",
        First::Condition,
        (1, 1),
        some,
        ("(condition)", "Whether the condition holds for an item."),
    ),
    spec(
        "every",
        First::Condition,
        (1, 1),
        every,
        ("(condition)", "Whether the condition holds for all items."),
    ),
    spec("unique", First::Field, (0, 1), unique, ("(field)", "The items without repetitions.")),
    spec(
        "hasOverlap",
        First::Value,
        (1, 1),
        has_overlap,
        ("(list)", "Whether both lists have an item in common."),
    ),
    spec(
        "sort",
        First::Field,
        (0, 2),
        sort,
        ("(field, \"asc\" or \"desc\")", "The items in order."),
    ),
    spec(
        "formatList",
        First::Line,
        (1, 2),
        format_list,
        ("(\"{name}: {price}\", separator)", "One line for each item, fields in braces."),
    ),
];

fn map(mut run: Run<'_, '_>) -> Outcome {
    let (items, Some(key)) = (run.list()?, run.key()?) else {
        return Err(run.bad("needs a field"));
    };
    let mut out = Vec::new();
    for item in items.iter() {
        let found = run.look(&key, item)?;
        if !found.is_null() {
            let found = run.meter.own(found)?;
            run.meter.alloc(size_of::<Value>())?;
            out.push(found);
        }
    }
    Ok(Value::Array(out))
}

fn filter(mut run: Run<'_, '_>) -> Outcome {
    let (items, Some(key)) = (run.list()?, run.key()?) else {
        return Err(run.bad("needs a condition"));
    };
    let mut out = Vec::new();
    for item in items.iter() {
        if run.holds(&key, item)? {
            out.push(run.own(item)?);
        }
    }
    Ok(Value::Array(out))
}

/// Goes through the items whose field has the value of the second argument; `take` returns whether to go on.
fn with_value(mut run: Run<'_, '_>, mut take: impl FnMut(Value) -> bool) -> Result<(), EvalError> {
    let (items, Some(key)) = (run.list()?, run.key()?) else {
        return Err(run.bad("needs a field"));
    };
    let wanted = run.arg(1).clone();
    for item in items.iter() {
        if !item.is_object() {
            continue;
        }
        let found = run.look(&key, item)?;
        if ops::equal_or_spelled(run.meter, &found, &wanted)? && !take(run.own(item)?) {
            break;
        }
    }
    Ok(())
}

fn filter_by(run: Run<'_, '_>) -> Outcome {
    let mut out = Vec::new();
    with_value(run, |item| {
        out.push(item);
        true
    })?;
    Ok(Value::Array(out))
}

fn find(mut run: Run<'_, '_>) -> Outcome {
    if run.args.len() > 1 {
        let mut found = Value::Null;
        with_value(run, |item| {
            found = item;
            false
        })?;
        return Ok(found);
    }
    let (items, Some(key)) = (run.list()?, run.key()?) else {
        return Err(run.bad("needs a condition"));
    };
    for item in items.iter() {
        if run.holds(&key, item)? {
            return run.own(item);
        }
    }
    Ok(Value::Null)
}

fn any(mut run: Run<'_, '_>, wanted: bool) -> Result<bool, EvalError> {
    let (items, Some(key)) = (run.list()?, run.key()?) else {
        return Err(run.bad("needs a condition"));
    };
    for item in items.iter() {
        if run.holds(&key, item)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

fn some(run: Run<'_, '_>) -> Outcome {
    Ok(Value::Bool(any(run, true)?))
}

fn every(run: Run<'_, '_>) -> Outcome {
    Ok(Value::Bool(!any(run, false)?))
}

/// Repetitions are found by their text, so that `1` and `"1"` count as one; the first keeps its type.
fn unique(mut run: Run<'_, '_>) -> Outcome {
    let (items, key) = (run.list()?, run.key()?);
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for item in items.iter() {
        let mark = match &key {
            Some(key) => run.look(key, item)?,
            None => Cow::Borrowed(item),
        };
        if seen.insert(ops::text(run.meter, &mark)?) {
            out.push(run.own(item)?);
        }
    }
    Ok(Value::Array(out))
}

fn has_overlap(mut run: Run<'_, '_>) -> Outcome {
    let mine = run.list()?;
    let Some(Arg::Value(other)) = run.args.pop() else { return Ok(Value::Bool(false)) };
    let other = run::list_of(run.meter, other)?;
    let mut texts = HashSet::new();
    for item in mine.iter().filter(|item| !item.is_null()) {
        texts.insert(ops::text(run.meter, item)?);
    }
    for item in other.iter().filter(|item| !item.is_null()) {
        if texts.contains(&ops::text(run.meter, item)?) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn sort(mut run: Run<'_, '_>) -> Outcome {
    let (items, key) = (run.list()?, run.key()?);
    let downward = run.arg(1).as_str().is_some_and(|order| order.eq_ignore_ascii_case("desc"));
    let mut keyed = Vec::with_capacity(items.len());
    for item in items.iter() {
        let by = match &key {
            Some(key) => {
                let found = run.look(key, item)?;
                run.meter.own(found)?
            }
            None => run.own(item)?,
        };
        keyed.push((by, item));
    }
    run.meter.step(keyed.len() * (1 + keyed.len().max(1).ilog2() as usize))?;
    keyed.sort_by(|(a, _), (b, _)| rank(a, b, downward));
    let mut out = Vec::with_capacity(keyed.len());
    for (_, item) in keyed {
        out.push(run.own(item)?);
    }
    Ok(Value::Array(out))
}

/// A total order: by kind (numbers, texts, the rest), then by value; null comes last either way.
fn rank(a: &Value, b: &Value, downward: bool) -> Ordering {
    let kind = |v: &Value| match v {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::Array(_) | Value::Object(_) => 3,
        Value::Null => 4,
    };
    if a.is_null() || b.is_null() {
        return kind(a).cmp(&kind(b));
    }
    let order = kind(a).cmp(&kind(b)).then_with(|| match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            a.total_cmp(&b)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    });
    if downward { order.reverse() } else { order }
}

fn format_list(mut run: Run<'_, '_>) -> Outcome {
    let items = run.list()?;
    let separator = run.text_arg(1, "\n")?;
    let Some(Arg::Line(parts)) = run.args.first() else {
        return Err(run.bad("needs its line written out, such as \"{name}: {price}\""));
    };
    let parts = *parts;
    let mut out = String::new();
    for item in items.iter() {
        let line = if item.is_object() {
            eval::line(run.meter, run.env, parts, item)?
        } else {
            ops::text(run.meter, item)?
        };
        run.meter.alloc(line.len() + separator.len())?;
        if line.trim().is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push_str(&separator);
        }
        out.push_str(&line);
    }
    Ok(Value::String(out))
}

//! Functions on lists. A text that holds a list as JSON is taken as that list; anything else has no items.

use super::{Arg, First, Run, Spec, run};
use crate::expr::eval;
use crate::expr::{EvalError, ops};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

type Outcome = Result<Value, EvalError>;

const fn spec(
    name: &'static str,
    first: First,
    args: (usize, usize),
    run: fn(Run<'_, '_>) -> Outcome,
    help: (&'static str, &'static str),
) -> Spec {
    Spec { name, also: &[], first, args, run, help }
}

pub(super) const SPECS: &[Spec] = &[
    spec(
        "length",
        First::Value,
        (0, 0),
        length,
        ("", "How many items, characters or fields; 0 for null."),
    ),
    spec("first", First::Value, (0, 0), first, ("", "The first item or character.")),
    spec("last", First::Value, (0, 0), last, ("", "The last item or character.")),
    Spec {
        name: "at",
        also: &[],
        first: First::Value,
        args: (1, 1),
        run: at,
        help: ("(position)", "The item at a position; a negative one counts from the end."),
    },
    spec("join", First::Value, (0, 1), join, ("(separator = \",\")", "The items as one text.")),
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
    Spec {
        name: "flatten",
        also: &["flat"],
        first: First::Value,
        args: (0, 0),
        run: flatten,
        help: ("", "The items of the lists in the list, one level deep."),
    },
    spec("unique", First::Field, (0, 1), unique, ("(field)", "The items without repetitions.")),
    spec("concat", First::Value, (1, 8), concat, ("(list)", "The items of both lists.")),
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
    spec("reverse", First::Value, (0, 0), reverse, ("", "The items from the last to the first.")),
    Spec {
        name: "slice",
        also: &["substring"],
        first: First::Value,
        args: (1, 2),
        run: slice,
        help: ("(start, end)", "The items or characters from start up to, not including, end."),
    },
    spec("chunk", First::Value, (1, 1), chunk, ("(size)", "The items in lists of the given size.")),
    spec(
        "formatList",
        First::Line,
        (1, 2),
        format_list,
        ("(\"{name}: {price}\", separator)", "One line for each item, fields in braces."),
    ),
];

fn length(run: Run<'_, '_>) -> Outcome {
    Ok(Value::from(match &*run.on {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => {
            run.meter.read(text.len())?;
            text.chars().count()
        }
        _ => 0,
    }))
}

fn first(mut run: Run<'_, '_>) -> Outcome {
    pick(&mut run, |_| 0)
}

fn last(mut run: Run<'_, '_>) -> Outcome {
    pick(&mut run, |count| count - 1)
}

fn at(mut run: Run<'_, '_>) -> Outcome {
    let Some(position) = run.whole_arg(0)? else { return Ok(Value::Null) };
    pick(&mut run, |count| if position < 0 { count.saturating_add(position) } else { position })
}

fn pick(run: &mut Run<'_, '_>, position: impl Fn(i64) -> i64) -> Outcome {
    if let Value::String(text) = &*run.on
        && !text.trim_start().starts_with(['[', '`'])
    {
        run.meter.read(text.len())?;
        let wanted = position(text.chars().count() as i64);
        let found = usize::try_from(wanted).ok().and_then(|n| text.chars().nth(n));
        return Ok(found.map_or(Value::Null, |c| Value::from(c.to_string())));
    }
    let items = run.list()?;
    let wanted = usize::try_from(position(items.len() as i64)).ok();
    match wanted.and_then(|n| items.get(n)) {
        Some(item) => run.own(item),
        None => Ok(Value::Null),
    }
}

fn join(mut run: Run<'_, '_>) -> Outcome {
    let separator = run.text_arg(0, ",")?;
    if let Value::String(text) = &*run.on
        && !text.trim_start().starts_with(['[', '`'])
    {
        let on = std::mem::take(&mut run.on);
        return run.meter.own(on);
    }
    let items = run.list()?;
    let mut out = String::new();
    for (position, item) in items.iter().enumerate() {
        let text = ops::text(run.meter, item)?;
        run.meter.alloc(text.len() + separator.len())?;
        if position > 0 {
            out.push_str(&separator);
        }
        out.push_str(&text);
    }
    Ok(Value::String(out))
}

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

fn flatten(mut run: Run<'_, '_>) -> Outcome {
    let items = run.list()?;
    let mut out = Vec::new();
    for item in items.iter() {
        match item {
            Value::Array(inner) => {
                for item in inner {
                    out.push(run.own(item)?);
                }
            }
            item => out.push(run.own(item)?),
        }
    }
    Ok(Value::Array(out))
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

/// Lists are joined, null adds nothing, another value is added as an item. Texts are joined as texts.
fn concat(mut run: Run<'_, '_>) -> Outcome {
    if let Value::String(text) = &*run.on {
        let mut out = text.clone();
        run.meter.alloc(out.len())?;
        for position in 0..run.args.len() {
            out.push_str(&run.text_arg(position, "")?);
        }
        return Ok(Value::String(out));
    }
    let list = run.list()?;
    let mut out = run.meter.own(Cow::Owned(Value::Array(Vec::new())))?;
    let Value::Array(items) = &mut out else { return Ok(Value::Null) };
    for item in list.iter() {
        items.push(run.own(item)?);
    }
    for arg in std::mem::take(&mut run.args) {
        match arg {
            Arg::Value(value) => match &*value {
                Value::Null => {}
                Value::Array(more) => {
                    for item in more {
                        items.push(run.own(item)?);
                    }
                }
                _ => items.push(run.meter.own(value)?),
            },
            Arg::Lambda(_) | Arg::Line(_) => {}
        }
    }
    Ok(out)
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

fn reverse(mut run: Run<'_, '_>) -> Outcome {
    let items = run.list()?;
    let mut out = Vec::with_capacity(items.len());
    for item in items.iter().rev() {
        out.push(run.own(item)?);
    }
    Ok(Value::Array(out))
}

fn slice(mut run: Run<'_, '_>) -> Outcome {
    let start = run.whole_arg(0)?.unwrap_or(0);
    let end = run.whole_arg(1)?.unwrap_or(i64::MAX);
    let range = |count: usize| {
        let count = count as i64;
        let clamp = |n: i64| if n < 0 { (count.saturating_add(n)).max(0) } else { n.min(count) };
        let (from, to) = (clamp(start) as usize, clamp(end) as usize);
        (from, to.saturating_sub(from))
    };
    if let Value::String(text) = &*run.on
        && !text.trim_start().starts_with('[')
    {
        run.meter.alloc(text.len())?;
        let (from, count) = range(text.chars().count());
        return Ok(Value::String(text.chars().skip(from).take(count).collect()));
    }
    if run.on.is_null() {
        return Ok(Value::Array(Vec::new()));
    }
    let items = run.list()?;
    let (from, count) = range(items.len());
    let mut out = Vec::new();
    for item in items.iter().skip(from).take(count) {
        out.push(run.own(item)?);
    }
    Ok(Value::Array(out))
}

fn chunk(mut run: Run<'_, '_>) -> Outcome {
    let size = run.whole_arg(0)?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let Some(size) = size else { return Err(run.bad("needs a size of at least 1")) };
    let items = run.list()?;
    let mut out = Vec::new();
    for part in items.chunks(size) {
        let mut inner = Vec::with_capacity(part.len());
        for item in part {
            inner.push(run.own(item)?);
        }
        out.push(Value::Array(inner));
    }
    Ok(Value::Array(out))
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

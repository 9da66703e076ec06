//! Functions that take lists apart and put them together. A text that holds a list as JSON is taken as that list;
//! anything else has no items.

use super::{Arg, First, Run, Spec};
use crate::expr::{EvalError, ops};
use serde_json::Value;
use std::borrow::Cow;

type Outcome = Result<Value, EvalError>;

pub(super) const fn spec(
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
    Spec {
        name: "flatten",
        also: &["flat"],
        first: First::Value,
        args: (0, 0),
        run: flatten,
        help: ("", "The items of the lists in the list, one level deep."),
    },
    spec("concat", First::Value, (1, 8), concat, ("(list)", "The items of both lists.")),
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

//! Functions that turn one kind of value into another.

use super::{First, Run, Spec};
use crate::expr::{EvalError, number, ops, truthy};
use serde_json::Value;

type Outcome = Result<Value, EvalError>;

pub(super) const SPECS: &[Spec] = &[
    Spec {
        name: "string",
        also: &["toString"],
        first: First::Value,
        args: (0, 0),
        run: string,
        help: ("", "The value as text; lists and objects as JSON."),
    },
    Spec {
        name: "number",
        also: &[],
        first: First::Value,
        args: (0, 0),
        run: to_number,
        help: ("", "The value as a number; null when it is none."),
    },
    Spec {
        name: "boolean",
        also: &[],
        first: First::Value,
        args: (0, 0),
        run: boolean,
        help: ("", "false for null, false, 0 and the empty text, else true."),
    },
    Spec {
        name: "parseJSON",
        also: &["fromJson"],
        first: First::Value,
        args: (0, 0),
        run: parse_json,
        help: ("", "The value that the text holds as JSON; null when it is not JSON."),
    },
    Spec {
        name: "json",
        also: &["toJson"],
        first: First::Value,
        args: (0, 0),
        run: json,
        help: ("", "The value as JSON text."),
    },
    Spec {
        name: "default",
        also: &[],
        first: First::Value,
        args: (1, 1),
        run: default,
        help: ("(value)", "The value, or another one when it is null or empty text."),
    },
    Spec {
        name: "keys",
        also: &[],
        first: First::Value,
        args: (0, 0),
        run: keys,
        help: ("", "The names of the fields."),
    },
    Spec {
        name: "values",
        also: &[],
        first: First::Value,
        args: (0, 0),
        run: values,
        help: ("", "The values of the fields."),
    },
];

fn string(run: Run<'_, '_>) -> Outcome {
    Ok(Value::String(ops::text(run.meter, &run.on)?))
}

fn to_number(run: Run<'_, '_>) -> Outcome {
    match &*run.on {
        Value::Null => Ok(Value::Null),
        Value::String(text) if text.trim().is_empty() => Ok(Value::Null),
        Value::Number(n) => Ok(Value::Number(n.clone())),
        value => Ok(number::value(number::of(value))),
    }
}

fn boolean(run: Run<'_, '_>) -> Outcome {
    Ok(Value::Bool(truthy(&run.on)))
}

fn parse_json(run: Run<'_, '_>) -> Outcome {
    let Value::String(text) = &*run.on else { return run.meter.own(run.on) };
    if let Some(value) = crate::expr::path::json_text(run.meter, text)? {
        return Ok(value);
    }
    run.meter.alloc(text.len())?;
    Ok(serde_json::from_str(text).unwrap_or_default())
}

fn json(run: Run<'_, '_>) -> Outcome {
    let Value::String(text) = &*run.on else {
        return match &*run.on {
            Value::Null => Ok(Value::from("null")),
            value => Ok(Value::String(ops::text(run.meter, value)?)),
        };
    };
    // A control character becomes six bytes.
    run.meter.alloc(text.len() * 6)?;
    Ok(Value::String(run.on.to_string()))
}

fn default(run: Run<'_, '_>) -> Outcome {
    let empty = run.on.is_null() || run.on.as_str() == Some("");
    match run.args.into_iter().next() {
        Some(super::Arg::Value(other)) if empty => run.meter.own(other),
        _ => run.meter.own(run.on),
    }
}

fn keys(run: Run<'_, '_>) -> Outcome {
    let Value::Object(fields) = &*run.on else { return Ok(Value::Array(Vec::new())) };
    run.meter.alloc(fields.keys().map(|key| key.len() + size_of::<Value>()).sum())?;
    Ok(fields.keys().map(|key| Value::from(key.as_str())).collect())
}

fn values(run: Run<'_, '_>) -> Outcome {
    match &*run.on {
        Value::Object(fields) => {
            let mut out = Vec::new();
            for value in fields.values() {
                out.push(run.meter.own(std::borrow::Cow::Borrowed(value))?);
            }
            Ok(Value::Array(out))
        }
        Value::Array(_) => run.meter.own(run.on),
        _ => Ok(Value::Array(Vec::new())),
    }
}

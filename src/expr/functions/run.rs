//! One call of a built-in function: the value it works on, its arguments, and what it may use up.

use crate::expr::ast::{Lambda, LinePart};
use crate::expr::eval::{self, Env};
use crate::expr::limits::Meter;
use crate::expr::path::{self, Step};
use crate::expr::{EvalError, number, ops, truthy};
use serde_json::Value;
use std::borrow::Cow;

/// An argument.
pub(crate) enum Arg<'a> {
    Value(Cow<'a, Value>),
    Lambda(&'a Lambda),
    Line(&'a [LinePart]),
}

/// One call.
pub(crate) struct Run<'r, 'a> {
    pub name: &'static str,
    pub meter: &'r mut Meter,
    pub env: Env<'a>,
    pub on: Cow<'a, Value>,
    pub args: Vec<Arg<'a>>,
}

/// How an item is looked at.
pub(crate) enum Key<'a> {
    Lambda(&'a Lambda),
    /// A field whose path was computed. Never source text: values are not parsed as expressions.
    Path(String, Option<Vec<Step>>),
}

impl<'a> Run<'_, 'a> {
    /// The argument as a value; null when it was left out.
    pub fn arg(&self, position: usize) -> &Value {
        match self.args.get(position) {
            Some(Arg::Value(value)) => value,
            _ => &Value::Null,
        }
    }

    /// The argument as text, or `default` when it was left out.
    pub fn text_arg(&mut self, position: usize, default: &str) -> Result<String, EvalError> {
        match self.args.get(position) {
            Some(Arg::Value(value)) => ops::text(self.meter, value),
            _ => Ok(default.to_owned()),
        }
    }

    /// The argument as a whole number; `None` when it was left out or is null.
    pub fn whole_arg(&self, position: usize) -> Result<Option<i64>, EvalError> {
        let value = self.arg(position);
        if value.is_null() {
            return Ok(None);
        }
        let n = number::of(value);
        if n.is_nan() {
            return Err(self.bad("needs a whole number here"));
        }
        Ok(Some(n.trunc() as i64))
    }

    /// An error that names the function.
    pub fn bad(&self, what: &str) -> EvalError {
        EvalError::new("bad_argument", format!("\"{}\" {what}.", self.name))
    }

    /// The value as text. `None` for null, which stays null through the text functions.
    pub fn text(&mut self) -> Result<Option<String>, EvalError> {
        match std::mem::take(&mut self.on) {
            Cow::Owned(Value::String(text)) => Ok(Some(text)),
            value if value.is_null() => Ok(None),
            value => ops::text(self.meter, &value).map(Some),
        }
    }

    /// The items of the list, also of one that is held as JSON text. Anything else has none.
    pub fn list(&mut self) -> Result<Cow<'a, [Value]>, EvalError> {
        let on = std::mem::replace(&mut self.on, Cow::Owned(Value::Null));
        list_of(self.meter, on)
    }

    /// The first argument as a way to look at an item; `None` when it was left out.
    pub fn key(&mut self) -> Result<Option<Key<'a>>, EvalError> {
        Ok(match self.args.first() {
            None | Some(Arg::Line(_)) => None,
            Some(Arg::Lambda(lambda)) => Some(Key::Lambda(lambda)),
            Some(Arg::Value(value)) if value.is_null() => None,
            Some(Arg::Value(value)) => {
                let field = ops::text(self.meter, value)?;
                let steps = path::parse(&field);
                Some(Key::Path(field, steps))
            }
        })
    }

    /// What `key` says of `item`.
    pub fn look<'i>(
        &mut self,
        key: &'i Key<'a>,
        item: &'i Value,
    ) -> Result<Cow<'i, Value>, EvalError> {
        self.meter.step(1)?;
        match key {
            Key::Lambda(lambda) => eval::lambda(self.meter, self.env, lambda, item),
            Key::Path(_, Some(steps)) => path::follow(self.meter, item, steps),
            Key::Path(field, None) => {
                Ok(item.get(field).map_or_else(Default::default, Cow::Borrowed))
            }
        }
    }

    /// Whether `key` holds for `item`.
    pub fn holds(&mut self, key: &Key<'a>, item: &Value) -> Result<bool, EvalError> {
        Ok(truthy(&*self.look(key, item)?))
    }

    /// The list of the results, counted.
    pub fn own(&mut self, item: &Value) -> Result<Value, EvalError> {
        self.meter.own(Cow::Borrowed(item))
    }
}

/// The items of a list, also of one that is held as JSON text. Anything else has none.
pub(crate) fn list_of<'a>(
    meter: &mut Meter,
    value: Cow<'a, Value>,
) -> Result<Cow<'a, [Value]>, EvalError> {
    Ok(match value {
        Cow::Borrowed(Value::Array(items)) => Cow::Borrowed(items),
        Cow::Owned(Value::Array(items)) => Cow::Owned(items),
        value => match &*value {
            Value::String(text) => match path::json_text(meter, text)? {
                Some(Value::Array(items)) => Cow::Owned(items),
                _ => Cow::Owned(Vec::new()),
            },
            _ => Cow::Owned(Vec::new()),
        },
    })
}

//! Reading the fields of a document's objects, with the place of what is not as it should be.
//!
//! Null counts as absent. A field of the wrong type is an error and never passed over: a plan that is half
//! understood must not run.

use super::FormatError;
use crate::expr::pointer_part as escaped;
use crate::graph::check::nearest::nearest;
use crate::graph::{Problem, Severity};
use serde_json::{Map, Value};

/// A longer key is no slip of anything.
const SLIP_MAX: usize = 40;

/// An object of a document and where it stands.
pub struct Fields<'a> {
    pub map: &'a Map<String, Value>,
    pub pointer: String,
}

impl<'a> Fields<'a> {
    /// The value as an object; `what` names it: `a step`.
    pub fn of(
        value: &'a Value,
        pointer: impl Into<String>,
        what: &str,
    ) -> Result<Self, FormatError> {
        let pointer = pointer.into();
        match value {
            Value::Object(map) => Ok(Self { map, pointer }),
            _ => Err(FormatError::invalid(pointer, format!("{what} must be an object"))),
        }
    }

    /// A refusal of one field.
    pub fn wrong(&self, key: &str, message: impl Into<String>) -> FormatError {
        FormatError::invalid(self.at(key), message)
    }

    /// The pointer of a field.
    pub fn at(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, escaped(key))
    }

    /// The keys that are none of these but near to one: probably meant so, and otherwise passed over in silence.
    pub fn slips(&self, known: &[&str], whose: &str) -> Vec<Problem> {
        let is_strange = |key: &&String| key.len() <= SLIP_MAX && !known.contains(&key.as_str());
        let strange = self.map.keys().filter(is_strange);
        let slip = |key: &String| {
            let meant = nearest(key, known.iter().copied())?;
            let message =
                format!("{whose} has a key `{key}`, which means nothing. Did you mean `{meant}`?");
            let problem = Problem::new("unknown-key", Severity::Warning, message);
            Some(problem.field(format!("/{}", escaped(key))))
        };
        strange.filter_map(slip).collect()
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FormatError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let found = || format!("`{key}` must be {expected}, not {}", shown(value));
        read(value).map(Some).ok_or_else(|| self.wrong(key, found()))
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, FormatError> {
        self.read(key, "text", Value::as_str)
    }

    /// Text, owned; empty when absent.
    pub fn words(&self, key: &str) -> Result<String, FormatError> {
        Ok(self.text(key)?.unwrap_or_default().to_owned())
    }

    /// Text that must be there; `why` ends the sentence.
    pub fn needed(&self, key: &str, why: &str) -> Result<&'a str, FormatError> {
        let text = self.text(key)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| {
            let pointer =
                if self.map.contains_key(key) { self.at(key) } else { self.pointer.clone() };
            FormatError::invalid(pointer, format!("`{key}` is missing: {why}"))
        })
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, FormatError> {
        self.read(key, "true or false", Value::as_bool)
    }

    /// A number that is not negative.
    pub fn number(&self, key: &str) -> Result<Option<f64>, FormatError> {
        let read = |value: &Value| value.as_f64().filter(|number| *number >= 0.0);
        self.read(key, "a number from 0", read)
    }

    /// A whole number from 0 to `max`.
    pub fn whole(&self, key: &str, max: u64) -> Result<Option<u64>, FormatError> {
        let whole = |value: &Value| {
            let float = || value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0 && *n < 9e15);
            value.as_u64().or_else(|| float().map(|n| n as u64)).filter(|number| *number <= max)
        };
        self.read(key, &format!("a whole number from 0 to {max}"), whole)
    }

    pub fn object(&self, key: &str) -> Result<Option<Fields<'a>>, FormatError> {
        let map = self.read(key, "an object", Value::as_object)?;
        Ok(map.map(|map| Fields { map, pointer: self.at(key) }))
    }

    /// A list with the pointer of each item.
    pub fn list(&self, key: &str) -> Result<Vec<(&'a Value, String)>, FormatError> {
        let items = self.read(key, "a list", Value::as_array)?;
        let at = self.at(key);
        let items = items.into_iter().flatten().enumerate();
        Ok(items.map(|(index, item)| (item, format!("{at}/{index}"))).collect())
    }

    /// A list of objects; `what` names one.
    pub fn objects(&self, key: &str, what: &str) -> Result<Vec<Fields<'a>>, FormatError> {
        let items = self.list(key)?.into_iter();
        items.map(|(item, pointer)| Fields::of(item, pointer, what)).collect()
    }

    /// A list of texts with the pointer of each.
    pub fn texts(&self, key: &str) -> Result<Vec<(&'a str, String)>, FormatError> {
        let text = |(item, pointer): (&'a Value, String)| match item {
            Value::String(text) => Ok((text.as_str(), pointer)),
            other => Err(FormatError::invalid(
                pointer,
                format!("`{key}` must hold texts, not {}", shown(other)),
            )),
        };
        self.list(key)?.into_iter().map(text).collect()
    }
}

/// A value in a few characters, for messages.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > 40 => "a long text".to_owned(),
        other => other.to_string(),
    }
}

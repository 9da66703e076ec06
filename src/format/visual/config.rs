//! Reading fields generously: a number in quotes is a number, a field of another type is left aside and
//! reported. What is left aside stays in the document.

use crate::graph::{Problem, RetryPolicy, Severity};
use serde_json::{Map, Value};

/// A `config` object while it is read.
pub struct Config<'a> {
    fields: Option<&'a Map<String, Value>>,
    /// What was left aside, by field, with what was expected.
    ignored: Vec<(String, &'static str)>,
}

impl<'a> Config<'a> {
    pub fn new(value: Option<&'a Value>) -> Self {
        let mut ignored = Vec::new();
        if value.is_some_and(|value| !value.is_object() && !value.is_null()) {
            ignored.push((String::new(), "an object"));
        }
        Self { fields: value.and_then(Value::as_object), ignored }
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields?.get(key).filter(|value| !value.is_null())
    }

    pub fn ignore(&mut self, key: &str, expected: &'static str) {
        self.ignored.push((format!("/{key}"), expected));
    }

    /// Text; numbers and booleans are taken as they are written.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => {
                self.ignore(key, "text");
                None
            }
        }
    }

    pub fn number(&mut self, key: &str) -> Option<f64> {
        let number = match self.get(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => {
                text.trim().parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        };
        if number.is_none() {
            self.ignore(key, "a number");
        }
        number
    }

    /// A whole number from 0 to `max`.
    pub fn whole(&mut self, key: &str, max: u64) -> Option<u64> {
        let number = self.number(key)?;
        if number >= 0.0 && number.fract() == 0.0 && number <= max as f64 {
            // In range and whole: the conversion is exact.
            return Some(number as u64);
        }
        self.ignore(key, "a whole number in range");
        None
    }

    pub fn object(&mut self, key: &str) -> Map<String, Value> {
        match self.get(key) {
            Some(Value::Object(fields)) => fields.clone(),
            Some(_) => {
                self.ignore(key, "an object");
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// A list of words, or one word.
    pub fn words(&mut self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(word)) => vec![word.clone()],
            Some(_) => {
                self.ignore(key, "a list of words");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// `retryPolicy: {maxRetries, backoffMs}`.
    pub fn retry(&mut self) -> Option<RetryPolicy> {
        let value = self.get("retryPolicy")?;
        let mut inner = Config::new(Some(value));
        let retries = inner.whole("maxRetries", 1_000);
        let backoff = inner.whole("backoffMs", 1 << 40);
        let retry_on = inner.words("retryOn");
        let renamed =
            inner.ignored.into_iter().map(|(at, what)| (format!("/retryPolicy{at}"), what));
        self.ignored.extend(renamed);
        Some(RetryPolicy {
            retries_max: retries? as u32,
            backoff_ms: backoff.unwrap_or_else(RetryPolicy::backoff_default_ms),
            retry_on,
        })
    }

    /// What was left aside, as problems.
    pub fn problems(self, whose: &str) -> Vec<Problem> {
        let problem = |(field, expected): (String, &str)| {
            let message = format!(
                "{whose}: `config{}` is not {expected}; it was kept in the document but has no effect",
                field.replace('/', ".")
            );
            Problem::new("setting-ignored", Severity::Warning, message).field(field)
        };
        self.ignored.into_iter().map(problem).collect()
    }
}

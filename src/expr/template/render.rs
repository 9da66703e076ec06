//! Parts to text. Sections add a layer to the scope for each item.

use super::{Part, Section, SectionKind};
use crate::expr::eval::{self, Env};
use crate::expr::limits::{MAX_OUTPUT_BYTES, Meter, too_large};
use crate::expr::{EvalError, Scope, ops, path, truthy};
use serde_json::Value;
use std::borrow::Cow;

/// What the text is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Values go in as they are.
    Text,
    /// Values are escaped, so that none of them becomes markup.
    Html,
}

pub(super) fn text(
    meter: &mut Meter,
    scope: &dyn Scope,
    parts: &[Part],
    what: For,
) -> Result<String, EvalError> {
    let mut out = String::new();
    write(meter, scope, parts, what, &mut out)?;
    Ok(out)
}

fn write(
    meter: &mut Meter,
    scope: &dyn Scope,
    parts: &[Part],
    what: For,
    out: &mut String,
) -> Result<(), EvalError> {
    for part in parts {
        match part {
            Part::Text(text) => {
                meter.alloc(text.len())?;
                out.push_str(text);
            }
            Part::Value(value) => {
                let value = eval::eval(meter, Env::new(scope), &value.node)?;
                let text = ops::text(meter, &value)?;
                match what {
                    For::Text => out.push_str(&text),
                    For::Html => {
                        let before = out.len();
                        escape(&text, out);
                        meter.alloc((out.len() - before).saturating_sub(text.len()))?;
                    }
                }
            }
            Part::Section(it) => section(meter, scope, it, what, out)?,
        }
        if out.len() > MAX_OUTPUT_BYTES {
            return Err(too_large());
        }
    }
    Ok(())
}

fn section(
    meter: &mut Meter,
    scope: &dyn Scope,
    section: &Section,
    what: For,
    out: &mut String,
) -> Result<(), EvalError> {
    let mut on = eval::eval(meter, Env::new(scope), &section.on.node)?;
    if let Value::String(text) = &*on
        && let Some(json) = path::json_text(meter, text)?
    {
        on = Cow::Owned(json);
    }
    let there = truthy(&on) && !matches!(&*on, Value::Array(items) if items.is_empty());
    if there == (section.kind == SectionKind::Unless) {
        return write(meter, scope, &section.otherwise, what, out);
    }
    match &*on {
        _ if section.kind != SectionKind::With => write(meter, scope, &section.body, what, out),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let inner = Layer { outer: scope, item, index, count: items.len() };
                meter.step(1)?;
                write(meter, &inner, &section.body, what, out)?;
            }
            Ok(())
        }
        item => write(
            meter,
            &Layer { outer: scope, item, index: 0, count: 1 },
            &section.body,
            what,
            out,
        ),
    }
}

/// Text as it stands in HTML, also in a quoted attribute.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// The names inside a section: the fields of the item, then what is outside.
struct Layer<'a> {
    outer: &'a dyn Scope,
    item: &'a Value,
    index: usize,
    count: usize,
}

impl Scope for Layer<'_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            "this" => return Some(Cow::Borrowed(self.item)),
            "@index" => return Some(Cow::Owned(Value::from(self.index))),
            "@first" => return Some(Cow::Owned(Value::Bool(self.index == 0))),
            "@last" => return Some(Cow::Owned(Value::Bool(self.index + 1 == self.count))),
            _ => {}
        }
        if let Some(value) = self.item.get(name) {
            return Some(Cow::Borrowed(value));
        }
        // An item may lack a field that the others have.
        let absent = || self.item.is_object().then_some(Cow::Owned(Value::Null));
        self.outer.lookup(name).or_else(|| if built_in(name) { None } else { absent() })
    }

    fn now_ms(&self) -> i64 {
        self.outer.now_ms()
    }

    fn call(&self, path: &[&str], args: &[Value]) -> Option<Result<Value, String>> {
        self.outer.call(path, args)
    }
}

/// Names that mean something where no scope has them.
fn built_in(name: &str) -> bool {
    matches!(name, "$now" | "now" | "nowMs")
}

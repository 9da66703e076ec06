//! JSON whose strings and keys are templates: the parameters of a tool.

use super::limits::{MAX_DEPTH, MAX_OUTPUT_BYTES, Meter, size_within, too_large};
use super::names::Names;
use super::{Call, EvalError, ParseError, Scope, Template, ValueTemplateError};
use serde_json::{Map, Value};

/// A JSON value with its strings and keys parsed as templates.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTemplate {
    root: Part,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// Nothing to compute in it.
    Literal(Value),
    Text(Template),
    List(Vec<Part>),
    Object(Vec<(Key, Part)>),
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Literal(String),
    Text(Template),
}

impl ValueTemplate {
    /// Parses all strings and keys in `value`, which may be nested [`super::limits::MAX_DEPTH`] deep.
    pub fn compile(value: &Value) -> Result<Self, ValueTemplateError> {
        let mut pointer = String::new();
        Ok(Self { root: compile(value, &mut pointer, 0)? })
    }

    /// The value with all templates rendered. Of keys that turn out equal the last one wins.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        let value = render(&self.root, &mut Meter::new(), scope)?;
        size_within(&value, MAX_OUTPUT_BYTES).ok_or_else(too_large)?;
        Ok(value)
    }

    /// Whether there is nothing to compute.
    pub fn is_literal(&self) -> bool {
        matches!(self.root, Part::Literal(_))
    }

    /// The names it reads, each with the JSON pointer of the string that reads it.
    pub fn names_with_pointers(&self) -> Vec<(String, Vec<String>)> {
        let mut out = Vec::new();
        visit(&self.root, &mut String::new(), &mut |pointer, template| {
            out.extend(template.names().into_iter().map(|path| (pointer.to_owned(), path)));
        });
        out
    }

    /// The functions of the host that it calls, each with the JSON pointer of the string that calls it.
    pub fn calls_with_pointers(&self) -> Vec<(String, Call)> {
        let mut out = Vec::new();
        visit(&self.root, &mut String::new(), &mut |pointer, template| {
            out.extend(template.calls().into_iter().map(|call| (pointer.to_owned(), call)));
        });
        out
    }

    /// The names it reads (see [`super::Expression::names`]).
    pub fn names(&self) -> Vec<Vec<String>> {
        self.collect().into_paths()
    }

    /// The host functions it calls.
    pub fn calls(&self) -> Vec<Call> {
        self.collect().calls
    }

    fn collect(&self) -> Names {
        let mut names = Names::default();
        visit(&self.root, &mut String::new(), &mut |_, template| template.collect(&mut names));
        names
    }
}

fn compile(value: &Value, pointer: &mut String, depth: usize) -> Result<Part, ValueTemplateError> {
    if depth > MAX_DEPTH {
        let error =
            ParseError::at("", 0, format!("the value is nested more than {MAX_DEPTH} deep"));
        return Err(ValueTemplateError { pointer: pointer.clone(), error });
    }
    match value {
        Value::String(text) => {
            let template = template(text, pointer)?;
            Ok(match template {
                Some(template) => Part::Text(template),
                None => Part::Literal(value.clone()),
            })
        }
        Value::Array(items) => {
            let mut parts = Vec::with_capacity(items.len());
            for (position, item) in items.iter().enumerate() {
                parts
                    .push(within(pointer, &position.to_string(), |p| compile(item, p, depth + 1))?);
            }
            let literal = parts.iter().all(|part| matches!(part, Part::Literal(_)));
            Ok(if literal { Part::Literal(value.clone()) } else { Part::List(parts) })
        }
        Value::Object(fields) => {
            let mut parts = Vec::with_capacity(fields.len());
            for (name, field) in fields {
                let key = match template(name, pointer)? {
                    Some(template) => Key::Text(template),
                    None => Key::Literal(name.clone()),
                };
                parts.push((key, within(pointer, name, |p| compile(field, p, depth + 1))?));
            }
            let literal =
                parts.iter().all(|part| matches!(part, (Key::Literal(_), Part::Literal(_))));
            Ok(if literal { Part::Literal(value.clone()) } else { Part::Object(parts) })
        }
        _ => Ok(Part::Literal(value.clone())),
    }
}

/// The text as a template; `None` when it has nothing to compute and nothing to unescape.
fn template(text: &str, pointer: &str) -> Result<Option<Template>, ValueTemplateError> {
    if !text.contains("{{") {
        return Ok(None);
    }
    Template::parse(text)
        .map(Some)
        .map_err(|error| ValueTemplateError { pointer: pointer.to_owned(), error })
}

/// A key as a part of a JSON pointer.
pub(crate) fn pointer_part(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Runs `f` with the pointer one step longer.
fn within<T>(pointer: &mut String, step: &str, f: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&pointer_part(step));
    let result = f(pointer);
    pointer.truncate(length);
    result
}

fn render(part: &Part, meter: &mut Meter, scope: &dyn Scope) -> Result<Value, EvalError> {
    match part {
        Part::Literal(value) => meter.own(std::borrow::Cow::Borrowed(value)),
        Part::Text(template) => template.render_in(meter, scope),
        Part::List(items) => items.iter().map(|item| render(item, meter, scope)).collect(),
        Part::Object(fields) => {
            let mut out = Map::new();
            for (key, field) in fields {
                let key = match key {
                    Key::Literal(name) => {
                        meter.alloc(name.len())?;
                        name.clone()
                    }
                    Key::Text(template) => {
                        let value = template.render_in(meter, scope)?;
                        super::ops::text(meter, &value)?
                    }
                };
                out.insert(key, render(field, meter, scope)?);
            }
            Ok(Value::Object(out))
        }
    }
}

fn visit(part: &Part, pointer: &mut String, f: &mut dyn FnMut(&str, &Template)) {
    match part {
        Part::Literal(_) => {}
        Part::Text(template) => f(pointer, template),
        Part::List(items) => {
            for (position, item) in items.iter().enumerate() {
                within(pointer, &position.to_string(), |p| visit(item, p, f));
            }
        }
        Part::Object(fields) => {
            for (key, field) in fields {
                let name = match key {
                    Key::Literal(name) => name.clone(),
                    Key::Text(template) => {
                        f(pointer, template);
                        template.to_string()
                    }
                };
                within(pointer, &name, |p| visit(field, p, f));
            }
        }
    }
}

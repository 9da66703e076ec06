//! The tree to a value. Every node costs a step; what is copied or built costs bytes.

use super::ast::{BinaryOp, Lambda, LinePart, Node, TextPart, UnaryOp};
use super::functions::{Arg, Function, Run, run};
use super::limits::Meter;
use super::{EvalError, Scope, dates, number, ops, path, truthy};
use serde_json::{Map, Value};
use std::borrow::Cow;

type Outcome<'a> = Result<Cow<'a, Value>, EvalError>;

/// What names mean at one place of the tree.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    scope: &'a dyn Scope,
    /// Where bare names are fields of a record: the record.
    record: Option<&'a Value>,
    /// What `.price` is a field of.
    item: Option<&'a Value>,
    /// The innermost `x` of `x => …`.
    local: Option<&'a Local<'a>>,
}

struct Local<'a> {
    name: &'a str,
    value: &'a Value,
    outer: Option<&'a Local<'a>>,
}

impl<'a> Env<'a> {
    pub fn new(scope: &'a dyn Scope) -> Self {
        Self { scope, record: None, item: None, local: None }
    }

    /// Bare names are fields of `record` from here on.
    pub fn with_record(self, record: &'a Value) -> Self {
        Self { record: Some(record), item: Some(record), ..self }
    }

    pub fn now_ms(&self) -> i64 {
        self.scope.now_ms()
    }

    fn lookup(self, name: &str) -> Outcome<'a> {
        let mut local = self.local;
        while let Some(here) = local {
            if here.name == name {
                return Ok(Cow::Borrowed(here.value));
            }
            local = here.outer;
        }
        if let Some(record) = self.record {
            if name == "this" {
                return Ok(Cow::Borrowed(record));
            }
            if let Some(value) = record.get(name) {
                return Ok(Cow::Borrowed(value));
            }
            return Ok(Cow::Owned(self.built_in(name).unwrap_or_default()));
        }
        if let Some(value) = self.scope.lookup(name) {
            return Ok(value);
        }
        match (name, self.item) {
            ("this", Some(item)) => Ok(Cow::Borrowed(item)),
            _ => self.built_in(name).map(Cow::Owned).ok_or_else(|| undeclared(name)),
        }
    }

    fn is_local(self, name: &str) -> bool {
        let mut local = self.local;
        while let Some(here) = local {
            if here.name == name {
                return true;
            }
            local = here.outer;
        }
        false
    }

    fn built_in(&self, name: &str) -> Option<Value> {
        match name {
            "$now" | "now" => Some(dates::iso(self.now_ms()).map_or(Value::Null, Value::from)),
            "nowMs" => Some(Value::from(self.now_ms())),
            _ => None,
        }
    }
}

fn undeclared(name: &str) -> EvalError {
    EvalError::new(
        "undeclared_name",
        format!(
            "\"{name}\" is not declared here. Check its spelling; the output of a step is written steps.{name}.output."
        ),
    )
}

/// The value of `node`.
pub(crate) fn eval<'a>(meter: &mut Meter, env: Env<'a>, node: &'a Node) -> Outcome<'a> {
    meter.step(1)?;
    match node {
        Node::Literal(value) => Ok(Cow::Borrowed(value)),
        Node::Text(parts) => text(meter, env, parts),
        Node::Name(name) => env.lookup(name),
        Node::Item => Ok(env.item.map_or_else(Default::default, Cow::Borrowed)),
        Node::Member(on, name) => match written(env, node) {
            Some(names) => along(meter, env, &names),
            None => member(meter, env, on, name),
        },
        Node::Index(on, key) => {
            let on = eval(meter, env, on)?;
            let key = eval(meter, env, key)?;
            path::index(meter, on, &key)
        }
        Node::Select(on, test) => select(meter, env, on, test),
        Node::Bound(inner) => eval(meter, Env { record: None, item: None, ..env }, inner),
        Node::List(items) => list(meter, env, items),
        Node::Object(fields) => object(meter, env, fields),
        Node::Unary(op, on) => {
            let on = eval(meter, env, on)?;
            Ok(Cow::Owned(unary(*op, &on)))
        }
        Node::Binary(op, left, right) => binary(meter, env, *op, left, right),
        Node::Conditional(test, then, other) => {
            let chosen = if truthy(&*eval(meter, env, test)?) { then } else { other };
            eval(meter, env, chosen)
        }
        Node::Apply { function, on, args, .. } => apply(meter, env, *function, on, args),
        Node::Host { path, args } => host(meter, env, path, args),
        Node::Lambda(_) | Node::Line { .. } => Ok(Cow::Owned(Value::Null)),
    }
}

fn text<'a>(meter: &mut Meter, env: Env<'a>, parts: &'a [TextPart]) -> Outcome<'a> {
    let mut out = String::new();
    for part in parts {
        match part {
            TextPart::Text(text) => {
                meter.alloc(text.len())?;
                out.push_str(text);
            }
            // In a quoted text of a filter, braces bind from the run, as they do outside of quotes.
            TextPart::Path(path) => {
                let value = eval(meter, Env { record: None, item: None, ..env }, path)?;
                out.push_str(&ops::text(meter, &value)?);
            }
        }
    }
    Ok(Cow::Owned(Value::String(out)))
}

/// The names of a path that is written out and starts in the scope: `steps.x.output`, `steps["x"].output`.
fn written<'a>(env: Env<'a>, node: &'a Node) -> Option<Vec<&'a str>> {
    if env.record.is_some() {
        return None;
    }
    let mut names = Vec::new();
    let mut at = node;
    loop {
        match at {
            Node::Name(root) => {
                names.push(root.as_str());
                names.reverse();
                return (!env.is_local(root)).then_some(names);
            }
            Node::Member(on, name) => {
                names.push(name.as_str());
                at = on;
            }
            Node::Index(on, key) => match (&**on, &**key) {
                (Node::Name(root), Node::Literal(Value::String(name))) if root == "steps" => {
                    names.push(name.as_str());
                    at = on;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Follows a written path from what the scope lends of it.
fn along<'a>(meter: &mut Meter, env: Env<'a>, names: &[&str]) -> Outcome<'a> {
    meter.step(names.len())?;
    let (mut value, used) = match env.scope.resolve(names) {
        Some((value, used)) => (value, used.clamp(1, names.len())),
        None if env.scope.lookup(names[0]).is_some() => {
            return Err(undeclared_member(names[0], names[1]));
        }
        None => (env.lookup(names[0])?, 1),
    };
    for (at, name) in names.iter().enumerate().skip(used) {
        let follows_output = at == 3 && names[0] == "steps" && names[2] == "output";
        if *name == "data" && follows_output && !has_data(meter, &value)? {
            continue;
        }
        value = path::field(meter, value, name)?;
    }
    Ok(value)
}

fn undeclared_member(space: &str, name: &str) -> EvalError {
    EvalError::new(
        "undeclared_name",
        format!("There is no \"{name}\" in {space}. Check its spelling."),
    )
}

/// Whether an output has a field `data` of its own.
fn has_data(meter: &mut Meter, output: &Value) -> Result<bool, EvalError> {
    Ok(match output {
        Value::Object(fields) => fields.contains_key("data"),
        Value::String(text) => {
            matches!(path::json_text(meter, text)?, Some(Value::Object(f)) if f.contains_key("data"))
        }
        _ => false,
    })
}

/// `on.name`. The output of a step that has no field `data` is its own data: both `steps.x.output.f` and
/// `steps.x.output.data.f` read the field `f`.
fn member<'a>(meter: &mut Meter, env: Env<'a>, on: &'a Node, name: &str) -> Outcome<'a> {
    let value = eval(meter, env, on)?;
    if name == "data" && is_step_output(on) && !has_data(meter, &value)? {
        return Ok(value);
    }
    path::field(meter, value, name)
}

/// Whether the node is written `steps.x.output` (or `steps["x"].output`).
fn is_step_output(node: &Node) -> bool {
    let Node::Member(step, name) = node else { return false };
    let (Node::Member(root, _) | Node::Index(root, _)) = &**step else { return false };
    name == "output" && **root == Node::Name("steps".to_owned())
}

fn select<'a>(meter: &mut Meter, env: Env<'a>, on: &'a Node, test: &'a Node) -> Outcome<'a> {
    let on = eval(meter, env, on)?;
    // An object is a list of one, as in JEXL.
    let single = on.is_object();
    let items = if single { Cow::Owned(vec![meter.own(on)?]) } else { run::list_of(meter, on)? };
    let mut out = Vec::new();
    for item in items.iter() {
        let holds = truthy(&*eval(meter, Env { item: Some(item), ..env }, test)?);
        if holds {
            out.push(meter.own(Cow::Borrowed(item))?);
        }
    }
    Ok(Cow::Owned(Value::Array(out)))
}

fn list<'a>(meter: &mut Meter, env: Env<'a>, items: &'a [Node]) -> Outcome<'a> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        let value = eval(meter, env, item)?;
        out.push(meter.own(value)?);
    }
    Ok(Cow::Owned(Value::Array(out)))
}

fn object<'a>(meter: &mut Meter, env: Env<'a>, fields: &'a [(String, Node)]) -> Outcome<'a> {
    let mut out = Map::new();
    for (key, field) in fields {
        let value = eval(meter, env, field)?;
        meter.alloc(key.len())?;
        out.insert(key.clone(), meter.own(value)?);
    }
    Ok(Cow::Owned(Value::Object(out)))
}

fn unary(op: UnaryOp, on: &Value) -> Value {
    match op {
        UnaryOp::Not => Value::Bool(!truthy(on)),
        UnaryOp::Minus => number::combine(&Value::from(0), on, i64::checked_sub, |a, b| a - b),
        UnaryOp::Plus => number::value(number::of(on)),
    }
}

fn binary<'a>(
    meter: &mut Meter,
    env: Env<'a>,
    op: BinaryOp,
    left: &'a Node,
    right: &'a Node,
) -> Outcome<'a> {
    let left = eval(meter, env, left)?;
    let enough = match op {
        BinaryOp::Or => truthy(&left),
        BinaryOp::And => !truthy(&left),
        BinaryOp::Coalesce => !left.is_null(),
        _ => {
            let right = eval(meter, env, right)?;
            return Ok(Cow::Owned(ops::binary(meter, op, &left, &right)?));
        }
    };
    if enough { Ok(left) } else { eval(meter, env, right) }
}

fn apply<'a>(
    meter: &mut Meter,
    env: Env<'a>,
    function: Function,
    on: &'a Node,
    args: &'a [Node],
) -> Outcome<'a> {
    let on = eval(meter, env, on)?;
    let mut given = Vec::with_capacity(args.len());
    for arg in args {
        given.push(match arg {
            Node::Lambda(lambda) => Arg::Lambda(lambda),
            Node::Line { parts, .. } => Arg::Line(parts),
            arg => Arg::Value(eval(meter, env, arg)?),
        });
    }
    function.run(Run { name: function.name, meter, env, on, args: given }).map(Cow::Owned)
}

fn host<'a>(meter: &mut Meter, env: Env<'a>, path: &[String], args: &'a [Node]) -> Outcome<'a> {
    let mut given = Vec::with_capacity(args.len());
    for arg in args {
        let value = eval(meter, env, arg)?;
        given.push(meter.own(value)?);
    }
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    meter.step(10)?;
    let name = names.join(".");
    match env.scope.call(&names, &given) {
        Some(Ok(value)) => Ok(Cow::Owned(value)),
        Some(Err(message)) => Err(EvalError::new("function_failed", format!("{name}: {message}"))),
        None => Err(EvalError::new(
            "unknown_function",
            format!("There is no function {name}(…) here. Check its spelling."),
        )),
    }
}

/// What `lambda` says of `item`.
pub(crate) fn lambda<'i>(
    meter: &mut Meter,
    env: Env<'i>,
    lambda: &'i Lambda,
    item: &'i Value,
) -> Outcome<'i> {
    match lambda {
        Lambda::Field(name) => {
            meter.step(1)?;
            Ok(item.get(name).map_or_else(Default::default, Cow::Borrowed))
        }
        // A field of that very name wins: `'first-name'` is no subtraction then.
        Lambda::Quoted { source, .. } if item.get(source).is_some() => {
            meter.step(1)?;
            Ok(item.get(source).map_or_else(Default::default, Cow::Borrowed))
        }
        Lambda::Quoted { body, .. } => eval(meter, env.with_record(item), body),
        Lambda::Arrow { param, body } => {
            let local = Local { name: param, value: item, outer: env.local };
            let value = eval(meter, Env { item: Some(item), local: Some(&local), ..env }, body)?;
            // The value may be borrowed from the local's lifetime; a copy is counted and leaves.
            Ok(Cow::Owned(meter.own(value)?))
        }
    }
}

/// One line of `formatList`.
pub(crate) fn line(
    meter: &mut Meter,
    env: Env<'_>,
    parts: &[LinePart],
    item: &Value,
) -> Result<String, EvalError> {
    let mut out = String::new();
    for part in parts {
        match part {
            LinePart::Text(text) => {
                meter.alloc(text.len())?;
                out.push_str(text);
            }
            LinePart::Field(field) => {
                let value = eval(meter, env.with_record(item), field)?;
                out.push_str(&ops::text(meter, &value)?);
            }
        }
    }
    Ok(out)
}

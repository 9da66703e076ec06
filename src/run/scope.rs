//! What names mean in a run: the scope of its expressions and templates.
//!
//! A bare name is looked up in the order loop, steps, variables, input, built-ins. Large values are lent, not
//! copied: see [`Scope::resolve`].

mod steps;
mod turn;

use super::{Context, FrameId, RunState, heard, secret_marker};
use crate::expr::Scope;
use crate::graph::CompiledGraph;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The scope of a frame.
pub(crate) struct RunScope<'a> {
    pub graph: &'a CompiledGraph,
    pub context: &'a Context,
    pub state: &'a RunState,
    pub frame: FrameId,
    pub now: DateTime<Utc>,
    /// `event`, in the condition of a wait.
    pub event: Option<&'a Value>,
    /// A node that is just ending, with its output: the conditions of its edges see it.
    pub ending: Option<(usize, &'a Value)>,
    /// Variables that are just being set: later ones see earlier ones.
    pub fresh: Option<&'a Map<String, Value>>,
}

type Found<'a> = Option<(Cow<'a, Value>, usize)>;

impl<'a> RunScope<'a> {
    pub fn new(
        graph: &'a CompiledGraph,
        context: &'a Context,
        state: &'a RunState,
        frame: FrameId,
        now: DateTime<Utc>,
    ) -> Self {
        Self { graph, context, state, frame, now, event: None, ending: None, fresh: None }
    }

    /// The last output of this frame, or of the nearest one around it.
    pub fn last_output(&self) -> Option<&Value> {
        if let Some((_, output)) = self.ending {
            return Some(output);
        }
        let mut around = Some(self.frame);
        while let Some(frame) = around.and_then(|id| self.state.frames.get(&id)) {
            let last = frame.last.and_then(|last| self.state.activations.get(&last));
            if let Some(last) = last {
                return Some(&last.output);
            }
            around = frame.parent;
        }
        None
    }

    /// Names that stand for a whole space of values; nothing shadows them.
    fn space(&self, path: &[&str]) -> Found<'_> {
        match path[0] {
            "organizationId" => owned(json!(self.context.organization_id), 1),
            "loop" => self.turn(path),
            "steps" => match path.get(1) {
                Some(node) => {
                    let (value, used) = self.step(node, &path[2..])?;
                    Some((value, used + 1))
                }
                None => owned(self.steps(), 1),
            },
            "event" => Some((Cow::Borrowed(self.event?), 1)),
            "input" => Some((Cow::Borrowed(&self.state.input), 1)),
            "config" => self.config(path),
            "secrets" => match path.get(1) {
                // Whether there is such a secret is known only where the call is made.
                Some(name) => owned(json!(secret_marker(self.state.run, name)), 2),
                None => owned(self.secrets(), 1),
            },
            _ => None,
        }
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        let fresh = self.fresh.and_then(|fresh| fresh.get(name));
        fresh.or_else(|| self.state.variables.get(name))
    }

    /// `config.f` and `config.variables.f` read the variable `f`.
    fn config(&self, path: &[&str]) -> Found<'_> {
        let skipped = if path.get(1) == Some(&"variables") { 2 } else { 1 };
        match path.get(skipped) {
            Some(name) => {
                let value = self.variable(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed);
                Some((value, skipped + 1))
            }
            None => owned(Value::Object(self.state.variables.clone()), skipped),
        }
    }

    fn secrets(&self) -> Value {
        let names = self.graph.graph().settings.secrets.keys();
        let marked = names.map(|name| (name.clone(), json!(secret_marker(self.state.run, name))));
        Value::Object(marked.collect())
    }

    fn input_field(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self.state.input.get(name) {
            Some(value) => Some(Cow::Borrowed(value)),
            None => self.graph.declares_input(name).then_some(Cow::Owned(Value::Null)),
        }
    }

    /// What the workflow itself calls so: all but the built-ins.
    pub fn declared(&self, path: &[&str]) -> Found<'_> {
        let name = *path.first()?;
        if is_space(name) || (name == "event" && self.event.is_some()) {
            return self.space(path);
        }
        if let Some(item) = self.item_variable(name) {
            return Some((Cow::Borrowed(item), 1));
        }
        // `extract.output` names the step also when a variable is called the same; `extract.name` does not.
        let names_step = path.len() > 1 && matches!(path[1], "output" | "error");
        if names_step && let Some(found) = self.step(name, &path[1..]) {
            return Some(found);
        }
        if let Some(value) = self.variable(name) {
            return Some((Cow::Borrowed(value), 1));
        }
        if let Some(value) = self.input_field(name) {
            return Some((value, 1));
        }
        self.step(name, &path[1..])
    }

    fn built_in(&self, name: &str) -> Option<Cow<'_, Value>> {
        let time = || self.now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let value = match name {
            "$now" | "now" => json!(time()),
            "nowMs" => json!(self.now.timestamp_millis()),
            "wfDefinitionId" => json!(self.context.workflow_id),
            "rootWfDefinitionId" => {
                json!(self.context.root_workflow_id.unwrap_or(self.context.workflow_id))
            }
            "lastOutput" => {
                return Some(Cow::Borrowed(self.last_output().unwrap_or(&self.state.input)));
            }
            "contact" => {
                self.state.contacts.first().map_or(Value::Null, |id| json!({"id": id, "_id": id}))
            }
            "contacts" => {
                self.state.contacts.iter().map(|id| json!({"id": id, "_id": id})).collect()
            }
            "run" => json!({
                "id": self.state.run,
                "startedAt": self.state.started_at,
                "startedBy": self.state.started_by,
                "threadId": self.state.thread_id,
            }),
            _ => return None,
        };
        Some(Cow::Owned(value))
    }
}

/// Names that nothing shadows.
pub(crate) fn is_space(name: &str) -> bool {
    matches!(name, "organizationId" | "loop" | "steps" | "input" | "config" | "secrets")
}

fn owned<'a>(value: Value, used: usize) -> Found<'a> {
    Some((Cow::Owned(value), used))
}

impl Scope for RunScope<'_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        Some(self.resolve(&[name])?.0)
    }

    fn now_ms(&self) -> i64 {
        self.now.timestamp_millis()
    }

    fn call(&self, path: &[&str], args: &[Value]) -> Option<Result<Value, String>> {
        let signal = super::signal::asked_for(path)?;
        let Some(step) = args.first().and_then(Value::as_str) else {
            return Some(Err("name a step, such as \"intro\"".to_owned()));
        };
        let Some(received) = self.signals(step) else {
            return Some(Err(format!("there is no step \"{step}\"")));
        };
        // What the run was told of the message itself, or heard of the step by an outside event.
        let is_received =
            received.is_some_and(|signals| signals.contains(signal)) || self.ended_as(step, signal);
        let node = crate::id::NodeId::from(step);
        Some(Ok(Value::Bool(is_received || heard::is_heard(self.state, &node, signal))))
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        let name = *path.first()?;
        self.declared(path).or_else(|| Some((self.built_in(name)?, 1)))
    }
}

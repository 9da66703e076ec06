//! What the words of a stored message template mean: the same as in the step that sends it, and besides
//! them what is known of the message itself (`contact`, `sender`, `previousStep`).
//!
//! Secrets are not among them: a template's text leaves. A step's own subject may speak of the message as well
//! ([`StepScope`]).

use super::scope::RunScope;
use super::{ActivationId, Context, RunState};
use crate::expr::Scope;
use crate::graph::CompiledGraph;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The scope of a message template.
pub struct TemplateScope<'a> {
    run: RunScope<'a>,
    about: Map<String, Value>,
}

impl<'a> TemplateScope<'a> {
    /// The words as they are read by an activation. `about` says what is known of the message; its names go
    /// before those of the run. `None`: the run has no such activation.
    pub fn new(
        graph: &'a CompiledGraph,
        context: &'a Context,
        state: &'a RunState,
        activation: ActivationId,
        now: DateTime<Utc>,
        mut about: Map<String, Value>,
    ) -> Option<Self> {
        let frame = state.activations.get(&activation)?.frame;
        let run = RunScope::new(graph, context, state, frame, now);
        let previous = run.last_output().cloned().unwrap_or(Value::Null);
        about.entry("previousStep").or_insert(previous);
        Some(Self { run, about })
    }

    /// The same words for a text of the step itself.
    pub fn of_step(&self) -> StepScope<'_, 'a> {
        StepScope(self)
    }
}

/// The scope of a text that stands in the step and is worded where the message is sent. What the workflow itself
/// calls by a name keeps it, as in every other text of the step; what is known of the message comes next.
pub struct StepScope<'s, 'a>(&'s TemplateScope<'a>);

impl Scope for StepScope<'_, '_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        Some(self.resolve(&[name])?.0)
    }

    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    fn call(&self, path: &[&str], args: &[Value]) -> Option<Result<Value, String>> {
        self.0.call(path, args)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        let name = *path.first()?;
        let declared = if name == "secrets" { None } else { self.0.run.declared(path) };
        declared.or_else(|| self.0.resolve(path))
    }
}

impl Scope for TemplateScope<'_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self.about.get(name) {
            Some(value) => Some(Cow::Borrowed(value)),
            None if name == "secrets" => None,
            None => self.run.lookup(name),
        }
    }

    fn now_ms(&self) -> i64 {
        self.run.now_ms()
    }

    fn call(&self, path: &[&str], args: &[Value]) -> Option<Result<Value, String>> {
        self.run.call(path, args)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        let name = *path.first()?;
        if name == "secrets" || self.about.contains_key(name) {
            return Some((self.lookup(name)?, 1));
        }
        self.run.resolve(path)
    }
}

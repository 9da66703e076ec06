//! World files: what a workflow meets when it is played through without a server. Contacts, answers of tools
//! and models, decisions of people, events from outside; several scenarios in one file.
//!
//! ```json
//! {
//!   "contacts": [{"id": "cust_1", "name": "Ada Byron", "email": "ada@example.com"}],
//!   "templates": [{"id": "tmpl_intro", "subject": "Welcome", "text": "Dear {{contact.name}} …"}],
//!   "models": [{"node": "draft", "answers": [{"output": "Dear {{input.user_prompt}}"}]}],
//!   "tools": [{"tool": "http.request", "when": "{{input.method}} == 'GET'", "answers": [
//!     {"error": {"kind": "timeout", "message": "No answer."}}, {"output": {"status": 200}}]}],
//!   "approvals": [{"node": "send", "answers": [{"decision": "reject", "reason": "Not now.", "after_ms": 60000}]}],
//!   "events": [{"after_ms": 3600000, "name": "reply", "payload": {"text": "Yes"}}],
//!   "scenarios": [{"name": "happy", "input": {"customerId": "cust_1"}, "expect": {"status": "Completed"}}]
//! }
//! ```
//!
//! Rules of the scenario are asked before those of the file, each list from the top; the first whose `tool`,
//! `node` and `when` fit answers. Its n-th use gives its n-th answer, the last one for ever after. Texts in an
//! `output` are templates over `input` (the rendered parameters or prompts), `node`, `attempt` and
//! `occurrence`; a rule about an email reads `input.subject`: `to` (the bare address), `recipient`, `subject`,
//! `body`. Without a rule, customers are kept among the contacts, emails wait for approval and are then
//! accepted, approvals are granted at once, models give what their schema asks for, and any other tool fails
//! with a message that says what to add.
//!
//! Deliberately absent: reading files, and the clock (a scenario says when it begins).

mod contacts;
#[cfg(test)]
pub(crate) mod coverage;
#[cfg(test)]
mod fixtures;
mod play;
mod rules;
mod sample;
mod stage;

#[cfg(test)]
mod tests;

pub use play::{Played, play, ports_taken};
pub use sample::of_form;
pub(crate) use sample::{answer as of_model, of_any as of_schema, scores};
pub use stage::{Stage, StubbedTools};

use crate::expr::{Expression, ValueTemplate};
use crate::format::{self, FormatError};
use crate::id::ContactId;
use crate::run::{Decision, ErrorKind};
use crate::wire::TemplateCreate;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A world with its scenarios. Without scenarios it is played once, with an empty input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldFile {
    /// For the reader.
    pub description: String,
    /// What holds in every scenario.
    pub contacts: Vec<Map<String, Value>>,
    /// Message templates.
    pub templates: Vec<TemplateCreate>,
    /// Answers of tools.
    pub tools: Vec<ToolRule>,
    /// Answers of models.
    pub models: Vec<ModelRule>,
    /// Decisions of people.
    pub approvals: Vec<ApprovalRule>,
    /// What happens outside.
    pub events: Vec<OutsideEvent>,
    /// One run each.
    pub scenarios: Vec<Scenario>,
}

/// One run: how it begins, what is different in it, and what should come of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Names it in reports.
    pub name: String,
    /// When it begins; Monday, 5 January 2026, 09:00 UTC unless set.
    pub at: Option<DateTime<Utc>>,
    /// The run's input.
    pub input: Value,
    /// The contacts the run is about.
    pub run_contacts: Vec<ContactId>,
    /// Shared model context.
    pub thread_id: Option<String>,
    /// Values of the workflow's variables that are different in this scenario.
    pub variables: Map<String, Value>,
    /// Contacts besides the file's.
    pub contacts: Vec<Map<String, Value>>,
    /// Asked before the file's.
    pub tools: Vec<ToolRule>,
    /// Asked before the file's.
    pub models: Vec<ModelRule>,
    /// Asked before the file's.
    pub approvals: Vec<ApprovalRule>,
    /// Besides the file's.
    pub events: Vec<OutsideEvent>,
    /// What should come of it; a difference is reported.
    pub expect: Expectation,
}

/// What should come of a scenario. Absent fields are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// The run's status at the end: `Completed`, `Failed`, `StandBy` …
    pub status: Option<String>,
    /// The outcome of a completed run.
    pub outcome: Option<String>,
    /// Messages that left.
    pub messages: Option<usize>,
    /// Variables at the end, those named alone.
    pub variables: Map<String, Value>,
    /// Nodes that did their work.
    pub completed: Vec<String>,
    /// Nodes that did not.
    pub not_completed: Vec<String>,
}

/// How a tool answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolRule {
    /// The tool's name or alias.
    pub tool: String,
    /// Only for this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Only when this expression over `input`, `node`, `attempt`, `occurrence` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// One after the other.
    pub answers: Vec<Answering>,
}

/// How a model answers. `input` is the request: `system_prompt`, `user_prompt`, `name`, `tools`, `thread_id` …
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRule {
    /// Only for this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Only when this expression holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// One after the other.
    pub answers: Vec<Answering>,
}

/// One answer. With none of `error`, `bypass`, `silent` it is the output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answering {
    /// What it gives; texts are templates.
    pub output: Value,
    /// It fails instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failing>,
    /// It need not be done, for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass: Option<String>,
    /// No answer ever comes.
    pub silent: bool,
    /// How long it takes.
    pub after_ms: u64,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// Its kind, which decides about retries.
    pub kind: ErrorKind,
    /// What it says.
    pub message: String,
    /// What the server asks to wait before a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// How people decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Only for this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Only when this expression over `input` (the request: `kind`, `title`, `subject` …) holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// One after the other.
    pub answers: Vec<Deciding>,
}

/// One decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deciding {
    /// What is decided; nobody decides when absent.
    #[serde(flatten)]
    pub decision: Option<Decision>,
    /// How long it takes.
    pub after_ms: u64,
}

/// Something that happens outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideEvent {
    /// So long after the start.
    #[serde(default)]
    pub after_ms: u64,
    /// Its name.
    pub name: String,
    /// Its particulars.
    #[serde(default)]
    pub payload: Value,
}

impl WorldFile {
    /// Reads a world file and looks at its expressions and templates.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let document = format::parse_text(text)?;
        let file = Self::deserialize(&document)
            .map_err(|error| FormatError::invalid("", error.to_string()))?;
        file.check_texts()?;
        Ok(file)
    }

    /// The scenarios; one without a name when the file lists none.
    pub fn scenarios(&self) -> Vec<Scenario> {
        if self.scenarios.is_empty() {
            let input = Value::Object(Map::new());
            return vec![Scenario { name: "default".to_owned(), input, ..Scenario::default() }];
        }
        self.scenarios.clone()
    }

    fn check_texts(&self) -> Result<(), FormatError> {
        check_rules("", &self.tools, &self.models, &self.approvals)?;
        for (at, scenario) in self.scenarios.iter().enumerate() {
            let pointer = format!("/scenarios/{at}");
            check_rules(&pointer, &scenario.tools, &scenario.models, &scenario.approvals)?;
        }
        Ok(())
    }
}

fn check_rules(
    pointer: &str,
    tools: &[ToolRule],
    models: &[ModelRule],
    approvals: &[ApprovalRule],
) -> Result<(), FormatError> {
    for (at, rule) in tools.iter().enumerate() {
        check_rule(&format!("{pointer}/tools/{at}"), rule.when.as_deref(), &rule.answers)?;
    }
    for (at, rule) in models.iter().enumerate() {
        check_rule(&format!("{pointer}/models/{at}"), rule.when.as_deref(), &rule.answers)?;
    }
    for (at, rule) in approvals.iter().enumerate() {
        check_rule(&format!("{pointer}/approvals/{at}"), rule.when.as_deref(), &[])?;
    }
    Ok(())
}

fn check_rule(pointer: &str, when: Option<&str>, answers: &[Answering]) -> Result<(), FormatError> {
    if let Some(when) = when {
        Expression::parse(when)
            .map_err(|error| FormatError::invalid(format!("{pointer}/when"), error.to_string()))?;
    }
    for (at, answer) in answers.iter().enumerate() {
        ValueTemplate::compile(&answer.output).map_err(|error| {
            FormatError::invalid(format!("{pointer}/answers/{at}/output"), error.to_string())
        })?;
    }
    Ok(())
}

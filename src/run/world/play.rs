//! Playing one scenario, and comparing what came of it with what was expected.

use super::{Expectation, Scenario, Stage, StubbedTools, WorldFile};
use crate::graph::CompiledGraph;
use crate::id::RunId;
use crate::run::{Context, Decision, Event, EventBody, Outcome, RunStatus, Start, drive};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Monday, 5 January 2026, 09:00 UTC.
const BEGINNING_MS: i64 = 1_767_603_600_000;

/// One scenario that was played.
pub struct Played {
    /// The run.
    pub outcome: Outcome,
    /// The emails that left.
    pub messages: Vec<Value>,
    /// Calls that the world has no answer for.
    pub unanswered: Vec<String>,
    /// How it differs from what was expected, in words.
    pub differences: Vec<String>,
    /// The ports that were taken, by node.
    pub ports: BTreeSet<(String, String)>,
}

/// Plays a scenario in virtual time.
pub fn play(
    graph: &CompiledGraph,
    context: &Context,
    file: &WorldFile,
    scenario: &Scenario,
) -> Played {
    let changed = with_variables(graph, scenario);
    let graph = changed.as_ref().unwrap_or(graph);
    let mut stage = Stage::new(file, scenario);
    let start = Start {
        run: RunId::derive(Uuid::nil(), &[&scenario.name]),
        input: scenario.input.clone(),
        contacts: scenario.run_contacts.clone(),
        thread_id: scenario.thread_id.clone(),
        started_by: "simulation".to_owned(),
        options: Default::default(),
    };
    let outcome = drive(graph, context, start, &mut stage, scenario.begins_at());
    Played::new(outcome, stage.messages, stage.unanswered, &scenario.expect)
}

impl Scenario {
    /// When it begins.
    pub fn begins_at(&self) -> DateTime<Utc> {
        let usual = DateTime::<Utc>::from_timestamp_millis(BEGINNING_MS);
        self.at.or(usual).unwrap_or_default()
    }
}

impl Played {
    /// What came of a run, with the messages that were put before people and what was decided about them.
    pub fn new(
        outcome: Outcome,
        messages: Vec<(Value, Option<Decision>)>,
        unanswered: Vec<String>,
        expect: &Expectation,
    ) -> Self {
        let sent = messages.into_iter();
        let sent = sent.filter(|(_, decision)| matches!(decision, Some(Decision::Approve { .. })));
        let mut played = Self {
            messages: sent.map(|(message, _)| message).collect(),
            unanswered,
            differences: Vec::new(),
            ports: ports_taken(&outcome.events),
            outcome,
        };
        played.differences = differences(&played, expect);
        played
    }
}

/// The workflow with the scenario's variables. They are data and cannot break what compiled before, unless
/// they hold templates that are wrong; then the workflow's own stay.
fn with_variables(graph: &CompiledGraph, scenario: &Scenario) -> Option<CompiledGraph> {
    if scenario.variables.is_empty() {
        return None;
    }
    let mut changed = graph.graph().clone();
    changed.settings.variables.extend(scenario.variables.clone());
    CompiledGraph::compile(changed, &StubbedTools).ok()
}

/// The ports that nodes left through, by node.
pub fn ports_taken(events: &[Event]) -> BTreeSet<(String, String)> {
    let mut nodes = BTreeMap::new();
    let mut ports = BTreeSet::new();
    for event in events {
        let (activation, port) = match &event.body {
            EventBody::NodeStarted { activation, node, .. } => {
                nodes.insert(*activation, node.0.clone());
                continue;
            }
            EventBody::NodeCompleted { activation, port, .. }
            | EventBody::NodeBypassed { activation, port, .. } => (activation, Some(port)),
            EventBody::NodeFailed { activation, port, .. } => (activation, port.as_ref()),
            EventBody::FrameStarted { header, owner: Some(_), .. } => {
                ports.insert((header.0.clone(), "next".to_owned()));
                continue;
            }
            _ => continue,
        };
        if let (Some(node), Some(port)) = (nodes.get(activation), port) {
            ports.insert((node.clone(), port.clone()));
        }
    }
    ports
}

fn differences(played: &Played, expect: &Expectation) -> Vec<String> {
    let state = &played.outcome.state;
    let status = state.status();
    let mut found = Vec::new();
    if let Some(expected) =
        expect.status.as_deref().filter(|expected| *expected != status.phase().as_str())
    {
        let why = match &status {
            RunStatus::Failed { error_message } => format!(": {error_message}"),
            RunStatus::Blocked { reason } => format!(": {reason}"),
            _ => String::new(),
        };
        found.push(format!("status is {}{why}, expected {expected}", status.phase().as_str()));
    }
    let outcome = match &status {
        RunStatus::Completed { outcome, .. } => Some(outcome),
        _ => None,
    };
    if expect.outcome.is_some() && expect.outcome.as_ref() != outcome {
        found.push(format!("outcome is {outcome:?}, expected {:?}", expect.outcome));
    }
    let sent = played.messages.len();
    if let Some(expected) = expect.messages.filter(|expected| *expected != sent) {
        found.push(format!("{sent} messages left, expected {expected}"));
    }
    for (name, expected) in &expect.variables {
        let value = state.variables.get(name);
        if value != Some(expected) {
            found.push(format!("variable {name} is {value:?}, expected {expected}"));
        }
    }
    let completed = |node: &&String| played.ports.iter().any(|(name, _)| name == *node);
    found.extend(
        expect
            .completed
            .iter()
            .filter(|node| !completed(node))
            .map(|node| format!("{node} did not run")),
    );
    found.extend(expect.not_completed.iter().filter(completed).map(|node| format!("{node} ran")));
    found
}

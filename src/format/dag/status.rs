//! A run in the words of the DAG document: `PlanExecution` and `StepResult`, drawn from its state and events.

use crate::graph::{Graph, Node, NodeKind};
use crate::id::NodeId;
use crate::run::{
    ActivationState, ErrorKind, Event, EventBody, RunEnd, RunPhase, RunState, Usage, node_states,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// A run of a plan. In JSON as the document has it: `{"id", "planId", "status", "progress", "steps", …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanExecution {
    /// The run.
    pub id: String,
    /// The workflow.
    pub plan_id: String,
    /// `pending`, `running`, `completed`, `failed`, `cancelled`, `paused`.
    pub status: String,
    /// How many steps are where.
    pub progress: PlanProgress,
    /// Each step by its id.
    pub steps: BTreeMap<String, StepResult>,
    /// What it was started with.
    pub input: Value,
    /// When it started; null before that.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Model use of all steps.
    pub usage: TokenUsage,
    /// No model is asked and nothing is sent: answers are made up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// How many steps are where. A skipped step counts as completed, one that was rejected or cut off as failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[allow(missing_docs)]
pub struct PlanProgress {
    pub total: u32,
    pub completed: u32,
    pub running: u32,
    pub pending: u32,
    pub failed: u32,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// The step.
    pub id: String,
    /// Where it is.
    pub status: TaskStatus,
    /// What it gave, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Why it failed or was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The model that answered; before that the one it is to ask; `default` for the organisation's own.
    pub model: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Its model use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// Tries after the first one.
    pub retry_count: u32,
}

/// Where a step is. `skipped` is ours: the document speaks of skipping but has no word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum TaskStatus {
    Pending,
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
    AwaitingApproval,
    Rejected,
    Skipped,
}

/// Model use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// US dollars; null where the price of any part is not known.
    pub total_cost: Option<f64>,
}

impl PlanExecution {
    /// Whether nothing more happens.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }
}

impl TokenUsage {
    pub(super) fn of(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            total_cost: (!usage.unpriced).then_some(usage.cost_micros as f64 / 1e6),
        }
    }
}

/// A run as the document shows it. `events` are the run's own, as far as they are kept: what each step's model
/// cost is found there.
pub fn plan_execution(
    plan_id: &str,
    graph: &Graph,
    state: &RunState,
    events: &[Event],
) -> PlanExecution {
    let summaries = node_states(graph, state);
    let costs = costs(events);
    let stopped = matches!(state.end, Some(RunEnd::Stopped { .. }));
    let mut steps = BTreeMap::new();
    let mut progress = PlanProgress::default();
    for node in graph.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Trigger(_))) {
        let Some(summary) = summaries.get(&node.id) else { continue };
        let latest = latest(state, &node.id);
        let status = task_status(summary.state, latest, stopped);
        let usage = costs.get(&node.id);
        progress.count(status);
        let (started_at, completed_at) = (summary.started_at, summary.ended_at);
        let took = started_at.zip(completed_at).map(|(from, to)| (to - from).num_milliseconds());
        let gave = latest.filter(|_| status == TaskStatus::Completed);
        let step = StepResult {
            id: node.id.0.clone(),
            status,
            output: gave.and_then(|activation| text_of(&activation.output)),
            error: summary.error.clone(),
            model: usage.map(|usage| usage.model.clone()).unwrap_or_else(|| wanted_model(node)),
            started_at,
            completed_at,
            duration_ms: took.and_then(|ms| u64::try_from(ms).ok()),
            usage: usage.map(TokenUsage::of),
            retry_count: summary.attempts.saturating_sub(1),
        };
        steps.insert(step.id.clone(), step);
    }
    PlanExecution {
        id: state.run.to_string(),
        plan_id: plan_id.to_owned(),
        status: status_of(state).to_owned(),
        progress,
        steps,
        input: state.input.clone(),
        started_at: state.started_at,
        completed_at: state.ended_at,
        usage: TokenUsage::of(&state.usage),
        dry_run: state.options.options.dry_run,
    }
}

fn status_of(state: &RunState) -> &'static str {
    if state.started_at.is_none() {
        return "pending";
    }
    match state.status().phase() {
        RunPhase::PendingReview => "pending",
        RunPhase::StandBy | RunPhase::Executing | RunPhase::AwaitingInput | RunPhase::Blocked => {
            "running"
        }
        RunPhase::Paused => "paused",
        RunPhase::Completed => "completed",
        RunPhase::Failed => "failed",
        RunPhase::Stopped => "cancelled",
    }
}

fn latest<'a>(state: &'a RunState, node: &NodeId) -> Option<&'a crate::run::Activation> {
    state.activations.values().rev().find(|activation| activation.node == *node)
}

fn task_status(
    at: ActivationState,
    latest: Option<&crate::run::Activation>,
    stopped: bool,
) -> TaskStatus {
    let was_cut_off = latest.is_some_and(|activation| !activation.state.is_terminal());
    let rejected = latest.and_then(|activation| activation.error.as_ref());
    let rejected = rejected.is_some_and(|error| error.kind == ErrorKind::HumanRejected);
    match at {
        ActivationState::Skipped if stopped && was_cut_off => TaskStatus::Cancelled,
        ActivationState::Pending if stopped => TaskStatus::Cancelled,
        ActivationState::Failed | ActivationState::Skipped if rejected => TaskStatus::Rejected,
        ActivationState::Pending => TaskStatus::Pending,
        ActivationState::Ready => TaskStatus::Queued,
        ActivationState::Running | ActivationState::Waiting | ActivationState::Blocked => {
            TaskStatus::Running
        }
        ActivationState::AwaitingHuman => TaskStatus::AwaitingApproval,
        ActivationState::Completed | ActivationState::Partial | ActivationState::Bypassed => {
            TaskStatus::Completed
        }
        ActivationState::Failed => TaskStatus::Failed,
        ActivationState::Skipped => TaskStatus::Skipped,
    }
}

impl PlanProgress {
    fn count(&mut self, status: TaskStatus) {
        self.total += 1;
        let counter = match status {
            TaskStatus::Completed | TaskStatus::Skipped => &mut self.completed,
            TaskStatus::Running | TaskStatus::AwaitingApproval => &mut self.running,
            TaskStatus::Pending | TaskStatus::Queued => &mut self.pending,
            TaskStatus::Failed | TaskStatus::Rejected | TaskStatus::Cancelled => &mut self.failed,
        };
        *counter += 1;
    }
}

pub(super) fn text_of(output: &Value) -> Option<String> {
    match output {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

pub(super) fn wanted_model(node: &Node) -> String {
    match &node.kind {
        NodeKind::Llm(settings) => settings.model.clone(),
        _ => None,
    }
    .unwrap_or_else(|| "default".to_owned())
}

/// What each node's models cost, over all its turns.
pub(super) fn costs<'e>(events: impl IntoIterator<Item = &'e Event>) -> HashMap<NodeId, Usage> {
    let mut nodes = HashMap::new();
    let mut costs: HashMap<NodeId, Usage> = HashMap::new();
    for event in events {
        let (activation, usage, counts) = match &event.body {
            EventBody::NodeStarted { activation, node, .. } => {
                nodes.insert(*activation, node.clone());
                continue;
            }
            EventBody::Spent { activation, usage } => (activation, usage, true),
            EventBody::NodeCompleted { activation, usage: Some(usage), counted, .. } => {
                (activation, usage, !counted)
            }
            _ => continue,
        };
        let Some(node) = nodes.get(activation) else { continue };
        let total = costs.entry(node.clone()).or_default();
        // Who wrote it: what was spent later on the same step was for scoring, or for another try.
        if total.model.is_empty() || !matches!(event.body, EventBody::Spent { .. }) {
            total.model.clone_from(&usage.model);
        }
        if counts {
            total.input_tokens = total.input_tokens.saturating_add(usage.input_tokens);
            total.output_tokens = total.output_tokens.saturating_add(usage.output_tokens);
            total.cost_micros = total.cost_micros.saturating_add(usage.cost_micros);
            total.unpriced |= usage.unpriced;
        }
    }
    costs
}

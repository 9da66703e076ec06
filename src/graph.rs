//! The graph: the only program form. Nodes with named ports, edges from a port to a node.
//!
//! A draft is allowed to be wrong: [`check`](crate::graph::check) returns problems, never an error.
//! Deliberately absent: what running means (that is [`crate::run`]) and file formats
//! ([`crate::format`]).

pub mod check;
pub mod compile;
mod contract;
mod edge;
mod edit;
mod kind;
pub mod layout;
mod node;
mod policy;
mod problem;
pub(crate) mod schema;

pub use check::{CheckContext, check, is_publishable};
pub use compile::{AnyTool, Catalogue, CompileError, CompiledGraph, ToolNames};
pub use contract::{
    CompletionCheck, ContextPolicy, Contract, ContractFailure, Deliverable, ToolPolicy,
};
pub use edge::Edge;
pub use edit::{EditRefusal, GraphEdit};
pub use kind::{
    ActionSettings, BranchCase, BranchSettings, ConditionSettings, EndSettings, HumanMode,
    HumanSettings, KindTag, LlmSettings, LoopSettings, Misfire, NodeKind, OutputFormat,
    ScheduleRule, SubworkflowSettings, TaskExecutor, TaskSettings, TriggerKind, TriggerSettings,
    WaitAlternative, WaitFor, WaitSettings, WaitUntil, WebhookAnswer, WebhookProof,
};
pub use node::{Node, Position};
pub use policy::{ApprovalTiming, FailurePolicy, FailureRule, Policy, RetryPolicy, ReviewPolicy};
pub use problem::{Problem, QuickFix, Severity};

use crate::id::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Limits of one graph; past them an import is refused with a coded problem.
pub const NODES_MAX: usize = 5_000;
/// Edges in one graph.
pub const EDGES_MAX: usize = 20_000;
/// Steps of an outbound plan, unless a server says otherwise.
pub const PLAN_STEPS_MAX: u32 = 500;

/// A workflow's program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Graph {
    /// The nodes, in the order people see in lists. Ids are unique in a checked graph.
    pub nodes: Vec<Node>,
    /// The edges, in order; the order decides nothing about running.
    pub edges: Vec<Edge>,
    /// JSON Schemas by name, which contracts refer to.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub schemas: Map<String, Value>,
    /// What holds for the whole workflow.
    #[serde(skip_serializing_if = "Settings::is_default")]
    pub settings: Settings,
    /// Where this graph was read from, so that it can be written back without loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What holds for a whole workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Settings {
    /// Variables every run starts with; values may be templates over the input.
    pub variables: Map<String, Value>,
    /// Encrypted secrets by name, as the visual-workflow document writes them.
    pub secrets: Map<String, Value>,
    /// Default retry policy of nodes that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Working time of a run after which it fails, in milliseconds (waits for people and timers do not count).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What ends a run early: looked at after every event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exits: Vec<ExitCondition>,
    /// How many runs may be on their way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<RunConcurrency>,
    /// Turns a while region may take before the run is blocked. 1,000 unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns_max: Option<u32>,
}

/// What ends a run early.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExitCondition {
    /// An expression; one that cannot be computed does not hold.
    pub when: String,
    /// The run's outcome; empty means `completed`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
}

/// How many runs with the same key may be on their way at once; the others wait their turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunConcurrency {
    /// A template over the input, such as `customer-{{input.customerId}}`.
    pub key: String,
    /// So many; 1 unless set.
    #[serde(default = "RunConcurrency::limit_default")]
    pub limit: u32,
}

impl RunConcurrency {
    fn limit_default() -> u32 {
        1
    }
}

impl Settings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The document a graph was imported from, kept whole so that export writes back what was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Origin {
    /// The format's name, as in [`crate::format::Format::name`].
    pub format: String,
    /// The document as it was read, key order kept.
    pub document: Value,
    /// The text it was read from, where that says more than the document: YAML, with its comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The document of our own that held this one, where that says more than the graph; without this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
}

impl Origin {
    /// A document that was read in a format.
    pub fn new(format: crate::format::Format, document: Value) -> Self {
        Self { format: format.name().to_owned(), document, text: None, ours: None }
    }
}

impl Graph {
    /// The node of this id.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The edges out of a node.
    pub fn edges_from<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = &'a Edge> {
        self.edges.iter().filter(move |edge| edge.from == *id)
    }

    /// The edges into a node.
    pub fn edges_into<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = &'a Edge> {
        self.edges.iter().filter(move |edge| edge.to == *id)
    }

    /// The trigger, if there is one.
    pub fn trigger(&self) -> Option<&Node> {
        self.nodes.iter().find(|node| matches!(node.kind, NodeKind::Trigger(_)))
    }
}

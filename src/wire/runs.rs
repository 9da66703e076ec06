//! Runs.

use crate::graph::Graph;
use crate::id::{ContactId, NodeId, RunId, WorkflowId};
use crate::run::{Event, ExecutionOptions, Hitl, Incompatible, RunPhase, RunStatus};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `POST /api/workflows/{id}/runs`; runs the newest version unless `version` is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunStart {
    /// The input.
    #[serde(default)]
    pub input: Value,
    /// The contacts the run is about.
    #[serde(default)]
    pub contacts: Vec<ContactId>,
    /// Shared model context.
    #[serde(default, alias = "threadId")]
    pub thread_id: Option<String>,
    /// A version; the newest unless given.
    #[serde(default)]
    pub version: Option<u32>,
    /// People in this run, as the DAG document has it: `{"requiredFor": ["analyze"], "confidenceThreshold": 0.85}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hitl: Option<Hitl>,
    /// The run as a whole: `{"timeoutMs": 300000, "dryRun": true}`.
    #[serde(default)]
    pub options: ExecutionOptions,
}

/// The answer to a started run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunStarted {
    /// The run.
    pub id: RunId,
    /// Its status right after the start.
    pub status: RunStatus,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// The workflow's name.
    pub workflow_name: String,
    /// The version it runs.
    pub version: u32,
    /// Its status.
    pub status: RunStatus,
    /// Who or what started it.
    pub started_by: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When something happened last.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The node it is at (the earliest that is not over); the document's `currentStepSlug`.
    pub current_node: Option<String>,
    /// That node's title, as its version has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_title: Option<String>,
    /// The names of its contacts.
    pub contacts: Vec<String>,
    /// The last event's number.
    pub seq: u64,
}

/// `GET /api/runs`. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunQuery {
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunPhase>,
    /// Only of this workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowId>,
    /// Only those that were started about this contact, or wrote it a message in one of their steps, whether it left
    /// or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// Only started at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DateTime<Utc>>,
    /// Only started before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DateTime<Utc>>,
    /// One to three words, 200 characters at most; each must occur in the workflow's name, who started it, the
    /// start of the input, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// 1 to 200; 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From an earlier page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// `GET /api/runs/{id}`: enough to fold the run in the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunDetail {
    /// The row.
    pub run: RunView,
    /// The graph of the version it runs.
    pub graph: Graph,
    /// Its variables now; for one that a step hides the text `(not shown)`.
    pub variables: Map<String, Value>,
    /// Its input.
    pub input: Value,
    /// Its output, when it has ended.
    pub output: Value,
    /// The newest events, oldest first; earlier ones by `GET /api/runs/{id}/events`.
    pub events: Vec<Event>,
    /// What the events up to its number `seq` add up to, as far as it is needed to fold on: `seq` is that of the event
    /// before the first of `events`, or of one of them. Null when `events` are all there are, and where it would be
    /// large; then fold from the first event on.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub state: Value,
    /// The newest version of its workflow; none when it is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_version: Option<u32>,
}

/// `GET /api/runs/{id}/events?after=N`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventsPage {
    /// The events after N, oldest first, 1,000 at most.
    pub events: Vec<Event>,
    /// More follow.
    pub more: bool,
}

/// `GET /api/runs/{id}/wait?timeout_ms=`: answers when the run ends, or needs a person, or the time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunWait {
    /// The run.
    pub run: RunView,
    /// Whether it has ended.
    pub ended: bool,
    /// Its output, when it has ended.
    pub output: Value,
}

/// `POST /api/runs/{id}/{pause|resume|stop}`, `POST /api/outbound/pause`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why, for the timeline or whoever reads of the pause.
    #[serde(default)]
    pub reason: String,
}

/// `POST /api/runs/{id}/retry`: a run that failed or was stopped goes on. What had failed or was cut off is done
/// again, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunRetry {
    /// The step that is meant; refused when it neither failed nor was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NodeId>,
}

/// `POST /api/runs/{id}/fork`: a run of its own with the first events of another one as its past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunFork {
    /// The last event that both share; where a step set variables with it, the step's end as well. What was under way
    /// there is begun anew.
    pub seq: u64,
    /// The version that it goes on in; unless given, the one that the other run was in at that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Another input. What steps computed from the old one stays as it was; variables that nothing but the start has
    /// set, and the place among the runs of a key, follow the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Variables with other values. A hidden one that is given as it is shown keeps its own.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
}

/// `POST /api/runs/{id}/migrate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunMigrate {
    /// The version that it goes on in.
    pub version: u32,
    /// Only look; nothing is changed.
    #[serde(default)]
    pub preview: bool,
}

/// What a migration did, or would meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RunMigration {
    /// Whether it happened.
    pub migrated: bool,
    /// Steps that are alive and have no place in the version; with any of them it does not happen.
    pub incompatible: Vec<Incompatible>,
    /// The run.
    pub run: RunView,
}

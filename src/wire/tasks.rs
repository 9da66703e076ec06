//! Tasks that outside workers take and report.

use crate::graph::TaskExecutor;
use crate::id::{CallId, NodeId, RunId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /api/tasks/claim`: gives tasks to a worker, and waits for the first one if it is asked to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TaskClaim {
    /// Kinds of tasks; none: all kinds.
    pub kinds: Vec<TaskExecutor>,
    /// Only tasks of these named queues, 8 at most; none: of any queue and of no queue.
    pub queues: Vec<String>,
    /// Who asks: gets the tasks that name it and those that name nobody. 1 to 100 characters.
    pub worker: String,
    /// How long the claim holds without a heartbeat, in milliseconds, 1,000 to 3,600,000; as the step says
    /// unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// How many tasks at most, 1 to 50; 1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How long to wait for the first one, in milliseconds; 60,000 at most, 0 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// What a worker got; empty when there was nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TasksClaimed {
    /// The most urgent first.
    pub tasks: Vec<ClaimedTask>,
}

/// A task that a worker has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClaimedTask {
    /// Its id, in the addresses of heartbeat and report.
    pub id: CallId,
    /// Shows that it is with this worker; heartbeats and reports give it back.
    pub claim: String,
    /// Until when without a heartbeat. After it the task goes to somebody else.
    pub lease_until: DateTime<Utc>,
    /// Of which run.
    pub run: RunId,
    /// Which step.
    pub node: NodeId,
    /// Which try, from 1.
    pub attempt: u32,
    /// What kind of worker it is for.
    pub kind: TaskExecutor,
    /// The queue that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The step's title.
    pub title: String,
    /// What is to be done.
    pub instructions: String,
    /// What it works on.
    pub input: Value,
    /// JSON Schema of the output; null: anything.
    pub output_schema: Value,
    /// What reviewers and checks said about earlier outputs, oldest first.
    pub feedback: Vec<String>,
}

/// `POST /api/tasks/{id}/heartbeat`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskBeat {
    /// As it was given with the task.
    pub claim: String,
    /// How long it holds from now on, in milliseconds, 1,000 to 3,600,000; as the step says unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
}

/// What a heartbeat gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskLease {
    /// Until when without another one.
    pub lease_until: DateTime<Utc>,
}

/// `POST /api/tasks/{id}/complete`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskComplete {
    /// As it was given with the task.
    pub claim: String,
    /// What the step gives; it must satisfy the task's schema.
    #[serde(default)]
    pub output: Value,
}

/// `POST /api/tasks/{id}/fail`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskFail {
    /// As it was given with the task.
    pub claim: String,
    /// Why, for people; 1 to 2,000 characters.
    pub message: String,
    /// Whether trying again may help; then the step's retry policy decides. True unless given.
    #[serde(default = "yes")]
    pub retry: bool,
}

fn yes() -> bool {
    true
}

/// `POST /api/tasks/{id}/release`: gives it back undone; somebody else may take it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskRelease {
    /// As it was given with the task.
    pub claim: String,
    /// Why, for the timeline.
    #[serde(default)]
    pub reason: String,
}

/// A report was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaskReported {
    /// The run that goes on with it.
    pub run: RunId,
}

//! Workflows: drafts, versions, import, starters.

use crate::graph::{Graph, PLAN_STEPS_MAX, Problem};
use crate::id::WorkflowId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkflowView {
    /// Its id.
    pub id: WorkflowId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The newest version; absent before the first publish.
    pub version: Option<u32>,
    /// The draft differs from the newest version.
    pub draft_changed: bool,
    /// How many nodes the draft has.
    pub nodes: u32,
    /// How it starts: `manual`, `webhook`, `schedule`, `event`.
    pub trigger: String,
    /// When the newest version's schedule starts the next run.
    #[serde(default)]
    pub next_run_at: Option<DateTime<Utc>>,
    /// Why the schedule or event that came last started no run; empty: it did.
    #[serde(default)]
    pub trigger_note: String,
    /// When the draft was changed last.
    pub updated_at: DateTime<Utc>,
    /// Its runs by phase, such as `{"Completed": 12}`.
    pub runs: std::collections::BTreeMap<String, u64>,
    /// Not offered any more.
    pub archived: bool,
    /// Words that people gave it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// It is there to be copied.
    #[serde(default)]
    pub template: bool,
}

/// `GET /api/workflows`. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkflowQuery {
    /// 1 to 200; 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// From an earlier page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Words to look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only templates, or only those that are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<bool>,
    /// Only those that are archived; only those that are not unless true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

/// `PATCH /api/workflows/{id}`; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkflowLabel {
    /// All its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Whether it is there to be copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<bool>,
}

/// `POST /api/workflows/{id}/copy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkflowCopy {
    /// The name; the other one's with “(copy)” unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `GET /api/workflows/{id}`; the `ETag` is `"<draft_revision>"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkflowDetail {
    /// The row.
    pub workflow: WorkflowView,
    /// The draft.
    pub graph: Graph,
    /// Counts the draft's changes.
    pub draft_revision: u64,
    /// What is wrong with the draft.
    pub problems: Vec<Problem>,
    /// The webhook's address, for a webhook trigger; only for callers who may start runs or edit workflows.
    pub hook_url: Option<String>,
    /// The versions, newest first.
    pub versions: Vec<VersionView>,
    /// Steps that an outbound plan may have on this server.
    #[serde(default = "plan_steps_default")]
    pub plan_steps_max: u32,
}

fn plan_steps_default() -> u32 {
    PLAN_STEPS_MAX
}

/// `GET /api/workflows/{id}/outcomes`: how its runs ended, the newest version first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutcomeCounts {
    /// One for each version and outcome; 1,000 at most.
    pub items: Vec<OutcomeCount>,
}

/// How many runs of a version completed with an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutcomeCount {
    /// The version.
    pub version: u32,
    /// The outcome.
    pub outcome: String,
    /// So many of the runs that are kept.
    pub count: u64,
}

/// `GET /api/workflows/{id}/export?report=true`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExportReport {
    /// The document; in YAML as text.
    pub document: Value,
    /// What the format cannot say: kept under `signalbox`, left behind (warnings), or lost (errors).
    pub problems: Vec<Problem>,
}

/// A version of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VersionView {
    /// 1, 2, 3 …
    pub number: u32,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// By whom.
    pub published_by: String,
    /// The publisher's note.
    pub note: String,
}

/// `POST /api/workflows/import`, and `POST /api/workflows` with `document` absent for an empty one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The document: a JSON value, or text in JSON or YAML.
    #[serde(default)]
    pub document: Value,
    /// A name; the document's own unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// Format; detected unless given.
    #[serde(default)]
    pub format: Option<String>,
}

/// What an import made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportOutcome {
    /// The new workflow.
    pub workflow: WorkflowView,
    /// The format that was detected.
    pub format: String,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// `PUT /api/workflows/{id}` with `If-Match`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DraftSave {
    /// The name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The whole draft.
    pub graph: Graph,
}

/// The answer to a saved draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DraftSaved {
    /// The new revision; also the `ETag`.
    pub draft_revision: u64,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// `POST /api/workflows/{id}/publish`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// A note for the versions' list.
    #[serde(default)]
    pub note: String,
    /// The draft that was looked at; refused when it has changed since.
    #[serde(default)]
    pub draft_revision: Option<u64>,
}

/// The answer to a publish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Published {
    /// The new version.
    pub version: u32,
    /// Warnings that did not stop it.
    pub problems: Vec<Problem>,
}

/// A starter of the gallery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StarterView {
    /// `POST /api/starters/{slug}` makes a workflow of it.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it does, in a sentence or two.
    pub description: String,
    /// The graph, for the preview.
    pub graph: Graph,
    /// An input to try it with.
    pub example_input: Value,
}

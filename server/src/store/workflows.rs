//! Workflows: the named definitions and their mutable drafts.

use super::{Store, StoreError, StoreResult, Tx, on_model, triggers, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    graph::Graph,
    id::{OrganizationId, WorkflowId},
};

/// Largest draft or version, in bytes of JSON.
pub const GRAPH_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A workflow with its draft.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// Without the draft.
    pub summary: WorkflowSummary,
    /// The draft graph; may be wrong.
    pub draft: Graph,
}

/// A workflow in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowSummary {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub id: WorkflowId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Rises with each save; the draft's ETag.
    pub draft_rev: i64,
    /// The newest version, if it was ever published.
    pub published_version: Option<u32>,
    /// Put away: not listed, cannot be started.
    pub archived: bool,
    /// Who made it, as people read it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the draft, the name or the description last changed.
    pub updated_at: DateTime<Utc>,
    /// What it is found by.
    pub labels: WorkflowLabels,
}

/// What a workflow is found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowLabels {
    /// Words that people gave it.
    pub tags: Vec<String>,
    /// It is there to be copied.
    pub is_template: bool,
}

/// A change of what a workflow is found by; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelChange {
    /// All its tags.
    pub tags: Option<Vec<String>>,
    /// Whether it is there to be copied.
    pub is_template: Option<bool>,
}

/// Which workflows to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowFilter {
    /// Those that are put away, and no others.
    pub archived: bool,
    /// Only templates, or only those that are none.
    pub is_template: Option<bool>,
}

/// A workflow to be made.
#[derive(Clone, Debug)]
pub struct NewWorkflow {
    /// Whose.
    pub organization: OrganizationId,
    /// A fresh id.
    pub id: WorkflowId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The first draft.
    pub draft: Graph,
    /// Who makes it, as people read it.
    pub created_by: String,
    /// What it is found by.
    pub labels: WorkflowLabels,
}

/// A change of a draft; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct DraftChange {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new graph.
    pub draft: Option<Graph>,
}

#[derive(sqlx::FromRow)]
struct Row {
    organization_id: uuid::Uuid,
    id: uuid::Uuid,
    name: String,
    description: String,
    draft_rev: i64,
    published_version: Option<i64>,
    archived: i64,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    tags: String,
    is_template: i64,
}

impl Row {
    fn summary(self) -> StoreResult<WorkflowSummary> {
        Ok(WorkflowSummary {
            organization: OrganizationId(self.organization_id),
            id: WorkflowId(self.id),
            name: self.name,
            description: self.description,
            draft_rev: self.draft_rev,
            published_version: self.published_version.map(value::small),
            archived: self.archived != 0,
            created_by: self.created_by,
            created_at: value::time(self.created_at, "workflows", "created_at")?,
            updated_at: value::time(self.updated_at, "workflows", "updated_at")?,
            labels: WorkflowLabels {
                tags: value::from_json(&self.tags, "workflows", "tags")?,
                is_template: self.is_template != 0,
            },
        })
    }
}

/// A graph as it is stored, refused when it is too large.
pub(super) fn graph_json(graph: &Graph) -> StoreResult<String> {
    let json = value::to_json(graph, "workflows", "draft")?;
    if json.len() > GRAPH_BYTES_MAX {
        let (size, limit) = (json.len(), GRAPH_BYTES_MAX);
        return Err(StoreError::TooLarge { what: "the workflow", size, limit });
    }
    Ok(json)
}

/// Makes a workflow with its first draft, revision 1.
pub async fn workflow_create(
    tx: &mut Tx,
    new: &NewWorkflow,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let draft = graph_json(&new.draft)?;
    let tags = value::to_json(&new.labels.tags, "workflows", "tags")?;
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO workflows (organization_id, id, name, description, draft, created_by, created_at, updated_at,
           tags, is_template)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)"
    )
    .bind(new.organization.0)
    .bind(new.id.0)
    .bind(&new.name)
    .bind(&new.description)
    .bind(draft)
    .bind(&new.created_by)
    .bind(value::ms(now))
    .bind(tags)
    .bind(i64::from(new.labels.is_template))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    feed(tx, new.organization, new.id, "created", now);
    Ok(())
}

/// Changes the draft if it is still at `expected_rev`; gives the new revision.
/// [`StoreError::Conflict`] when someone saved meanwhile.
pub async fn workflow_save(
    tx: &mut Tx,
    organization: OrganizationId,
    id: WorkflowId,
    expected_rev: i64,
    change: &DraftChange,
    now: DateTime<Utc>,
) -> StoreResult<i64> {
    let draft = change.draft.as_ref().map(graph_json).transpose()?;
    let rev: Option<i64> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "UPDATE workflows SET name = coalesce($4, name), description = coalesce($5, description),
           draft = coalesce($6, draft), draft_rev = draft_rev + 1, updated_at = $7
         WHERE organization_id = $1 AND id = $2 AND draft_rev = $3 RETURNING draft_rev"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(expected_rev)
    .bind(&change.name)
    .bind(&change.description)
    .bind(draft)
    .bind(value::ms(now))
    .fetch_optional(&mut *conn)
    .await
    })?;
    match rev {
        Some(rev) => {
            tx.seen.forget_name(organization, id);
            feed(tx, organization, id, "saved", now);
            Ok(rev)
        }
        None => Err(missing_or_changed(tx, organization, id).await?),
    }
}

/// Changes what a workflow is found by. What the change does not name is not written: somebody else may be changing it.
pub async fn workflow_label(
    tx: &mut Tx,
    organization: OrganizationId,
    id: WorkflowId,
    change: &LabelChange,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let tags = change.tags.as_ref().map(|tags| value::to_json(tags, "workflows", "tags"));
    let tags = tags.transpose()?;
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
            "UPDATE workflows SET tags = coalesce($3, tags), is_template = coalesce($4, is_template),
               updated_at = $5
             WHERE organization_id = $1 AND id = $2",
        )
        .bind(organization.0)
        .bind(id.0)
        .bind(tags)
        .bind(change.is_template.map(i64::from))
        .bind(value::ms(now))
        .execute(&mut *conn)
        .await
        .map(value::rows)
    })?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound { what: "workflow" });
    }
    feed(tx, organization, id, "labelled", now);
    Ok(())
}

/// Puts a workflow away, or takes it back. What is put away starts no runs by itself.
pub async fn workflow_set_archived(
    tx: &mut Tx,
    organization: OrganizationId,
    id: WorkflowId,
    archived: bool,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE workflows SET archived = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(i64::from(archived))
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound { what: "workflow" });
    }
    tx.catalogue_changed = true;
    triggers::pause(tx, organization, id, archived, now).await?;
    feed(tx, organization, id, if archived { "archived" } else { "restored" }, now);
    Ok(())
}

/// What a workflow is called; for the one writer, which remembers it.
pub(super) async fn name_of(
    tx: &mut Tx,
    organization: OrganizationId,
    id: WorkflowId,
) -> StoreResult<String> {
    if let Some(name) = tx.seen.name(organization, id) {
        return Ok(name.clone());
    }
    let name: String = on_tx!(tx, |conn| {
        sqlx::query_scalar("SELECT name FROM workflows WHERE organization_id = $1 AND id = $2")
            .bind(organization.0)
            .bind(id.0)
            .fetch_one(&mut *conn)
            .await
    })
    .map_err(StoreError::of("workflow"))?;
    tx.seen.note_name(organization, id, &name);
    Ok(name)
}

async fn missing_or_changed(
    tx: &mut Tx,
    organization: OrganizationId,
    id: WorkflowId,
) -> StoreResult<StoreError> {
    let exists: Option<i64> = on_tx!(tx, |conn| sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM workflows WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_optional(&mut *conn)
    .await)?;
    Ok(match exists {
        Some(_) => StoreError::Conflict { what: "the workflow's draft" },
        None => StoreError::NotFound { what: "workflow" },
    })
}

pub(super) fn feed(
    tx: &mut Tx,
    organization: OrganizationId,
    id: WorkflowId,
    change: &str,
    now: DateTime<Utc>,
) {
    tx.feed_append(organization, "workflow", id.0, serde_json::json!({ "change": change }), now);
}

/// A workflow with its draft.
pub async fn workflow_fetch(
    store: &Store,
    organization: OrganizationId,
    id: WorkflowId,
) -> StoreResult<Workflow> {
    #[derive(sqlx::FromRow)]
    struct WithDraft {
        #[sqlx(flatten)]
        row: Row,
        draft: String,
    }
    let found: WithDraft = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, id, name, description, draft, draft_rev, published_version, archived,
           created_by, created_at, updated_at, tags, is_template
         FROM workflows WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("workflow"))?;
    Ok(Workflow {
        draft: value::from_json(&found.draft, "workflows", "draft")?,
        summary: found.row.summary()?,
    })
}

/// A workflow without its draft: what a start needs, at no cost of the draft's size.
pub async fn workflow_summary(
    store: &Store,
    organization: OrganizationId,
    id: WorkflowId,
) -> StoreResult<WorkflowSummary> {
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, id, name, description, draft_rev, published_version, archived,
           created_by, created_at, updated_at, tags, is_template
         FROM workflows WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("workflow"))?;
    row.summary()
}

/// Workflows of an organisation, newest first, before `before` if given, at most `limit`.
pub async fn workflow_list(
    store: &Store,
    organization: OrganizationId,
    filter: &WorkflowFilter,
    before: Option<WorkflowId>,
    limit: u32,
) -> StoreResult<Vec<WorkflowSummary>> {
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(
        "SELECT organization_id, id, name, description, draft_rev, published_version, archived,
           created_by, created_at, updated_at, tags, is_template
         FROM workflows
         WHERE organization_id = $1 AND archived = $2 AND ($3 IS NULL OR id < $3)
           AND ($5 IS NULL OR is_template = $5)
         ORDER BY id DESC LIMIT $4"
    )
    .bind(organization.0)
    .bind(i64::from(filter.archived))
    .bind(before.map(|id| id.0))
    .bind(i64::from(limit))
    .bind(filter.is_template.map(i64::from))
    .fetch_all(pool)
    .await)?;
    rows.into_iter().map(Row::summary).collect()
}

/// The workflow of an id or name that is not archived, and its newest version. Of several with the name the oldest.
pub async fn workflow_named(
    store: &Store,
    organization: OrganizationId,
    wanted: &str,
) -> StoreResult<Option<(WorkflowId, Option<u32>)>> {
    on_model!(store, |node| node.workflow_named(wanted).await);
    let id = wanted.parse::<uuid::Uuid>().ok();
    let found: Option<(uuid::Uuid, Option<i64>)> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT id, published_version FROM workflows
         WHERE organization_id = $1 AND archived = 0 AND (id = $2 OR name = $3) ORDER BY id LIMIT 1"
    )
    .bind(organization.0)
    .bind(id)
    .bind(wanted)
    .fetch_optional(pool)
    .await
    })?;
    Ok(found.map(|(id, version)| (WorkflowId(id), version.map(value::small))))
}

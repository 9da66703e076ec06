//! Versions: immutable graphs that runs execute.

use super::{Store, StoreError, StoreResult, Tx, on_model, triggers, value, workflows};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    graph::Graph,
    id::{OrganizationId, WorkflowId},
};

/// A version with its graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Without the graph.
    pub summary: VersionSummary,
    /// What runs.
    pub graph: Graph,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionSummary {
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// 1, 2, 3 … within the workflow.
    pub number: u32,
    /// The draft it was made from.
    pub draft_rev: i64,
    /// What its publisher wrote.
    pub note: String,
    /// Who, as people read it.
    pub published_by: String,
    /// When.
    pub published_at: DateTime<Utc>,
}

/// A version to be made.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// The draft it was checked at; another one by now is a conflict.
    pub draft_rev: i64,
    /// The checked graph.
    pub graph: Graph,
    /// What its publisher wrote.
    pub note: String,
    /// Who, as people read it.
    pub published_by: String,
}

/// Publishes, and sets up what starts the version's runs: gives the new number. [`StoreError::Conflict`] when the draft changed meanwhile.
pub async fn version_publish(
    tx: &mut Tx,
    new: &NewVersion,
    now: DateTime<Utc>,
) -> StoreResult<u32> {
    let graph = workflows::graph_json(&new.graph)?;
    let number: Option<i64> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "UPDATE workflows SET published_version = coalesce(published_version, 0) + 1, updated_at = $4
         WHERE organization_id = $1 AND id = $2 AND draft_rev = $3 RETURNING published_version"
    )
    .bind(new.organization.0)
    .bind(new.workflow.0)
    .bind(new.draft_rev)
    .bind(value::ms(now))
    .fetch_optional(&mut *conn)
    .await
    })?;
    let number = number.ok_or(StoreError::Conflict { what: "the workflow's draft" })?;
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO versions (organization_id, workflow_id, number, graph, draft_rev, note, published_by, published_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    )
    .bind(new.organization.0)
    .bind(new.workflow.0)
    .bind(number)
    .bind(graph)
    .bind(new.draft_rev)
    .bind(&new.note)
    .bind(&new.published_by)
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    tx.catalogue_changed = true;
    triggers::set_up(tx, new, value::small(number), now).await?;
    workflows::feed(tx, new.organization, new.workflow, "published", now);
    Ok(value::small(number))
}

type Row = (uuid::Uuid, i64, i64, String, String, i64);

fn summary(row: Row) -> StoreResult<VersionSummary> {
    let (workflow, number, draft_rev, note, published_by, at) = row;
    Ok(VersionSummary {
        workflow: WorkflowId(workflow),
        number: value::small(number),
        draft_rev,
        note,
        published_by,
        published_at: value::time(at, "versions", "published_at")?,
    })
}

/// A version with its graph.
pub async fn version_fetch(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    number: u32,
) -> StoreResult<Version> {
    on_model!(store, |node| node.version_fetch(workflow, number).await);
    let (graph, draft_rev, note, by, at): (String, i64, String, String, i64) =
        on_db!(store, |pool| sqlx::query_as(
            "SELECT graph, draft_rev, note, published_by, published_at FROM versions
             WHERE organization_id = $1 AND workflow_id = $2 AND number = $3"
        )
        .bind(organization.0)
        .bind(workflow.0)
        .bind(i64::from(number))
        .fetch_one(pool)
        .await)
        .map_err(StoreError::of("version"))?;
    Ok(Version {
        graph: value::from_json(&graph, "versions", "graph")?,
        summary: summary((workflow.0, i64::from(number), draft_rev, note, by, at))?,
    })
}

/// Versions of a workflow, newest first, below `before` if given, at most `limit`.
pub async fn version_list(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    before: Option<u32>,
    limit: u32,
) -> StoreResult<Vec<VersionSummary>> {
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(
        "SELECT workflow_id, number, draft_rev, note, published_by, published_at FROM versions
         WHERE organization_id = $1 AND workflow_id = $2 AND ($3 IS NULL OR number < $3)
         ORDER BY number DESC LIMIT $4"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .bind(before.map(i64::from))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    rows.into_iter().map(summary).collect()
}

//! What a run is loaded from: its row, its newest checkpoint and where it belongs, in one look.
//!
//! Deliberately absent: its events, which are read in portions ([`events_after`](super::events_after)).

use super::{Run, Store, StoreError, StoreResult, on_model, runs::Row, value};
use crate::on_db;
use signalbox::{
    id::{OrganizationId, RunId, WorkflowId},
    run::EVENT_VERSION,
};

/// What a run is loaded from, besides its events.
#[derive(Clone, Debug)]
pub struct RunParts {
    /// Its row.
    pub run: Run,
    /// Its newest checkpoint, as [`checkpoint_fetch`].
    pub checkpoint: Option<(u64, Vec<u8>)>,
    /// The outermost workflow, when another run started it.
    pub root_workflow: Option<WorkflowId>,
}

#[derive(sqlx::FromRow)]
struct PartsRow {
    #[sqlx(flatten)]
    run: Row,
    checkpoint_seq: Option<i64>,
    checkpoint: Option<Vec<u8>>,
    root_workflow_id: Option<uuid::Uuid>,
}

/// What a run is loaded from, besides its events, in one look.
pub async fn run_parts(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<RunParts> {
    on_model!(store, |node| node.read(|tables| tables.run_parts(run)).await);
    let row: PartsRow = on_db!(store, |pool| sqlx::query_as(
        "SELECT r.*, c.seq AS checkpoint_seq, c.state AS checkpoint, l.root_workflow_id FROM runs r
         LEFT JOIN run_checkpoints c ON c.organization_id = r.organization_id AND c.run_id = r.id AND c.format = $3
         LEFT JOIN run_links l ON l.organization_id = r.organization_id AND l.run_id = r.id
         WHERE r.organization_id = $1 AND r.id = $2"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(i64::from(EVENT_VERSION))
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("run"))?;
    let checkpoint = row.checkpoint_seq.map(value::count).zip(row.checkpoint);
    let root_workflow = row.root_workflow_id.map(WorkflowId);
    Ok(RunParts { run: row.run.run()?, checkpoint, root_workflow })
}

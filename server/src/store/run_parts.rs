//! What a run is loaded from: its row, its newest checkpoint, the events next to it and where it belongs, in one look.
//!
//! Deliberately absent: further events, which are read in portions ([`events_after`](super::events_after)).

use super::{Run, Store, StoreError, StoreResult, events, on_model, runs::Row, value};
use crate::on_db;
use signalbox::{
    id::{OrganizationId, RunId, WorkflowId},
    run::{EVENT_VERSION, Event},
};

/// What a run is loaded from, besides most of its events.
#[derive(Clone, Debug)]
pub struct RunParts {
    /// Its row.
    pub run: Run,
    /// Its newest checkpoint, as [`checkpoint_fetch`].
    pub checkpoint: Option<(u64, Vec<u8>)>,
    /// The events of the first commit after the checkpoint, or of all; a short run has no others. None when they are large.
    pub events: Vec<Event>,
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
    block_format: Option<i64>,
    block: Option<Vec<u8>>,
}

/// What a run is loaded from, besides most of its events, in one look.
pub async fn run_parts(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<RunParts> {
    on_model!(store, |node| node.read(|tables| tables.run_parts(run)).await);
    let row: PartsRow = on_db!(store, |pool| sqlx::query_as(
        "SELECT r.*, c.seq AS checkpoint_seq, c.state AS checkpoint, l.root_workflow_id,
           e.format AS block_format, CASE WHEN e.payload IS NULL THEN e.events END AS block FROM runs r
         LEFT JOIN run_checkpoints c ON c.organization_id = r.organization_id AND c.run_id = r.id AND c.format = $3
         LEFT JOIN run_links l ON l.organization_id = r.organization_id AND l.run_id = r.id
         LEFT JOIN run_events e ON e.organization_id = r.organization_id AND e.run_id = r.id
           AND e.first_seq = coalesce(c.seq, 0) + 1
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
    let events = match row.block_format.zip(row.block) {
        // What cannot be read is read again with the others, which says why.
        Some((format, block)) => events::events_of_block(format, &block).unwrap_or_default(),
        None => vec![],
    };
    Ok(RunParts { run: row.run.run()?, checkpoint, events, root_workflow })
}

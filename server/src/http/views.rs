//! Rows of the store as the API and the live stream show them.

use crate::{
    app_state::AppState,
    store::{self, Approval, Run, Store, StoreError, StoreResult},
};
use signalbox::{
    id::{ApprovalId, OrganizationId, RunId, WorkflowId},
    wire::{ApprovalView, RunView},
};
use std::collections::HashMap;

/// Names of workflows that were looked up for one answer.
#[derive(Default)]
pub struct Names(HashMap<WorkflowId, String>);

impl Names {
    async fn workflow(
        &mut self,
        store: &Store,
        organization: OrganizationId,
        id: WorkflowId,
    ) -> StoreResult<String> {
        if let Some(name) = self.0.get(&id) {
            return Ok(name.clone());
        }
        let name = store::workflow_fetch(store, organization, id).await?.summary.name;
        self.0.insert(id, name.clone());
        Ok(name)
    }
}

/// A run of an organisation.
pub async fn run_view(
    store: &Store,
    organization: OrganizationId,
    id: RunId,
) -> StoreResult<RunView> {
    let run = store::run_fetch(store, organization, id).await?;
    run_row(store, &mut Names::default(), run).await
}

/// A run as lists show it.
pub async fn run_row(store: &Store, names: &mut Names, run: Run) -> StoreResult<RunView> {
    Ok(RunView {
        id: run.id,
        workflow: run.workflow,
        workflow_name: names.workflow(store, run.organization, run.workflow).await?,
        version: run.version,
        status: run.status,
        started_by: run.started_by,
        started_at: run.created_at,
        updated_at: run.updated_at,
        ended_at: run.ended_at,
        current_node: run.current_node,
        contacts: Vec::new(),
        seq: run.seq,
    })
}

/// An approval of an organisation; none when there is no such.
pub async fn approval_view(
    state: &AppState,
    organization: OrganizationId,
    id: ApprovalId,
) -> StoreResult<Option<ApprovalView>> {
    let store = state.store();
    match store::approval_fetch(store, organization, id).await {
        Ok(row) => approval_row(store, &mut Names::default(), row).await.map(Some),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An approval as the inbox lists it.
pub async fn approval_row(
    store: &Store,
    names: &mut Names,
    row: Approval,
) -> StoreResult<ApprovalView> {
    let request = row.request;
    let workflow = match request.run {
        Some(run) => {
            let run = store::run_fetch(store, request.organization, run).await?;
            let name = names.workflow(store, request.organization, run.workflow).await?;
            Some((run.workflow, name))
        }
        None => None,
    };
    Ok(ApprovalView {
        id: request.id,
        kind: request.kind,
        state: row.state,
        title: request.title,
        recipient: String::new(),
        excerpt: excerpt(&request.prompt),
        run: request.run,
        workflow,
        revision: row.revision,
        priority: request.priority,
        stale: false,
        created_at: row.created_at,
        expires_at: request.expires_at,
        decided_at: row.decided.as_ref().map(|decided| decided.at),
        decided_by: row.decided.map(|decided| decided.by),
        held_until: None,
        message_state: None,
    })
}

/// The beginning of a text.
fn excerpt(text: &str) -> String {
    text.chars().take(160).collect()
}

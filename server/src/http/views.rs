//! Rows of the store as the API and the live stream show them.

use crate::{
    app_state::AppState,
    store::{self, Run, Store, StoreError, StoreResult},
};
use signalbox::{
    id::{ApprovalId, OrganizationId, RunId, WorkflowId},
    run::{self, Event, EventBody, RunEnd, RunState},
    wire::{ApprovalView, RunView},
};
use std::collections::HashMap;

/// Contacts of a run that are named.
const CONTACTS_SHOWN: usize = 20;
/// Events read at once while a state is folded.
const EVENTS_PAGE: usize = 2_000;

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
        let name = store::workflow_summary(store, organization, id).await?.name;
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
    let ids = store::run_contacts(store, run.organization, run.id).await?;
    let mut contacts = Vec::with_capacity(ids.len());
    for id in ids.into_iter().take(CONTACTS_SHOWN) {
        match store::contact_fetch(store, run.organization, id).await {
            Ok(contact) => contacts.push(contact.name),
            Err(StoreError::NotFound { .. }) => contacts.push("deleted contact".to_owned()),
            Err(error) => return Err(error),
        }
    }
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
        current_title: None,
        contacts,
        seq: run.seq,
    })
}

/// Adds the title of the step that a run is at. Without it the step's id is shown.
pub async fn add_title(state: &AppState, organization: OrganizationId, run: &mut RunView) {
    let Some(node) = &run.current_node else { return };
    run.current_title =
        state.engine().step_title(organization, run.workflow, run.version, node).await;
}

/// An approval of an organisation; none when there is no such.
pub async fn approval_view(
    state: &AppState,
    organization: OrganizationId,
    id: ApprovalId,
) -> StoreResult<Option<ApprovalView>> {
    match state.gate().approval_view(organization, id).await {
        Ok(view) => Ok(Some(view)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How a run ended: its last event says so, unless something was noted after it.
pub async fn run_end(
    store: &Store,
    organization: OrganizationId,
    id: RunId,
) -> StoreResult<Option<RunEnd>> {
    let seq = store::run_fetch(store, organization, id).await?.seq;
    let last = store::events_after(store, organization, id, seq.saturating_sub(1), 1).await?.0;
    match last.into_iter().next().map(|event| event.body) {
        Some(EventBody::RunEnded { end }) => Ok(Some(end)),
        _ => Ok(run_state(store, organization, id).await?.end),
    }
}

/// Events of a run as they are shown: [`store::events_after`] without the values that its steps hide.
pub async fn run_events(
    store: &Store,
    organization: OrganizationId,
    id: RunId,
    after: u64,
    limit: usize,
) -> StoreResult<(Vec<Event>, bool)> {
    let (mut events, more) = store::events_after(store, organization, id, after, limit).await?;
    events.iter_mut().for_each(run::hide_in_event);
    Ok((events, more))
}

/// A run's state, folded from its newest checkpoint and the events after it.
pub async fn run_state(
    store: &Store,
    organization: OrganizationId,
    id: RunId,
) -> StoreResult<RunState> {
    let mut state = at_checkpoint(store, organization, id).await?;
    fold_on(store, organization, &mut state, u64::MAX).await?;
    Ok(state)
}

/// A run's newest events, and the states around them.
pub struct Newest {
    /// The state before the first of them, or at a checkpoint among them: whichever is later. Nothing but the newest
    /// checkpoint is kept, and folding all that was before it would take as long as the run is.
    pub early: RunState,
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The state now.
    pub now: RunState,
}

/// The newest events of a run that is at `seq`, so many at most, and the states around them, without the values that
/// its steps hide.
pub async fn run_newest(
    store: &Store,
    organization: OrganizationId,
    id: RunId,
    seq: u64,
    most: usize,
) -> StoreResult<Newest> {
    let mut early = at_checkpoint(store, organization, id).await?;
    // The run may have moved on between the two looks.
    let before = seq.max(early.seq).saturating_sub(most as u64);
    fold_on(store, organization, &mut early, before).await?;
    let (mut events, more) = store::events_after(store, organization, id, before, most).await?;
    let mut now = early.clone();
    events.iter().for_each(|event| run::apply(&mut now, event));
    if more {
        fold_on(store, organization, &mut now, u64::MAX).await?;
    }
    for state in [&mut early, &mut now] {
        run::hide_in_variables(&mut state.variables, &state.hidden);
    }
    events.iter_mut().for_each(run::hide_in_event);
    Ok(Newest { early, events, now })
}

async fn at_checkpoint(
    store: &Store,
    organization: OrganizationId,
    id: RunId,
) -> StoreResult<RunState> {
    let kept = store::checkpoint_fetch(store, organization, id).await?;
    // A checkpoint that cannot be read is only a shortcut lost.
    let kept = kept.and_then(|(_, bytes)| serde_json::from_slice::<RunState>(&bytes).ok());
    Ok(kept.unwrap_or_else(|| RunState::new(id)))
}

/// Applies what happened after a state, up to an event or to the end.
async fn fold_on(
    store: &Store,
    organization: OrganizationId,
    state: &mut RunState,
    until: u64,
) -> StoreResult<()> {
    while state.seq < until {
        let wanted = usize::try_from(until - state.seq).map_or(EVENTS_PAGE, |n| n.min(EVENTS_PAGE));
        let (events, more) =
            store::events_after(store, organization, state.run, state.seq, wanted).await?;
        events.iter().for_each(|event| run::apply(state, event));
        if !more || events.is_empty() {
            break;
        }
    }
    Ok(())
}

//! Loading a run: the newest checkpoint, and the events after it.

use super::{EngineError, Inner, cells::Live};
use crate::store::{self, Run, RunParts, StoreError};
use futures::FutureExt;
use signalbox::{
    id::{OrganizationId, RunId, WorkflowId},
    run::{self, Context, RunState},
};

/// Events read at once while a state is rebuilt.
const PAGE: usize = 2_000;

impl Inner {
    /// A run's state as it is on disk. One that cannot be read is set aside, so that it does not
    /// come up again and again; the others go on.
    pub(super) async fn load(
        &self,
        organization: OrganizationId,
        run: RunId,
    ) -> Result<Live, EngineError> {
        let mut parts = store::run_parts(&self.store, organization, run).await?;
        let loaded = loop {
            if parts.run.quarantined {
                return Err(EngineError::Quarantined("it was set aside before".into()));
            }
            let loaded = self.load_parts(&parts).await;
            if !matches!(&loaded, Ok(live) if live.state.seq > parts.run.seq) {
                break loaded;
            }
            // It moved on between the row and the journal, perhaps into another version.
            let fresh = store::run_parts(&self.store, organization, run).await?;
            if fresh.run.version == parts.run.version {
                break loaded;
            }
            parts = fresh;
        };
        match loaded {
            Ok(live) => Ok(live),
            Err(EngineError::Store(error @ StoreError::Corrupt { .. })) => {
                self.quarantine(&parts.run, error.to_string()).await
            }
            Err(error @ EngineError::Graph(_)) => {
                self.quarantine(&parts.run, error.to_string()).await
            }
            Err(other) => Err(other),
        }
    }

    async fn load_parts(&self, parts: &RunParts) -> Result<Live, EngineError> {
        let RunParts { run: row, checkpoint, events, root_workflow } = parts;
        let (organization, run) = (row.organization, row.id);
        let graph = self.version(organization, row.workflow, row.version).await?;
        let mut context = self.context(organization, row.workflow).await;
        let (mut state, checkpoint_seq) = from_checkpoint(run, checkpoint.as_ref());
        if events.first().is_some_and(|first| first.seq == state.seq + 1) {
            store::events_check_dense(events, state.seq)?;
            events.iter().for_each(|event| run::apply(&mut state, event));
        }
        while state.seq < row.seq {
            let (events, more) =
                store::events_after(&self.store, organization, run, state.seq, PAGE).await?;
            store::events_check_dense(&events, state.seq)?;
            for event in &events {
                run::apply(&mut state, event);
            }
            if !more {
                break;
            }
        }
        if state.seq < row.seq {
            return Err(EngineError::Store(StoreError::Corrupt {
                table: "run_events",
                column: "events",
                detail: format!("the journal ends at {} and the run at {}", state.seq, row.seq),
            }));
        }
        context.root_workflow_id = *root_workflow;
        Ok(Live::new(state, graph, context, row.workflow, checkpoint_seq))
    }

    pub(super) async fn context(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
    ) -> Context {
        Context {
            organization_id: organization,
            workflow_id: workflow,
            root_workflow_id: None,
            zone: self.config.organizations.zone(organization).await,
        }
    }

    async fn quarantine(&self, row: &Run, detail: String) -> Result<Live, EngineError> {
        self.set_aside(row.organization, row.id, &detail).await?;
        Err(EngineError::Quarantined(detail))
    }

    /// Takes a run out of circulation, with the reason where people see it.
    pub(super) async fn set_aside(
        &self,
        organization: OrganizationId,
        run: RunId,
        detail: &str,
    ) -> Result<(), EngineError> {
        tracing::error!(%run, detail, "a run is set aside");
        let reason = format!(
            "This run cannot be read: {detail}. It was set aside and touches nothing. Restore it from a \
             backup or start it anew; after an update of Signalbox, resume it."
        );
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                async move { store::run_quarantine(tx, organization, run, &reason, now).await }
                    .boxed()
            })
            .await?;
        Ok(())
    }
}

/// The state of the newest checkpoint, or before the first event. One that cannot be read is only a
/// shortcut lost: the journal is the truth.
fn from_checkpoint(run: RunId, found: Option<&(u64, Vec<u8>)>) -> (RunState, u64) {
    let read = found.map(|(seq, bytes)| (*seq, serde_json::from_slice::<RunState>(bytes)));
    match read {
        Some((seq, Ok(state))) if state.seq == seq && state.run == run => (state, seq),
        Some(_) => {
            tracing::warn!(%run, "a checkpoint cannot be read; the journal is replayed");
            (RunState::new(run), 0)
        }
        None => (RunState::new(run), 0),
    }
}

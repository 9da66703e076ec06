//! Starting runs: the first decision and the run's row are one commit.

use super::{
    EngineError, EngineHandle, Inner,
    cells::Live,
    commit::{self, Place},
    making::Looks,
};
use crate::{
    store::{self, NewRun, RunLink, StoreError, StoreResult, Tx},
    telemetry,
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use signalbox::{
    id::{ContactId, OrganizationId, RunId, WorkflowId},
    run::{Command, RunEnd, RunOptions, RunState, RunStatus},
};
use std::sync::Arc;
use tracing::{Instrument, Span, debug_span};

/// How a run is started.
#[derive(Clone, Debug, Default)]
pub struct StartRun {
    /// The input.
    pub input: Value,
    /// The contacts it is about.
    pub contacts: Vec<ContactId>,
    /// Shared model context.
    pub thread_id: Option<String>,
    /// By whom or what: `manual`, `webhook`, `api`, `cli`, a person's name.
    pub started_by: String,
    /// The same key of the same organisation finds the same run instead of making another.
    pub idempotency_key: Option<String>,
    /// The call of another run that waits for it. Its `run` is set here.
    pub link: Option<RunLink>,
    /// What it is told beside its input.
    pub options: RunOptions,
}

/// A run that was started.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// Which.
    pub run: RunId,
    /// Its status after its first commit; steps that need nobody are done by then.
    pub status: RunStatus,
    /// How it ended, if it ended with its first commit.
    pub end: Option<RunEnd>,
    /// False: the idempotency key found a run that was there.
    pub created: bool,
}

/// Writes that ride in the transaction that starts a run, before the run's own.
pub type StartOp =
    Box<dyn for<'t> FnOnce(&'t mut Tx, RunId) -> BoxFuture<'t, StoreResult<()>> + Send>;

impl EngineHandle {
    /// Starts a run of a version. It is on disk when this answers, and goes on even if the caller
    /// goes away.
    pub async fn start_run(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
        version: u32,
        start: StartRun,
    ) -> Result<Started, EngineError> {
        self.start_in_task(organization, workflow, version, start, None).await
    }

    /// Starts a run with writes in the same transaction. If they fail there is no run. They are not made
    /// when the idempotency key finds a run that is there ([`Started::created`]).
    pub async fn start_run_with(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
        version: u32,
        start: StartRun,
        extra: StartOp,
    ) -> Result<Started, EngineError> {
        self.start_in_task(organization, workflow, version, start, Some(extra)).await
    }

    async fn start_in_task(
        &self,
        organization: OrganizationId,
        workflow: WorkflowId,
        version: u32,
        start: StartRun,
        extra: Option<StartOp>,
    ) -> Result<Started, EngineError> {
        if self.inner.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let inner = self.inner.clone();
        let busy = inner.activity.enter();
        let starting = async move {
            let started = inner.start_run(organization, workflow, version, start, extra).await;
            drop(busy);
            started
        };
        let task = self.inner.tasks.spawn(starting.in_current_span());
        task.await.unwrap_or(Err(EngineError::Stopping))
    }
}

impl Inner {
    pub(super) async fn start_run(
        self: &Arc<Self>,
        organization: OrganizationId,
        workflow: WorkflowId,
        version: u32,
        start: StartRun,
        extra: Option<StartOp>,
    ) -> Result<Started, EngineError> {
        if let Some(found) = self.started_before(organization, &start).await? {
            return Ok(found);
        }
        // A run that a running one waits for is part of it, and may finish.
        if let Some(space) = self.store.no_room().filter(|_| start.link.is_none()) {
            return Err(EngineError::NoRoom { free_bytes: space.free_bytes });
        }
        let run = RunId(self.store.fresh_id());
        let graph = self.version(organization, workflow, version).await?;
        let mut context = self.context(organization, workflow).await;
        let link = start.link.map(|link| RunLink { run, ..link });
        if let Some(link) = link {
            context.root_workflow_id = Some(link.root_workflow);
        }
        let mut live = Live::new(RunState::new(run), graph, context, workflow, 0);
        let place = Place { organization, run, expected_seq: 0, now: self.clock.now() };
        let command = Command::Start {
            input: start.input.clone(),
            contacts: start.contacts.clone(),
            thread_id: start.thread_id.clone(),
            started_by: start.started_by.clone(),
            options: Box::new(start.options.clone()),
        };
        let span = debug_span!(parent: None, "command", otel.name = command.name(), %run);
        let span = telemetry::of_run(span, run); // until this function is left
        telemetry::link_to(&span, &Span::current());
        let advance = self.advance(place, &mut live, &command).await?;
        let plan = commit::plan(place, &mut live, &advance, &command, self.executor.as_ref())?;
        let new = NewRun {
            version,
            started_by: start.started_by.clone(),
            thread_id: start.thread_id.clone(),
            idempotency_key: start.idempotency_key.clone(),
            contacts: start.contacts.clone(),
            input: start.input.clone(),
        };
        let first = plan.commit.clone();
        let written = self
            .store
            .write(move |tx| {
                async move {
                    if let Some(extra) = extra {
                        extra(tx, run).await?;
                    }
                    if let Some(link) = link {
                        store::link_insert(tx, &link).await?;
                    }
                    store::run_insert(tx, &new, &first).await
                }
                .boxed()
            })
            .await;
        match written {
            Ok(()) => {}
            Err(StoreError::Conflict { what }) => {
                let found = self.started_before(organization, &start).await?;
                let full = what == store::RUN_QUEUE_FULL;
                let what = if full { what } else { "the run" };
                return found.ok_or_else(|| StoreError::Conflict { what }.into());
            }
            Err(error) => return Err(error.into()),
        }
        let (status, end) = (live.state.status(), live.state.end.clone());
        let waits = !live.waits.is_empty();
        live.note_written(&plan.commit);
        if !live.is_at_rest() {
            // Kept before the world is asked, so that the first answer finds it.
            self.cells.put(organization, run, live);
        }
        self.committed(workflow, waits, plan, advance, Looks::none());
        Ok(Started { run, status, end, created: true })
    }

    async fn started_before(
        &self,
        organization: OrganizationId,
        start: &StartRun,
    ) -> Result<Option<Started>, EngineError> {
        let Some(key) = &start.idempotency_key else { return Ok(None) };
        let found = store::run_by_key(&self.store, organization, key).await?;
        Ok(found.map(|row| Started { run: row.id, status: row.status, end: None, created: false }))
    }
}

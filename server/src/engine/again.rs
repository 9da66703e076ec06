//! Doing again and elsewhere: forks of runs, and runs that go on in another version. Each is one commit.
//!
//! Deliberately absent: what it means for a run (the domain), and retries, which are a command like any other.

use super::{
    EngineError, EngineHandle, Inner, Outcome, Started, WriteOp,
    cells::Live,
    command::{TRIES_MAX, outcome},
    commit::{self, Place},
    making::Looks,
};
use crate::store::{self, NewRun, Run, StoreError};
use futures::FutureExt;
use serde_json::Value;
use signalbox::{
    id::{OrganizationId, RunId},
    run::{self, Command, Event, ForkEdits, ForkPast, ForkRefusal, Incompatible, MigrationRefusal},
};
use std::sync::Arc;

/// Events read at once.
const PAGE: usize = 2_000;

/// A fork that is wanted.
#[derive(Clone, Debug, Default)]
pub struct ForkRun {
    /// The last event that it shares with the other run.
    pub up_to: u64,
    /// The version that it goes on in; the one that the other run was in at that event when absent.
    pub version: Option<u32>,
    /// What is different.
    pub edits: ForkEdits,
    /// By whom.
    pub by: String,
    /// The same key of the same organisation finds the same run instead of making another.
    pub idempotency_key: Option<String>,
}

impl From<ForkRefusal> for EngineError {
    fn from(refusal: ForkRefusal) -> Self {
        match refusal {
            ForkRefusal::Incompatible(steps) => Self::Incompatible(steps),
            ForkRefusal::Input(_) => Self::NoFork { field: "input", why: refusal.to_string() },
            other => Self::NoFork { field: "seq", why: other.to_string() },
        }
    }
}

impl EngineHandle {
    /// Makes a run of the first events of another one. It is on disk when this answers.
    pub async fn fork_run(
        &self,
        organization: OrganizationId,
        from: RunId,
        fork: ForkRun,
    ) -> Result<Started, EngineError> {
        self.in_own_task(move |inner| async move { inner.fork(organization, from, fork).await })
            .await
    }

    /// Lets a run go on in another version of its workflow. It is on disk when this answers.
    pub async fn migrate_run(
        &self,
        organization: OrganizationId,
        run: RunId,
        version: u32,
        by: &str,
    ) -> Result<Outcome, EngineError> {
        let by = by.to_owned();
        self.in_own_task(move |inner| async move {
            inner.migrate(organization, run, version, &by).await
        })
        .await
    }

    /// Which of a run's steps could not go on in another version; nothing is changed.
    pub async fn migration_preview(
        &self,
        organization: OrganizationId,
        run: RunId,
        version: u32,
    ) -> Result<Vec<Incompatible>, EngineError> {
        let live = self.inner.load(organization, run).await?;
        let new = self.inner.version(organization, live.workflow, version).await?;
        Ok(run::migration_preview(&live.graph, &new, &live.state))
    }

    /// Work that is finished even if the caller goes away.
    async fn in_own_task<T, F>(
        &self,
        work: impl FnOnce(Arc<Inner>) -> F + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        if self.inner.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let busy = self.inner.activity.enter();
        let work = work(self.inner.clone());
        let task = self.inner.tasks.spawn(async move {
            let done = work.await;
            drop(busy);
            done
        });
        task.await.unwrap_or(Err(EngineError::Stopping))
    }
}

impl Inner {
    async fn fork(
        self: &Arc<Self>,
        organization: OrganizationId,
        from: RunId,
        fork: ForkRun,
    ) -> Result<Started, EngineError> {
        if let Some(found) = self.forked_before(organization, &fork).await? {
            return Ok(found);
        }
        if let Some(space) = self.store.no_room() {
            return Err(EngineError::NoRoom { free_bytes: space.free_bytes });
        }
        let source = store::run_fetch(&self.store, organization, from).await?;
        let events = self.all_events(organization, from).await?;
        // It may have gone on in another version since.
        let then = run::version_at(&events, fork.up_to, source.version);
        let version = fork.version.unwrap_or(then);
        let old = self.version(organization, source.workflow, then).await?;
        let new = self.version(organization, source.workflow, version).await?;
        let context = self.context(organization, source.workflow).await;
        let (id, now) = (RunId(self.store.fresh_id()), self.clock.now());
        let (events, up_to, versions) = (events.as_slice(), fork.up_to, (then, version));
        let past = ForkPast { run: from, events, up_to, versions };
        let graphs = (&*old, &*new);
        let made = run::fork(graphs, &context, past, id, &fork.edits, &fork.by, now)?;
        let mut live = Live::new(made.state, new, context, source.workflow, 0);
        let place = Place { organization, run: id, expected_seq: 0, now };
        let executor = self.executor.as_ref();
        let plan = commit::plan_of(
            place,
            &mut live,
            &made.advance,
            &made.journal,
            &Command::Continue,
            executor,
        )?;
        let row = self.row_of_fork(&source, version, &fork, live.state.input.clone()).await?;
        let first = plan.commit.clone();
        let write = self
            .store
            .write(move |tx| async move { store::run_insert(tx, &row, &first).await }.boxed());
        match write.await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => {
                let found = self.forked_before(organization, &fork).await?;
                return found.ok_or_else(|| StoreError::Conflict { what: "the run" }.into());
            }
            Err(error) => return Err(error.into()),
        }
        let status = live.state.status();
        let waits = !live.waits.is_empty();
        live.note_written(&plan.commit);
        if !live.is_at_rest() {
            self.cells.put(organization, id, live);
        }
        self.committed(source.workflow, waits, plan, made.advance, Looks::none());
        Ok(Started { run: id, status, end: None, created: true })
    }

    async fn row_of_fork(
        &self,
        source: &Run,
        version: u32,
        fork: &ForkRun,
        input: Value,
    ) -> Result<NewRun, EngineError> {
        Ok(NewRun {
            version,
            started_by: fork.by.clone(),
            thread_id: source.thread_id.clone(),
            idempotency_key: fork.idempotency_key.clone(),
            contacts: store::run_contacts(&self.store, source.organization, source.id).await?,
            input,
        })
    }

    async fn forked_before(
        &self,
        organization: OrganizationId,
        fork: &ForkRun,
    ) -> Result<Option<Started>, EngineError> {
        let Some(key) = &fork.idempotency_key else { return Ok(None) };
        let found = store::run_by_key(&self.store, organization, key).await?;
        Ok(found.map(|row| Started { run: row.id, status: row.status, end: None, created: false }))
    }

    /// A run's whole journal, which the domain bounds.
    async fn all_events(
        &self,
        organization: OrganizationId,
        run: RunId,
    ) -> Result<Vec<Event>, EngineError> {
        let mut all: Vec<Event> = vec![];
        loop {
            let after = all.last().map_or(0, |event| event.seq);
            let (mut events, more) =
                store::events_after(&self.store, organization, run, after, PAGE).await?;
            store::events_check_dense(&events, after)?;
            let is_last = !more || events.is_empty();
            all.append(&mut events);
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn migrate(
        self: &Arc<Self>,
        organization: OrganizationId,
        run: RunId,
        to: u32,
        by: &str,
    ) -> Result<Outcome, EngineError> {
        let cell = self.cells.get(organization, run);
        let mut slot = cell.live.lock().await;
        for _ in 0..TRIES_MAX {
            // Read anew: which version it runs stands in its row.
            *slot = None;
            let row = store::run_fetch(&self.store, organization, run).await?;
            let mut live = self.load(organization, run).await?;
            if live.state.seq != row.seq {
                continue; // it moved on in between
            }
            if let Some(outcome) = self.try_migrate(&mut live, &row, to, by).await? {
                if !live.is_at_rest() {
                    *slot = Some(live);
                }
                return Ok(outcome);
            }
        }
        Err(StoreError::Conflict { what: "the run" }.into())
    }

    /// `None`: the run moved on meanwhile.
    async fn try_migrate(
        self: &Arc<Self>,
        live: &mut Live,
        row: &Run,
        to: u32,
        by: &str,
    ) -> Result<Option<Outcome>, EngineError> {
        let (organization, run) = (row.organization, row.id);
        let (expected_seq, now) = (live.state.seq, self.clock.now());
        let place = Place { organization, run, expected_seq, now };
        let old = std::mem::replace(
            &mut live.graph,
            self.version(organization, live.workflow, to).await?,
        );
        let versions = (row.version, to);
        let Live { graph, context, state, .. } = &mut *live;
        let moved = run::migrate(&old, graph, context, state, versions, by, now);
        let advance = moved.map_err(|refusal| match refusal {
            MigrationRefusal::Refused(refusal) => EngineError::Refused(refusal),
            MigrationRefusal::Incompatible(steps) => EngineError::Incompatible(steps),
        })?;
        let executor = self.executor.as_ref();
        let mut plan = commit::plan(place, live, &advance, &Command::Continue, executor)?;
        plan.assume_nothing();
        let version: WriteOp = Box::new(move |tx| {
            async move { store::run_version_set(tx, organization, run, to).await }.boxed()
        });
        if let Err(failed) = self.write(&plan, Some(version.into())).await {
            return if failed.fenced { Ok(None) } else { Err(failed.error.into()) };
        }
        let events = advance.events.len();
        live.note_written(&plan.commit);
        self.committed(live.workflow, !live.waits.is_empty(), plan, advance, Looks::none());
        Ok(Some(outcome(live, events)))
    }
}

//! Runs that wait for one another: a run that a call of another one starts, and runs that take turns.
//!
//! What is to be done is in rows that the commits of the runs write, so that nothing is forgotten over a crash: the
//! watch and the next start read them again. Deliberately absent: what it means for the runs (the domain).

use super::{EngineError, Inner, StartOp, StartRun, WriteOp, calls::Made};
use crate::store::{self, CallState, LinkState, OpenCall, RunLink, StoreError};
use futures::FutureExt;
use serde_json::json;
use signalbox::{
    id::{CallId, OrganizationId, RunId, WorkflowId},
    run::{
        ActivationState, CallRequest, Command, ErrorKind, RunEnd, RunRequest, StepError, by_run,
    },
};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Runs around a run, at most.
const DEPTH_MAX: u32 = 16;
/// Rows read at once.
const BATCH: u32 = 256;
/// How often a run is told to stop in one go. The watch comes again, and others are to be seen to.
const TOLD_TIMES_MAX: usize = 3;

/// Calls of a run whose time limit was over, with the attempt that still waits and the reason.
type Late = HashMap<CallId, (Option<u32>, String)>;
/// The same of several runs, each of which is read once.
type Limits = HashMap<(OrganizationId, RunId), Late>;

/// Who looks for what is to be done.
#[derive(Default)]
pub(super) struct Others {
    /// Somebody looks already.
    looking: AtomicBool,
    /// Something came up meanwhile.
    again: AtomicBool,
}

impl Inner {
    /// Starts the run that a call asks for, once; its end is the call's result. What to tell the run when it cannot
    /// be started. Where the call's queue is full of runs it stands there until one of them is over; one that is `fresh`
    /// also behind those that stand there.
    pub(super) async fn start_child(self: &Arc<Self>, call: &OpenCall, fresh: bool) -> Made {
        let CallRequest::Run(request) = &call.request else { return Made::Over };
        match self.start_linked(call, request, fresh).await {
            Ok(true) => {
                self.see_to_others();
                Made::Over
            }
            Ok(false) => self.stand(call).await,
            Err(error) => Made::Tell(Command::CallFailed {
                call: call.call,
                attempt: call.attempt,
                error,
                retry_after_ms: None,
            }),
        }
    }

    /// The call waits for a place in its queue.
    async fn stand(&self, call: &OpenCall) -> Made {
        let (organization, run, attempt) = (call.organization, call.run, (call.call, call.attempt));
        let stands = self.store.write(move |tx| {
            async move {
                store::call_leave(tx, organization, run, attempt, CallState::Waiting).await
            }
            .boxed()
        });
        match stands.await {
            Ok(()) => Made::Stands,
            Err(error) => {
                tracing::warn!(%run, %error, "a call cannot wait for its queue; the watch tries again");
                Made::Over
            }
        }
    }

    /// What looks, in the transaction that starts a run for a call, whether the call's queue has a place for it; none
    /// where it needs none. An error: it is not known how many places there are.
    async fn place_for(&self, call: &OpenCall, fresh: bool) -> Result<Option<StartOp>, String> {
        let Some(queue) = call.route.queue.clone() else { return Ok(None) };
        let (organization, parent) = (call.organization, call.run);
        let limits = self.config.organizations.queues(organization).await?;
        let Some(places) = limits.0.get(&queue).map(|limit| limit.concurrency) else {
            return Ok(None);
        };
        let place: StartOp = Box::new(move |tx, _| {
            async move {
                match store::run_queue_has_room(tx, organization, parent, &queue, places, fresh)
                    .await?
                {
                    true => Ok(()),
                    false => Err(StoreError::Conflict { what: store::RUN_QUEUE_FULL }),
                }
            }
            .boxed()
        });
        Ok(Some(place))
    }

    /// Whether it was started; if not, its queue is full.
    async fn start_linked(
        self: &Arc<Self>,
        call: &OpenCall,
        request: &RunRequest,
        fresh: bool,
    ) -> Result<bool, StepError> {
        let organization = call.organization;
        let (workflow, version) = self.workflow_of(organization, request).await?;
        let place = match self.place_for(call, fresh).await {
            Ok(place) => place,
            Err(error) => {
                tracing::warn!(%organization, error, "limits of queues cannot be read; its run waits");
                return Ok(false);
            }
        };
        let around =
            store::link_fetch(&self.store, organization, call.run).await.map_err(broken)?;
        let parent = store::run_fetch(&self.store, organization, call.run).await.map_err(broken)?;
        let depth = around.map_or(0, |link| link.depth) + 1;
        if depth > DEPTH_MAX {
            let message = format!(
                "Workflows that start one another are nested {DEPTH_MAX} deep at most. Look whether it starts itself."
            );
            return Err(StepError::new(ErrorKind::LimitReached, message));
        }
        let link = RunLink {
            organization,
            run: RunId(uuid::Uuid::nil()),
            parent: call.run,
            call: call.call,
            attempt: call.attempt,
            root_workflow: around.map_or(parent.workflow, |link| link.root_workflow),
            depth,
        };
        let start = StartRun {
            input: request.input.clone(),
            contacts: request.contacts.clone(),
            thread_id: request.thread_id.clone(),
            started_by: by_run(call.run),
            idempotency_key: Some(format!("run {} {} {}", call.run, call.call, call.attempt)),
            link: Some(link),
            options: Default::default(),
        };
        match self.start_run(organization, workflow, version, start, place).await {
            Ok(started) => {
                // The run is there. To fail the attempt now would stop it; the row is as it was and is read again.
                if let Err(error) = self.rests(call, started.run).await {
                    tracing::warn!(run = %call.run, %error, "a call cannot wait for its run; the watch tries again");
                }
                Ok(true)
            }
            Err(EngineError::Store(StoreError::Conflict { what: store::RUN_QUEUE_FULL })) => {
                Ok(false)
            }
            Err(error) => Err(cannot_start(error)),
        }
    }

    /// The call waits for its run from now on. Where it has a time limit, that counts from here, and its run is told.
    async fn rests(self: &Arc<Self>, call: &OpenCall, child: RunId) -> Result<(), EngineError> {
        let (organization, run, attempt) = (call.organization, call.run, (call.call, call.attempt));
        let rest: WriteOp = Box::new(move |tx| {
            async move {
                store::call_leave(tx, organization, run, attempt, CallState::Parked).await
            }
            .boxed()
        });
        if call.timeout_ms.is_none() {
            self.store.write(rest).await?;
            return Ok(());
        }
        let command = Command::ChildStarted { call: call.call, attempt: call.attempt, run: child };
        match self.command(organization, run, command, Some(rest.into())).await {
            // Refused: it heard of its end already, or does not wait for it any more and has it stopped.
            Ok(_) | Err(EngineError::Refused(_) | EngineError::Quarantined(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The workflow of an id or name, and the version that runs.
    async fn workflow_of(
        &self,
        organization: OrganizationId,
        request: &RunRequest,
    ) -> Result<(WorkflowId, u32), StepError> {
        let wanted = &request.workflow;
        let found =
            store::workflow_named(&self.store, organization, wanted).await.map_err(broken)?;
        let not_found = |message: String| StepError::new(ErrorKind::NotFound, message);
        let Some((workflow, newest)) = found else {
            let message =
                format!("There is no workflow \u{201c}{wanted}\u{201d}, or it is archived.");
            return Err(not_found(message));
        };
        match (request.version, newest) {
            (_, None) => Err(not_found(format!("\u{201c}{wanted}\u{201d} was never published."))),
            (Some(version), Some(newest)) if version == 0 || version > newest => {
                Err(not_found(format!("\u{201c}{wanted}\u{201d} has no version {version}.")))
            }
            (version, Some(newest)) => Ok((workflow, version.unwrap_or(newest))),
        }
    }

    /// Does what rows say is to be done about runs of runs and runs that take turns.
    pub(super) fn see_to_others(self: &Arc<Self>) {
        self.others.again.store(true, Ordering::SeqCst);
        if self.others.looking.swap(true, Ordering::SeqCst) {
            return;
        }
        let inner = self.clone();
        self.spawn_work(async move {
            while inner.others.again.swap(false, Ordering::SeqCst) {
                if let Err(error) = inner.see_to_links().await {
                    tracing::error!(%error, "runs of runs cannot be seen to; the watch tries again");
                }
                if let Err(error) = inner.grant_slots().await {
                    tracing::error!(%error, "runs that wait for their turn cannot be read");
                }
                if let Err(error) = inner.admit_waiting().await {
                    tracing::error!(%error, "calls that wait for a place in a queue cannot be read");
                }
            }
            inner.others.looking.store(false, Ordering::SeqCst);
            // Something may have come up between the last look and this line.
            if inner.others.again.load(Ordering::SeqCst) {
                inner.see_to_others();
            }
        });
    }

    async fn see_to_links(self: &Arc<Self>) -> Result<(), EngineError> {
        let mut last = Vec::new();
        loop {
            let due = store::links_due(&self.store, BATCH).await?;
            if due.is_empty() || due == last || self.stop.is_cancelled() {
                return Ok(()); // the same again: nothing can be done now
            }
            let mut limits = Limits::new();
            for (link, state) in &due {
                match state {
                    LinkState::Stop => self.stop_child(*link, &mut limits).await,
                    LinkState::Ended => {
                        // One that cannot be told holds up no other; the next look finds it again.
                        if let Err(error) = self.tell_parent(*link).await {
                            tracing::error!(run = %link.parent, %error, "a run was not told how another one ended");
                        }
                    }
                }
            }
            last = due;
        }
    }

    /// The run that started it does not wait any more.
    async fn stop_child(self: &Arc<Self>, link: RunLink, limits: &mut Limits) {
        let late = match limits.entry((link.organization, link.parent)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(self.over_limits(link.organization, link.parent).await)
            }
        };
        let late = late.get(&link.call).filter(|(waits, _)| *waits != Some(link.attempt));
        let reason = match late {
            Some((_, reason)) => reason.clone(),
            None => "The run that started it does not wait for it any more.".to_owned(),
        };
        let by = by_run(link.parent);
        let stop = Command::Stop { reason, by, replaced_by: None };
        self.insist_times(link.organization, link.run, stop, TOLD_TIMES_MAX).await;
    }

    /// Why a run does not wait for runs any more that took longer than the steps that started them may. It only words
    /// the reason: where it cannot be read, or has gone on since, it says less.
    async fn over_limits(&self, organization: OrganizationId, run: RunId) -> Late {
        let Ok(live) = self.load(organization, run).await else { return Late::new() };
        let late = live.state.activations.values().filter_map(|step| {
            let call = step.call?;
            step.error.as_ref().filter(|error| error.kind == ErrorKind::Timeout)?;
            let seconds = step.timeout_ms?.div_ceil(1_000);
            let waits = step.state == ActivationState::Waiting && step.timer.is_none();
            let reason = format!(
                "It took longer than {seconds} seconds, the time limit of the step \u{201c}{}\u{201d} of the run \
                 that started it.",
                step.node
            );
            Some((call, (waits.then_some(step.attempt), reason)))
        });
        late.collect()
    }

    /// Tells a run how runs ended that it waits for: before it is told that they took too long.
    pub(super) async fn tell_ends(self: &Arc<Self>, organization: OrganizationId, parent: RunId) {
        let ended = match store::links_ended(&self.store, organization, parent).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::warn!(run = %parent, %error, "whether runs of it ended is not known");
                return;
            }
        };
        for link in ended {
            if let Err(error) = self.tell_parent(link).await {
                tracing::warn!(run = %parent, %error, "a run was not told how another one ended");
            }
        }
    }

    async fn tell_parent(self: &Arc<Self>, link: RunLink) -> Result<(), EngineError> {
        let RunLink { organization, run, parent, call, attempt, .. } = link;
        let end = match self.load(organization, run).await {
            Ok(live) => live.state.end,
            // What it gave cannot be read any more.
            Err(EngineError::Quarantined(_) | EngineError::Store(StoreError::NotFound { .. })) => {
                None
            }
            Err(error) => return Err(error),
        };
        let command = result(run, call, attempt, end);
        let told: WriteOp = Box::new(move |tx| {
            async move { store::link_told(tx, organization, run).await }.boxed()
        });
        match self.command(organization, parent, command, Some(told.into())).await {
            Ok(_) => Ok(()),
            Err(EngineError::Refused(_) | EngineError::Quarantined(_)) => {
                // It does not want to know.
                let noted = self.store.write(move |tx| {
                    async move { store::link_told(tx, organization, run).await }.boxed()
                });
                Ok(noted.await?)
            }
            Err(error) => Err(error),
        }
    }

    /// Lets calls begin whose queues have a place for another run.
    async fn admit_waiting(self: &Arc<Self>) -> Result<(), EngineError> {
        let (mut after, mut admitted) = (None, 0);
        loop {
            let queues = store::run_queues_waiting(&self.store, after.as_ref(), BATCH).await?;
            let Some(last) = queues.last().cloned() else { break };
            for (organization, queue) in queues {
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                admitted += self.admit(organization, queue).await?;
            }
            after = Some(last);
        }
        if admitted > 0 {
            self.queue.expect_more();
            self.pump();
        }
        Ok(())
    }

    /// How many calls of a queue may begin now.
    async fn admit(&self, organization: OrganizationId, queue: String) -> Result<u32, EngineError> {
        let limits = match self.config.organizations.queues(organization).await {
            Ok(limits) => limits,
            Err(error) => {
                tracing::warn!(%organization, error, "limits of queues cannot be read; the watch tries again");
                return Ok(0);
            }
        };
        let places = limits.0.get(&queue).map_or(u32::MAX, |limit| limit.concurrency);
        // Asked beside the writer: this is looked at whenever a run ends, and most queues that are waited for are full.
        if !store::run_queue_may_admit(&self.store, organization, &queue, places).await? {
            return Ok(0);
        }
        let admitted = self.store.write(move |tx| {
            async move { store::run_queue_admit(tx, organization, &queue, places).await }.boxed()
        });
        Ok(admitted.await?)
    }

    /// Lets runs begin for which a place is free.
    async fn grant_slots(self: &Arc<Self>) -> Result<(), EngineError> {
        let mut last = Vec::new();
        loop {
            let free = store::slots_free(&self.store, BATCH).await?;
            if free.is_empty() || free == last || self.stop.is_cancelled() {
                return Ok(());
            }
            for (organization, run) in free.iter().copied() {
                let grant: WriteOp = Box::new(move |tx| {
                    async move {
                        match store::slot_grant(tx, organization, run).await? {
                            true => Ok(()),
                            false => Err(StoreError::Conflict { what: "the place" }),
                        }
                    }
                    .boxed()
                });
                match self.command(organization, run, Command::GrantSlot, Some(grant.into())).await
                {
                    Ok(_) | Err(EngineError::Store(StoreError::Conflict { .. })) => {}
                    Err(error) => tracing::warn!(%run, %error, "a run cannot begin its turn"),
                }
            }
            last = free;
        }
    }
}

/// How a run ended, as the result of the call that started it.
fn result(run: RunId, call: CallId, attempt: u32, end: Option<RunEnd>) -> Command {
    let failed = |kind, message| Command::CallFailed {
        call,
        attempt,
        error: StepError::new(kind, message),
        retry_after_ms: None,
    };
    match end {
        Some(RunEnd::Completed { outcome, output }) => Command::CallSucceeded {
            call,
            attempt,
            output: json!({"run": run, "outcome": outcome, "output": output}),
            usage: None,
        },
        Some(RunEnd::Failed { error, .. }) => {
            failed(ErrorKind::ExecutorError, format!("Its run failed: {}", error.message))
        }
        Some(RunEnd::Stopped { reason, by, .. }) => {
            failed(ErrorKind::InvalidInput, format!("Its run was stopped by {by}: {reason}"))
        }
        None => failed(ErrorKind::Internal, "How its run ended cannot be read.".to_owned()),
    }
}

fn broken(error: StoreError) -> StepError {
    StepError::new(ErrorKind::ExecutorError, format!("The run cannot be started now: {error}"))
}

fn cannot_start(error: EngineError) -> StepError {
    let kind = match &error {
        EngineError::Graph(_) | EngineError::Refused(_) => ErrorKind::InvalidInput,
        _ => ErrorKind::ExecutorError,
    };
    StepError::new(kind, format!("The run cannot be started: {error}"))
}

//! Commands: decide, commit, then ask the world.

use super::{
    Committed, EngineError, EngineHandle, Inner,
    cells::{Cell, Live},
    commit::{self, Place, Plan},
    executor::Closing,
    making::Looks,
};
use crate::{
    metrics::metrics,
    store::{
        self, ApprovalFilter, Decided, DueTimer, RunCommit, RunWrite, StoreError, StoreResult, Tx,
    },
    telemetry,
};
use futures::{FutureExt, future::BoxFuture};
use signalbox::{
    id::{ApprovalId, OrganizationId, RunId, WorkflowId},
    run::{self, Advance, Command, Decision, Effect, RunStatus},
    wire::ApprovalState,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, debug_span, field};

/// Writes that ride in the transaction of a command, before the run's own.
pub type WriteOp = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, StoreResult<()>> + Send>;

/// What rides in the transaction of a command, before the run's own.
pub(super) enum Riding {
    /// Writes that may ask; they begin when the run is known to be where it was decided.
    Writes(WriteOp),
    /// The timer that fires is still due when it was. It asks nothing.
    Timer(DueTimer),
}

impl From<WriteOp> for Riding {
    fn from(writes: WriteOp) -> Self {
        Self::Writes(writes)
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The run's status after it.
    pub status: RunStatus,
    /// The number of the run's last event.
    pub seq: u64,
    /// Events it caused; 0 when the run took note and nothing changed.
    pub events: usize,
}

/// How often a command is decided anew when the run moved on under it.
pub(super) const TRIES_MAX: usize = 8;
/// Events after which a chain of pure steps is committed before it goes on.
const EVENTS_PER_COMMIT_MAX: usize = 6_000;
/// What the journal says of a run that was set aside and can be read again.
const ASIDE: &str = "The run had been set aside.";

/// Why a write did not happen; gives what rides back when it was not begun.
pub(super) struct NotWritten {
    pub error: StoreError,
    /// The run had moved on; nothing else was tried.
    pub fenced: bool,
    extra: Option<Riding>,
}

impl NotWritten {
    /// An error of what was sent with the fence.
    fn fenced(error: StoreError, extra: Option<Riding>) -> Self {
        let fenced = matches!(error, StoreError::Conflict { what: store::RUN_FENCE });
        Self { error, fenced, extra }
    }

    /// An error of the extra writes, whatever it names: without them nothing may be tried again.
    fn extra(error: StoreError) -> Self {
        Self { error, fenced: false, extra: None }
    }

    /// A timer rides again whenever nothing happened.
    fn with_timer(self, timer: Option<DueTimer>) -> Self {
        let timer = timer.filter(|_| self.fenced).map(Riding::Timer);
        Self { extra: self.extra.or(timer), ..self }
    }
}

/// Also what shows with the commit, where the fence is sent with it.
impl From<StoreError> for NotWritten {
    fn from(error: StoreError) -> Self {
        Self::fenced(error, None)
    }
}

impl EngineHandle {
    /// Tells a run something. It is on disk when this answers; the caller may go away meanwhile.
    pub async fn command(
        &self,
        organization: OrganizationId,
        run: RunId,
        command: Command,
    ) -> Result<Outcome, EngineError> {
        self.in_task(organization, run, command, None).await
    }

    /// Tells a run something, with writes in the same transaction that happen before the run's own.
    /// If they fail, or the run refuses, nothing happened.
    pub async fn command_with(
        &self,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        extra: WriteOp,
    ) -> Result<Outcome, EngineError> {
        self.in_task(organization, run, command, Some(extra.into())).await
    }

    /// Decides an approval that a run asked for itself (a human node, a review), at the revision that
    /// was looked at. [`StoreError::Conflict`] when it was decided or edited meanwhile.
    pub async fn decide_approval(
        &self,
        organization: OrganizationId,
        approval: ApprovalId,
        revision: u32,
        decision: Decision,
        by: &str,
    ) -> Result<Outcome, EngineError> {
        let row = store::approval_fetch(self.store(), organization, approval).await?;
        let run = row.request.run.ok_or(StoreError::NotFound { what: "run of the approval" })?;
        if row.state != ApprovalState::Pending {
            return Err(StoreError::Conflict { what: "the approval" }.into());
        }
        let (state, reason, answer) = match &decision {
            Decision::Approve { answer } => {
                (ApprovalState::Approved, String::new(), answer.clone())
            }
            Decision::Reject { reason, .. } => {
                (ApprovalState::Rejected, reason.clone(), serde_json::Value::Null)
            }
            Decision::Expire => (ApprovalState::Expired, String::new(), serde_json::Value::Null),
        };
        let at = self.inner.clock.now();
        let decided = Decided { by: by.to_owned(), at, reason, answer };
        let close: WriteOp = Box::new(move |tx| {
            async move {
                store::approval_close(tx, organization, approval, Some(revision), state, &decided)
                    .await
            }
            .boxed()
        });
        let command = Command::DecideApproval { approval, decision, by: by.to_owned() };
        self.command_with(organization, run, command, close).await
    }

    /// Approvals that a run still waits for.
    pub async fn approvals_open(
        &self,
        organization: OrganizationId,
        run: RunId,
    ) -> Result<Vec<store::Approval>, EngineError> {
        let filter = ApprovalFilter {
            state: Some(ApprovalState::Pending),
            run: Some(run),
            ..ApprovalFilter::default()
        };
        Ok(store::approval_list(self.store(), organization, &filter, None, 1_000).await?)
    }

    async fn in_task(
        &self,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        extra: Option<Riding>,
    ) -> Result<Outcome, EngineError> {
        if self.inner.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let inner = self.inner.clone();
        let busy = inner.activity.enter();
        let telling = async move {
            let outcome = inner.command(organization, run, command, extra).await;
            drop(busy);
            outcome
        };
        let task = self.inner.tasks.spawn(telling.in_current_span());
        task.await.unwrap_or(Err(EngineError::Stopping))
    }
}

/// What one try came to.
enum Tried {
    Done(Outcome),
    /// The run moved on: load and decide again.
    Again(Option<Riding>),
}

impl Inner {
    /// Decides and commits. To be called from a task that is not cancelled.
    pub(super) async fn command(
        self: &Arc<Self>,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        extra: Option<Riding>,
    ) -> Result<Outcome, EngineError> {
        let cause = Span::current();
        let (name, events) = (command.name(), field::Empty);
        let span = debug_span!(parent: None, "command", otel.name = name, %run, events);
        let span = telemetry::of_run(span, run);
        telemetry::link_to(&span, &cause);
        let deciding = self.decide(organization, run, command, extra);
        let outcome = deciding.instrument(span.clone()).await;
        if let Ok(outcome) = &outcome {
            span.record("events", telemetry::number(outcome.events as u64));
        }
        outcome
    }

    async fn decide(
        self: &Arc<Self>,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        mut extra: Option<Riding>,
    ) -> Result<Outcome, EngineError> {
        let cell = self.cells.get(organization, run);
        let mut slot = cell.live.lock().await;
        let mut was_aside = false;
        for tried in 0..TRIES_MAX {
            if slot.is_none() {
                let (live, released) = self.load_for(organization, run, &command).await?;
                (*slot, was_aside) = (Some(live), was_aside || released);
            }
            let Some(mut live) = slot.take() else { continue };
            // Taken out: whatever goes wrong from here on, a half-changed state is not kept.
            if was_aside && matches!(command, Command::Resume { .. }) && live.goes_on() {
                // Its journal does not know that it was set aside, so there would be nothing to resume.
                let block = Command::Block { reason: ASIDE.to_owned(), activation: None };
                let blocked = self.try_command(&cell, &mut live, &block, None, true).await?;
                if matches!(blocked, Tried::Again(_)) {
                    continue;
                }
            }
            match self.try_command(&cell, &mut live, &command, extra, tried > 0).await {
                Ok(Tried::Done(outcome)) => {
                    if live.is_at_rest() {
                        self.cells.forget(&cell);
                    } else {
                        *slot = Some(live);
                    }
                    return Ok(outcome);
                }
                Ok(Tried::Again(unused)) => extra = unused,
                Err(error) => {
                    if matches!(error, EngineError::Refused(_)) {
                        *slot = Some(live); // a refusal changes nothing
                    }
                    return Err(error);
                }
            }
        }
        Err(StoreError::Conflict { what: store::RUN_FENCE }.into())
    }

    /// A run that was set aside is loaded again only when someone resumes or stops it; whether it was.
    async fn load_for(
        self: &Arc<Self>,
        organization: OrganizationId,
        run: RunId,
        command: &Command,
    ) -> Result<(Live, bool), EngineError> {
        match self.load(organization, run).await {
            Err(EngineError::Quarantined(_))
                if matches!(command, Command::Resume { .. } | Command::Stop { .. }) =>
            {
                let now = self.clock.now();
                self.store
                    .write(move |tx| {
                        async move { store::run_release(tx, organization, run, now).await }.boxed()
                    })
                    .await?;
                let live = self.load(organization, run).await?;
                self.alarm.ring(now);
                self.queue.expect_more();
                self.pump();
                Ok((live, true))
            }
            other => Ok((other?, false)),
        }
    }

    async fn try_command(
        self: &Arc<Self>,
        cell: &Cell,
        live: &mut Live,
        command: &Command,
        extra: Option<Riding>,
        again: bool,
    ) -> Result<Tried, EngineError> {
        let now = self.clock.now();
        let expected_seq = live.state.seq;
        let place = Place { organization: cell.organization, run: cell.run, expected_seq, now };
        let advance = match self.advance(place, live, command).await {
            Ok(advance) => advance,
            Err(EngineError::Refused(refusal)) => {
                // Another server may have moved the run on: what is refused is refused by the state on disk alone.
                return match self.forget_refused(place, command).await {
                    Ok(()) => Err(refusal.into()),
                    Err(NotWritten { fenced: true, .. }) => Ok(Tried::Again(extra)),
                    Err(NotWritten { error, .. }) => Err(error.into()),
                };
            }
            Err(error) => return Err(error),
        };
        if advance.events.is_empty() {
            return match self.take_note(place, command, extra).await {
                Ok(()) => Ok(Tried::Done(outcome(live, 0))),
                Err(NotWritten { fenced: true, extra, .. }) => Ok(Tried::Again(extra)),
                Err(NotWritten { error, .. }) => Err(error.into()),
            };
        }
        let mut plan = commit::plan(place, live, &advance, command, self.executor.as_ref())?;
        if again {
            plan.assume_nothing();
        }
        let mut looks = self.looks_of(&plan, extra.is_some());
        if let Err(failed) = looks.beside(self.write(&plan, extra)).await {
            // Whatever was unknown before, the state on disk decides.
            return match failed {
                NotWritten { fenced: true, extra, .. } => Ok(Tried::Again(extra)),
                NotWritten { error, .. } => Err(error.into()),
            };
        }
        let events = advance.events.len();
        live.note_written(&plan.commit);
        self.committed(live.workflow, !live.waits.is_empty(), plan, advance, looks);
        Ok(Tried::Done(outcome(live, events)))
    }

    /// The machine's decision, with as many continuations as fit into one commit.
    pub(super) async fn advance(
        &self,
        place: Place,
        live: &mut Live,
        command: &Command,
    ) -> Result<Advance, EngineError> {
        let mut all = Advance::default();
        let mut next = Some(command.clone());
        while let Some(command) = next.take() {
            let Live { graph, context, state, .. } = &mut *live;
            let decided = catch_unwind(AssertUnwindSafe(|| {
                run::advance(graph, context, state, &command, place.now)
            }));
            let decided = match decided {
                Ok(decided) => decided.map_err(EngineError::Refused),
                Err(_) => {
                    let detail = "the state machine broke off over it; this is a defect";
                    self.set_aside(place.organization, place.run, detail).await?;
                    Err(EngineError::Quarantined(detail.into()))
                }
            };
            let mut advance = match decided {
                Ok(advance) => advance,
                Err(EngineError::Refused(_)) if !all.events.is_empty() => break,
                Err(error) => return Err(error),
            };
            all.events.append(&mut advance.events);
            let is_end = advance.effects.contains(&Effect::Ended);
            if is_end {
                // What earlier parts asked for is not wanted any more.
                all.effects.retain(|effect| matches!(effect, Effect::CancelCall { .. }));
            }
            let goes_on = advance.effects.contains(&Effect::Continue);
            let fits = all.events.len() < EVENTS_PER_COMMIT_MAX;
            if goes_on && fits {
                advance.effects.retain(|effect| *effect != Effect::Continue);
                next = Some(Command::Continue);
            }
            all.effects.append(&mut advance.effects);
        }
        Ok(all)
    }

    pub(super) async fn write(&self, plan: &Plan, extra: Option<Riding>) -> Result<(), NotWritten> {
        let (commit, executor) = (plan.commit.clone(), self.executor.clone());
        let (cancelled, closes) = (plan.cancelled.clone(), plan.ends && !commit.holds_nothing);
        let timer = timer_of(&extra);
        let written = self
            .store
            .write_with(move |tx| {
                async move {
                    store::run_fence(tx, &commit)?;
                    ride(tx, extra).await?;
                    // Messages before their approvals, as everywhere: who locks both, locks them in this order.
                    let RunCommit { organization, run, .. } = *commit;
                    for call in cancelled {
                        let closed = executor.close(tx, organization, run, Closing::Call(call));
                        closed.await.map_err(|error| NotWritten::fenced(error, None))?;
                    }
                    if closes {
                        let closed = executor.close(tx, organization, run, Closing::Run);
                        closed.await.map_err(|error| NotWritten::fenced(error, None))?;
                    }
                    let appended = store::run_append(tx, &commit).await;
                    appended.map_err(|error| NotWritten::fenced(error, None))
                }
                .boxed()
            })
            .await;
        written.map_err(|failed: NotWritten| failed.with_timer(timer))
    }

    /// After the commit: tell who listens, ask the world.
    pub(super) fn committed(
        self: &Arc<Self>,
        workflow: WorkflowId,
        waits: bool,
        plan: Plan,
        advance: Advance,
        mut looks: Looks,
    ) {
        let RunCommit { organization, run, seq, ref head, ref writes, .. } = *plan.commit;
        self.waiters.tell(run, &head.status);
        if plan.commit.expected_seq == 0 {
            metrics().run_started();
        }
        if plan.ends {
            let outcome = outcome_word(&head.status);
            metrics().run_ended(outcome);
            telemetry::finish_root(organization, workflow, run, outcome);
        }
        let committed = Committed {
            organization,
            run,
            workflow,
            events: advance.events,
            status: head.status.clone(),
        };
        let _ = self.committed.send(Arc::new(committed)); // nobody may be listening
        if writes.iter().any(|write| matches!(write, RunWrite::StepHook(_))) {
            self.hooked.notify_one();
        }
        if let Some(due) = plan.timer {
            self.alarm.ring(due);
        }
        for call in &plan.cancelled {
            self.queue.cancel(run, *call);
        }
        if plan.ends {
            // Those that were read back too: the run has not been taken up again yet.
            self.queue.cancel_run(run, seq).iter().for_each(CancellationToken::cancel);
        }
        if plan.concerns_others {
            self.see_to_others();
        }
        for call in plan.calls {
            let begun = looks.take(call.call);
            self.submit(call, seq, begun);
        }
        if waits && writes.iter().any(|write| matches!(write, RunWrite::WaitOpen(..))) {
            self.look_back(organization, run);
        }
        if plan.due {
            self.go_on(organization, run);
        }
    }

    /// Lets a run go on after its turn; others may come in between.
    pub(super) fn go_on(self: &Arc<Self>, organization: OrganizationId, run: RunId) {
        let inner = self.clone();
        self.spawn_work(async move {
            inner.insist(organization, run, Command::Continue).await;
        });
    }

    /// The run takes note and nothing changes: only the extra writes and the row of a fired timer.
    async fn take_note(
        &self,
        place: Place,
        command: &Command,
        extra: Option<Riding>,
    ) -> Result<(), NotWritten> {
        let fired = match command {
            Command::TimerFired { timer } => Some(timer.clone()),
            _ => None,
        };
        let continued = matches!(command, Command::Continue);
        if fired.is_none() && extra.is_none() && !continued {
            return self.look_unmoved(place).await;
        }
        let Place { organization, run, expected_seq, .. } = place;
        let timer = timer_of(&extra);
        let written = self
            .store
            .write_with(move |tx| {
                async move {
                    store::run_unmoved(tx, organization, run, expected_seq)?;
                    // First, as with events: it may look at the rows that go.
                    ride(tx, extra).await?;
                    if let Some(timer) = fired {
                        store::timer_delete(tx, organization, run, &timer).await?;
                    }
                    if continued {
                        store::run_not_due(tx, organization, run).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await;
        written.map_err(|failed: NotWritten| failed.with_timer(timer))
    }

    /// Rows that stand for something the run does not know (any more) must not come up again.
    async fn forget_refused(&self, place: Place, command: &Command) -> Result<(), NotWritten> {
        let Place { organization, run, expected_seq, .. } = place;
        let command = match command {
            Command::TimerFired { .. }
            | Command::Continue
            | Command::CallSucceeded { .. }
            | Command::CallFailed { .. } => command.clone(),
            _ => return self.look_unmoved(place).await,
        };
        self.store
            .write_with(move |tx| {
                async move {
                    store::run_unmoved(tx, organization, run, expected_seq)?;
                    store::run_fence_send(tx)
                        .await
                        .map_err(|error| NotWritten::fenced(error, None))?;
                    match command {
                        Command::TimerFired { timer } => {
                            store::timer_delete(tx, organization, run, &timer).await?;
                        }
                        Command::CallSucceeded { call, attempt, .. }
                        | Command::CallFailed { call, attempt, .. } => {
                            store::call_close_attempt(tx, organization, run, call, attempt).await?;
                        }
                        _ => store::run_not_due(tx, organization, run).await?,
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Whether the run is still where it was decided, with nothing to write. Where one server works alone it is.
    async fn look_unmoved(&self, place: Place) -> Result<(), NotWritten> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let row = store::run_fetch(&self.store, place.organization, place.run).await?;
        match row.seq == place.expected_seq {
            true => Ok(()),
            false => {
                let moved = StoreError::Conflict { what: store::RUN_FENCE };
                Err(NotWritten::fenced(moved, None))
            }
        }
    }
}

/// What rides is done, behind the fence of its run.
async fn ride(tx: &mut Tx, riding: Option<Riding>) -> Result<(), NotWritten> {
    match riding {
        None => Ok(()),
        Some(Riding::Timer(due)) => Ok(store::timer_take(tx, &due).await?),
        Some(Riding::Writes(writes)) => match store::run_fence_send(tx).await {
            Ok(()) => writes(tx).await.map_err(NotWritten::extra),
            Err(error) => Err(NotWritten::fenced(error, Some(writes.into()))),
        },
    }
}

fn timer_of(riding: &Option<Riding>) -> Option<DueTimer> {
    match riding {
        Some(Riding::Timer(due)) => Some(due.clone()),
        _ => None,
    }
}

pub(super) fn outcome(live: &Live, events: usize) -> Outcome {
    Outcome { status: live.state.status(), seq: live.state.seq, events }
}

fn outcome_word(status: &RunStatus) -> &'static str {
    match status {
        RunStatus::Failed { .. } => "failed",
        RunStatus::Stopped { .. } => "stopped",
        _ => "completed",
    }
}

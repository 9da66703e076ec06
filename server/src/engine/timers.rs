//! Firing timers: rows read by due time, and one alarm for the nearest.

use super::{Clock, EngineError, EngineHandle, Inner, VirtualClock, command::Riding};
use crate::{
    metrics::metrics,
    store::{self, DueTimer, StoreError},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, StreamExt};
use signalbox::run::{Command, TimerPurpose};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Timers read at once; a burst after downtime is worked off in such portions, oldest first.
const BATCH: u32 = 512;
/// Timers of a batch that fire at the same time.
const AT_ONCE: usize = 64;
/// The longest sleep without a look into the database.
const SLEEP_MAX_MS: i64 = 60_000;

/// Wakes the timer task when something is due before it wanted to wake.
pub(super) struct Alarm {
    nearest_ms: AtomicI64,
    wake: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { nearest_ms: AtomicI64::new(i64::MAX), wake: Notify::new() }
    }
}

impl Alarm {
    /// Somebody else may have set a timer, or left one.
    pub(super) fn look(&self) {
        self.wake.notify_one();
    }

    /// A timer was set for then.
    pub(super) fn ring(&self, due_at: DateTime<Utc>) {
        let due_ms = due_at.timestamp_millis();
        if self.nearest_ms.fetch_min(due_ms, Ordering::SeqCst) > due_ms {
            self.wake.notify_one();
        }
    }
}

/// Starts the task that fires timers.
pub(super) fn start(inner: &Arc<Inner>) {
    let inner = inner.clone();
    inner.tasks.clone().spawn(async move {
        while !inner.stop.is_cancelled() {
            // Reset before the look, so that whatever is set from now on wakes us.
            inner.alarm.nearest_ms.store(i64::MAX, Ordering::SeqCst);
            let next = match inner.fire_due().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, "timers cannot be fired; trying again");
                    Some(inner.clock.now() + TimeDelta::seconds(1))
                }
            };
            let latest = inner.clock.now() + TimeDelta::milliseconds(SLEEP_MAX_MS);
            let wake_at = next.map_or(latest, |next| next.min(latest));
            inner.alarm.nearest_ms.fetch_min(wake_at.timestamp_millis(), Ordering::SeqCst);
            tokio::select! {
                biased; // the same order each time: a seed of the simulation gives one run
                () = inner.stop.cancelled() => return,
                () = inner.alarm.wake.notified() => {}
                () = inner.clock.sleep_until(wake_at) => {}
            }
        }
    });
}

impl Inner {
    /// Fires what is due, oldest first, until nothing is; gives the time of the next timer.
    async fn fire_due(self: &Arc<Self>) -> Result<Option<DateTime<Utc>>, EngineError> {
        let _busy = self.activity.enter();
        loop {
            if !self.store.may_work() {
                return Ok(Some(self.clock.now() + TimeDelta::seconds(1)));
            }
            let due = store::timers_due(&self.store, self.clock.now(), BATCH).await?;
            if due.is_empty() || self.stop.is_cancelled() {
                return Ok(store::timer_next(&self.store).await?);
            }
            let stuck = AtomicBool::new(false);
            let (mut suspects, others): (Vec<_>, Vec<_>) =
                due.into_iter().partition(|timer| timer.tries > 0);
            let others = self.count_those_of_before(others, &stuck).await;
            futures::stream::iter(others)
                .for_each_concurrent(AT_ONCE, |timer| self.fire(timer, &stuck))
                .await;
            // Last and alone: when the server ends over one, the others have fired, and it is known which one it was.
            suspects.sort_by_key(|timer| (timer.tries, timer.due_at));
            for suspect in suspects {
                self.fire(suspect, &stuck).await;
            }
            if stuck.load(Ordering::Relaxed) {
                // Its row is as it was: without a pause this would turn in circles.
                tokio::select! {
                    biased; // the same order each time: a seed of the simulation gives one run
                    () = self.stop.cancelled() => {}
                    () = self.clock.sleep(Duration::from_secs(1)) => {}
                }
            }
        }
    }

    async fn fire(self: &Arc<Self>, due: DueTimer, stuck: &AtomicBool) {
        if !self.may_fire(&due, stuck).await {
            return;
        }
        let DueTimer { organization, run, timer, due_at, .. } = due.clone();
        let late = (self.clock.now() - due_at).to_std().unwrap_or_default();
        let is_limit = timer.parts().is_some_and(|(_, of)| of == TimerPurpose::Timeout);
        let (inner, read) = (self.clone(), due.clone());
        // A task of its own: this future may be dropped at shutdown, a command may not.
        let fired = self.tasks.spawn(async move {
            if is_limit {
                // What ended in time is not too late because its end is told a moment after it.
                inner.tell_ends(organization, run).await;
            }
            let command = Command::TimerFired { timer };
            // A heartbeat may have moved it since it was read.
            let take = Riding::Timer(due);
            let fired = inner.command(organization, run, command, Some(take)).await;
            let Some(reason) = fired.as_ref().err().and_then(never_kept) else { return fired };
            // Trying again cannot help; a person must look.
            inner
                .command(organization, run, Command::Block { reason, activation: None }, None)
                .await
        });
        match fired.await {
            Ok(Ok(_)) => metrics().timer_fired(late),
            Ok(Err(EngineError::Refused(_) | EngineError::Quarantined(_))) => {}
            Ok(Err(EngineError::Store(StoreError::Conflict { what: store::MOVED_TIMER }))) => {}
            Ok(Err(error)) => {
                tracing::warn!(%run, %error, "a timer could not fire; it will again");
                return self.set_back(read, stuck).await;
            }
            Err(_) => return self.set_back(read, stuck).await,
        }
        self.setbacks.over(run, &read.timer);
    }

    /// Counts timers that an earlier process may have died over, all in one commit: after a long standstill there are many.
    /// Gives those that may fire.
    async fn count_those_of_before(
        &self,
        mut due: Vec<DueTimer>,
        stuck: &AtomicBool,
    ) -> Vec<DueTimer> {
        let is_of_before =
            |timer: &DueTimer| !self.store.is_shared() && timer.due_at < self.begun_at;
        let of_before: Vec<DueTimer> =
            due.iter().filter(|timer| is_of_before(timer)).cloned().collect();
        if !of_before.is_empty()
            && let Err(error) = self.count_tries(of_before).await
        {
            tracing::warn!(%error, "timers cannot be counted; they are read again");
            stuck.store(true, Ordering::Relaxed);
            due.retain(|timer| !is_of_before(timer));
        }
        due
    }

    /// Counts a timer that a server may have died over, before it fires, if that is not done yet. One that was begun too
    /// often does not fire any more: its run waits for a person.
    async fn may_fire(self: &Arc<Self>, due: &DueTimer, stuck: &AtomicBool) -> bool {
        if due.tries == 0 && !due.is_left {
            return true;
        }
        let noted = match due.tries.cmp(&self.config.claims_max) {
            std::cmp::Ordering::Less => self.count_try(due).await.map(|()| true),
            std::cmp::Ordering::Equal => self.hold_poison(due).await.map(|()| false),
            std::cmp::Ordering::Greater => self.set_poison_aside(due).await.map(|()| false),
        };
        noted.unwrap_or_else(|error| {
            tracing::warn!(run = %due.run, %error, "a timer cannot be counted; it is read again");
            stuck.store(true, Ordering::Relaxed);
            false
        })
    }

    async fn count_try(&self, due: &DueTimer) -> Result<(), EngineError> {
        self.count_tries(vec![due.clone()]).await
    }

    async fn count_tries(&self, due: Vec<DueTimer>) -> Result<(), EngineError> {
        let counted = self.store.write(move |tx| {
            async move {
                for timer in &due {
                    store::timer_try(tx, timer).await?;
                }
                Ok(())
            }
            .boxed()
        });
        Ok(counted.await?)
    }

    /// Blocks the run, and takes the timer away with that; resuming sets it again. Counted too: what ends the server may
    /// be the run's state itself.
    async fn hold_poison(self: &Arc<Self>, due: &DueTimer) -> Result<(), EngineError> {
        self.count_try(due).await?;
        let reason = poison(due);
        tracing::error!(run = %due.run, timer = %due.timer.0, "a run is blocked: {reason}");
        // Resuming does not set leases again: a task is offered anew instead.
        let lease = due.timer.parts().filter(|(_, purpose)| *purpose == TimerPurpose::Lease);
        let block = Command::Block { reason, activation: lease.map(|(activation, _)| activation) };
        let take = Riding::Timer(due.clone());
        match self.command(due.organization, due.run, block, Some(take)).await {
            Ok(_) | Err(EngineError::Refused(_) | EngineError::Quarantined(_)) => Ok(()),
            Err(EngineError::Store(StoreError::Conflict { what: store::MOVED_TIMER })) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Not even blocking it ended: the run is set aside without being read.
    async fn set_poison_aside(&self, due: &DueTimer) -> Result<(), EngineError> {
        let (organization, run, now) = (due.organization, due.run, self.clock.now());
        let reason = poison(due);
        tracing::error!(%run, timer = %due.timer.0, "a run is set aside: {reason}");
        let aside = self.store.write(move |tx| {
            async move { store::run_quarantine(tx, organization, run, &reason, now).await }.boxed()
        });
        Ok(aside.await?)
    }

    /// One that could not fire rests for a while; meanwhile the others fire.
    async fn set_back(&self, due: DueTimer, stuck: &AtomicBool) {
        let rest = self.setbacks.failed(due.run, &due.timer);
        let (run, until) = (due.run, self.clock.now() + rest);
        let moved = self
            .store
            .write(move |tx| async move { store::timer_set_back(tx, &due, until).await }.boxed());
        match moved.await {
            // Somebody else moved it, or it fired after all.
            Ok(()) | Err(StoreError::Conflict { what: store::MOVED_TIMER }) => {}
            Err(error) => {
                tracing::warn!(%run, %error, "nor could it be set back");
                stuck.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Why a timer does not fire any more.
fn poison(due: &DueTimer) -> String {
    format!(
        "A time that the run waits for came, and {} times the server ended before anything came of it: something in \
         the run ends the server. Look into the log, then resume the run to try again, or stop it.",
        due.tries
    )
}

/// Why what follows from a timer can never be written.
fn never_kept(error: &EngineError) -> Option<String> {
    match error {
        EngineError::Store(error @ StoreError::TooLarge { .. }) => {
            Some(format!("What follows from a wait is too large: {error}."))
        }
        EngineError::Store(error @ StoreError::Constraint(_)) => {
            Some(format!("What follows from a wait cannot be kept: {error}."))
        }
        _ => None,
    }
}

impl EngineHandle {
    /// Waits until nothing is going on: no command, no call, no timer being fired. Calls that wait
    /// for a person or a timer are not going on.
    pub async fn settled(&self) {
        self.inner.activity.idle().await;
    }

    /// Fires what is due by the clock; gives the time of the next timer.
    pub async fn fire_due(&self) -> Result<Option<DateTime<Utc>>, EngineError> {
        self.inner.fire_due().await
    }

    /// Moves a virtual clock from timer to timer until nothing is left to do before `until`, or at
    /// all; waiting costs no time. For [`Timekeeping::Driven`](super::Timekeeping::Driven).
    pub async fn run_virtually(
        &self,
        clock: &VirtualClock,
        until: Option<DateTime<Utc>>,
    ) -> Result<(), EngineError> {
        loop {
            self.settled().await;
            let next = self.fire_due().await?;
            self.settled().await;
            // What just happened may have set an earlier timer.
            let next = store::timer_next(self.store()).await?.or(next);
            match next {
                Some(next) if next <= clock.now() => {}
                Some(next) if until.is_none_or(|until| next <= until) => clock.advance_to(next),
                _ => break,
            }
        }
        if let Some(until) = until {
            clock.advance_to(until);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{
            CallContext, CallExecutor, CallOutcome, Engine, EngineConfig, StartRun, Timekeeping,
            command::Riding,
        },
        store::{NewVersion, NewWorkflow, Store},
    };
    use futures::future::BoxFuture;
    use signalbox::{
        format,
        id::{OrganizationId, WorkflowId},
        run::{CallRequest, RunPhase, TimerId},
    };

    /// Calls never end, so that their runs stay in memory.
    struct Hangs;

    impl CallExecutor for Hangs {
        fn execute(&self, _: CallContext, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
            std::future::pending().boxed()
        }
    }

    /// A call and a wait of an hour side by side.
    async fn published(store: &Store, ours: OrganizationId) -> WorkflowId {
        let document = serde_json::json!({"format": "signalbox/v1", "name": "Both", "graph": {
            "nodes": [
                {"id": "start", "kind": {"type": "trigger"}},
                {"id": "work", "kind": {"type": "action", "tool": "customer.query", "parameters": {}}},
                {"id": "rest", "kind": {"type": "wait", "for": "duration", "duration_ms": 3_600_000}}
            ],
            "edges": [
                {"id": "a", "from": "start", "port": "success", "to": "work"},
                {"id": "b", "from": "start", "port": "success", "to": "rest"}
            ]
        }});
        let graph = format::import(&document).expect("a document").graph;
        let (id, now) = (WorkflowId(uuid::Uuid::now_v7()), DateTime::UNIX_EPOCH);
        let new = NewWorkflow {
            organization: ours,
            id,
            name: "Both".into(),
            description: String::new(),
            draft: graph.clone(),
            created_by: "Ada".into(),
            labels: Default::default(),
        };
        let version = NewVersion {
            organization: ours,
            workflow: id,
            draft_rev: 1,
            graph,
            note: String::new(),
            published_by: "Ada".into(),
        };
        let write = store.write(move |tx| {
            async move {
                store::workflow_create(tx, &new, now).await?;
                store::version_publish(tx, &version, now).await
            }
            .boxed()
        });
        write.await.expect("it is published");
        id
    }

    #[tokio::test]
    async fn a_timer_that_was_moved_does_not_fire_in_a_second_try_either() {
        let store = Store::in_memory().await.expect("a store");
        let ours = OrganizationId(uuid::Uuid::now_v7());
        let workflow = published(&store, ours).await;
        let start = || {
            let clock = VirtualClock::at(DateTime::UNIX_EPOCH);
            let config =
                EngineConfig { timekeeping: Timekeeping::Driven, ..EngineConfig::default() };
            Engine::start(store.clone(), Arc::new(Hangs), Arc::new(clock), config)
        };
        let (engine, other) = (start(), start());
        let started = engine.start_run(ours, workflow, 1, StartRun::default()).await;
        let run = started.expect("it starts").run;
        let due = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let timers = store::timers_due(&store, due, 10).await.expect("timers");
        let [timer] = timers.as_slice() else { panic!("{timers:?}") };
        // The run moves on under the first try, and the timer with it.
        let pause = Command::Pause { by: "the other".into() };
        other.command(ours, run, pause).await.expect("it is paused");
        let later = due + TimeDelta::hours(1);
        let moved: TimerId = timer.timer.clone();
        let set = store.write(move |tx| {
            async move { store::timer_set(tx, ours, run, &moved, later).await }.boxed()
        });
        set.await.expect("it is moved");
        let fire = Command::TimerFired { timer: timer.timer.clone() };
        let fired = engine.inner.command(ours, run, fire, Some(Riding::Timer(timer.clone()))).await;
        let refused = StoreError::Conflict { what: store::MOVED_TIMER };
        assert!(matches!(&fired, Err(EngineError::Store(error)) if *error == refused), "{fired:?}");
        let left = store::timer_next(&store).await.expect("timers");
        assert_eq!(left, Some(later));
        let row = store::run_fetch(&store, ours, run).await.expect("the run");
        assert_eq!(row.status.phase(), RunPhase::Paused);
    }
}

//! What an earlier process left undone, and the watch over runs that wait for nothing.
//!
//! Nothing is loaded for runs that only wait: their timers, approvals and awaited events are rows.
//! Open calls are read in portions by the queue, so a start with many of them needs no more memory
//! than one with few.

use super::{EngineError, EngineHandle, Inner};
use crate::store;
use chrono::TimeDelta;
use futures::StreamExt;
use signalbox::{
    id::{OrganizationId, RunId},
    run::Command,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Rows read at once.
const BATCH: u32 = 256;
/// Runs that are told to continue at the same time.
const AT_ONCE: usize = 16;
/// How often one of them is tried. The watch comes again, and one that cannot be told must not hold up the others.
const TOLD_TIMES_MAX: usize = 3;
/// How often the watch looks.
const WATCH_EVERY: Duration = Duration::from_secs(30);

/// Picks up: open calls, runs that must continue, events that nobody was told of.
pub(super) fn start(inner: &Arc<Inner>) {
    inner.pump(); // reads the open calls
    let recovering = inner.clone();
    inner.spawn_work(async move {
        recovering.take_over().await;
        recovering.see_to_others();
    });
}

/// Starts the task that looks every half minute for runs that nothing would ever move again.
pub(super) fn watch(inner: &Arc<Inner>) {
    let inner = inner.clone();
    inner.looked.now();
    inner.tasks.clone().spawn(async move {
        loop {
            tokio::select! {
                biased; // the same order each time: a seed of the simulation gives one run
                () = inner.stop.cancelled() => return,
                () = inner.clock.sleep(WATCH_EVERY) => {}
            }
            let _busy = inner.activity.enter();
            inner.queue.expect_more();
            inner.pump();
            inner.see_to_others();
            // A run that could not be told of an event when it came is told now.
            inner.deliver_all().await;
            match inner.look_for_stuck().await {
                Ok(_) => inner.looked.now(),
                Err(error) => tracing::error!(%error, "the watch over runs failed"),
            }
        }
    });
}

/// When the watch looked last; never where nobody keeps the time.
#[derive(Default)]
pub(super) struct Looked(Mutex<Option<Instant>>);

impl Looked {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl EngineHandle {
    /// Looks for runs that nothing would ever move again, and blocks them where people see it; gives how many
    /// those were. The engine does so every half minute; whoever drives the clock says when.
    pub async fn look_for_stuck(&self) -> Result<usize, EngineError> {
        self.inner.look_for_stuck().await
    }

    /// How long ago the watch over runs looked last, or was begun; none where it does not look by itself.
    pub fn last_look(&self) -> Option<Duration> {
        let looked = self.inner.looked.0.lock().unwrap_or_else(PoisonError::into_inner);
        looked.map(|at| at.elapsed())
    }
}

impl Inner {
    /// What an earlier process, or a server that is gone, left undone besides its calls and timers.
    pub(super) async fn take_over(self: &Arc<Self>) {
        if let Err(error) = self.continue_due().await {
            tracing::error!(%error, "runs that must continue cannot be read; the watch tries again");
        }
        self.deliver_all().await;
    }

    async fn continue_due(self: &Arc<Self>) -> Result<(), EngineError> {
        let mut last = Vec::new();
        loop {
            let due = store::runs_due(&self.store, BATCH).await?;
            if due.is_empty() || due == last || self.stop.is_cancelled() {
                return Ok(()); // the same again: they cannot be moved now
            }
            self.tell_all(&due, &Command::Continue).await;
            last = due;
        }
    }

    async fn tell_all(self: &Arc<Self>, runs: &[(OrganizationId, RunId)], command: &Command) {
        futures::stream::iter(runs.iter().copied())
            .for_each_concurrent(AT_ONCE, |(organization, run)| {
                let (inner, command) = (self.clone(), command.clone());
                let told = self.tasks.spawn(async move {
                    inner.insist_times(organization, run, command, TOLD_TIMES_MAX).await
                });
                async move {
                    let _ = told.await;
                }
            })
            .await;
    }

    /// Every unfinished run waits for a call, its turn, a timer, a person, an event, a message or another run. One that does not is
    /// told to continue; when that does not help it is blocked, where people see it.
    async fn look_for_stuck(self: &Arc<Self>) -> Result<usize, EngineError> {
        self.continue_due().await?;
        let quiet_since = self.clock.now() - TimeDelta::seconds(30);
        let stuck = store::runs_stuck(&self.store, quiet_since, BATCH).await?;
        if stuck.is_empty() {
            return Ok(0);
        }
        tracing::error!(runs = stuck.len(), "runs wait for nothing");
        self.tell_all(&stuck, &Command::Continue).await;
        let still = store::runs_stuck(&self.store, quiet_since, BATCH).await?;
        let reason = "The run waits for nothing that could ever happen; this is a defect. Resume it to try \
                      again, or stop it.";
        let block = Command::Block { reason: reason.into(), activation: None };
        self.tell_all(&still, &block).await;
        Ok(still.len())
    }
}

//! Callers that wait for a run.

use super::{EngineError, EngineHandle};
use crate::store;
use signalbox::{
    id::{OrganizationId, RunId},
    run::{RunPhase, RunStatus},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// Callers that may wait at once.
const WAITERS_MAX: usize = 10_000;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// The run's end.
    End,
    /// The run's end, or that it needs a person (a decision, an intervention, a resume).
    Person,
}

impl WaitFor {
    fn is_met(self, phase: RunPhase) -> bool {
        let needs_person =
            matches!(phase, RunPhase::AwaitingInput | RunPhase::Blocked | RunPhase::Paused);
        phase.is_terminal() || (self == Self::Person && needs_person)
    }
}

#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<RunId, Vec<Waiter>>>);

struct Waiter {
    organization: OrganizationId,
    what: WaitFor,
    tell: oneshot::Sender<RunStatus>,
}

impl Waiters {
    fn add(
        &self,
        organization: OrganizationId,
        run: RunId,
        what: WaitFor,
    ) -> Result<oneshot::Receiver<RunStatus>, EngineError> {
        let (tell, told) = oneshot::channel();
        let mut waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiters.len() >= WAITERS_MAX {
            waiters.retain(|_, waiting| {
                waiting.retain(|waiter| !waiter.tell.is_closed());
                !waiting.is_empty()
            });
            if waiters.len() >= WAITERS_MAX {
                return Err(EngineError::Busy);
            }
        }
        let waiting = waiters.entry(run).or_default();
        waiting.retain(|waiter| !waiter.tell.is_closed());
        if waiting.len() >= WAITERS_MAX {
            return Err(EngineError::Busy);
        }
        waiting.push(Waiter { organization, what, tell });
        Ok(told)
    }

    /// Whether anybody waits for a run.
    pub(super) fn has(&self, run: RunId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&run)
    }

    /// All runs that somebody waits for.
    pub(super) fn waited_for(&self) -> Vec<(OrganizationId, RunId)> {
        let waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of =
            |(run, waiting): (&RunId, &Vec<Waiter>)| Some((waiting.first()?.organization, *run));
        waiters.iter().filter_map(of).collect()
    }

    /// Tells those whose wait is over.
    pub(super) fn tell(&self, run: RunId, status: &RunStatus) {
        let mut waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = waiters.get_mut(&run) else { return };
        let phase = status.phase();
        for waiter in std::mem::take(waiting) {
            if waiter.what.is_met(phase) {
                let _ = waiter.tell.send(status.clone());
            } else if !waiter.tell.is_closed() {
                waiting.push(waiter);
            }
        }
        if waiting.is_empty() {
            waiters.remove(&run);
        }
    }

    fn tidy(&self, run: RunId) {
        let mut waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = waiters.get_mut(&run) {
            waiting.retain(|waiter| !waiter.tell.is_closed());
            if waiting.is_empty() {
                waiters.remove(&run);
            }
        }
    }
}

impl EngineHandle {
    /// Waits until a run ends (or needs a person), at most so long; gives the status at that time.
    pub async fn wait(
        &self,
        organization: OrganizationId,
        run: RunId,
        what: WaitFor,
        timeout: Duration,
    ) -> Result<RunStatus, EngineError> {
        let told = self.inner.waiters.add(organization, run, what)?;
        // Looked at after joining the waiters, so that no change falls in between.
        let status = store::run_fetch(self.store(), organization, run).await.map(|row| row.status);
        if let Ok(status) = &status
            && !what.is_met(status.phase())
            && let Ok(Ok(status)) = tokio::time::timeout(timeout, told).await
        {
            return Ok(status);
        }
        self.inner.waiters.tidy(run);
        status?;
        Ok(store::run_fetch(self.store(), organization, run).await?.status)
    }
}

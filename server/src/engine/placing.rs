//! Calls of named queues with a limit take a place among those of all servers before they are made (`store/call_places`).
//!
//! Who gets none asks again after a moment: nobody is told when a place gets free on another server. Asking again begins
//! with a look that keeps nobody from writing.

use super::{Inner, queue::Job};
use crate::store::{self, PlaceAnswer, PlaceAsk, StoreResult};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

/// Until the next try when all places are taken, in milliseconds, give or take some: at first, and from then on.
const FULL_AGAIN_MS: [u64; 2] = [250, 500];
/// The same when a call of another server goes first. Ten of them are longer than its longest pause.
const BEHIND_AGAIN_MS: u64 = 100;
/// At most, where it is known how long it takes: limits may be set anew meanwhile.
const LATE_AGAIN_MAX_MS: u64 = 2_000;
/// Each so many-th try is no look.
const ASKS_EACH: u32 = 8;

impl Inner {
    /// The call, with its place if it needs one; none: it waits again, or is over, and its place here is free.
    pub(super) async fn with_place(self: &Arc<Self>, job: Job) -> Option<Job> {
        let Some(ask) = job.ask else { return Some(job) };
        let answer = match job.cancelled.is_cancelled() {
            true => PlaceAnswer::Gone,
            // Whatever breaks in it: its queue must not stay closed.
            false => AssertUnwindSafe(self.ask_for_place(&job, ask))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| {
                    tracing::error!(run = %job.call.run, "asking for a place broke off; this is a defect");
                    PlaceAnswer::Full
                }),
        };
        match answer {
            PlaceAnswer::Taken { claims } if claims <= self.config.claims_max => {
                self.queue.placed(&job.call, true);
                self.pump(); // the next of its queue may ask
                Some(job)
            }
            PlaceAnswer::Taken { claims } => {
                self.queue.placed(&job.call, false);
                let held = AssertUnwindSafe(self.hold_begun(&job.call, claims)).catch_unwind();
                if held.await.is_err() {
                    tracing::error!(run = %job.call.run, "holding a call broke off; this is a defect");
                }
                self.over(&job)
            }
            PlaceAnswer::Gone => {
                self.queue.placed(&job.call, false);
                self.over(&job)
            }
            PlaceAnswer::Full => {
                let wait_ms = FULL_AGAIN_MS[usize::from(job.refused > 0)];
                self.later(job, self.store.spread_ms(wait_ms), false)
            }
            PlaceAnswer::GivesWay => self.later(job, self.store.spread_ms(BEHIND_AGAIN_MS), true),
            PlaceAnswer::Late { wait_ms } => {
                self.later(job, wait_ms.min(LATE_AGAIN_MAX_MS) + 1, false)
            }
        }
    }

    async fn ask_for_place(&self, job: &Job, ask: PlaceAsk) -> PlaceAnswer {
        self.place_of(job, ask).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a call cannot ask for its place; it asks again");
            PlaceAnswer::Full
        })
    }

    async fn place_of(&self, job: &Job, ask: PlaceAsk) -> StoreResult<PlaceAnswer> {
        // Now and then it is asked for whatever the look says: that sets free what this server left off.
        let looks = !job.refused.is_multiple_of(ASKS_EACH);
        if looks && let Some(refused) = store::call_refused(&self.store, &job.call, ask).await? {
            return Ok(refused);
        }
        let call = job.call.clone();
        let taken = self
            .store
            .write(move |tx| async move { store::call_take_place(tx, &call, ask).await }.boxed());
        taken.await
    }

    fn over(self: &Arc<Self>, job: &Job) -> Option<Job> {
        self.queue.done(&job.call);
        self.pump();
        None
    }

    /// It waits where it stood, and its queue is closed for a while.
    fn later(self: &Arc<Self>, job: Job, wait_ms: u64, gives_way: bool) -> Option<Job> {
        let (organization, queue) = (job.call.organization, job.call.route.queue.clone());
        self.queue.put_back(job, gives_way);
        self.pump(); // calls of other queues may have the room
        let inner = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = inner.stop.cancelled() => return,
                () = inner.clock.sleep(Duration::from_millis(wait_ms)) => {}
            }
            inner.queue.open_queue(organization, queue.as_deref());
            inner.pump();
        });
        None
    }
}

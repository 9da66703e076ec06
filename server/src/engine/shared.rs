//! Several servers on one database: what the others did, and what they left.
//!
//! Every server does the work that its own commits ask for. What a server that is gone owned becomes
//! free and is taken here, by a poll and at once when its lease is seen to have ended. What others
//! commit is heard through the feed: callers that wait for a run are told, calls of ended runs are
//! given up.

use super::Inner;
use crate::store::{self, FeedEntry, StoreError};
use signalbox::{
    id::{OrganizationId, RunId},
    run::RunPhase,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};
use tokio_util::sync::CancellationToken;

/// How often free work is looked for, give or take 30 %.
const POLL_MS: u64 = 1_000;

/// Starts both tasks where the database is shared.
pub(super) fn start(inner: &Arc<Inner>) {
    let Some(freed) = inner.store.work_freed() else { return };
    inner.tasks.spawn(poll(inner.clone(), freed));
    inner.tasks.spawn(follow(inner.clone(), inner.store.feed()));
}

async fn poll(inner: Arc<Inner>, mut freed: watch::Receiver<u64>) {
    loop {
        let pause = inner.store.spread_ms(POLL_MS);
        let is_free = tokio::select! {
            biased; // the same order each time: a seed of the simulation gives one run
            () = inner.stop.cancelled() => return,
            changed = freed.changed() => match changed {
                Ok(()) => true,
                Err(_) => return,
            },
            () = inner.clock.sleep(Duration::from_millis(pause)) => false,
        };
        if !inner.store.may_work() {
            continue;
        }
        inner.queue.expect_more();
        inner.pump();
        inner.alarm.look();
        if is_free {
            inner.take_over().await;
            inner.see_to_others();
        }
    }
}

async fn follow(inner: Arc<Inner>, mut feed: broadcast::Receiver<Arc<FeedEntry>>) {
    loop {
        let heard = tokio::select! {
            biased; // the same order each time: a seed of the simulation gives one run
            () = inner.stop.cancelled() => return,
            heard = feed.recv() => heard,
        };
        match heard {
            Ok(entry) if entry.topic == "run" => inner.moved_on(&entry).await,
            Ok(entry) if entry.topic == "queues" => {
                inner.queue.gates_changed(entry.organization);
                inner.pump();
                inner.see_to_others();
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                for (organization, run) in inner.waiters.waited_for() {
                    inner.tell_waiters(organization, run).await;
                }
                inner.queue.all_gates_changed();
                inner.pump();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

impl Inner {
    /// A run moved on, here or elsewhere.
    async fn moved_on(&self, entry: &FeedEntry) {
        let run = RunId(entry.resource);
        let phase = entry.payload.get("phase").and_then(serde_json::Value::as_str);
        let is_over = RunPhase::ALL
            .into_iter()
            .any(|known| known.is_terminal() && phase == Some(known.as_str()));
        if is_over {
            // It comes a moment after the commit: the run may have been taken up again.
            let seq = entry.payload.get("seq").and_then(serde_json::Value::as_u64);
            let read_back = self.queue.cancel_run(run, seq.unwrap_or(0));
            if !read_back.is_empty() && self.is_over(entry.organization, run).await {
                read_back.iter().for_each(CancellationToken::cancel);
            }
        }
        if self.waiters.has(run) {
            self.tell_waiters(entry.organization, run).await;
        }
    }

    /// Whether a run is over now. One that cannot be read may go on.
    async fn is_over(&self, organization: OrganizationId, run: RunId) -> bool {
        match store::run_fetch(&self.store, organization, run).await {
            Ok(row) => row.status.phase().is_terminal(),
            Err(StoreError::NotFound { .. }) => true,
            Err(error) => {
                tracing::warn!(%run, %error, "whether a run is over is not known; its calls go on");
                false
            }
        }
    }

    async fn tell_waiters(&self, organization: OrganizationId, run: RunId) {
        match store::run_fetch(&self.store, organization, run).await {
            Ok(row) => self.waiters.tell(run, &row.status),
            Err(error) => tracing::warn!(%run, %error, "who waits for a run was not told"),
        }
    }
}

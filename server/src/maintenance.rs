//! Now and then: forget sessions and kept answers that nobody can use any more.

use crate::{
    app_state::AppState,
    auth::{SESSION_AGE_DAYS, SESSION_IDLE_HOURS},
    http::idempotent,
    store::{self, StoreResult},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(15 * 60);

/// Starts the task; it ends with the server.
pub fn start(state: &AppState) {
    let state = state.clone();
    tokio::spawn(async move {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = state.shutdown().cancelled() => return,
            }
            if let Err(error) = sweep(&state, state.now()).await {
                tracing::warn!(%error, "the sweep did not finish");
            }
        }
    });
}

/// Drops a bounded number of rows that are past their time.
pub async fn sweep(state: &AppState, now: DateTime<Utc>) -> StoreResult<()> {
    let idle = now - TimeDelta::hours(SESSION_IDLE_HOURS);
    let old = now - TimeDelta::days(SESSION_AGE_DAYS);
    let answers = now - TimeDelta::hours(idempotent::KEPT_HOURS);
    let op = state.store().write(move |tx| {
        async move {
            store::session_prune(tx, idle, old).await?;
            store::answer_prune(tx, answers).await?;
            Ok(())
        }
        .boxed()
    });
    op.await
}

//! Now and then: forget what nobody can use any more (sessions, kept answers) and what an organisation does not
//! keep for longer (runs that are over, events from outside), and let the file shrink.
//!
//! Every transaction deletes a bounded number of rows, so that nobody's write waits long behind one.

use crate::{
    app_state::AppState,
    auth::{SESSION_AGE_DAYS, SESSION_IDLE_HOURS},
    http::idempotent,
    setting::SettingError,
    store::{self, Store, StoreResult},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use signalbox::{id::OrganizationId, wire::HistorySettings};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};

const EVERY: Duration = Duration::from_secs(15 * 60);
/// Organisations of one sweep.
const ORGANIZATIONS_MAX: u32 = 10_000;
/// Transactions of one sweep for one organisation; what is left waits for the next.
const STEPS_MAX: usize = 500;
/// Between two steps, so that others come first.
const PAUSE: Duration = Duration::from_millis(10);

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
            tokio::select! {
                swept = sweep(&state, state.now()) => {
                    if let Err(error) = swept {
                        tracing::warn!(%error, "the sweep did not finish");
                    }
                }
                () = state.shutdown().cancelled() => return,
            }
        }
    });
}

/// One sweep: drops what is past its time.
pub async fn sweep(state: &AppState, now: DateTime<Utc>) -> Result<(), SettingError> {
    let idle = now - TimeDelta::hours(SESSION_IDLE_HOURS);
    let old = now - TimeDelta::days(SESSION_AGE_DAYS);
    let answers = now - TimeDelta::hours(idempotent::KEPT_HOURS);
    let op = state
        .store()
        .write(move |tx| async move { store::session_prune(tx, idle, old).await }.boxed());
    op.await?;
    for _ in 0..STEPS_MAX {
        let op = state
            .store()
            .write(move |tx| async move { store::answer_prune(tx, answers).await }.boxed());
        if op.await? < store::PRUNED_ROWS_MAX {
            break;
        }
        sleep(PAUSE).await;
    }
    for organization in store::organization_list(state.store(), ORGANIZATIONS_MAX).await? {
        let kept = state.gate().channels().settings().history(organization.id).await?;
        forget(state.store(), organization.id, &kept, now).await?;
    }
    while state.store().shrink().await? {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Forgets what an organisation does not keep for longer.
pub async fn forget(
    store: &Store,
    organization: OrganizationId,
    kept: &HistorySettings,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let runs = now - TimeDelta::days(i64::from(kept.runs_days));
    let events = now - TimeDelta::days(i64::from(kept.keys_days));
    let mut rows = 0;
    for _ in 0..STEPS_MAX {
        let step = store.write(move |tx| {
            async move {
                let events = store::outside_events_prune(tx, organization, events).await?;
                if events > 0 {
                    return Ok((events, true));
                }
                let runs = store::history_prune(tx, organization, runs).await?;
                Ok((runs, runs >= store::PRUNED_ROWS_MAX))
            }
            .boxed()
        });
        let (gone, more) = step.await?;
        rows += gone;
        if !more {
            break;
        }
        sleep(PAUSE).await;
    }
    if rows > 0 {
        tracing::info!(%organization, rows, "forgot what is kept no longer");
    }
    Ok(())
}

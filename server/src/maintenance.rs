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
use tokio::time::sleep;

/// Between two sweeps when something was left to do.
const SOON: Duration = Duration::from_secs(5);
/// Ids of organisations that are read at once.
const ORGANIZATIONS_AT_ONCE: u32 = 1_000;
/// Transactions of one sweep for one organisation; what is left waits until the others had their turn.
const STEPS_MAX: usize = 500;
/// Between two steps, so that others come first.
const PAUSE: Duration = Duration::from_millis(10);
/// While others write the file does not shrink: it is tried again after this time, and so many times.
const BUSY_PAUSE: Duration = Duration::from_millis(200);
const BUSY_MAX: usize = 50;

/// Starts the task; it ends with the server. Between two sweeps lies so much time when nothing was left to do.
pub fn start(state: &AppState, every: Duration) {
    let own = state.clone();
    state.engine().beside("maintenance", move |stop| {
        let state = own.clone();
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = state.shutdown().cancelled() => {}
                () = keep_sweeping(&state, every) => {}
            }
        }
    });
}

async fn keep_sweeping(state: &AppState, every: Duration) {
    loop {
        let pause = match sweep(state, state.now()).await {
            Ok(true) => SOON.min(every),
            Ok(false) => every,
            Err(error) => {
                tracing::warn!(%error, "the sweep did not finish");
                every
            }
        };
        sleep(pause).await;
    }
}

/// One sweep: drops what is past its time; whether something was left to drop.
pub async fn sweep(state: &AppState, now: DateTime<Utc>) -> StoreResult<bool> {
    let idle = now - TimeDelta::hours(SESSION_IDLE_HOURS);
    let old = now - TimeDelta::days(SESSION_AGE_DAYS);
    let store = state.store();
    let op =
        store.write(move |tx| async move { store::session_prune(tx, idle, old).await }.boxed());
    op.await?;
    let mut is_left = answers(store, now).await?;
    let mut after = None;
    loop {
        let page = store::organization_ids(store, after, ORGANIZATIONS_AT_ONCE).await?;
        for organization in &page {
            // One whose settings or rows cannot be read holds up no other.
            match of_organization(state, *organization, now).await {
                Ok(more) => is_left |= more,
                Err(error) => {
                    tracing::warn!(%organization, %error, "what is kept no longer was not all forgotten");
                }
            }
        }
        after = page.last().copied();
        if after.is_none() {
            break;
        }
    }
    shrink(store).await?;
    Ok(is_left)
}

/// Forgets answers that nobody asks for again; whether some are left.
async fn answers(store: &Store, now: DateTime<Utc>) -> StoreResult<bool> {
    let before = now - TimeDelta::hours(idempotent::KEPT_HOURS);
    for _ in 0..STEPS_MAX {
        let op =
            store.write(move |tx| async move { store::answer_prune(tx, before).await }.boxed());
        if op.await? < store::PRUNED_ROWS_MAX {
            return Ok(false);
        }
        sleep(PAUSE).await;
    }
    Ok(true)
}

async fn of_organization(
    state: &AppState,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<bool, SettingError> {
    let kept = state.gate().channels().settings().history(organization).await?;
    Ok(forget(state.store(), organization, &kept, now).await?)
}

/// Gives the file's free room back. While others write it waits a moment, but not for ever.
async fn shrink(store: &Store) -> StoreResult<()> {
    for _ in 0..BUSY_MAX {
        while store.shrink().await? {
            sleep(PAUSE).await;
        }
        if store.is_shared() || store.size_bytes().await?.1 == 0 {
            break;
        }
        sleep(BUSY_PAUSE).await;
    }
    Ok(())
}

/// Forgets what an organisation does not keep for longer; whether something is left.
pub async fn forget(
    store: &Store,
    organization: OrganizationId,
    kept: &HistorySettings,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let runs = now - TimeDelta::days(i64::from(kept.runs_days));
    let events = now - TimeDelta::days(i64::from(kept.keys_days));
    let (mut rows, mut is_left) = (0, true);
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
            is_left = false;
            break;
        }
        sleep(PAUSE).await;
    }
    if rows > 0 {
        tracing::info!(%organization, rows, "forgot what is kept no longer");
    }
    Ok(is_left)
}

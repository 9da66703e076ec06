//! What starts runs by itself: schedules that are due, and events that workflows ask for.
//!
//! Both are rows that are written with what causes them, so nothing is lost when the process ends: a schedule
//! remembers up to which time it is dealt with and moves on in the transaction that starts its run; an event
//! stays pending until all were told, and a run's key names the event that started it.
//!
//! Deliberately absent: when a rule fires and what becomes of missed times (`signalbox::time`), webhooks
//! (`http::api::hooks`), and the rows' making, which goes with publishing (`store`).

mod event;
mod schedule;

use crate::{
    engine::{EngineError, EngineHandle},
    store::{self, FeedEntry, StoreError},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

pub use schedule::{next_time, zone_of};

/// The longest time without a look into the database.
const LOOK_EVERY_MS: i64 = 20_000;
/// After a failure it is tried again.
const AGAIN_MS: i64 = 1_000;

/// Starts the task; it ends with the engine.
pub fn start(engine: &EngineHandle) {
    let own = engine.clone();
    engine.beside("triggers", move |stop| run(own.clone(), stop));
}

async fn run(engine: EngineHandle, stop: CancellationToken) {
    let mut feed = engine.store().feed_listener();
    // What is known about zones may have changed since the times were made.
    let remade = engine.store().write(|tx| store::schedules_remake(tx).boxed());
    if let Err(error) = remade.await {
        tracing::error!(%error, "the times of schedules were not made anew");
    }
    while !stop.is_cancelled() {
        let now = engine.clock().now();
        let latest = now + TimeDelta::milliseconds(LOOK_EVERY_MS);
        let wake_at = match look(&engine).await {
            Ok(next) => next.map_or(latest, |next| next.min(latest)),
            Err(error) => {
                tracing::warn!(%error, "not everything that is due was started; trying again");
                now + TimeDelta::milliseconds(AGAIN_MS)
            }
        };
        let mut time = engine.clock().sleep_until(wake_at);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = &mut time => break,
                entry = feed.next() => match entry {
                    Ok(entry) if concerns(&entry) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }
}

/// Whether an entry of the feed may have made something due.
fn concerns(entry: &FeedEntry) -> bool {
    matches!(entry.topic.as_ref(), "event" | "workflow")
}

/// Starts what is due by the clock and tells about what happened; gives the time of the next schedule.
pub async fn look(engine: &EngineHandle) -> Result<Option<DateTime<Utc>>, EngineError> {
    // Both are tried, so that a failure of one does not hold up the other.
    let told = event::tell_all(engine).await;
    let fired = schedule::fire_due(engine).await;
    told?;
    fired?;
    Ok(store::schedule_next(engine.store()).await?)
}

/// Whether trying again later may help. Otherwise the reason is noted and the trigger goes on.
fn may_pass(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Busy
            | EngineError::Stopping
            | EngineError::NoRoom { .. }
            | EngineError::Store(StoreError::Unavailable(_) | StoreError::Conflict { .. })
    )
}

//! Notices that time or the database did not just go on: hours of standstill, a clock that was set, a database that was
//! restored or failed over. Then nothing leaves until an administrator of each organisation has looked at what is due:
//! what was sent after the backup would be sent again, and what nobody wants any more would leave at once. Everything
//! inside goes on.
//!
//! An embedded database and a file beside it hold the same random id, which is new every minute, so that a copy that is
//! put in the place of the database is known as one. A copy of the whole folder is known by its age alone.
//!
//! Deliberately absent: what a pause does (see `gate`).

mod clock;
mod finding;
mod generation;

pub use clock::{Reading, clock_jump};

use crate::{
    app_state::AppState,
    store::{self, Marks, Store, StoreResult},
};
use chrono::{DateTime, TimeDelta, Utc};
use clock::Watch;
use finding::{Finding, Seen, found, found_unmarked, merged};
use futures::FutureExt;
use signalbox::wire::PauseReason;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;
use uuid::Uuid;

/// How often the clocks are compared, and a database server is asked which one it is.
const TICK: Duration = Duration::from_secs(1);
/// How often it is noted that a server is alive.
const BEAT_EVERY: Duration = Duration::from_secs(60);

/// Watches over time and the database, and pauses outbound.
pub struct Guard {
    store: Store,
    /// Of an embedded database.
    folder: Option<PathBuf>,
    after: TimeDelta,
    /// Otherwise it only notes what there is.
    pauses: bool,
    watch: Arc<Watch>,
}

impl Guard {
    /// A guard over a store; `folder` is where an embedded database lies, `after` how long a standstill may be.
    pub fn new(store: Store, folder: Option<PathBuf>, after: TimeDelta) -> Self {
        Self { store, folder, after, pauses: true, watch: Arc::new(Watch::new(after)) }
    }

    /// One that pauses nothing and still notes what there is: whoever lets it pause again later begins from there.
    pub fn only_noting(self) -> Self {
        Self { pauses: false, ..self }
    }

    /// Looks before anything is sent; what was found, and paused every organisation.
    pub async fn at_boot(&self, now: DateTime<Utc>) -> StoreResult<Option<PauseReason>> {
        let marks = store::marks_fetch(&self.store).await?;
        let seen = self.see().await;
        if seen.identity.as_ref().is_some_and(|identity| identity.contains('?')) {
            tracing::info!(
                "the database server does not tell this role all about itself: a failover may go unnoticed"
            );
        }
        let finding = match &marks {
            Some(marks) => found(marks, &seen, now, Some(self.after)),
            None => found_unmarked(&seen),
        };
        let finding = finding.filter(|_| self.pauses);
        let marks = match marks {
            None if finding.is_none() => Some(self.begin(&seen, now).await?),
            marks => marks,
        };
        self.note(marks, seen, finding, now).await
    }

    /// The first marks, before the first file: a file beside a database without marks belongs to another one.
    async fn begin(&self, seen: &Seen, now: DateTime<Utc>) -> StoreResult<Marks> {
        let marks = Marks { alive_at: now, generation: None, identity: seen.identity.clone() };
        let put = marks.clone();
        let write =
            self.store.write(move |tx| async move { store::marks_put(tx, &put).await }.boxed());
        write.await.map(|()| marks)
    }

    /// Looks while the server runs, and notes that it does; what was found, and paused every organisation.
    pub async fn beat(&self, now: DateTime<Utc>) -> StoreResult<Option<PauseReason>> {
        self.look(now, true).await
    }

    async fn look(&self, now: DateTime<Utc>, is_noted: bool) -> StoreResult<Option<PauseReason>> {
        let marks = store::marks_fetch(&self.store).await?;
        let seen = self.see().await;
        let finding = marks.as_ref().and_then(|marks| found(marks, &seen, now, None));
        let finding = finding.filter(|_| self.pauses);
        match is_noted || finding.is_some() {
            true => self.note(marks, seen, finding, now).await,
            false => Ok(None),
        }
    }

    /// Watches in the background until the server ends. Call it before anything is sent.
    pub fn start(self, state: &AppState) {
        if self.pauses {
            let watch = self.watch.clone();
            state.gate().watch_time(Arc::new(move || watch.look().is_none()));
        }
        let guard = Arc::new(self);
        state.engine().beside("time", move |stop| {
            let guard = guard.clone();
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = guard.keep_watching() => {}
                }
            }
        });
    }

    async fn keep_watching(&self) {
        let mut beaten = Instant::now();
        loop {
            sleep(TICK).await;
            if let Some(finding) = self.watch.look().filter(|_| self.pauses) {
                match self.pause(&finding, Utc::now()).await {
                    Ok(()) => self.watch.settle(),
                    Err(error) => {
                        tracing::warn!(%error, "outbound could not be paused; nothing is sent until it is");
                        continue;
                    }
                }
            }
            let is_noted = beaten.elapsed() >= BEAT_EVERY;
            // A database server may be another one at any moment.
            if !is_noted && !self.store.is_shared() {
                continue;
            }
            match self.look(Utc::now(), is_noted).await {
                Ok(_) if is_noted => beaten = Instant::now(),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "it is not known whether this is the same database")
                }
            }
        }
    }

    async fn see(&self) -> Seen {
        let generations = match self.folder.clone() {
            None => None,
            Some(folder) => {
                let read = tokio::task::spawn_blocking(move || generation::read(&folder)).await;
                Some(read.unwrap_or_default())
            }
        };
        Seen { identity: store::identity_fetch(&self.store).await, generations }
    }

    /// Pauses where something was found, and remembers what there is now, in one commit.
    async fn note(
        &self,
        marks: Option<Marks>,
        seen: Seen,
        finding: Option<Finding>,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<PauseReason>> {
        let reason = finding.as_ref().map(|finding| finding.reason);
        let (was, identity) = match marks {
            Some(marks) => (marks.generation, merged(marks.identity, seen.identity)),
            None => (None, seen.identity),
        };
        let fresh = Uuid::new_v4().simple().to_string();
        let generation = match (&self.folder, reason) {
            (None, _) => was,
            // The file follows the commit: what a crash in between leaves is found again.
            (Some(_), Some(_)) => Some(fresh.clone()),
            // The file goes first and names both, so that what a crash in between leaves is the same database.
            (Some(_), None) => {
                let both = was.iter().cloned().chain([fresh.clone()]).collect();
                match self.write_file(both).await {
                    true => Some(fresh.clone()),
                    false => was,
                }
            }
        };
        let marks = Marks { alive_at: now, generation, identity };
        let write = self.store.write(move |tx| {
            async move {
                let paused = match &finding {
                    Some(finding) => {
                        warn(finding);
                        store::outbound_pause_all(tx, finding.reason, &finding.note, now).await?
                    }
                    None => 0,
                };
                store::marks_put(tx, &marks).await?;
                Ok(paused)
            }
            .boxed()
        });
        write.await?;
        if reason.is_some() && self.folder.is_some() {
            self.write_file(vec![fresh]).await;
        }
        Ok(reason)
    }

    async fn pause(&self, finding: &Finding, now: DateTime<Utc>) -> StoreResult<()> {
        warn(finding);
        let finding = finding.clone();
        // With the time as it is now, or a start soon after this would find the jump once more.
        let marks = store::marks_fetch(&self.store).await?;
        let marks = marks.map(|marks| Marks { alive_at: now, ..marks });
        let write = self.store.write(move |tx| {
            async move {
                store::outbound_pause_all(tx, finding.reason, &finding.note, now).await?;
                match marks {
                    Some(marks) => store::marks_put(tx, &marks).await,
                    None => Ok(()),
                }
            }
            .boxed()
        });
        write.await
    }

    /// Writes the file beside the database; whether it is on disk.
    async fn write_file(&self, ids: Vec<String>) -> bool {
        let Some(folder) = self.folder.clone() else { return false };
        let written = tokio::task::spawn_blocking(move || generation::write(&folder, &ids)).await;
        match written {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the file that tells a restored database cannot be written");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the file that tells a restored database was not written");
                false
            }
        }
    }
}

fn warn(finding: &Finding) {
    tracing::warn!(
        why = finding.note,
        "outbound is paused in every organisation until its administrator resumes it under Settings, Outbound"
    );
}

//! The store: the only place that speaks SQL.
//!
//! Reads go to a pool of read-only connections. Writes are *operations*, handed to one writer task
//! that runs many of them in one transaction and answers after the commit ([`Store::write`]); so a
//! caller that goes away never leaves a transaction half way, and an answer means on disk.
//!
//! To add a module: a migration with the next number, functions named noun first that take `&Store`
//! (reads) or `&mut Tx` (writes), bodies inside [`on_db!`](crate::on_db) or [`on_tx!`](crate::on_tx), so that the
//! same text compiles for each database.
//!
//! Deliberately absent: decisions. The store keeps what it is given and enforces fences and keys.

mod accounts;
mod approvals;
mod calls;
mod contacts;
mod error;
mod event_triggers;
mod events;
mod faults;
mod feed;
mod gate;
mod hooks;
mod idempotency;
mod links;
mod messages;
mod model_calls;
mod outbound;
mod outside;
mod overview;
mod run_care;
mod runs;
mod schedules;
mod secrets;
mod sessions;
mod settings;
mod sqlite;
mod tasks;
mod threads;
mod timers;
mod tokens;
mod triggers;
mod tx;
pub mod value;
mod versions;
mod workflows;
mod writer;

pub use accounts::*;
pub use approvals::*;
pub use calls::*;
pub use contacts::*;
pub use error::StoreError;
pub use event_triggers::*;
pub use events::*;
pub use faults::{FaultPoint, Faults};
pub use feed::FeedEntry;
pub use gate::*;
pub use hooks::*;
pub use idempotency::*;
pub use links::*;
pub use messages::*;
pub use model_calls::*;
pub use outbound::*;
pub use outside::*;
pub use overview::*;
pub use run_care::*;
pub use runs::*;
pub use schedules::*;
pub use secrets::*;
pub use sessions::*;
pub use settings::*;
pub use tasks::*;
pub use threads::*;
pub use timers::*;
pub use tokens::*;
pub use tx::Tx;
pub use versions::*;
pub use workflows::*;

use futures::future::BoxFuture;
use std::{path::Path, sync::Arc};
use tokio::sync::broadcast;

/// What a read or a write gives.
pub type StoreResult<T> = Result<T, StoreError>;

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    writer: writer::Handle,
    feed: broadcast::Sender<Arc<FeedEntry>>,
    // Dropped last: the lock on the folder, and the folder itself when it is a temporary one.
    place: sqlite::Place,
}

/// One variant a database; see [`on_db!`](crate::on_db).
pub(crate) enum Pool {
    Sqlite(sqlx::SqlitePool),
}

/// Runs the same body with the read pool of whichever database this is.
#[macro_export]
macro_rules! on_db {
    ($store:expr, |$pool:ident| $body:expr) => {
        match $store.pool() {
            $crate::store::Pool::Sqlite($pool) => $body,
        }
    };
}

/// How a store is opened.
#[derive(Clone, Default)]
pub struct StoreOptions {
    /// Faults to inject, for tests.
    pub faults: Option<Arc<dyn Faults>>,
    /// Concurrent reads; 4 when 0.
    pub readers: u32,
}

impl Store {
    /// Opens the database in a folder, which is made if missing and locked for this process.
    pub async fn open(data_dir: &Path) -> StoreResult<Self> {
        Self::open_with(data_dir, StoreOptions::default()).await
    }

    /// Opens with options.
    pub async fn open_with(data_dir: &Path, options: StoreOptions) -> StoreResult<Self> {
        Self::start(sqlite::Place::folder(data_dir)?, options).await
    }

    /// Opens the database of a folder although a server may be running on it, for a short piece of
    /// work such as making a token. Nothing that a server keeps in memory may be changed this way:
    /// runs, approvals, anything that appears in the feed.
    pub async fn open_beside(data_dir: &Path) -> StoreResult<Self> {
        Self::start(sqlite::Place::beside(data_dir)?, StoreOptions::default()).await
    }

    /// A private database that is gone when the last handle is dropped. It is a file in the system's
    /// folder for temporary files, because only files give readers a snapshot beside the writer.
    pub async fn in_memory() -> StoreResult<Self> {
        Self::start(sqlite::Place::temporary()?, StoreOptions::default()).await
    }

    async fn start(place: sqlite::Place, options: StoreOptions) -> StoreResult<Self> {
        let conn = sqlite::open_writer(&place).await?;
        let pool = sqlite::open_readers(&place, options.readers).await?;
        let (feed, _) = broadcast::channel(1_024);
        let reopen = place.clone_path();
        let writer = writer::start(Tx::sqlite(conn), reopen, feed.clone(), options.faults);
        Ok(Self { inner: Arc::new(Inner { pool: Pool::Sqlite(pool), writer, feed, place }) })
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    /// Runs an operation in the writer and answers when it is on disk. An error undoes what the
    /// operation did and nothing else. The operation runs to its end even if the caller goes away.
    ///
    /// ```ignore
    /// store.write(move |tx| async move { workflow_archive(tx, org, id, now).await }.boxed()).await?;
    /// ```
    ///
    /// No network or file access and no waiting inside: every other write waits behind it.
    pub async fn write<T, F>(&self, op: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, StoreResult<T>> + Send + 'static,
    {
        self.inner.writer.write(op).await
    }

    /// As [`write`](Self::write), with an error type of the caller's.
    pub async fn write_with<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        self.inner.writer.write(op).await
    }

    /// What changes in every organisation from now on, in commit order; who is too slow gets
    /// `Lagged` and reads [`feed_after`](Store::feed_after).
    pub fn feed(&self) -> broadcast::Receiver<Arc<FeedEntry>> {
        self.inner.feed.subscribe()
    }

    /// Finishes the writes that are queued and closes. Later writes are refused.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        on_db!(self, |pool| pool.close().await);
        self.inner.place.unlock();
    }
}

//! The store: the only place that speaks SQL.
//!
//! Reads go to a pool of read-only connections. Writes are *operations*, handed to one writer task
//! that runs many of them in one transaction and answers after the commit ([`Store::write`]); so a
//! caller that goes away never leaves a transaction half way, and an answer means on disk. On
//! PostgreSQL each operation is a transaction of its own and several run at once.
//!
//! To add a module: a migration with the next number in `migrations/sqlite` and its twin in
//! `migrations/postgres`, functions named noun first that take `&Store` (reads) or `&mut Tx` (writes),
//! bodies inside [`on_db!`](crate::on_db) or [`on_tx!`](crate::on_tx), so that the same text compiles for each
//! database. What is read in a write and decides about it must be fenced: by `WHERE`, by a key, by
//! `FOR UPDATE`, or by a turn, because on PostgreSQL others write meanwhile.
//!
//! Deliberately absent: decisions. The store keeps what it is given and enforces fences and keys.

mod accounts;
mod approvals;
mod call_places;
mod call_state;
mod calls;
#[cfg(test)]
mod conformance;
mod contacts;
mod error;
mod escalation;
mod event_triggers;
mod events;
mod faults;
mod feed;
mod floor;
mod gate;
mod gather;
mod group;
mod heard;
mod hooks;
mod idempotency;
mod kept;
mod links;
mod listener;
mod marks;
mod message_content;
mod message_revisions;
mod messages;
mod messages_due;
#[cfg(test)]
pub(crate) mod model;
mod model_calls;
mod outbound;
mod outbound_pauses;
mod outside;
mod overview;
mod packing;
mod patience;
mod payloads;
mod postgres;
mod probe;
mod remembered;
mod retention;
mod run_care;
mod run_ends;
mod run_list;
mod run_parts;
mod run_places;
mod runs;
mod schedules;
mod search;
mod secrets;
mod seen;
mod sessions;
mod settings;
mod space;
mod sqlite;
mod stand;
mod step_hooks;
mod tasks;
mod templates;
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
pub use call_places::{PlaceAnswer, PlaceAsk, call_refused, call_take_place};
pub use call_state::*;
pub use calls::*;
pub use contacts::*;
pub use error::StoreError;
pub use escalation::*;
pub use event_triggers::*;
pub use events::*;
pub use faults::{FaultPoint, Faults};
pub use feed::FeedEntry;
pub use floor::Floor;
pub use gate::*;
pub use heard::*;
pub use hooks::*;
pub use idempotency::*;
pub use links::*;
pub use listener::FeedListener;
pub use marks::*;
pub use message_content::Content;
pub use message_revisions::*;
pub use messages::*;
pub use messages_due::*;
pub use model_calls::*;
pub use outbound::*;
pub use outbound_pauses::*;
pub use outside::*;
pub use overview::*;
pub use payloads::{INLINE_BYTES_MAX, PAYLOAD_BYTES_MAX};
pub use probe::*;
pub use remembered::Remembered;
pub use retention::*;
pub use run_care::*;
pub use run_list::{RunFilter, run_list};
pub use run_parts::*;
pub use run_places::*;
pub use runs::*;
pub use schedules::*;
pub use secrets::*;
pub use sessions::*;
pub use settings::*;
pub use space::{DiskSpace, SpaceReading};
pub use stand::{Stand, TriggersOldest, stand, timer_oldest, triggers_oldest};
pub use step_hooks::*;
pub use tasks::*;
pub use templates::*;
pub use threads::*;
pub use timers::*;
pub use tokens::*;
pub use tx::Tx;
pub use versions::*;
pub use workflows::*;

use futures::future::BoxFuture;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// In unit tests a store may be the model in memory, which answers here instead of a database; everywhere
/// else this is nothing.
macro_rules! on_model {
    ($place:expr, |$model:ident| $body:expr) => {
        #[cfg(test)]
        if let Some($model) = $place.model() {
            return $body;
        }
    };
}
use on_model;

/// What a read or a write gives.
pub type StoreResult<T> = Result<T, StoreError>;

/// A database server that does not answer is waited for so long at the end.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    writer: Writer,
    feed: broadcast::Sender<Arc<FeedEntry>>,
    space: Option<SpaceReading>,
    room: space::Room,
}

/// Who writes; one variant a database.
enum Writer {
    Sqlite {
        queue: writer::Handle,
        /// Dropped last: the lock on the folder, and the folder itself when it is a temporary one.
        place: sqlite::Place,
    },
    Postgres {
        writer: postgres::Writer,
        /// For statements that claim and are whole by themselves.
        claims: kept::Kept<sqlx::Postgres>,
        events: Arc<postgres::Events>,
        lease: postgres::Lease,
        /// Ends the tasks in the background when the last handle is dropped.
        stop: DropGuard,
        tasks: TaskTracker,
    },
    #[cfg(test)]
    Model,
}

/// One variant a database; see [`on_db!`](crate::on_db).
pub(crate) enum Pool {
    Sqlite(kept::Kept<sqlx::Sqlite>),
    Postgres(kept::Kept<sqlx::Postgres>),
    #[cfg(test)]
    Model(model::Node),
}

/// Runs the same body with the read pool of whichever database this is.
#[macro_export]
macro_rules! on_db {
    ($store:expr, |$pool:ident| $body:expr) => {
        match $store.pool() {
            $crate::store::Pool::Sqlite($pool) => $body,
            $crate::store::Pool::Postgres($pool) => $body,
            #[cfg(test)]
            $crate::store::Pool::Model(_) => unreachable!("the model speaks no SQL"),
        }
    };
}

/// Rows of PostgreSQL that this server ($1 is its lease) may take: nobody's, its own, and those of
/// servers whose lease has run out.
#[macro_export]
macro_rules! free_of {
    ($row:literal) => {
        concat!(
            "(",
            $row,
            ".owner IS NULL OR ",
            $row,
            ".owner = $1 OR NOT EXISTS (SELECT 1 FROM servers s
               WHERE s.epoch = ",
            $row,
            ".owner AND s.expires_at > now()))"
        )
    };
}

/// How a store is opened.
#[derive(Clone, Default)]
pub struct StoreOptions {
    /// Faults to inject, for tests.
    pub faults: Option<Arc<dyn Faults>>,
    /// Concurrent reads; 4 when 0, 8 on a database server.
    pub readers: u32,
    /// Where the free space is read, for tests; the disk unless given.
    pub space: Option<SpaceReading>,
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
    /// work such as making a token; a folder without one is refused. Nothing that a server keeps in memory may be changed this way:
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
        let queue = writer::start(Tx::sqlite(conn), reopen, feed.clone(), options.faults);
        let writer = Writer::Sqlite { queue, place };
        let inner = Inner {
            pool: Pool::Sqlite(pool),
            writer,
            feed,
            space: options.space,
            room: space::Room::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens a database on a PostgreSQL server (`postgres://user:password@host/database`), beside any
    /// number of other servers.
    pub async fn connect(url: &str, options: StoreOptions) -> StoreResult<Self> {
        let place = postgres::Place::parse(url)?;
        place.migrate().await?;
        let breaks = patience::Breaks::new();
        let pool = place.readers(options.readers, &breaks);
        let writers = place.writers(postgres::WRITERS, &breaks);
        // Of their own: they must wait neither for operations nor for one another.
        let claims = place.writers(postgres::CLAIMS, &breaks);
        let numbers = place.writers(postgres::NUMBERS, &breaks);
        let mut keeper = place.keeper().await?;
        let lease = postgres::Lease::take(&mut keeper).await?;
        let position = postgres::newest_position(&numbers).await?;
        let (feed, _) = broadcast::channel(1_024);
        let (changed, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let tasks = TaskTracker::new();
        let keeping = lease.clone().keep(keeper, place.clone(), breaks.clone(), stop.clone());
        tasks.spawn(keeping);
        let events = Arc::new(postgres::Events::new(numbers.clone()));
        let numbering = postgres::Numbering {
            pool: numbers,
            events: events.clone(),
            place,
            lease: lease.clone(),
            changed: changed.clone(),
            feed: feed.clone(),
            breaks,
            stop: stop.clone(),
        };
        tasks.spawn(numbering.run(position));
        let writer = postgres::Writer::new(writers, lease.clone(), options.faults, changed);
        let stop = stop.drop_guard();
        let writer = Writer::Postgres { writer, claims, events, lease, stop, tasks };
        let inner = Inner {
            pool: Pool::Postgres(pool),
            writer,
            feed,
            space: options.space,
            room: space::Room::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The folder of an embedded database.
    fn folder(&self) -> Option<&Path> {
        match &self.inner.writer {
            Writer::Sqlite { place, .. } => place.file().parent(),
            Writer::Postgres { .. } => None,
            #[cfg(test)]
            Writer::Model => None,
        }
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
        self.write_with(op).await
    }

    /// As [`write`](Self::write), with an error type of the caller's.
    pub async fn write_with<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        match &self.inner.writer {
            Writer::Sqlite { queue, .. } => queue.write(op).await,
            Writer::Postgres { writer, .. } => writer.write(op).await,
            #[cfg(test)]
            Writer::Model => match self.model() {
                Some(node) => node.write(op).await,
                None => unreachable!("a model has a node"),
            },
        }
    }

    /// A new id, in the order of time.
    pub(crate) fn fresh_id(&self) -> uuid::Uuid {
        on_model!(self, |node| node.fresh_id());
        uuid::Uuid::now_v7()
    }

    /// A pause, give or take 30 %: servers that look at the same time would stand in each other's way.
    pub(crate) fn spread_ms(&self, ms: u64) -> u64 {
        on_model!(self, |node| node.spread_ms(ms));
        rand::random_range(ms * 7 / 10..ms * 13 / 10)
    }

    /// Whether several servers may work on this database.
    pub fn is_shared(&self) -> bool {
        on_model!(self, |node| node.is_shared());
        matches!(self.inner.writer, Writer::Postgres { .. })
    }

    /// Counts changes of rows that are [`Remembered`]; `None` where other servers change them too.
    fn catalogue_count(&self) -> Option<u64> {
        match &self.inner.writer {
            Writer::Sqlite { queue, .. } => Some(queue.changes()),
            Writer::Postgres { .. } => None,
            #[cfg(test)]
            Writer::Model => None,
        }
    }

    /// Whether what is written is to last.
    fn is_durable(&self) -> bool {
        match &self.inner.writer {
            Writer::Sqlite { place, .. } => place.is_durable(),
            Writer::Postgres { .. } => true,
            #[cfg(test)]
            Writer::Model => false,
        }
    }

    /// Operations that wait for the writer.
    pub fn writes_waiting(&self) -> usize {
        match &self.inner.writer {
            Writer::Sqlite { queue, .. } => queue.waiting(),
            Writer::Postgres { writer, .. } => writer.waiting(),
            #[cfg(test)]
            Writer::Model => 0,
        }
    }

    /// Whether nobody waits to write.
    fn is_idle(&self) -> bool {
        match &self.inner.writer {
            Writer::Sqlite { queue, .. } => queue.is_idle(),
            Writer::Postgres { .. } => false,
            #[cfg(test)]
            Writer::Model => false,
        }
    }

    /// Whether this server may take work: false while its lease cannot be renewed.
    pub fn may_work(&self) -> bool {
        match &self.inner.writer {
            Writer::Sqlite { .. } => true,
            Writer::Postgres { lease, .. } => lease.is_held(),
            #[cfg(test)]
            Writer::Model => self.model().is_some_and(model::Node::is_held),
        }
    }

    /// Changes when work of a server that is gone became free; `None` where there is only one server.
    pub fn work_freed(&self) -> Option<watch::Receiver<u64>> {
        match &self.inner.writer {
            Writer::Sqlite { .. } => None,
            Writer::Postgres { lease, .. } => Some(lease.freed()),
            #[cfg(test)]
            Writer::Model => self.model().and_then(model::Node::freed),
        }
    }

    /// Where claims are made: a pool of their own, and the lease they are made under.
    fn claims(&self) -> Option<(&kept::Kept<sqlx::Postgres>, i64)> {
        match &self.inner.writer {
            Writer::Sqlite { .. } => None,
            Writer::Postgres { claims, lease, .. } => Some((claims, lease.epoch())),
            #[cfg(test)]
            Writer::Model => None,
        }
    }

    /// Numbers the events that wait for it. Nothing does where they are numbered at once.
    async fn events_number(&self) -> StoreResult<()> {
        match &self.inner.writer {
            Writer::Sqlite { .. } => Ok(()),
            Writer::Postgres { events, .. } => events.number().await,
            #[cfg(test)]
            Writer::Model => Ok(()),
        }
    }

    /// Chooses by dialect, where one statement cannot serve both databases.
    fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.pool() {
            Pool::Sqlite(_) => sqlite,
            Pool::Postgres(_) => postgres,
            #[cfg(test)]
            Pool::Model(_) => sqlite,
        }
    }

    /// What changes in every organisation from now on, in commit order; who is too slow gets
    /// `Lagged` and reads [`feed_after`](Store::feed_after).
    pub fn feed(&self) -> broadcast::Receiver<Arc<FeedEntry>> {
        self.inner.feed.subscribe()
    }

    /// As [`feed`](Self::feed), for who listens all the time.
    pub fn feed_listener(&self) -> FeedListener {
        FeedListener::new(self.feed())
    }

    /// Finishes the writes that are queued and closes. Later writes are refused. A database server that does not
    /// answer is not waited for.
    pub async fn close(&self) {
        match &self.inner.writer {
            Writer::Sqlite { queue, place } => {
                queue.close().await;
                on_db!(self, |pool| pool.close().await);
                place.unlock();
            }
            Writer::Postgres { writer, claims, events, lease, stop, tasks } => {
                let closing = async {
                    writer.close().await;
                    stop.token().cancel();
                    tasks.close();
                    tasks.wait().await;
                    lease.give_back(claims).await;
                    writer.close_pool().await;
                    claims.close().await;
                    events.close_pool().await;
                    on_db!(self, |pool| pool.close().await);
                };
                if tokio::time::timeout(CLOSED_WITHIN, closing).await.is_err() {
                    stop.token().cancel();
                    tracing::warn!("the database does not answer; its connections just end");
                }
            }
            #[cfg(test)]
            Writer::Model => {}
        }
    }
}

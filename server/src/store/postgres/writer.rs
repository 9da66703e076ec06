//! The writer of PostgreSQL: every operation is a transaction of its own, several at once, each in a
//! task that nobody cancels. The database itself gathers commits that come together. An operation that asked nothing
//! goes in one trip, if it can. One that gets no answer for long is given up with its connection.

use super::super::{
    FaultPoint, Faults, StoreError, StoreResult, Tx,
    gather::{Whole, send_whole},
    kept::Kept,
    patience::silent,
    tx::Conn,
};
use super::{Lease, Leased};
use crate::metrics::metrics;
use futures::{FutureExt, future::BoxFuture};
use sqlx::Postgres;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;

/// Transactions at once, of all servers together; more wait for a place.
pub(in super::super) const WRITERS: u32 = 16;
/// Servers beside this one that are counted: each has four places at least.
const OTHERS_MAX: u32 = 3;

/// The way to the database for operations.
#[derive(Clone)]
pub(in super::super) struct Writer {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

struct Shared {
    pool: Kept<Postgres>,
    lease: Lease,
    faults: Option<Arc<dyn Faults>>,
    /// A test let the process "die".
    dead: AtomicBool,
    /// Told when entries of the feed wait for their numbers.
    changed: Arc<Notify>,
}

impl Writer {
    pub(in super::super) fn new(
        pool: Kept<Postgres>,
        lease: Lease,
        faults: Option<Arc<dyn Faults>>,
        changed: Arc<Notify>,
    ) -> Self {
        let shared = Shared { pool, lease, faults, dead: AtomicBool::new(false), changed };
        Self {
            shared: Arc::new(shared),
            places: Arc::new(Semaphore::new(WRITERS as usize)),
            tasks: TaskTracker::new(),
        }
    }

    pub(in super::super) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        // What all servers send at once stays about the same: more of it would only wait in the database.
        let share = 1 + self.shared.lease.others_count().min(OTHERS_MAX);
        let Ok(place) = self.places.clone().acquire_many_owned(share).await else {
            return Err(StoreError::Unavailable("it is closed".into()).into());
        };
        let shared = self.shared.clone();
        let task = self.tasks.spawn(async move {
            let result = shared.run(body).await;
            drop(place);
            result
        });
        task.await.unwrap_or_else(|_| Err(broke_off().into()))
    }

    /// Operations that run or wait to.
    pub(in super::super) fn waiting(&self) -> usize {
        self.tasks.len()
    }

    /// Finishes what has begun; nothing is begun any more.
    pub(in super::super) async fn close(&self) {
        self.places.close();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Closes the connections, at last.
    pub(in super::super) async fn close_pool(&self) {
        self.shared.pool.close().await;
    }
}

fn broke_off() -> StoreError {
    StoreError::Unavailable("the operation broke off; this is a defect".into())
}

impl Shared {
    async fn run<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let began = Instant::now();
        let mut tx = self.begin().await?;
        let Some(done) = self.pool.patience().wait(self.run_in(&mut tx, body)).await else {
            tx.abandon();
            return Err(unknown(silent().into()).into());
        };
        if done.is_ok() {
            metrics().committed(1, began.elapsed());
        }
        done
    }

    async fn run_in<T, E, F>(&self, tx: &mut Tx, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        // A bug in an operation must not leave its transaction open.
        let result = AssertUnwindSafe(async { body(&mut *tx).await }).catch_unwind().await;
        match result.unwrap_or_else(|_| Err(broke_off().into())) {
            Ok(value) => {
                self.commit(tx).await?;
                Ok(value)
            }
            Err(error) => {
                tx.give_up().await;
                Err(error)
            }
        }
    }

    async fn begin(&self) -> StoreResult<Tx> {
        if self.is_dead() {
            return Err(struck());
        }
        let conn = self.pool.take().await?;
        let mut tx = Tx::postgres(Leased::new(conn), self.lease.epoch());
        tx.begin();
        Ok(tx)
    }

    async fn commit(&self, tx: &mut Tx) -> StoreResult<()> {
        let told = tx.feed_to_inbox()?;
        if self.is_dead() || self.strikes(FaultPoint::BeforeCommit) {
            tx.give_up().await;
            return Err(struck());
        }
        match tx.commit_whole().await {
            Ok(true) => {}
            Ok(false) => self.commit_parts(tx).await?,
            Err(error) => return Err(unknown(error)),
        }
        if self.strikes(FaultPoint::AfterCommit) {
            return Err(struck());
        }
        if told {
            self.changed.notify_one();
        }
        Ok(())
    }

    async fn commit_parts(&self, tx: &mut Tx) -> StoreResult<()> {
        if let Err(error) = tx.send_last().await {
            tx.give_up().await;
            return Err(error);
        }
        tx.commit().await.map_err(unknown)
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn strikes(&self, point: FaultPoint) -> bool {
        let strikes = self.faults.as_ref().is_some_and(|faults| faults.strike(point));
        if strikes {
            self.dead.store(true, Ordering::SeqCst);
        }
        strikes
    }
}

fn struck() -> StoreError {
    StoreError::Unavailable("an injected fault".into())
}

/// Whether it is on disk is not known; its connection is not used again.
fn unknown(error: StoreError) -> StoreError {
    tracing::error!(%error, "the outcome of a commit is not known");
    error
}

impl Tx {
    /// Nobody waits for an answer any longer: its connection is closed with it.
    fn abandon(&mut self) {
        if let Conn::Postgres(conn) = &mut self.conn {
            conn.is_open = true;
        }
    }

    /// Commits in one trip, where nothing was asked before and it can be done; whether it was.
    async fn commit_whole(&mut self) -> StoreResult<bool> {
        if !self.is_unsent() || self.gathered.len() < 2 {
            return Ok(false);
        }
        let Conn::Postgres(conn) = &mut self.conn else { return Ok(false) };
        let statements: Vec<_> = self.gathered.iter().skip(1).collect();
        conn.is_open = true;
        match send_whole(conn, &statements).await {
            Whole::Committed => {
                conn.is_open = false;
                self.gathered.clear();
                Ok(true)
            }
            Whole::Undone => {
                conn.is_open = false;
                Ok(false)
            }
            Whole::Unknown(error) => Err(error.into()),
        }
    }

    /// Sends the last of an operation that is to be committed.
    async fn send_last(&mut self) -> StoreResult<()> {
        if self.is_unsent() && self.gathered.len() == 1 {
            return Ok(()); // nothing is to be written
        }
        if self.gathered.is_empty()
            && let Conn::Postgres(conn) = &mut self.conn
        {
            // The operation may have passed over an error of the database. Then its transaction is undone although
            // COMMIT says nothing; a statement says so.
            sqlx::query("SELECT 1").execute(&mut **conn).await?;
        }
        self.send().await
    }
}

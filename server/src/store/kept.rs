//! A pool of connections that are kept.
//!
//! The driver's pool asks every connection that comes back whether it lives: a trip for each read, as long as the read
//! itself. Here a connection whose last answer came whole is used again as it is, the warmest first; any other is looked
//! at first, and nobody waits for it meanwhile. Answers have a limit (`patience`): one that does not come takes its
//! connection with it.

use super::patience::{Patience, silent};
use futures::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt, future::BoxFuture, stream, stream::BoxStream,
};
use sqlx::{
    Connection, Database, Describe, Either, Error, Execute, Executor, Pool, SqlStr,
    pool::PoolConnection,
};
use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a caller waits for a connection.
const PLACE_WITHIN: Duration = Duration::from_secs(10);
/// A connection that was idle answers within this time when it is tried, or it is dead.
const TRIED_WITHIN: Duration = Duration::from_secs(2);

/// The pool; cheap to clone.
pub(crate) struct Kept<DB: Database> {
    inner: Arc<Inner<DB>>,
}

struct Inner<DB: Database> {
    pool: Pool<DB>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle<DB>>>,
    /// Idle for so long, a connection is tried before it is used.
    tried_after: Duration,
    patience: Patience,
}

/// A connection that nobody uses.
struct Idle<DB: Database> {
    conn: PoolConnection<DB>,
    since: Instant,
    /// How often connections had turned out to be dead when it gave its last answer.
    breaks: u64,
}

impl<DB: Database> Drop for Inner<DB> {
    /// Nobody closed it: the connections just end. Giving one back takes a runtime, which may be gone.
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        idle.drain(..).for_each(|idle| drop(idle.conn.leak()));
    }
}

impl<DB: Database> Clone for Kept<DB> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<DB: Database> std::fmt::Debug for Kept<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("pool", &self.inner.pool).finish_non_exhaustive()
    }
}

/// A connection of the pool.
pub(crate) struct Taken<DB: Database> {
    /// Always there until it is dropped.
    conn: Option<PoolConnection<DB>>,
    after: After,
    kept: Kept<DB>,
    /// Always there until it is dropped, or given to another connection.
    place: Option<OwnedSemaphorePermit>,
}

/// What becomes of a connection.
#[derive(Clone, Copy)]
enum After {
    /// It is looked at before it is used again.
    Look,
    /// Its last answer came whole: it is used again as it is.
    Keep,
    /// Nobody knows what state it is in.
    Close,
}

impl<DB: Database> Kept<DB> {
    /// Keeps so many of a pool's connections. Idle for `tried_after`, one may have broken, and is tried first.
    pub(super) fn new(
        pool: Pool<DB>,
        connections: u32,
        tried_after: Duration,
        patience: Patience,
    ) -> Self {
        let inner = Inner {
            pool,
            places: Arc::new(Semaphore::new(connections as usize)),
            idle: Mutex::default(),
            tried_after,
            patience,
        };
        Self { inner: Arc::new(inner) }
    }

    /// How long answers are waited for, for what is asked over a connection that was taken.
    pub(super) fn patience(&self) -> &Patience {
        &self.inner.patience
    }

    /// A connection, when there is one.
    pub(super) async fn take(&self) -> Result<Taken<DB>, Error> {
        let places = self.inner.places.clone();
        let place = tokio::time::timeout(PLACE_WITHIN, places.acquire_owned()).await;
        let mut place = place.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        while let Some(Idle { conn, since, .. }) = self.pop() {
            let mut taken = self.taken(conn, place);
            if since.elapsed() < self.inner.tried_after || taken.answers().await {
                return Ok(taken);
            }
            place = match taken.give_up() {
                Some(place) => place,
                None => return Err(Error::PoolClosed),
            };
        }
        Ok(self.taken(self.inner.pool.acquire().await?, place))
    }

    fn taken(&self, conn: PoolConnection<DB>, place: OwnedSemaphorePermit) -> Taken<DB> {
        Taken { conn: Some(conn), after: After::Look, kept: self.clone(), place: Some(place) }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<DB>>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The warmest of those that are idle, and not known to be dead.
    fn pop(&self) -> Option<Idle<DB>> {
        let (mut idle, breaks) = (self.idle(), self.inner.patience.breaks());
        loop {
            let next = idle.pop()?;
            if next.breaks == breaks {
                return Some(next);
            }
            drop(next.conn.detach());
        }
    }

    /// It will be used again as it is.
    fn put(&self, conn: PoolConnection<DB>) {
        let mut idle = self.idle();
        if !self.inner.places.is_closed() {
            let breaks = self.inner.patience.breaks();
            idle.push(Idle { conn, since: Instant::now(), breaks });
        }
    }

    /// Others that were idle as long as one that is dead are dead too: trying them one by one would take too long.
    fn forget_idle(&self) {
        let is_old = |idle: &Idle<DB>| idle.since.elapsed() >= self.inner.tried_after;
        let mut idle = self.idle();
        let (old, young): (Vec<_>, Vec<_>) = idle.drain(..).partition(is_old);
        *idle = young;
        drop(idle);
        old.into_iter().for_each(|idle| drop(idle.conn.detach()));
    }

    /// Looks at a connection that nobody waits for, and keeps it when it answers. What it was asked before may take its
    /// time; until then it counts, so that no more are busy than there are places.
    fn look(&self, mut conn: PoolConnection<DB>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return drop(conn.leak()); // the connection just ends
        };
        let kept = self.clone();
        runtime.spawn(async move {
            let answer = kept.patience().wait(conn.ping()).await;
            match answer {
                Some(Ok(())) => kept.put(conn),
                _ => drop(conn.detach()),
            }
        });
    }

    /// Waits for the connections to come back and closes all.
    pub(super) async fn close(&self) {
        self.inner.places.close();
        while let Some(idle) = self.pop() {
            drop(idle.conn); // to the driver's pool
        }
        self.inner.pool.close().await;
    }
}

impl<DB: Database> Taken<DB> {
    /// Its last answer came whole: it will be used again as it is.
    pub(super) fn keep(&mut self) {
        self.after = After::Keep;
    }

    /// Nobody knows what state it is in: it will be closed.
    pub(super) fn close(&mut self) {
        self.after = After::Close;
    }

    /// Notes how an answer came that was waited for with [`patience`](Kept::patience).
    pub(super) fn answered<T, E: From<Error>>(
        &mut self,
        answer: Option<Result<T, E>>,
    ) -> Result<T, E> {
        match answer {
            Some(Ok(value)) => {
                self.keep();
                Ok(value)
            }
            Some(Err(error)) => Err(error),
            None => {
                self.close();
                Err(silent().into())
            }
        }
    }

    /// Whether it still answers.
    async fn answers(&mut self) -> bool {
        let conn: &mut DB::Connection = self;
        let answer = tokio::time::timeout(TRIED_WITHIN, conn.ping()).await;
        match answer {
            Ok(answer) => answer.is_ok(),
            Err(_) => {
                self.kept.forget_idle();
                false
            }
        }
    }

    /// It does not answer any more: its place is another one's.
    fn give_up(mut self) -> Option<OwnedSemaphorePermit> {
        self.close();
        self.place.take()
    }
}

impl<DB: Database> Drop for Taken<DB> {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        match self.after {
            After::Look => self.kept.look(conn),
            After::Close => drop(conn.detach()),
            After::Keep => self.kept.put(conn),
        }
    }
}

impl<DB: Database> Deref for Taken<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        self.conn.as_ref().expect("it is there until it is dropped")
    }
}

impl<DB: Database> DerefMut for Taken<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        self.conn.as_mut().expect("it is there until it is dropped")
    }
}

impl<'p, DB: Database> Executor<'p> for &'_ Kept<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    /// All rows at once: every reader here bounds them.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
    where
        E: 'q + Execute<'q, DB>,
    {
        let kept = self.clone();
        let all = async move {
            let mut taken = kept.take().await?;
            let conn: &mut DB::Connection = &mut taken;
            let rows = conn.fetch_many(query).try_collect::<Vec<_>>();
            let answer = kept.patience().wait(rows).await;
            let all = taken.answered(answer)?;
            Ok::<_, Error>(stream::iter(all).map(Ok))
        };
        all.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        E: 'q + Execute<'q, DB>,
    {
        let kept = self.clone();
        async move {
            let mut taken = kept.take().await?;
            let conn: &mut DB::Connection = &mut taken;
            let answer = kept.patience().wait(conn.fetch_optional(query)).await;
            taken.answered(answer)
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'p: 'e,
    {
        let kept = self.clone();
        async move {
            let mut taken = kept.take().await?;
            let conn: &mut DB::Connection = &mut taken;
            conn.prepare_with(sql, parameters).await
        }
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        let kept = self.clone();
        async move {
            let mut taken = kept.take().await?;
            let conn: &mut DB::Connection = &mut taken;
            conn.describe(sql).await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::patience::Breaks, *};
    use sqlx::{Sqlite, SqlitePool};

    #[tokio::test]
    async fn a_connection_that_may_be_dead_is_not_used_again() {
        let (breaks, limit) = (Breaks::new(), Duration::from_secs(60));
        let pool = SqlitePool::connect_lazy("sqlite::memory:").expect("an address");
        let kept: Kept<Sqlite> = Kept::new(pool, 1, Duration::MAX, Patience::of(limit, &breaks));
        let marks = async || -> i64 {
            let count = "SELECT count(*) FROM sqlite_temp_master WHERE name = 'mark'";
            sqlx::query_scalar(count).fetch_one(&kept).await.expect("a count")
        };
        sqlx::query("CREATE TEMP TABLE mark (x)").execute(&kept).await.expect("it is made");
        assert_eq!(marks().await, 1, "the same connection again");
        breaks.announce();
        assert_eq!(marks().await, 0, "another one");
    }

    #[test]
    fn it_may_be_dropped_when_the_runtime_is_gone() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let kept = runtime.block_on(async {
            let pool = SqlitePool::connect_lazy("sqlite::memory:").expect("an address");
            let kept: Kept<Sqlite> = Kept::new(pool, 1, Duration::MAX, Patience::endless());
            let one: i64 = sqlx::query_scalar("SELECT 1").fetch_one(&kept).await.expect("one");
            assert_eq!((one, kept.inner.idle.lock().expect("not poisoned").len()), (1, 1));
            kept
        });
        drop(runtime);
        drop(kept);
    }
}

//! A pool of connections that are kept.
//!
//! The driver's pool asks every connection that comes back whether it lives: a trip for each read, as long as the read
//! itself. Here a connection whose last answer came whole is used again as it is, the warmest first; any other goes
//! back to the driver's pool, which looks at it.

use futures::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt, future::BoxFuture, stream, stream::BoxStream,
};
use sqlx::{
    Connection, Database, Describe, Either, Error, Execute, Executor, Pool, SqlStr,
    pool::PoolConnection,
};
use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pool; cheap to clone.
pub(crate) struct Kept<DB: Database> {
    inner: Arc<Inner<DB>>,
}

struct Inner<DB: Database> {
    pool: Pool<DB>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<(Instant, PoolConnection<DB>)>>,
    /// Idle for so long, a connection is tried before it is used.
    tried_after: Duration,
}

impl<DB: Database> Drop for Inner<DB> {
    /// Nobody closed it: the connections just end. Giving one back takes a runtime, which may be gone.
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        idle.drain(..).for_each(|(_, conn)| drop(conn.leak()));
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
    _place: OwnedSemaphorePermit,
}

/// What becomes of a connection.
#[derive(Clone, Copy)]
enum After {
    /// The driver's pool looks at it.
    Look,
    /// Its last answer came whole: it is used again as it is.
    Keep,
    /// Nobody knows what state it is in.
    Close,
}

impl<DB: Database> Kept<DB> {
    /// Keeps so many of a pool's connections. Idle for `tried_after`, one may have broken, and is tried first.
    pub(super) fn new(pool: Pool<DB>, connections: u32, tried_after: Duration) -> Self {
        let inner = Inner {
            pool,
            places: Arc::new(Semaphore::new(connections as usize)),
            idle: Mutex::default(),
            tried_after,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The driver's pool, for what is not worth keeping a connection for.
    pub(super) fn pool(&self) -> &Pool<DB> {
        &self.inner.pool
    }

    /// A connection, when there is one.
    pub(super) async fn take(&self) -> Result<Taken<DB>, Error> {
        let place = tokio::time::timeout(PATIENCE, self.inner.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        while let Some((since, mut conn)) = self.pop() {
            if since.elapsed() < self.inner.tried_after || conn.ping().await.is_ok() {
                return Ok(self.taken(conn, place));
            }
        }
        Ok(self.taken(self.inner.pool.acquire().await?, place))
    }

    fn taken(&self, conn: PoolConnection<DB>, place: OwnedSemaphorePermit) -> Taken<DB> {
        Taken { conn: Some(conn), after: After::Look, kept: self.clone(), _place: place }
    }

    fn pop(&self) -> Option<(Instant, PoolConnection<DB>)> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Waits for the connections to come back and closes all.
    pub(super) async fn close(&self) {
        self.inner.places.close();
        while let Some((_, conn)) = self.pop() {
            drop(conn); // to the driver's pool
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
}

impl<DB: Database> Drop for Taken<DB> {
    fn drop(&mut self) {
        let (Some(mut conn), inner) = (self.conn.take(), &self.kept.inner) else { return };
        match self.after {
            After::Look => {}
            After::Close => conn.close_on_drop(),
            After::Keep => {
                let mut idle = inner.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if !inner.places.is_closed() {
                    idle.push((Instant::now(), conn));
                }
            }
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
            let all: Vec<_> = conn.fetch_many(query).try_collect().await?;
            taken.keep();
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
            let row = conn.fetch_optional(query).await?;
            taken.keep();
            Ok(row)
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
    use super::*;
    use sqlx::{Sqlite, SqlitePool};

    #[test]
    fn it_may_be_dropped_when_the_runtime_is_gone() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let kept = runtime.block_on(async {
            let pool = SqlitePool::connect_lazy("sqlite::memory:").expect("an address");
            let kept: Kept<Sqlite> = Kept::new(pool, 1, Duration::MAX);
            let one: i64 = sqlx::query_scalar("SELECT 1").fetch_one(&kept).await.expect("one");
            assert_eq!((one, kept.inner.idle.lock().expect("not poisoned").len()), (1, 1));
            kept
        });
        drop(runtime);
        drop(kept);
    }
}

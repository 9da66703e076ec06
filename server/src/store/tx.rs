//! The transaction an operation runs in.

use super::{FeedEntry, StoreError, StoreResult, feed::FeedBuffer, value};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;
use sqlx::{Postgres, SqliteConnection, pool::PoolConnection};
use uuid::Uuid;

/// What an operation writes through. See [`Store::write`](super::Store::write).
pub struct Tx {
    pub(crate) conn: Conn,
    pub(super) feed: FeedBuffer,
    /// The lease it writes under; 0 where there is only one server.
    pub(super) owner: i64,
}

/// One variant a database; see [`on_tx!`](crate::on_tx).
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PoolConnection<Postgres>),
    #[cfg(test)]
    Model(super::model::ModelTx),
}

/// Runs the same body with the connection of whichever database this is. A statement that only
/// writes ends with `.execute(&mut *conn).await.map(value::rows)`, so that both give the same type.
#[macro_export]
macro_rules! on_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match &mut $tx.conn {
            $crate::store::tx::Conn::Sqlite($conn) => $body,
            $crate::store::tx::Conn::Postgres(pooled) => {
                let $conn: &mut sqlx::PgConnection = &mut *pooled;
                $body
            }
            #[cfg(test)]
            $crate::store::tx::Conn::Model(_) => unreachable!("the model speaks no SQL"),
        }
    };
}

impl Tx {
    pub(super) fn sqlite(conn: SqliteConnection) -> Self {
        Self { conn: Conn::Sqlite(conn), feed: FeedBuffer::default(), owner: 0 }
    }

    pub(super) fn postgres(conn: PoolConnection<Postgres>, owner: i64) -> Self {
        Self { conn: Conn::Postgres(conn), feed: FeedBuffer::default(), owner }
    }

    /// Notes that something changed, for the live views of the organisation. It is numbered,
    /// stored and sent with the commit. Keep `payload` small: a view fetches the rest.
    pub fn feed_append(
        &mut self,
        organization: OrganizationId,
        topic: &'static str,
        resource: Uuid,
        payload: Value,
        at: DateTime<Utc>,
    ) {
        self.feed.push(FeedEntry {
            organization,
            number: 0,
            topic: topic.into(),
            resource,
            payload,
            at,
        });
    }

    /// Chooses by dialect, where one statement cannot serve both databases.
    pub(super) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.conn {
            Conn::Sqlite(_) => sqlite,
            Conn::Postgres(_) => postgres,
            #[cfg(test)]
            Conn::Model(_) => sqlite,
        }
    }

    #[cfg(test)]
    pub(super) fn of_model(model: super::model::ModelTx) -> Self {
        Self { conn: Conn::Model(model), feed: FeedBuffer::default(), owner: 0 }
    }

    /// The model's transaction, in unit tests.
    #[cfg(test)]
    pub(super) fn model(&mut self) -> Option<&mut super::model::ModelTx> {
        match &mut self.conn {
            Conn::Model(model) => Some(model),
            _ => None,
        }
    }

    /// Whether other transactions run at the same time, so that what is read here may be changed by
    /// others before the commit unless it is locked.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.conn, Conn::Postgres(_))
    }

    /// From here to the commit, transactions that name the same thing take turns. For rules over rows
    /// that no single row's lock and no key can hold. One writer takes turns anyway.
    pub(super) async fn turn(&mut self, what: &str) -> StoreResult<()> {
        if let Conn::Postgres(conn) = &mut self.conn {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 7331))")
                .bind(what)
                .execute(&mut **conn)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn begin(&mut self) -> StoreResult<()> {
        // IMMEDIATE: the lock is taken now, so no statement can fail later because of another writer.
        self.run(self.pick("BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL READ COMMITTED")).await
    }

    pub(super) async fn commit(&mut self) -> StoreResult<()> {
        self.run("COMMIT").await
    }

    /// Best effort: after some errors the database has rolled back by itself.
    pub(super) async fn rollback(&mut self) {
        if let Err(error) = self.run("ROLLBACK").await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    pub(super) async fn savepoint(&mut self) -> StoreResult<()> {
        self.run("SAVEPOINT op").await
    }

    pub(super) async fn savepoint_keep(&mut self) -> StoreResult<()> {
        self.run("RELEASE op").await
    }

    pub(super) async fn savepoint_undo(&mut self) -> StoreResult<()> {
        self.run("ROLLBACK TO op").await?;
        self.run("RELEASE op").await
    }

    async fn run(&mut self, sql: &'static str) -> StoreResult<()> {
        on_tx!(self, |conn| sqlx::query(sql).execute(&mut *conn).await.map(value::rows))
            .map(|_| ())
            .map_err(|error| StoreError::Unavailable(format!("{sql}: {error}")))
    }
}

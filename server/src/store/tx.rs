//! The transaction an operation runs in.

use super::{FeedEntry, StoreError, StoreResult, feed::FeedBuffer};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;
use sqlx::SqliteConnection;
use uuid::Uuid;

/// What an operation writes through. See [`Store::write`](super::Store::write).
pub struct Tx {
    pub(crate) conn: Conn,
    pub(super) feed: FeedBuffer,
}

/// One variant a database; see [`on_tx!`](crate::on_tx).
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
}

/// Runs the same body with the connection of whichever database this is.
#[macro_export]
macro_rules! on_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match &mut $tx.conn {
            $crate::store::tx::Conn::Sqlite($conn) => $body,
        }
    };
}

impl Tx {
    pub(super) fn sqlite(conn: SqliteConnection) -> Self {
        Self { conn: Conn::Sqlite(conn), feed: FeedBuffer::default() }
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

    pub(super) async fn begin(&mut self) -> StoreResult<()> {
        // IMMEDIATE: the lock is taken now, so no statement can fail later because of another writer.
        self.run("BEGIN IMMEDIATE").await
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
        on_tx!(self, |conn| sqlx::query(sql).execute(&mut *conn).await)
            .map(|_| ())
            .map_err(|error| StoreError::Unavailable(format!("{sql}: {error}")))
    }
}

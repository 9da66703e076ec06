//! The transaction an operation runs in.

use super::{
    FeedEntry, StoreError, StoreResult, feed::FeedBuffer, gather::Statement, group::Group,
    postgres::Leased, seen::Seen,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;
use sqlx::SqliteConnection;
use uuid::Uuid;

const BEGIN_SHARED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
// IMMEDIATE: the lock is taken now, so no statement can fail later because of another writer.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
pub(super) const SAVEPOINT: &str = "SAVEPOINT op";
pub(super) const RELEASE: &str = "RELEASE op";
pub(super) const ROLLBACK: &str = "ROLLBACK";
pub(super) const UNDO: &str = "ROLLBACK TO op";

/// What an operation writes through. See [`Store::write`](super::Store::write).
pub struct Tx {
    pub(crate) conn: Conn,
    pub(super) feed: FeedBuffer,
    /// Statements that go out together; see `gather`.
    pub(super) gathered: Vec<Statement>,
    /// The operations before this one in the commit of the one writer.
    pub(super) group: Group,
    /// What the one writer has seen and need not look up again.
    pub(super) seen: Seen,
    /// Something changed that [`Remembered`](super::Remembered) keeps.
    pub(super) catalogue_changed: bool,
    /// The lease it writes under; 0 where there is only one server.
    pub(super) owner: i64,
}

/// One variant a database; see [`on_tx!`](crate::on_tx).
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(Leased),
    #[cfg(test)]
    Model(Box<super::model::ModelTx>),
}

/// Runs the same body with the connection of whichever database this is, after what was gathered
/// (`Tx::gather`). A statement that only writes ends with `.execute(&mut *conn).await.map(value::rows)`, so that both give the same type.
#[macro_export]
macro_rules! on_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match $tx.send_first().await {
            Err(error) => Err(error),
            Ok(()) => match &mut $tx.conn {
                $crate::store::tx::Conn::Sqlite($conn) => $body,
                $crate::store::tx::Conn::Postgres(pooled) => {
                    let $conn: &mut sqlx::PgConnection = &mut *pooled;
                    $body
                }
                #[cfg(test)]
                $crate::store::tx::Conn::Model(_) => unreachable!("the model speaks no SQL"),
            },
        }
    };
}

impl Tx {
    pub(super) fn sqlite(conn: SqliteConnection) -> Self {
        Self::new(Conn::Sqlite(conn), 0)
    }

    pub(super) fn postgres(conn: Leased, owner: i64) -> Self {
        Self::new(Conn::Postgres(conn), owner)
    }

    fn new(conn: Conn, owner: i64) -> Self {
        Self {
            conn,
            feed: FeedBuffer::default(),
            gathered: Vec::new(),
            group: Group::default(),
            seen: Seen::default(),
            catalogue_changed: false,
            owner,
        }
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
        Self::new(Conn::Model(Box::new(model)), 0)
    }

    /// The model's transaction, in unit tests.
    #[cfg(test)]
    pub(super) fn model(&mut self) -> Option<&mut super::model::ModelTx> {
        match &mut self.conn {
            Conn::Model(model) => Some(&mut **model),
            _ => None,
        }
    }

    /// Whether other transactions run at the same time, so that what is read here may be changed by
    /// others before the commit unless it is locked.
    pub(super) fn is_shared(&self) -> bool {
        match &self.conn {
            Conn::Sqlite(_) => false,
            Conn::Postgres(_) => true,
            #[cfg(test)]
            Conn::Model(model) => model.owner.is_some(),
        }
    }

    /// From here to the commit, transactions that name the same thing take turns. For rules over rows
    /// that no single row's lock and no key can hold. One writer takes turns anyway.
    pub(super) async fn turn(&mut self, what: &str) -> StoreResult<()> {
        self.turn_by("SELECT pg_advisory_xact_lock(hashtextextended($1, 7331))", what).await
    }

    /// As [`turn`](Self::turn), beside all others that share it: only those that take the turn alone are kept out.
    pub(super) async fn turn_shared(&mut self, what: &str) -> StoreResult<()> {
        self.turn_by("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 7331))", what).await
    }

    async fn turn_by(&mut self, sql: &'static str, what: &str) -> StoreResult<()> {
        if self.is_shared() {
            self.send().await?;
        }
        if let Conn::Postgres(conn) = &mut self.conn {
            sqlx::query(sql).bind(what).execute(&mut **conn).await?;
        }
        Ok(())
    }

    /// Begins, with the first statement that is sent.
    pub(super) fn begin(&mut self) {
        self.gathered.clear();
        self.group = Group::default();
        self.gather_plain(if self.is_shared() { BEGIN_SHARED } else { BEGIN });
    }

    /// Whether nothing was sent yet.
    pub(super) fn is_unsent(&self) -> bool {
        !self.group.is_begun() || self.waits_first(BEGIN) || self.waits_first(BEGIN_SHARED)
    }

    pub(super) async fn commit(&mut self) -> StoreResult<()> {
        if self.is_unsent() && self.gathered.len() == usize::from(self.group.is_begun()) {
            self.gathered.clear(); // nothing was written
            return Ok(());
        }
        if self.is_shared() {
            return self.run(COMMIT).await;
        }
        self.gather_plain(COMMIT);
        self.send().await
    }

    /// Undoes everything. An error says that the connection may be in any state: after some errors the database has
    /// rolled back by itself, after others it is gone.
    pub(super) async fn rollback(&mut self) -> StoreResult<()> {
        self.seen.forget();
        let is_open = !self.is_unsent();
        self.gathered.clear();
        self.group = Group::default();
        if is_open {
            self.run(ROLLBACK).await?;
        }
        Ok(())
    }

    /// As [`rollback`](Self::rollback), where the connection is not used again or looked at before.
    pub(super) async fn give_up(&mut self) {
        if let Err(error) = self.rollback().await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    /// Sets a savepoint, with the next statement that is sent.
    pub(super) fn savepoint(&mut self) {
        self.gather_plain(SAVEPOINT);
    }

    /// Keeps what was done since the savepoint, with what is sent next.
    pub(super) fn savepoint_keep(&mut self) {
        self.gather_plain(RELEASE);
    }

    pub(super) async fn savepoint_undo(&mut self) -> StoreResult<()> {
        self.seen.forget();
        let is_set = !self.waits_first(SAVEPOINT);
        self.gathered.clear();
        if is_set {
            self.run(UNDO).await?;
            self.run(RELEASE).await?;
        }
        Ok(())
    }

    /// One statement about the transaction itself, at once.
    pub(super) async fn run(&mut self, sql: &'static str) -> StoreResult<()> {
        let done = match &mut self.conn {
            Conn::Sqlite(conn) => sqlx::query(sql).execute(conn).await.map(|_| ()),
            Conn::Postgres(conn) => {
                let done = sqlx::query(sql).execute(&mut **conn).await.map(|_| ());
                conn.is_open &= done.is_err(); // it is the end of a transaction
                done
            }
            #[cfg(test)]
            Conn::Model(_) => Ok(()),
        };
        done.map_err(|error| StoreError::Unavailable(format!("{sql}: {error}")))
    }
}

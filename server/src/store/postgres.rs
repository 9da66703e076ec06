//! PostgreSQL: how connections are opened, how the schema is brought up to date, what an error means.
//!
//! Several equal servers may work on one database. Transactions run side by side at READ COMMITTED;
//! fences in `UPDATE … WHERE`, unique keys, locked rows and turns ([`Tx::turn`](super::Tx::turn)) keep
//! them apart. Reading order: `writer` → `leased` → `lease` → `feed` → `events`.

mod events;
mod feed;
mod lease;
mod leased;
mod writer;

pub(super) use events::Events;
pub(super) use feed::{Numbering, newest as newest_position};
pub(super) use lease::Lease;
pub(crate) use leased::Leased;
pub(super) use writer::{WRITERS, Writer};

use super::{
    StoreError, StoreResult,
    kept::Kept,
    patience::{Breaks, Patience},
};
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, Postgres,
    error::DatabaseError,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// The oldest version that is tested.
const VERSION_MIN: i64 = 150_000;

/// What every connection is set to: nothing waits for ever, and an answered commit is on disk.
const SESSION: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on; \
     SET default_transaction_isolation = 'read committed'";
/// As [`SESSION`], for connections that only read.
const SESSION_READ: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET default_transaction_read_only = on";

/// How long a connection that writes may be idle and still be taken as sound: when a commit is all that is sent, and the
/// connection breaks, nobody knows whether it happened.
const WRITER_TRIED_AFTER: Duration = Duration::from_millis(100);
/// The same for one that reads, which loses one answer.
const READER_TRIED_AFTER: Duration = Duration::from_secs(5);
/// How long an answer is waited for: longer than the database itself lets a statement take.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// Connections for what claims timers, calls and runs: it must wait neither for operations nor for numbers.
pub(super) const CLAIMS: u32 = 2;
/// Connections for what gives numbers, to the feed and to events.
pub(super) const NUMBERS: u32 = 2;

/// Where the database is.
#[derive(Clone)]
pub(super) struct Place {
    options: PgConnectOptions,
}

impl Place {
    /// From `postgres://user:password@host/database`.
    pub(super) fn parse(url: &str) -> StoreResult<Self> {
        // The address may hold a password: it is not repeated.
        let unusable = |why: &str| {
            StoreError::Setup(format!(
                "the database address {why}; --database-url takes postgres://user:password@host/database"
            ))
        };
        let is_known = |scheme: &str| matches!(scheme, "postgres" | "postgresql");
        if url::Url::parse(url).is_ok_and(|url| !is_known(url.scheme())) {
            return Err(unusable("must begin with postgres:// or postgresql://"));
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| unusable(&format!("cannot be read: {error}")))?;
        let options = options
            .application_name("signalbox")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        Ok(Self { options })
    }

    /// Where it is, without the password.
    fn name(&self) -> String {
        let database = self.options.get_database().unwrap_or_default();
        format!("postgres://{}:{}/{database}", self.options.get_host(), self.options.get_port())
    }

    /// A connection of one's own, outside the pools: for the schema, for hints.
    pub(super) async fn connect(&self) -> StoreResult<PgConnection> {
        PgConnection::connect_with(&self.options).await.map_err(|error| {
            StoreError::Setup(format!(
                "the database {} cannot be reached: {error}; look at --database-url or DATABASE_URL",
                self.name()
            ))
        })
    }

    /// As [`connect`](Self::connect), for what writes beside the pools.
    pub(super) async fn keeper(&self) -> StoreResult<PgConnection> {
        let mut conn = self.connect().await?;
        conn.execute(SESSION).await?;
        Ok(conn)
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Brings the schema up to date; servers that start together take turns.
    pub(super) async fn migrate(&self) -> StoreResult<()> {
        let mut conn = self.connect().await?;
        let version: String =
            sqlx::query_scalar("SHOW server_version_num").fetch_one(&mut conn).await?;
        if version.parse().unwrap_or(0) < VERSION_MIN {
            return Err(StoreError::Setup(format!(
                "the database {} is PostgreSQL {version}; 15 or newer is needed",
                self.name()
            )));
        }
        // Under an advisory lock of the session, which this connection has to itself.
        MIGRATIONS.run(&mut conn).await.map_err(|error| {
            StoreError::Setup(format!(
                "the schema of {} cannot be brought up to date: {error}. A newer Signalbox may have written it",
                self.name()
            ))
        })?;
        let _ = conn.close().await;
        Ok(())
    }

    /// The pool that reads.
    pub(super) fn readers(&self, connections: u32, breaks: &Breaks) -> Kept<Postgres> {
        let connections = if connections == 0 { 8 } else { connections };
        let pool = self.pool_options(connections, SESSION_READ).connect_lazy_with(self.options());
        let patience = Patience::of(ANSWER_WITHIN, breaks);
        Kept::new(pool, connections, READER_TRIED_AFTER, patience)
    }

    /// A pool that writes.
    pub(super) fn writers(&self, connections: u32, breaks: &Breaks) -> Kept<Postgres> {
        let pool = self.pool_options(connections, SESSION).connect_lazy_with(self.options());
        let patience = Patience::of(ANSWER_WITHIN, breaks);
        Kept::new(pool, connections, WRITER_TRIED_AFTER, patience)
    }

    fn pool_options(&self, connections: u32, session: &'static str) -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .idle_timeout(Duration::from_secs(600))
            .test_before_acquire(false)
            .after_connect(move |conn, _| {
                Box::pin(async move { conn.execute(session).await.map(|_| ()) })
            })
    }
}

/// What an error of the database says about what was asked of it; `None` for troubles of its own.
pub(super) fn refusal(error: &dyn DatabaseError) -> Option<StoreError> {
    let error = error.try_downcast_ref::<PgDatabaseError>()?;
    match error.code() {
        // Unique, foreign key, check, not null.
        "23505" | "23503" | "23514" | "23502" => Some(StoreError::Constraint(rule_of(error))),
        // The one character that text here cannot hold.
        "22021" | "22P05" => {
            Some(StoreError::Constraint("text must not hold the character NUL".into()))
        }
        _ => None,
    }
}

/// The rule as SQLite says it (`users.email`), from `Key (email)=(…) already exists`.
fn rule_of(error: &PgDatabaseError) -> String {
    let table = error.table().unwrap_or_default();
    let columns = error
        .detail()
        .and_then(|detail| detail.split_once('(')?.1.split_once(")=("))
        .map(|(columns, _)| columns);
    match columns {
        Some(columns) => {
            let named = columns.split(", ").map(|column| format!("{table}.{column}"));
            named.collect::<Vec<_>>().join(", ")
        }
        None => format!("{table}.{}", error.constraint().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_postgresql_are_taken() {
        let refused = |url| Place::parse(url).err().map(|error| error.to_string());
        assert_eq!(refused("postgres://user:hush@host/box"), None);
        assert_eq!(refused("PostgreSQL://host/box"), None);
        for url in
            ["mysql://user:hush@host/box", "http://user:hush@host/", "host:5432/hush", "hush"]
        {
            let error = refused(url).unwrap_or_else(|| panic!("{url} is taken"));
            assert!(error.contains("postgres://") && !error.contains("hush"), "{error}");
        }
    }
}

//! What the database remembers of the servers that work on it: when one was alive last, and which database it is.
//!
//! Deliberately absent: what follows from it (see `time_travel`).

use super::{Pool, Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The newest sign of life of any server.
    pub alive_at: DateTime<Utc>,
    /// Random, and new all the time; a file beside an embedded database holds the same.
    pub generation: Option<String>,
    /// Of the database server, in the words of [`identity_fetch`].
    pub identity: Option<String>,
}

/// The marks; none in a database that no server of this version has worked on.
pub async fn marks_fetch(store: &Store) -> StoreResult<Option<Marks>> {
    let row: Option<(i64, Option<String>, Option<String>)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT alive_at, generation, identity FROM instance_marks WHERE id = 1"
    )
    .fetch_optional(pool)
    .await)?;
    row.map(|(alive_at, generation, identity)| {
        let alive_at = value::time(alive_at, "instance_marks", "alive_at")?;
        Ok(Marks { alive_at, generation, identity })
    })
    .transpose()
}

/// Writes the marks.
pub async fn marks_put(tx: &mut Tx, marks: &Marks) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO instance_marks (id, alive_at, generation, identity) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE
         SET alive_at = excluded.alive_at, generation = excluded.generation, identity = excluded.identity"
    )
    .bind(value::ms(marks.alive_at))
    .bind(marks.generation.clone())
    .bind(marks.identity.clone())
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Which database of which server this is: `system/timeline/database`, with `?` for what this role may not ask or the
/// server does not tell. None for an embedded database.
pub async fn identity_fetch(store: &Store) -> Option<String> {
    let pool = match store.pool() {
        Pool::Postgres(pool) => pool,
        _ => return None,
    };
    // The first eight digits of the file that is written now are the timeline; the control file tells it late.
    let questions = [
        "SELECT system_identifier::text FROM pg_control_system()",
        "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
        "SELECT oid::text FROM pg_database WHERE datname = current_database()",
    ];
    let mut parts = Vec::with_capacity(questions.len());
    for sql in questions {
        let answer: Result<String, sqlx::Error> = sqlx::query_scalar(sql).fetch_one(pool).await;
        parts.push(answer.unwrap_or_else(|error| {
            tracing::debug!(%error, sql, "the database server does not tell this");
            "?".to_owned()
        }));
    }
    Some(parts.join("/"))
}

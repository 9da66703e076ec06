//! History comes to an end: runs that ended long ago are forgotten, and the file shrinks again.
//!
//! A run leaves every list at once, by its own row; that row and the note that its other rows are to follow are
//! one transaction. So whoever looks sees a run whole or not at all, and a crash in between leaves only rows
//! that the next step finds by the note.
//!
//! Deliberately absent: messages, their revisions, decisions and links, what was heard of them and what came in,
//! opt-outs, what models cost. They answer who was written to and who let it pass, and outlive the run.

use super::{Pool, Store, StoreResult, Tx, run_list::first_id_at, tx::Conn, value};
use crate::on_tx;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use signalbox::id::OrganizationId;

/// Rows that one transaction deletes.
pub const PRUNED_ROWS_MAX: u64 = 1_000;
/// Runs that leave the lists in one transaction.
const RUNS_AT_ONCE: u64 = 100;
/// Pages that are given back to the file system in one step; 4 MiB.
const PAGES_AT_ONCE: u64 = 1_000;

/// What belongs to a run and goes with it; $1 the organisation, $2 how many rows at most.
macro_rules! rows_of_removed {
    ($table:literal, $key:literal) => {
        rows_of_removed!($table, $key, "")
    };
    ($table:literal, $key:literal, $which:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE organization_id = $1 AND run_id IN (SELECT run_id FROM run_removals
                WHERE organization_id = $1 ORDER BY run_id LIMIT 100)",
            $which,
            " LIMIT $2)"
        )
    };
}

const PARTS: [&str; 13] = [
    rows_of_removed!("step_hooks", "organization_id, run_id, seq"),
    rows_of_removed!("run_events", "organization_id, run_id, first_seq"),
    rows_of_removed!("payloads", "organization_id, run_id, hash"),
    rows_of_removed!("run_checkpoints", "organization_id, run_id"),
    rows_of_removed!("run_contacts", "organization_id, contact_id, run_id"),
    rows_of_removed!("run_search", "organization_id, run_id"),
    rows_of_removed!("run_causes", "organization_id, run_id"),
    rows_of_removed!("run_links", "organization_id, run_id"),
    rows_of_removed!("run_slots", "organization_id, run_id"),
    rows_of_removed!("calls", "organization_id, run_id, id"),
    rows_of_removed!("timers", "organization_id, run_id, name"),
    rows_of_removed!("event_waits", "organization_id, name, run_id, activation"),
    rows_of_removed!(
        "approvals",
        "organization_id, id",
        " AND message_id IS NULL AND state <> 'pending'"
    ),
];

/// Forgets runs that ended before a time, at most [`PRUNED_ROWS_MAX`] rows of them; gives how many rows that were.
/// Fewer than the most: nothing is left to forget. Runs with a message that is still on its way, with a decision
/// that is still open, or that another run must be told of, stay.
pub async fn history_prune(
    tx: &mut Tx,
    organization: OrganizationId,
    before: DateTime<Utc>,
) -> StoreResult<u64> {
    // One at a time: which runs come first must be the same for every statement.
    tx.turn(&format!("history {organization}")).await?;
    let mut gone = clear(tx, organization, PRUNED_ROWS_MAX).await?;
    while gone < PRUNED_ROWS_MAX {
        let most = RUNS_AT_ONCE.min(PRUNED_ROWS_MAX - gone);
        let removed = remove(tx, organization, before, most).await?;
        if removed == 0 {
            break;
        }
        gone += removed;
        gone += clear(tx, organization, PRUNED_ROWS_MAX - gone).await?;
    }
    Ok(gone)
}

/// Runs that may be forgotten. Where others write too they are locked: one that is retried meanwhile stays.
macro_rules! over_sql {
    ($lock:literal) => {
        concat!(
            "SELECT r.id FROM runs r
             WHERE r.organization_id = $1 AND r.ended_at IS NOT NULL
               AND r.phase IN ('Completed', 'Failed', 'Stopped') AND r.id < $2 AND r.ended_at < $3
               AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.organization_id = $1 AND m.run_id = r.id
                 AND m.state NOT IN ('accepted', 'delivered', 'bounced', 'failed_permanent', 'rejected', 'expired',
                   'cancelled', 'refused'))
               AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.organization_id = $1 AND a.run_id = r.id
                 AND a.state = 'pending')
               AND NOT EXISTS (SELECT 1 FROM run_links l WHERE l.organization_id = $1 AND l.run_id = r.id
                 AND l.state <> 'told')
             LIMIT $4",
            $lock
        )
    };
}

/// Takes runs out of every list and notes that the rest of them must go.
async fn remove(
    tx: &mut Tx,
    organization: OrganizationId,
    before: DateTime<Utc>,
    most: u64,
) -> StoreResult<u64> {
    // What ended before the time was made before it: the index by id spares the younger ones.
    let newest = before.checked_add_signed(TimeDelta::days(1)).map(first_id_at);
    let sql = tx.pick(over_sql!(""), over_sql!(" FOR UPDATE OF r SKIP LOCKED"));
    let ids: Vec<uuid::Uuid> = on_tx!(tx, |conn| sqlx::query_scalar(sql)
        .bind(organization.0)
        .bind(newest.unwrap_or(uuid::Uuid::max()))
        .bind(value::ms(before))
        .bind(value::int(most))
        .fetch_all(&mut *conn)
        .await)?;
    for id in &ids {
        for sql in [
            "INSERT INTO run_removals (organization_id, run_id) VALUES ($1, $2)",
            "DELETE FROM runs WHERE organization_id = $1 AND id = $2",
        ] {
            on_tx!(tx, |conn| sqlx::query(sql)
                .bind(organization.0)
                .bind(*id)
                .execute(&mut *conn)
                .await
                .map(value::rows))?;
        }
    }
    Ok(ids.len() as u64)
}

/// Deletes what is left of runs that are out of the lists already.
async fn clear(tx: &mut Tx, organization: OrganizationId, most: u64) -> StoreResult<u64> {
    let mut gone = 0;
    loop {
        for sql in PARTS {
            gone += delete(tx, sql, organization, most - gone).await?;
            if gone >= most {
                return Ok(gone);
            }
        }
        let noted = "DELETE FROM run_removals WHERE organization_id = $1 AND run_id IN (
            SELECT run_id FROM run_removals WHERE organization_id = $1 ORDER BY run_id LIMIT 100)
            AND $2 > 0";
        if delete(tx, noted, organization, most - gone).await? == 0 {
            return Ok(gone);
        }
    }
}

async fn delete(
    tx: &mut Tx,
    sql: &'static str,
    organization: OrganizationId,
    most: u64,
) -> StoreResult<u64> {
    Ok(on_tx!(tx, |conn| sqlx::query(sql)
        .bind(organization.0)
        .bind(value::int(most))
        .execute(&mut *conn)
        .await
        .map(value::rows))?
    .rows_affected())
}

/// Forgets events from outside that came before a time, at most [`PRUNED_ROWS_MAX`]; gives how many. Those that
/// somebody must still be told of stay, those that came while a run that is not over was there already (it may
/// look back), and the newest, whose number the next one counts from.
pub async fn outside_events_prune(
    tx: &mut Tx,
    organization: OrganizationId,
    before: DateTime<Utc>,
) -> StoreResult<u64> {
    Ok(on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM outside_events WHERE organization_id = $1 AND number IN (
           SELECT number FROM outside_events WHERE organization_id = $1 AND at < $2 AND pending <> 1
             AND at < coalesce((SELECT min(created_at) FROM runs
               WHERE organization_id = $1 AND ended_at IS NULL), $2)
             AND number < (SELECT max(number) FROM outside_events WHERE organization_id = $1)
           ORDER BY number LIMIT 1000)"
    )
    .bind(organization.0)
    .bind(value::ms(before))
    .execute(&mut *conn)
    .await
    .map(value::rows))?
    .rows_affected())
}

impl Store {
    /// Bytes of the database, and how many of them are free for new rows.
    pub async fn size_bytes(&self) -> StoreResult<(u64, u64)> {
        let (size, free): (i64, i64) = match self.pool() {
            Pool::Sqlite(pool) => {
                sqlx::query_as(
                    "SELECT c.page_count * s.page_size, f.freelist_count * s.page_size
                     FROM pragma_page_count c, pragma_page_size s, pragma_freelist_count f",
                )
                .fetch_one(pool)
                .await?
            }
            Pool::Postgres(pool) => {
                sqlx::query_as("SELECT pg_database_size(current_database()), 0::bigint")
                    .fetch_one(pool)
                    .await?
            }
            #[cfg(test)]
            Pool::Model(_) => (0, 0),
        };
        Ok((value::count(size), value::count(free)))
    }

    /// Gives up to 4 MiB of what was deleted back to the file system; true when there is more. An embedded
    /// database only, and only while nobody waits to write: others do it by themselves.
    pub async fn shrink(&self) -> StoreResult<bool> {
        if self.is_shared() || !self.is_idle() || self.size_bytes().await?.1 == 0 {
            return Ok(false);
        }
        let pages = self.write(|tx| {
            async move {
                tx.send().await?;
                let Conn::Sqlite(conn) = &mut tx.conn else { return Ok(0) };
                let free = "SELECT freelist_count FROM pragma_freelist_count";
                let before: i64 = sqlx::query_scalar(free).fetch_one(&mut *conn).await?;
                sqlx::query("PRAGMA incremental_vacuum(1000)").fetch_all(&mut *conn).await?;
                let after: i64 = sqlx::query_scalar(free).fetch_one(&mut *conn).await?;
                Ok(before.saturating_sub(after))
            }
            .boxed()
        });
        Ok(value::count(pages.await?) >= PAGES_AT_ONCE)
    }
}

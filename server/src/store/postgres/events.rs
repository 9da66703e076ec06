//! Outside events where several servers write: those that happen with something else are committed without a number,
//! then numbered.
//!
//! A number needs a turn among all that number events of the organisation, and a turn lasts until the commit: runs
//! that end at the same time would wait for one another's disk. So their events wait in an inbox, and one transaction
//! at a time moves those of an organisation. Whether somebody wants them is asked there, in the same turn. Who begins
//! to wait shares that turn ([`Tx::turn_shared`]): an event is numbered either after the wait, and found wanted, or
//! before it, and found by the look back.
//!
//! Many ask at the same time that what was committed be numbered. One goes round for all of them.
//!
//! Deliberately absent: events whose number is asked for at once (`outside::record`); they take the turn themselves.

use super::super::{StoreResult, kept::Kept, outside, value};
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use std::time::Instant;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Events of an organisation that are numbered at once.
const BATCH: i64 = 1_000;
/// Organisations that are looked at in one go.
const ORGANIZATIONS_MAX: i64 = 1_000;

/// Numbers events, one round at a time on this server.
pub(in super::super) struct Events {
    pool: Kept<Postgres>,
    /// When the newest round that ended had begun, and what it came to.
    last: Mutex<Option<(Instant, StoreResult<()>)>>,
}

impl Events {
    pub(in super::super) fn new(pool: Kept<Postgres>) -> Self {
        Self { pool, last: Mutex::new(None) }
    }

    /// Numbers what was committed before this was asked for. Whoever comes while a round goes on waits for its end; then
    /// one of them goes round for all that wait.
    pub(in super::super) async fn number(&self) -> StoreResult<()> {
        let came = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((_, result)) = last.as_ref().filter(|(began, _)| *began >= came) {
            return result.clone();
        }
        let began = Instant::now();
        let result = number(&self.pool).await;
        *last = Some((began, result.clone()));
        result
    }

    /// Closes the connections, at last.
    pub(in super::super) async fn close_pool(&self) {
        self.pool.close().await;
    }
}

/// Numbers what waits, some of each organisation at a time. One whose turn is taken for long is left to the next
/// round, so that it does not hold up the others.
async fn number(pool: &Kept<Postgres>) -> StoreResult<()> {
    loop {
        let waiting: Vec<Uuid> = sqlx::query_scalar(
            "SELECT DISTINCT organization_id FROM outside_events_inbox LIMIT $1",
        )
        .bind(ORGANIZATIONS_MAX)
        .fetch_all(pool)
        .await?;
        let mut more = false;
        for organization in waiting {
            match number_of(pool, organization).await {
                Ok(taken) => more |= taken == BATCH as u64,
                Err(error) => tracing::warn!(%organization, %error, "events are numbered later"),
            }
        }
        if !more {
            return Ok(());
        }
    }
}

/// Numbers the oldest of an organisation; gives how many left the inbox.
async fn number_of(pool: &Kept<Postgres>, organization: Uuid) -> StoreResult<u64> {
    let mut taken = pool.take().await?;
    let answer = pool.patience().wait(number_over(&mut taken, organization)).await;
    taken.answered(answer)
}

async fn number_over(conn: &mut PgConnection, organization: Uuid) -> StoreResult<u64> {
    let mut tx = conn.begin().await?;
    sqlx::query("SET LOCAL lock_timeout = '1s'").execute(&mut *tx).await?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 7331))")
        .bind(outside::turn_of(organization))
        .execute(&mut *tx)
        .await?;
    // Begun within the turn, the next statement sees what the turns before it committed.
    let moved = move_oldest(&mut tx, organization).await?;
    let taken = moved.len() as u64;
    wake(&mut tx, organization, moved).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Number, name and time of an event, and whether somebody is to be told.
type Moved = (i64, String, i64, i64);

/// The oldest get the next numbers. The same key is recorded once.
async fn move_oldest(
    tx: &mut Transaction<'_, Postgres>,
    organization: Uuid,
) -> StoreResult<Vec<Moved>> {
    let moved = sqlx::query_as(
        "WITH taken AS (
           DELETE FROM outside_events_inbox WHERE id IN (
             SELECT id FROM outside_events_inbox WHERE organization_id = $1 ORDER BY id LIMIT $2) RETURNING *
         ), ranked AS (
           SELECT t.*, row_number() OVER (PARTITION BY t.source_key ORDER BY t.id) AS nth FROM taken t
         ), fresh AS (
           SELECT r.* FROM ranked r WHERE r.source_key IS NULL OR (r.nth = 1 AND NOT EXISTS (
             SELECT 1 FROM outside_events e WHERE e.organization_id = $1 AND e.source_key = r.source_key))
         )
         INSERT INTO outside_events (organization_id, number, name, contact_id, run_id, source_key, payload, at,
           cause_run, pending)
         SELECT f.organization_id,
           coalesce((SELECT max(number) FROM outside_events WHERE organization_id = $1), 0)
             + row_number() OVER (ORDER BY f.id),
           f.name, f.contact_id, f.run_id, f.source_key, f.payload, f.at, f.cause_run,
           CASE WHEN EXISTS (SELECT 1 FROM event_triggers t
                WHERE t.organization_id = $1 AND t.event_type = f.name AND t.paused = 0)
             OR EXISTS (SELECT 1 FROM event_waits w WHERE w.organization_id = $1 AND w.name = f.name) THEN 1 ELSE 0 END
         FROM fresh f
         RETURNING number, name, at, pending",
    );
    Ok(moved.bind(organization).bind(BATCH).fetch_all(&mut **tx).await?)
}

/// Wakes whoever tells about events, and drops old ones when one of the new numbers is a round one.
async fn wake(
    tx: &mut Transaction<'_, Postgres>,
    organization: Uuid,
    moved: Vec<Moved>,
) -> StoreResult<()> {
    if moved.iter().any(|(number, ..)| number % outside::PRUNE_EVERY == 0) {
        sqlx::query(outside::PRUNE_SQL)
            .bind(organization)
            .bind(outside::KEPT)
            .execute(&mut **tx)
            .await?;
    }
    let wanted = moved.into_iter().filter(|(.., pending)| *pending == 1);
    // One for each name is enough.
    let wanted: std::collections::BTreeMap<String, i64> =
        wanted.map(|(_, name, at, _)| (name, at)).collect();
    for (name, at) in wanted {
        let payload = serde_json::json!({ "name": name });
        sqlx::query(
            "INSERT INTO org_feed_inbox (organization_id, topic, resource_id, payload, at)
             VALUES ($1, 'event', $2, $3, $4)",
        )
        .bind(organization)
        .bind(Uuid::nil())
        .bind(value::to_json(&payload, "org_feed", "payload")?)
        .bind(at)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

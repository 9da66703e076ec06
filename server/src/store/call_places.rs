//! Places of named queues that calls take while a server makes them, over all servers of a database.
//!
//! A server knows which calls it makes itself, and counts those of the others by their rows: a call that took a place
//! bears the lease under which it is made (`begun_by`), until its row goes, its next attempt begins or that lease ends.
//! How many began within a minute is counted in rows of their own, by the database's clock.
//!
//! Each asks again and again for the most urgent of its own calls. So that a server with much to do does not always come
//! first, it gives way to calls of other servers that are more urgent, or older by more than [`FAIR_MS`].
//!
//! Where one server works alone nothing is counted here: it does so in memory (`engine/queue`). Deliberately absent:
//! runs that calls start (`run_places`), tasks of outside workers (`tasks`).

use super::{OpenCall, Pool, Store, StoreResult, Tx, call_claim, on_model, tx::Conn, value};
use crate::on_tx;
use sqlx::{Postgres, postgres::PgArguments, query::QueryAs};

/// By how much a call of another server must be older to go first, in milliseconds: handing a place over takes a moment,
/// so it is not done for each.
pub(super) const FAIR_MS: i64 = 2_000;
/// For how long a beginning counts, in milliseconds.
pub(super) const MINUTE_MS: i64 = 60_000;

/// What the database says of a queue: calls that others make, how long until its rate allows one more, and whether a
/// call of another server goes first.
const LOOK: &str = "WITH mine AS (
       SELECT priority, created_at FROM calls
       WHERE organization_id = $1 AND run_id = $4 AND id = $5 AND attempt = $6 AND state = 'open' AND owner = $3)
     SELECT
       (SELECT count(*) FROM calls c JOIN servers s ON s.epoch = c.begun_by AND s.expires_at > now()
        WHERE c.organization_id = $1 AND c.queue = $2 AND c.state = 'open' AND c.begun_by <> $3),
       (SELECT b.at + $8 - CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT) FROM queue_begins b
        WHERE b.organization_id = $1 AND b.queue = $2 AND b.number = 1 - $7 + (
          SELECT max(n.number) FROM queue_begins n WHERE n.organization_id = $1 AND n.queue = $2)),
       EXISTS (
         SELECT 1 FROM servers s CROSS JOIN LATERAL (
           SELECT c.priority, c.created_at FROM calls c
           WHERE c.organization_id = $1 AND c.queue = $2 AND c.state = 'open' AND c.begun_by IS NULL
             AND c.owner = s.epoch
           ORDER BY c.priority DESC, c.created_at LIMIT 1) first
         WHERE s.epoch <> $3 AND s.expires_at > now() AND (first.priority > mine.priority
           OR (first.priority = mine.priority AND first.created_at < mine.created_at - $9)))
     FROM mine";

/// What a server asks for one of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceAsk {
    /// How many calls of the queue may be made at the same time, over all servers.
    pub places: u32,
    /// How many may begin within a minute; none: any number.
    pub per_minute: Option<u32>,
    /// How many of them this server makes itself, this one not counted.
    pub mine: u32,
    /// Whether a call of another server may go first.
    pub gives_way: bool,
}

/// What it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceAnswer {
    /// It has a place, and is to be made now.
    Taken {
        /// How often it was begun, with this time.
        claims: u32,
    },
    /// It has a result by now, is another attempt, or belongs to another server.
    Gone,
    /// As many calls are made as may.
    Full,
    /// As many began within the last minute as may.
    Late {
        /// How long until the next one may, in milliseconds.
        wait_ms: u64,
    },
    /// There is a place, and a call of another server goes first.
    GivesWay,
}

/// Takes a place in its queue for a call. One that had its place under a lease of another server, or that this server
/// left off, is counted as begun once more. On a store of one server it is as [`call_claim`].
pub async fn call_take_place(
    tx: &mut Tx,
    call: &OpenCall,
    ask: PlaceAsk,
) -> StoreResult<PlaceAnswer> {
    on_model!(tx, |model| Ok(model.call_take_place(call, ask)));
    let Some(queue) = call.route.queue.as_deref().filter(|_| tx.is_shared()) else {
        let claims = call_claim(tx, call).await?;
        return Ok(claims.map_or(PlaceAnswer::Gone, |claims| PlaceAnswer::Taken { claims }));
    };
    // Two that count at the same time would both find the last place free.
    tx.turn(&format!("calls {} {queue}", call.organization)).await?;
    let owner = tx.owner;
    let found = match &mut tx.conn {
        Conn::Postgres(conn) => look(call, queue, ask, owner).fetch_optional(&mut **conn).await?,
        _ => None, // one server alone; it was told above
    };
    if let Some(answer) = refusal(ask, found) {
        if answer == PlaceAnswer::Full && ask.mine == 0 {
            leave_left_off(tx, call, queue).await?;
        }
        return Ok(answer);
    }
    let answer = take(tx, call).await?;
    if let (PlaceAnswer::Taken { .. }, Some(per_minute)) = (answer, ask.per_minute) {
        note_beginning(tx, call, queue, per_minute).await?;
    }
    Ok(answer)
}

/// Why [`call_take_place`] would give no place, if so; without taking turns, for whoever asks again and again. Whether
/// places are held by calls that were left off is not looked at.
pub async fn call_refused(
    store: &Store,
    call: &OpenCall,
    ask: PlaceAsk,
) -> StoreResult<Option<PlaceAnswer>> {
    on_model!(store, |node| node.call_refused(call, ask).await);
    let (Pool::Postgres(pool), Some((_, owner)), Some(queue)) =
        (store.pool(), store.claims(), call.route.queue.as_deref())
    else {
        return Ok(None);
    };
    Ok(refusal(ask, look(call, queue, ask, owner).fetch_optional(pool).await?))
}

/// Calls that others make, how long until the rate allows one more, whether a call of another server goes first.
pub(super) type Found = (i64, Option<i64>, bool);

fn look<'q>(
    call: &OpenCall,
    queue: &'q str,
    ask: PlaceAsk,
    owner: i64,
) -> QueryAs<'q, Postgres, Found, PgArguments> {
    sqlx::query_as(LOOK)
        .bind(call.organization.0)
        .bind(queue)
        .bind(owner)
        .bind(call.run.0)
        .bind(call.call.0)
        .bind(i64::from(call.attempt))
        .bind(i64::from(ask.per_minute.unwrap_or(1)))
        .bind(MINUTE_MS)
        .bind(FAIR_MS)
}

/// Why there is no place, if so.
pub(super) fn refusal(ask: PlaceAsk, found: Option<Found>) -> Option<PlaceAnswer> {
    let Some((others, wait_ms, is_behind)) = found else { return Some(PlaceAnswer::Gone) };
    if others + i64::from(ask.mine) >= i64::from(ask.places) {
        return Some(PlaceAnswer::Full);
    }
    match wait_ms.filter(|_| ask.per_minute.is_some()) {
        // Longer: the clock was set back.
        Some(wait_ms @ 1..=MINUTE_MS) => Some(PlaceAnswer::Late { wait_ms: value::count(wait_ms) }),
        _ => (is_behind && ask.gives_way).then_some(PlaceAnswer::GivesWay),
    }
}

async fn take(tx: &mut Tx, call: &OpenCall) -> StoreResult<PlaceAnswer> {
    let owner = tx.owner;
    let claims: Option<i64> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "UPDATE calls SET begun_by = $5, claims = CASE WHEN begun_by IS NULL THEN claims ELSE claims + 1 END
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt = $4 AND state = 'open' AND owner = $5
         RETURNING claims"
    )
    .bind(call.organization.0)
    .bind(call.run.0)
    .bind(call.call.0)
    .bind(i64::from(call.attempt))
    .bind(owner)
    .fetch_optional(&mut *conn)
    .await
    })?;
    let taken = |claims| PlaceAnswer::Taken { claims: value::small(claims) };
    Ok(claims.map_or(PlaceAnswer::Gone, taken))
}

/// The next number is safe: whoever notes has the queue's turn.
async fn note_beginning(
    tx: &mut Tx,
    call: &OpenCall,
    queue: &str,
    per_minute: u32,
) -> StoreResult<()> {
    let new = "INSERT INTO queue_begins (organization_id, queue, number, at)
         SELECT $1, $2, coalesce(max(number), 0) + 1, CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)
         FROM queue_begins WHERE organization_id = $1 AND queue = $2";
    let old = "DELETE FROM queue_begins WHERE organization_id = $1 AND queue = $2 AND number <= (
           SELECT max(number) FROM queue_begins WHERE organization_id = $1 AND queue = $2) - $3";
    for (sql, rate) in [(new, None), (old, Some(per_minute))] {
        on_tx!(tx, |conn| {
            let query = sqlx::query(sql).bind(call.organization.0).bind(queue);
            match rate {
                Some(rate) => query.bind(i64::from(rate)),
                None => query,
            }
            .execute(&mut *conn)
            .await
            .map(value::rows)
        })?;
    }
    Ok(())
}

/// This server makes no call of the queue. Those that it did not end, as when telling what came of one failed, must not
/// keep others out until it has made them again.
async fn leave_left_off(tx: &mut Tx, call: &OpenCall, queue: &str) -> StoreResult<()> {
    let owner = tx.owner;
    // Calls of several runs: it waits for none, or two such could wait for each other.
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE calls SET begun_by = NULL, claims = claims + 1
         WHERE (organization_id, run_id, id) IN (
           SELECT organization_id, run_id, id FROM calls
           WHERE organization_id = $1 AND queue = $2 AND state = 'open' AND begun_by = $3
           FOR UPDATE SKIP LOCKED)"
    )
    .bind(call.organization.0)
    .bind(queue)
    .bind(owner)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

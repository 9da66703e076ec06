//! Places of named queues that runs of runs take: each run that a call of a queue started has one until it is over.
//!
//! They are counted by the links of runs, over all servers. A call that finds its queue full waits as a row, and is let
//! in by whoever sees that a place is free. Deliberately absent: how many places a queue has (the organisation's
//! settings), and calls that servers make themselves (`call_places`).

use super::{Store, StoreResult, Tx, on_model};
use crate::{args, on_db, on_tx};
use signalbox::id::{OrganizationId, RunId};
use uuid::Uuid;

/// What a [`Conflict`](super::StoreError::Conflict) names when a run is not begun because its queue is full.
pub const RUN_QUEUE_FULL: &str = "a queue that is full of runs";

/// Calls of a queue that are looked at, and let in, at once.
const ADMITTED_MAX: i64 = 256;

/// How many runs that calls of the queue `$2` started are not over.
const UNDER_WAY: &str = "SELECT count(*) FROM run_links
     WHERE organization_id = $1 AND queue = $2 AND state IN ('live', 'stop')";

/// How many of them are the run `$3` itself and the runs around it.
const AROUND: &str = "WITH RECURSIVE around (parent_id, queue, state, steps) AS (
       SELECT parent_id, queue, state, 1 FROM run_links WHERE organization_id = $1 AND run_id = $3
       UNION ALL
       SELECT l.parent_id, l.queue, l.state, a.steps + 1 FROM around a JOIN run_links l
         ON l.organization_id = $1 AND l.run_id = a.parent_id
       WHERE a.steps < 32)
     SELECT count(*) FROM around WHERE queue = $2 AND state IN ('live', 'stop')";

/// Whether a call of the queue `$2` waits whose run was started by another one, and so may share a place of the queue.
const WAITS_INSIDE: &str = "SELECT count(*) FROM (SELECT 1 FROM calls c
       JOIN run_links l ON l.organization_id = $1 AND l.run_id = c.run_id
     WHERE c.organization_id = $1 AND c.queue = $2 AND c.state = 'waiting' LIMIT 1) x";

/// Calls of the queue `$2` that wait, with how many runs around them are in it: those that others wait for first.
const WAITING: &str = "WITH RECURSIVE around (run_id, call_id, at_id, steps) AS (
       SELECT run_id, id, run_id, 1 FROM calls
       WHERE organization_id = $1 AND queue = $2 AND state = 'waiting'
       UNION ALL
       SELECT a.run_id, a.call_id, l.parent_id, a.steps + 1 FROM around a JOIN run_links l
         ON l.organization_id = $1 AND l.run_id = a.at_id
       WHERE a.steps < 32),
     held (run_id, call_id, places) AS (
       SELECT a.run_id, a.call_id, count(*) FROM around a JOIN run_links l
         ON l.organization_id = $1 AND l.run_id = a.at_id AND l.queue = $2 AND l.state IN ('live', 'stop')
       GROUP BY a.run_id, a.call_id)
     SELECT c.run_id, c.id, coalesce(h.places, 0) FROM calls c
       LEFT JOIN held h ON h.run_id = c.run_id AND h.call_id = c.id
     WHERE c.organization_id = $1 AND c.queue = $2 AND c.state = 'waiting'
     ORDER BY coalesce(h.places, 0) DESC, c.priority DESC, c.created_at LIMIT $3";

/// Whether fewer than `places` runs that calls of a queue started are under way, so that a call of the run `parent` may
/// start another one. Places of that run and of those around it do not count: they wait for it, and none would ever go
/// on. One that `gives_way` has room only where no call waits: a step that starts one run after another would else
/// always be before whoever is let in. Holds until the end of the transaction.
pub async fn run_queue_has_room(
    tx: &mut Tx,
    organization: OrganizationId,
    parent: RunId,
    queue: &str,
    places: u32,
    gives_way: bool,
) -> StoreResult<bool> {
    on_model!(tx, |model| Ok(model.run_queue_has_room(parent, queue, places, gives_way)));
    take_turn(tx, organization, queue).await?;
    if gives_way {
        let waits: Option<i64> = on_tx!(tx, |conn| sqlx::query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM calls
             WHERE organization_id = $1 AND queue = $2 AND state = 'waiting' LIMIT 1"
        )
        .bind(organization.0)
        .bind(queue)
        .fetch_optional(&mut *conn)
        .await)?;
        if waits.is_some() {
            return Ok(false);
        }
    }
    let under_way = runs_under_way(tx, organization, queue).await?;
    if under_way < i64::from(places) {
        return Ok(true);
    }
    let around: i64 = on_tx!(tx, |conn| sqlx::query_scalar(AROUND)
        .bind(organization.0)
        .bind(queue)
        .bind(parent.0)
        .fetch_one(&mut *conn)
        .await)?;
    Ok(under_way - around < i64::from(places))
}

/// Queues in which calls wait for a place, of every organisation, in order; those after `after`.
pub async fn run_queues_waiting(
    store: &Store,
    after: Option<&(OrganizationId, String)>,
    limit: u32,
) -> StoreResult<Vec<(OrganizationId, String)>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.run_queues_waiting(after, limit))).await);
    let (organization, queue) = match after {
        Some((organization, queue)) => (organization.0, queue.as_str()),
        None => (Uuid::nil(), ""),
    };
    let rows: Vec<(Uuid, String)> = on_db!(store, |pool| {
        sqlx::query_as(
            "SELECT DISTINCT organization_id, queue FROM calls
             WHERE state = 'waiting' AND queue IS NOT NULL AND (organization_id, queue) > ($1, $2)
             ORDER BY organization_id, queue LIMIT $3",
        )
        .bind(organization)
        .bind(queue)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
    })?;
    Ok(rows
        .into_iter()
        .map(|(organization, queue)| (OrganizationId(organization), queue))
        .collect())
}

/// Whether [`run_queue_admit`] may find something to let in: a place is free, or a call waits whose run may share one.
pub async fn run_queue_may_admit(
    store: &Store,
    organization: OrganizationId,
    queue: &str,
    places: u32,
) -> StoreResult<bool> {
    on_model!(store, |node| {
        node.read(|tables| Ok(tables.run_queue_may_admit(queue, places))).await
    });
    let under_way: i64 = on_db!(store, |pool| {
        sqlx::query_scalar(UNDER_WAY).bind(organization.0).bind(queue).fetch_one(pool).await
    })?;
    if under_way < i64::from(places) {
        return Ok(true);
    }
    let inside: i64 = on_db!(store, |pool| {
        sqlx::query_scalar(WAITS_INSIDE).bind(organization.0).bind(queue).fetch_one(pool).await
    })?;
    Ok(inside > 0)
}

/// Lets calls of a queue begin that wait for one of its `places`, as far as places are free; gives how many. The most
/// urgent go first, but before all others those of runs that have a place in the queue themselves.
/// Where several servers work they are this one's from now on.
pub async fn run_queue_admit(
    tx: &mut Tx,
    organization: OrganizationId,
    queue: &str,
    places: u32,
) -> StoreResult<u32> {
    on_model!(tx, |model| Ok(model.run_queue_admit(queue, places)));
    take_turn(tx, organization, queue).await?;
    let under_way = runs_under_way(tx, organization, queue).await?;
    let waiting: Vec<(Uuid, Uuid, i64)> = on_tx!(tx, |conn| sqlx::query_as(WAITING)
        .bind(organization.0)
        .bind(queue)
        .bind(ADMITTED_MAX)
        .fetch_all(&mut *conn)
        .await)?;
    // Its beginnings are counted from here: that it had to wait is not its fault. It locks calls of several runs, so it
    // waits for none: one that is locked is being given up, or the next look finds it.
    let sql = tx.pick(
        "UPDATE calls SET state = 'open', claims = 0
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND state = 'waiting'",
        "UPDATE calls SET state = 'open', claims = 0, owner = $4
         WHERE organization_id = $1 AND run_id = $2 AND id = (
           SELECT id FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND state = 'waiting'
           FOR UPDATE SKIP LOCKED)",
    );
    let owner = tx.is_shared().then_some(tx.owner);
    let mut admitted: u32 = 0;
    for (run, call, held) in waiting {
        if under_way + i64::from(admitted) - held < i64::from(places) {
            let mut args = args![organization.0, run, call];
            args.extend(owner.map(|owner| args![owner]).unwrap_or_default());
            tx.gather("calls", sql, args).await?;
            admitted += 1;
        }
    }
    Ok(admitted)
}

/// Two that count at the same time would both find the last place free.
async fn take_turn(tx: &mut Tx, organization: OrganizationId, queue: &str) -> StoreResult<()> {
    tx.turn(&format!("runs {organization} {queue}")).await
}

async fn runs_under_way(
    tx: &mut Tx,
    organization: OrganizationId,
    queue: &str,
) -> StoreResult<i64> {
    let count: i64 = on_tx!(tx, |conn| sqlx::query_scalar(UNDER_WAY)
        .bind(organization.0)
        .bind(queue)
        .fetch_one(&mut *conn)
        .await)?;
    Ok(count)
}

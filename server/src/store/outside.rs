//! Outside events (replies, custom events) and the runs that wait for them.
//!
//! A wait remembers up to which event it was told, so what was not told yet is always a query away:
//! an event that came just before the wait, or before a crash, is found by the same query.

use super::{Happening, Store, StoreError, StoreResult, Tx, on_model, value};
use crate::{args, on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    event_type,
    id::{ContactId, OrganizationId, RunId, WorkflowId},
    run::ActivationId,
};

/// Events kept for each organisation, give or take [`PRUNE_EVERY`].
pub(super) const KEPT: i64 = 100_000;
pub(super) const PRUNE_EVERY: i64 = 1_000;
/// Drops the oldest of an organisation ($1), past those that are kept ($2), but none that somebody is to be told of.
pub(super) const PRUNE_SQL: &str =
    "DELETE FROM outside_events WHERE organization_id = $1 AND pending <> 1 AND number <=
   (SELECT max(number) FROM outside_events WHERE organization_id = $1) - $2";
/// Events are numbered by their commits and bear the time before them: of two that come close together the later
/// number may have the earlier time. By so much at most, in milliseconds; servers' clocks are closer than that.
pub(super) const OUT_OF_ORDER_MS: i64 = 60_000;

/// What all name that number events of an organisation, or begin to wait for some.
pub(super) fn turn_of(organization: uuid::Uuid) -> String {
    format!("outside {organization}")
}

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq)]
pub struct OutsideEvent {
    /// Its name, such as `reply`.
    pub name: String,
    /// Whom it is about; then only runs about that contact hear of it.
    pub contact: Option<ContactId>,
    /// Whom it is addressed to; then only that run hears of it.
    pub run: Option<RunId>,
    /// The provider's id of it; the same one is not recorded twice.
    pub source_key: Option<String>,
    /// Its particulars.
    pub payload: Value,
}

/// Records an outside event; gives its number, or `None` when it was recorded before.
/// After the commit tell the engine ([`outside_poke`](crate::engine::EngineHandle::outside_poke)).
pub async fn outside_record(
    tx: &mut Tx,
    organization: OrganizationId,
    event: &OutsideEvent,
    now: DateTime<Utc>,
) -> StoreResult<Option<i64>> {
    Ok(record(tx, organization, event, None, now).await?.map(|recorded| recorded.number))
}

/// An event that somebody sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentEvent {
    /// Its number within the organisation.
    pub number: i64,
    /// Whether it was recorded just now; otherwise its source key was known.
    pub is_new: bool,
}

/// As [`outside_record`], of an event that somebody sends: a program, or a run (`cause`). One that was recorded before
/// is found again by its source key.
pub async fn outside_send(
    tx: &mut Tx,
    organization: OrganizationId,
    event: &OutsideEvent,
    cause: Option<RunId>,
    now: DateTime<Utc>,
) -> StoreResult<SentEvent> {
    if let Some(recorded) = record(tx, organization, event, cause, now).await? {
        return Ok(SentEvent { number: recorded.number, is_new: true });
    }
    let source_key = event.source_key.as_deref();
    let number = number_of(tx, organization, source_key).await?;
    Ok(SentEvent { number, is_new: false })
}

/// The number of the event that has a source key.
async fn number_of(
    tx: &mut Tx,
    organization: OrganizationId,
    source_key: Option<&str>,
) -> StoreResult<i64> {
    on_model!(tx, |model| model.outside_number(source_key));
    let number: i64 = on_tx!(tx, |conn| {
        sqlx::query_scalar(
            "SELECT number FROM outside_events WHERE organization_id = $1 AND source_key = $2",
        )
        .bind(organization.0)
        .bind(source_key)
        .fetch_one(&mut *conn)
        .await
    })
    .map_err(StoreError::of("event"))?;
    Ok(number)
}

/// An event that was recorded.
struct Recorded {
    number: i64,
    /// Somebody is to be told.
    pending: bool,
}

/// As [`outside_record`], with the run that caused it. It is pending while a workflow that it may start, or a
/// run that waits for it, is to be told.
async fn record(
    tx: &mut Tx,
    organization: OrganizationId,
    event: &OutsideEvent,
    cause: Option<RunId>,
    now: DateTime<Utc>,
) -> StoreResult<Option<Recorded>> {
    on_model!(tx, |model| Ok(model
        .outside_record(event, now)
        .map(|number| Recorded { number, pending: true })));
    let payload = value::to_json(&event.payload, "outside_events", "payload")?;
    // One at a time: then numbers have no gap, and who has seen one has seen all before it.
    tx.send().await?;
    tx.turn(&turn_of(organization.0)).await?;
    let recorded: Option<(i64, i64)> = on_tx!(tx, |conn| {
        sqlx::query_as(
        "INSERT INTO outside_events (organization_id, number, name, contact_id, run_id, source_key, payload, at,
           cause_run, pending)
         SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8,
           CASE WHEN EXISTS (SELECT 1 FROM event_triggers WHERE organization_id = $1 AND event_type = $2 AND paused = 0)
             OR EXISTS (SELECT 1 FROM event_waits WHERE organization_id = $1 AND name = $2) THEN 1 ELSE 0 END
         FROM outside_events WHERE organization_id = $1
         ON CONFLICT DO NOTHING RETURNING number, pending"
    )
    .bind(organization.0)
    .bind(event_type::canonical(&event.name))
    .bind(event.contact.map(|id| id.0))
    .bind(event.run.map(|id| id.0))
    .bind(&event.source_key)
    .bind(payload)
    .bind(value::ms(now))
    .bind(cause.map(|id| id.0))
    .fetch_optional(&mut *conn)
    .await
    })?;
    let recorded = recorded.map(|(number, pending)| Recorded { number, pending: pending == 1 });
    if recorded.as_ref().is_some_and(|recorded| recorded.pending) {
        // Wakes whoever tells about events.
        let payload = serde_json::json!({ "name": event.name });
        tx.feed_append(organization, "event", uuid::Uuid::nil(), payload, now);
    }
    if let Some(Recorded { number, .. }) = recorded
        && number % PRUNE_EVERY == 0
    {
        prune(tx, organization).await?;
    }
    Ok(recorded)
}

/// As [`outside_record`], of an event that happens with something else, so that its number can wait until after the
/// commit: where several servers write, the operation needs no turn. Nobody need be told after the commit.
pub async fn outside_note(
    tx: &mut Tx,
    organization: OrganizationId,
    event: &OutsideEvent,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    note(tx, organization, event, None, now).await.map(|_| ())
}

/// As [`outside_note`], with the run that caused it. Whether the one writer knows that nobody wants such an event.
pub(super) async fn note(
    tx: &mut Tx,
    organization: OrganizationId,
    event: &OutsideEvent,
    cause: Option<RunId>,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    if !tx.is_shared() {
        let recorded = record(tx, organization, event, cause, now).await?;
        return Ok(recorded.is_some_and(|recorded| !recorded.pending));
    }
    tx.gather(
        "outside_events_inbox",
        "INSERT INTO outside_events_inbox
           (organization_id, name, contact_id, run_id, source_key, payload, at, cause_run)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            organization.0,
            event_type::canonical(&event.name),
            event.contact.map(|id| id.0),
            event.run.map(|id| id.0),
            &event.source_key,
            value::to_json(&event.payload, "outside_events", "payload")?,
            value::ms(now),
            cause.map(|id| id.0),
        ],
    )
    .await?;
    Ok(false)
}

/// As [`note`], where others write too, of something that happened to a workflow: the database adds its name.
pub(super) async fn note_of_workflow(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    happening: Happening,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    tx.gather(
        "outside_events_inbox",
        "INSERT INTO outside_events_inbox (organization_id, name, payload, at, cause_run)
         SELECT organization_id, $3, left($4, -1) || ',\"workflow\":' || CAST(to_json(name) AS TEXT) || '}', $5, $6
         FROM workflows WHERE organization_id = $1 AND id = $2",
        args![
            organization.0,
            workflow.0,
            happening.name,
            value::to_json(&happening.payload, "outside_events", "payload")?,
            value::ms(now),
            happening.cause.map(|id| id.0),
        ],
    )
    .await
}

/// As [`record`], of an event that is about nobody and that nobody wants: the one writer knows that.
pub(super) async fn record_unheard(
    tx: &mut Tx,
    organization: OrganizationId,
    name: &'static str,
    cause: Option<RunId>,
    payload: &Value,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    tx.gather(
        "outside_events",
        "INSERT INTO outside_events (organization_id, number, name, payload, at, cause_run, pending)
         SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, 0
         FROM outside_events WHERE organization_id = $1",
        args![
            organization.0,
            name,
            value::to_json(payload, "outside_events", "payload")?,
            value::ms(now),
            cause.map(|id| id.0)
        ],
    )
    .await?;
    tx.seen.recorded += 1;
    if tx.seen.recorded % PRUNE_EVERY == 0 {
        prune(tx, organization).await?;
    }
    Ok(())
}

/// Drops the oldest, past those that are kept.
async fn prune(tx: &mut Tx, organization: OrganizationId) -> StoreResult<()> {
    tx.gather("outside_events", PRUNE_SQL, args![organization.0, KEPT]).await
}

/// A run begins to wait for events of a name that came since it began: by their numbers, because servers' clocks differ
/// and are set back; of a run whose beginning has no number, since `since`.
pub(super) async fn wait_open(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    activation: ActivationId,
    name: &str,
    since: DateTime<Utc>,
) -> StoreResult<()> {
    on_model!(tx, |model| model.wait_open(run, activation, name, since));
    tx.seen.forget_unheard();
    // Events are numbered either before this, and found by the look back, or after the commit, and found wanted.
    tx.turn_shared(&turn_of(organization.0)).await?;
    // What is older than `since` is passed over as far as that is sure; deliveries look at the times themselves.
    on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO event_waits (organization_id, name, run_id, activation, since_at, seen)
         SELECT $1, $2, $3, $4, CASE WHEN events_from IS NULL THEN $5 ELSE 0 END,
           coalesce(events_from, (SELECT number FROM outside_events
             WHERE organization_id = $1 AND at < $6 ORDER BY number DESC LIMIT 1), 0)
         FROM runs WHERE organization_id = $1 AND id = $3
         ON CONFLICT DO NOTHING"
    )
    .bind(organization.0)
    .bind(value::text(event_type::canonical(name)))
    .bind(run.0)
    .bind(i64::from(activation.0))
    .bind(value::ms(since))
    .bind(value::ms(since).saturating_sub(OUT_OF_ORDER_MS))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// A run waits no longer; none is fine.
pub(super) async fn wait_close(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    activation: ActivationId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.wait_close(run, activation));
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM event_waits WHERE organization_id = $1 AND run_id = $2 AND activation = $3"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(i64::from(activation.0))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// The run was told of the events of a name up to a number.
pub async fn wait_seen(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    name: &str,
    number: i64,
) -> StoreResult<()> {
    on_model!(tx, |model| model.wait_seen(run, name, number));
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE event_waits SET seen = $4
         WHERE organization_id = $1 AND name = $2 AND run_id = $3 AND seen < $4"
    )
    .bind(organization.0)
    .bind(name)
    .bind(run.0)
    .bind(number)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(())
}

/// An event that a waiting run was not told yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Whose.
    pub organization: OrganizationId,
    /// The run that waits.
    pub run: RunId,
    /// The event's name.
    pub name: String,
    /// The event's number.
    pub number: i64,
    /// Its particulars.
    pub payload: Value,
    /// Its identity: the provider's id of it, else its number.
    pub id: String,
}

/// Waits of a scope and the events that they were not told yet, each pair as it is found in the least time: an event
/// about a contact by the contacts of the runs that wait, one about nobody by its name. SQLite keeps no statistics and
/// must be told the way.
macro_rules! untold {
    ($scope:literal, $join:literal, $about:literal, $nobody:literal) => {
        concat!(
            "SELECT w.organization_id, w.run_id, w.name, e.number, e.payload, e.source_key
             FROM event_waits w ", $join, " run_contacts c
               ON c.organization_id = w.organization_id AND c.run_id = w.run_id
             ", $join, " outside_events e ", $about, "
               ON e.organization_id = w.organization_id AND e.contact_id IS NOT NULL AND e.contact_id = c.contact_id
                 AND e.name = w.name AND e.number > w.seen
             WHERE ", $scope, " AND e.at >= w.since_at AND (e.run_id IS NULL OR e.run_id = w.run_id)
             UNION ALL
             SELECT w.organization_id, w.run_id, w.name, e.number, e.payload, e.source_key
             FROM event_waits w ", $join, " outside_events e ", $nobody, "
               ON e.organization_id = w.organization_id AND e.name = w.name AND e.number > w.seen
             WHERE ", $scope, " AND e.contact_id IS NULL AND e.at >= w.since_at
               AND (e.run_id IS NULL OR e.run_id = w.run_id)"
        )
    };
}

macro_rules! untold_sqlite {
    ($scope:literal) => {
        untold!(
            $scope,
            "CROSS JOIN",
            "INDEXED BY outside_events_about_contact",
            "INDEXED BY outside_events_about_nobody"
        )
    };
}

macro_rules! untold_postgres {
    ($scope:literal) => {
        untold!($scope, "JOIN", "", "")
    };
}

/// The oldest event of each run and name. SQLite takes the other columns from the row of the minimum.
const OLDEST_SQLITE: &str = concat!(
    "SELECT organization_id, run_id, name, min(number), payload, source_key FROM (",
    untold_sqlite!("1 = 1"),
    ") AS untold GROUP BY organization_id, run_id, name ORDER BY min(number) LIMIT $1"
);
const OLDEST_POSTGRES: &str = concat!(
    "SELECT * FROM (SELECT DISTINCT ON (organization_id, run_id, name) * FROM (",
    untold_postgres!("1 = 1"),
    ") AS untold ORDER BY organization_id, run_id, name, number) AS oldest ORDER BY number LIMIT $1"
);
/// All of one run, in order. Several waits for the same name are one.
const OF_RUN_SQLITE: &str = concat!(
    "SELECT DISTINCT * FROM (",
    untold_sqlite!("w.organization_id = $2 AND w.run_id = $3"),
    ") AS untold ORDER BY number LIMIT $1"
);
const OF_RUN_POSTGRES: &str = concat!(
    "SELECT DISTINCT * FROM (",
    untold_postgres!("w.organization_id = $2 AND w.run_id = $3"),
    ") AS untold ORDER BY number LIMIT $1"
);

type DeliveryRow = (uuid::Uuid, uuid::Uuid, String, i64, String, Option<String>);

fn delivery(row: DeliveryRow) -> StoreResult<Delivery> {
    let (organization, run, name, number, payload, key) = row;
    Ok(Delivery {
        organization: OrganizationId(organization),
        run: RunId(run),
        name,
        number,
        payload: value::from_json(&payload, "outside_events", "payload")?,
        id: key.unwrap_or_else(|| format!("outside:{number}")),
    })
}

/// Those that can be read. One that cannot, as one that a newer server wrote, hides no other.
fn readable(rows: Vec<DeliveryRow>) -> Vec<Delivery> {
    let read = |row| {
        delivery(row)
            .inspect_err(
                |error| tracing::error!(%error, "an event cannot be read; no run is told of it"),
            )
            .ok()
    };
    rows.into_iter().filter_map(read).collect()
}

/// What waiting runs were not told yet, of every organisation: for each run and name the oldest such event.
pub async fn deliveries(store: &Store, limit: u32) -> StoreResult<Vec<Delivery>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.deliveries(None, limit))).await);
    store.events_number().await?;
    let sql = store.pick(OLDEST_SQLITE, OLDEST_POSTGRES);
    let rows: Vec<DeliveryRow> =
        on_db!(store, |pool| sqlx::query_as(sql).bind(i64::from(limit)).fetch_all(pool).await)?;
    Ok(readable(rows))
}

/// What a waiting run was not told yet, in order.
pub async fn deliveries_of(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
    limit: u32,
) -> StoreResult<Vec<Delivery>> {
    on_model!(store, |node| node
        .read(|tables| Ok(tables.deliveries(Some((organization, run)), limit)))
        .await);
    store.events_number().await?;
    let sql = store.pick(OF_RUN_SQLITE, OF_RUN_POSTGRES);
    let rows: Vec<DeliveryRow> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(i64::from(limit))
        .bind(organization.0)
        .bind(run.0)
        .fetch_all(pool)
        .await)?;
    Ok(readable(rows))
}

/// Runs that wait for an event of this number's name, may hear of it, and were not told yet.
pub async fn outside_listeners(
    store: &Store,
    organization: OrganizationId,
    number: i64,
    limit: u32,
) -> StoreResult<Vec<RunId>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.listeners(number, limit))).await);
    // One branch for each address, so that an event about a contact looks at that contact's runs only.
    let runs: Vec<uuid::Uuid> = on_db!(store, |pool| {
        sqlx::query_scalar(
        "SELECT w.run_id FROM outside_events e JOIN run_contacts c
           ON c.organization_id = e.organization_id AND c.contact_id = e.contact_id
         JOIN event_waits w ON w.organization_id = e.organization_id AND w.run_id = c.run_id AND w.name = e.name
         WHERE e.organization_id = $1 AND e.number = $2 AND w.seen < e.number AND w.since_at <= e.at
           AND (e.run_id IS NULL OR e.run_id = w.run_id)
         UNION
         SELECT w.run_id FROM outside_events e JOIN event_waits w
           ON w.organization_id = e.organization_id AND w.name = e.name
         WHERE e.organization_id = $1 AND e.number = $2 AND e.contact_id IS NULL AND w.seen < e.number
           AND w.since_at <= e.at AND (e.run_id IS NULL OR e.run_id = w.run_id)
         LIMIT $3"
    )
    .bind(organization.0)
    .bind(number)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    Ok(runs.into_iter().map(RunId).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_cannot_be_read_hides_no_other() {
        let row = |number: i64, payload: &str| {
            (uuid::Uuid::nil(), uuid::Uuid::nil(), "a".to_owned(), number, payload.to_owned(), None)
        };
        let read = readable(vec![row(1, "{"), row(2, "{}")]);
        assert_eq!(read.iter().map(|event| event.number).collect::<Vec<_>>(), [2]);
    }
}

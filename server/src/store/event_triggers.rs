//! Workflows that events start, and the events that are still to be told about: the outbox.
//!
//! An event's row is written with what caused it ([`event_happened`]) and is pending while somebody may want it.
//! Starting runs names the event in the run's key, so telling about it twice starts nothing twice.

use super::{OutsideEvent, Store, StoreError, StoreResult, Tx, outside, value, workflows};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use signalbox::id::{ContactId, OrganizationId, RunId, WorkflowId};

/// Runs around a run that are looked at, more than there may be.
const AROUND_MAX: i64 = 32;

/// A workflow that an event starts.
#[derive(Clone, Debug, PartialEq)]
pub struct EventTrigger {
    /// Whose.
    pub organization: OrganizationId,
    /// Which workflow.
    pub workflow: WorkflowId,
    /// Which version.
    pub version: u32,
    /// The kind of event, by its own name.
    pub event_type: String,
    /// An expression over `event` that must hold.
    pub filter: Option<String>,
}

/// An event that somebody may still want.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingEvent {
    /// Whose.
    pub organization: OrganizationId,
    /// Its number within the organisation.
    pub number: i64,
    /// What happened.
    pub name: String,
    /// Whom it is about.
    pub contact: Option<ContactId>,
    /// The run that caused it.
    pub cause: Option<RunId>,
    /// Its particulars.
    pub payload: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// What happened inside the organisation, whom it is about, and which run caused it.
#[derive(Clone, Debug)]
pub struct Happening {
    /// One of [`signalbox::event_type`].
    pub name: &'static str,
    /// Whom it is about; then only waiting runs about that contact hear of it.
    pub contact: Option<ContactId>,
    /// The run that caused it.
    pub cause: Option<RunId>,
    /// Its particulars, an object.
    pub payload: Value,
}

/// Records that something happened, in the transaction in which it happens.
pub async fn event_happened(
    tx: &mut Tx,
    organization: OrganizationId,
    happening: Happening,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let mut payload = Map::new();
    payload.insert("type".into(), happening.name.into());
    if let Value::Object(fields) = happening.payload {
        payload.extend(fields);
    }
    let payload = Value::Object(payload);
    if happening.contact.is_none() && tx.seen.is_unheard(organization, happening.name) {
        return outside::record_unheard(
            tx,
            organization,
            happening.name,
            happening.cause,
            &payload,
            now,
        )
        .await;
    }
    let event = OutsideEvent {
        name: happening.name.to_owned(),
        contact: happening.contact,
        run: None,
        source_key: None,
        payload,
    };
    if outside::note(tx, organization, &event, happening.cause, now).await? {
        tx.seen.note_unheard(organization, happening.name);
    }
    Ok(())
}

/// As [`event_happened`], of something that happened to a workflow, whose name the payload says as `workflow`.
pub(super) async fn event_happened_to(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    mut happening: Happening,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    if tx.is_shared() {
        happening.payload["type"] = happening.name.into();
        return outside::note_of_workflow(tx, organization, workflow, happening, now).await;
    }
    happening.payload["workflow"] = workflows::name_of(tx, organization, workflow).await?.into();
    event_happened(tx, organization, happening, now).await
}

/// Lets a kind of event start a workflow.
pub(super) async fn event_trigger_put(tx: &mut Tx, new: &EventTrigger) -> StoreResult<()> {
    tx.seen.forget_unheard();
    on_tx!(tx, |conn| {
        sqlx::query(
            "INSERT INTO event_triggers (organization_id, workflow_id, version, event_type, filter)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (organization_id, workflow_id) DO UPDATE SET version = excluded.version,
               event_type = excluded.event_type, filter = excluded.filter, paused = 0, note = ''",
        )
        .bind(new.organization.0)
        .bind(new.workflow.0)
        .bind(i64::from(new.version))
        .bind(&new.event_type)
        .bind(&new.filter)
        .execute(&mut *conn)
        .await
        .map(|_| ())
    })?;
    Ok(())
}

/// No event starts the workflow any more; none is fine.
pub(super) async fn event_trigger_delete(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "DELETE FROM event_triggers WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .execute(&mut *conn)
    .await
    .map(|_| ()))?;
    Ok(())
}

/// Stops a workflow's event trigger, or lets it go on.
pub(super) async fn event_trigger_pause(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    paused: bool,
) -> StoreResult<()> {
    tx.seen.forget_unheard();
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE event_triggers SET paused = $3 WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .bind(i64::from(paused))
    .execute(&mut *conn)
    .await
    .map(|_| ()))?;
    Ok(())
}

/// Notes why an event started no run.
pub async fn event_trigger_note(
    tx: &mut Tx,
    organization: OrganizationId,
    workflow: WorkflowId,
    note: &str,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE event_triggers SET note = $3 WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .bind(note)
    .execute(&mut *conn)
    .await
    .map(|_| ()))?;
    Ok(())
}

/// Why the last event started no run of a workflow; `None`: nothing is noted.
pub async fn event_trigger_note_fetch(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
) -> StoreResult<Option<String>> {
    let note: Option<String> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT note FROM event_triggers WHERE organization_id = $1 AND workflow_id = $2"
    )
    .bind(organization.0)
    .bind(workflow.0)
    .fetch_optional(pool)
    .await)?;
    Ok(note.filter(|note| !note.is_empty()))
}

/// The workflows that a kind of event starts, after `after`, at most `limit`.
pub async fn event_triggers_of(
    store: &Store,
    organization: OrganizationId,
    event_type: &str,
    after: Option<WorkflowId>,
    limit: u32,
) -> StoreResult<Vec<EventTrigger>> {
    let rows: Vec<(uuid::Uuid, i64, Option<String>)> = on_db!(store, |pool| {
        sqlx::query_as(
            "SELECT workflow_id, version, filter FROM event_triggers
             WHERE organization_id = $1 AND event_type = $2 AND paused = 0 AND workflow_id > $3
             ORDER BY workflow_id LIMIT $4",
        )
        .bind(organization.0)
        .bind(event_type)
        .bind(after.map_or(uuid::Uuid::nil(), |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
    })?;
    let trigger = |(workflow, version, filter)| EventTrigger {
        organization,
        workflow: WorkflowId(workflow),
        version: value::small(version),
        event_type: event_type.to_owned(),
        filter,
    };
    Ok(rows.into_iter().map(trigger).collect())
}

/// An event that cannot be read, as one that a newer server wrote.
#[derive(Debug, PartialEq)]
pub struct UnreadableEvent {
    /// Whose.
    pub organization: OrganizationId,
    /// Its number within the organisation.
    pub number: i64,
    /// Why.
    pub error: StoreError,
}

/// Events that somebody may still want, of every organisation, oldest first. One that cannot be read hides no other.
pub async fn events_pending(
    store: &Store,
    limit: u32,
) -> StoreResult<Vec<Result<PendingEvent, UnreadableEvent>>> {
    store.events_number().await?;
    type Row = (uuid::Uuid, i64, String, Option<uuid::Uuid>, Option<uuid::Uuid>, String, i64);
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT organization_id, number, name, contact_id, cause_run, payload, at FROM outside_events
         WHERE pending = 1 ORDER BY at, number LIMIT $1"
    )
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    let event = |(organization, number, name, contact, cause, payload, at): Row| {
        let organization = OrganizationId(organization);
        let read = || {
            Ok(PendingEvent {
                organization,
                number,
                name,
                contact: contact.map(ContactId),
                cause: cause.map(RunId),
                payload: value::from_json(&payload, "outside_events", "payload")?,
                at: value::time(at, "outside_events", "at")?,
            })
        };
        read().map_err(|error| UnreadableEvent { organization, number, error })
    };
    Ok(rows.into_iter().map(event).collect())
}

/// Nobody is told of an event that cannot be read; its row stays as long as others do, with `pending` 2.
pub async fn event_set_aside(
    tx: &mut Tx,
    organization: OrganizationId,
    number: i64,
) -> StoreResult<()> {
    pending_set(tx, organization, number, 2).await
}

/// Everybody who wanted the event was told.
pub async fn event_told(tx: &mut Tx, organization: OrganizationId, number: i64) -> StoreResult<()> {
    pending_set(tx, organization, number, 0).await
}

async fn pending_set(
    tx: &mut Tx,
    organization: OrganizationId,
    number: i64,
    pending: i64,
) -> StoreResult<()> {
    on_tx!(tx, |conn| sqlx::query(
        "UPDATE outside_events SET pending = $3 WHERE organization_id = $1 AND number = $2"
    )
    .bind(organization.0)
    .bind(number)
    .bind(pending)
    .execute(&mut *conn)
    .await
    .map(|_| ()))?;
    Ok(())
}

/// Notes that an event started a run, and how deep in a chain of such runs it is.
pub async fn run_cause_insert(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    event: i64,
    depth: u32,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO run_causes (organization_id, run_id, event_number, depth) VALUES ($1, $2, $3, $4)"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(event)
    .bind(i64::from(depth))
    .execute(&mut *conn)
    .await
    .map(|_| ())
    })?;
    Ok(())
}

/// How many events and runs led to a run, by itself or by the runs around it that started it; 0: no event did.
pub async fn run_depth(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
) -> StoreResult<u32> {
    let depth: Option<i64> = on_db!(store, |pool| sqlx::query_scalar(
        "WITH RECURSIVE around (run_id, steps) AS (
           SELECT $2, 0
           UNION ALL
           SELECT l.parent_id, around.steps + 1 FROM around JOIN run_links l
             ON l.organization_id = $1 AND l.run_id = around.run_id
           WHERE around.steps < $3)
         SELECT max(c.depth) FROM around JOIN run_causes c
           ON c.organization_id = $1 AND c.run_id = around.run_id"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(AROUND_MAX)
    .fetch_one(pool)
    .await)?;
    Ok(depth.map_or(0, value::small))
}

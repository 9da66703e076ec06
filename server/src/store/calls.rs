//! Calls that have no result yet: the intents, committed before the calls are made.
//!
//! Where several servers work, a call is owned by the server that committed it, and by another one
//! when that server is gone.

use super::{
    CallState, Store, StoreError, StoreResult, Tx,
    kept::Kept,
    on_model, packing,
    payloads::{INLINE_BYTES_MAX, Packed},
    value,
};
use crate::{args, free_of, on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{CallId, MessageId, NodeId, OrganizationId, RunId},
    run::{ActivationId, CallRequest, CallRoute},
};

/// The priority of a call whose step names none.
pub const PRIORITY: u8 = 5;

/// A call that was decided and has no result.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which run.
    pub run: RunId,
    /// The stable key: the same over all attempts of its activation.
    pub call: CallId,
    /// For which activation.
    pub activation: ActivationId,
    /// Of which node.
    pub node: NodeId,
    /// Which try.
    pub attempt: u32,
    /// What is asked.
    pub request: CallRequest,
    /// Working time, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Through which queue it goes, and whether it repeats a message.
    pub route: CallRoute,
}

macro_rules! open_sql {
    ($column:literal, $value:literal, $update:literal) => {
        concat!(
            "INSERT INTO calls (organization_id, run_id, id, activation, node, attempt, request, timeout_ms, claims, created_at,
               state, queue, priority, repeats, offer, payload", $column, ")
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13, $14, $15", $value, ")
             ON CONFLICT (organization_id, run_id, id) DO UPDATE SET attempt = excluded.attempt,
               request = excluded.request, timeout_ms = excluded.timeout_ms, claims = 1, created_at = excluded.created_at,
               state = excluded.state, queue = excluded.queue, priority = excluded.priority, repeats = excluded.repeats,
               offer = excluded.offer, payload = excluded.payload, claim = NULL, worker = NULL", $update
        )
    };
}

/// Writes the intent of an attempt, as begun once. A later attempt takes the earlier one's place. A task is offered
/// to workers (unless `is_made`, by whoever makes the other calls too).
pub async fn call_open(
    tx: &mut Tx,
    call: &OpenCall,
    is_made: bool,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let offer = super::tasks::offer(&call.request).filter(|_| !is_made);
    let state = if offer.is_some() { CallState::Offered } else { CallState::Open };
    on_model!(tx, |model| model.call_open(call, state, now));
    let request = value::to_json(&call.request, "calls", "request")?;
    let apart = match request.len() > INLINE_BYTES_MAX {
        true => Some(Packed::of(request.clone())).filter(|packed| packed.hash().is_some()),
        false => None,
    };
    let request = if apart.is_some() { String::new() } else { request };
    if let Some(apart) = &apart {
        apart.put(tx, call.organization, call.run).await?;
    }
    let sql = tx.pick(
        open_sql!("", "", ""),
        open_sql!(", owner", ", $16", ", owner = excluded.owner, begun_by = NULL"),
    );
    let owner = tx.is_shared().then_some(tx.owner);
    let mut args = args![
        call.organization.0,
        call.run.0,
        call.call.0,
        call.activation.0,
        call.node.as_str(),
        call.attempt,
        request,
        call.timeout_ms.map(value::int),
        value::ms(now),
        state.as_str(),
        &call.route.queue,
        i64::from(call.route.priority.unwrap_or(PRIORITY)),
        call.route.repeats.map(|message| message.0),
        &offer,
        apart.as_ref().and_then(Packed::hash),
    ];
    args.extend(owner.map(|owner| args![owner]).unwrap_or_default());
    tx.gather("calls", sql, args).await
}

/// The send gate has a call from now on; none, and one that outside workers do, is fine.
pub(super) async fn call_park(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    call: CallId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.call_park(run, call));
    let sql = "UPDATE calls SET state = 'parked'
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND state IN ('open', 'parked', 'held')";
    tx.gather("calls", sql, args![organization.0, run.0, call.0]).await
}

/// A task that a worker has is free again; none is fine.
pub(super) async fn call_free(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    call: CallId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.call_free(run, call));
    let sql = "UPDATE calls SET state = 'offered', claim = NULL, worker = NULL
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND state = 'claimed'";
    tx.gather("calls", sql, args![organization.0, run.0, call.0]).await
}

/// An attempt that was to be made waits for something else from now on. A later attempt, or one that rests already, is
/// left alone.
pub async fn call_leave(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    (call, attempt): (CallId, u32),
    state: CallState,
) -> StoreResult<()> {
    on_model!(tx, |model| model.call_leave(run, call, attempt, state));
    let sql = "UPDATE calls SET state = $5
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt = $4 AND state = 'open'";
    tx.gather("calls", sql, args![organization.0, run.0, call.0, attempt, state.as_str()]).await
}

/// The call has a result, or is not wanted any more; none is fine.
pub async fn call_close(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    call: CallId,
) -> StoreResult<()> {
    on_model!(tx, |model| model.call_close(run, call));
    let sql = "DELETE FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3";
    tx.gather("calls", sql, args![organization.0, run.0, call.0]).await
}

/// An attempt of a call that its run does not know (any more) must not come up again; none is fine.
pub async fn call_close_attempt(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    call: CallId,
    attempt: u32,
) -> StoreResult<()> {
    on_model!(tx, |model| model.call_close_attempt(run, call, attempt));
    on_tx!(tx, |conn| {
        sqlx::query(
        "DELETE FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt <= $4 AND state = 'open'"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(call.0)
    .bind(i64::from(attempt))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// Counts one more beginning of an attempt; `None` when it has a result by now, is not open, or
/// belongs to another server.
pub async fn call_claim(tx: &mut Tx, call: &OpenCall) -> StoreResult<Option<u32>> {
    on_model!(tx, |model| model.call_claim(call));
    let sql = tx.pick(
        "UPDATE calls SET claims = claims + 1
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt = $4 AND state = 'open'
         RETURNING claims",
        "UPDATE calls SET claims = claims + 1
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt = $4 AND state = 'open'
           AND owner = $5
         RETURNING claims",
    );
    let owner = tx.is_shared().then_some(tx.owner);
    let claims: Option<i64> = on_tx!(tx, |conn| {
        let query = sqlx::query_scalar(sql)
            .bind(call.organization.0)
            .bind(call.run.0)
            .bind(call.call.0)
            .bind(i64::from(call.attempt));
        match owner {
            Some(owner) => query.bind(owner),
            None => query,
        }
        .fetch_optional(&mut *conn)
        .await
    })?;
    Ok(claims.map(value::small))
}

/// A row whose request cannot be read any more.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadableCall {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which run.
    pub run: RunId,
    /// Which.
    pub call: CallId,
    /// Of which activation.
    pub activation: ActivationId,
    /// What is wrong.
    pub detail: String,
}

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        "organization_id, run_id, id, activation, node, attempt, request, timeout_ms, queue, priority, repeats, claim,
           (SELECT p.bytes FROM payloads p WHERE p.organization_id = calls.organization_id
             AND p.run_id = calls.run_id AND p.hash = calls.payload) AS apart"
    };
}
pub(super) use columns;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    organization_id: uuid::Uuid,
    run_id: uuid::Uuid,
    id: uuid::Uuid,
    activation: i64,
    node: String,
    attempt: i64,
    request: String,
    timeout_ms: Option<i64>,
    queue: Option<String>,
    priority: i64,
    repeats: Option<uuid::Uuid>,
    pub(super) claim: Option<uuid::Uuid>,
    apart: Option<Vec<u8>>,
}

impl Row {
    pub(super) fn call(self) -> Result<OpenCall, UnreadableCall> {
        let (organization, run) = (OrganizationId(self.organization_id), RunId(self.run_id));
        let (call, activation) = (CallId(self.id), ActivationId(value::small(self.activation)));
        let request = match &self.apart {
            None => value::from_json(&self.request, "calls", "request"),
            Some(bytes) => packing::unpack(bytes, "payloads", "bytes")
                .and_then(|json| value::from_json_bytes(&json, "payloads", "bytes")),
        };
        let request = request.map_err(|error| UnreadableCall {
            organization,
            run,
            call,
            activation,
            detail: error.to_string(),
        })?;
        Ok(OpenCall {
            organization,
            run,
            call,
            activation,
            node: NodeId(self.node),
            attempt: value::small(self.attempt),
            request,
            timeout_ms: self.timeout_ms.map(value::count),
            route: CallRoute {
                queue: self.queue,
                priority: u8::try_from(self.priority).ok(),
                repeats: self.repeats.map(MessageId),
            },
        })
    }
}

/// [`calls_open_but`] without an exception.
pub async fn calls_open(
    store: &Store,
    limit: u32,
) -> StoreResult<Vec<Result<OpenCall, UnreadableCall>>> {
    calls_open_but(store, CallsWanted { limit, ..CallsWanted::default() }).await
}

/// Which open calls are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallsWanted<'a> {
    /// How many, at most.
    pub limit: u32,
    /// None of these queues (no name: of calls in none).
    pub full: &'a [(OrganizationId, Option<String>)],
    /// Attempts that this server makes and that took a place in their queue: when they are taken again, under another
    /// lease, they keep it.
    pub placed: &'a [(RunId, CallId, u32)],
}

/// The word for a call's organisation and queue.
fn line_word((organization, queue): &(OrganizationId, Option<String>)) -> String {
    format!("{}/{}", organization.0.simple(), queue.as_deref().unwrap_or_default())
}

/// Open calls of every organisation, oldest first. One that cannot be read does not hide the others.
/// Where several servers work: those that this one owns, after it took what is free.
pub async fn calls_open_but(
    store: &Store,
    wanted: CallsWanted<'_>,
) -> StoreResult<Vec<Result<OpenCall, UnreadableCall>>> {
    on_model!(store, |node| node.calls_open(wanted).await);
    let CallsWanted { limit, full, placed } = wanted;
    let words: Vec<String> = full.iter().map(line_word).collect();
    let words = value::to_json(&words, "calls", "queue")?;
    let rows: Vec<Row> = match store.claims() {
        None => on_db!(store, |pool| {
            sqlx::query_as(concat!(
            "SELECT ",
            columns!(),
            " FROM calls WHERE state = 'open'
               AND lower(hex(organization_id)) || '/' || coalesce(queue, '') NOT IN (SELECT value FROM json_each($2))
             ORDER BY created_at LIMIT $1"
        ))
        .bind(i64::from(limit))
        .bind(words.as_str())
        .fetch_all(pool)
        .await
        })?,
        Some((pool, owner)) => {
            let word = |(run, call, attempt): &(RunId, CallId, u32)| {
                format!("{}/{}/{attempt}", run.0, call.0)
            };
            let placed: Vec<String> = placed.iter().map(word).collect();
            let placed = value::to_json(&placed, "calls", "id")?;
            calls_take(pool, owner, i64::from(limit), &words, &placed).await?
        }
    };
    Ok(rows.into_iter().map(Row::call).collect())
}

/// That a call is in none of the lines whose words are the JSON list `$3`.
macro_rules! in_no_full_line {
    ($calls:literal) => {
        concat!(
            "replace(CAST(",
            $calls,
            ".organization_id AS TEXT), '-', '') || '/' || coalesce(",
            $calls,
            ".queue, '') NOT IN (SELECT jsonb_array_elements_text(CAST($3 AS JSONB)))"
        )
    };
}

async fn calls_take(
    pool: &Kept<sqlx::Postgres>,
    owner: i64,
    limit: i64,
    full: &str,
    placed: &str,
) -> StoreResult<Vec<Row>> {
    sqlx::query(concat!(
        "WITH free AS MATERIALIZED (
           SELECT c.organization_id, c.run_id, c.id,
             c.run_id || '/' || c.id || '/' || c.attempt IN (
               SELECT jsonb_array_elements_text(CAST($4 AS JSONB))) AS is_placed
           FROM calls c
           WHERE c.state = 'open' AND c.owner IS DISTINCT FROM $1 AND ",
        free_of!("c"),
        " AND ",
        in_no_full_line!("c"),
        " ORDER BY c.created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
         UPDATE calls c SET owner = $1,
           begun_by = CASE WHEN f.is_placed THEN $1 END,
           claims = CASE WHEN c.begun_by IS NULL OR f.is_placed THEN c.claims ELSE c.claims + 1 END
         FROM free f
         WHERE c.organization_id = f.organization_id AND c.run_id = f.run_id AND c.id = f.id"
    ))
    .bind(owner)
    .bind(limit)
    .bind(full)
    .bind(placed)
    .execute(pool)
    .await?;
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM calls WHERE state = 'open' AND owner = $1 AND ",
        in_no_full_line!("calls"),
        " ORDER BY created_at LIMIT $2"
    ))
    .bind(owner)
    .bind(limit)
    .bind(full)
    .fetch_all(pool)
    .await?)
}

/// The call of an activation that waits, whatever its state; for the send gate's own recovery.
pub async fn call_fetch(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
    call: CallId,
) -> StoreResult<Option<OpenCall>> {
    let row: Option<Row> = on_db!(store, |pool| sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3"
    ))
    .bind(organization.0)
    .bind(run.0)
    .bind(call.0)
    .fetch_optional(pool)
    .await)?;
    row.map(Row::call).transpose().map_err(corrupt)
}

/// Where a call is; none when it is over.
pub async fn call_state(
    store: &Store,
    organization: OrganizationId,
    run: RunId,
    call: CallId,
) -> StoreResult<Option<CallState>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.call_state(run, call))).await);
    let word: Option<String> = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT state FROM calls WHERE organization_id = $1 AND run_id = $2 AND id = $3"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(call.0)
    .fetch_optional(pool)
    .await)?;
    let state = |word: String| {
        CallState::of(&word).ok_or(StoreError::Corrupt {
            table: "calls",
            column: "state",
            detail: format!("there is no state {word:?}"),
        })
    };
    word.map(state).transpose()
}

pub(super) fn corrupt(unreadable: UnreadableCall) -> StoreError {
    StoreError::Corrupt { table: "calls", column: "request", detail: unreadable.detail }
}

//! Tasks of outside workers: calls that are offered, claimed and reported.

use super::{OpenCall, Store, StoreError, StoreResult, Tx, calls, value};
use crate::{on_db, on_tx};
use signalbox::{
    id::{CallId, OrganizationId},
    run::{CallRequest, TaskRequest},
};
use uuid::Uuid;

/// A task with who has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its call.
    pub call: OpenCall,
    /// What is to be done.
    pub request: TaskRequest,
    /// The key of who has it.
    pub claim: Option<Uuid>,
}

/// To whom a task is offered: `agent:cmo`, or `agent:` for any agent.
pub(super) fn offer(request: &CallRequest) -> Option<String> {
    match request {
        CallRequest::Task(task) => Some(address(task.executor.as_str(), &task.worker)),
        _ => None,
    }
}

fn address(executor: &str, worker: &str) -> String {
    format!("{executor}:{worker}")
}

/// The next task for a worker: those that name it and those for any of its kind, most urgent first.
pub async fn task_next(
    store: &Store,
    organization: OrganizationId,
    executor: &str,
    worker: &str,
) -> StoreResult<Option<Task>> {
    let row: Option<calls::Row> = on_db!(store, |pool| {
        sqlx::query_as(concat!(
            "SELECT ",
            calls::columns!(),
            " FROM calls WHERE organization_id = $1 AND offer IN ($2, $3) AND state = 'offered'
         ORDER BY priority DESC, created_at LIMIT 1"
        ))
        .bind(organization.0)
        .bind(address(executor, worker))
        .bind(address(executor, ""))
        .fetch_optional(pool)
        .await
    })?;
    row.map(task).transpose()
}

/// A task by its call.
pub async fn task_fetch(
    store: &Store,
    organization: OrganizationId,
    call: CallId,
) -> StoreResult<Task> {
    let row: calls::Row = on_db!(store, |pool| sqlx::query_as(concat!(
        "SELECT ",
        calls::columns!(),
        " FROM calls WHERE organization_id = $1 AND id = $2 AND offer IS NOT NULL"
    ))
    .bind(organization.0)
    .bind(call.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("task"))?;
    task(row)
}

fn task(row: calls::Row) -> StoreResult<Task> {
    let claim = row.claim;
    let call = row.call().map_err(calls::corrupt)?;
    match call.request.clone() {
        CallRequest::Task(request) => Ok(Task { request: *request, call, claim }),
        _ => Err(StoreError::NotFound { what: "task" }),
    }
}

/// A worker takes a task; [`StoreError::Conflict`] when another one did.
pub async fn task_claim(
    tx: &mut Tx,
    call: &OpenCall,
    claim: Uuid,
    worker: &str,
) -> StoreResult<()> {
    let taken = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE calls SET state = 'claimed', claim = $5, worker = $6
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt = $4 AND state = 'offered'"
    )
    .bind(call.organization.0)
    .bind(call.run.0)
    .bind(call.call.0)
    .bind(i64::from(call.attempt))
    .bind(claim)
    .bind(worker)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    is_one(taken.rows_affected())
}

/// Whoever reports still has the task; [`StoreError::Conflict`] when not.
pub async fn task_held(tx: &mut Tx, call: &OpenCall, claim: Uuid) -> StoreResult<()> {
    let held = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE calls SET claims = claims
         WHERE organization_id = $1 AND run_id = $2 AND id = $3 AND attempt = $4 AND state = 'claimed' AND claim = $5"
    )
    .bind(call.organization.0)
    .bind(call.run.0)
    .bind(call.call.0)
    .bind(i64::from(call.attempt))
    .bind(claim)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    is_one(held.rows_affected())
}

fn is_one(rows: u64) -> StoreResult<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Conflict { what: "the task" }) }
}

/// Moves the claim's timer on, while it is held.
pub async fn task_beat(
    tx: &mut Tx,
    call: &OpenCall,
    claim: Uuid,
    until: chrono::DateTime<chrono::Utc>,
) -> StoreResult<()> {
    task_held(tx, call, claim).await?;
    let timer = signalbox::run::TimerId::of(call.activation, signalbox::run::TimerPurpose::Lease);
    let moved = on_tx!(tx, |conn| sqlx::query(
        "UPDATE timers SET due_at = $4 WHERE organization_id = $1 AND run_id = $2 AND name = $3"
    )
    .bind(call.organization.0)
    .bind(call.run.0)
    .bind(&timer.0)
    .bind(value::ms(until))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    is_one(moved.rows_affected())
}

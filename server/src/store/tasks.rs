//! Tasks of outside workers: calls that are offered, claimed and reported.

use super::{OpenCall, Store, StoreError, StoreResult, Tx, calls, on_model, value};
use crate::{on_db, on_tx};
use signalbox::{
    graph::TaskExecutor,
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

/// Which tasks a worker takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskWanted {
    /// Kinds of tasks; none: all.
    pub kinds: Vec<TaskExecutor>,
    /// Its name: gets tasks that name it and those that name nobody.
    pub worker: String,
    /// Only of these queues, [`QUEUES_MAX`](TaskWanted::QUEUES_MAX) at most; none: any, and none.
    pub queues: Vec<String>,
    /// None of these queues, as many at most: they are full.
    pub full: Vec<String>,
}

impl TaskWanted {
    /// Queues that can be named at once.
    pub const QUEUES_MAX: usize = 8;

    /// The six offers that it takes, some of them twice.
    pub(super) fn offers(&self) -> [String; 6] {
        let kinds = if self.kinds.is_empty() { TaskExecutor::ALL.as_slice() } else { &self.kinds };
        std::array::from_fn(|at| {
            let kind = kinds[(at / 2) % kinds.len()].as_str();
            address(kind, if at % 2 == 0 { &self.worker } else { "" })
        })
    }

    /// A place of a list of queues; the last one is repeated to fill the places.
    fn place(queues: &[String], at: usize) -> Option<&String> {
        queues.get(at).or(queues.last())
    }
}

/// The next tasks for a worker, most urgent first, but last those of runs that stand still at another step: the run may
/// not hand them out. Those of runs that were paused are not handed out.
pub async fn tasks_next(
    store: &Store,
    organization: OrganizationId,
    wanted: &TaskWanted,
    limit: u32,
) -> StoreResult<Vec<Task>> {
    on_model!(store, |node| node.read(|tables| Ok(tables.tasks_next(wanted, limit))).await);
    let offers = wanted.offers();
    let rows: Vec<calls::Row> = on_db!(store, |pool| {
        let mut query = sqlx::query_as(concat!(
            "SELECT ",
            calls::columns!(),
            " FROM calls WHERE organization_id = $1 AND state = 'offered' AND offer IN ($2, $3, $4, $5, $6, $7)
               AND ($8 = 0 OR queue IN ($9, $10, $11, $12, $13, $14, $15, $16))
               AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.organization_id = $1 AND r.id = run_id
                 AND (r.quarantined <> 0 OR r.phase = 'Paused'))
             AND ($17 = 0 OR queue IS NULL OR queue NOT IN ($18, $19, $20, $21, $22, $23, $24, $25))
             ORDER BY (SELECT count(*) FROM runs r WHERE r.organization_id = $1 AND r.id = run_id AND r.phase = 'Blocked'),
               priority DESC, created_at LIMIT $26"
        ))
        .bind(organization.0);
        for offer in &offers {
            query = query.bind(offer);
        }
        for queues in [&wanted.queues, &wanted.full] {
            query = query.bind(i64::from(!queues.is_empty()));
            for at in 0..TaskWanted::QUEUES_MAX {
                query = query.bind(TaskWanted::place(queues, at));
            }
        }
        query.bind(i64::from(limit)).fetch_all(pool).await
    })?;
    rows.into_iter().map(task).collect()
}

/// A task by its call.
pub async fn task_fetch(
    store: &Store,
    organization: OrganizationId,
    call: CallId,
) -> StoreResult<Task> {
    on_model!(store, |node| node.read(|tables| tables.task_fetch(call)).await);
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
    on_model!(tx, |model| model.task_claim(call, claim));
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

/// Whether fewer than `places` tasks of a queue are with workers; holds until the end of the transaction.
pub async fn task_queue_has_room(
    tx: &mut Tx,
    organization: OrganizationId,
    queue: &str,
    places: u32,
) -> StoreResult<bool> {
    on_model!(tx, |model| Ok(model.task_queue_has_room(queue, places)));
    // Two that count at the same time would both find the last place free.
    tx.turn(&format!("tasks {organization} {queue}")).await?;
    let taken: i64 = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "SELECT count(*) FROM calls WHERE organization_id = $1 AND offer IS NOT NULL AND state = 'claimed' AND queue = $2"
    )
    .bind(organization.0)
    .bind(queue)
    .fetch_one(&mut *conn)
    .await
    })?;
    Ok(taken < i64::from(places))
}

/// Whoever reports still has the task; [`StoreError::Conflict`] when not.
pub async fn task_held(tx: &mut Tx, call: &OpenCall, claim: Uuid) -> StoreResult<()> {
    on_model!(tx, |model| model.task_held(call, claim));
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
    on_model!(tx, |model| model.task_beat(call, claim, until));
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

//! Tasks of outside workers: claim, heartbeat, report.
//!
//! A claim is shown by its key with a seal on it. The key decides who has the task; the seal only tells a worker that
//! comes too late from somebody who never had it.

use super::check;
use crate::{
    app_state::AppState,
    engine::{Claimed, EngineError},
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::Found,
    },
    store::{self, StoreError, TaskWanted},
};
use serde_json::json;
use signalbox::{
    id::{CallId, OrganizationId, RunId},
    run::{ErrorKind, StepError},
    wire::{
        ClaimedTask, ErrorCode, TaskBeat, TaskClaim, TaskComplete, TaskFail, TaskLease,
        TaskRelease, TaskReported, TasksClaimed,
    },
};
use std::{ops::RangeInclusive, time::Duration};
use tokio::{sync::broadcast::error::RecvError, time::Instant};
use uuid::Uuid;

const LEASE_MS: RangeInclusive<u64> = 1_000..=3_600_000;
const TASKS_MAX: u32 = 50;
const WAIT_MAX_MS: u64 = 60_000;
/// Between two looks of one waiting worker, however much happens meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// `POST /api/tasks/claim`.
pub async fn claim(call: Call<(), NoQuery, Json<TaskClaim>>) -> Answer<Found<TasksClaimed>> {
    let (state, organization, Json(asked)) = (&call.state, call.organization(), &call.body);
    let wanted = wanted(asked)?;
    lease(asked.lease_ms)?;
    let max = asked.max.unwrap_or(1);
    if !(1..=TASKS_MAX).contains(&max) {
        return Err(Failure::value("max", format!("1 to {TASKS_MAX} tasks at once.")));
    }
    let wait_ms = asked.wait_ms.unwrap_or(0);
    if wait_ms > WAIT_MAX_MS {
        return Err(Failure::value("wait_ms", format!("At most {WAIT_MAX_MS} milliseconds.")));
    }
    // Heard before the first look, so that no task falls in between.
    let mut heard = state.store().feed();
    let until = Instant::now() + Duration::from_millis(wait_ms);
    // When too many wait already, this one is told at once what there is.
    let seat = state.task_seats().try_acquire().ok();
    loop {
        let mut tasks = Vec::new();
        while tasks.len() < max as usize {
            match state.engine().task_claim(organization, &wanted, asked.lease_ms).await {
                Ok(Some(claimed)) => tasks.push(shown(state, organization, claimed)),
                Ok(None) => break,
                // What was taken already must not be lost over the next one.
                Err(_) if !tasks.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        if !tasks.is_empty() || seat.is_none() || Instant::now() >= until {
            return Ok(Found(TasksClaimed { tasks }));
        }
        let next_look = Instant::now() + LOOK_EVERY;
        let stirred = async {
            loop {
                match heard.recv().await {
                    Ok(entry) if entry.organization == organization && entry.topic == "run" => {
                        return;
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = stirred => tokio::time::sleep_until(next_look.min(until)).await,
            () = tokio::time::sleep_until(until) => {}
            () = state.shutdown().cancelled() => return Ok(Found(TasksClaimed { tasks })),
        }
    }
}

fn wanted(asked: &TaskClaim) -> Result<TaskWanted, Failure> {
    let most = TaskWanted::QUEUES_MAX;
    if asked.queues.len() > most {
        return Err(Failure::value("queues", format!("At most {most} queues.")));
    }
    let queues = asked.queues.iter().map(|queue| check::text_of("queues", queue, 1, 100));
    Ok(TaskWanted {
        kinds: asked.kinds.iter().copied().take(TASKS_MAX as usize).collect(),
        worker: check::text_of("worker", &asked.worker, 1, 100)?,
        queues: queues.collect::<Result<_, _>>()?,
        full: vec![],
    })
}

fn lease(lease_ms: Option<u64>) -> Result<(), Failure> {
    if lease_ms.is_none_or(|lease_ms| LEASE_MS.contains(&lease_ms)) {
        return Ok(());
    }
    let text = format!("{} to {} milliseconds.", LEASE_MS.start(), LEASE_MS.end());
    Err(Failure::value("lease_ms", text))
}

fn shown(state: &AppState, organization: OrganizationId, claimed: Claimed) -> ClaimedTask {
    let Claimed { task, claim, lease_until } = claimed;
    let (call, request) = (task.call, task.request);
    ClaimedTask {
        id: call.call,
        claim: format!("{claim}.{}", seal(state, organization, call.call, claim)),
        lease_until,
        run: call.run,
        node: call.node,
        attempt: call.attempt,
        kind: request.executor,
        queue: call.route.queue,
        title: request.title,
        instructions: request.instructions,
        input: request.input,
        output_schema: request.output_schema,
        feedback: request.feedback,
    }
}

fn seal(state: &AppState, organization: OrganizationId, call: CallId, claim: Uuid) -> String {
    let parts = [organization.0, call.0, claim];
    state.key().derive("task claim", &parts.each_ref().map(|part| part.as_bytes().as_slice()))
}

/// Who reports about a task.
struct Report<'a> {
    state: &'a AppState,
    organization: OrganizationId,
    call: CallId,
    claim: Uuid,
    /// Whether the task was once given out under this claim.
    was_given: bool,
}

impl<'a> Report<'a> {
    fn of<B>(call: &'a Call<CallId, NoQuery, B>, claim: &str) -> Self {
        let (key, sealed) = claim.split_once('.').unwrap_or((claim, ""));
        let claim = key.parse::<Uuid>().unwrap_or(Uuid::nil());
        let (state, organization) = (&call.state, call.organization());
        let was_given = seal(state, organization, call.path, claim) == sealed;
        Self { state, organization, call: call.path, claim, was_given }
    }

    async fn run(&self) -> Result<RunId, Failure> {
        let task = store::task_fetch(self.state.store(), self.organization, self.call).await;
        Ok(task.map_err(|error| self.failure(error.into()))?.call.run)
    }

    fn failure(&self, error: EngineError) -> Failure {
        match error {
            EngineError::Store(StoreError::NotFound { .. }) if self.was_given => lost(),
            EngineError::Store(StoreError::Conflict { .. }) | EngineError::Refused(_) => lost(),
            other => other.into(),
        }
    }
}

fn lost() -> Failure {
    Failure::new(ErrorCode::LeaseLost, "The task is not with this worker, or not any more.").help(
        "Drop what was done: the lease ran out, or the task is over. Claim the next one; send heartbeats before \
         `lease_until`.",
    )
}

/// `POST /api/tasks/{id}/heartbeat`.
pub async fn heartbeat(call: Call<CallId, NoQuery, Json<TaskBeat>>) -> Answer<Found<TaskLease>> {
    let Json(beat) = &call.body;
    lease(beat.lease_ms)?;
    let report = Report::of(&call, &beat.claim);
    let (engine, organization) = (call.state.engine(), call.organization());
    let until = engine.task_beat(organization, call.path, report.claim, beat.lease_ms).await;
    Ok(Found(TaskLease { lease_until: until.map_err(|error| report.failure(error))? }))
}

/// `POST /api/tasks/{id}/complete`.
pub async fn complete(
    call: Call<CallId, NoQuery, Json<TaskComplete>>,
) -> Answer<Found<TaskReported>> {
    let (state, organization, Json(done)) = (&call.state, call.organization(), &call.body);
    let report = Report::of(&call, &done.claim);
    let work = async {
        let run = report.run().await?;
        let output = done.output.clone();
        let told = state.engine().task_complete(organization, call.path, report.claim, output);
        match told.await.map_err(|error| report.failure(error))? {
            None => Ok(TaskReported { run }),
            Some(reason) => Err(Failure::new(ErrorCode::InvalidValue, reason)
                .details(json!({ "field": "output", "attempt": "failed" }))
                .help("The attempt failed with it. If the step is tried again, claim it again.")),
        }
    };
    let request = (call.path, done);
    let headers = &call.headers;
    idempotent::once(state, organization, "task_complete", headers, &request, work).await.map(Found)
}

/// `POST /api/tasks/{id}/fail`.
pub async fn fail(call: Call<CallId, NoQuery, Json<TaskFail>>) -> Answer<Found<TaskReported>> {
    let (state, organization, Json(failed)) = (&call.state, call.organization(), &call.body);
    let report = Report::of(&call, &failed.claim);
    let message = check::lines_of("message", &failed.message, 1, 2_000)?;
    let kind = if failed.retry { ErrorKind::ExecutorError } else { ErrorKind::InvalidInput };
    let work = async {
        let run = report.run().await?;
        let error = StepError::new(kind, message);
        let told = state.engine().task_fail(organization, call.path, report.claim, error);
        told.await.map_err(|error| report.failure(error))?;
        Ok(TaskReported { run })
    };
    let request = (call.path, failed);
    let headers = &call.headers;
    idempotent::once(state, organization, "task_fail", headers, &request, work).await.map(Found)
}

/// `POST /api/tasks/{id}/release`.
pub async fn release(
    call: Call<CallId, NoQuery, Json<TaskRelease>>,
) -> Answer<Found<TaskReported>> {
    let Json(given) = &call.body;
    let report = Report::of(&call, &given.claim);
    let reason = check::text_of("reason", &given.reason, 0, 500)?;
    let run = report.run().await?;
    let (engine, organization) = (call.state.engine(), call.organization());
    let told = engine.task_release(organization, call.path, report.claim, reason);
    told.await.map_err(|error| report.failure(error))?;
    Ok(Found(TaskReported { run }))
}

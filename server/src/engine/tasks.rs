//! Tasks of outside workers: claimed with a lease, kept by heartbeats, reported by who has them.
//!
//! The lease is a timer of the run: a heartbeat moves its row and costs the run nothing; when it fires, the run takes
//! the task back. Deliberately absent: HTTP, and what a task means for the run (the domain).

use super::{EngineError, EngineHandle, WriteOp};
use crate::store::{self, StoreError, Task, TaskWanted};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use serde_json::Value;
use signalbox::{
    id::{CallId, OrganizationId},
    run::{Command, ErrorKind, StepError},
};
use uuid::Uuid;

/// Tasks that are looked at in one go when others take them first, and how often.
const LOOKED_AT: u32 = 16;
const ROUNDS_MAX: usize = 3;
const QUEUE_FULL: &str = "a queue that is full";
/// Longest reason why an output does not satisfy its schema, in characters.
const REASON_MAX: usize = 500;

/// A task that a worker has.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// What is to be done.
    pub task: Task,
    /// The key that shows who has it.
    pub claim: Uuid,
    /// Until when without a heartbeat.
    pub lease_until: DateTime<Utc>,
}

/// What came of taking a task.
enum Taken {
    By(Box<Claimed>),
    /// Another worker was first, or its run does not hand it out.
    NotNow,
    /// Its queue is full.
    Full,
}

impl EngineHandle {
    /// The next task for a worker, which it has from now on, for `lease_ms` or as long as its step says; `None`
    /// when there is none.
    pub async fn task_claim(
        &self,
        organization: OrganizationId,
        wanted: &TaskWanted,
        lease_ms: Option<u64>,
    ) -> Result<Option<Claimed>, EngineError> {
        let mut wanted = wanted.clone();
        for _ in 0..ROUNDS_MAX {
            let next = store::tasks_next(self.store(), organization, &wanted, LOOKED_AT).await?;
            if next.is_empty() {
                return Ok(None);
            }
            for task in next {
                let queue = task.call.route.queue.clone();
                if queue.as_ref().is_some_and(|queue| wanted.full.contains(queue)) {
                    continue;
                }
                match self.take(task, &wanted.worker, lease_ms).await? {
                    Taken::By(claimed) => return Ok(Some(*claimed)),
                    Taken::NotNow => {}
                    Taken::Full if wanted.full.len() >= TaskWanted::QUEUES_MAX => return Ok(None),
                    Taken::Full => wanted.full.extend(queue),
                }
            }
        }
        Ok(None)
    }

    /// How many tasks of a task's queue may be with workers at the same time.
    async fn places(&self, task: &Task) -> Result<Option<(String, u32)>, EngineError> {
        let Some(queue) = &task.call.route.queue else { return Ok(None) };
        let queues = self.inner.config.organizations.queues(task.call.organization).await;
        let queues = queues.map_err(StoreError::Unavailable)?;
        Ok(queues.0.get(queue).map(|limit| (queue.clone(), limit.concurrency)))
    }

    /// Takes a task, unless another worker was first or its run does not hand it out now.
    async fn take(
        &self,
        task: Task,
        worker: &str,
        lease_ms: Option<u64>,
    ) -> Result<Taken, EngineError> {
        let places = self.places(&task).await?;
        let (claim, lease_until) = (self.store().fresh_id(), self.lease_of(&task, lease_ms));
        let (call, name) = (task.call.clone(), worker.to_owned());
        let take: WriteOp = Box::new(move |tx| {
            async move {
                if let Some((queue, places)) = places
                    && !store::task_queue_has_room(tx, call.organization, &queue, places).await?
                {
                    return Err(StoreError::Conflict { what: QUEUE_FULL });
                }
                store::task_claim(tx, &call, claim, &name).await
            }
            .boxed()
        });
        let kind = task.request.executor.as_str();
        let command = Command::ClaimTask {
            call: task.call.call,
            attempt: task.call.attempt,
            worker: if worker.is_empty() { kind } else { worker }.to_owned(),
            lease_until,
        };
        match self.command_with(task.call.organization, task.call.run, command, take).await {
            Ok(_) => {
                self.inner.alarm.ring(lease_until);
                Ok(Taken::By(Box::new(Claimed { task, claim, lease_until })))
            }
            Err(EngineError::Store(StoreError::Conflict { what: QUEUE_FULL })) => Ok(Taken::Full),
            Err(EngineError::Store(StoreError::Conflict { .. }) | EngineError::Refused(_)) => {
                Ok(Taken::NotNow)
            }
            Err(error) => Err(error),
        }
    }

    /// The worker is still at it; gives until when the claim holds now.
    pub async fn task_beat(
        &self,
        organization: OrganizationId,
        call: CallId,
        claim: Uuid,
        lease_ms: Option<u64>,
    ) -> Result<DateTime<Utc>, EngineError> {
        let task = store::task_fetch(self.store(), organization, call).await?;
        let until = self.lease_of(&task, lease_ms);
        self.store()
            .write(move |tx| {
                async move { store::task_beat(tx, &task.call, claim, until).await }.boxed()
            })
            .await?;
        // The timer may be due before the one that the engine sleeps for.
        self.inner.alarm.ring(until);
        Ok(until)
    }

    /// The worker has done it. An output that does not satisfy the task's schema fails the attempt; then this says
    /// why.
    pub async fn task_complete(
        &self,
        organization: OrganizationId,
        call: CallId,
        claim: Uuid,
        output: Value,
    ) -> Result<Option<String>, EngineError> {
        let task = store::task_fetch(self.store(), organization, call).await?;
        let attempt = task.call.attempt;
        let wrong = dissatisfied(&task.request.output_schema, &output);
        let command = match &wrong {
            None => Command::CallSucceeded { call, attempt, output, usage: None },
            Some(reason) => {
                let error = StepError::new(ErrorKind::SchemaValidationFailed, reason.clone());
                Command::CallFailed { call, attempt, error, retry_after_ms: None }
            }
        };
        self.report(&task, claim, command).await?;
        Ok(wrong)
    }

    /// The worker could not do it.
    pub async fn task_fail(
        &self,
        organization: OrganizationId,
        call: CallId,
        claim: Uuid,
        error: StepError,
    ) -> Result<(), EngineError> {
        let task = store::task_fetch(self.store(), organization, call).await?;
        let attempt = task.call.attempt;
        let command = Command::CallFailed { call, attempt, error, retry_after_ms: None };
        self.report(&task, claim, command).await
    }

    /// The worker gives it back; another one may take it.
    pub async fn task_release(
        &self,
        organization: OrganizationId,
        call: CallId,
        claim: Uuid,
        reason: String,
    ) -> Result<(), EngineError> {
        let task = store::task_fetch(self.store(), organization, call).await?;
        let command = Command::ReleaseTask { call, attempt: task.call.attempt, reason };
        self.report(&task, claim, command).await
    }

    /// Only who has the task reports about it.
    async fn report(&self, task: &Task, claim: Uuid, command: Command) -> Result<(), EngineError> {
        let call = task.call.clone();
        let held: WriteOp =
            Box::new(move |tx| async move { store::task_held(tx, &call, claim).await }.boxed());
        self.command_with(task.call.organization, task.call.run, command, held).await?;
        Ok(())
    }

    fn lease_of(&self, task: &Task, lease_ms: Option<u64>) -> DateTime<Utc> {
        let lease_ms = lease_ms.unwrap_or(task.request.lease_ms);
        let lease = i64::try_from(lease_ms).ok().and_then(TimeDelta::try_milliseconds);
        let now = self.inner.clock.now();
        lease.and_then(|lease| now.checked_add_signed(lease)).unwrap_or(now)
    }
}

/// What is wrong with an output; `None` when it satisfies the schema.
fn dissatisfied(schema: &Value, output: &Value) -> Option<String> {
    if schema.is_null() {
        return None;
    }
    let reason = match jsonschema::validator_for(schema) {
        Ok(validator) => match validator.iter_errors(output).next() {
            Some(error) => {
                let at = error.instance_path().to_string();
                let at = if at.is_empty() { at } else { format!(" at {at}") };
                format!("The result{at}: {error}")
            }
            None => return None,
        },
        Err(error) => format!("The task's own schema is wrong: {error}"),
    };
    Some(reason.chars().take(REASON_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_a_result_is_said_with_its_place() {
        let schema = json!({
            "type": "object", "required": ["headline"], "properties": { "words": { "type": "integer" } },
        });
        let wrong = |output: Value| dissatisfied(&schema, &output).unwrap_or_default();
        let missing = wrong(json!({}));
        assert!(missing.starts_with("The result: \"headline\" is"), "{missing}");
        let inside = wrong(json!({ "headline": "Spring", "words": "many" }));
        assert!(inside.starts_with("The result at /words: \"many\" is"), "{inside}");
        assert_eq!(wrong(json!({ "headline": "Spring" })), "");
    }
}

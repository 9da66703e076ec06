//! Calls of outside workers.

use super::{Answer, Client, Method};
use crate::id::CallId;
use crate::wire::{
    TaskBeat, TaskClaim, TaskComplete, TaskFail, TaskLease, TaskRelease, TaskReported, TasksClaimed,
};
use serde::Serialize;

impl Client {
    /// `POST /api/tasks/claim`. Holds as long as `wait_ms` says.
    pub async fn task_claim(&self, body: &TaskClaim) -> Answer<TasksClaimed> {
        self.post("/api/tasks/claim".to_owned(), body).await
    }
    /// `POST /api/tasks/{id}/heartbeat`.
    pub async fn task_heartbeat(&self, id: CallId, body: &TaskBeat) -> Answer<TaskLease> {
        self.post(format!("/api/tasks/{id}/heartbeat"), body).await
    }
    /// `POST /api/tasks/{id}/complete`. The claim is the key: a repetition gets the first answer.
    pub async fn task_complete(&self, id: CallId, body: &TaskComplete) -> Answer<TaskReported> {
        self.report(id, "complete", &body.claim, body).await
    }
    /// `POST /api/tasks/{id}/fail`. The claim is the key: a repetition gets the first answer.
    pub async fn task_fail(&self, id: CallId, body: &TaskFail) -> Answer<TaskReported> {
        self.report(id, "fail", &body.claim, body).await
    }
    /// `POST /api/tasks/{id}/release`.
    pub async fn task_release(&self, id: CallId, body: &TaskRelease) -> Answer<TaskReported> {
        self.post(format!("/api/tasks/{id}/release"), body).await
    }

    async fn report<B: Serialize>(
        &self,
        id: CallId,
        what: &str,
        claim: &str,
        body: &B,
    ) -> Answer<TaskReported> {
        let key = ("idempotency-key".to_owned(), claim.to_owned());
        let path = format!("/api/tasks/{id}/{what}");
        // A claim that is no key of ours is refused by the server all the same.
        let headers = if claim.is_empty() { vec![] } else { vec![key] };
        self.with_body(Method::Post, path, body, headers).await
    }
}

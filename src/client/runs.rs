//! Calls about runs.

use super::{Answer, Client, Method, query};
use crate::id::{RunId, WorkflowId};
use crate::wire::{
    EventsPage, Page, ReasonBody, RunDetail, RunFork, RunMigrate, RunMigration, RunQuery, RunRetry,
    RunStart, RunStarted, RunView, RunWait,
};
use chrono::{DateTime, SecondsFormat, Utc};

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Client {
    /// `POST /api/workflows/{id}/runs`. With a key, a repeated call gives the run of the first.
    pub async fn run_start(
        &self,
        workflow: WorkflowId,
        body: &RunStart,
        idempotency_key: Option<&str>,
    ) -> Answer<RunStarted> {
        let headers = idempotency_key.map(|key| ("idempotency-key".to_owned(), key.to_owned()));
        let path = format!("/api/workflows/{workflow}/runs");
        self.with_body(Method::Post, path, body, headers.into_iter().collect()).await
    }
    /// `GET /api/runs`.
    pub async fn runs(&self, wanted: &RunQuery) -> Answer<Page<RunView>> {
        let parameters = query(&[
            ("state", wanted.state.map(|state| state.as_str().to_owned())),
            ("workflow", wanted.workflow.map(|id| id.to_string())),
            ("contact", wanted.contact.map(|id| id.to_string())),
            ("after", wanted.after.map(written)),
            ("before", wanted.before.map(written)),
            ("q", wanted.q.clone()),
            ("limit", wanted.limit.map(|limit| limit.to_string())),
            ("cursor", wanted.cursor.clone()),
        ]);
        self.get(format!("/api/runs{parameters}")).await
    }
    /// `GET /api/runs/{id}`.
    pub async fn run(&self, id: RunId) -> Answer<RunDetail> {
        self.get(format!("/api/runs/{id}")).await
    }
    /// `GET /api/runs/{id}/events?after=N`.
    pub async fn run_events(&self, id: RunId, after: u64) -> Answer<EventsPage> {
        self.get(format!("/api/runs/{id}/events?after={after}")).await
    }
    /// `GET /api/runs/{id}/wait?timeout_ms=`; 300,000 at most.
    pub async fn run_wait(&self, id: RunId, timeout_ms: u64) -> Answer<RunWait> {
        self.get(format!("/api/runs/{id}/wait?timeout_ms={timeout_ms}")).await
    }
    /// `POST /api/runs/{id}/pause`.
    pub async fn run_pause(&self, id: RunId, body: &ReasonBody) -> Answer<RunView> {
        self.post(format!("/api/runs/{id}/pause"), body).await
    }
    /// `POST /api/runs/{id}/resume`.
    pub async fn run_resume(&self, id: RunId, body: &ReasonBody) -> Answer<RunView> {
        self.post(format!("/api/runs/{id}/resume"), body).await
    }
    /// `POST /api/runs/{id}/stop`.
    pub async fn run_stop(&self, id: RunId, body: &ReasonBody) -> Answer<RunView> {
        self.post(format!("/api/runs/{id}/stop"), body).await
    }
    /// `POST /api/runs/{id}/retry`.
    pub async fn run_retry(&self, id: RunId, body: &RunRetry) -> Answer<RunView> {
        self.post(format!("/api/runs/{id}/retry"), body).await
    }
    /// `POST /api/runs/{id}/fork`. With a key, a repeated call gives the run of the first.
    pub async fn run_fork(
        &self,
        id: RunId,
        body: &RunFork,
        idempotency_key: Option<&str>,
    ) -> Answer<RunStarted> {
        let headers = idempotency_key.map(|key| ("idempotency-key".to_owned(), key.to_owned()));
        let path = format!("/api/runs/{id}/fork");
        self.with_body(Method::Post, path, body, headers.into_iter().collect()).await
    }
    /// `POST /api/runs/{id}/migrate`.
    pub async fn run_migrate(&self, id: RunId, body: &RunMigrate) -> Answer<RunMigration> {
        self.post(format!("/api/runs/{id}/migrate"), body).await
    }
}

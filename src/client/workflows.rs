//! Calls about workflows.

use super::{Answer, Client, Method, query};
use crate::graph::Graph;
use crate::id::WorkflowId;
use crate::tool::ToolSpec;
use crate::wire::{
    DraftSave, DraftSaved, ExportReport, ImportOutcome, ImportRequest, OutcomeCounts, Page,
    PageQuery, Publish, Published, ScheduleNext, StarterView, WorkflowCopy, WorkflowDetail,
    WorkflowLabel, WorkflowQuery, WorkflowView,
};
use serde::Deserialize;
use serde_json::Value;

/// An [`ImportOutcome`] without its problems, whose code the list of workflows does without.
#[derive(Deserialize)]
struct Made {
    workflow: WorkflowView,
}

impl Client {
    /// `GET /api/workflows`.
    pub async fn workflows(&self, page: &PageQuery) -> Answer<Page<WorkflowView>> {
        self.get(format!("/api/workflows{}", page_query(page))).await
    }
    /// `GET /api/workflows`, of those with a tag, of templates, or of the archived ones.
    pub async fn workflows_of(&self, wanted: &WorkflowQuery) -> Answer<Page<WorkflowView>> {
        let parameters = query(&[
            ("limit", wanted.limit.map(|limit| limit.to_string())),
            ("cursor", wanted.cursor.clone()),
            ("search", wanted.search.clone()),
            ("tag", wanted.tag.clone()),
            ("template", wanted.template.map(|template| template.to_string())),
            ("archived", wanted.archived.map(|archived| archived.to_string())),
        ]);
        self.get(format!("/api/workflows{parameters}")).await
    }
    /// `PATCH /api/workflows/{id}`: its tags, and whether it is a template.
    pub async fn workflow_label(
        &self,
        id: WorkflowId,
        body: &WorkflowLabel,
    ) -> Answer<WorkflowView> {
        self.with_body(Method::Patch, format!("/api/workflows/{id}"), body, Vec::new()).await
    }
    /// `POST /api/workflows/{id}/copy`: a new workflow from another one.
    pub async fn workflow_copy(
        &self,
        id: WorkflowId,
        body: &WorkflowCopy,
    ) -> Answer<ImportOutcome> {
        self.post(format!("/api/workflows/{id}/copy"), body).await
    }
    /// `POST /api/workflows`: an empty one with a manual trigger.
    pub async fn workflow_create(&self, body: &ImportRequest) -> Answer<ImportOutcome> {
        self.post("/api/workflows".into(), body).await
    }
    /// `POST /api/workflows` for a new, empty one; of the answer only the workflow is read.
    pub async fn workflow_new(&self, name: &str) -> Answer<WorkflowView> {
        let body = ImportRequest { name: Some(name.to_owned()), ..ImportRequest::default() };
        let made: Made = self.post("/api/workflows".into(), &body).await?;
        Ok(made.workflow)
    }
    /// `POST /api/workflows/import`.
    pub async fn workflow_import(&self, body: &ImportRequest) -> Answer<ImportOutcome> {
        self.post("/api/workflows/import".into(), body).await
    }
    /// `GET /api/workflows/{id}`.
    pub async fn workflow(&self, id: WorkflowId) -> Answer<WorkflowDetail> {
        self.get(format!("/api/workflows/{id}")).await
    }
    /// `PUT /api/workflows/{id}` with `If-Match: "<revision>"`.
    pub async fn draft_save(
        &self,
        id: WorkflowId,
        revision: u64,
        body: &DraftSave,
    ) -> Answer<DraftSaved> {
        let headers = vec![("if-match".into(), format!("\"{revision}\""))];
        self.with_body(Method::Put, format!("/api/workflows/{id}"), body, headers).await
    }
    /// `DELETE /api/workflows/{id}`: archives it; its runs go on.
    pub async fn workflow_archive(&self, id: WorkflowId) -> Answer<()> {
        self.delete(format!("/api/workflows/{id}")).await
    }
    /// `POST /api/workflows/{id}/restore`: takes it out of the archive.
    pub async fn workflow_restore(&self, id: WorkflowId) -> Answer<WorkflowView> {
        self.post(format!("/api/workflows/{id}/restore"), &Value::Null).await
    }
    /// `POST /api/workflows/{id}/publish`.
    pub async fn publish(&self, id: WorkflowId, body: &Publish) -> Answer<Published> {
        self.post(format!("/api/workflows/{id}/publish"), body).await
    }
    /// `GET /api/workflows/{id}/versions/{number}`.
    pub async fn version_graph(&self, id: WorkflowId, number: u32) -> Answer<Graph> {
        self.get(format!("/api/workflows/{id}/versions/{number}")).await
    }
    /// `GET /api/workflows/{id}/export?format=`.
    pub async fn workflow_export(&self, id: WorkflowId, format: &str) -> Answer<Value> {
        let parameters = query(&[("format", Some(format.to_owned()))]);
        self.get(format!("/api/workflows/{id}/export{parameters}")).await
    }
    /// `GET /api/workflows/{id}/export?report=true`: also what the format cannot say; of the draft unless a version
    /// is named.
    pub async fn workflow_export_report(
        &self,
        id: WorkflowId,
        format: &str,
        version: Option<u32>,
    ) -> Answer<ExportReport> {
        self.export_report(id, format, ("version", version.map(|version| version.to_string())))
            .await
    }
    /// `GET /api/workflows/{id}/export?notation=&report=true`: the draft in JSON or YAML, and what the format cannot
    /// say.
    pub async fn workflow_export_draft(
        &self,
        id: WorkflowId,
        format: &str,
        is_yaml: bool,
    ) -> Answer<ExportReport> {
        let notation = if is_yaml { "yaml" } else { "json" };
        self.export_report(id, format, ("notation", Some(notation.to_owned()))).await
    }
    async fn export_report(
        &self,
        id: WorkflowId,
        format: &str,
        further: (&str, Option<String>),
    ) -> Answer<ExportReport> {
        let parameters = query(&[
            ("format", Some(format.to_owned())),
            further,
            ("report", Some("true".to_owned())),
        ]);
        self.get(format!("/api/workflows/{id}/export{parameters}")).await
    }
    /// `GET /api/workflows/{id}/outcomes`.
    pub async fn workflow_outcomes(&self, id: WorkflowId) -> Answer<OutcomeCounts> {
        self.get(format!("/api/workflows/{id}/outcomes")).await
    }
    /// `GET /api/starters`.
    pub async fn starters(&self) -> Answer<Vec<StarterView>> {
        self.get("/api/starters".into()).await
    }
    /// `POST /api/starters/{slug}`: a workflow from a starter.
    pub async fn starter_use(&self, slug: &str) -> Answer<ImportOutcome> {
        self.post(format!("/api/starters/{}", super::encode(slug)), &Value::Null).await
    }
    /// `GET /api/schedules/next`: how a schedule reads and when it would come; the organisation's zone unless
    /// given.
    pub async fn schedule_next(&self, cron: &str, timezone: Option<&str>) -> Answer<ScheduleNext> {
        let parameters =
            query(&[("cron", Some(cron.to_owned())), ("timezone", timezone.map(str::to_owned))]);
        self.get(format!("/api/schedules/next{parameters}")).await
    }
    /// `GET /api/tools`: the catalogue.
    pub async fn tools(&self) -> Answer<Vec<ToolSpec>> {
        self.get("/api/tools".into()).await
    }
}

pub(super) fn page_query(page: &PageQuery) -> String {
    query(&[
        ("limit", page.limit.map(|limit| limit.to_string())),
        ("cursor", page.cursor.clone()),
        ("search", page.search.clone()),
    ])
}

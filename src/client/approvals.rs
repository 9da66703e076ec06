//! Calls about approvals and the sandbox mailbox.

use super::{Answer, Client, query};
use crate::id::{ApprovalId, MessageId};
use crate::wire::{
    ApprovalDetail, ApprovalState, ApprovalView, Decide, DecideOutcome, InboundOutcome,
    MessageView, Page, PageQuery, SandboxAnswer,
};

impl Client {
    /// `GET /api/approvals?state=`; all states when absent. Pending ones come oldest first.
    pub async fn approvals(
        &self,
        state: Option<ApprovalState>,
        page: &PageQuery,
    ) -> Answer<Page<ApprovalView>> {
        let parameters = query(&[
            ("state", state.map(|state| state.as_str().to_owned())),
            ("limit", page.limit.map(|limit| limit.to_string())),
            ("cursor", page.cursor.clone()),
            ("search", page.search.clone()),
        ]);
        self.get(format!("/api/approvals{parameters}")).await
    }
    /// `GET /api/approvals/{id}`.
    pub async fn approval(&self, id: ApprovalId) -> Answer<ApprovalDetail> {
        self.get(format!("/api/approvals/{id}")).await
    }
    /// `POST /api/approvals/{id}/decide`.
    pub async fn decide(&self, id: ApprovalId, body: &Decide) -> Answer<DecideOutcome> {
        self.post(format!("/api/approvals/{id}/decide"), body).await
    }
    /// `GET /api/sandbox/messages`, newest first.
    pub async fn sandbox_messages(&self, page: &PageQuery) -> Answer<Page<MessageView>> {
        self.get(format!("/api/sandbox/messages{}", super::workflows::page_query(page))).await
    }
    /// `GET /api/sandbox/messages/{id}`.
    pub async fn sandbox_message(&self, id: MessageId) -> Answer<MessageView> {
        self.get(format!("/api/sandbox/messages/{id}")).await
    }
    /// `POST /api/sandbox/messages/{id}/answer`: what its recipient writes.
    pub async fn sandbox_answer(
        &self,
        id: MessageId,
        body: &SandboxAnswer,
    ) -> Answer<InboundOutcome> {
        self.post(format!("/api/sandbox/messages/{id}/answer"), body).await
    }
}

//! The private inbox: what waits for a decision, and deciding it where it was asked: at the send gate or by the
//! run itself.

use super::{
    people::Pending,
    room::{BY, Room, broken},
};
use crate::{
    channel::mailbox,
    cli::CommandError,
    engine::EngineError,
    gate::{DecideError, Decider},
    store::{Approval, StoreError},
};
use serde_json::{Value, json};
use signalbox::{
    id::ApprovalId,
    run::{ApprovalKind, ApprovalRequest, Decision},
    wire::{Decide, DecideKind, MessageChannel, MessageView, PageQuery},
};

/// Pages of the mailbox that are read.
const PAGES_MAX: usize = 50;

impl Room {
    /// Approvals that hold up the run, with the step that asked. Requests that a workflow made about some
    /// resource hold up nothing.
    pub(super) async fn open_approvals(
        &self,
    ) -> Result<Vec<(Pending, Option<String>)>, CommandError> {
        let rows = self.engine.approvals_open(self.organization, self.run).await.map_err(broken)?;
        let mut open = Vec::new();
        for row in rows.into_iter().filter(|row| row.request.kind != ApprovalKind::Resource) {
            let node = row.request.node.as_ref().map(|node| node.0.clone());
            let (id, revision) = (row.request.id, row.revision);
            open.push((Pending { id, revision, request: self.request(row).await? }, node));
        }
        Ok(open)
    }

    /// What the person sees: of a message, the message as it would leave.
    async fn request(&self, row: Approval) -> Result<ApprovalRequest, CommandError> {
        let mut request = ApprovalRequest {
            kind: row.request.kind,
            title: row.request.title,
            prompt: row.request.prompt,
            subject: row.request.subject,
            form: row.request.form,
            expires_at: row.request.expires_at,
            confidence: None,
        };
        if request.kind == ApprovalKind::Message {
            let detail = self.gate.approval_detail(self.organization, row.request.id).await;
            let detail = detail.map_err(|error| CommandError::new(error.to_string()))?;
            if let Some(message) = &detail.message {
                request.title = match message.channel {
                    MessageChannel::Voice => format!("Call to {}", message.to),
                    _ => format!("Email to {}", message.to),
                };
                request.subject = mail(message);
            }
        }
        Ok(request)
    }

    /// Decides. What was decided or expired meanwhile stays as it is.
    pub(super) async fn decide(
        &self,
        approval: ApprovalId,
        revision: u32,
        decision: Decision,
    ) -> Result<(), CommandError> {
        let row = crate::store::approval_fetch(self.engine.store(), self.organization, approval);
        if row.await?.request.kind == ApprovalKind::Message {
            return self.decide_message(approval, revision, decision).await;
        }
        let decided =
            self.engine.decide_approval(self.organization, approval, revision, decision, BY);
        match decided.await {
            Ok(_)
            | Err(EngineError::Refused(_) | EngineError::Store(StoreError::Conflict { .. })) => {
                Ok(())
            }
            Err(error) => Err(broken(error)),
        }
    }

    async fn decide_message(
        &self,
        approval: ApprovalId,
        revision: u32,
        decision: Decision,
    ) -> Result<(), CommandError> {
        let (kind, reason) = match decision {
            Decision::Approve { .. } => (DecideKind::Approve, String::new()),
            Decision::Reject { reason, .. } => (DecideKind::Reject, reason),
            Decision::Expire => return Ok(()),
        };
        let decide = Decide {
            decision: kind,
            revision,
            edits: None,
            answer: Value::Null,
            reason,
            retry: false,
            uncertain: None,
        };
        let decider = Decider {
            organization: self.organization,
            user: None,
            name: BY.to_owned(),
            may_approve: true,
            may_resolve: true,
        };
        match self.gate.decide(&decider, approval, &decide).await {
            Ok(_) | Err(DecideError::WrongState { .. } | DecideError::Conflict(_)) => Ok(()),
            Err(error) => Err(CommandError::new(error.to_string())),
        }
    }

    /// The messages that left, oldest first.
    pub(super) async fn sent(&self) -> Result<Vec<Value>, CommandError> {
        let mut query = PageQuery { limit: Some(200), ..PageQuery::default() };
        let mut sent = Vec::new();
        for _ in 0..PAGES_MAX {
            let page = self.gate.sandbox_messages(self.organization, &query).await?;
            sent.extend(page.items.iter().map(mail));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => break,
            }
        }
        sent.reverse();
        Ok(sent)
    }
}

/// A message as rules and reports read it: `to` is the bare address, `recipient` as it stands in the message.
fn mail(message: &MessageView) -> Value {
    let address = mailbox(&message.to).map(|mailbox| mailbox.email.to_string());
    let to = address.unwrap_or_else(|_| message.to.clone());
    json!({"to": to, "recipient": message.to, "subject": message.subject, "body": message.text})
}

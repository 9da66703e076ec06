//! What the inbox and the sandbox mailbox show.

use super::{DecideError, Gate, verdict};
use crate::store::{
    self, Approval, ApprovalFilter, ESCALATED_TO, Message, StoreError, StoreResult,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    id::{ApprovalId, MessageId, OrganizationId, WorkflowId},
    run::{ApprovalKind, Event, EventBody, Usage},
    wire::{
        ApprovalDetail, ApprovalState, ApprovalView, Because, GateVerdict, MessageState,
        MessageView, Page, PageQuery,
    },
};
use uuid::Uuid;

const EXCERPT_CHARS: usize = 160;
/// Events that are read to explain why an approval exists.
const EVENTS_MAX: usize = 2_000;

/// A message as the API shows it.
pub(super) fn message_view(message: &Message) -> MessageView {
    let content = &message.content;
    MessageView {
        id: message.id,
        channel: message.channel,
        state: message.state,
        contact: message.contact,
        from: content.from.clone(),
        to: content.to.clone(),
        reply_to: content.reply_to.clone(),
        subject: content.subject.clone(),
        text: content.text.clone(),
        html: content.html.clone(),
        content_hash: hex::encode(&message.content_hash),
        via: content.account.clone(),
        sandbox: message.sandbox,
        created_at: message.created_at,
        sent_at: message.sent_at,
        run: message.run,
        detail: message.detail.clone(),
    }
}

fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT_CHARS) {
        Some((at, _)) => format!("{}\u{2026}", &line[..at]),
        None => line,
    }
}

fn subject_excerpt(subject: &Value) -> String {
    match subject {
        Value::Null => String::new(),
        Value::String(text) => excerpt(text),
        other => excerpt(&other.to_string()),
    }
}

impl Gate {
    /// The inbox's rows: those that wait oldest first, every other list newest first.
    pub async fn approvals(
        &self,
        organization: OrganizationId,
        state: Option<ApprovalState>,
        query: &PageQuery,
    ) -> StoreResult<Page<ApprovalView>> {
        let limit = query.limit.unwrap_or(50).clamp(1, 200);
        let from = query.cursor.as_deref().and_then(parse_cursor);
        let from = from.map(|(at, id)| (at, ApprovalId(id)));
        let mut rows = match state {
            Some(ApprovalState::Pending) => {
                let filter = ApprovalFilter { state, ..ApprovalFilter::default() };
                store::approval_list(self.store(), organization, &filter, from, limit + 1).await?
            }
            _ => {
                store::approval_list_newest(self.store(), organization, state, from, limit + 1)
                    .await?
            }
        };
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor =
            rows.last().filter(|_| more).map(|last| cursor(last.created_at, last.request.id.0));
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push(self.approval_view_of(row).await?);
        }
        let words = query.search.as_deref().unwrap_or_default().to_lowercase();
        items.retain(|view| {
            let text = format!("{} {} {}", view.title, view.recipient, view.excerpt).to_lowercase();
            words.split_whitespace().all(|word| text.contains(word))
        });
        let total = match state {
            Some(ApprovalState::Pending) => {
                Some(store::approvals_pending_count(self.store(), organization).await?)
            }
            _ => None,
        };
        Ok(Page { items, next_cursor, total })
    }

    /// One row of the inbox.
    pub async fn approval_view(
        &self,
        organization: OrganizationId,
        id: ApprovalId,
    ) -> StoreResult<ApprovalView> {
        let approval = store::approval_fetch(self.store(), organization, id).await?;
        self.approval_view_of(&approval).await
    }

    pub(super) async fn approval_view_of(&self, approval: &Approval) -> StoreResult<ApprovalView> {
        let message = self.message_of_approval(approval).await?;
        let workflow = self.workflow_of(approval).await?;
        Ok(view_of(approval, message.as_ref(), workflow))
    }

    async fn message_of_approval(&self, approval: &Approval) -> StoreResult<Option<Message>> {
        let Some(id) = approval.request.message else { return Ok(None) };
        optional(store::message_fetch(self.store(), approval.request.organization, id).await)
    }

    async fn workflow_of(&self, approval: &Approval) -> StoreResult<Option<(WorkflowId, String)>> {
        let organization = approval.request.organization;
        let Some(run) = approval.request.run else { return Ok(None) };
        let Some(run) = optional(store::run_fetch(self.store(), organization, run).await)? else {
            return Ok(None);
        };
        let name = optional(store::workflow_name(self.store(), organization, run.workflow).await)?;
        Ok(Some((run.workflow, name.unwrap_or_default())))
    }

    /// All that a person needs to decide.
    pub async fn approval_detail(
        &self,
        organization: OrganizationId,
        id: ApprovalId,
    ) -> Result<ApprovalDetail, DecideError> {
        let approval = match store::approval_fetch(self.store(), organization, id).await {
            Err(StoreError::NotFound { .. }) => return Err(DecideError::NotFound),
            other => other?,
        };
        let message = self.message_of_approval(&approval).await?;
        let workflow = self.workflow_of(&approval).await?;
        let revisions = match &message {
            Some(message) => {
                store::message_revisions(self.store(), organization, message.id).await?
            }
            None => Vec::new(),
        };
        let links = match &message {
            Some(message) => self.links_of(message).await?,
            None => Vec::new(),
        };
        let gate = match &message {
            Some(message) => Some(self.verdict(message).await?),
            None => None,
        };
        let because = self.because(&approval, message.as_ref()).await?;
        let request = &approval.request;
        Ok(ApprovalDetail {
            approval: view_of(&approval, message.as_ref(), workflow),
            prompt: request.prompt.clone(),
            subject: match request.kind {
                ApprovalKind::Resource => request.metadata.clone(),
                _ => request.subject.clone(),
            },
            form: request.form.clone(),
            message: message.as_ref().map(message_view),
            links,
            revisions,
            because,
            gate,
            reason: approval.decided.as_ref().map(|d| d.reason.clone()).unwrap_or_default(),
        })
    }

    /// What the gate says about a message now.
    pub async fn verdict(&self, message: &Message) -> Result<GateVerdict, DecideError> {
        let channel = self.channels().of(message).await?;
        let facts = self.facts(message, channel.as_ref()).await?;
        Ok(verdict::judge(&facts))
    }

    async fn because(
        &self,
        approval: &Approval,
        message: Option<&Message>,
    ) -> StoreResult<Because> {
        let request = &approval.request;
        let organization = request.organization;
        let mut because = Because { node: request.node.clone(), ..Because::default() };
        because.parameters = message.map_or(Value::Null, |message| message.parameters.clone());
        let Some(run) = request.run else {
            because.started_by = request.requested_by.clone();
            return Ok(because);
        };
        let Some(run) = optional(store::run_fetch(self.store(), organization, run).await)? else {
            return Ok(because);
        };
        because.started_by = run.started_by.clone();
        let version = store::version_fetch(self.store(), organization, run.workflow, run.version);
        if let (Some(version), Some(node)) = (optional(version.await)?, &request.node) {
            because.node_title =
                version.graph.node(node).map(|node| node.title().to_owned()).unwrap_or_default();
        }
        let (events, _) =
            store::events_after(self.store(), organization, run.id, 0, EVENTS_MAX).await?;
        because.input = input_of(&events);
        let text = message.map(|message| message.parameters.to_string()).unwrap_or_default();
        because.written_by = writer_of(&events, &text).unwrap_or_default();
        Ok(because)
    }

    /// What the sandbox mailbox received, newest first.
    pub async fn sandbox_messages(
        &self,
        organization: OrganizationId,
        query: &PageQuery,
    ) -> StoreResult<Page<MessageView>> {
        let limit = query.limit.unwrap_or(50).clamp(1, 200);
        let before = query.cursor.as_deref().and_then(parse_cursor);
        let before = before.map(|(at, id)| (at, MessageId(id)));
        let search = query.search.as_deref();
        let mut rows =
            store::messages_of_sandbox(self.store(), organization, search, before, limit + 1)
                .await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor =
            rows.last().filter(|_| more).and_then(|last| Some(cursor(last.sent_at?, last.id.0)));
        Ok(Page { items: rows.iter().map(message_view).collect(), next_cursor, total: None })
    }

    /// One message of the sandbox mailbox.
    pub async fn sandbox_message(
        &self,
        organization: OrganizationId,
        id: MessageId,
    ) -> StoreResult<MessageView> {
        let message = store::message_fetch(self.store(), organization, id).await?;
        match message.sandbox && message.state == MessageState::Accepted {
            true => Ok(message_view(&message)),
            false => Err(StoreError::NotFound { what: "message" }),
        }
    }
}

fn optional<T>(result: StoreResult<T>) -> StoreResult<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn view_of(
    approval: &Approval,
    message: Option<&Message>,
    workflow: Option<(WorkflowId, String)>,
) -> ApprovalView {
    let request = &approval.request;
    let held = message
        .filter(|message| message.state == MessageState::Held && !message.waits_without_time());
    ApprovalView {
        id: request.id,
        kind: request.kind,
        state: approval.state,
        title: request.title.clone(),
        recipient: message.map(|message| message.content.to.clone()).unwrap_or_default(),
        excerpt: match message {
            Some(message) => excerpt(&message.content.text),
            None if request.subject.is_null() => excerpt(&request.prompt),
            None => subject_excerpt(&request.subject),
        },
        run: request.run,
        workflow,
        revision: approval.revision,
        priority: request.priority.clone(),
        stale: message.is_some_and(|message| !message.stale.is_empty()),
        created_at: approval.created_at,
        expires_at: request.expires_at,
        decided_at: approval.decided.as_ref().map(|decided| decided.at),
        decided_by: approval.decided.as_ref().map(|d| d.by.clone()).filter(|by| !by.is_empty()),
        held_until: held.and_then(|message| message.due_at),
        message_state: message.map(|message| message.state),
        escalated_to: request.metadata.get(ESCALATED_TO).and_then(Value::as_str).map(str::to_owned),
    }
}

fn input_of(events: &[Event]) -> Value {
    events
        .iter()
        .find_map(|event| match &event.body {
            EventBody::RunStarted { input, .. } => Some(input.clone()),
            _ => None,
        })
        .unwrap_or(Value::Null)
}

/// The model whose output stands in the step's parameters, if one's does.
fn writer_of(events: &[Event], parameters: &str) -> Option<String> {
    let found = |usage: &Usage, output: &Value| {
        let probe = longest_text(output)?;
        // Compared as JSON text, in which the parameters are given: without the quotes.
        let probe = serde_json::to_string(&probe).ok()?;
        let probe: String = probe.trim_matches('"').chars().take(40).collect();
        (probe.len() > 3 && parameters.contains(&probe)).then(|| {
            match usage.sandbox && !usage.model.contains("sandbox") {
                true => format!("{} (sandbox)", usage.model),
                false => usage.model.clone(),
            }
        })
    };
    events.iter().rev().find_map(|event| match &event.body {
        EventBody::NodeCompleted { usage: Some(usage), output, .. } => found(usage, output),
        _ => None,
    })
}

fn longest_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => fields.values().filter_map(longest_text).max_by_key(String::len),
        Value::Array(items) => items.iter().filter_map(longest_text).max_by_key(String::len),
        _ => None,
    }
}

fn cursor(at: DateTime<Utc>, id: Uuid) -> String {
    format!("{}.{}", at.timestamp_millis(), id.simple())
}

/// Reads a cursor of the inbox or the sandbox mailbox; none when no list of the gate gave it.
pub fn parse_cursor(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (ms, id) = text.split_once('.')?;
    Some((DateTime::from_timestamp_millis(ms.parse().ok()?)?, Uuid::parse_str(id).ok()?))
}

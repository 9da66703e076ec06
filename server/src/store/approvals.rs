//! Approvals: durable requests for a human decision, whoever asks.
//!
//! A run's own requests (human nodes, reviews) are opened and closed with the run's commits; the
//! send gate opens those about messages itself. Deliberately absent: who may decide, and what a
//! decision sets off.

use super::{Happening, Store, StoreError, StoreResult, Tx, event_happened, on_model, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    event_type,
    id::{ApprovalId, MessageId, NodeId, OrganizationId, RunId},
    run::{ActivationId, ApprovalKind},
    wire::ApprovalState,
};

/// An approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// What was asked.
    pub request: NewApproval,
    /// Where it is.
    pub state: ApprovalState,
    /// Rises with each edit; a decision names the one it saw.
    pub revision: u32,
    /// The decision, when there is one.
    pub decided: Option<Decided>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// An approval to be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct NewApproval {
    /// Whose.
    pub organization: OrganizationId,
    /// Its id.
    pub id: ApprovalId,
    /// What kind of decision.
    pub kind: ApprovalKind,
    /// The run that waits, if one does.
    pub run: Option<RunId>,
    /// Its activation.
    pub activation: Option<ActivationId>,
    /// Its node.
    pub node: Option<NodeId>,
    /// The message that waits, if it is one.
    pub message: Option<MessageId>,
    /// One line.
    pub title: String,
    /// The question or instruction.
    pub prompt: String,
    /// What is decided about.
    pub subject: Value,
    /// JSON Schema of the answer; null: none.
    pub form: Value,
    /// SHA-256 of exactly what may leave.
    pub content_hash: Option<Vec<u8>>,
    /// `low`, `medium`, `high`, `urgent`.
    pub priority: String,
    /// Who asks, as people read it.
    pub requested_by: String,
    /// What it is about, for requests made by the `approval.create` tool: type and id.
    pub resource: Option<(String, String)>,
    /// Free particulars.
    pub metadata: Value,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewApproval {
    /// A request without particulars.
    pub fn new(
        organization: OrganizationId,
        id: ApprovalId,
        kind: ApprovalKind,
        title: impl Into<String>,
    ) -> Self {
        Self {
            organization,
            id,
            kind,
            run: None,
            activation: None,
            node: None,
            message: None,
            title: title.into(),
            prompt: String::new(),
            subject: Value::Null,
            form: Value::Null,
            content_hash: None,
            priority: "medium".into(),
            requested_by: String::new(),
            resource: None,
            metadata: Value::Null,
            expires_at: None,
        }
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// By whom, as people read it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// A form's answer or the changed output.
    pub answer: Value,
}

/// Which approvals to list.
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    /// Only in this state.
    pub state: Option<ApprovalState>,
    /// Only of this kind.
    pub kind: Option<ApprovalKind>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only about this resource: type and id.
    pub resource: Option<(String, String)>,
}

/// The kind's word, as in JSON.
fn kind_word(kind: ApprovalKind) -> &'static str {
    match kind {
        ApprovalKind::Message => "message",
        ApprovalKind::Decision => "decision",
        ApprovalKind::Answer => "answer",
        ApprovalKind::Review => "review",
        ApprovalKind::Resource => "resource",
        ApprovalKind::Uncertain => "uncertain",
    }
}

/// Opens a request. One with the same id stays as it is, so that a repeated attempt is harmless.
pub async fn approval_open(tx: &mut Tx, new: &NewApproval, now: DateTime<Utc>) -> StoreResult<()> {
    #[cfg(test)]
    if let Some(model) = tx.model() {
        if model.approval_open(new, now) {
            feed(tx, new.organization, new.id, ApprovalState::Pending, now);
        }
        return Ok(());
    }
    let inserted = on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO approvals (organization_id, id, kind, state, run_id, activation, node, message_id,
           title, prompt, subject, form, content_hash, priority, requested_by, resource_type, resource_id,
           metadata, expires_at, created_at, updated_at)
         VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)
         ON CONFLICT (organization_id, id) DO NOTHING"
    )
    .bind(new.organization.0)
    .bind(new.id.0)
    .bind(kind_word(new.kind))
    .bind(new.run.map(|id| id.0))
    .bind(new.activation.map(|id| i64::from(id.0)))
    .bind(new.node.as_ref().map(|id| id.0.clone()))
    .bind(new.message.map(|id| id.0))
    .bind(value::text(&new.title))
    .bind(value::text(&new.prompt))
    .bind(value::to_json(&new.subject, "approvals", "subject")?)
    .bind(value::to_json(&new.form, "approvals", "form")?)
    .bind(&new.content_hash)
    .bind(value::text(&new.priority))
    .bind(value::text(&new.requested_by))
    .bind(new.resource.as_ref().map(|(kind, _)| value::text(kind)))
    .bind(new.resource.as_ref().map(|(_, id)| value::text(id)))
    .bind(value::to_json(&new.metadata, "approvals", "metadata")?)
    .bind(new.expires_at.map(value::ms))
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    if inserted.rows_affected() == 1 {
        feed(tx, new.organization, new.id, ApprovalState::Pending, now);
    }
    Ok(())
}

/// Closes a pending request with a decision. `revision` is the one that was looked at; `None` closes
/// any. [`StoreError::Conflict`] when it is not pending any more or at another revision.
pub async fn approval_close(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    revision: Option<u32>,
    state: ApprovalState,
    decided: &Decided,
) -> StoreResult<()> {
    #[cfg(test)]
    if let Some(model) = tx.model() {
        let payload = model.approval_close(id, revision, state, decided)?;
        feed(tx, organization, id, state, decided.at);
        let name = event_type::APPROVAL_DECIDED;
        let happening = Happening { name, contact: None, cause: None, payload };
        return event_happened(tx, organization, happening, decided.at).await;
    }
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE approvals SET state = $4, decided_by = $5, decided_at = $6, reason = $7, answer = $8, updated_at = $6
         WHERE organization_id = $1 AND id = $2 AND state = 'pending' AND ($3 IS NULL OR revision = $3)"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(revision.map(i64::from))
    .bind(state.as_str())
    .bind(value::text(&decided.by))
    .bind(value::ms(decided.at))
    .bind(value::text(&decided.reason))
    .bind(value::to_json(&decided.answer, "approvals", "answer")?)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Conflict { what: "the approval" });
    }
    feed(tx, organization, id, state, decided.at);
    happened(tx, organization, id, state, decided).await
}

/// Others may wait for decisions.
async fn happened(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    state: ApprovalState,
    decided: &Decided,
) -> StoreResult<()> {
    let (run, kind, title): (Option<uuid::Uuid>, String, String) =
        on_tx!(tx, |conn| sqlx::query_as(
            "SELECT run_id, kind, title FROM approvals WHERE organization_id = $1 AND id = $2"
        )
        .bind(organization.0)
        .bind(id.0)
        .fetch_one(&mut *conn)
        .await)?;
    let payload = serde_json::json!({
        "approvalId": id, "runId": run, "kind": kind, "title": title, "state": state.as_str(),
        "decidedBy": decided.by, "reason": decided.reason,
    });
    let name = event_type::APPROVAL_DECIDED;
    let happening = Happening { name, contact: None, cause: run.map(RunId), payload };
    event_happened(tx, organization, happening, decided.at).await
}

/// A new revision after an edit of what is decided about; gives its number.
/// [`StoreError::Conflict`] when it is not pending any more or was edited meanwhile.
pub async fn approval_revise(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    revision: u32,
    title: &str,
    content_hash: Option<&[u8]>,
    now: DateTime<Utc>,
) -> StoreResult<u32> {
    let revised: Option<i64> = on_tx!(tx, |conn| {
        sqlx::query_scalar(
        "UPDATE approvals SET revision = revision + 1, title = $4, content_hash = $5, updated_at = $6
         WHERE organization_id = $1 AND id = $2 AND state = 'pending' AND revision = $3 RETURNING revision"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(i64::from(revision))
    .bind(value::text(title))
    .bind(content_hash)
    .bind(value::ms(now))
    .fetch_optional(&mut *conn)
    .await
    })?;
    let revised = revised.ok_or(StoreError::Conflict { what: "the approval" })?;
    feed(tx, organization, id, ApprovalState::Pending, now);
    Ok(value::small(revised))
}

/// Takes a decision back (undo while the message is held): the request is pending again.
/// [`StoreError::Conflict`] when it is not in the state `from`.
pub async fn approval_reopen(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    from: ApprovalState,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let changed = on_tx!(tx, |conn| {
        sqlx::query(
        "UPDATE approvals SET state = 'pending', decided_by = NULL, decided_at = NULL, reason = NULL,
           answer = NULL, updated_at = $4
         WHERE organization_id = $1 AND id = $2 AND state = $3"
    )
    .bind(organization.0)
    .bind(id.0)
    .bind(from.as_str())
    .bind(value::ms(now))
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Conflict { what: "the approval" });
    }
    feed(tx, organization, id, ApprovalState::Pending, now);
    Ok(())
}

/// Nobody needs to decide this one any more; a decided one stays.
pub async fn approval_withdraw(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    withdraw_where(tx, organization, Some(id), None, now).await
}

/// Nobody needs to decide anything for this run any more.
pub async fn approvals_withdraw_of_run(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    withdraw_where(tx, organization, None, Some(run), now).await
}

async fn withdraw_where(
    tx: &mut Tx,
    organization: OrganizationId,
    id: Option<ApprovalId>,
    run: Option<RunId>,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    on_model!(tx, |model| model.approvals_withdraw(id, run, now));
    // An interrupted sending stays open: whether it left must be said even when the run is over.
    let sql = match id {
        Some(_) => {
            "UPDATE approvals SET state = 'withdrawn', updated_at = $3
             WHERE organization_id = $1 AND state = 'pending' AND id = $2 RETURNING id"
        }
        None => {
            "UPDATE approvals SET state = 'withdrawn', updated_at = $3
             WHERE organization_id = $1 AND state = 'pending' AND run_id = $2 AND kind <> 'uncertain' RETURNING id"
        }
    };
    let ids: Vec<uuid::Uuid> = on_tx!(tx, |conn| {
        sqlx::query_scalar(sql)
            .bind(organization.0)
            .bind(id.map(|id| id.0).or(run.map(|id| id.0)))
            .bind(value::ms(now))
            .fetch_all(&mut *conn)
            .await
    })?;
    for id in ids {
        feed(tx, organization, ApprovalId(id), ApprovalState::Withdrawn, now);
    }
    Ok(())
}

fn feed(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
    state: ApprovalState,
    now: DateTime<Utc>,
) {
    let payload = serde_json::json!({ "state": state.as_str() });
    tx.feed_append(organization, "approval", id.0, payload, now);
}

#[derive(sqlx::FromRow)]
struct Row {
    organization_id: uuid::Uuid,
    id: uuid::Uuid,
    kind: String,
    state: String,
    run_id: Option<uuid::Uuid>,
    activation: Option<i64>,
    node: Option<String>,
    message_id: Option<uuid::Uuid>,
    title: String,
    prompt: String,
    subject: String,
    form: String,
    revision: i64,
    content_hash: Option<Vec<u8>>,
    priority: String,
    requested_by: String,
    resource_type: Option<String>,
    resource_id: Option<String>,
    metadata: String,
    expires_at: Option<i64>,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    reason: Option<String>,
    answer: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn approval(self) -> StoreResult<Approval> {
        const TABLE: &str = "approvals";
        let json = |text: &str, column| value::from_json(text, TABLE, column);
        let kind = value::from_json(&format!("\"{}\"", self.kind), TABLE, "kind")?;
        let state = ApprovalState::parse(&self.state).ok_or_else(|| StoreError::Corrupt {
            table: TABLE,
            column: "state",
            detail: format!("{} is no state", self.state),
        })?;
        let decided = match self.decided_at {
            None => None,
            Some(at) => Some(Decided {
                by: self.decided_by.unwrap_or_default(),
                at: value::time(at, TABLE, "decided_at")?,
                reason: self.reason.unwrap_or_default(),
                answer: self.answer.as_deref().map_or(Ok(Value::Null), |t| json(t, "answer"))?,
            }),
        };
        Ok(Approval {
            request: NewApproval {
                organization: OrganizationId(self.organization_id),
                id: ApprovalId(self.id),
                kind,
                run: self.run_id.map(RunId),
                activation: self.activation.map(|number| ActivationId(value::small(number))),
                node: self.node.map(NodeId),
                message: self.message_id.map(MessageId),
                title: self.title,
                prompt: self.prompt,
                subject: json(&self.subject, "subject")?,
                form: json(&self.form, "form")?,
                content_hash: self.content_hash,
                priority: self.priority,
                requested_by: self.requested_by,
                resource: self.resource_type.zip(self.resource_id),
                metadata: json(&self.metadata, "metadata")?,
                expires_at: value::time_opt(self.expires_at, TABLE, "expires_at")?,
            },
            state,
            revision: value::small(self.revision),
            decided,
            created_at: value::time(self.created_at, TABLE, "created_at")?,
            updated_at: value::time(self.updated_at, TABLE, "updated_at")?,
        })
    }
}

/// An approval.
pub async fn approval_fetch(
    store: &Store,
    organization: OrganizationId,
    id: ApprovalId,
) -> StoreResult<Approval> {
    on_model!(store, |node| node.read(|tables| tables.approval_fetch(id)).await);
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM approvals WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("approval"))?;
    row.approval()
}

/// An approval as it is inside a transaction.
pub async fn approval_fetch_in(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ApprovalId,
) -> StoreResult<Approval> {
    // Locked: what is decided about it holds until the commit.
    let sql = tx.pick(
        "SELECT * FROM approvals WHERE organization_id = $1 AND id = $2",
        "SELECT * FROM approvals WHERE organization_id = $1 AND id = $2 FOR UPDATE",
    );
    let row: Row = on_tx!(tx, |conn| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(id.0)
        .fetch_one(&mut *conn)
        .await)
    .map_err(StoreError::of("approval"))?;
    row.approval()
}

macro_rules! list_sql {
    ($state:literal) => {
        concat!(
            "SELECT * FROM approvals WHERE organization_id = $1 AND ",
            $state,
            " AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR run_id = $4)
              AND ($5 IS NULL OR (resource_type = $5 AND resource_id = $6))
              AND ($7 IS NULL OR created_at > $7 OR (created_at = $7 AND id > $8))
              ORDER BY created_at, id LIMIT $9"
        )
    };
}

/// Approvals of an organisation, oldest first, after the one that was asked at a time with an id,
/// at most `limit`.
pub async fn approval_list(
    store: &Store,
    organization: OrganizationId,
    filter: &ApprovalFilter,
    after: Option<(DateTime<Utc>, ApprovalId)>,
    limit: u32,
) -> StoreResult<Vec<Approval>> {
    let (resource_type, resource_id) = filter.resource.clone().unzip();
    // The inbox asks for what is pending: said literally, the partial index answers it.
    let sql = match filter.state {
        Some(ApprovalState::Pending) => list_sql!("state = 'pending' AND $2 IS NOT NULL"),
        _ => list_sql!("($2 IS NULL OR state = $2)"),
    };
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(filter.state.map(ApprovalState::as_str))
        .bind(filter.kind.map(kind_word))
        .bind(filter.run.map(|id| id.0))
        .bind(resource_type)
        .bind(resource_id)
        .bind(after.map(|(at, _)| value::ms(at)))
        .bind(after.map(|(_, id)| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::approval).collect()
}

/// Approvals of an organisation, newest first, before the one that was asked at a time with an id,
/// at most `limit`.
pub async fn approval_list_newest(
    store: &Store,
    organization: OrganizationId,
    state: Option<ApprovalState>,
    before: Option<(DateTime<Utc>, ApprovalId)>,
    limit: u32,
) -> StoreResult<Vec<Approval>> {
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM approvals WHERE organization_id = $1 AND ($2 IS NULL OR state = $2)
         AND ($3 IS NULL OR created_at < $3 OR (created_at = $3 AND id < $4))
         ORDER BY created_at DESC, id DESC LIMIT $5"
    )
    .bind(organization.0)
    .bind(state.map(ApprovalState::as_str))
    .bind(before.map(|(at, _)| value::ms(at)))
    .bind(before.map(|(_, id)| id.0))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await)?;
    rows.into_iter().map(Row::approval).collect()
}

/// How many wait.
pub async fn approvals_pending_count(
    store: &Store,
    organization: OrganizationId,
) -> StoreResult<u64> {
    let count: i64 = on_db!(store, |pool| sqlx::query_scalar(
        "SELECT count(*) FROM approvals WHERE organization_id = $1 AND state = 'pending'"
    )
    .bind(organization.0)
    .fetch_one(pool)
    .await)?;
    Ok(value::count(count))
}

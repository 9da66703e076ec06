//! Messages. What leaves is in `message_content`, their revisions in `message_revisions`.
//!
//! A message is read, changed in memory and written back whole; `rev` fences the write, so nothing
//! that happened in between is lost. Deliberately absent: which state may follow which (see `gate::life`).

use super::{
    Content, OutsideEvent, Store, StoreError, StoreResult, Tx, outside, search::pattern, value,
};
use crate::{free_of, on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    event_type,
    id::{ApprovalId, CallId, ContactId, MessageId, NodeId, OrganizationId, RunId},
    wire::{MessageChannel, MessageState},
};

const TABLE: &str = "messages";

/// An approval of exactly these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedContent {
    /// SHA-256.
    pub hash: Vec<u8>,
    /// By whom.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub id: MessageId,
    /// The number of the write it was read at.
    pub rev: i64,
    /// Its channel.
    pub channel: MessageChannel,
    /// Where it is.
    pub state: MessageState,
    /// To which contact, if it is one.
    pub contact: Option<ContactId>,
    /// The recipient's bare address as it is compared; never changes.
    pub recipient_key: String,
    /// The run that made it.
    pub run: Option<RunId>,
    /// The call that made it.
    pub call: Option<CallId>,
    /// That call's attempt, which its result must name.
    pub call_attempt: u32,
    /// The node that made it.
    pub node: Option<NodeId>,
    /// The approval in the inbox.
    pub approval: Option<ApprovalId>,
    /// The newest revision, from 1.
    pub revision: u32,
    /// It goes to the sandbox mailbox.
    pub sandbox: bool,
    /// What leaves.
    pub content: Content,
    /// SHA-256 of what leaves.
    pub content_hash: Vec<u8>,
    /// What was approved.
    pub approved: Option<ApprovedContent>,
    /// What changed since it was written; empty: nothing.
    pub stale: String,
    /// When the sender looks at it next.
    pub due_at: Option<DateTime<Utc>>,
    /// The gate moved `due_at`; a change of its rules makes it look again.
    pub gate_held: bool,
    /// Attempts that were begun.
    pub attempts: u32,
    /// When the newest attempt was begun.
    pub begun_at: Option<DateTime<Utc>>,
    /// The provider's id or answer.
    pub provider_id: Option<String>,
    /// Why it failed, or what is known.
    pub detail: String,
    /// What the step was given.
    pub parameters: Value,
    /// The message that it sends again.
    pub repeats: Option<MessageId>,
    /// When it may not leave any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// When it left.
    pub sent_at: Option<DateTime<Utc>>,
}

impl Message {
    /// The gate holds it and nobody knows until when, as in a pause of all outbound: its time has come already, and
    /// keeps its place in the order.
    pub fn waits_without_time(&self) -> bool {
        self.gate_held && self.due_at.is_some_and(|due| due <= self.updated_at)
    }
}

/// A state's word, as in JSON.
pub fn message_state_word(state: MessageState) -> &'static str {
    match state {
        MessageState::PendingApproval => "pending_approval",
        MessageState::Held => "held",
        MessageState::Queued => "queued",
        MessageState::InFlight => "in_flight",
        MessageState::Accepted => "accepted",
        MessageState::Delivered => "delivered",
        MessageState::Bounced => "bounced",
        MessageState::RetryWait => "retry_wait",
        MessageState::FailedPermanent => "failed_permanent",
        MessageState::Rejected => "rejected",
        MessageState::Expired => "expired",
        MessageState::Cancelled => "cancelled",
        MessageState::Refused => "refused",
        MessageState::Uncertain => "uncertain",
    }
}

fn channel_word(channel: MessageChannel) -> &'static str {
    match channel {
        MessageChannel::Email => "email",
        MessageChannel::Sms => "sms",
        MessageChannel::Voice => "voice",
    }
}

/// Writes a new message; false when it is there already.
pub async fn message_insert(tx: &mut Tx, message: &Message) -> StoreResult<bool> {
    let inserted = on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO messages (organization_id, id, rev, channel, state, account, sandbox, sender, recipient,
           subject, body, content_hash, created_at, updated_at, recipient_key)
         VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)
         ON CONFLICT (organization_id, id) DO NOTHING"
    )
    .bind(message.organization.0)
    .bind(message.id.0)
    .bind(channel_word(message.channel))
    .bind(message_state_word(message.state))
    .bind(&message.content.account)
    .bind(i64::from(message.sandbox))
    .bind(&message.content.from)
    .bind(&message.content.to)
    .bind(&message.content.subject)
    .bind(&message.content.text)
    .bind(&message.content_hash)
    .bind(value::ms(message.created_at))
    .bind(&message.recipient_key)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    let mut first = message.clone();
    first.rev = 0;
    message_save(tx, &mut first).await?;
    Ok(true)
}

macro_rules! save_sql {
    ($owner:literal) => {
        concat!(
            "UPDATE messages SET rev = rev + 1, state = $4, contact_id = $5, run_id = $6, call_id = $7, call_attempt = $8,
               node = $9, approval_id = $10, revision = $11, account = $12, sandbox = $13, sender = $14, recipient = $15,
               cc = $16, bcc = $17, reply_to = $18, subject = $19, body = $20, html = $21, content_hash = $22,
               approved_hash = $23, approved_by = $24, approved_at = $25, stale = $26, due_at = $27, attempts = $28,
               provider_id = $29, detail = $30, parameters = $31, expires_at = $32, updated_at = $33, sent_at = $34,
               gate_held = $35, begun_at = $36, repeats = $37",
            $owner,
            " WHERE organization_id = $1 AND id = $2 AND rev = $3"
        )
    };
}

/// Writes a changed message back. [`StoreError::Conflict`] when it was written since it was read.
pub async fn message_save(tx: &mut Tx, message: &mut Message) -> StoreResult<()> {
    let (content, approved) = (&message.content, message.approved.as_ref());
    // Whoever writes it while it is on its way does not take it over.
    const OWNED: &str = save_sql!(", owner = CASE state WHEN 'in_flight' THEN owner ELSE $38 END");
    let sql = tx.pick(save_sql!(""), OWNED);
    let owner = tx.is_shared().then_some(tx.owner);
    let changed = on_tx!(tx, |conn| {
        let query = sqlx::query(sql)
            .bind(message.organization.0)
            .bind(message.id.0)
            .bind(message.rev)
            .bind(message_state_word(message.state))
            .bind(message.contact.map(|id| id.0))
            .bind(message.run.map(|id| id.0))
            .bind(message.call.map(|id| id.0))
            .bind(i64::from(message.call_attempt))
            .bind(message.node.as_ref().map(|node| node.0.clone()))
            .bind(message.approval.map(|id| id.0))
            .bind(i64::from(message.revision))
            .bind(&content.account)
            .bind(i64::from(message.sandbox))
            .bind(&content.from)
            .bind(&content.to)
            .bind(value::to_json(&content.cc, TABLE, "cc")?)
            .bind(value::to_json(&content.bcc, TABLE, "bcc")?)
            .bind(&content.reply_to)
            .bind(&content.subject)
            .bind(&content.text)
            .bind(&content.html)
            .bind(&message.content_hash)
            .bind(approved.map(|approved| approved.hash.clone()))
            .bind(approved.map(|approved| approved.by.clone()))
            .bind(approved.map(|approved| value::ms(approved.at)))
            .bind(value::text(&message.stale))
            .bind(message.due_at.map(value::ms))
            .bind(i64::from(message.attempts))
            .bind(message.provider_id.as_deref().map(value::text))
            .bind(value::text(&message.detail))
            .bind(value::to_json(&message.parameters, TABLE, "parameters")?)
            .bind(message.expires_at.map(value::ms))
            .bind(value::ms(message.updated_at))
            .bind(message.sent_at.map(value::ms))
            .bind(i64::from(message.gate_held))
            .bind(message.begun_at.map(value::ms))
            .bind(message.repeats.map(|id| id.0));
        match owner {
            Some(owner) => query.bind(owner),
            None => query,
        }
        .execute(&mut *conn)
        .await
        .map(value::rows)
    })?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Conflict { what: "the message" });
    }
    message.rev += 1;
    let payload = serde_json::json!({ "state": message_state_word(message.state) });
    tx.feed_append(message.organization, "message", message.id.0, payload, message.updated_at);
    if let Some(approval) = message.approval {
        // Its row in the inbox shows where the message is.
        let payload = serde_json::json!({ "message": message_state_word(message.state) });
        tx.feed_append(message.organization, "approval", approval.0, payload, message.updated_at);
    }
    if message.state == MessageState::Accepted {
        sent(tx, message).await?;
    }
    Ok(())
}

/// Others may wait for it; recorded once, however often the row is written.
async fn sent(tx: &mut Tx, message: &Message) -> StoreResult<()> {
    let name = event_type::MESSAGE_SENT;
    let event = OutsideEvent {
        name: name.to_owned(),
        contact: message.contact,
        run: None,
        source_key: Some(format!("{name} {}", message.id)),
        payload: serde_json::json!({
            "type": name, "messageId": message.id, "customerId": message.contact, "runId": message.run,
            "channel": "email", "to": message.content.to, "subject": message.content.subject,
        }),
    };
    outside::note(tx, message.organization, &event, message.run, message.updated_at).await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    organization_id: uuid::Uuid,
    id: uuid::Uuid,
    rev: i64,
    channel: String,
    state: String,
    contact_id: Option<uuid::Uuid>,
    recipient_key: String,
    run_id: Option<uuid::Uuid>,
    call_id: Option<uuid::Uuid>,
    call_attempt: i64,
    node: Option<String>,
    approval_id: Option<uuid::Uuid>,
    revision: i64,
    account: String,
    sandbox: i64,
    sender: String,
    recipient: String,
    cc: String,
    bcc: String,
    reply_to: Option<String>,
    subject: String,
    body: String,
    html: Option<String>,
    content_hash: Vec<u8>,
    approved_hash: Option<Vec<u8>>,
    approved_by: Option<String>,
    approved_at: Option<i64>,
    stale: String,
    due_at: Option<i64>,
    gate_held: i64,
    attempts: i64,
    begun_at: Option<i64>,
    provider_id: Option<String>,
    detail: String,
    parameters: String,
    repeats: Option<uuid::Uuid>,
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    sent_at: Option<i64>,
}

impl Row {
    pub(super) fn message(self) -> StoreResult<Message> {
        let time = |ms, column| value::time_opt(ms, TABLE, column);
        let approved = match (self.approved_hash, time(self.approved_at, "approved_at")?) {
            (Some(hash), Some(at)) => {
                Some(ApprovedContent { hash, by: self.approved_by.unwrap_or_default(), at })
            }
            _ => None,
        };
        Ok(Message {
            organization: OrganizationId(self.organization_id),
            id: MessageId(self.id),
            rev: self.rev,
            channel: word(&self.channel, "channel")?,
            state: word(&self.state, "state")?,
            contact: self.contact_id.map(ContactId),
            recipient_key: self.recipient_key,
            run: self.run_id.map(RunId),
            call: self.call_id.map(CallId),
            call_attempt: value::small(self.call_attempt),
            node: self.node.map(NodeId),
            approval: self.approval_id.map(ApprovalId),
            revision: value::small(self.revision),
            sandbox: self.sandbox != 0,
            content: Content {
                account: self.account,
                from: self.sender,
                to: self.recipient,
                cc: value::from_json(&self.cc, TABLE, "cc")?,
                bcc: value::from_json(&self.bcc, TABLE, "bcc")?,
                reply_to: self.reply_to,
                subject: self.subject,
                text: self.body,
                html: self.html,
            },
            content_hash: self.content_hash,
            approved,
            stale: self.stale,
            due_at: time(self.due_at, "due_at")?,
            gate_held: self.gate_held != 0,
            attempts: value::small(self.attempts),
            begun_at: time(self.begun_at, "begun_at")?,
            provider_id: self.provider_id,
            detail: self.detail,
            parameters: value::from_json(&self.parameters, TABLE, "parameters")?,
            repeats: self.repeats.map(MessageId),
            expires_at: time(self.expires_at, "expires_at")?,
            created_at: value::time(self.created_at, TABLE, "created_at")?,
            updated_at: value::time(self.updated_at, TABLE, "updated_at")?,
            sent_at: time(self.sent_at, "sent_at")?,
        })
    }
}

fn word<T: serde::de::DeserializeOwned>(word: &str, column: &'static str) -> StoreResult<T> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|error| StoreError::Corrupt {
        table: TABLE,
        column,
        detail: error.to_string(),
    })
}

/// A message.
pub async fn message_fetch(
    store: &Store,
    organization: OrganizationId,
    id: MessageId,
) -> StoreResult<Message> {
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT * FROM messages WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("message"))?;
    row.message()
}

/// A message as it is inside a transaction.
pub async fn message_fetch_in(
    tx: &mut Tx,
    organization: OrganizationId,
    id: MessageId,
) -> StoreResult<Message> {
    // Locked: what is decided about it holds until the commit.
    let sql = tx.pick(
        "SELECT * FROM messages WHERE organization_id = $1 AND id = $2",
        "SELECT * FROM messages WHERE organization_id = $1 AND id = $2 FOR UPDATE",
    );
    let row: Row = on_tx!(tx, |conn| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(id.0)
        .fetch_one(&mut *conn)
        .await)
    .map_err(StoreError::of("message"))?;
    row.message()
}

async fn messages_where(
    store: &Store,
    sql: &'static str,
    ms: i64,
    limit: u32,
) -> StoreResult<Vec<Message>> {
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(ms)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::message).collect()
}

/// Messages that waited for a decision longer than they may, of every organisation.
pub async fn messages_expired(
    store: &Store,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<Message>> {
    let sql = "SELECT * FROM messages WHERE state = 'pending_approval' AND expires_at IS NOT NULL AND expires_at <= $1
         ORDER BY expires_at LIMIT $2";
    messages_where(store, sql, now.timestamp_millis(), limit).await
}

/// Messages whose sending was begun before `before` and has no outcome, of every organisation; without
/// those that another server is sending.
pub async fn messages_in_flight(
    store: &Store,
    before: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<Message>> {
    let Some((pool, owner)) = store.claims() else {
        let sql = "SELECT * FROM messages WHERE state = 'in_flight' AND updated_at <= $1
           ORDER BY updated_at LIMIT $2";
        return messages_where(store, sql, value::ms(before), limit).await;
    };
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT m.* FROM messages m WHERE m.state = 'in_flight' AND m.updated_at <= $2 AND ",
        free_of!("m"),
        " ORDER BY m.updated_at LIMIT $3"
    ))
    .bind(owner)
    .bind(value::ms(before))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Row::message).collect()
}

/// Unsent messages to a contact, as they are inside a transaction; 1,000 at most.
pub async fn messages_waiting_for_contact_in(
    tx: &mut Tx,
    organization: OrganizationId,
    contact: ContactId,
) -> StoreResult<Vec<Message>> {
    // Locked: what is decided about it holds until the commit.
    let sql = tx.pick(
        "SELECT * FROM messages WHERE organization_id = $1 AND contact_id = $2
         AND state IN ('pending_approval', 'held', 'queued', 'retry_wait') LIMIT 1000",
        "SELECT * FROM messages WHERE organization_id = $1 AND contact_id = $2
         AND state IN ('pending_approval', 'held', 'queued', 'retry_wait') ORDER BY id LIMIT 1000 FOR UPDATE",
    );
    let rows: Vec<Row> = on_tx!(tx, |conn| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(contact.0)
        .fetch_all(&mut *conn)
        .await)?;
    rows.into_iter().map(Row::message).collect()
}

/// Recalls what a run has not sent yet: all of it, or that of one call. What is on its way goes on.
/// Approvals about them are withdrawn by the caller.
pub async fn messages_recall(
    tx: &mut Tx,
    organization: OrganizationId,
    run: RunId,
    call: Option<CallId>,
    now: DateTime<Utc>,
) -> StoreResult<Vec<(MessageId, Option<ApprovalId>)>> {
    let rows: Vec<(uuid::Uuid, Option<uuid::Uuid>)> = on_tx!(tx, |conn| {
        sqlx::query_as(
        "UPDATE messages SET state = 'cancelled', rev = rev + 1, due_at = NULL, updated_at = $4,
           detail = 'The run does not need it any more.'
         WHERE organization_id = $1 AND run_id = $2 AND ($3 IS NULL OR call_id = $3)
         AND state IN ('pending_approval', 'held', 'queued', 'retry_wait')
         RETURNING id, approval_id"
    )
    .bind(organization.0)
    .bind(run.0)
    .bind(call.map(|id| id.0))
    .bind(value::ms(now))
    .fetch_all(&mut *conn)
    .await
    })?;
    let payload = serde_json::json!({ "state": "cancelled" });
    for (id, _) in &rows {
        tx.feed_append(organization, "message", *id, payload.clone(), now);
    }
    Ok(rows.into_iter().map(|(id, approval)| (MessageId(id), approval.map(ApprovalId))).collect())
}

/// What the sandbox mailbox received, newest first, before the one that left at a time with an id.
pub async fn messages_of_sandbox(
    store: &Store,
    organization: OrganizationId,
    search: Option<&str>,
    before: Option<(DateTime<Utc>, MessageId)>,
    limit: u32,
) -> StoreResult<Vec<Message>> {
    let found = search.map(str::trim).filter(|text| !text.is_empty());
    let pattern = found.map(|text| pattern(store, text));
    let sql = store.pick(
        "SELECT * FROM messages WHERE organization_id = $1 AND sandbox = 1 AND state = 'accepted'
         AND ($2 IS NULL OR sent_at < $2 OR (sent_at = $2 AND id < $3))
         AND ($4 IS NULL OR lower(subject) GLOB $4 OR lower(recipient) GLOB $4 OR lower(body) GLOB $4)
         ORDER BY sent_at DESC, id DESC LIMIT $5",
        "SELECT * FROM messages WHERE organization_id = $1 AND sandbox = 1 AND state = 'accepted'
         AND ($2 IS NULL OR sent_at < $2 OR (sent_at = $2 AND id < $3))
         AND ($4 IS NULL OR lower(subject) ~ $4 OR lower(recipient) ~ $4 OR lower(body) ~ $4)
         ORDER BY sent_at DESC, id DESC LIMIT $5",
    );
    let rows: Vec<Row> = on_db!(store, |pool| sqlx::query_as(sql)
        .bind(organization.0)
        .bind(before.map(|(at, _)| value::ms(at)))
        .bind(before.map(|(_, id)| id.0))
        .bind(pattern)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::message).collect()
}

//! What is heard of messages after they left: where their links lead, what became of them, and what
//! came back. Deliberately absent: what it means (see `gate::heard` and `gate::inbound`).

use super::{Message, Source, Store, StoreError, StoreResult, Tx, message_fetch, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::{ContactId, InboundId, MessageId, OrganizationId};

/// Keeps where the tracked links of a message lead, numbered from 1. Those that are there stay as they are.
pub async fn message_links_insert(
    tx: &mut Tx,
    organization: OrganizationId,
    message: MessageId,
    urls: &[String],
) -> StoreResult<()> {
    for (number, url) in (1_i64..).zip(urls) {
        on_tx!(tx, |conn| sqlx::query(
            "INSERT INTO message_links (organization_id, message_id, number, url)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        )
        .bind(organization.0)
        .bind(message.0)
        .bind(number)
        .bind(url)
        .execute(&mut *conn)
        .await
        .map(value::rows))?;
    }
    Ok(())
}

/// Where the tracked links of a message lead, by number.
pub async fn message_links(
    store: &Store,
    organization: OrganizationId,
    message: MessageId,
) -> StoreResult<Vec<(u16, String)>> {
    let rows: Vec<(i64, String)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT number, url FROM message_links
         WHERE organization_id = $1 AND message_id = $2 ORDER BY number"
    )
    .bind(organization.0)
    .bind(message.0)
    .fetch_all(pool)
    .await)?;
    Ok(rows
        .into_iter()
        .filter_map(|(number, url)| Some((u16::try_from(number).ok()?, url)))
        .collect())
}

/// Notes what was heard of a message; false when the same was heard before.
pub async fn message_fact_insert(
    tx: &mut Tx,
    organization: OrganizationId,
    message: MessageId,
    kind: &str,
    detail: &Value,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let detail = value::to_json(detail, "message_facts", "detail")?;
    let inserted = on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO message_facts (organization_id, message_id, kind, at, detail)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
    )
    .bind(organization.0)
    .bind(message.0)
    .bind(kind)
    .bind(value::ms(now))
    .bind(detail)
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(inserted.rows_affected() > 0)
}

/// What was heard of a message, oldest first.
pub async fn message_facts(
    store: &Store,
    organization: OrganizationId,
    message: MessageId,
) -> StoreResult<Vec<(String, DateTime<Utc>, Value)>> {
    let rows: Vec<(String, i64, String)> = on_db!(store, |pool| sqlx::query_as(
        "SELECT kind, at, detail FROM message_facts
         WHERE organization_id = $1 AND message_id = $2 ORDER BY at, kind"
    )
    .bind(organization.0)
    .bind(message.0)
    .fetch_all(pool)
    .await)?;
    rows.into_iter()
        .map(|(kind, at, detail)| {
            let at = value::time(at, "message_facts", "at")?;
            Ok((kind, at, value::from_json(&detail, "message_facts", "detail")?))
        })
        .collect()
}

/// Subject, recipient and time of leaving of a message, to name it in a sentence.
pub async fn message_outline(
    source: &mut Source<'_>,
    organization: OrganizationId,
    message: MessageId,
) -> StoreResult<Option<(String, String, Option<DateTime<Utc>>)>> {
    const SQL: &str = "SELECT subject, recipient, coalesce(sent_at, begun_at) FROM messages
        WHERE organization_id = $1 AND id = $2";
    type Row = Option<(String, String, Option<i64>)>;
    let row: Row = match source {
        Source::Pool(store) => on_db!(store, |pool| {
            let query = sqlx::query_as(SQL).bind(organization.0).bind(message.0);
            query.fetch_optional(pool).await
        }),
        Source::Tx(tx) => on_tx!(tx, |conn| {
            let query = sqlx::query_as(SQL).bind(organization.0).bind(message.0);
            query.fetch_optional(&mut *conn).await
        }),
    }?;
    row.map(|(subject, to, at)| Ok((subject, to, value::time_opt(at, "messages", "sent_at")?)))
        .transpose()
}

/// The newest message that left to an address since a time.
pub async fn message_newest_to(
    store: &Store,
    organization: OrganizationId,
    address: &str,
    since: DateTime<Utc>,
) -> StoreResult<Option<Message>> {
    let id: Option<uuid::Uuid> = on_db!(store, |pool| {
        sqlx::query_scalar(
        "SELECT id FROM messages WHERE organization_id = $1 AND recipient_key = $2 AND sent_at >= $3
         AND state IN ('accepted', 'delivered', 'bounced', 'uncertain') ORDER BY sent_at DESC LIMIT 1"
    )
    .bind(organization.0)
    .bind(address)
    .bind(value::ms(since))
    .fetch_optional(pool)
    .await
    })?;
    match id {
        Some(id) => message_fetch(store, organization, MessageId(id)).await.map(Some),
        None => Ok(None),
    }
}

/// An email that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// Whose.
    pub organization: OrganizationId,
    /// Derived from its Message-ID.
    pub id: InboundId,
    /// When it came in.
    pub at: DateTime<Utc>,
    /// `reply`, `bounce`, `delay`, `delivered`, `auto_reply`, `opt_out`, `other`.
    pub kind: String,
    /// From whom: the bare address in lower case.
    pub sender: String,
    /// Its subject.
    pub subject: String,
    /// Its text, cut.
    pub body: String,
    /// The message of ours that it is about.
    pub message: Option<MessageId>,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
}

/// Keeps an email that came in; false when it was there already.
pub async fn inbound_insert(tx: &mut Tx, inbound: &Inbound) -> StoreResult<bool> {
    let inserted = on_tx!(tx, |conn| sqlx::query(
        "INSERT INTO inbound_messages
           (organization_id, id, at, kind, sender, subject, body, message_id, contact_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
    )
    .bind(inbound.organization.0)
    .bind(inbound.id.0)
    .bind(value::ms(inbound.at))
    .bind(&inbound.kind)
    .bind(&inbound.sender)
    .bind(&inbound.subject)
    .bind(&inbound.body)
    .bind(inbound.message.map(|id| id.0))
    .bind(inbound.contact.map(|id| id.0))
    .execute(&mut *conn)
    .await
    .map(value::rows))?;
    Ok(inserted.rows_affected() > 0)
}

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    kind: String,
    sender: String,
    subject: String,
    body: String,
    message_id: Option<uuid::Uuid>,
    contact_id: Option<uuid::Uuid>,
}

/// An email that came in.
pub async fn inbound_fetch(
    store: &Store,
    organization: OrganizationId,
    id: InboundId,
) -> StoreResult<Inbound> {
    let row: Row = on_db!(store, |pool| sqlx::query_as(
        "SELECT at, kind, sender, subject, body, message_id, contact_id FROM inbound_messages
         WHERE organization_id = $1 AND id = $2"
    )
    .bind(organization.0)
    .bind(id.0)
    .fetch_one(pool)
    .await)
    .map_err(StoreError::of("inbound message"))?;
    Ok(Inbound {
        organization,
        id,
        at: value::time(row.at, "inbound_messages", "at")?,
        kind: row.kind,
        sender: row.sender,
        subject: row.subject,
        body: row.body,
        message: row.message_id.map(MessageId),
        contact: row.contact_id.map(ContactId),
    })
}

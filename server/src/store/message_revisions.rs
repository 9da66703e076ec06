//! What a message said before: one row a revision, never changed.

use super::{Message, Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{MessageId, OrganizationId},
    wire::Revision,
};

/// Notes a revision of a message.
pub async fn message_revision_insert(
    tx: &mut Tx,
    message: &Message,
    author: &str,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    on_tx!(tx, |conn| {
        sqlx::query(
        "INSERT INTO message_revisions (organization_id, message_id, number, author, at, subject, body, content_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    )
    .bind(message.organization.0)
    .bind(message.id.0)
    .bind(i64::from(message.revision))
    .bind(author)
    .bind(value::ms(at))
    .bind(&message.content.subject)
    .bind(&message.content.text)
    .bind(&message.content_hash)
    .execute(&mut *conn)
    .await
    .map(value::rows)
    })?;
    Ok(())
}

/// The revisions of a message, oldest first.
pub async fn message_revisions(
    store: &Store,
    organization: OrganizationId,
    id: MessageId,
) -> StoreResult<Vec<Revision>> {
    let rows: Vec<(i64, String, i64, String, String, Vec<u8>)> =
        on_db!(store, |pool| sqlx::query_as(
            "SELECT number, author, at, subject, body, content_hash FROM message_revisions
         WHERE organization_id = $1 AND message_id = $2 ORDER BY number LIMIT 1000"
        )
        .bind(organization.0)
        .bind(id.0)
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|(number, author, at, subject, text, hash)| {
            Ok(Revision {
                number: value::small(number),
                author,
                at: value::time(at, "message_revisions", "at")?,
                subject,
                text,
                content_hash: hex::encode(hash),
            })
        })
        .collect()
}

//! Messages whose time has come: which ones the sender takes up, and when it looks next.
//!
//! Of an organisation that is paused only messages come up that do not know of the pause yet; those of one that begins
//! slowly after a pause are asked for by themselves.

use super::{Message, Store, StoreResult, messages::Row, value};
use crate::on_db;
use chrono::{DateTime, Utc};
use signalbox::id::OrganizationId;

/// Organisations that can be passed over in [`messages_due`].
pub const PASSED_OVER_MAX: usize = 4;

/// Messages whose organisation lets them go: not those that a pause holds and that know of it
/// ([`Message::waits_without_time`]), nor those of an organisation that begins slowly after one ([`messages_due_of`]).
/// What the gate held for another reason learns of the pause when its time comes. `$1`: pauses that ended until then
/// are over.
macro_rules! let_go {
    () => {
        "(p.organization_id IS NULL OR p.resumed_at <= $1
           OR (p.resumed_at IS NULL AND (m.gate_held = 0 OR m.due_at > m.updated_at)))"
    };
}

/// Messages that the sender must look at now, oldest first, of every organisation but those that are passed over:
/// however much one of them has due, it does not hide what others have. Organisations whose pause ended after
/// `slow_since` are left out.
pub async fn messages_due(
    store: &Store,
    now: DateTime<Utc>,
    slow_since: DateTime<Utc>,
    without: &[OrganizationId],
    limit: u32,
) -> StoreResult<Vec<Message>> {
    const SQL: &str = concat!(
        "SELECT m.* FROM messages m LEFT JOIN outbound_pauses p ON p.organization_id = m.organization_id
         WHERE m.state IN ('held', 'queued', 'retry_wait') AND m.due_at <= $2
           AND m.organization_id NOT IN ($3, $4, $5, $6) AND ",
        let_go!(),
        " ORDER BY m.due_at LIMIT $7"
    );
    let rows: Vec<Row> = on_db!(store, |pool| {
        let mut query =
            sqlx::query_as(SQL).bind(value::ms(slow_since)).bind(now.timestamp_millis());
        for at in 0..PASSED_OVER_MAX {
            query = query.bind(without.get(at).map_or(uuid::Uuid::nil(), |id| id.0));
        }
        query.bind(i64::from(limit)).fetch_all(pool).await
    })?;
    rows.into_iter().map(Row::message).collect()
}

/// As [`messages_due`], of one organisation.
pub async fn messages_due_of(
    store: &Store,
    organization: OrganizationId,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<Vec<Message>> {
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(
        "SELECT * FROM messages WHERE state IN ('held', 'queued', 'retry_wait') AND due_at <= $2
           AND organization_id = $1 ORDER BY due_at LIMIT $3"
    )
    .bind(organization.0)
    .bind(now.timestamp_millis())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    })?;
    rows.into_iter().map(Row::message).collect()
}

/// When the sender must look next: the earliest due or expiring message of all that [`messages_due`] would give.
pub async fn message_next_due(
    store: &Store,
    slow_since: DateTime<Utc>,
) -> StoreResult<Option<DateTime<Utc>>> {
    // In the order of the index, so that the first row ends the search.
    const SQL: &str = concat!(
        "SELECT min(at) FROM (
           SELECT at FROM (SELECT m.due_at AS at FROM messages m
             LEFT JOIN outbound_pauses p ON p.organization_id = m.organization_id
             WHERE m.state IN ('held', 'queued', 'retry_wait') AND m.due_at IS NOT NULL AND ",
        let_go!(),
        " ORDER BY m.due_at LIMIT 1) AS soonest
           UNION ALL
           SELECT min(expires_at) FROM messages WHERE state = 'pending_approval' AND expires_at IS NOT NULL) AS next"
    );
    let next: Option<i64> = on_db!(store, |pool| {
        sqlx::query_scalar(SQL).bind(value::ms(slow_since)).fetch_one(pool).await
    })?;
    value::time_opt(next, "messages", "due_at")
}

/// How many approved messages of an organisation are due, and since when the oldest is.
pub async fn messages_due_count(
    store: &Store,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> StoreResult<(u64, Option<DateTime<Utc>>)> {
    let (count, oldest): (i64, Option<i64>) = on_db!(store, |pool| sqlx::query_as(
        "SELECT count(*), min(due_at) FROM messages
         WHERE state IN ('held', 'queued', 'retry_wait') AND due_at <= $2 AND organization_id = $1"
    )
    .bind(organization.0)
    .bind(now.timestamp_millis())
    .fetch_one(pool)
    .await)?;
    Ok((value::count(count), value::time_opt(oldest, "messages", "due_at")?))
}

//! The organisation's feed: what changed, numbered without a gap within the organisation.
//!
//! Entries gather while an operation runs and are written at its end. With one writer a plain number is
//! exact. Where transactions run side by side, entries are written without
//! one and numbered after the commit (`postgres::feed`).

use super::{Store, StoreResult, Tx, tx::Conn, value};
use crate::{args, on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;
use std::{borrow::Cow, collections::HashMap};
use uuid::Uuid;

/// Entries that are kept for each organisation, give or take [`PRUNE_EVERY`].
pub const FEED_KEPT: i64 = 10_000;
pub(super) const PRUNE_EVERY: i64 = 1_000;
const ORGANIZATIONS_CACHED_MAX: usize = 10_000;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEntry {
    /// Whose.
    pub organization: OrganizationId,
    /// 1, 2, 3 … within the organisation.
    pub number: i64,
    /// The kind of thing that changed: `run`, `approval`, `message` …
    pub topic: Cow<'static, str>,
    /// Which one.
    pub resource: Uuid,
    /// A few particulars.
    pub payload: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// What waits for the commit.
#[derive(Default)]
pub(super) struct FeedBuffer {
    entries: Vec<FeedEntry>,
    last: HashMap<OrganizationId, i64>,
}

impl FeedBuffer {
    pub(super) fn push(&mut self, entry: FeedEntry) {
        self.entries.push(entry);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What was committed, to be told.
    pub(super) fn take(&mut self) -> Vec<FeedEntry> {
        std::mem::take(&mut self.entries)
    }

    /// Forgets the entries since a mark, whose writes did not happen, and with them which numbers are taken.
    pub(super) fn undo(&mut self, mark: usize) {
        self.entries.truncate(mark);
        self.last.clear();
    }
}

impl Tx {
    /// Entries of the one writer, from `mark` on, get their numbers and are gathered.
    pub(super) async fn feed_number(&mut self, mark: usize) -> StoreResult<()> {
        if self.feed.last.len() > ORGANIZATIONS_CACHED_MAX {
            self.feed.last.clear();
        }
        for at in mark..self.feed.entries.len() {
            let organization = self.feed.entries[at].organization;
            let last = match self.feed.last.get(&organization) {
                Some(last) => *last,
                None => self.feed_last(organization).await?,
            };
            let number = last + 1;
            self.feed.last.insert(organization, number);
            self.feed.entries[at].number = number;
            self.feed_insert(at).await?;
            if number % PRUNE_EVERY == 0 {
                self.feed_prune(organization, number - FEED_KEPT).await?;
            }
        }
        Ok(())
    }

    /// Writes what gathered without numbers; whether there was anything.
    pub(super) async fn feed_to_inbox(&mut self) -> StoreResult<bool> {
        self.send().await?;
        let entries = std::mem::take(&mut self.feed.entries);
        let Conn::Postgres(conn) = &mut self.conn else { return Ok(false) };
        if entries.is_empty() {
            // An operation may have passed over an error of the database. Then its transaction is
            // undone although COMMIT says nothing; a statement says so.
            sqlx::query("SELECT 1").execute(&mut **conn).await?;
            return Ok(false);
        }
        let column = |of: fn(&FeedEntry) -> Uuid| entries.iter().map(of).collect::<Vec<_>>();
        let payloads: Vec<String> = entries
            .iter()
            .map(|entry| value::to_json(&entry.payload, "org_feed", "payload"))
            .collect::<StoreResult<_>>()?;
        sqlx::query(
            "INSERT INTO org_feed_inbox (organization_id, topic, resource_id, payload, at)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::bigint[])",
        )
        .bind(column(|entry| entry.organization.0))
        .bind(entries.iter().map(|entry| entry.topic.to_string()).collect::<Vec<_>>())
        .bind(column(|entry| entry.resource))
        .bind(payloads)
        .bind(entries.iter().map(|entry| value::ms(entry.at)).collect::<Vec<_>>())
        .execute(&mut **conn)
        .await?;
        Ok(true)
    }

    async fn feed_insert(&mut self, at: usize) -> StoreResult<()> {
        let entry = &self.feed.entries[at];
        let payload = value::to_json(&entry.payload, "org_feed", "payload")?;
        let args = args![
            entry.organization.0,
            entry.number,
            entry.topic.as_ref(),
            entry.resource,
            payload,
            value::ms(entry.at)
        ];
        self.gather(
            "org_feed",
            "INSERT INTO org_feed (organization_id, number, topic, resource_id, payload, at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            args,
        )
        .await
    }

    async fn feed_last(&mut self, organization: OrganizationId) -> StoreResult<i64> {
        Ok(on_tx!(self, |conn| sqlx::query_scalar(
            "SELECT coalesce(max(number), 0) FROM org_feed WHERE organization_id = $1"
        )
        .bind(organization.0)
        .fetch_one(&mut *conn)
        .await)?)
    }

    async fn feed_prune(&mut self, organization: OrganizationId, up_to: i64) -> StoreResult<()> {
        let sql = "DELETE FROM org_feed WHERE organization_id = $1 AND number <= $2";
        self.gather("org_feed", sql, args![organization.0, up_to]).await
    }
}

type Row = (i64, String, Uuid, String, i64);

fn entry_of(organization: OrganizationId, row: Row) -> StoreResult<FeedEntry> {
    let (number, topic, resource, payload, at) = row;
    Ok(FeedEntry {
        organization,
        number,
        topic: topic.into(),
        resource,
        payload: value::from_json(&payload, "org_feed", "payload")?,
        at: value::time(at, "org_feed", "at")?,
    })
}

/// Entries of every organisation after a position, with theirs, in the order of numbering.
pub(super) async fn entries_after_position(
    pool: &sqlx::PgPool,
    position: i64,
    limit: i64,
) -> StoreResult<Vec<(i64, FeedEntry)>> {
    type Placed = (i64, Uuid, i64, String, Uuid, String, i64);
    let rows: Vec<Placed> = sqlx::query_as(
        "SELECT position, organization_id, number, topic, resource_id, payload, at FROM org_feed
         WHERE position > $1 ORDER BY position LIMIT $2",
    )
    .bind(position)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    let placed = |(position, organization, number, topic, resource, payload, at): Placed| {
        let row = (number, topic, resource, payload, at);
        Ok((position, entry_of(OrganizationId(organization), row)?))
    };
    rows.into_iter().map(placed).collect()
}

impl Store {
    /// Entries after a number, oldest first, at most `limit`. When the first one's number is not
    /// `after + 1` the feed has been pruned past it, and the reader must fetch everything anew.
    pub async fn feed_after(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>> {
        let rows: Vec<Row> = on_db!(self, |pool| sqlx::query_as(
            "SELECT number, topic, resource_id, payload, at FROM org_feed
             WHERE organization_id = $1 AND number > $2 ORDER BY number LIMIT $3"
        )
        .bind(organization.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(|row| entry_of(organization, row)).collect()
    }

    /// The number of the newest entry; 0 when there is none.
    pub async fn feed_last(&self, organization: OrganizationId) -> StoreResult<i64> {
        Ok(on_db!(self, |pool| sqlx::query_scalar(
            "SELECT coalesce(max(number), 0) FROM org_feed WHERE organization_id = $1"
        )
        .bind(organization.0)
        .fetch_one(pool)
        .await)?)
    }
}

//! The organisation's feed: what changed, numbered without a gap within the organisation.
//!
//! Entries gather while operations run and are written with the commit. With one writer a plain number is exact.
//! Where transactions run side by side, entries are written without one and numbered after the commit
//! (`postgres::feed`).

use super::{Store, StoreResult, Tx, kept::Kept, value};
use crate::{args, on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;
use std::{borrow::Cow, collections::HashMap, ops::Range, sync::LazyLock};
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
    /// Where the entries of each operation of the group end.
    ends: Vec<usize>,
    last: HashMap<OrganizationId, i64>,
}

impl FeedBuffer {
    pub(super) fn push(&mut self, entry: FeedEntry) {
        self.entries.push(entry);
    }

    /// The operation is kept; what comes now belongs to the next one.
    pub(super) fn operation_end(&mut self) {
        self.ends.push(self.entries.len());
    }

    /// Forgets what has come since the last operation's end: the writes did not happen.
    pub(super) fn operation_undo(&mut self) {
        self.entries.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Forgets the entries of an operation that was kept: its writes did not happen after all.
    pub(super) fn forget(&mut self, operation: usize) {
        let Some(end) = self.ends.get(operation).copied() else { return };
        let begin = operation.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.entries.drain(begin..end);
        self.ends[operation..].iter_mut().for_each(|later| *later -= end - begin);
    }

    /// What was committed, to be told.
    pub(super) fn take(&mut self) -> Vec<FeedEntry> {
        self.ends.clear();
        std::mem::take(&mut self.entries)
    }

    /// Forgets everything: nothing was committed, and with it which numbers are taken.
    pub(super) fn undo(&mut self) {
        self.entries.clear();
        self.ends.clear();
        self.last.clear();
    }
}

/// Rows that are written by one statement: as many as fit of the largest first.
const ROWS_AT_ONCE: [usize; 4] = [8, 4, 2, 1];

/// The statement for each number of rows.
static INSERTS: LazyLock<[String; 4]> = LazyLock::new(|| {
    ROWS_AT_ONCE.map(|rows| {
        let row = |row: usize| {
            let columns: Vec<String> =
                (1..=6).map(|column| format!("${}", row * 6 + column)).collect();
            format!("({})", columns.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        let columns = "organization_id, number, topic, resource_id, payload, at";
        format!("INSERT INTO org_feed ({columns}) VALUES {}", rows.join(", "))
    })
});

impl Tx {
    /// The entries of the one writer get their numbers and are gathered.
    pub(super) async fn feed_number(&mut self) -> StoreResult<()> {
        if self.feed.last.len() > ORGANIZATIONS_CACHED_MAX {
            self.feed.last.clear();
        }
        for at in 0..self.feed.entries.len() {
            let organization = self.feed.entries[at].organization;
            let last = match self.feed.last.get(&organization) {
                Some(last) => *last,
                None => self.feed_last(organization).await?,
            };
            self.feed.last.insert(organization, last + 1);
            self.feed.entries[at].number = last + 1;
        }
        let mut at = 0;
        for (rows, sql) in ROWS_AT_ONCE.into_iter().zip(INSERTS.iter()) {
            while self.feed.entries.len() - at >= rows {
                self.feed_insert(at..at + rows, sql).await?;
                at += rows;
            }
        }
        for at in 0..self.feed.entries.len() {
            let FeedEntry { organization, number, .. } = self.feed.entries[at];
            if number % PRUNE_EVERY == 0 {
                self.feed_prune(organization, number - FEED_KEPT).await?;
            }
        }
        Ok(())
    }

    /// Gathers the entries without numbers; whether there are any.
    pub(super) fn feed_to_inbox(&mut self) -> StoreResult<bool> {
        let entries = std::mem::take(&mut self.feed.entries);
        if entries.is_empty() {
            return Ok(false);
        }
        let rows: Vec<Value> = entries
            .iter()
            .map(|entry| {
                let payload = value::to_json(&entry.payload, "org_feed", "payload")?;
                let FeedEntry { organization, topic, resource, at, .. } = entry;
                Ok(serde_json::json!([organization, topic, resource, payload, value::ms(*at)]))
            })
            .collect::<StoreResult<_>>()?;
        // As JSON, so that the statement is the same for any number of them.
        self.gather_behind(
            "org_feed_inbox",
            "INSERT INTO org_feed_inbox (organization_id, topic, resource_id, payload, at)
             SELECT CAST(e->>0 AS UUID), e->>1, CAST(e->>2 AS UUID), e->>3, CAST(e->>4 AS BIGINT)
             FROM jsonb_array_elements(CAST($1 AS JSONB)) AS e",
            args![value::to_json(&rows, "org_feed", "payload")?],
        );
        Ok(true)
    }

    async fn feed_insert(&mut self, rows: Range<usize>, sql: &'static str) -> StoreResult<()> {
        let mut args = Vec::with_capacity(rows.len() * 6);
        for entry in &self.feed.entries[rows] {
            args.extend(args![
                entry.organization.0,
                entry.number,
                entry.topic.as_ref(),
                entry.resource,
                value::to_json(&entry.payload, "org_feed", "payload")?,
                value::ms(entry.at)
            ]);
        }
        self.gather("org_feed", sql, args).await
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
    pool: &Kept<sqlx::Postgres>,
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

//! The organisation's feed: what changed, numbered without a gap within the organisation.
//!
//! Entries gather while a group of operations runs and are written just before its commit. One
//! writer, so a plain number is exact.

use super::{Store, StoreResult, Tx, value};
use crate::{on_db, on_tx};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::id::OrganizationId;
use std::{borrow::Cow, collections::HashMap};
use uuid::Uuid;

/// Entries that are kept for each organisation, give or take [`PRUNE_EVERY`].
pub const FEED_KEPT: i64 = 10_000;
const PRUNE_EVERY: i64 = 1_000;
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

    pub(super) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Forgets everything that depends on a transaction that did not happen.
    pub(super) fn reset(&mut self) {
        self.entries.clear();
        self.last.clear();
    }
}

impl Tx {
    /// Numbers and writes what gathered; the caller sends it on after the commit.
    pub(super) async fn feed_flush(&mut self) -> StoreResult<Vec<FeedEntry>> {
        let mut entries = std::mem::take(&mut self.feed.entries);
        if self.feed.last.len() > ORGANIZATIONS_CACHED_MAX {
            self.feed.last.clear();
        }
        for entry in &mut entries {
            let organization = entry.organization;
            let last = match self.feed.last.get(&organization) {
                Some(last) => *last,
                None => self.feed_last(organization).await?,
            };
            entry.number = last + 1;
            self.feed.last.insert(organization, entry.number);
            self.feed_insert(entry).await?;
            if entry.number % PRUNE_EVERY == 0 {
                self.feed_prune(organization, entry.number - FEED_KEPT).await?;
            }
        }
        Ok(entries)
    }

    async fn feed_insert(&mut self, entry: &FeedEntry) -> StoreResult<()> {
        let payload = value::to_json(&entry.payload, "org_feed", "payload")?;
        on_tx!(self, |conn| sqlx::query(
            "INSERT INTO org_feed (organization_id, number, topic, resource_id, payload, at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        )
        .bind(entry.organization.0)
        .bind(entry.number)
        .bind(entry.topic.as_ref())
        .bind(entry.resource)
        .bind(payload)
        .bind(value::ms(entry.at))
        .execute(&mut *conn)
        .await)?;
        Ok(())
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
        on_tx!(self, |conn| sqlx::query(
            "DELETE FROM org_feed WHERE organization_id = $1 AND number <= $2"
        )
        .bind(organization.0)
        .bind(up_to)
        .execute(&mut *conn)
        .await)?;
        Ok(())
    }
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
        let rows: Vec<(i64, String, Uuid, String, i64)> = on_db!(self, |pool| sqlx::query_as(
            "SELECT number, topic, resource_id, payload, at FROM org_feed
             WHERE organization_id = $1 AND number > $2 ORDER BY number LIMIT $3"
        )
        .bind(organization.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
        rows.into_iter()
            .map(|(number, topic, resource, payload, at)| {
                Ok(FeedEntry {
                    organization,
                    number,
                    topic: topic.into(),
                    resource,
                    payload: value::from_json(&payload, "org_feed", "payload")?,
                    at: value::time(at, "org_feed", "at")?,
                })
            })
            .collect()
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

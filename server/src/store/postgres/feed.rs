//! The feed where several servers write: entries are committed without a number, then numbered.
//!
//! A number that a transaction took for itself would become visible whenever that transaction commits,
//! after later numbers, and a reader would pass it by. So entries wait in an inbox, and one transaction
//! at a time moves what is committed into the feed under the next numbers, dense within each
//! organisation. Entries of one run keep their order: it is locked until they are committed.
//!
//! Each server numbers what it wrote at once and tells the others by a hint (`NOTIFY`, no more often
//! than [`HINT_EVERY`], never in a step's transaction, from a connection of its own). A poll stands
//! behind it: a lost hint costs a second.

use super::super::{
    FeedEntry, StoreResult,
    feed::{self, FEED_KEPT},
    kept::Kept,
    patience::Breaks,
};
use super::{Events, Lease, Place};
use sqlx::{Connection, PgConnection, Postgres, postgres::PgListener};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, broadcast},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

const CHANNEL: &str = "signalbox_feed";
/// Entries numbered or read at once.
const BATCH: i64 = 1_000;
/// The least time between two hints.
const HINT_EVERY: Duration = Duration::from_millis(50);
/// A hint is out within this time, or its connection is dead.
const HINT_WITHIN: Duration = Duration::from_secs(5);
/// The least time between two rounds: a burst of commits is numbered together.
const ROUND_EVERY: Duration = Duration::from_millis(20);
/// Servers beside this one that are counted.
const OTHERS_MAX: u32 = 4;
/// Without a hint the feed is looked at so often, give or take 30 %.
const POLL_MS: u64 = 1_000;

/// Numbers entries and tells this server's listeners.
pub(in super::super) struct Numbering {
    pub pool: Kept<Postgres>,
    pub events: Arc<Events>,
    pub place: Place,
    pub lease: Lease,
    pub changed: Arc<Notify>,
    pub feed: broadcast::Sender<Arc<FeedEntry>>,
    pub breaks: Breaks,
    pub stop: CancellationToken,
}

impl Numbering {
    /// Runs until the store closes. What came before `position` is not told.
    pub(in super::super) async fn run(self, mut position: i64) {
        let hinted = Arc::new(Notify::new());
        let (place, breaks) = (self.place.clone(), self.breaks.clone());
        tokio::spawn(listen(place, hinted.clone(), breaks, self.stop.clone()));
        let (hints, due) = tokio::sync::watch::channel(());
        tokio::spawn(hint(self.place.clone(), due));
        let mut why = Why::Changed;
        loop {
            match self.round(why, &mut position).await {
                Ok(Numbered { some, elsewhere }) => {
                    if some && self.lease.others_count() > 0 {
                        let _ = hints.send(());
                    }
                    if elsewhere {
                        self.changed.notify_one();
                    }
                }
                Err(error) => tracing::warn!(%error, "the feed stands still; trying again"),
            }
            let poll =
                Duration::from_millis(rand::random_range(POLL_MS * 7 / 10..POLL_MS * 13 / 10));
            why = tokio::select! {
                biased; // a hint is no reason to leave out what changed here
                () = self.stop.cancelled() => return,
                () = self.changed.notified() => Why::Changed,
                () = hinted.notified() => Why::Hinted,
                () = tokio::time::sleep(poll) => Why::Changed,
            };
            // All servers together number as often as one alone.
            tokio::time::sleep(ROUND_EVERY * (1 + self.lease.others_count().min(OTHERS_MAX))).await;
        }
    }

    /// Numbers what waits, unless another server just said that it did, and tells what is new.
    async fn round(&self, why: Why, position: &mut i64) -> StoreResult<Numbered> {
        let mut all = Numbered::default();
        // Before the feed, which says that there are events.
        if why == Why::Changed
            && let Err(error) = self.events.number().await
        {
            tracing::warn!(%error, "events stand still; trying again");
        }
        loop {
            let numbered = match why {
                Why::Changed => number(&self.pool).await?,
                Why::Hinted => Some(0),
            };
            all.some |= numbered.is_some_and(|numbered| numbered > 0);
            all.elsewhere |= numbered.is_none();
            self.tell(position).await?;
            if numbered.is_none_or(|numbered| numbered < BATCH as u64) {
                return Ok(all);
            }
        }
    }

    /// Tells this server's listeners what was numbered, by whomever.
    async fn tell(&self, position: &mut i64) -> StoreResult<()> {
        loop {
            let entries = feed::entries_after_position(&self.pool, *position, BATCH).await?;
            let count = entries.len() as i64;
            for (at, entry) in entries {
                *position = at;
                let _ = self.feed.send(Arc::new(entry)); // nobody may be listening
            }
            if count < BATCH {
                return Ok(());
            }
        }
    }
}

/// Why there is a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Entries wait for their numbers, or may.
    Changed,
    /// Another server has numbered some.
    Hinted,
}

/// What became of entries that waited.
#[derive(Default)]
struct Numbered {
    /// Some were numbered here.
    some: bool,
    /// Another server is at it; whether it sees the newest is not known.
    elsewhere: bool,
}

/// The position of the newest entry.
pub(in super::super) async fn newest(pool: &Kept<Postgres>) -> StoreResult<i64> {
    Ok(sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM org_feed")
        .fetch_one(pool)
        .await?)
}

/// Moves committed entries into the feed; how many, or nothing when another server is at it.
async fn number(pool: &Kept<Postgres>) -> StoreResult<Option<u64>> {
    let mut taken = pool.take().await?;
    let answer = pool.patience().wait(number_over(&mut taken)).await;
    taken.answered(answer)
}

async fn number_over(conn: &mut PgConnection) -> StoreResult<Option<u64>> {
    let mut tx = conn.begin().await?;
    // One at a time, over all servers. The next statement sees what the one before committed.
    let is_mine: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended('org_feed', 7331))")
            .fetch_one(&mut *tx)
            .await?;
    if !is_mine {
        tx.rollback().await?;
        return Ok(None);
    }
    let top: i64 = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM org_feed")
        .fetch_one(&mut *tx)
        .await?;
    let moved = sqlx::query(
        "WITH taken AS (
           DELETE FROM org_feed_inbox WHERE id IN (SELECT id FROM org_feed_inbox ORDER BY id LIMIT $1) RETURNING *
         ), last AS (
           SELECT o.organization_id, coalesce((SELECT max(number) FROM org_feed f
             WHERE f.organization_id = o.organization_id), 0) AS number
           FROM (SELECT DISTINCT organization_id FROM taken) o
         )
         INSERT INTO org_feed (organization_id, number, topic, resource_id, payload, at, position)
         SELECT t.organization_id, l.number + row_number() OVER (PARTITION BY t.organization_id ORDER BY t.id),
           t.topic, t.resource_id, t.payload, t.at, $2 + row_number() OVER (ORDER BY t.id)
         FROM taken t JOIN last l ON l.organization_id = t.organization_id",
    )
    .bind(BATCH)
    .bind(top)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if moved > 0 {
        prune(&mut tx, top).await?;
    }
    tx.commit().await?;
    Ok(Some(moved))
}

/// Drops what is older than the entries that are kept, when one of the new numbers is a round one.
async fn prune(conn: &mut PgConnection, after: i64) -> StoreResult<()> {
    sqlx::query(
        "DELETE FROM org_feed f USING (
           SELECT organization_id, max(number) AS number FROM org_feed
           WHERE position > $1 AND number % $3 = 0 GROUP BY organization_id) AS round
         WHERE f.organization_id = round.organization_id AND f.number <= round.number - $2",
    )
    .bind(after)
    .bind(FEED_KEPT)
    .bind(feed::PRUNE_EVERY)
    .execute(conn)
    .await?;
    Ok(())
}

/// Hears the hints of others; connects again when the connection is lost, or may be.
async fn listen(place: Place, hinted: Arc<Notify>, breaks: Breaks, stop: CancellationToken) {
    let hear = async {
        loop {
            let mut broken = breaks.listen();
            tokio::select! {
                heard = hear(&place, &hinted) => {
                    if let Err(error) = heard {
                        tracing::debug!(%error, "hints are not heard; the poll stands in");
                    }
                }
                _ = broken.changed() => {}
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = hear => {}
    }
}

async fn hear(place: &Place, hinted: &Notify) -> sqlx::Result<()> {
    let pool =
        sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_lazy_with(place.options());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        listener.recv().await?;
        hinted.notify_one();
    }
}

/// Tells the others that there is something new; ends with its sender.
async fn hint(place: Place, mut due: tokio::sync::watch::Receiver<()>) {
    let mut connection: Option<PgConnection> = None;
    while due.changed().await.is_ok() {
        let begun = Instant::now();
        if connection.is_none() {
            connection = timeout(HINT_WITHIN, place.connect()).await.ok().and_then(Result::ok);
        }
        if let Some(conn) = &mut connection {
            let tell = sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(conn);
            if !matches!(timeout(HINT_WITHIN, tell).await, Ok(Ok(_))) {
                connection = None; // the poll stands in
            }
        }
        tokio::time::sleep_until(begun + HINT_EVERY).await;
    }
}

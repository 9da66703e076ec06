//! Messages whose time has come: which ones the sender takes up, and when it looks next.
//!
//! They are of two kinds, each with an index of its own. Those that wait for a time (`messages_due`) are read oldest
//! first, of all organisations at once. Those that a pause holds and that know of it
//! ([`Message::waits_without_time`], `messages_waiting`) are read by organisation once it is over: until then it costs
//! the same however many they are. Those of an organisation that begins slowly after a pause are asked for by
//! themselves.

use super::{Message, Store, StoreResult, messages::Row, value};
use crate::on_db;
use chrono::{DateTime, Utc};
use signalbox::id::OrganizationId;

/// Organisations that can be passed over in [`messages_due`].
pub const PASSED_OVER_MAX: usize = 4;
/// Organisations past a pause of which [`messages_due`] reads what waited for its end.
pub const LET_GO_MAX: u32 = 32;
/// Messages that it reads of each of them.
pub const LET_GO_OF_ONE: u32 = 16;

macro_rules! unsent {
    () => {
        "m.state IN ('held', 'queued', 'retry_wait')"
    };
}

/// Those with a time, but for organisations that begin slowly after a pause ([`messages_due_of`]). What the gate held
/// for another reason learns of the pause when its time comes. `$1`: pauses that ended until then are over.
macro_rules! timed {
    () => {
        concat!(
            unsent!(),
            " AND (m.gate_held = 0 OR m.due_at > m.updated_at) AND m.organization_id NOT IN
               (SELECT p.organization_id FROM outbound_pauses p WHERE p.resumed_at > $1)"
        )
    };
}

/// Those of which nobody knows until when they wait: [`Message::waits_without_time`].
macro_rules! waiting {
    () => {
        concat!(unsent!(), " AND m.gate_held = 1 AND m.due_at <= m.updated_at")
    };
}

/// Organisations with messages that waited for the end of a pause which is over (`$1`, as above), and since when the
/// oldest is due. From one organisation to the next in the index, past all that the first one has.
macro_rules! let_go {
    () => {
        concat!(
            "WITH RECURSIVE waiting(id) AS (
               SELECT (SELECT m.organization_id FROM messages m WHERE ",
            waiting!(),
            " ORDER BY m.organization_id LIMIT 1)
               UNION ALL
               SELECT (SELECT m.organization_id FROM messages m WHERE ",
            waiting!(),
            " AND m.organization_id > w.id ORDER BY m.organization_id LIMIT 1)
               FROM waiting w WHERE w.id IS NOT NULL
             ), let_go(id, at) AS (
               SELECT w.id, (SELECT min(m.due_at) FROM messages m WHERE ",
            waiting!(),
            " AND m.organization_id = w.id)
               FROM waiting w WHERE w.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbound_pauses p
                 WHERE p.organization_id = w.id AND (p.resumed_at IS NULL OR p.resumed_at > $1))
             ) "
        )
    };
}

/// Messages that the sender must look at now, oldest first, of every organisation but those that are passed over:
/// however much one of them has due, it does not hide what others have. Organisations whose pause ended after
/// `slow_since` are left out. `limit` is for those that waited for a time; of the others it is [`LET_GO_MAX`] and
/// [`LET_GO_OF_ONE`].
pub async fn messages_due(
    store: &Store,
    now: DateTime<Utc>,
    slow_since: DateTime<Utc>,
    without: &[OrganizationId],
    limit: u32,
) -> StoreResult<Vec<Message>> {
    let mut due = messages_timed(store, now, slow_since, without, limit).await?;
    for organization in organizations_let_go(store, slow_since, without).await? {
        due.extend(messages_let_go(store, organization, now).await?);
    }
    due.sort_by_key(|message| message.due_at);
    Ok(due)
}

async fn messages_timed(
    store: &Store,
    now: DateTime<Utc>,
    slow_since: DateTime<Utc>,
    without: &[OrganizationId],
    limit: u32,
) -> StoreResult<Vec<Message>> {
    const SQL: &str = concat!(
        "SELECT m.* FROM messages m WHERE m.due_at <= $2 AND m.organization_id NOT IN ($3, $4, $5, $6) AND ",
        timed!(),
        " ORDER BY m.due_at LIMIT $7"
    );
    let rows: Vec<Row> = on_db!(store, |pool| {
        let mut query =
            sqlx::query_as(SQL).bind(value::ms(slow_since)).bind(now.timestamp_millis());
        for at in 0..PASSED_OVER_MAX {
            query = query.bind(passed_over(without, at));
        }
        query.bind(i64::from(limit)).fetch_all(pool).await
    })?;
    rows.into_iter().map(Row::message).collect()
}

/// Organisations with messages that waited for the end of a pause which is over; first whose oldest is due longest.
async fn organizations_let_go(
    store: &Store,
    slow_since: DateTime<Utc>,
    without: &[OrganizationId],
) -> StoreResult<Vec<OrganizationId>> {
    const SQL: &str = concat!(
        let_go!(),
        "SELECT id FROM let_go WHERE id NOT IN ($2, $3, $4, $5) ORDER BY at LIMIT $6"
    );
    let ids: Vec<uuid::Uuid> = on_db!(store, |pool| {
        let mut query = sqlx::query_scalar(SQL).bind(value::ms(slow_since));
        for at in 0..PASSED_OVER_MAX {
            query = query.bind(passed_over(without, at));
        }
        query.bind(i64::from(LET_GO_MAX)).fetch_all(pool).await
    })?;
    Ok(ids.into_iter().map(OrganizationId).collect())
}

/// The oldest messages of an organisation that waited for the end of a pause.
async fn messages_let_go(
    store: &Store,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> StoreResult<Vec<Message>> {
    const SQL: &str = concat!(
        "SELECT m.* FROM messages m WHERE m.organization_id = $1 AND m.due_at <= $2 AND ",
        waiting!(),
        " ORDER BY m.due_at LIMIT $3"
    );
    let rows: Vec<Row> = on_db!(store, |pool| {
        sqlx::query_as(SQL)
            .bind(organization.0)
            .bind(now.timestamp_millis())
            .bind(i64::from(LET_GO_OF_ONE))
            .fetch_all(pool)
            .await
    })?;
    rows.into_iter().map(Row::message).collect()
}

/// One of the organisations that are passed over; nobody's id where there are fewer.
fn passed_over(without: &[OrganizationId], at: usize) -> uuid::Uuid {
    without.get(at).map_or(uuid::Uuid::nil(), |id| id.0)
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
        let_go!(),
        "SELECT min(at) FROM (
           SELECT at FROM (SELECT m.due_at AS at FROM messages m WHERE m.due_at IS NOT NULL AND ",
        timed!(),
        " ORDER BY m.due_at LIMIT 1) AS soonest
           UNION ALL
           SELECT min(at) FROM let_go
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

#[cfg(test)]
mod tests {
    use super::{
        super::{Pool, outbound_pause_put, outbound_resume},
        *,
    };
    use crate::on_tx;
    use chrono::TimeDelta;
    use futures::FutureExt;
    use signalbox::wire::{OutboundPause, PauseReason};
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };
    use uuid::Uuid;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000).expect("a time")
            + TimeDelta::seconds(seconds)
    }

    /// Gives an organisation so many messages that became due one after the other until now. Those that wait for the
    /// end of a pause know of it.
    async fn add(store: &Store, organization: OrganizationId, count: i64, waits: bool) {
        const SQL: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
             INSERT INTO messages (organization_id, id, rev, channel, state, account, sandbox, sender, recipient,
               subject, body, content_hash, due_at, gate_held, created_at, updated_at)
             SELECT $1, randomblob(16), 0, 'email', 'held', 'sandbox', 1, 'a@example.com', 'b@example.com',
               'Hello', 'Hi', x'00', $3 - i, $4, $3 - 10000, $3 FROM n";
        let write = store.write(move |tx| {
            async move {
                let added = on_tx!(tx, |conn| sqlx::query(SQL)
                    .bind(organization.0)
                    .bind(count)
                    .bind(value::ms(at(0)))
                    .bind(i64::from(waits))
                    .execute(&mut *conn)
                    .await
                    .map(value::rows))?;
                assert_eq!(added.rows_affected(), value::count(count));
                Ok(())
            }
            .boxed()
        });
        write.await.expect("they are written");
    }

    async fn pause(store: &Store, organization: OrganizationId) {
        let (reason, note) = (PauseReason::ByHand, String::new());
        let pause = OutboundPause { reason, note, since: at(-60), by: None };
        let write = store.write(move |tx| {
            async move { outbound_pause_put(tx, organization, &pause).await }.boxed()
        });
        assert!(write.await.expect("it is written"));
    }

    async fn resume(store: &Store, organization: OrganizationId) {
        let write = store.write(move |tx| {
            async move { outbound_resume(tx, organization, "Ada", at(0)).await }.boxed()
        });
        assert!(write.await.expect("it is written"));
    }

    /// Whose messages a round of the sender finds.
    async fn round(
        store: &Store,
        now: DateTime<Utc>,
        without: &[OrganizationId],
    ) -> Vec<OrganizationId> {
        let slow_since = now - TimeDelta::minutes(5);
        let due = messages_due(store, now, slow_since, without, 512).await.expect("what is due");
        message_next_due(store, slow_since).await.expect("when it looks next");
        due.into_iter().map(|message| message.organization).collect()
    }

    /// The same, and how many steps SQLite takes for it.
    async fn measured(store: &Store, now: DateTime<Utc>) -> (Vec<OrganizationId>, u64) {
        // Getting the statements ready is not counted.
        round(store, now, &[]).await;
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        let Pool::Sqlite(readers) = store.pool() else { unreachable!("it is SQLite") };
        // What is asked one after the other is all asked over this one: the warmest comes first.
        let mut reader = readers.take().await.expect("a connection");
        let mut handle = reader.lock_handle().await.expect("its handle");
        handle.set_progress_handler(1, move || {
            counter.fetch_add(1, Ordering::Relaxed);
            true
        });
        drop(handle);
        reader.keep();
        drop(reader);
        let found = round(store, now, &[]).await;
        (found, steps.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_round_costs_the_same_however_much_waits_for_the_end_of_a_pause() {
        let store = Store::in_memory().await.expect("a store");
        let [acme, other] = [1, 2].map(|n| OrganizationId(Uuid::from_u128(n)));
        pause(&store, acme).await;
        add(&store, other, 1, false).await;
        add(&store, acme, 20, true).await;
        let (found, few) = measured(&store, at(1)).await;
        assert_eq!(found, [other]);
        assert!(few > 0, "nothing was counted");

        add(&store, acme, 3_000, true).await;
        let (found, many) = measured(&store, at(1)).await;
        assert_eq!(found, [other]);
        assert!(many < few + 100, "{few} steps for 20 messages, {many} for 3,020");

        // While it begins slowly it is asked for by itself.
        resume(&store, acme).await;
        let (found, many) = measured(&store, at(1)).await;
        assert_eq!(found, [other]);
        assert!(many < few + 100, "{few} steps for 20 messages, {many} for 3,020");

        // Then some of the oldest come up, and hide nothing.
        let (found, some) = measured(&store, at(600)).await;
        let mut expected = vec![acme; 16];
        expected.push(other);
        assert_eq!(found, expected);
        assert!(some < few + 3_000, "{few} steps for none, {some} for some of 3,020");
        assert_eq!(round(&store, at(600), &[acme]).await, [other]);
        assert_eq!(round(&store, at(600), &[other]).await, [acme; 16]);
    }

    #[tokio::test]
    async fn what_does_not_know_of_a_pause_comes_up_until_it_does() {
        let store = Store::in_memory().await.expect("a store");
        let acme = OrganizationId(Uuid::from_u128(1));
        pause(&store, acme).await;
        add(&store, acme, 3, false).await;
        assert_eq!(round(&store, at(1), &[]).await, [acme; 3]);
        resume(&store, acme).await;
        assert!(round(&store, at(1), &[]).await.is_empty());
        assert_eq!(round(&store, at(600), &[]).await, [acme; 3]);
    }
}

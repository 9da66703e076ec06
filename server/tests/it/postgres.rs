//! What only PostgreSQL has to show: transactions side by side, leases, the feed of several servers.

use crate::support::database::{Place, on_each_postgres};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use server::store::*;
use signalbox::{graph::Graph, id::*};
use sqlx::{Connection, PgConnection};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::broadcast;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
}

fn organization() -> OrganizationId {
    OrganizationId(Uuid::now_v7())
}

fn reply(source_key: Option<String>) -> OutsideEvent {
    let payload = serde_json::Value::Null;
    OutsideEvent { name: "reply".into(), contact: None, run: None, source_key, payload }
}

fn change(tx: &mut Tx, ours: OrganizationId, number: i64) {
    tx.feed_append(ours, "test", Uuid::nil(), serde_json::json!({ "number": number }), at(number));
}

/// 400 transactions of very different length, side by side: numbers taken early would become visible late.
async fn many_changes(stores: &[Store; 2], ours: OrganizationId) {
    let writes = (0..400_i64).map(|number| {
        let store = stores[usize::try_from(number % 2).unwrap()].clone();
        tokio::spawn(async move {
            let write = store.write(move |tx| {
                async move {
                    change(tx, ours, number);
                    let pause = Duration::from_millis(u64::try_from(number * 7 % 30).unwrap());
                    tokio::time::sleep(pause).await;
                    Ok(())
                }
                .boxed()
            });
            write.await.unwrap();
        })
    });
    for write in futures::future::join_all(writes).await {
        write.unwrap();
    }
}

/// All 400 are told, each once, under numbers without a gap.
async fn tells_all(feed: &mut broadcast::Receiver<std::sync::Arc<FeedEntry>>) {
    let mut seen = Vec::new();
    while seen.len() < 400 {
        let entry = tokio::time::timeout(PATIENCE, feed.recv()).await.unwrap().unwrap();
        seen.push((entry.number, entry.payload["number"].as_i64().unwrap()));
    }
    assert!(seen.iter().zip(1..).all(|((number, _), next)| *number == next), "{seen:?}");
    let mut payloads: Vec<i64> = seen.iter().map(|(_, payload)| *payload).collect();
    payloads.sort_unstable();
    assert_eq!(payloads, (0..400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_reaches_every_server_without_a_gap() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let stores = [place.open().await, place.open().await];
        let ours = organization();
        let mut told = stores.each_ref().map(Store::feed);
        many_changes(&stores, ours).await;
        for feed in &mut told {
            tells_all(feed).await;
        }
        for store in stores {
            store.close().await;
        }
    })
    .await;
}

/// From now on the database also keeps each change under the number that its transaction took for itself, and takes
/// its time before the commit, longer for some than for others.
const NUMBERED_EARLY: &str = "CREATE TABLE numbered_early (id BIGINT PRIMARY KEY);
     CREATE FUNCTION number_early() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       INSERT INTO numbered_early (id) VALUES (NEW.id);
       PERFORM pg_sleep((NEW.id * 7 % 30) / 1000.0);
       RETURN NEW; END $$;
     CREATE TRIGGER early AFTER INSERT ON org_feed_inbox
       FOR EACH ROW EXECUTE FUNCTION number_early()";

/// A wrong reader, which goes on after the greatest number that it has seen. It looks once more at the end.
async fn read_by_number(conn: &mut PgConnection, mut at_end: impl FnMut() -> bool) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let is_last = at_end();
        let last = seen.last().copied().unwrap_or(0);
        let sql = "SELECT id FROM numbered_early WHERE id > $1 ORDER BY id";
        let new: Vec<i64> = sqlx::query_scalar(sql).bind(last).fetch_all(&mut *conn).await.unwrap();
        seen.extend(new);
        if is_last {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_by_numbers_taken_before_the_commit_loses_some() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let mut conn = PgConnection::connect(&place.url()).await.unwrap();
        sqlx::raw_sql(NUMBERED_EARLY).execute(&mut conn).await.unwrap();
        let stores = [place.open().await, place.open().await];
        let ours = organization();
        let mut told = stores.each_ref().map(Store::feed);
        let written = std::sync::atomic::AtomicBool::new(false);
        let order = std::sync::atomic::Ordering::SeqCst;
        let writing = async {
            many_changes(&stores, ours).await;
            written.store(true, order);
        };
        let reading = read_by_number(&mut conn, || written.load(order));
        let ((), seen) = futures::join!(writing, reading);
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM numbered_early")
            .fetch_one(&mut conn)
            .await
            .unwrap();
        assert_eq!(count, 400, "all are there");
        assert!(seen.len() < 400, "it should have passed some by");
        // Ours, under the same writes.
        for feed in &mut told {
            tells_all(feed).await;
        }
        conn.close().await.unwrap();
        for store in stores {
            store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stands_in_a_transaction_is_not_used_again() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let store = place.open().await;
        // Callers that go away at any point of their write.
        for polls in 0..40_u32 {
            let ours = organization();
            let write = store.write(move |tx| {
                async move {
                    change(tx, ours, 0);
                    Ok(())
                }
                .boxed()
            });
            let mut write = Box::pin(write);
            for _ in 0..polls % 4 {
                let _ = futures::poll!(write.as_mut());
                tokio::task::yield_now().await;
            }
            drop(write);
        }
        // While it is open: closing it would end its connections, in whatever state.
        let mut conn = PgConnection::connect(&place.url()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let in_transaction =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
        let idle: i64 = sqlx::query_scalar(in_transaction).fetch_one(&mut conn).await.unwrap();
        assert_eq!(idle, 0);
        // All places of the pool are good, at the same time.
        let together = std::sync::Arc::new(tokio::sync::Barrier::new(16));
        let writes = (0..16).map(|_| {
            let (together, ours) = (together.clone(), organization());
            store.write(move |tx| {
                async move {
                    outside_record(tx, ours, &reply(None), at(0)).await?;
                    together.wait().await;
                    Ok(())
                }
                .boxed()
            })
        });
        let all = futures::future::join_all(writes);
        for written in tokio::time::timeout(PATIENCE, all).await.expect("a place is lost") {
            written.unwrap();
        }
        conn.close().await.unwrap();
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_was_passed_over_is_not_acknowledged() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let (ours, id) = (organization(), WorkflowId(Uuid::now_v7()));
        let new = NewWorkflow {
            organization: ours,
            id,
            name: "Twice".into(),
            description: String::new(),
            draft: Graph::default(),
            created_by: String::new(),
            labels: Default::default(),
        };
        let result: StoreResult<()> = store
            .write(move |tx| {
                async move {
                    workflow_create(tx, &new, at(0)).await?;
                    let _ = workflow_create(tx, &new, at(0)).await; // refused, and passed over
                    Ok(())
                }
                .boxed()
            })
            .await;
        assert!(result.is_err());
        assert!(workflow_fetch(&store, ours, id).await.is_err(), "nothing of it was written");
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_owners_one_is_first_and_one_stays() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let owner = |number: u32| NewOwner {
            organization: organization(),
            organization_name: "Box".into(),
            timezone: "UTC".into(),
            user: User {
                id: UserId(Uuid::now_v7()),
                email: format!("{number}@example.com"),
                name: number.to_string(),
                password_hash: String::new(),
            },
        };
        let setups = (0..16).map(|number| {
            let new = owner(number);
            store.write(move |tx| async move { owner_setup(tx, &new, at(0)).await }.boxed())
        });
        let results = futures::future::join_all(setups).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let ours = results.into_iter().find_map(Result::ok).unwrap();

        let second = owner(99).user;
        let add = store.write(move |tx| {
            async move { member_add(tx, ours, &second, signalbox::wire::Role::Owner, at(1)).await }
                .boxed()
        });
        add.await.unwrap();
        let members = member_list(&store, ours, 10).await.unwrap();
        assert_eq!(members.len(), 2);
        // Both try to take the other's place away at the same time.
        let removals = members.into_iter().map(|member| {
            store.write(move |tx| async move { member_remove(tx, ours, member.user).await }.boxed())
        });
        let results = futures::future::join_all(removals).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_events_are_numbered_in_the_order_of_their_commits() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let stores = [place.open().await, place.open().await];
        let ours = organization();
        let records = (0..100_usize).map(|number| {
            let event = reply(Some(format!("key {}", number / 2)));
            stores[number % 2].write(move |tx| {
                async move { outside_record(tx, ours, &event, at(0)).await }.boxed()
            })
        });
        let mut numbers: Vec<i64> = Vec::new();
        for result in futures::future::join_all(records).await {
            numbers.extend(result.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=50).collect::<Vec<_>>(), "each key once, without a gap");
        for store in stores {
            store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_rule_as_sqlite_does() {
    crate::support::database::on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let user = |email: &str| User {
            id: UserId(Uuid::now_v7()),
            email: email.into(),
            name: "Ada".into(),
            password_hash: String::new(),
        };
        let create = |user: User| {
            store.write(move |tx| async move { user_create(tx, &user, at(0)).await }.boxed())
        };
        create(user("ada@example.com")).await.unwrap();
        let taken = create(user("ada@example.com")).await.unwrap_err();
        assert!(taken.is_constraint_on("users.email"), "{taken}");
        store.close().await;
    })
    .await;
}

/// Every lease runs out, as if its server had died a while ago.
async fn expire_leases(place: &Place) {
    let mut conn = PgConnection::connect(&place.url()).await.unwrap();
    sqlx::query("UPDATE servers SET expires_at = now() - interval '1 second'")
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn due_timers_are_taken_by_one_server_and_by_another_when_it_is_gone() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let stores = [place.open().await, place.open().await];
        let ours = organization();
        let run = RunId(Uuid::now_v7());
        let set = stores[0].write(move |tx| {
            async move {
                for number in 0..300 {
                    let timer = signalbox::run::TimerId(format!("a{number}"));
                    timer_set(tx, ours, run, &timer, at(number)).await?;
                }
                Ok(())
            }
            .boxed()
        });
        set.await.unwrap();
        let takes = (0..10).map(|number: usize| timers_due(&stores[number % 2], at(1_000), 50));
        let mut by: HashMap<String, usize> = HashMap::new();
        for (number, taken) in futures::future::join_all(takes).await.into_iter().enumerate() {
            for due in taken.unwrap() {
                let before = by.insert(due.timer.0.clone(), number % 2);
                assert!(before.is_none_or(|before| before == number % 2), "{} twice", due.timer.0);
            }
        }
        let rest = timers_due(&stores[0], at(1_000), 1_000).await.unwrap().len();
        let others = timers_due(&stores[1], at(1_000), 1_000).await.unwrap().len();
        assert_eq!(rest + others, 300, "what one has the other does not get");

        expire_leases(&place).await;
        assert_eq!(timers_due(&stores[1], at(1_000), 1_000).await.unwrap().len(), 300);
        for store in stores {
            store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_claims_timers_does_not_wait_for_those_that_number_events() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let (store, ours) = (place.open().await, organization());
        let run = RunId(Uuid::now_v7());
        let set = store.write(move |tx| {
            async move {
                outside_note(tx, ours, &reply(None), at(0)).await?;
                timer_set(tx, ours, run, &signalbox::run::TimerId("a1.wait".into()), at(0)).await
            }
            .boxed()
        });
        // Somebody has the turn to number events of the organisation, so that whoever wants them numbered waits.
        let mut conn = PgConnection::connect(&place.url()).await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 7331))")
            .bind(format!("outside {}", ours.0))
            .execute(&mut conn)
            .await
            .unwrap();
        set.await.unwrap();
        let looks = (0..40).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { deliveries_of(&store, ours, run, 10).await })
        });
        assert_eq!(timers_due(&store, at(-10), 10).await.unwrap(), vec![], "connected by now");
        let looks: Vec<_> = looks.collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        assert_eq!(timers_due(&store, at(10), 10).await.unwrap().len(), 1);
        assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
        // All of them share two rounds, of which each waits a second for its turn.
        for look in looks {
            let look = tokio::time::timeout(Duration::from_secs(15), look).await.unwrap();
            assert_eq!(look.unwrap().unwrap(), vec![]);
        }
        conn.close().await.unwrap();
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_late_timers_takes_none_and_sees_those_of_other_servers() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let stores = [place.open().await, place.open().await];
        let (ours, run) = (organization(), RunId(Uuid::now_v7()));
        let set = async |name: &'static str, ms: i64| {
            let set = stores[0].write(move |tx| {
                async move {
                    timer_set(tx, ours, run, &signalbox::run::TimerId(name.into()), at(ms)).await
                }
                .boxed()
            });
            set.await.unwrap();
        };
        assert_eq!(timer_oldest(&stores[1]).await.unwrap(), None);
        set("a1.wait", 20).await;
        assert_eq!(timer_oldest(&stores[1]).await.unwrap(), Some(at(20)));
        assert_eq!(timers_due(&stores[1], at(30), 10).await.unwrap().len(), 1, "it was not taken");
        set("a2.wait", 10).await;
        assert_eq!(timers_due(&stores[0], at(15), 10).await.unwrap().len(), 1);
        assert_eq!(timer_oldest(&stores[1]).await.unwrap(), Some(at(10)), "the other has it");
        for store in stores {
            store.close().await;
        }
    })
    .await;
}

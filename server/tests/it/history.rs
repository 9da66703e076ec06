//! History: runs are found, forgotten when their time is over, and the file shrinks again.

mod contact;

use crate::{
    engine::crash::DieAt,
    support::{
        database::{Place, on_each},
        folder::Folder,
    },
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::FutureExt;
use serde_json::{Value, json};
use server::{maintenance, store::*};
use signalbox::{
    graph::Graph,
    id::*,
    run::{Event, EventBody, RunPhase, RunStatus},
    wire::HistorySettings,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::sync::{Arc, atomic::AtomicUsize};
use tokio::sync::Notify;
use uuid::Uuid;

/// A database with an organisation's workflow in it.
struct Shelf {
    place: Place,
    store: Store,
    ours: OrganizationId,
    workflow: WorkflowId,
    now: DateTime<Utc>,
}

/// A run to be put there.
struct Put {
    days_ago: i64,
    status: Option<RunStatus>,
    input: Value,
    contacts: Vec<ContactId>,
    /// Rows of its journal beside the first.
    commits: u64,
    /// Written into each of them.
    text: String,
}

impl Default for Put {
    fn default() -> Self {
        let contacts = vec![];
        Self {
            days_ago: 0,
            status: None,
            input: Value::Null,
            contacts,
            commits: 0,
            text: "Ada".into(),
        }
    }
}

fn done(at: DateTime<Utc>) -> RunStatus {
    RunStatus::Completed { completed_at: at, outcome: "completed".into() }
}

fn failed(why: &str) -> RunStatus {
    RunStatus::Failed { error_message: why.into() }
}

impl Shelf {
    async fn new() -> Self {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = OrganizationId(Uuid::now_v7());
        let now = Utc::now().trunc_subsecs(3);
        let workflow = workflow(&store, ours, "Welcome 100%", now).await;
        Self { place, store, ours, workflow, now }
    }

    async fn put(&self, put: Put) -> RunId {
        self.put_into(self.workflow, put).await
    }

    async fn put_into(&self, workflow: WorkflowId, put: Put) -> RunId {
        let at = self.now - TimeDelta::days(put.days_ago);
        let ms = u64::try_from(at.timestamp_millis()).unwrap();
        let stamp = uuid::Timestamp::from_unix(
            uuid::NoContext,
            ms / 1_000,
            u32::try_from(ms % 1_000).unwrap() * 1_000_000,
        );
        let run = RunId(Uuid::new_v7(stamp));
        let new = NewRun {
            version: 1,
            started_by: "Grace".into(),
            thread_id: None,
            idempotency_key: None,
            contacts: put.contacts.clone(),
            input: put.input.clone(),
        };
        let status = put.status.clone();
        let ours = self.ours;
        let commit = move |seq: u64, last: bool| {
            let body = EventBody::Paused { by: put.text.clone() };
            let status = status.clone().filter(|_| last);
            let mut writes = vec![];
            if status.as_ref().is_some_and(|status| status.phase().is_terminal()) {
                writes.push(RunWrite::End);
            }
            RunCommit {
                organization: ours,
                run,
                workflow,
                expected_seq: seq - 1,
                seq,
                at,
                events: EventBlocks::of(&[Event { seq, at, body }]).unwrap(),
                head: RunHead {
                    ended_at: status.as_ref().filter(|s| s.phase().is_terminal()).map(|_| at),
                    status: status.unwrap_or(RunStatus::Executing),
                    current_node: None,
                    due: false,
                    input_tokens: 0,
                    output_tokens: 0,
                    cost_micros: 0,
                },
                writes,
                checkpoint: None,
                holds_nothing: false,
                phase_stays: false,
            }
        };
        let write = self.store.write(move |tx| {
            async move {
                run_insert(tx, &new, &commit(1, put.commits == 0)).await?;
                for seq in 2..=put.commits + 1 {
                    run_advance(tx, &commit(seq, seq == put.commits + 1)).await?;
                }
                Ok(())
            }
            .boxed()
        });
        write.await.unwrap();
        run
    }

    async fn listed(&self, filter: RunFilter) -> Vec<RunId> {
        let rows = run_list(&self.store, self.ours, &filter, None, 100).await.unwrap();
        rows.into_iter().map(|run| run.id).collect()
    }

    async fn words(&self, words: &str) -> Vec<RunId> {
        self.listed(RunFilter { words: Some(words.into()), ..RunFilter::default() }).await
    }

    /// Forgets as the server does.
    async fn forget(&self) -> StoreResult<()> {
        let kept = HistorySettings::default();
        maintenance::forget(&self.store, self.ours, &kept, self.now).await.map(|_| ())
    }

    /// A number from the database itself.
    async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.place {
            Place::Sqlite(folder) => {
                let mut conn = raw(folder).await;
                sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
            }
            Place::Postgres { .. } => {
                let mut conn = PgConnection::connect(&self.place.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap()
            }
        }
    }

    async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.place {
            Place::Sqlite(folder) => {
                sqlx::query(sql).execute(&mut raw(folder).await).await.map(|_| ()).unwrap();
            }
            Place::Postgres { .. } => {
                let mut conn = PgConnection::connect(&self.place.url()).await.unwrap();
                sqlx::query(sql).execute(&mut conn).await.map(|_| ()).unwrap();
            }
        }
    }

    /// An id as this database writes it.
    fn quoted(&self, id: Uuid) -> String {
        match &self.place {
            Place::Sqlite(_) => format!("X'{}'", id.simple()),
            Place::Postgres { .. } => format!("'{id}'"),
        }
    }

    async fn message(&self, run: RunId, state: &str) {
        self.message_to(None, self.ours, run, state).await;
    }

    async fn message_to(
        &self,
        contact: Option<ContactId>,
        organization: OrganizationId,
        run: RunId,
        state: &str,
    ) {
        let [whose, id, run] = [organization.0, Uuid::now_v7(), run.0].map(|id| self.quoted(id));
        let contact = contact.map_or("NULL".to_owned(), |contact| self.quoted(contact.0));
        let hash = if matches!(self.place, Place::Sqlite(_)) { "X'00'" } else { "'\\x00'" };
        self.execute(&format!(
            "INSERT INTO messages (organization_id, id, rev, channel, state, contact_id, run_id, account, sandbox,
               sender, recipient, subject, body, content_hash, created_at, updated_at)
             VALUES ({whose}, {id}, 1, 'email', '{state}', {contact}, {run}, 'sandbox', 1, 'a@b.example',
               'c@d.example', 'Hi', 'Hello', {hash}, 0, 0)"
        ))
        .await;
    }

    async fn rows_of(&self, run: RunId) -> i64 {
        let run = self.quoted(run.0);
        let of = |table: &str| format!("(SELECT count(*) FROM {table} WHERE run_id = {run})");
        let tables =
            ["run_events", "run_search", "run_contacts", "run_removals", "calls", "timers"];
        let sums: Vec<String> = tables.iter().map(|table| of(table)).collect();
        self.count(&format!("SELECT {}", sums.join(" + "))).await
    }
}

async fn raw(folder: &Folder) -> SqliteConnection {
    let url = format!("sqlite://{}", folder.0.join("signalbox.db").display());
    SqliteConnection::connect(&url).await.unwrap()
}

async fn workflow(
    store: &Store,
    organization: OrganizationId,
    name: &str,
    now: DateTime<Utc>,
) -> WorkflowId {
    let id = WorkflowId(Uuid::now_v7());
    let new = NewWorkflow {
        organization,
        id,
        name: name.into(),
        description: String::new(),
        draft: Graph::default(),
        created_by: String::new(),
        labels: Default::default(),
    };
    let version = NewVersion {
        organization,
        workflow: id,
        draft_rev: 1,
        graph: Graph::default(),
        note: String::new(),
        published_by: String::new(),
    };
    let write = store.write(move |tx| {
        async move {
            workflow_create(tx, &new, now).await?;
            version_publish(tx, &version, now).await
        }
        .boxed()
    });
    write.await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_state_time_workflow_contact_and_words() {
    on_each(async || {
        let shelf = Shelf::new().await;
        let now = shelf.now;
        let other = workflow(&shelf.store, shelf.ours, "Dunning", now).await;
        let ada = ContactId(Uuid::now_v7());
        let order =
            json!({ "customer": { "name": "Zo\u{eb} A_b" }, "order": 4711, "nul": "x\u{0}y" });
        let old = shelf.put(Put { days_ago: 9, input: order, ..Put::default() }).await;
        let broken = failed("SMTP answered 550: Mailbox UNKNOWN");
        let bad = shelf.put(Put { days_ago: 5, status: Some(broken), ..Put::default() }).await;
        let mine =
            Put { days_ago: 3, contacts: vec![ada], status: Some(done(now)), ..Put::default() };
        let mine = shelf.put(mine).await;
        let waits = Some(RunStatus::AwaitingInput);
        let last = shelf.put_into(other, Put { status: waits, ..Put::default() }).await;

        let all = RunFilter::default;
        let state = async |phase| shelf.listed(RunFilter { phase: Some(phase), ..all() }).await;
        assert_eq!(shelf.listed(all()).await, [last, mine, bad, old]);
        assert_eq!(state(RunPhase::Failed).await, [bad]);
        assert_eq!(state(RunPhase::Completed).await, [mine]);
        assert_eq!(state(RunPhase::AwaitingInput).await, [last]);
        assert_eq!(state(RunPhase::Executing).await, [old]);
        let of =
            RunFilter { workflow: Some(shelf.workflow), phase: Some(RunPhase::Failed), ..all() };
        assert_eq!(shelf.listed(of).await, [bad]);
        assert_eq!(shelf.listed(RunFilter { contact: Some(ada), ..all() }).await, [mine]);

        let day = |days| Some(now - TimeDelta::days(days));
        assert_eq!(shelf.listed(RunFilter { after: day(5), ..all() }).await, [last, mine, bad]);
        assert_eq!(shelf.listed(RunFilter { before: day(5), ..all() }).await, [old]);
        let between = RunFilter { after: day(6), before: day(0), ..all() };
        assert_eq!(shelf.listed(between).await, [mine, bad]);

        assert_eq!(shelf.words("4711").await, [old]);
        assert_eq!(shelf.words("471 ZO\u{cb}").await, [old], "parts of words, whatever the case");
        assert_eq!(shelf.words("4711 unknown").await, [], "each word must occur");
        assert_eq!(shelf.words("mailbox 550").await, [bad]);
        assert_eq!(shelf.words("dunning").await, [last]);
        assert_eq!(shelf.words("grace welcome").await, [mine, bad, old]);
        assert_eq!(shelf.words("100%").await, [mine, bad, old], "% stands for itself");
        assert_eq!(shelf.words("a_b").await, [old]);
        assert_eq!(shelf.words("a%b").await, []);
        let capital = "\u{dc}bersicht [\u{c4}rzte] (1.5*)";
        let capital = workflow(&shelf.store, shelf.ours, capital, now).await;
        let seen = shelf.put_into(capital, Put::default()).await;
        for words in ["\u{fc}BERSICHT", "\u{dc}ber \u{e4}rzte]", "[\u{c4}RZTE]", "(1.5*)"] {
            assert_eq!(shelf.words(words).await, [seen], "{words}");
        }
        assert_eq!(shelf.words("1.?*)").await, [], "signs stand for themselves");
        let page = run_list(&shelf.store, shelf.ours, &all(), Some(bad), 1).await.unwrap();
        assert_eq!(page[0].id, old, "after the cursor");
        let theirs = OrganizationId(Uuid::now_v7());
        assert!(run_list(&shelf.store, theirs, &all(), None, 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_is_forgotten_and_the_rest_stays() {
    on_each(async || {
        let shelf = Shelf::new().await;
        let over = |days_ago, commits| Put {
            days_ago,
            commits,
            status: Some(done(shelf.now)),
            input: json!("hello"),
            contacts: vec![ContactId(Uuid::now_v7())],
            ..Put::default()
        };
        let (long, short) = (shelf.put(over(40, 2_500)).await, shelf.put(over(31, 2)).await);
        let sent = shelf.put(over(35, 0)).await;
        shelf.message(sent, "accepted").await;
        let sending = shelf.put(over(35, 0)).await;
        shelf.message(sending, "uncertain").await;
        let recent = shelf.put(over(29, 1)).await;
        let unfinished = shelf.put(Put { days_ago: 400, commits: 3, ..Put::default() }).await;

        // Each step is small.
        let (ours, before) = (shelf.ours, shelf.now - TimeDelta::days(30));
        let mut steps = 0;
        loop {
            let step = shelf
                .store
                .write(move |tx| async move { history_prune(tx, ours, before).await }.boxed());
            let rows = step.await.unwrap();
            assert!(rows <= PRUNED_ROWS_MAX, "{rows} rows in one transaction");
            steps += 1;
            if rows < PRUNED_ROWS_MAX {
                break;
            }
        }
        assert!((3..=4).contains(&steps), "{steps} steps for 2,500 rows and a few");

        assert_eq!(shelf.listed(RunFilter::default()).await, [recent, sending, unfinished]);
        for gone in [long, short, sent] {
            assert_eq!(shelf.rows_of(gone).await, 0);
            let asked = events_after(&shelf.store, ours, gone, 0, 10).await.unwrap();
            assert!(asked.0.is_empty());
        }
        assert_eq!(shelf.count("SELECT count(*) FROM messages").await, 2, "messages stay");
        let (events, _) = events_after(&shelf.store, ours, unfinished, 0, 10).await.unwrap();
        assert_eq!(events.len(), 4, "what is not over is whole");
        assert_eq!(shelf.rows_of(recent).await, 4);

        // Another organisation's history is its own.
        let theirs = OrganizationId(Uuid::now_v7());
        let kept = HistorySettings { runs_days: 1, keys_days: 1 };
        maintenance::forget(&shelf.store, theirs, &kept, shelf.now).await.unwrap();
        assert_eq!(shelf.listed(RunFilter::default()).await.len(), 3);
        shelf.message(recent, "accepted").await;
        maintenance::forget(&shelf.store, ours, &kept, shelf.now).await.unwrap();
        assert_eq!(shelf.listed(RunFilter::default()).await, [sending, unfinished]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_from_outside_go_but_numbers_go_on() {
    on_each(async || {
        let shelf = Shelf::new().await;
        let ours = shelf.ours;
        let heard = async |key: &str, days_ago: i64| {
            let at = shelf.now - TimeDelta::days(days_ago);
            let event = OutsideEvent {
                name: "reply".into(),
                contact: None,
                run: None,
                source_key: Some(key.into()),
                payload: Value::Null,
            };
            let write = shelf
                .store
                .write(move |tx| async move { outside_record(tx, ours, &event, at).await }.boxed());
            write.await.unwrap()
        };
        for (key, days) in [("a", 9), ("b", 8), ("c", 7), ("d", 1)] {
            heard(key, days).await.unwrap();
        }
        shelf.forget().await.unwrap();
        assert_eq!(shelf.count("SELECT count(*) FROM outside_events").await, 2);
        assert_eq!(heard("d", 0).await, None, "heard already");
        assert_eq!(heard("a", 0).await, Some(5), "forgotten, so it is news; numbers go on");

        let shelf = Shelf { now: shelf.now + TimeDelta::days(30), ..shelf };
        shelf.put(Put { days_ago: 30, ..Put::default() }).await;
        shelf.forget().await.unwrap();
        assert_eq!(
            shelf.count("SELECT count(*) FROM outside_events").await,
            1,
            "of all that are older than every run that is not over, the newest stays"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_leaves_runs_whole_or_gone() {
    on_each(async || {
        for point in [FaultPoint::BeforeCommit, FaultPoint::AfterCommit] {
            for n in 1..=3 {
                let mut shelf = Shelf::new().await;
                let old = |commits| Put {
                    days_ago: 40,
                    commits,
                    status: Some(done(shelf.now)),
                    ..Put::default()
                };
                let runs = [shelf.put(old(900)).await, shelf.put(old(1_400)).await];
                let kept = shelf.put(Put { commits: 5, ..Put::default() }).await;
                shelf.store.close().await;
                let left = AtomicUsize::new(n);
                let faults = Arc::new(DieAt { point, left, died: Notify::new() });
                let options = StoreOptions { faults: Some(faults), ..StoreOptions::default() };
                shelf.store = shelf.place.open_with(options).await;
                let died = shelf.forget().await;
                assert!(died.is_err(), "{point:?} {n}: it did not come to that");
                shelf.store.close().await;
                shelf.store = shelf.place.open().await;

                let listed = shelf.listed(RunFilter::default()).await;
                for (run, rows) in runs.into_iter().zip([901, 1_401]) {
                    let (events, _) =
                        events_after(&shelf.store, shelf.ours, run, 0, 5_000).await.unwrap();
                    if listed.contains(&run) {
                        assert_eq!(events.len(), rows, "{point:?} {n}: a run in the list is whole");
                    }
                }
                shelf.forget().await.unwrap();
                assert_eq!(shelf.listed(RunFilter::default()).await, [kept], "{point:?} {n}");
                for run in runs {
                    assert_eq!(shelf.rows_of(run).await, 0, "{point:?} {n}: nothing is left over");
                }
                assert_eq!(shelf.rows_of(kept).await, 6);
            }
        }
    })
    .await;
}

/// Letters that packing does not shorten.
fn noise(chars: usize) -> String {
    (0..chars).map(|_| rand::random_range('a'..='~')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn large_payloads_stand_apart_and_go_with_their_run() {
    on_each(async || {
        let shelf = Shelf::new().await;
        let text = noise(300_000);
        let over = Some(done(shelf.now));
        let put = |text: &str| Put {
            days_ago: 40,
            status: over.clone(),
            commits: 3,
            text: text.into(),
            ..Put::default()
        };
        let large = shelf.put(put(&text)).await;
        let small = shelf.put(put("short")).await;
        let (length, bytes) = match &shelf.place {
            Place::Sqlite(_) => ("length", "coalesce(sum(length(events)), 0)"),
            Place::Postgres { .. } => ("octet_length", "coalesce(sum(octet_length(events)), 0)"),
        };
        let hot = shelf.count(&format!("SELECT {bytes} FROM run_events")).await;
        let apart = shelf.count(&format!("SELECT sum({length}(bytes)) FROM payloads")).await;
        println!("{hot} bytes in the journal's rows, {apart} apart, for 4 events with 300,000 letters each");
        assert!(hot < 2_000, "{hot} bytes in hot rows");
        assert!((1_200_000..1_300_000).contains(&apart), "{apart} bytes apart");
        assert_eq!(shelf.count("SELECT count(*) FROM payloads").await, 4);

        for (run, text) in [(large, text.as_str()), (small, "short")] {
            let (events, more) = events_after(&shelf.store, shelf.ours, run, 1, 2).await.unwrap();
            let body = EventBody::Paused { by: text.into() };
            assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3]);
            assert!(more && events.iter().all(|event| event.body == body), "the same either way");
        }

        let event = |text: String| Event { seq: 1, at: shelf.now, body: EventBody::Paused { by: text } };
        let refused = EventBlocks::of(&[event("x".repeat(PAYLOAD_BYTES_MAX))]);
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
        let many: Vec<Event> = (0..20).map(|_| event("x".repeat(1_000_000))).collect();
        EventBlocks::of(&many).expect("each of them is small enough");

        shelf.forget().await.unwrap();
        assert_eq!(shelf.count("SELECT count(*) FROM payloads").await, 0);
        assert!(shelf.listed(RunFilter::default()).await.is_empty());
    })
    .await;
}

async fn shrink(shelf: &Shelf) {
    while shelf.store.shrink().await.unwrap() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_shrinks_after_history_is_forgotten() {
    let shelf = Shelf::new().await;
    let Place::Sqlite(folder) = &shelf.place else { panic!("outside of on_each it is SQLite") };
    let text = noise(24_000);
    for _ in 0..20 {
        let status = Some(done(shelf.now));
        let put = Put { days_ago: 40, commits: 20, status, text: text.clone(), ..Put::default() };
        shelf.put(put).await;
    }
    let (full, _) = shelf.store.size_bytes().await.unwrap();
    shelf.forget().await.unwrap();
    let (same, free) = shelf.store.size_bytes().await.unwrap();
    assert!(same == full && free > full * 9 / 10, "{free} of {same} bytes are free");
    shrink(&shelf).await;
    let (small, free) = shelf.store.size_bytes().await.unwrap();
    shelf.store.close().await;
    let file = std::fs::metadata(folder.0.join("signalbox.db")).unwrap().len();
    println!("{full} bytes with history, {small} after; the file has {file}");
    assert!(file == small && file < full / 10 && free == 0, "{full} became {file}, {free} free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_could_not_shrink_learns_it() {
    let folder = Folder::new();
    let mut conn = raw_new(&folder).await;
    let mode = "PRAGMA auto_vacuum";
    assert_eq!(sqlx::query_scalar::<_, i64>(mode).fetch_one(&mut conn).await.unwrap(), 0);
    sqlx::raw_sql("CREATE TABLE old (a TEXT); INSERT INTO old VALUES ('kept')")
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
    Store::open(&folder.0).await.unwrap().close().await;
    let mut conn = raw(&folder).await;
    assert_eq!(sqlx::query_scalar::<_, i64>(mode).fetch_one(&mut conn).await.unwrap(), 2);
    let kept: String = sqlx::query_scalar("SELECT a FROM old").fetch_one(&mut conn).await.unwrap();
    assert_eq!(kept, "kept");
}

async fn raw_new(folder: &Folder) -> SqliteConnection {
    let url = format!("sqlite://{}?mode=rwc", folder.0.join("signalbox.db").display());
    SqliteConnection::connect(&url).await.unwrap()
}

//! What every database must do for the store: group commit, fences, keys, the feed.

use crate::support::{
    database::{Place, on_each},
    folder::Folder,
};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use server::store::*;
use signalbox::{
    graph::Graph,
    id::*,
    run::{Event, EventBody, RunStatus, TimerId},
    wire::ApprovalState,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use uuid::Uuid;

pub fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
}

pub fn organization() -> OrganizationId {
    OrganizationId(Uuid::now_v7())
}

/// The feed after a number, as soon as it has so many entries.
pub async fn feed_of(
    store: &Store,
    ours: OrganizationId,
    after: i64,
    count: usize,
) -> Vec<FeedEntry> {
    let mut told = store.feed();
    loop {
        let entries = store.feed_after(ours, after, 10_000).await.unwrap();
        if entries.len() >= count {
            return entries;
        }
        let next = tokio::time::timeout(std::time::Duration::from_secs(30), told.recv()).await;
        next.expect("the feed stands still").expect("the store is open");
    }
}

async fn workflow(store: &Store, organization: OrganizationId) -> WorkflowId {
    let id = WorkflowId(Uuid::now_v7());
    let new = NewWorkflow {
        organization,
        id,
        name: "Welcome".into(),
        description: String::new(),
        draft: Graph::default(),
        created_by: "Ada".into(),
        labels: Default::default(),
    };
    store
        .write(move |tx| async move { workflow_create(tx, &new, at(0)).await }.boxed())
        .await
        .unwrap();
    id
}

pub async fn published(store: &Store, organization: OrganizationId) -> WorkflowId {
    let id = workflow(store, organization).await;
    publish(store, organization, id, 1).await.unwrap();
    id
}

async fn publish(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    draft_rev: i64,
) -> StoreResult<u32> {
    let new = NewVersion {
        organization,
        workflow,
        draft_rev,
        graph: Graph::default(),
        note: "first".into(),
        published_by: "Ada".into(),
    };
    store.write(move |tx| async move { version_publish(tx, &new, at(1)).await }.boxed()).await
}

fn paused_event(seq: u64) -> Event {
    Event { seq, at: at(0), body: EventBody::Paused { by: "Ada".into() } }
}

pub fn commit(organization: OrganizationId, run: RunId, from: u64, to: u64) -> RunCommit {
    let events: Vec<Event> = (from + 1..=to).map(paused_event).collect();
    RunCommit {
        organization,
        run,
        workflow: WorkflowId(Uuid::nil()),
        expected_seq: from,
        seq: to,
        at: at(2),
        events: EventBlocks::of(&events).unwrap(),
        head: RunHead {
            status: RunStatus::Executing,
            current_node: None,
            due: false,
            input_tokens: 0,
            output_tokens: 0,
            cost_micros: 0,
            ended_at: None,
        },
        writes: vec![],
        checkpoint: None,
        holds_nothing: false,
        phase_stays: false,
    }
}

pub async fn insert(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    key: Option<&str>,
) -> StoreResult<RunId> {
    let run = RunId(Uuid::now_v7());
    insert_as(store, organization, workflow, key, run).await.map(|()| run)
}

pub async fn insert_as(
    store: &Store,
    organization: OrganizationId,
    workflow: WorkflowId,
    key: Option<&str>,
    run: RunId,
) -> StoreResult<()> {
    let new = NewRun {
        version: 1,
        started_by: "manual".into(),
        thread_id: None,
        idempotency_key: key.map(str::to_owned),
        contacts: vec![],
        input: serde_json::Value::Null,
    };
    let commit = RunCommit { workflow, ..commit(organization, run, 0, 3) };
    store.write(move |tx| async move { run_insert(tx, &new, &commit).await }.boxed()).await
}

pub async fn advance(store: &Store, commit: RunCommit) -> StoreResult<()> {
    store.write(move |tx| async move { run_advance(tx, &commit).await }.boxed()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_and_versions() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let (ours, theirs) = (organization(), organization());
        let id = workflow(&store, ours).await;

        let save = |rev| {
            let change = DraftChange { name: Some("Hello".into()), ..Default::default() };
            store.write(move |tx| {
                async move { workflow_save(tx, ours, id, rev, &change, at(5)).await }.boxed()
            })
        };
        assert_eq!(save(1).await, Ok(2));
        assert!(matches!(save(1).await, Err(StoreError::Conflict { .. })), "an old revision");
        assert_eq!(workflow_fetch(&store, ours, id).await.unwrap().summary.name, "Hello");
        assert_eq!(
            workflow_fetch(&store, theirs, id).await,
            Err(StoreError::NotFound { what: "workflow" }),
            "another organisation's is as good as none"
        );
        assert_eq!(
            workflow_list(&store, theirs, &Default::default(), None, 10).await.unwrap(),
            vec![]
        );

        assert!(publish(&store, ours, id, 1).await.is_err(), "the draft was saved meanwhile");
        assert_eq!(publish(&store, ours, id, 2).await, Ok(1));
        assert_eq!(publish(&store, ours, id, 2).await, Ok(2));
        let numbers: Vec<u32> = version_list(&store, ours, id, None, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|version| version.number)
            .collect();
        assert_eq!(numbers, [2, 1]);
        assert!(version_fetch(&store, theirs, id, 1).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_at_an_old_event_number_writes_nothing() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let workflow = published(&store, ours).await;
        let run = insert(&store, ours, workflow, None).await.unwrap();
        advance(&store, commit(ours, run, 3, 5)).await.unwrap();

        let mut late = commit(ours, run, 3, 9);
        late.writes.push(RunWrite::TimerSet(TimerId("a1.wait".into()), at(9)));
        assert_eq!(advance(&store, late).await, Err(StoreError::Conflict { what: "the run" }));
        assert_eq!(timer_next(&store).await, Ok(None), "its timer was not set either");

        let (events, more) = events_after(&store, ours, run, 0, 100).await.unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(!more);
        let (events, more) = events_after(&store, ours, run, 1, 3).await.unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(more);
        assert_eq!(run_fetch(&store, ours, run).await.unwrap().seq, 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_journal_reads_in_pages() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let workflow = published(&store, ours).await;
        let run = insert(&store, ours, workflow, None).await.unwrap();
        advance(&store, commit(ours, run, 3, 1_000)).await.unwrap();
        for seq in 1_000..1_100 {
            advance(&store, commit(ours, run, seq, seq + 1)).await.unwrap();
        }
        let (events, more) = events_after(&store, ours, run, 500, 10_000).await.unwrap();
        assert_eq!((events.len(), more), (600, false));
        events_check_dense(&events, 500).unwrap();
        assert!(events_check_dense(&events[1..], 500).is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_has_one_run() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let (ours, theirs) = (organization(), organization());
        let (workflow, other) = (published(&store, ours).await, published(&store, theirs).await);
        let run = insert(&store, ours, workflow, Some("k")).await.unwrap();
        let again = insert(&store, ours, workflow, Some("k")).await;
        assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
        assert_eq!(run_by_key(&store, ours, "k").await.unwrap().unwrap().id, run);
        insert(&store, theirs, other, Some("k"))
            .await
            .expect("another organisation's key is its own");
        assert_eq!(run_list(&store, ours, &RunFilter::default(), None, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_needs_its_version() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let refused = insert(&store, ours, WorkflowId(Uuid::now_v7()), None).await;
        assert!(matches!(refused, Err(StoreError::Constraint(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_is_read_again_after_a_change() {
    let place = Place::new().await;
    let store = place.open().await;
    let ours = organization();
    let workflow = published(&store, ours).await;
    let hash = [7; 32];
    let put = store
        .write(move |tx| async move { hook_put(tx, ours, workflow, &hash, at(3)).await }.boxed());
    put.await.unwrap();
    let (remembered, reads) = (Remembered::new(10), std::cell::Cell::new(0));
    let look = async || {
        let read = async {
            reads.set(reads.get() + 1);
            hook_by_token(&store, &hash).await
        };
        remembered.get(&store, hash, read).await.unwrap().unwrap()
    };
    let target = HookTarget { organization: ours, workflow, version: Some(1) };
    assert_eq!((look().await, look().await, reads.get()), (target, target, 1));
    insert(&store, ours, workflow, None).await.unwrap();
    assert_eq!((look().await, reads.get()), (target, 1), "a run changes nothing of it");
    publish(&store, ours, workflow, 1).await.unwrap();
    assert_eq!((look().await.version, reads.get()), (Some(2), 2));
    for (archived, version) in [(true, None), (false, Some(2))] {
        let put_away = store.write(move |tx| {
            async move { workflow_set_archived(tx, ours, workflow, archived, at(4)).await }.boxed()
        });
        put_away.await.unwrap();
        assert_eq!(look().await.version, version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_an_operation_is_an_error_of_that_operation() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let result: StoreResult<()> =
            store.write(|_| async move { panic!("a defect") }.boxed()).await;
        assert!(matches!(result, Err(StoreError::Unavailable(_))));
        workflow(&store, organization()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_stop_its_operation() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let (entered, enter) = tokio::sync::oneshot::channel::<()>();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let writing = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .write(move |tx| {
                        async move {
                            let _ = entered.send(());
                            let _ = released.await;
                            tx.feed_append(
                                ours,
                                "test",
                                Uuid::nil(),
                                serde_json::Value::Null,
                                at(0),
                            );
                            Ok(())
                        }
                        .boxed()
                    })
                    .await
            }
        });
        enter.await.unwrap();
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        workflow(&store, organization()).await;
        assert_eq!(feed_of(&store, ours, 0, 1).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_decided_once_and_at_the_revision_that_was_seen() {
    on_each(async || {
        let place = Place::new().await;
        let store = place.open().await;
        let ours = organization();
        let id = ApprovalId(Uuid::now_v7());
        let new = NewApproval::new(ours, id, signalbox::run::ApprovalKind::Message, "Hello");
        store
            .write(move |tx| async move { approval_open(tx, &new, at(0)).await }.boxed())
            .await
            .unwrap();
        let revise = |revision| {
            store.write(move |tx| {
            async move { approval_revise(tx, ours, id, revision, "Hi", Some(&[1]), at(1)).await }
                .boxed()
        })
        };
        assert_eq!(revise(1).await, Ok(2));
        assert!(revise(1).await.is_err());
        let close = |revision, state| {
            let decided = Decided {
                by: "Ada".into(),
                at: at(2),
                reason: "fine".into(),
                answer: serde_json::json!({"a": 1}),
            };
            store.write(move |tx| {
                async move { approval_close(tx, ours, id, Some(revision), state, &decided).await }
                    .boxed()
            })
        };
        assert!(
            close(1, ApprovalState::Approved).await.is_err(),
            "revision 1 is not what would leave"
        );
        assert_eq!(close(2, ApprovalState::Approved).await, Ok(()));
        assert!(close(2, ApprovalState::Rejected).await.is_err(), "decided already");
        let approval = approval_fetch(&store, ours, id).await.unwrap();
        assert_eq!(approval.state, ApprovalState::Approved);
        assert_eq!(approval.decided.unwrap().answer, serde_json::json!({"a": 1}));
        let pending = ApprovalFilter { state: Some(ApprovalState::Pending), ..Default::default() };
        assert_eq!(approval_list(&store, ours, &pending, None, 10).await.unwrap(), vec![]);
        let all = ApprovalFilter::default();
        assert_eq!(approval_list(&store, ours, &all, None, 10).await.unwrap().len(), 1);
        assert_eq!(approval_list(&store, organization(), &all, None, 10).await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_owner() {
    let folder = Folder::new();
    let store = Store::open(&folder.0).await.unwrap();
    let second = Store::open(&folder.0).await.err().expect("it is locked");
    assert!(second.to_string().contains("another Signalbox"), "{second}");
    let ours = organization();
    let id = workflow(&store, ours).await;
    store.close().await;
    let reopened = Store::open(&folder.0).await.unwrap();
    assert_eq!(workflow_fetch(&reopened, ours, id).await.unwrap().summary.draft_rev, 1);
    assert!(matches!(
        store.write(|_| async { Ok(()) }.boxed()).await,
        Err(StoreError::Unavailable(_))
    ));
}

struct StrikeAt {
    point: FaultPoint,
    commits: AtomicUsize,
    at: usize,
}

impl Faults for StrikeAt {
    fn strike(&self, point: FaultPoint) -> bool {
        point == self.point && self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.at
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_at_a_commit_keeps_what_was_answered() {
    on_each(async || {
        for (point, survives) in
            [(FaultPoint::BeforeCommit, false), (FaultPoint::AfterCommit, true)]
        {
            let place = Place::new().await;
            let faults = Arc::new(StrikeAt { point, commits: AtomicUsize::new(0), at: 2 });
            let options = StoreOptions { faults: Some(faults), ..Default::default() };
            let store = place.open_with(options).await;
            let ours = organization();
            let answered = workflow(&store, ours).await;
            let doubtful = publish(&store, ours, answered, 1).await;
            assert!(
                matches!(doubtful, Err(StoreError::Unavailable(_))),
                "nobody may claim success"
            );
            store.close().await;
            let store = place.open().await;
            let found = workflow_fetch(&store, ours, answered).await.unwrap();
            assert_eq!(found.summary.published_version.is_some(), survives, "{point:?}");
        }
    })
    .await;
}

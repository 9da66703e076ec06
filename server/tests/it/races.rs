//! Operations that decide on what they read, made to meet: on PostgreSQL transactions run side by side, so each pair here
//! must be kept apart by a lock, a key or a look after the lock. Most would pass by chance on one writer; the barrier
//! is inside the transaction.

use crate::support::database::{Place, on_each, on_each_postgres};
use chrono::{DateTime, Utc};
use futures::{FutureExt, future::BoxFuture};
use serde_json::json;
use server::store::*;
use signalbox::{
    event_type,
    graph::Graph,
    id::*,
    run::{ActivationId, CallRequest, CallRoute, Event, EventBody, RunStatus, TimerId},
};
use std::time::Duration;
use tokio::{sync::oneshot, task::JoinHandle};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough for a statement that waits for nobody.
const A_WHILE: Duration = Duration::from_millis(400);

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
}

/// An operation that did all it does and stands before its commit.
struct Paused {
    release: oneshot::Sender<()>,
    task: JoinHandle<StoreResult<()>>,
}

impl Paused {
    async fn at_commit<F>(store: &Store, body: F) -> Self
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, StoreResult<()>> + Send + 'static,
    {
        let (there, is_there) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let store = store.clone();
        let task = tokio::spawn(async move {
            let write = store.write(move |tx| {
                async move {
                    body(tx).await?;
                    let _ = there.send(());
                    let _ = released.await;
                    Ok(())
                }
                .boxed()
            });
            write.await
        });
        tokio::time::timeout(PATIENCE, is_there)
            .await
            .expect("it waits for another operation")
            .expect("it failed");
        Self { release, task }
    }

    async fn commit(self) -> StoreResult<()> {
        self.release.send(()).unwrap();
        self.task.await.unwrap()
    }
}

/// Whether a task is not over although nothing but a lock keeps it.
async fn is_kept<T>(task: &mut JoinHandle<T>) -> bool {
    tokio::time::timeout(A_WHILE, task).await.is_err()
}

/// A store with a workflow that runs.
struct World {
    _place: Place,
    store: Store,
    ours: OrganizationId,
    workflow: WorkflowId,
}

impl World {
    async fn new() -> Self {
        let place = Place::new().await;
        let store = place.open().await;
        let (ours, id) = (OrganizationId(Uuid::now_v7()), WorkflowId(Uuid::now_v7()));
        let new = NewWorkflow {
            organization: ours,
            id,
            name: "Welcome".into(),
            description: String::new(),
            draft: Graph::default(),
            created_by: String::new(),
            labels: Default::default(),
        };
        let version = NewVersion {
            organization: ours,
            workflow: id,
            draft_rev: 1,
            graph: Graph::default(),
            note: String::new(),
            published_by: String::new(),
        };
        let made = store.write(move |tx| {
            async move {
                workflow_create(tx, &new, at(0)).await?;
                version_publish(tx, &version, at(0)).await
            }
            .boxed()
        });
        made.await.unwrap();
        Self { _place: place, store, ours, workflow: id }
    }

    fn commit(&self, run: RunId, from: u64, status: RunStatus, writes: Vec<RunWrite>) -> RunCommit {
        let body = EventBody::Paused { by: "Ada".into() };
        let event = Event { seq: from + 1, at: at(0), body };
        let is_over = !matches!(status, RunStatus::Executing);
        RunCommit {
            organization: self.ours,
            run,
            workflow: self.workflow,
            expected_seq: from,
            seq: from + 1,
            at: at(100),
            events: EventBlocks::of(&[event]).unwrap(),
            head: RunHead {
                status,
                current_node: None,
                due: false,
                input_tokens: 0,
                output_tokens: 0,
                cost_micros: 0,
                ended_at: is_over.then(|| at(100)),
            },
            writes,
            checkpoint: None,
            holds_nothing: false,
            phase_stays: false,
        }
    }

    /// A run at its first event.
    async fn run(&self, writes: Vec<RunWrite>, of: RunId) {
        let new = NewRun {
            version: 1,
            started_by: "test".into(),
            thread_id: None,
            idempotency_key: None,
            contacts: vec![],
            input: json!(null),
        };
        let first = self.commit(of, 0, RunStatus::Executing, writes);
        let insert =
            self.store.write(move |tx| async move { run_insert(tx, &new, &first).await }.boxed());
        insert.await.unwrap();
    }

    fn call(&self, run: RunId, attempt: u32) -> OpenCall {
        OpenCall {
            organization: self.ours,
            run,
            call: CallId(Uuid::from_u128(7)),
            activation: ActivationId(1),
            node: NodeId("s".into()),
            attempt,
            request: CallRequest::Tool { tool: "work".into(), parameters: json!({}) },
            timeout_ms: None,
            route: CallRoute { priority: Some(PRIORITY), ..CallRoute::default() },
        }
    }

    fn happening(&self, cause: RunId) -> Happening {
        let name = event_type::RUN_COMPLETED;
        Happening { name, contact: None, cause: Some(cause), payload: json!({ "runId": cause }) }
    }

    async fn advance(&self, commit: RunCommit) -> StoreResult<()> {
        let write =
            self.store.write(move |tx| async move { run_advance(tx, &commit).await }.boxed());
        write.await
    }
}

fn run_id() -> RunId {
    RunId(Uuid::now_v7())
}

async fn hold(tx: &mut Tx, ours: OrganizationId, run: RunId, seq: u64) -> StoreResult<()> {
    run_unmoved(tx, ours, run, seq)?;
    run_fence_send(tx).await
}

fn over() -> RunStatus {
    RunStatus::Failed { error_message: "no luck".into() }
}

fn wait_open(since: DateTime<Utc>) -> RunWrite {
    RunWrite::WaitOpen(ActivationId(1), event_type::RUN_COMPLETED.into(), since)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_recorded_while_a_run_begins_to_wait_finds_it() {
    on_each_postgres(async || {
        let world = World::new().await;
        let run = run_id();
        world.run(vec![], run).await;
        let opens = world.commit(run, 1, RunStatus::Executing, vec![wait_open(at(0))]);
        let waiting = Paused::at_commit(&world.store, move |tx| {
            async move { run_advance(tx, &opens).await }.boxed()
        })
        .await;
        // The wait is written and not committed: nobody sees it.
        let (store, ours) = (world.store.clone(), world.ours);
        let event = OutsideEvent {
            name: event_type::RUN_COMPLETED.into(),
            contact: None,
            run: None,
            source_key: None,
            payload: json!({}),
        };
        let mut recording = tokio::spawn(async move {
            let write = store.write(move |tx| {
                async move { outside_record(tx, ours, &event, at(50)).await }.boxed()
            });
            write.await
        });
        assert!(is_kept(&mut recording).await, "it would find that nobody waits");
        waiting.commit().await.unwrap();
        assert_eq!(recording.await.unwrap(), Ok(Some(1)));
        let pending = events_pending(&world.store, 10).await.unwrap();
        assert_eq!(pending.len(), 1, "somebody is to be told");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_happens_while_a_run_begins_to_wait_finds_it() {
    on_each_postgres(async || {
        let world = World::new().await;
        let (run, other) = (run_id(), run_id());
        world.run(vec![], run).await;
        let opens = world.commit(run, 1, RunStatus::Executing, vec![wait_open(at(0))]);
        let waiting = Paused::at_commit(&world.store, move |tx| {
            async move { run_advance(tx, &opens).await }.boxed()
        })
        .await;
        // It commits at once, in front of the wait. Whether it is wanted shows when it gets its number.
        let (ours, happening) = (world.ours, world.happening(other));
        let happened = world.store.write(move |tx| {
            async move { event_happened(tx, ours, happening, at(50)).await }.boxed()
        });
        happened.await.unwrap();
        assert_eq!(events_pending(&world.store, 10).await.unwrap(), vec![], "it has no number yet");
        waiting.commit().await.unwrap();
        let pending = events_pending(&world.store, 10).await.unwrap();
        assert_eq!(pending.len(), 1, "somebody is to be told");
        let told = deliveries_of(&world.store, world.ours, run, 10).await.unwrap();
        assert_eq!(told.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_one_organisation_that_end_do_not_wait_for_one_another() {
    on_each_postgres(async || {
        let world = World::new().await;
        let listener = run_id();
        let name = event_type::RUN_FAILED.to_owned();
        world.run(vec![RunWrite::WaitOpen(ActivationId(1), name, at(0))], listener).await;
        let mut ending = Vec::new();
        for _ in 0..8 {
            let run = run_id();
            world.run(vec![], run).await;
            let end = world.commit(run, 1, over(), vec![RunWrite::End]);
            let paused = Paused::at_commit(&world.store, move |tx| {
                async move { run_advance(tx, &end).await }.boxed()
            });
            ending.push(paused.await); // all of them stand before their commits at the same time
        }
        for paused in ending.into_iter().rev() {
            paused.commit().await.unwrap();
        }
        // Each event has a number of its own, without a gap, although they were committed from the last to the first.
        let mut numbers = Vec::new();
        loop {
            let told = deliveries_of(&world.store, world.ours, listener, 10).await.unwrap();
            let Some(told) = told.into_iter().next() else { break };
            let (ours, number) = (world.ours, told.number);
            numbers.push(number);
            let seen = world.store.write(move |tx| {
                async move { wait_seen(tx, ours, listener, event_type::RUN_FAILED, number).await }
                    .boxed()
            });
            seen.await.unwrap();
        }
        assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_found_although_one_with_an_earlier_time_has_a_later_number() {
    on_each(async || {
        let world = World::new().await;
        let record = |ms: i64, key: &str| {
            let event = OutsideEvent {
                name: event_type::RUN_COMPLETED.into(),
                contact: None,
                run: None,
                source_key: Some(key.into()),
                payload: json!({ "key": key }),
            };
            let ours = world.ours;
            world.store.write(move |tx| {
                async move { outside_record(tx, ours, &event, at(ms)).await }.boxed()
            })
        };
        // Their times are from before they waited for their turn.
        assert_eq!(record(1_005, "later").await, Ok(Some(1)));
        assert_eq!(record(1_000, "earlier").await, Ok(Some(2)));
        let run = run_id();
        // Of a run whose past is another run's only the time tells which events count.
        world.run(vec![RunWrite::HearPast, wait_open(at(1_003))], run).await;
        let told = deliveries_of(&world.store, world.ours, run, 10).await.unwrap();
        assert_eq!(told.iter().map(|told| told.id.as_str()).collect::<Vec<_>>(), ["later"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_started_for_a_call_is_stopped_when_the_call_is_given_up_meanwhile() {
    on_each_postgres(async || {
        let world = World::new().await;
        let (parent, child) = (run_id(), run_id());
        let call = world.call(parent, 1);
        world.run(vec![RunWrite::CallOpen(Box::new(call.clone()))], parent).await;
        let link = RunLink {
            organization: world.ours,
            run: child,
            parent,
            call: call.call,
            attempt: 1,
            root_workflow: world.workflow,
            depth: 1,
        };
        let starting = Paused::at_commit(&world.store, move |tx| {
            async move { link_insert(tx, &link).await }.boxed()
        })
        .await;
        let give_up = vec![RunWrite::CallClose(call.call), RunWrite::ChildStop(call.call)];
        let gives_up = world.commit(parent, 1, RunStatus::Executing, give_up);
        let store = world.store.clone();
        let mut giving_up = tokio::spawn(async move {
            store.write(move |tx| async move { run_advance(tx, &gives_up).await }.boxed()).await
        });
        assert!(is_kept(&mut giving_up).await, "it would not see the run that is being started");
        starting.commit().await.unwrap();
        giving_up.await.unwrap().unwrap();
        let due = links_due(&world.store, 10).await.unwrap();
        assert_eq!(due, vec![(link, LinkState::Stop)], "nobody waits for it: it is to be stopped");

        // The other way round: no run is started for a call that is gone.
        let late = world.store.write(move |tx| {
            async move { link_insert(tx, &RunLink { run: run_id(), ..link }).await }.boxed()
        });
        assert!(matches!(late.await, Err(StoreError::Conflict { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_made_an_attempt_changes_nothing_about_the_next_one() {
    on_each(async || {
        let world = World::new().await;
        let run = run_id();
        world.run(vec![RunWrite::CallOpen(Box::new(world.call(run, 2)))], run).await;
        let leave = |call: OpenCall, state: CallState| {
            world.store.write(move |tx| {
                let OpenCall { organization, run, call, attempt, .. } = call;
                async move { call_leave(tx, organization, run, (call, attempt), state).await }
                    .boxed()
            })
        };
        leave(world.call(run, 1), CallState::Parked).await.unwrap();
        leave(world.call(run, 1), CallState::Held).await.unwrap();
        let open = calls_open(&world.store, 10).await.unwrap();
        assert_eq!(open, vec![Ok(world.call(run, 2))], "the second attempt must still be made");
        leave(world.call(run, 2), CallState::Parked).await.unwrap();
        assert_eq!(calls_open(&world.store, 10).await.unwrap(), vec![]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_because_nothing_happened_holds_only_where_it_was_decided() {
    on_each(async || {
        let world = World::new().await;
        let run = run_id();
        world.run(vec![], run).await;
        let ours = world.ours;
        let held = |seq| {
            world.store.write(move |tx| async move { hold(tx, ours, run, seq).await }.boxed())
        };
        assert_eq!(held(1).await, Ok(()));
        world.advance(world.commit(run, 1, RunStatus::Executing, vec![])).await.unwrap();
        assert_eq!(held(1).await, Err(StoreError::Conflict { what: RUN_FENCE }));
    })
    .await;
    on_each_postgres(async || {
        let world = World::new().await;
        let run = run_id();
        world.run(vec![], run).await;
        let ours = world.ours;
        let held = Paused::at_commit(&world.store, move |tx| {
            async move { hold(tx, ours, run, 1).await }.boxed()
        })
        .await;
        let (store, next) =
            (world.store.clone(), world.commit(run, 1, RunStatus::Executing, vec![]));
        let mut advancing = tokio::spawn(async move {
            store.write(move |tx| async move { run_advance(tx, &next).await }.boxed()).await
        });
        assert!(is_kept(&mut advancing).await, "the run moves on under what is being decided");
        held.commit().await.unwrap();
        advancing.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_was_moved_before_it_fired_does_not_fire() {
    on_each(async || {
        let world = World::new().await;
        let run = run_id();
        let timer = TimerId("a1.wait".into());
        world.run(vec![RunWrite::TimerSet(timer.clone(), at(10))], run).await;
        let due = timers_due(&world.store, at(20), 10).await.unwrap().remove(0);
        let (ours, moved) = (world.ours, timer.clone());
        let moves = world
            .store
            .write(move |tx| async move { timer_set(tx, ours, run, &moved, at(90)).await }.boxed());
        moves.await.unwrap();
        let take = |due: DueTimer| {
            world.store.write(move |tx| async move { timer_take(tx, &due).await }.boxed())
        };
        let stale = take(due.clone()).await;
        assert_eq!(stale, Err(StoreError::Conflict { what: MOVED_TIMER }));
        assert_eq!(take(DueTimer { due_at: at(90), ..due }).await, Ok(()));
        assert_eq!(timer_next(&world.store).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_messages_one_tries_a_channel_that_is_out_of_order() {
    on_each(async || {
        let world = World::new().await;
        let ours = world.ours;
        let health = ChannelHealth {
            failures: 3,
            since: at(0),
            retry_at: at(1_000),
            detail: "refused".into(),
        };
        let put = world.store.write(move |tx| {
            async move { channel_health_put(tx, ours, "smtp", &health).await }.boxed()
        });
        put.await.unwrap();
        let begin = |now: i64| {
            world.store.write(move |tx| {
                async move {
                    channel_trial_begin(tx, ours, "smtp", at(now), at(now + 60_000)).await
                }
                .boxed()
            })
        };
        assert_eq!(begin(999).await, Ok(false), "its time has not come");
        let begun = futures::future::join_all((0..8).map(|_| begin(1_000))).await;
        assert_eq!(begun.iter().filter(|begun| **begun == Ok(true)).count(), 1, "{begun:?}");
    })
    .await;
}

/// Runs that end a second, so many at a time: numbered after their commits as they are, or each in its turn before.
async fn ends_a_second(world: &World, at_once: usize, in_turn: bool) -> f64 {
    let (begin, mut tasks) = (std::time::Instant::now(), tokio::task::JoinSet::new());
    for _ in 0..at_once {
        let (store, ours, workflow) = (world.store.clone(), world.ours, world.workflow);
        tasks.spawn(async move {
            let mut ended = 0_u32;
            while begin.elapsed() < Duration::from_secs(4) {
                end_one(&store, ours, workflow, in_turn).await;
                ended += 1;
            }
            ended
        });
    }
    let ended: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(ended) / begin.elapsed().as_secs_f64()
}

/// A run that is over with its first commit.
async fn end_one(store: &Store, ours: OrganizationId, workflow: WorkflowId, in_turn: bool) {
    let run = run_id();
    let event = Event { seq: 1, at: at(0), body: EventBody::Paused { by: "Ada".into() } };
    let status = if in_turn { RunStatus::Executing } else { over() };
    let head = RunHead {
        status,
        current_node: None,
        due: false,
        input_tokens: 0,
        output_tokens: 0,
        cost_micros: 0,
        ended_at: Some(at(1)),
    };
    let commit = RunCommit {
        organization: ours,
        run,
        workflow,
        expected_seq: 0,
        seq: 1,
        at: at(1),
        events: EventBlocks::of(&[event]).unwrap(),
        head,
        writes: vec![],
        checkpoint: None,
        holds_nothing: false,
        phase_stays: false,
    };
    let new = NewRun {
        version: 1,
        started_by: "test".into(),
        thread_id: None,
        idempotency_key: None,
        contacts: vec![],
        input: json!({ "number": 1 }),
    };
    let write = store.write(move |tx| {
        async move {
            run_insert(tx, &new, &commit).await?;
            if in_turn {
                let event = OutsideEvent {
                    name: event_type::RUN_FAILED.into(),
                    contact: None,
                    run: None,
                    source_key: None,
                    payload: json!({ "runId": run, "workflow": "Welcome" }),
                };
                outside_record(tx, ours, &event, at(1)).await?;
            }
            Ok(())
        }
        .boxed()
    });
    write.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: POSTGRES_FSYNC=on scripts/postgres run cargo test -p server --test it -- --ignored --nocapture runs_that_end_a_second"]
async fn runs_that_end_a_second() {
    on_each_postgres(async || {
        let world = World::new().await;
        for at_once in [1, 8, 32] {
            let before = ends_a_second(&world, at_once, true).await;
            let after = ends_a_second(&world, at_once, false).await;
            println!("{at_once} at once: {before:.0}/s each in its turn, {after:.0}/s numbered afterwards");
        }
    })
    .await;
}

//! What every store must do for the engine, as functions over a [`Store`]: SQLite, PostgreSQL and the model of the unit
//! tests are held to the same.
//!
//! Whoever includes this file (by `#[path]`) has the store's items in scope above it, and gives a fresh [`Bed`] for each
//! case. Deliberately absent: what the model leaves out (messages, accounts, settings), and SQL.

#[path = "call_places.rs"]
mod call_places;
#[path = "places.rs"]
mod places;
#[path = "unknown.rs"]
mod unknown;

pub use unknown::{Lost, Unsure, all_unsure};

use super::*;
use futures::FutureExt;
use signalbox::{
    id::{ApprovalId, CallId, NodeId, OrganizationId, RunId, WorkflowId},
    run::{
        ActivationId, ApprovalKind, CallRequest, CallRoute, Event, EventBody, RunStatus, TimerId,
    },
    wire::ApprovalState,
};
use std::time::Duration;
use uuid::Uuid;

/// One database with one server on it, or two.
pub struct Bed {
    /// The servers' stores.
    pub stores: Vec<Store>,
    /// An organisation.
    pub ours: OrganizationId,
    /// A workflow of it that has a version 1.
    pub workflow: WorkflowId,
    /// What must live as long as the stores.
    pub _place: Box<dyn std::any::Any>,
}

/// Runs every case, each on a bed of its own.
pub async fn all(bed: impl AsyncFn() -> Bed) {
    fence(&bed().await).await;
    phases(&bed().await).await;
    refusals_hold(&bed().await).await;
    keys(&bed().await).await;
    calls(&bed().await).await;
    calls_go_as_their_table_says(&bed().await).await;
    calls_have_one_owner(&bed().await).await;
    timers(&bed().await).await;
    timers_have_one_owner(&bed().await).await;
    places::timers_are_counted(&bed().await).await;
    events_before_and_after_a_wait(&bed().await).await;
    events_in_order(&bed().await).await;
    approvals(&bed().await).await;
    links_and_slots(&bed().await).await;
    places::places_of_queues(&bed().await).await;
    call_places::places_of_calls(&bed().await).await;
    call_places::servers_give_way(&bed().await).await;
    call_places::rates_of_calls(&bed().await).await;
    feed(&bed().await).await;
}

type At = chrono::DateTime<chrono::Utc>;

fn at(ms: i64) -> At {
    chrono::DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
}

impl Bed {
    fn one(&self) -> &Store {
        &self.stores[0]
    }

    /// The store of the n-th of many operations, which the servers share.
    fn of(&self, number: usize) -> &Store {
        &self.stores[number % self.stores.len()]
    }

    fn commit(&self, run: RunId, from: u64, writes: Vec<RunWrite>) -> RunCommit {
        let body = EventBody::Paused { by: "Ada".into() };
        let event = Event { seq: from + 1, at: at(0), body };
        RunCommit {
            organization: self.ours,
            run,
            workflow: self.workflow,
            expected_seq: from,
            seq: from + 1,
            at: at(0),
            events: EventBlocks::of(&[event]).unwrap(),
            head: RunHead {
                status: RunStatus::Executing,
                current_node: None,
                due: false,
                input_tokens: 0,
                output_tokens: 0,
                cost_micros: 0,
                ended_at: None,
            },
            writes,
            checkpoint: None,
            holds_nothing: false,
            phase_stays: false,
        }
    }

    async fn insert(
        &self,
        store: &Store,
        run: RunId,
        key: Option<&str>,
        writes: Vec<RunWrite>,
    ) -> StoreResult<()> {
        let new = NewRun {
            version: 1,
            started_by: "test".into(),
            thread_id: None,
            idempotency_key: key.map(str::to_owned),
            contacts: vec![],
            input: serde_json::Value::Null,
        };
        let first = self.commit(run, 0, writes);
        store.write(move |tx| async move { run_insert(tx, &new, &first).await }.boxed()).await
    }

    /// A run at its first event, with rows.
    async fn run(&self, number: u128, writes: Vec<RunWrite>) -> RunId {
        let run = RunId(Uuid::from_u128(number));
        self.insert(self.one(), run, None, writes).await.unwrap();
        run
    }

    async fn advance(&self, store: &Store, commit: RunCommit) -> StoreResult<()> {
        store.write(move |tx| async move { run_advance(tx, &commit).await }.boxed()).await
    }

    fn call(&self, run: RunId, attempt: u32) -> OpenCall {
        OpenCall {
            organization: self.ours,
            run,
            call: CallId(Uuid::from_u128(7)),
            activation: ActivationId(1),
            node: NodeId("s".into()),
            attempt,
            request: CallRequest::Tool { tool: "work".into(), parameters: serde_json::json!({}) },
            timeout_ms: None,
            route: CallRoute {
                queue: Some("slow".into()),
                priority: Some(PRIORITY),
                ..CallRoute::default()
            },
        }
    }

    /// Lets something happen to the run's call.
    async fn call_step(&self, run: RunId, step: CallStep) {
        let call = self.call(run, 1);
        let write = match step {
            CallStep::Opened => RunWrite::CallOpen(Box::new(call)),
            CallStep::Offered => {
                let request = CallRequest::Task(Box::default());
                RunWrite::TaskOffer(Box::new(OpenCall { request, ..call }))
            }
            CallStep::Parked => RunWrite::CallPark(call.call),
            CallStep::Freed => RunWrite::TaskFree(call.call),
            CallStep::Closed => RunWrite::CallClose(call.call),
            _ => return self.call_step_alone(call, step).await,
        };
        let seq = run_fetch(self.one(), self.ours, run).await.unwrap().seq;
        self.advance(self.one(), self.commit(run, seq, vec![write])).await.unwrap();
    }

    /// What is no part of a run's commit.
    async fn call_step_alone(&self, call: OpenCall, step: CallStep) {
        let (ours, run, attempt) = (self.ours, call.run, (call.call, call.attempt));
        let written = self.one().write(move |tx| {
            async move {
                match step {
                    CallStep::Begun => call_claim(tx, &call).await.map(|_| ()),
                    CallStep::Rested => call_leave(tx, ours, run, attempt, CallState::Parked).await,
                    CallStep::Held => call_leave(tx, ours, run, attempt, CallState::Held).await,
                    CallStep::Queued => {
                        call_leave(tx, ours, run, attempt, CallState::Waiting).await
                    }
                    CallStep::Admitted => {
                        run_queue_admit(tx, ours, "slow", 1_000).await.map(|_| ())
                    }
                    CallStep::Released => run_release(tx, ours, run, at(0)).await,
                    _ => task_claim(tx, &call, Uuid::from_u128(3), "bob").await,
                }
            }
            .boxed()
        });
        let written = written.await;
        assert!(written.is_ok() || step == CallStep::Claimed && is_fenced(&written), "{written:?}");
    }

    async fn record(&self, store: &Store, name: &str, key: Option<&str>, ms: i64) -> Option<i64> {
        let (ours, event) = (self.ours, event(name, key));
        let write = store
            .write(move |tx| async move { outside_record(tx, ours, &event, at(ms)).await }.boxed());
        write.await.unwrap()
    }

    async fn told(&self, run: RunId) -> Vec<Delivery> {
        deliveries_of(self.one(), self.ours, run, 10).await.unwrap()
    }
}

fn event(name: &str, key: Option<&str>) -> OutsideEvent {
    OutsideEvent {
        name: name.into(),
        contact: None,
        run: None,
        source_key: key.map(str::to_owned),
        payload: serde_json::json!({ "key": key }),
    }
}

fn is_fenced<T>(result: &StoreResult<T>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

fn wait_open(name: &str, since_ms: i64) -> RunWrite {
    RunWrite::WaitOpen(ActivationId(1), name.into(), at(since_ms))
}

/// Of many that decided at the same number one is written, and of the others nothing.
async fn fence(bed: &Bed) {
    let run = bed.run(1, vec![]).await;
    let tries = (0..12_usize).map(|number| {
        let timer = RunWrite::TimerSet(TimerId(format!("a{number}.wait")), at(1));
        bed.advance(bed.of(number), bed.commit(run, 1, vec![timer]))
    });
    let results = futures::future::join_all(tries).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_fenced(result)).count(), 11, "{results:?}");
    let (events, more) = events_after(bed.one(), bed.ours, run, 0, 100).await.unwrap();
    assert_eq!((events.len(), more), (2, false));
    events_check_dense(&events, 0).unwrap();
    assert_eq!(timers_due(bed.one(), at(5), 100).await.unwrap().len(), 1);
    let row = run_fetch(bed.one(), bed.ours, run).await.unwrap();
    assert_eq!(row.seq, 2);
}

/// Who says that the phase stays is held to it, and to a run that goes on.
async fn phases(bed: &Bed) {
    let run = bed.run(1, vec![]).await;
    let blocked = || RunStatus::Blocked { reason: "no luck".into() };
    let failed = || RunStatus::Failed { error_message: "no luck".into() };
    let advance = async |from, status: RunStatus, phase_stays| {
        let mut commit = bed.commit(run, from, vec![]);
        commit.head.ended_at = status.phase().is_terminal().then(|| at(1));
        (commit.head.status, commit.phase_stays) = (status, phase_stays);
        bed.advance(bed.one(), commit).await
    };
    assert_eq!(advance(1, RunStatus::Executing, true).await, Ok(()));
    assert!(is_fenced(&advance(2, blocked(), true).await), "it executes");
    assert_eq!(advance(2, blocked(), false).await, Ok(()));
    assert!(is_fenced(&advance(3, RunStatus::Executing, true).await), "it is blocked");
    assert_eq!(advance(3, blocked(), true).await, Ok(()));
    assert_eq!(advance(4, failed(), false).await, Ok(()));
    assert!(is_fenced(&advance(5, RunStatus::Executing, true).await), "it is over");
    let row = run_fetch(bed.one(), bed.ours, run).await.unwrap();
    assert_eq!((row.seq, row.status), (5, failed()));
}

/// What is written because nothing happened is fenced like what happens.
async fn refusals_hold(bed: &Bed) {
    let run = bed.run(1, vec![]).await;
    let ours = bed.ours;
    let hold = |seq| {
        bed.one().write(move |tx| {
            async move {
                {
                    run_unmoved(tx, ours, run, seq)?;
                    run_fence_send(tx).await
                }
            }
            .boxed()
        })
    };
    assert_eq!(hold(1).await, Ok(()));
    bed.advance(bed.one(), bed.commit(run, 1, vec![])).await.unwrap();
    assert_eq!(hold(1).await, Err(StoreError::Conflict { what: RUN_FENCE }));
    assert_eq!(hold(2).await, Ok(()));
}

/// A key makes one run, however often and where it is used.
async fn keys(bed: &Bed) {
    let tries = (0..8_usize).map(|number| {
        let run = RunId(Uuid::from_u128(100 + number as u128));
        bed.insert(bed.of(number), run, Some("once"), vec![])
    });
    let results = futures::future::join_all(tries).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_fenced(result)).count(), 7, "{results:?}");
    assert!(run_by_key(bed.one(), bed.ours, "once").await.unwrap().is_some());
    assert!(run_by_key(bed.one(), bed.ours, "never").await.unwrap().is_none());
}

/// The intent of a call: counted before it is begun again, gone with its result, the next attempt in its place.
async fn calls(bed: &Bed) {
    let first = |run| RunWrite::CallOpen(Box::new(bed.call(run, 1)));
    let run = RunId(Uuid::from_u128(1));
    bed.insert(bed.one(), run, None, vec![first(run)]).await.unwrap();
    let claim = |call: OpenCall| {
        bed.one().write(move |tx| async move { call_claim(tx, &call).await }.boxed())
    };
    assert_eq!(calls_open(bed.one(), 10).await.unwrap(), vec![Ok(bed.call(run, 1))]);
    assert_eq!(claim(bed.call(run, 1)).await, Ok(Some(2)));
    assert_eq!(claim(bed.call(run, 2)).await, Ok(None), "there is no such attempt");
    let second = RunWrite::CallOpen(Box::new(bed.call(run, 2)));
    bed.advance(bed.one(), bed.commit(run, 1, vec![second])).await.unwrap();
    assert_eq!(claim(bed.call(run, 1)).await, Ok(None), "the second attempt has its place");
    assert_eq!(claim(bed.call(run, 2)).await, Ok(Some(2)), "counted anew");
    let rest = |call: OpenCall| {
        bed.one().write(move |tx| {
            async move {
                call_leave(
                    tx,
                    call.organization,
                    call.run,
                    (call.call, call.attempt),
                    CallState::Parked,
                )
                .await
            }
            .boxed()
        })
    };
    rest(bed.call(run, 1)).await.unwrap();
    assert_eq!(calls_open(bed.one(), 10).await.unwrap().len(), 1, "not the first one's to park");
    rest(bed.call(run, 2)).await.unwrap();
    assert_eq!(calls_open(bed.one(), 10).await.unwrap(), vec![]);
    let close = RunWrite::CallClose(bed.call(run, 2).call);
    bed.advance(bed.one(), bed.commit(run, 2, vec![close])).await.unwrap();
    assert_eq!(claim(bed.call(run, 2)).await, Ok(None));
}

/// Every pair of a state and a step, those that change nothing too.
async fn calls_go_as_their_table_says(bed: &Bed) {
    let from = std::iter::once(None).chain(CallState::ALL.into_iter().map(Some));
    let pairs = from.flat_map(|from| CallStep::ALL.map(|step| (from, step)));
    for (number, (from, step)) in pairs.enumerate() {
        let run = bed.run(1 + number as u128, vec![]).await;
        let reached = match from {
            None => vec![],
            Some(CallState::Open) => vec![CallStep::Opened],
            Some(CallState::Parked) => vec![CallStep::Opened, CallStep::Parked],
            Some(CallState::Held) => vec![CallStep::Opened, CallStep::Held],
            Some(CallState::Offered) => vec![CallStep::Offered],
            Some(CallState::Claimed) => vec![CallStep::Offered, CallStep::Claimed],
            Some(CallState::Waiting) => vec![CallStep::Opened, CallStep::Queued],
        };
        for step in reached {
            bed.call_step(run, step).await;
        }
        let call = bed.call(run, 1).call;
        assert_eq!(call_state(bed.one(), bed.ours, run, call).await, Ok(from));
        bed.call_step(run, step).await;
        let to = call_state(bed.one(), bed.ours, run, call).await;
        assert_eq!(to, Ok(call_next(from, step)), "{from:?} --{step:?}-->");
    }
}

/// What a server that lives committed is not made by another one.
async fn calls_have_one_owner(bed: &Bed) {
    let [one, other] = bed.stores.as_slice() else { return };
    let run = RunId(Uuid::from_u128(1));
    let open = vec![RunWrite::CallOpen(Box::new(bed.call(run, 1)))];
    bed.insert(one, run, None, open).await.unwrap();
    assert_eq!(calls_open(other, 10).await.unwrap(), vec![]);
    let call = bed.call(run, 1);
    let claimed = other.write(move |tx| async move { call_claim(tx, &call).await }.boxed());
    assert_eq!(claimed.await, Ok(None));
    assert_eq!(calls_open(one, 10).await.unwrap().len(), 1);
}

/// Due times in order, oldest first; what was moved fires at its new time.
async fn timers(bed: &Bed) {
    let set = |name: &str, ms| RunWrite::TimerSet(TimerId(name.into()), at(ms));
    let writes = vec![set("a3.wait", 30), set("a1.wait", 10), set("a2.wait", 20)];
    let run = bed.run(1, writes).await;
    let names = async |now, limit| {
        let due = timers_due(bed.one(), at(now), limit).await.unwrap();
        due.into_iter().map(|due| due.timer.0).collect::<Vec<_>>()
    };
    assert_eq!(timer_next(bed.one()).await.unwrap(), Some(at(10)));
    assert_eq!(names(9, 10).await, Vec::<String>::new());
    assert_eq!(names(25, 10).await, ["a1.wait", "a2.wait"]);
    assert_eq!(names(99, 1).await, ["a1.wait"], "the oldest first");
    let due = timers_due(bed.one(), at(10), 1).await.unwrap().remove(0);
    bed.advance(bed.one(), bed.commit(run, 1, vec![set("a1.wait", 40)])).await.unwrap();
    let take = |due: DueTimer| {
        bed.one().write(move |tx| async move { timer_take(tx, &due).await }.boxed())
    };
    assert_eq!(take(due.clone()).await, Err(StoreError::Conflict { what: MOVED_TIMER }));
    assert_eq!(names(35, 10).await, ["a2.wait", "a3.wait"]);
    let back = |due: DueTimer, until| {
        bed.one().write(move |tx| async move { timer_set_back(tx, &due, until).await }.boxed())
    };
    let next = timers_due(bed.one(), at(25), 1).await.unwrap().remove(0);
    assert_eq!(back(next.clone(), at(50)).await, Ok(()));
    let moved = Err(StoreError::Conflict { what: MOVED_TIMER });
    assert_eq!(back(next, at(60)).await, moved, "it is not due any more as it was");
    assert_eq!(names(45, 10).await, ["a3.wait", "a1.wait"]);
    assert_eq!(take(DueTimer { due_at: at(40), ..due }).await, Ok(()));
    let gone = ["a1.wait", "a2.wait", "a3.wait"];
    let gone = gone.map(|name| RunWrite::TimerDelete(TimerId(name.into())));
    bed.advance(bed.one(), bed.commit(run, 2, gone.into())).await.unwrap();
    assert_eq!(timer_next(bed.one()).await.unwrap(), None);
}

/// No two servers fire the same timer while both live.
async fn timers_have_one_owner(bed: &Bed) {
    let [one, other] = bed.stores.as_slice() else { return };
    let set = |number| RunWrite::TimerSet(TimerId(format!("a{number}.wait")), at(number));
    bed.run(1, (0..40).map(set).collect()).await;
    let takes = (0..4_usize).map(|number| timers_due(bed.of(number), at(100), 10));
    for taken in futures::future::join_all(takes).await {
        taken.unwrap();
    }
    let all = [one, other].map(|store| timers_due(store, at(100), 100));
    let counts = futures::future::join_all(all).await;
    let counts: usize = counts.into_iter().map(|due| due.unwrap().len()).sum();
    assert_eq!(counts, 40, "what one has the other does not get");
}

/// A wait hears what comes, and what came since its run began, and nothing from before.
async fn events_before_and_after_a_wait(bed: &Bed) {
    assert_eq!(bed.record(bed.one(), "letter", Some("a"), 5).await, Some(1));
    let run = bed.run(1, vec![]).await;
    assert_eq!(bed.record(bed.of(1), "letter", Some("b"), 15).await, Some(2));
    assert_eq!(bed.record(bed.one(), "letter", Some("b"), 25).await, None, "recorded once");
    let opens = bed.commit(run, 1, vec![wait_open("letter", 10)]);
    bed.advance(bed.one(), opens).await.unwrap();
    let told = bed.told(run).await;
    assert_eq!(told.iter().map(|told| told.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let other = bed.run(2, vec![wait_open("call", 10)]).await;
    assert_eq!(bed.told(other).await, vec![]);
    let number = bed.record(bed.of(1), "call", Some("c"), 30).await.unwrap();
    assert_eq!(outside_listeners(bed.one(), bed.ours, number, 10).await.unwrap(), vec![other]);
    assert_eq!(bed.told(other).await.len(), 1);
    let close = bed.commit(other, 1, vec![RunWrite::WaitClose(ActivationId(1))]);
    bed.advance(bed.one(), close).await.unwrap();
    assert_eq!(bed.told(other).await, vec![]);
}

/// Events are told one by one, in the order of their numbers, none twice.
async fn events_in_order(bed: &Bed) {
    let run = bed.run(1, vec![wait_open("parcel", 0)]).await;
    let records = (0..20_usize).map(async |number| {
        let key = (number / 2).to_string();
        bed.record(bed.of(number), "parcel", Some(&key), 10).await
    });
    let recorded = futures::future::join_all(records).await;
    assert_eq!(recorded.into_iter().flatten().count(), 10, "each key once");
    let mut numbers = Vec::new();
    while let Some(told) = bed.told(run).await.into_iter().next() {
        let (ours, number) = (bed.ours, told.number);
        numbers.push(number);
        let seen = bed.one().write(move |tx| {
            async move { wait_seen(tx, ours, run, "parcel", number).await }.boxed()
        });
        seen.await.unwrap();
    }
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
}

/// A request is decided once, and a run that says it holds none is looked at.
async fn approvals(bed: &Bed) {
    let run = bed.run(1, vec![]).await;
    let id = ApprovalId(Uuid::from_u128(9));
    let mut new = NewApproval::new(bed.ours, id, ApprovalKind::Decision, "Go on?");
    new.run = Some(run);
    let open = RunWrite::ApprovalOpen(Box::new(new));
    bed.advance(bed.one(), bed.commit(run, 1, vec![open])).await.unwrap();
    let end = RunCommit { holds_nothing: true, ..bed.commit(run, 2, vec![RunWrite::End]) };
    assert!(is_fenced(&bed.advance(bed.one(), end.clone()).await), "it holds one");
    let ours = bed.ours;
    let close = |number: usize| {
        let by = number.to_string();
        let answer = serde_json::Value::Null;
        let decided = Decided { by, at: at(1), reason: String::new(), answer };
        let state = if number.is_multiple_of(2) {
            ApprovalState::Approved
        } else {
            ApprovalState::Rejected
        };
        bed.of(number).write(move |tx| {
            async move { approval_close(tx, ours, id, Some(1), state, &decided).await }.boxed()
        })
    };
    let results = futures::future::join_all((0..8).map(close)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| is_fenced(result)).count(), 7, "{results:?}");
    bed.advance(bed.one(), end).await.unwrap();
}

/// A run is started only for a call that is to be made, and places are given to so many at once.
async fn links_and_slots(bed: &Bed) {
    let parent = RunId(Uuid::from_u128(1));
    let open = vec![RunWrite::CallOpen(Box::new(bed.call(parent, 1)))];
    bed.insert(bed.one(), parent, None, open).await.unwrap();
    let link = RunLink {
        organization: bed.ours,
        run: RunId(Uuid::from_u128(2)),
        parent,
        call: bed.call(parent, 1).call,
        attempt: 1,
        root_workflow: bed.workflow,
        depth: 1,
    };
    let insert = |link: RunLink| {
        bed.one().write(move |tx| async move { link_insert(tx, &link).await }.boxed())
    };
    assert!(is_fenced(&insert(RunLink { attempt: 2, ..link }).await));
    insert(link).await.unwrap();
    let stop = RunWrite::ChildStop(link.call);
    bed.advance(bed.one(), bed.commit(parent, 1, vec![stop])).await.unwrap();
    assert_eq!(links_due(bed.one(), 10).await.unwrap(), vec![(link, LinkState::Stop)]);

    let mut runs = Vec::new();
    for number in 10..16 {
        runs.push(bed.run(number, vec![RunWrite::SlotAsk("key".into(), 2)]).await);
    }
    let ours = bed.ours;
    let grants = runs.into_iter().enumerate().map(|(number, run)| {
        bed.of(number).write(move |tx| async move { slot_grant(tx, ours, run).await }.boxed())
    });
    let granted = futures::future::join_all(grants).await;
    assert_eq!(granted.iter().filter(|granted| **granted == Ok(true)).count(), 2, "{granted:?}");
    assert_eq!(slots_free(bed.one(), 10).await.unwrap(), vec![]);
}

/// Changes are told to every server, numbered without a gap, those of one run in its order.
async fn feed(bed: &Bed) {
    let mut feeds: Vec<_> = bed.stores.iter().map(Store::feed).collect();
    let run = bed.run(1, vec![]).await;
    for number in 1..10 {
        let commit = bed.commit(run, number, vec![]);
        bed.advance(bed.of(usize::try_from(number).unwrap()), commit).await.unwrap();
    }
    for feed in &mut feeds {
        let mut told = Vec::new();
        while told.len() < 10 {
            let next = tokio::time::timeout(Duration::from_secs(60), feed.recv()).await;
            let entry = next.expect("the feed stands still").expect("none is left out");
            if entry.topic == "run" && entry.resource == run.0 {
                told.push((entry.number, entry.payload["seq"].as_u64().unwrap()));
            }
        }
        assert!(told.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{told:?}");
        let numbers: Vec<u64> = told.iter().map(|(_, seq)| *seq).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    }
}

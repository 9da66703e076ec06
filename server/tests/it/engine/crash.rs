//! The process dies at the n-th commit, for every n, before it or right after it, and the next one
//! finishes what was begun without doing again what was committed.

use super::support::*;
use crate::support::database::on_each;
use futures::FutureExt;
use server::{engine::*, store::*};
use signalbox::run::*;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

pub struct DieAt {
    pub point: FaultPoint,
    pub left: AtomicUsize,
    pub died: Notify,
}

impl Faults for DieAt {
    fn strike(&self, point: FaultPoint) -> bool {
        if point != self.point {
            return false;
        }
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            self.died.notify_one();
        }
        left == 1
    }
}

/// A step, a retry, a loop, a wait, a person, parallel branches: one of each that commits.
fn scenario() -> signalbox::graph::Graph {
    let nodes = [
        ("t", trigger()),
        ("a", action()),
        ("shaky", retrying(3, 1_000)),
        ("each", serde_json::json!({"type": "loop", "items": "{{ [1, 2] }}"})),
        ("body", action()),
        ("w", wait_ms(60_000)),
        ("left", action()),
        ("right", action()),
        ("h", human()),
        ("last", action()),
        ("e", end()),
    ];
    graph(
        &nodes,
        "t>a a>shaky shaky>each each.next>body body>each each.done>w w>left w>right left>h right>h \
         h.approved>last last>e",
    )
}

fn script(bench: &Bench) {
    bench.script.answer("shaky", [failure(ErrorKind::ExecutorError)]);
}

/// Drives until nothing is left to do: timers and people included.
async fn finish(bench: &Bench) -> Result<RunStatus, EngineError> {
    let start = StartRun { idempotency_key: Some("only".into()), ..Default::default() };
    let started = bench.engine.start_run(bench.organization, bench.workflow, 1, start).await?;
    loop {
        bench.engine.run_virtually(&bench.clock, None).await?;
        if bench.approve_all().await? == 0 {
            return Ok(run_fetch(&bench.store, bench.organization, started.run).await?.status);
        }
    }
}

/// Completions that are on disk: activation, with the event's number.
async fn committed(bench: &Bench) -> HashMap<u64, Event> {
    let key = run_by_key(&bench.store, bench.organization, "only").await.unwrap();
    let Some(run) = key else { return HashMap::new() };
    bench.events(run.id).await.into_iter().map(|event| (event.seq, event)).collect()
}

/// Calls whose result is in the journal.
fn answered(events: &HashMap<u64, Event>) -> HashSet<signalbox::id::CallId> {
    let mut calls: HashMap<ActivationId, signalbox::id::CallId> = HashMap::new();
    let mut sorted: Vec<&Event> = events.values().collect();
    sorted.sort_by_key(|event| event.seq);
    let mut answered = HashSet::new();
    for event in sorted {
        match &event.body {
            EventBody::CallRequested { activation, call, .. } => {
                calls.insert(*activation, *call);
            }
            EventBody::NodeCompleted { activation, .. } => {
                answered.extend(calls.get(activation));
            }
            _ => {}
        }
    }
    answered
}

/// One crash; true when the scenario was over before it came to that.
async fn crash_once(point: FaultPoint, n: usize) -> bool {
    let mut bench = Bench::new(scenario()).await;
    script(&bench);
    let faults = Arc::new(DieAt { point, left: AtomicUsize::new(n), died: Notify::new() });
    let options = StoreOptions { faults: Some(faults.clone()), ..Default::default() };
    bench.restart_with(options).await;

    let clean = tokio::select! {
        result = finish(&bench) => matches!(result, Ok(status) if status.phase() == RunPhase::Completed),
        () = faults.died.notified() => false,
    };
    bench.restart().await;
    let before = committed(&bench).await;
    let (done_before, made_before) = (answered(&before), bench.script.made().len());

    let status = finish(&bench).await.unwrap();
    assert_eq!(status.phase(), RunPhase::Completed, "{point:?} {n}");
    let after = committed(&bench).await;
    for (seq, event) in &before {
        assert_eq!(after.get(seq), Some(event), "{point:?} {n}: what was committed stays");
    }
    let run = run_by_key(&bench.store, bench.organization, "only").await.unwrap().unwrap();
    bench.sound(run.id).await;
    bench.nothing_left().await;
    let runs = run_list(&bench.store, bench.organization, &RunFilter::default(), None, 10).await;
    assert_eq!(runs.unwrap().len(), 1, "{point:?} {n}: one run for one key");
    for made in &bench.script.made()[made_before..] {
        assert!(
            !done_before.contains(&made.call),
            "{point:?} {n}: {} was done again although its result was committed",
            made.node
        );
    }
    let mut attempts: HashMap<_, usize> = HashMap::new();
    for made in bench.script.made() {
        *attempts.entry((made.call, made.attempt)).or_default() += 1;
    }
    let again = attempts.values().filter(|count| **count > 1).count();
    // Left and right are in flight together; no other two calls are.
    assert!(again <= 2, "{point:?} {n}: {again} attempts were made again after one crash");
    clean
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_commit_loses_nothing_and_repeats_nothing_that_was_committed() {
    on_each(a_crash_at_any_commit).await;
}

async fn a_crash_at_any_commit() {
    for point in [FaultPoint::BeforeCommit, FaultPoint::AfterCommit] {
        let mut crashes = 0;
        for n in 1.. {
            // Caught, so that the failing n is known whatever breaks.
            let clean = std::panic::AssertUnwindSafe(crash_once(point, n)).catch_unwind().await;
            match clean {
                Ok(true) => break,
                Ok(false) => crashes += 1,
                Err(panic) => {
                    eprintln!("crash at {point:?} {n}");
                    std::panic::resume_unwind(panic);
                }
            }
        }
        assert!(crashes >= 10, "the scenario commits {crashes} times only");
    }
}

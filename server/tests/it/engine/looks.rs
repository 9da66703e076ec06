//! Looks are made beside the commit that says so; what they found counts only after it.

use super::support::*;
use crate::support::database::on_each;
use server::{
    engine::{EngineConfig, WriteOp},
    store::*,
};
use signalbox::run::*;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// Notes how many calls had been begun when each commit was on disk, and strikes once so many were begun.
struct Watch {
    script: Arc<Script>,
    made: Mutex<Vec<usize>>,
    strikes: Mutex<Option<(FaultPoint, usize)>>,
    has_struck: AtomicBool,
}

impl Watch {
    fn new(script: &Arc<Script>) -> Arc<Self> {
        Arc::new(Self {
            script: script.clone(),
            made: Mutex::default(),
            strikes: Mutex::default(),
            has_struck: AtomicBool::default(),
        })
    }

    /// Waits until it has noted a commit by when so many calls had been begun, for 10 seconds at most.
    async fn noted(&self, made: usize) {
        for _ in 0..2_000 {
            if self.made.lock().unwrap().last() == Some(&made) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// What it noted since it was asked last, each number once: the store has commits of its own at its start.
    fn take_made(&self) -> Vec<usize> {
        let mut made = std::mem::take(&mut *self.made.lock().unwrap());
        made.dedup();
        made
    }
}

impl Faults for Watch {
    fn strike(&self, point: FaultPoint) -> bool {
        let made = self.script.made().len();
        if point == FaultPoint::AfterCommit {
            self.made.lock().unwrap().push(made);
        }
        let strikes = *self.strikes.lock().unwrap() == Some((point, made));
        self.has_struck.fetch_or(strikes, Ordering::SeqCst);
        strikes
    }
}

async fn watched(nodes: &[(&str, serde_json::Value)], edges: &str) -> (Bench, Arc<Watch>) {
    let mut bench = Bench::new(graph(nodes, edges)).await;
    let watch = Watch::new(&bench.script);
    let options = StoreOptions { faults: Some(watch.clone()), ..StoreOptions::default() };
    bench.restart_with(options).await;
    (bench, watch)
}

// On one thread, so that a call that is begun beside a commit is begun before its end.
#[tokio::test]
async fn a_look_begins_beside_its_commit_and_any_other_call_after_it() {
    on_each(async || {
        for (step, at_commits) in [(look(), &[0, 2][..]), (action(), &[0, 1, 2])] {
            let nodes = [("t", trigger()), ("a", step.clone()), ("b", step), ("e", end())];
            let (bench, watch) = watched(&nodes, "t>a a>b b>e").await;
            let run = bench.start_plain().await;
            bench.engine.settled().await;
            assert_eq!(bench.phase(run).await, RunPhase::Completed);
            assert_eq!(watch.take_made(), at_commits);
            assert_eq!(bench.script.nodes(), ["a", "b"], "each is made once");
        }
    })
    .await;
}

#[tokio::test]
async fn a_look_behind_what_somebody_wrote_with_the_commit_finds_it() {
    on_each(async || {
        let nodes = [("t", trigger()), ("h", human()), ("a", look()), ("e", end())];
        let (bench, watch) = watched(&nodes, "t>h h.approved>a a>e").await;
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        watch.take_made();
        assert_eq!(bench.approve_all().await.unwrap(), 1);
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        assert_eq!(watch.take_made(), [0, 1], "the decision, before the look; the end");
    })
    .await;
}

#[tokio::test]
async fn a_look_behind_what_rides_with_the_commit_finds_it() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action()), ("b", look()), ("e", end())];
        let (bench, watch) = watched(&nodes, "t>a a>b b>e").await;
        bench.script.answer("a", [Says::Hang]);
        let run = bench.start_plain().await;
        let pause = std::time::Duration::from_millis(5);
        while bench.script.made().is_empty() {
            tokio::time::sleep(pause).await;
        }
        watch.take_made();
        let Made { call, attempt, .. } = bench.script.made().remove(0);
        let output = serde_json::Value::Null;
        let command = Command::CallSucceeded { call, attempt, output, usage: None };
        let rides: WriteOp = Box::new(|_| Box::pin(std::future::ready(Ok(()))));
        bench.engine.command_with(bench.organization, run, command, rides).await.unwrap();
        while bench.phase(run).await != RunPhase::Completed {
            tokio::time::sleep(pause).await;
        }
        // The last commit can be read before the watch has noted it.
        watch.noted(2).await;
        assert_eq!(watch.take_made(), [1, 2], "the answer, before the look; the end");
    })
    .await;
}

#[tokio::test]
async fn what_a_look_found_is_dropped_with_its_commit() {
    on_each(async || {
        for (point, begun, again) in
            [(FaultPoint::BeforeCommit, 1, &["a", "b"][..]), (FaultPoint::AfterCommit, 2, &["b"])]
        {
            let nodes = [("t", trigger()), ("a", look()), ("b", look()), ("e", end())];
            let (mut bench, watch) = watched(&nodes, "t>a a>b b>e").await;
            *watch.strikes.lock().unwrap() = Some((point, begun));
            let run = bench.start_plain().await;
            while !watch.has_struck.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            bench.engine.shutdown().await;
            let made = bench.script.made().len();
            bench.restart().await;
            bench.drive().await;
            assert_eq!(bench.phase(run).await, RunPhase::Completed);
            assert_eq!(
                bench.script.nodes()[made..],
                *again,
                "{point:?}: what is not on disk is made again"
            );
            let once = bench.completed(run).await;
            assert_eq!(once, once.keys().map(|of| (*of, 1)).collect::<HashMap<_, _>>());
        }
    })
    .await;
}

#[tokio::test]
async fn a_look_that_takes_longer_than_its_commit_has_its_time_limit() {
    on_each(async || {
        let mut slow = look();
        slow["policy"] = serde_json::json!({"timeout_ms": 30});
        let nodes = [("t", trigger()), ("a", look()), ("b", slow)];
        let (bench, watch) = watched(&nodes, "t>a a>b").await;
        bench.script.answer("b", [Says::Hang]);
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Failed);
        assert_eq!(watch.take_made()[..2], [0, 2], "it began beside its commit");
        let events = bench.events(run).await;
        let timed_out = events.iter().any(|event| {
            matches!(&event.body, EventBody::NodeFailed { error, .. } if error.kind == ErrorKind::Timeout)
        });
        assert!(timed_out, "{events:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_look_that_takes_longer_than_its_commit_goes_on_before_its_turn() {
    on_each(async || {
        let nodes = [("t", trigger()), ("a", action()), ("b", look()), ("e", end())];
        let config = EngineConfig { calls_max: 1, ..EngineConfig::default() };
        let bench = Bench::with(graph(&nodes, "t>a a>b b>e"), config).await;
        bench.script.answer("a", [Says::Hang]);
        bench.script.answer("b", [Says::Later(100)]);
        let pause = std::time::Duration::from_millis(5);
        bench.start_plain().await; // its call has the only place
        while bench.script.made().is_empty() {
            tokio::time::sleep(pause).await;
        }
        let run = bench.start_plain().await;
        let open = calls_open(&bench.store, 10).await.unwrap();
        let waiting = open.into_iter().flatten().find(|call| call.run == run).unwrap();
        let (call, attempt) = (waiting.call, waiting.attempt);
        let output = serde_json::Value::Null;
        let answer = Command::CallSucceeded { call, attempt, output, usage: None };
        bench.tell(run, answer).await.unwrap();
        assert_eq!(bench.script.nodes(), ["a", "b"], "the look has begun");
        let done = async {
            while bench.script.in_flight.load(Ordering::SeqCst) > 1 {
                tokio::time::sleep(pause).await;
            }
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(20), done).await;
        in_time.expect("it is done, although its turn has not come");
    })
    .await;
}

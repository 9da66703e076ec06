//! The process dies at the n-th commit, for every n, before it or right after it: no time of a schedule and no
//! event is lost, and none starts two runs.

use super::support::*;
use crate::engine::{crash::DieAt, support::*};
use futures::FutureExt;
use serde_json::json;
use server::{engine::*, store::*};
use signalbox::{graph::Graph, id::WorkflowId};
use std::sync::{Arc, atomic::AtomicUsize};
use tokio::sync::Notify;

const HOURS: usize = 3;

/// Starts when a run of the other workflow is over.
fn follower() -> Graph {
    let trigger = json!({ "on": "event", "event_type": "workflow.completed" });
    let filter = json!({ "filter": "event.workflow == 'Test' && event.outcome == 'completed'" });
    started_by(trigger, filter, &[("b", action())])
}

async fn finish(bench: &Bench) -> Result<(), EngineError> {
    live_until(bench, at("2023-11-15T01:30:00Z")).await
}

/// One crash; true when all was over before it came to that.
async fn crash_once(point: FaultPoint, n: usize) -> bool {
    let mut bench = Bench::new(scheduled("0 * * * *", json!({}))).await;
    let follower = publish(&bench.store, bench.organization, follower()).await;
    let faults = Arc::new(DieAt { point, left: AtomicUsize::new(n), died: Notify::new() });
    let options = StoreOptions { faults: Some(faults.clone()), ..Default::default() };
    bench.restart_with(options).await;
    let clean = tokio::select! {
        result = finish(&bench) => result.is_ok(),
        () = faults.died.notified() => false,
    };
    bench.restart().await;
    finish(&bench).await.unwrap();
    check(&bench, follower).await;
    clean
}

async fn check(bench: &Bench, follower: WorkflowId) {
    let expected = ["2023-11-15T00:00", "2023-11-15T01:00", "2023-11-15T02:00"];
    assert_eq!(times(bench, bench.workflow).await, expected);
    let followed = inputs(bench, follower).await;
    let mut runs: Vec<&str> =
        followed.iter().map(|input| input["runId"].as_str().unwrap()).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!((runs.len(), followed.len()), (HOURS, HOURS), "one run for each that ended");
    assert!(events_pending(&bench.store, 10).await.unwrap().is_empty());
    let unfinished = RunFilter::default();
    for run in run_list(&bench.store, bench.organization, &unfinished, None, 100).await.unwrap() {
        assert!(run.ended_at.is_some());
        bench.sound(run.id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_commit_neither_loses_nor_doubles_a_firing() {
    for point in [FaultPoint::BeforeCommit, FaultPoint::AfterCommit] {
        let mut crashes = 0;
        for n in 1.. {
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

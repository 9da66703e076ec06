//! Runs that runs start: how long they may take, and how many a queue has at the same time.

use super::{crash::DieAt, support::*};
use crate::support::database::on_each;
use chrono::TimeDelta;
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::{
    graph::Graph,
    id::*,
    run::*,
    wire::{QueueLimit, QueueSettings},
};
use std::sync::{Arc, Mutex, atomic::AtomicUsize};
use tokio::sync::Notify;

/// An organisation whose queue `slow` has so many places.
struct Places(Mutex<u32>);

impl Places {
    fn new(count: u32) -> Arc<Self> {
        Arc::new(Self(Mutex::new(count)))
    }
}

impl Organizations for Places {
    fn zone(&self, _: OrganizationId) -> BoxFuture<'_, chrono_tz::Tz> {
        std::future::ready(chrono_tz::Tz::UTC).boxed()
    }

    fn queues(&self, _: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>> {
        let limit = QueueLimit { concurrency: *self.0.lock().unwrap(), per_minute: None };
        std::future::ready(Ok(QueueSettings([("slow".to_owned(), limit)].into()))).boxed()
    }
}

fn sub(workflow: WorkflowId, policy: Value) -> Value {
    json!({"type": "subworkflow", "workflow": workflow, "policy": policy})
}

fn around(inner: WorkflowId, policy: Value) -> Graph {
    graph(&[("t", trigger()), ("s", sub(inner, policy)), ("e", end())], "t>s s>e")
}

/// A bench whose workflow runs another one, in which a person is asked.
async fn nested(policy: Value, places: Arc<Places>) -> (Bench, WorkflowId) {
    let config = EngineConfig { organizations: places, ..EngineConfig::default() };
    let nodes = [("t", trigger()), ("h", human())];
    let mut bench = Bench::with(graph(&nodes, "t>h"), config).await;
    let inner = bench.workflow;
    let outer = around(inner, policy);
    bench.workflow = publish(&bench.store, bench.organization, outer).await;
    (bench, inner)
}

async fn children(bench: &Bench, inner: WorkflowId) -> Vec<Run> {
    let filter = RunFilter { workflow: Some(inner), ..RunFilter::default() };
    run_list(&bench.store, bench.organization, &filter, None, 100).await.unwrap()
}

/// How many there are, and how many of them are not over.
async fn counts(bench: &Bench, inner: WorkflowId) -> (usize, usize) {
    let all = children(bench, inner).await;
    (all.len(), all.iter().filter(|run| run.ended_at.is_none()).count())
}

async fn until(bench: &Bench, seconds: i64) {
    let at = epoch() + TimeDelta::seconds(seconds);
    bench.engine.run_virtually(&bench.clock, Some(at)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_longer_than_the_step_may_is_stopped_and_tried_again() {
    on_each(async || {
        let policy =
            json!({"timeout_ms": 60_000, "retry": {"retries_max": 1, "backoff_ms": 1_000}});
        let (mut bench, inner) = nested(policy, Places::new(9)).await;
        let run = bench.start_plain().await;
        until(&bench, 59).await;
        assert_eq!(counts(&bench, inner).await, (1, 1));
        // The limit is a row.
        bench.restart().await;
        let limit = epoch() + TimeDelta::seconds(60);
        assert_eq!(timer_next(&bench.store).await.unwrap(), Some(limit));
        bench.drive().await;
        let RunStatus::Failed { error_message } = bench.row(run).await.status else {
            panic!("{:?}", bench.row(run).await)
        };
        assert!(error_message.contains("longer than 60 seconds"), "{error_message}");
        let both = children(&bench, inner).await;
        assert_eq!(both.len(), 2, "each attempt starts a run of its own");
        for child in both {
            let RunStatus::Stopped { reason, .. } = &child.status else { panic!("{child:?}") };
            assert!(reason.contains("the time limit of the step \u{201c}s\u{201d}"), "{reason}");
            bench.sound(child.id).await;
        }
        assert_eq!(links_due(&bench.store, 10).await.unwrap(), vec![]);
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_in_time_leaves_no_limit_behind() {
    on_each(async || {
        let (bench, inner) = nested(json!({"timeout_ms": 60_000}), Places::new(9)).await;
        let (run, stopped) = (bench.start_plain().await, bench.start_plain().await);
        until(&bench, 59).await;
        let stop = Command::Stop { reason: "enough".into(), by: "Ada".into(), replaced_by: None };
        bench.tell(stopped, stop).await.unwrap();
        bench.engine.settled().await;
        bench.approve_all().await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        assert_eq!(bench.clock.now(), epoch() + TimeDelta::seconds(59), "nothing is waited for");
        let stopped_children = children(&bench, inner).await.into_iter().filter_map(|child| {
            let RunStatus::Stopped { reason, .. } = child.status else { return None };
            Some(reason)
        });
        let reasons: Vec<String> = stopped_children.collect();
        assert_eq!(reasons, ["The run that started it does not wait for it any more."]);
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ended_in_time_is_not_too_late_because_its_end_is_told_later() {
    on_each(async || {
        let (mut bench, inner) = nested(json!({"timeout_ms": 60_000}), Places::new(9)).await;
        let run = bench.start_plain().await;
        until(&bench, 59).await;
        // The process dies when the other run has ended, and before this one is told.
        let (point, left) = (FaultPoint::AfterCommit, AtomicUsize::new(1));
        let faults = Arc::new(DieAt { point, left, died: Notify::new() });
        let options = StoreOptions { faults: Some(faults.clone()), ..Default::default() };
        bench.restart_with(options).await;
        tokio::select! {
            _ = bench.approve_all() => {}
            () = faults.died.notified() => {}
        }
        bench.clock.advance_to(epoch() + TimeDelta::hours(2));
        bench.restart().await;
        bench.engine.fire_due().await.unwrap();
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (1, 0));
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_runs_on_while_the_run_is_paused() {
    on_each(async || {
        let policy = json!({"timeout_ms": 60_000, "retry": {"retries_max": 1, "backoff_ms": 5}});
        let (bench, inner) = nested(policy, Places::new(9)).await;
        let run = bench.start_plain().await;
        until(&bench, 30).await;
        bench.tell(run, Command::Pause { by: "Ada".into() }).await.unwrap();
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (1, 0), "it is stopped, and no other one begins");
        bench.tell(run, Command::Resume { by: "Ada".into() }).await.unwrap();
        bench.engine.settled().await;
        assert_eq!(counts(&bench, inner).await, (2, 1));
        bench.approve_all().await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_has_so_many_runs_of_runs_at_once_however_they_end() {
    on_each(async || {
        let places = Places::new(2);
        let (mut bench, inner) = nested(json!({"queue": "slow"}), places.clone()).await;
        let mut runs = vec![];
        for _ in 0..6 {
            runs.push(bench.start_plain().await);
        }
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (2, 2));
        bench.restart().await;
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (2, 2), "those that wait are rows");
        for run in &runs {
            bench.sound(*run).await;
        }
        let stop =
            || Command::Stop { reason: "enough".into(), by: "Ada".into(), replaced_by: None };
        let goes = |all: Vec<Run>| all.into_iter().find(|run| run.ended_at.is_none()).unwrap().id;
        // One is given up by the run that waits for it, and one is stopped by itself.
        let child = goes(children(&bench, inner).await);
        let link = link_fetch(&bench.store, bench.organization, child).await.unwrap().unwrap();
        bench.tell(link.parent, stop()).await.unwrap();
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (3, 2));
        let child = goes(children(&bench, inner).await);
        bench.tell(child, stop()).await.unwrap();
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (4, 2));
        // A place more, and then whoever is left.
        *places.0.lock().unwrap() = 3;
        bench.engine.queues_changed(bench.organization);
        bench.drive().await;
        assert_eq!(counts(&bench, inner).await, (5, 3));
        while bench.approve_all().await.unwrap() > 0 {
            bench.drive().await;
        }
        assert_eq!(counts(&bench, inner).await, (6, 0));
        for run in runs {
            assert!(bench.phase(run).await.is_terminal());
            bench.sound(run).await;
        }
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_its_queue_is_not_late() {
    on_each(async || {
        let policy = json!({"queue": "slow", "timeout_ms": 60_000});
        let (bench, inner) = nested(policy, Places::new(1)).await;
        let mut runs = vec![];
        for _ in 0..9 {
            runs.push(bench.start_plain().await);
        }
        // Each takes 50 seconds of its 60, one after the other.
        for turn in 1..=9 {
            until(&bench, turn * 50).await;
            assert_eq!(counts(&bench, inner).await, (usize::try_from(turn).unwrap(), 1));
            assert_eq!(bench.approve_all().await.unwrap(), 1);
            bench.engine.settled().await;
        }
        bench.drive().await;
        for run in runs {
            assert_eq!(bench.phase(run).await, RunPhase::Completed);
        }
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_one_run_after_another_lets_others_in_between() {
    on_each(async || {
        let (mut bench, inner) = nested(json!({"queue": "slow"}), Places::new(1)).await;
        let one = bench.workflow;
        let nodes = [
            ("t", trigger()),
            ("each", json!({"type": "loop", "items": "{{ [1, 2, 3, 4, 5, 6, 7, 8] }}"})),
            ("s", sub(inner, json!({"queue": "slow"}))),
            ("e", end()),
        ];
        let many = graph(&nodes, "t>each each.next>s s>each each.done>e");
        bench.workflow = publish(&bench.store, bench.organization, many).await;
        let many = bench.start_plain().await;
        bench.drive().await;
        bench.workflow = one;
        let others = [bench.start_plain().await, bench.start_plain().await];
        bench.drive().await;
        for _ in 0..6 {
            assert_eq!(bench.approve_all().await.unwrap(), 1);
            bench.drive().await;
        }
        assert!(bench.phase(others[0]).await.is_terminal(), "it was before most of the turns");
        while bench.approve_all().await.unwrap() > 0 {
            bench.drive().await;
        }
        for run in [many, others[0], others[1]] {
            assert_eq!(bench.phase(run).await, RunPhase::Completed);
            bench.sound(run).await;
        }
        bench.nothing_left().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_a_queue_does_not_wait_for_itself() {
    on_each(async || {
        let (mut bench, inner) = nested(json!({"queue": "slow"}), Places::new(1)).await;
        let middle = bench.workflow;
        let outer = around(middle, json!({"queue": "slow"}));
        bench.workflow = publish(&bench.store, bench.organization, outer).await;
        let (first, second) = (bench.start_plain().await, bench.start_plain().await);
        bench.drive().await;
        assert_eq!(counts(&bench, middle).await, (1, 1));
        assert_eq!(
            counts(&bench, inner).await,
            (1, 1),
            "it goes in the place of the one around it"
        );
        while bench.approve_all().await.unwrap() > 0 {
            bench.drive().await;
        }
        assert_eq!(bench.phase(first).await, RunPhase::Completed);
        assert_eq!(bench.phase(second).await, RunPhase::Completed);
        bench.nothing_left().await;
    })
    .await;
}

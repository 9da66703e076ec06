//! Timers over which the server ends again and again.

use super::{crash::DieAt, support::*};
use crate::support::database::on_each;
use chrono::TimeDelta;
use futures::FutureExt;
use server::{engine::Clock, store::*};
use signalbox::{id::RunId, run::*};
use std::sync::{Arc, atomic::AtomicUsize};
use tokio::sync::Notify;

fn sleeper() -> signalbox::graph::Graph {
    graph(&[("t", trigger()), ("w", wait_ms(3_600_000)), ("e", end())], "t>w w>e")
}

/// The timers that are due, as they stand.
async fn due(bench: &Bench) -> Vec<DueTimer> {
    timers_due(&bench.store, bench.clock.now(), 10).await.unwrap()
}

/// As if so many processes had died over the timer of a run.
async fn died_over(bench: &Bench, run: RunId, times: usize) {
    let timer = due(bench).await.into_iter().find(|timer| timer.run == run).unwrap();
    for _ in 0..times {
        let timer = timer.clone();
        let counted =
            bench.store.write(move |tx| async move { timer_try(tx, &timer).await }.boxed());
        counted.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_over_which_the_server_ended_too_often_is_held_and_the_others_go_on() {
    on_each(async || {
        let mut bench = Bench::new(sleeper()).await;
        let (poison, shaky) = (bench.start_plain().await, bench.start_plain().await);
        let (worse, plain) = (bench.start_plain().await, bench.start_plain().await);
        bench.engine.settled().await;
        bench.engine.shutdown().await;
        bench.clock.advance_to(epoch() + TimeDelta::hours(2));
        died_over(&bench, poison, 5).await;
        died_over(&bench, shaky, 4).await;
        died_over(&bench, worse, 6).await;
        bench.restart().await;
        bench.drive().await;
        for run in [shaky, plain] {
            assert_eq!(bench.phase(run).await, RunPhase::Completed);
        }
        let RunStatus::Blocked { reason } = bench.row(poison).await.status else {
            panic!("{:?}", bench.row(poison).await)
        };
        assert!(reason.contains("5 times the server ended"), "{reason}");
        bench.sound(poison).await;
        let row = bench.row(worse).await;
        assert!(row.quarantined, "not even blocking it came to an end");
        assert_eq!(row.status.phase(), RunPhase::Blocked);
        bench.restart().await;
        bench.drive().await;
        assert_eq!(bench.phase(poison).await, RunPhase::Blocked, "it does not come up by itself");
        // A person has it tried again: it is counted anew.
        bench.tell(poison, Command::Resume { by: "Ada".into() }).await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(poison).await, RunPhase::Completed);
        bench.sound(poison).await;
        // So with the one that was set aside, whose journal does not know of that.
        assert!(bench.row(worse).await.quarantined);
        let resumed = bench.tell(worse, Command::Resume { by: "Ada".into() }).await.unwrap();
        assert_ne!(resumed.status.phase(), RunPhase::Blocked);
        let row = bench.row(worse).await;
        assert!(!row.quarantined && row.status == resumed.status, "{row:?}");
        bench.drive().await;
        assert_eq!(bench.phase(worse).await, RunPhase::Completed);
        bench.sound(worse).await;
        bench.nothing_left().await;
    })
    .await;
}

/// A process that fires what is due and dies of its n-th commit.
async fn dies(bench: &mut Bench, n: usize) {
    let point = FaultPoint::BeforeCommit;
    let faults = Arc::new(DieAt { point, left: AtomicUsize::new(n), died: Notify::new() });
    let options = StoreOptions { faults: Some(faults.clone()), ..Default::default() };
    bench.restart_with(options).await;
    tokio::select! {
        _ = bench.engine.fire_due() => {}
        () = faults.died.notified() => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_a_process_may_have_died_over_is_counted_before_it_fires_again() {
    on_each(async || {
        let mut bench = Bench::new(sleeper()).await;
        let run = bench.start_plain().await;
        bench.engine.settled().await;
        bench.clock.advance_to(epoch() + TimeDelta::hours(2));
        // The first dies of its first commit; the next one counts, and dies of what comes then.
        for n in [1, 2] {
            dies(&mut bench, n).await;
        }
        bench.restart().await;
        let tries: Vec<u32> = due(&bench).await.into_iter().map(|timer| timer.tries).collect();
        assert_eq!(tries, [1]);
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
        bench.nothing_left().await;
    })
    .await;
}

//! Outside events: told once, to whom they concern, also those that came just before the wait.

use super::support::*;
use crate::support::database::on_each;
use futures::FutureExt;
use serde_json::json;
use server::{engine::*, store::*};
use signalbox::{id::ContactId, run::*};

fn event(contact: Option<ContactId>, key: &str) -> OutsideEvent {
    OutsideEvent {
        name: "reply".into(),
        contact,
        run: None,
        source_key: Some(key.into()),
        payload: json!({"text": key}),
    }
}

fn contact() -> ContactId {
    ContactId(uuid::Uuid::now_v7())
}

async fn start_about(bench: &Bench, contact: ContactId) -> signalbox::id::RunId {
    bench.start(StartRun { contacts: vec![contact], ..Default::default() }).await.run
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_wakes_the_runs_it_concerns() {
    on_each(async || {
        let nodes = [("t", trigger()), ("w", wait_event("reply")), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>w w>e")).await;
        let (ada, bob) = (contact(), contact());
        let (of_ada, of_bob) = (start_about(&bench, ada).await, start_about(&bench, bob).await);
        assert_eq!(bench.row(of_ada).await.status, RunStatus::StandBy { next_execution_at: None });
        let tell = |event| bench.engine.outside_event(bench.organization, event);
        assert_eq!(tell(event(Some(ada), "m1")).await.unwrap(), Some(1));
        assert_eq!(tell(event(Some(ada), "m1")).await.unwrap(), None, "the provider said it twice");
        bench.engine.settled().await;
        assert_eq!(bench.phase(of_ada).await, RunPhase::Completed);
        assert_eq!(bench.phase(of_bob).await, RunPhase::StandBy, "not about Bob");
        // The second event is the end of Ada's run.
        assert_eq!(tell(event(None, "m2")).await.unwrap(), Some(3));
        bench.engine.settled().await;
        assert_eq!(bench.phase(of_bob).await, RunPhase::Completed, "about nobody: about all");
        bench.sound(of_ada).await;
        bench.sound(of_bob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_just_before_the_wait_is_not_lost_and_ends_one_wait_only() {
    on_each(async || {
        let nodes = [
            ("t", trigger()),
            ("pause", wait_ms(1_000)),
            ("first", wait_event("reply")),
            ("second", wait_event("reply")),
            ("e", end()),
        ];
        let bench = Bench::new(graph(&nodes, "t>pause pause>first first>second second>e")).await;
        let ada = contact();
        let tell = |key| bench.engine.outside_event(bench.organization, event(Some(ada), key));
        tell("before the run").await.unwrap();
        bench.clock.advance_ms(10);
        let run = start_about(&bench, ada).await;
        bench.clock.advance_ms(10);
        tell("before the wait").await.unwrap();
        bench.drive().await;
        assert_eq!(
            bench.row(run).await.current_node.as_deref(),
            Some("second"),
            "the first wait found the event, the second did not find it again"
        );
        tell("after").await.unwrap();
        bench.drive().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_was_told_of_is_told_at_the_next_start() {
    on_each(async || {
        let nodes = [("t", trigger()), ("w", wait_event("reply")), ("e", end())];
        let mut bench = Bench::new(graph(&nodes, "t>w w>e")).await;
        let ada = contact();
        let run = start_about(&bench, ada).await;
        bench.engine.settled().await; // the start's own look is over
        let (organization, now) = (bench.organization, bench.clock.now());
        let recorded = event(Some(ada), "m1");
        bench
            .store
            .write(move |tx| {
                async move { outside_record(tx, organization, &recorded, now).await }.boxed()
            })
            .await
            .unwrap();
        bench.engine.settled().await;
        assert_eq!(
            bench.phase(run).await,
            RunPhase::StandBy,
            "recorded, not told: as after a crash"
        );
        bench.restart().await;
        bench.engine.settled().await;
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_counts_by_its_number_whatever_the_clock_says_that_stamped_it() {
    on_each(async || {
        let nodes = [("t", trigger()), ("pause", wait_ms(1_000)), ("w", wait_event("reply"))];
        let bench = Bench::new(graph(&nodes, "t>pause pause>w")).await;
        let tell = async |key: &str, at: chrono::DateTime<chrono::Utc>| {
            let (organization, event) = (bench.organization, event(None, key));
            let told = bench.store.write(move |tx| {
                async move { outside_record(tx, organization, &event, at).await }.boxed()
            });
            bench.engine.outside_poke(organization, told.await.unwrap().unwrap());
            bench.engine.settled().await;
        };
        let hour = chrono::TimeDelta::hours(1);
        // Before the run, by a clock that is an hour ahead: it does not count.
        tell("before", epoch() + hour).await;
        let early = bench.start_plain().await;
        // After it, by one that is an hour behind: the first is there before the wait, the second after it.
        tell("during the pause", epoch() - hour).await;
        bench.drive().await;
        assert_eq!(bench.phase(early).await, RunPhase::Completed, "it came before the wait");
        let late = bench.start_plain().await;
        bench.drive().await;
        assert_eq!(bench.phase(late).await, RunPhase::StandBy, "nothing came since it began");
        tell("during the wait", epoch() - hour).await;
        assert_eq!(bench.phase(late).await, RunPhase::Completed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_sent_again_is_found_by_its_source_and_wakes_nobody_again() {
    on_each(async || {
        let waits = || wait_event("order.placed");
        let nodes = [("t", trigger()), ("w", waits()), ("v", waits()), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>w w>v v>e")).await;
        let run = bench.start_plain().await;
        let send = async |key: &str| {
            let event = OutsideEvent { name: "order.placed".into(), ..event(None, key) };
            let sent = bench.engine.event_send(bench.organization, event, Some(run)).await;
            bench.engine.settled().await;
            sent.unwrap()
        };
        let first = send("call/1").await;
        assert!(first.is_new);
        assert_eq!(send("call/1").await, SentEvent { is_new: false, ..first });
        assert_eq!(bench.row(run).await.current_node.as_deref(), Some("v"));
        assert_eq!(send("call/2").await.number, first.number + 1);
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
    })
    .await;
}

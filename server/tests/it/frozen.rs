//! Connections to the database that go dead without a word, as behind a firewall that forgets them: the server comes
//! back by itself, and stops when it is told.

use crate::{
    engine::support::{Script, action, end, graph, publish, trigger, wait_ms},
    support::{
        database::{Place, on_each_postgres},
        proxy::Proxy,
    },
};
use server::{engine::*, store::*};
use signalbox::{id::*, run::RunPhase};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// A server that works through a proxy.
struct World {
    proxy: Proxy,
    store: Store,
    engine: EngineHandle,
    organization: OrganizationId,
    workflow: WorkflowId,
}

impl World {
    async fn new(place: &Place) -> Self {
        let proxy = Proxy::before(&place.url()).await;
        let store = Store::connect(&proxy.url(), StoreOptions::default()).await.unwrap();
        let config =
            EngineConfig { timekeeping: Timekeeping::Automatic, ..EngineConfig::default() };
        let script = Arc::new(Script::default());
        let engine = Engine::start(store.clone(), script, Arc::new(SystemClock), config);
        let organization = OrganizationId(Uuid::now_v7());
        let nodes = [("t", trigger()), ("w", wait_ms(200)), ("a", action()), ("e", end())];
        let workflow = publish(&store, organization, graph(&nodes, "t>w w>a a>e")).await;
        Self { proxy, store, engine, organization, workflow }
    }

    /// Whether a run is started, waits, makes its call and ends: what reads, writes, claims and numbers.
    async fn works(&self) -> bool {
        let start = StartRun { started_by: "test".into(), ..StartRun::default() };
        let started = self.engine.start_run(self.organization, self.workflow, 1, start).await;
        let Ok(Started { run, .. }) = started else { return false };
        let wait = Duration::from_secs(8);
        let ended = self.engine.wait(self.organization, run, WaitFor::End, wait).await;
        ended.is_ok_and(|status| status.phase() == RunPhase::Completed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_connections_went_dead_works_again_and_stops_when_told() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let world = World::new(&place).await;
        // Many at once, so that all connections are open.
        let many = futures::future::join_all((0..40).map(|_| world.works())).await;
        assert!(many.into_iter().all(|works| works));
        let mut told = world.store.feed();

        world.proxy.freeze();
        let again = async {
            while !world.works().await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(Duration::from_secs(30), again).await.expect("it does not work again");
        assert!(world.store.may_work(), "its lease is held");
        timeout(Duration::from_secs(5), told.recv()).await.expect("the feed stands").unwrap();

        // In the middle of its work.
        let working = async {
            futures::future::join_all((0..10).map(|_| world.works())).await;
            std::future::pending::<()>().await;
        };
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            world.proxy.freeze();
            world.engine.shutdown().await;
            world.store.close().await;
        };
        let stopped = async {
            tokio::select! {
                () = stopping => {}
                () = working => {}
            }
        };
        timeout(Duration::from_secs(30), stopped).await.expect("it does not stop");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_gets_no_answer_is_given_up_with_its_connection() {
    on_each_postgres(async || {
        let place = Place::new().await;
        let world = World::new(&place).await;
        assert!(world.works().await);
        // Longer than a connection that reads is taken as sound.
        tokio::time::sleep(Duration::from_millis(5_200)).await;
        world.proxy.freeze();
        let read = async || {
            run_list(&world.store, world.organization, &RunFilter::default(), None, 1).await
        };
        let runs = async {
            loop {
                if let Ok(runs) = read().await {
                    return runs;
                }
            }
        };
        let runs = timeout(Duration::from_secs(20), runs).await.expect("it waits for the dead");
        assert_eq!(runs.len(), 1);
        world.engine.shutdown().await;
        world.store.close().await;
    })
    .await;
}

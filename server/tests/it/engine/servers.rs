//! Several servers on one PostgreSQL: one goes on where another one died, and each hears of the others.

use super::support::*;
use crate::support::database::{Place, on_each, on_each_postgres};
use chrono::TimeDelta;
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::{id::*, run::*, wire::QueueSettings};
use sqlx::{Connection, PgConnection};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(60);

/// One more server on the bench's database, by the real clock.
async fn another(bench: &Bench) -> (Store, EngineHandle, Arc<Script>) {
    another_with(bench, bench.config.clone()).await
}

async fn another_with(bench: &Bench, config: EngineConfig) -> (Store, EngineHandle, Arc<Script>) {
    let (store, script) = (bench.place.open().await, Arc::new(Script::default()));
    let config = EngineConfig { timekeeping: Timekeeping::Automatic, ..config };
    let engine = Engine::start(store.clone(), script.clone(), Arc::new(SystemClock), config);
    (store, engine, script)
}

async fn sql(place: &Place, sql: &'static str) {
    let mut conn = PgConnection::connect(&place.url()).await.unwrap();
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

fn one_step() -> signalbox::graph::Graph {
    graph(&[("t", trigger()), ("a", action()), ("b", action()), ("e", end())], "t>a a>b b>e")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_server_that_is_gone_is_made_by_another() {
    on_each_postgres(async || {
        let bench = Bench::new(one_step()).await;
        bench.script.answer("a", [Says::Hang]);
        let run = bench.start_plain().await;
        let (store, engine, script) = another(&bench).await;
        // The bench's server is alive and owns the call: nobody else makes it.
        assert!(calls_open(&store, 10).await.unwrap().is_empty());
        sql(
            &bench.place,
            "UPDATE servers SET expires_at = now() - interval '1 second'
             WHERE epoch = (SELECT min(epoch) FROM servers)",
        )
        .await;
        let status = engine.wait(bench.organization, run, WaitFor::End, PATIENCE).await.unwrap();
        assert_eq!(status.phase(), RunPhase::Completed);
        assert_eq!(script.nodes(), ["a", "b"], "the other server made both calls");
        bench.sound(run).await;
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_waits_here_is_told_what_happened_there() {
    on_each_postgres(async || {
        let nodes = [("t", trigger()), ("h", human()), ("e", end())];
        let bench = Bench::new(graph(&nodes, "t>h h.approved>e")).await;
        let run = bench.start_plain().await;
        let (store, engine, _) = another(&bench).await;
        let waiting = engine.wait(bench.organization, run, WaitFor::End, PATIENCE);
        let (status, approved) = futures::join!(waiting, bench.approve_all());
        assert_eq!((status.unwrap().phase(), approved.unwrap()), (RunPhase::Completed, 1));
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_asks_for_when_it_is_retried_at_once_is_not_cancelled_with_its_end() {
    on_each_postgres(async || {
        let bench = Bench::new(one_step()).await;
        let (store, engine, script) = another(&bench).await;
        let (organization, workflow) = (bench.organization, bench.workflow);
        // The news of the end comes a moment after it, when the call of the retry is on its way.
        for _ in 0..5 {
            let again = Says::LaterIfWanted(700);
            script.answer("a", [failure(ErrorKind::InvalidInput), again]);
            let started = engine.start_run(organization, workflow, 1, StartRun::default()).await;
            let run = started.unwrap().run;
            let ended = engine.wait(organization, run, WaitFor::End, PATIENCE).await.unwrap();
            assert_eq!(ended.phase(), RunPhase::Failed);
            let reopen = Command::Reopen { by: "Ada".into(), from: None };
            engine.command(organization, run, reopen).await.unwrap();
            let ended = engine.wait(organization, run, WaitFor::End, PATIENCE).await.unwrap();
            assert_eq!(ended.phase(), RunPhase::Completed, "{ended:?}");
        }
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_command_one_run_and_no_step_is_done_twice() {
    on_each_postgres(async || {
        let steps: Vec<String> = (0..12).map(|number| format!("h{number}")).collect();
        let mut nodes: Vec<(&str, Value)> = vec![("t", trigger())];
        nodes.extend(steps.iter().map(|step| (step.as_str(), human())));
        nodes.push(("e", end()));
        let mut edges: Vec<String> = vec!["t>h0".into()];
        edges.extend((1..12).map(|number| format!("h{}.approved>h{number}", number - 1)));
        edges.push("h11.approved>e".into());
        let bench = Bench::new(graph(&nodes, &edges.join(" "))).await;
        let run = bench.start_plain().await;
        let (store, engine, _) = another(&bench).await;
        loop {
            let pending = bench.engine.approvals_open(bench.organization, run).await.unwrap();
            let Some(approval) = pending.first() else { break };
            let decide = |by: EngineHandle| {
                let (id, revision) = (approval.request.id, approval.revision);
                let decision = Decision::Approve { answer: Value::Null };
                async move {
                    by.decide_approval(bench.organization, id, revision, decision, "Ada").await
                }
            };
            let (one, other) = futures::join!(decide(bench.engine.clone()), decide(engine.clone()));
            assert!(one.is_ok() != other.is_ok(), "one of two decides: {one:?}, {other:?}");
        }
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
        bench.sound(run).await;
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

/// A step that is not over beside a question and what comes after it: so the first server keeps the run in memory, and
/// does not see what another one does to it.
async fn beside_a_hanging_step(after: (&str, Value)) -> (Bench, Store, EngineHandle, RunId) {
    let nodes = [("t", trigger()), ("a", action()), ("h", human()), after];
    let edges = format!("t>a t>h h.approved>{}", nodes[3].0);
    let bench = Bench::new(graph(&nodes, &edges)).await;
    bench.script.answer("a", [Says::Hang]);
    let run = bench.start_plain().await;
    let store = bench.place.open().await;
    let clock = Arc::new(bench.clock.clone());
    let other = Engine::start(store.clone(), bench.script.clone(), clock, bench.config.clone());
    approve_one(&bench, &other, run).await;
    (bench, store, other, run)
}

async fn approve_one(bench: &Bench, by: &EngineHandle, run: RunId) {
    let pending = by.approvals_open(bench.organization, run).await.unwrap();
    let (id, revision) = (pending[0].request.id, pending[0].revision);
    let decision = Decision::Approve { answer: Value::Null };
    by.decide_approval(bench.organization, id, revision, decision, "Ada").await.unwrap();
}

async fn completed(bench: &Bench, run: RunId, node: &str) -> bool {
    let (events, _) = events_after(&bench.store, bench.organization, run, 0, 1_000).await.unwrap();
    let of_node = events.iter().find_map(|event| match &event.body {
        EventBody::NodeStarted { activation, node: id, .. } if id.0 == node => Some(*activation),
        _ => None,
    });
    events.iter().any(|event| {
        matches!(&event.body, EventBody::NodeCompleted { activation, .. } if Some(*activation) == of_node)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_although_another_server_moved_the_run_to_its_wait() {
    on_each_postgres(async || {
        let (bench, store, other, run) = beside_a_hanging_step(("w", wait_event("reply"))).await;
        let event = OutsideEvent {
            name: "reply".into(),
            contact: None,
            run: Some(run),
            source_key: None,
            payload: Value::Null,
        };
        bench.engine.outside_event(bench.organization, event).await.unwrap();
        let waited = async {
            while !completed(&bench, run, "w").await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waited).await.expect("it was told");
        other.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_although_another_server_set_it() {
    on_each_postgres(async || {
        let (bench, store, other, run) = beside_a_hanging_step(("w", wait_ms(1_000))).await;
        bench.clock.advance_ms(2_000);
        bench.engine.fire_due().await.unwrap();
        assert!(completed(&bench, run, "w").await, "its wait is over");
        other.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_here_although_another_server_brought_it_up() {
    on_each_postgres(async || {
        let (bench, store, other, run) = beside_a_hanging_step(("h2", human())).await;
        approve_one(&bench, &bench.engine, run).await;
        assert!(completed(&bench, run, "h2").await);
        other.shutdown().await;
        store.close().await;
    })
    .await;
}

/// Stops whoever loads a run between its row and its journal, where the organisation's zone is asked for.
struct Barrier {
    arrived: Semaphore,
    may_go: Semaphore,
}

impl Barrier {
    fn new() -> Arc<Self> {
        Arc::new(Self { arrived: Semaphore::new(0), may_go: Semaphore::new(0) })
    }

    async fn somebody_arrives(&self) {
        let arrived = tokio::time::timeout(PATIENCE, self.arrived.acquire()).await;
        arrived.expect("nobody loads a run").unwrap().forget();
    }

    fn open(&self) {
        self.may_go.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl Organizations for Barrier {
    fn zone(&self, _: OrganizationId) -> BoxFuture<'_, chrono_tz::Tz> {
        async move {
            self.arrived.add_permits(1);
            self.may_go.acquire().await.unwrap().forget();
            chrono_tz::Tz::UTC
        }
        .boxed()
    }

    fn queues(&self, _: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>> {
        std::future::ready(Ok(QueueSettings::default())).boxed()
    }
}

/// Approves what a step asks, through a server.
async fn approve(
    bench: &Bench,
    by: &EngineHandle,
    run: RunId,
    node: &str,
) -> Result<server::engine::Outcome, EngineError> {
    let pending = by.approvals_open(bench.organization, run).await.unwrap();
    let asks = |a: &&Approval| a.request.node == Some(NodeId(node.into()));
    let approval = pending.iter().find(asks).unwrap_or_else(|| panic!("{node} asks nothing"));
    let decision = Decision::Approve { answer: Value::Null };
    by.decide_approval(bench.organization, approval.request.id, approval.revision, decision, "Ada")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_changes_its_version_while_it_is_loaded_goes_on_in_the_new_one() {
    on_each_postgres(async || {
        let (t, h) = (("t", trigger()), ("h", human()));
        let first = [t.clone(), h.clone(), ("old", human())];
        let bench = Bench::new(graph(&first, "t>h h.approved>old")).await;
        let version = NewVersion {
            organization: bench.organization,
            workflow: bench.workflow,
            draft_rev: 1,
            graph: graph(&[t, h, ("new", human())], "t>h h.approved>new"),
            note: String::new(),
            published_by: String::new(),
        };
        let publish = bench
            .store
            .write(move |tx| async move { version_publish(tx, &version, epoch()).await }.boxed());
        publish.await.unwrap();
        let run = bench.start_plain().await;
        let barrier = Barrier::new();
        let config = EngineConfig { organizations: barrier.clone(), ..bench.config.clone() };
        let (store, engine, _) = another_with(&bench, config).await;
        let deciding = approve(&bench, &engine, run, "h");
        let migrating = async {
            barrier.somebody_arrives().await;
            bench.engine.migrate_run(bench.organization, run, 2, "Ada").await.unwrap();
            barrier.open();
        };
        let (decided, ()) = futures::join!(deciding, migrating);
        decided.unwrap();
        let open = bench.engine.approvals_open(bench.organization, run).await.unwrap();
        assert_eq!(open[0].request.node, Some(NodeId("new".into())));
        bench.sound(run).await;
        engine.shutdown().await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_comes_while_its_lease_fires_keeps_the_task() {
    on_each(async || {
        let task =
            json!({"type": "task", "worker": "cmo", "instructions": "Plan", "lease_ms": 9000});
        let barrier = Barrier::new();
        let organizations = barrier.clone();
        let config = EngineConfig { organizations, cells_max: 1, ..EngineConfig::default() };
        let nodes = [("t", trigger()), ("k", task), ("e", end())];
        barrier.may_go.add_permits(100);
        let bench = Bench::with(graph(&nodes, "t>k k>e"), config).await;
        let run = bench.start_plain().await;
        let wanted = TaskWanted { worker: "cmo".into(), ..TaskWanted::default() };
        let claimed = bench.engine.task_claim(bench.organization, &wanted, None).await.unwrap();
        let claimed = claimed.expect("a task");
        let call = claimed.task.call.call;
        for _ in 0..3 {
            bench.start_plain().await; // takes the first run's place in memory
        }
        for permits in [&barrier.arrived, &barrier.may_go] {
            permits.forget_permits(Semaphore::MAX_PERMITS);
        }
        bench.clock.advance_to(epoch() + TimeDelta::seconds(9));
        let beating = async {
            barrier.somebody_arrives().await; // the timer is read and about to be told
            let beat = bench.engine.task_beat(bench.organization, call, claimed.claim, None).await;
            barrier.open();
            beat
        };
        let (fired, beat) = futures::join!(bench.engine.fire_due(), beating);
        assert_eq!(beat.unwrap(), epoch() + TimeDelta::seconds(18));
        fired.unwrap();
        let done = bench.engine.task_complete(bench.organization, call, claimed.claim, json!({}));
        done.await.expect("it was told that it has the task for nine seconds more");
        assert_eq!(bench.phase(run).await, RunPhase::Completed);
    })
    .await;
}

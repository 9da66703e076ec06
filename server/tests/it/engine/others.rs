//! Work that others do: tasks of outside workers, runs of other workflows, runs that take turns.

use super::support::*;
use chrono::TimeDelta;
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::{graph::TaskExecutor, id::*, run::*};

fn sub(workflow: WorkflowId, policy: Value) -> Value {
    json!({"type": "subworkflow", "workflow": workflow, "input": {"say": "hi"}, "policy": policy})
}

/// A bench whose workflow runs another one, which does what `inner` does.
async fn nested(inner: &[(&str, Value)], edges: &str, policy: Value) -> (Bench, WorkflowId) {
    let mut bench = Bench::new(graph(inner, edges)).await;
    let inner = bench.workflow;
    let outer = graph(&[("t", trigger()), ("s", sub(inner, policy)), ("e", end())], "t>s s>e");
    bench.workflow = publish(&bench.store, bench.organization, outer).await;
    (bench, inner)
}

async fn child(bench: &Bench, inner: WorkflowId) -> Run {
    let filter = RunFilter { workflow: Some(inner), ..RunFilter::default() };
    let rows = run_list(&bench.store, bench.organization, &filter, None, 10).await.unwrap();
    assert_eq!(rows.len(), 1, "one run, however often it is asked for");
    rows[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_workflow_gives_its_end() {
    let nodes = [("t", trigger()), ("a", action()), ("h", human())];
    let (mut bench, inner) = nested(&nodes, "t>a a>h", json!({})).await;
    let run = bench.start_plain().await;
    bench.drive().await;
    assert_eq!(bench.phase(run).await, RunPhase::StandBy, "it waits for the other one");
    let inside = child(&bench, inner).await;
    assert_eq!(inside.status.phase(), RunPhase::AwaitingInput);
    // Nothing of it is in memory only.
    bench.restart().await;
    bench.drive().await;
    child(&bench, inner).await;
    bench.approve_all().await.unwrap();
    bench.drive().await;
    let RunStatus::Completed { .. } = bench.row(run).await.status else {
        panic!("{:?}", bench.row(run).await)
    };
    let events = bench.events(run).await;
    let output = events.iter().find_map(|event| match &event.body {
        EventBody::NodeCompleted { output, .. } if output["run"] == json!(inside.id) => {
            Some(output)
        }
        _ => None,
    });
    assert_eq!(output.unwrap()["outcome"], "completed");
    bench.sound(run).await;
    bench.sound(inside.id).await;
    bench.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_stops_the_runs_that_it_started() {
    let (bench, inner) = nested(&[("t", trigger()), ("h", human())], "t>h", json!({})).await;
    let run = bench.start_plain().await;
    bench.drive().await;
    let stop = Command::Stop { reason: "enough".into(), by: "Ada".into(), replaced_by: None };
    bench.tell(run, stop).await.unwrap();
    bench.drive().await;
    let inside = child(&bench, inner).await;
    assert_eq!(inside.status.phase(), RunPhase::Stopped);
    assert_eq!(links_due(&bench.store, 10).await.unwrap(), vec![]);
    bench.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_fails_the_step_that_started_it_and_a_workflow_does_not_start_itself_for_ever()
 {
    let nodes = [("t", trigger()), ("a", action())];
    let (bench, inner) = nested(&nodes, "t>a", json!({})).await;
    bench.script.answer("a", [failure(ErrorKind::InvalidInput)]);
    let run = bench.start_plain().await;
    bench.drive().await;
    child(&bench, inner).await;
    let RunStatus::Failed { error_message } = bench.row(run).await.status else { panic!() };
    assert_eq!(error_message, "Its run failed: no luck");

    // Every workflow of the bench is called Test.
    let itself = json!({"type": "subworkflow", "workflow": "Test"});
    let bench = Bench::new(graph(&[("t", trigger()), ("s", itself)], "t>s")).await;
    let run = bench.start_plain().await;
    bench.drive().await;
    let RunStatus::Failed { error_message } = bench.row(run).await.status else { panic!() };
    assert!(error_message.contains("nested 16 deep"), "{error_message}");
}

fn task(policy: Value) -> signalbox::graph::Graph {
    let task = json!({"type": "task", "worker": "cmo", "instructions": "Plan", "lease_ms": 9000, "policy": policy,
        "output_schema": {"type": "object", "required": ["plan"]}});
    graph(&[("t", trigger()), ("k", task), ("e", end())], "t>k k>e")
}

fn agent(worker: &str) -> TaskWanted {
    TaskWanted { kinds: vec![TaskExecutor::Agent], worker: worker.into(), ..TaskWanted::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_done_by_the_worker_that_has_it() {
    let mut bench = Bench::new(task(json!({"retry": {"retries_max": 1, "backoff_ms": 5}}))).await;
    let organization = bench.organization;
    let run = bench.start_plain().await;
    let claim = async |bench: &Bench, worker: &str| {
        bench.engine.task_claim(organization, &agent(worker), None).await.unwrap()
    };
    assert_eq!(claim(&bench, "other").await, None, "it names its worker");
    let other = OrganizationId(uuid::Uuid::from_u128(77));
    let theirs = bench.engine.task_claim(other, &agent("cmo"), None).await.unwrap();
    assert_eq!(theirs, None, "another organisation's task");
    // Over a restart it is still there to be taken.
    bench.restart().await;
    let both = futures::future::join_all((0..8).map(|_| claim(&bench, "cmo"))).await;
    let taken: Vec<Claimed> = both.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1, "one of many that ask at once gets it");
    let first = &taken[0];
    let call = first.task.call.call;
    // Heartbeats move the lease; without them another worker may take it.
    bench.clock.advance_to(epoch() + TimeDelta::seconds(8));
    let until = bench.engine.task_beat(organization, call, first.claim, None).await.unwrap();
    assert_eq!(until, epoch() + TimeDelta::seconds(17));
    bench.engine.run_virtually(&bench.clock, Some(epoch() + TimeDelta::seconds(16))).await.unwrap();
    assert_eq!(claim(&bench, "cmo").await, None);
    bench.engine.run_virtually(&bench.clock, Some(epoch() + TimeDelta::seconds(18))).await.unwrap();
    let second = claim(&bench, "cmo").await.unwrap();
    let late =
        bench.engine.task_complete(organization, call, first.claim, json!({"plan": 1})).await;
    assert!(matches!(late, Err(EngineError::Store(StoreError::Conflict { .. }))), "{late:?}");
    // An output that does not satisfy the schema is an attempt that failed.
    let wrong =
        bench.engine.task_complete(organization, call, second.claim, json!({})).await.unwrap();
    assert!(wrong.unwrap().contains("plan"));
    bench.engine.run_virtually(&bench.clock, Some(epoch() + TimeDelta::seconds(20))).await.unwrap();
    let third = claim(&bench, "cmo").await.unwrap();
    assert_eq!(third.task.call.attempt, 2);
    let done =
        bench.engine.task_complete(organization, call, third.claim, json!({"plan": 1})).await;
    assert_eq!(done.unwrap(), None);
    assert_eq!(bench.phase(run).await, RunPhase::Completed);
    bench.drive().await;
    bench.sound(run).await;
    bench.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_give_a_task_back_or_fail_it() {
    let bench = Bench::new(task(json!({}))).await;
    let (organization, run) = (bench.organization, bench.start_plain().await);
    let claim =
        async || bench.engine.task_claim(organization, &agent("cmo"), None).await.unwrap().unwrap();
    let first = claim().await;
    let call = first.task.call.call;
    bench.engine.task_release(organization, call, first.claim, "busy".into()).await.unwrap();
    let second = claim().await;
    assert_ne!(first.claim, second.claim);
    let error = StepError::new(ErrorKind::InvalidInput, "no such market");
    bench.engine.task_fail(organization, call, second.claim, error).await.unwrap();
    let RunStatus::Failed { error_message } = bench.row(run).await.status else { panic!() };
    assert_eq!(error_message, "no such market");
    bench.drive().await;
    bench.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_runs_of_a_key_go_at_once_in_their_order() {
    let mut graph = graph(&[("t", trigger()), ("h", human())], "t>h");
    graph.settings =
        serde_json::from_value(json!({"concurrency": {"key": "c-{{input.id}}", "limit": 2}}))
            .unwrap();
    let mut bench = Bench::new(graph).await;
    let mut runs = vec![];
    for id in [1, 1, 1, 1, 2] {
        runs.push(
            bench.start(StartRun { input: json!({"id": id}), ..Default::default() }).await.run,
        );
        bench.engine.settled().await;
    }
    let phases = async |bench: &Bench| {
        let mut phases = vec![];
        for run in &runs {
            phases.push(bench.phase(*run).await);
        }
        phases
    };
    use RunPhase::{AwaitingInput as Goes, StandBy as Waits, Stopped};
    assert_eq!(phases(&bench).await, [Goes, Goes, Waits, Waits, Goes]);
    bench.restart().await;
    bench.drive().await;
    assert_eq!(phases(&bench).await, [Goes, Goes, Waits, Waits, Goes]);
    let stop = || Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None };
    bench.tell(runs[3], stop()).await.unwrap();
    bench.tell(runs[0], stop()).await.unwrap();
    bench.drive().await;
    assert_eq!(phases(&bench).await, [Stopped, Goes, Goes, Stopped, Goes]);
    bench.sound(runs[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_the_run_that_it_waits_for_share_their_place() {
    let keyed = |mut graph: signalbox::graph::Graph| {
        let settings = json!({"concurrency": {"key": "customer", "limit": 1}});
        graph.settings = serde_json::from_value(settings).unwrap();
        graph
    };
    let inner = keyed(graph(&[("t", trigger()), ("h", human())], "t>h"));
    let mut bench = Bench::new(inner).await;
    let inner = bench.workflow;
    let nodes = [("t", trigger()), ("s", sub(inner, json!({}))), ("e", end())];
    bench.workflow =
        publish(&bench.store, bench.organization, keyed(graph(&nodes, "t>s s>e"))).await;
    let (first, second) = (bench.start_plain().await, bench.start_plain().await);
    bench.drive().await;
    let inside = child(&bench, inner).await;
    assert_eq!(inside.status.phase(), RunPhase::AwaitingInput, "it goes in the place of the other");
    bench.approve_all().await.unwrap();
    bench.drive().await;
    assert_eq!(bench.phase(first).await, RunPhase::Completed);
    bench.approve_all().await.unwrap();
    bench.drive().await;
    assert_eq!(bench.phase(second).await, RunPhase::Completed, "one after the other");
    bench.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_goes_on_from_what_failed() {
    let bench =
        Bench::new(graph(&[("t", trigger()), ("a", action()), ("b", action())], "t>a a>b")).await;
    bench.script.answer("b", [failure(ErrorKind::InvalidInput)]);
    let run = bench.start_plain().await;
    bench.drive().await;
    assert_eq!(bench.phase(run).await, RunPhase::Failed);
    bench.tell(run, Command::Reopen { by: "Ada".into(), from: None }).await.unwrap();
    bench.drive().await;
    assert_eq!(bench.phase(run).await, RunPhase::Completed);
    assert_eq!(bench.script.nodes(), ["a", "b", "b"], "what was done is not done again");
    bench.sound(run).await;
    bench.nothing_left().await;
}

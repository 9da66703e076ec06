//! What the engine does in a second: `cargo bench -p server --bench engine`, a table on standard output.
//!
//! The store is a real file with full durability, in the folder for temporary files (`TMPDIR`), and the
//! executor does nothing, so what is measured is deciding and committing. Beside them stands what the
//! same disk gives to plain commits.

use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::{
    graph::{Edge, Graph, Node},
    id::{OrganizationId, RunId, WorkflowId},
    run::CallRequest,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

struct Nothing;

impl CallExecutor for Nothing {
    fn execute(&self, _: CallContext, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
        std::future::ready(CallOutcome::Succeeded { output: Value::Null, usage: None }).boxed()
    }
}

struct Bench {
    engine: EngineHandle,
    organization: OrganizationId,
}

fn node(id: &str, kind: Value) -> Node {
    Node::new(id, serde_json::from_value(kind).expect("a node kind"))
}

/// `trigger → steps → end`.
fn chain(steps: usize, step: impl Fn(usize) -> Value) -> Graph {
    let mut graph = Graph::default();
    graph.nodes.push(node("start", json!({"type": "trigger"})));
    for number in 0..steps {
        graph.nodes.push(node(&format!("s{number}"), step(number)));
    }
    graph.nodes.push(node("end", json!({"type": "end"})));
    let ids: Vec<_> = graph.nodes.iter().map(|node| node.id.clone()).collect();
    graph.edges =
        ids.windows(2).map(|pair| Edge::new(pair[0].clone(), "success", pair[1].clone())).collect();
    graph
}

fn set(number: usize) -> Value {
    json!({"type": "action", "tool": "set_variables", "parameters": {"n": number}})
}

fn call(_: usize) -> Value {
    json!({"type": "action", "tool": "work", "parameters": {}})
}

fn sleep(_: usize) -> Value {
    json!({"type": "wait", "for": "duration", "duration_ms": 3_600_000})
}

impl Bench {
    async fn publish(&self, graph: Graph) -> WorkflowId {
        let (organization, id) = (self.organization, WorkflowId(Uuid::now_v7()));
        let now = self.engine.clock().now();
        let new = NewWorkflow {
            organization,
            id,
            name: "bench".into(),
            description: String::new(),
            draft: Graph::default(),
            created_by: String::new(),
            labels: Default::default(),
        };
        let version = NewVersion {
            organization,
            workflow: id,
            draft_rev: 1,
            graph,
            note: String::new(),
            published_by: String::new(),
        };
        let published = self.engine.store().write(move |tx| {
            async move {
                workflow_create(tx, &new, now).await?;
                version_publish(tx, &version, now).await
            }
            .boxed()
        });
        published.await.expect("published");
        id
    }

    async fn run(&self, workflow: WorkflowId) -> RunId {
        let start = StartRun { started_by: "bench".into(), ..StartRun::default() };
        self.engine.start_run(self.organization, workflow, 1, start).await.expect("started").run
    }

    /// Runs `count` runs from `clients` at once and waits for the end of each; runs a second.
    async fn runs_per_second(&self, workflow: WorkflowId, clients: usize, count: usize) -> f64 {
        let begin = Instant::now();
        let client = async |_| {
            for _ in 0..count / clients {
                let run = self.run(workflow).await;
                let limit = Duration::from_secs(60);
                let ended = self.engine.wait(self.organization, run, WaitFor::End, limit).await;
                assert!(ended.expect("its status").phase().is_terminal());
            }
        };
        futures::future::join_all((0..clients).map(client)).await;
        (count / clients * clients) as f64 / begin.elapsed().as_secs_f64()
    }

    async fn commits_per_second(&self, writers: usize, count: usize) -> f64 {
        let begin = Instant::now();
        let (organization, now) = (self.organization, self.engine.clock().now());
        let writer = async |_| {
            for _ in 0..count / writers {
                let written = self.engine.store().write(move |tx| {
                    async move {
                        tx.feed_append(organization, "bench", Uuid::nil(), Value::Null, now);
                        Ok(())
                    }
                    .boxed()
                });
                written.await.expect("written");
            }
        };
        futures::future::join_all((0..writers).map(writer)).await;
        (count / writers * writers) as f64 / begin.elapsed().as_secs_f64()
    }
}

fn say(what: &str, number: f64, unit: &str) {
    println!("{what:<52} {number:>10.0} {unit}");
}

#[tokio::main]
async fn main() {
    let folder = std::env::temp_dir().join(format!("signalbox-bench-{}", Uuid::new_v4()));
    let store = Store::open(&folder).await.expect("a store");
    let clock = VirtualClock::at(SystemClock.now());
    let config = EngineConfig { timekeeping: Timekeeping::Driven, ..EngineConfig::default() };
    let engine = Engine::start(store.clone(), Arc::new(Nothing), Arc::new(clock.clone()), config);
    let bench = Bench { engine, organization: OrganizationId(Uuid::now_v7()) };

    for writers in [1, 32] {
        let rate = bench.commits_per_second(writers, 2_000 * writers.min(4)).await;
        say(&format!("floor: one-row writes, {writers} writers"), rate, "writes/s");
    }
    let pure = bench.publish(chain(1_000, set)).await;
    say(
        "W2 pure: 1,000 steps that share commits",
        bench.runs_per_second(pure, 1, 3).await * 1e3,
        "steps/s",
    );
    let effectful = bench.publish(chain(1_000, call)).await;
    let rate = bench.runs_per_second(effectful, 1, 2).await;
    say("W2 effectful: 1,000 steps, a commit each", rate * 1e3, "steps/s");
    let short = bench.publish(chain(3, set)).await;
    for clients in [1, 8, 32] {
        let rate = bench.runs_per_second(short, clients, 500 * clients.min(8)).await;
        say(&format!("W1 without HTTP: 3 pure steps, {clients} clients"), rate, "runs/s");
    }
    let calling = bench.publish(chain(3, call)).await;
    let rate = bench.runs_per_second(calling, 32, 2_000).await;
    say("3 calls, 32 clients", rate, "runs/s");

    let sleeper = bench.publish(chain(1, sleep)).await;
    let begin = Instant::now();
    let start = async |_| bench.run(sleeper).await;
    for _ in 0..20 {
        futures::future::join_all((0..100).map(start)).await;
    }
    say("W4: sleepers put in", 2_000.0 / begin.elapsed().as_secs_f64(), "runs/s");
    clock.advance_ms(3_600_000);
    let begin = Instant::now();
    bench.engine.fire_due().await.expect("fired");
    bench.engine.settled().await;
    say("W4: 2,000 timers due at once, all fired in", begin.elapsed().as_secs_f64() * 1e3, "ms");

    bench.engine.shutdown().await;
    store.close().await;
    let size = std::fs::metadata(folder.join("signalbox.db")).map_or(0, |file| file.len());
    say("the database at the end", size as f64 / 1e6, "MB");
    let _ = std::fs::remove_dir_all(&folder);
}

//! Outside workers over real HTTP: two workers, a lost lease, a restart, schemas, queues, runs that rest.

use super::{
    support::{As, Making, Organization, PASSWORD, Server, document},
    workflows::published,
};
use crate::support::database::{Place, on_each};
use futures::future::join_all;
use serde_json::{Value, json};
use signalbox::{
    client::{Client, Method},
    id::RunId,
    run::RunPhase,
    wire::{
        ErrorCode, ReasonBody, Role, RunStart, TaskBeat, TaskClaim, TaskComplete, TaskFail,
        TaskRelease,
    },
};

/// A workflow with one task; what stands in `task` is added to it.
pub fn task_document(task: Value, policy: Value) -> Value {
    let mut step = json!({ "type": "task", "instructions": "Plan it", "input": "{{input}}" });
    step.as_object_mut().unwrap().extend(task.as_object().unwrap().clone());
    let mut document = document();
    document["name"] = json!("Tasks");
    document["graph"] = json!({
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "manual" } } },
            { "id": "plan", "label": "Plan", "kind": step, "policy": policy },
            { "id": "end", "kind": { "type": "end", "output": "{{plan.output}}" } },
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": "plan" },
            { "id": "e2", "from": "plan", "port": "success", "to": "end" },
        ],
    });
    document
}

struct Shop {
    place: Place,
    server: Server,
    acme: Organization,
}

impl Shop {
    async fn open() -> Self {
        let place = Place::new().await;
        let server = Making::over(place.open().await).start().await;
        let acme = server.organization("acme").await;
        Self { place, server, acme }
    }

    fn worker(&self) -> Client {
        self.server.client(self.acme.token(Role::Editor))
    }

    async fn workflow(&self, task: Value, policy: Value) -> String {
        published(&self.server, &self.acme, &task_document(task, policy)).await
    }

    async fn run(&self, path: &str) -> RunId {
        let id = path.strip_prefix("/api/workflows/").unwrap().parse().unwrap();
        let start = RunStart { input: json!({ "a": 1 }), ..RunStart::default() };
        self.worker().run_start(id, &start, None).await.unwrap().id
    }

    async fn phase(&self, run: RunId) -> RunPhase {
        self.worker().run(run).await.unwrap().run.status.phase()
    }

    /// The same database under another server, as after a crash.
    async fn restart(self) -> Self {
        let Self { place, server, acme } = self;
        server.state.engine().shutdown().await;
        server.state.store().close().await;
        drop(server);
        let server = Making::over(place.open().await).start().await;
        Self { place, server, acme }
    }
}

fn claim(worker: &str) -> TaskClaim {
    TaskClaim { worker: worker.to_owned(), ..TaskClaim::default() }
}

fn patient(worker: &str) -> TaskClaim {
    TaskClaim { wait_ms: Some(30_000), ..claim(worker) }
}

fn done(claim: &str, output: Value) -> TaskComplete {
    TaskComplete { claim: claim.to_owned(), output }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_to_one_of_two_workers_and_its_output_goes_on() {
    on_each(async || {
        let shop = Shop::open().await;
        let path = shop.workflow(json!({}), json!({})).await;
        let worker = shop.worker();
        // Both wait before there is anything.
        let both = async {
            join_all(["one", "two"].map(|name| {
                let worker = worker.clone();
                async move {
                    let wait_ms = Some(3_000);
                    worker.task_claim(&TaskClaim { wait_ms, ..claim(name) }).await.unwrap().tasks
                }
            }))
            .await
        };
        let (got, run) = tokio::join!(both, shop.run(&path));
        let got: Vec<_> = got.into_iter().flatten().collect();
        assert_eq!(got.len(), 1, "one of them has it: {got:?}");
        let task = &got[0];
        assert_eq!((task.run, task.node.as_str(), task.attempt), (run, "plan", 1));
        assert_eq!((&task.title, &task.input), (&"Plan".to_owned(), &json!({ "a": 1 })));
        let beat = TaskBeat { claim: task.claim.clone(), lease_ms: Some(90_000) };
        let lease = worker.task_heartbeat(task.id, &beat).await.unwrap();
        assert!(lease.lease_until > task.lease_until - chrono::TimeDelta::hours(1));
        let told = worker.task_complete(task.id, &done(&task.claim, json!({ "b": 2 }))).await;
        assert_eq!(told.unwrap().run, run);
        let end = worker.run_wait(run, 20_000).await.unwrap();
        assert!(end.ended && end.output == json!({ "b": 2 }), "{end:?}");
        // The same report again is the same; another one comes too late.
        let again = worker.task_complete(task.id, &done(&task.claim, json!({ "b": 2 }))).await;
        assert_eq!(again.unwrap().run, run);
        let late = worker.task_release(task.id, &released(&task.claim)).await.unwrap_err();
        assert_eq!((late.code, late.code.status()), (ErrorCode::LeaseLost, 409));
        let never = worker.task_release(task.id, &released("made up")).await.unwrap_err();
        assert_eq!(never.code, ErrorCode::NotFound);
    })
    .await;
}

fn released(claim: &str) -> TaskRelease {
    TaskRelease { claim: claim.to_owned(), reason: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_not_heard_of_loses_its_task_to_another_one() {
    on_each(async || {
        let shop = Shop::open().await;
        let path = shop.workflow(json!({ "worker": "cmo" }), json!({})).await;
        let (worker, run) = (shop.worker(), shop.run(&path).await);
        let other = worker.task_claim(&claim("cfo")).await.unwrap().tasks;
        assert!(other.is_empty(), "it names its worker");
        let short = TaskClaim { lease_ms: Some(1_000), ..claim("cmo") };
        let first = worker.task_claim(&short).await.unwrap().tasks.remove(0);
        assert!(worker.task_claim(&claim("cmo")).await.unwrap().tasks.is_empty());
        let second = worker.task_claim(&patient("cmo")).await.unwrap().tasks.remove(0);
        assert_eq!((second.id, second.attempt), (first.id, 1));
        assert_ne!(second.claim, first.claim);
        let beat = TaskBeat { claim: first.claim.clone(), lease_ms: None };
        let lost = [
            worker.task_heartbeat(first.id, &beat).await.unwrap_err(),
            worker.task_complete(first.id, &done(&first.claim, json!(1))).await.unwrap_err(),
            worker.task_release(first.id, &released(&first.claim)).await.unwrap_err(),
        ];
        for error in lost {
            assert_eq!((error.code, error.code.status()), (ErrorCode::LeaseLost, 409), "{error}");
            assert!(error.help.contains("heartbeats"), "{error:?}");
        }
        // Over a restart the second one still has it.
        let shop = shop.restart().await;
        let worker = shop.worker();
        assert!(worker.task_claim(&claim("cmo")).await.unwrap().tasks.is_empty());
        worker.task_complete(second.id, &done(&second.claim, json!("done"))).await.unwrap();
        assert_eq!(worker.run_wait(run, 20_000).await.unwrap().output, json!("done"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_must_satisfy_the_schema_of_its_step() {
    on_each(async || {
        let shop = Shop::open().await;
        let schema = json!({ "type": "object", "required": ["plan"] });
        let retry = json!({ "retry": { "retries_max": 1, "backoff_ms": 5 } });
        let path = shop.workflow(json!({ "output_schema": schema }), retry).await;
        let (worker, run) = (shop.worker(), shop.run(&path).await);
        let first = worker.task_claim(&patient("w")).await.unwrap().tasks.remove(0);
        assert_eq!(first.output_schema, schema);
        let wrong = worker.task_complete(first.id, &done(&first.claim, json!({}))).await;
        let wrong = wrong.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::InvalidValue);
        assert!(wrong.message.contains("plan"), "{wrong:?}");
        let second = worker.task_claim(&patient("w")).await.unwrap().tasks.remove(0);
        assert_eq!(second.attempt, 2);
        worker.task_complete(second.id, &done(&second.claim, json!({ "plan": 1 }))).await.unwrap();
        assert_eq!(worker.run_wait(run, 20_000).await.unwrap().output, json!({ "plan": 1 }));

        let run = shop.run(&path).await;
        let task = worker.task_claim(&patient("w")).await.unwrap().tasks.remove(0);
        let message = "no such market".to_owned();
        let fail = TaskFail { claim: task.claim.clone(), message, retry: false };
        worker.task_fail(task.id, &fail).await.unwrap();
        let end = worker.run_wait(run, 20_000).await.unwrap().run.status;
        assert!(serde_json::to_string(&end).unwrap().contains("no such market"), "{end:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_and_queues_choose_and_a_run_that_rests_hands_nothing_out() {
    on_each(async || {
        let shop = Shop::open().await;
        let urgent = json!({ "queue": "slow", "priority": 9 });
        let slow = shop.workflow(json!({ "executor": "system" }), urgent).await;
        let plain = shop.workflow(json!({}), json!({})).await;
        let (resting, working) = (shop.run(&slow).await, shop.run(&plain).await);
        let worker = shop.worker();
        worker.run_pause(resting, &ReasonBody::default()).await.unwrap();
        // The urgent task of the run that rests does not hide the other one.
        let many = TaskClaim { max: Some(50), ..claim("w") };
        let got = worker.task_claim(&many).await.unwrap().tasks;
        assert_eq!(got.iter().map(|task| task.run).collect::<Vec<_>>(), [working]);
        worker.run_resume(resting, &ReasonBody::default()).await.unwrap();
        let of = async |kinds: Value, queues: Value| {
            let asked = json!({ "kinds": kinds, "queues": queues, "worker": "w" });
            let claimed = worker.task_claim(&serde_json::from_value(asked).unwrap()).await.unwrap();
            let mut tasks = claimed.tasks;
            if let Some(task) = tasks.first() {
                worker.task_release(task.id, &released(&task.claim)).await.unwrap();
            }
            tasks.pop().map(|task| task.run)
        };
        assert_eq!(of(json!(["agent", "plugin"]), json!([])).await, None);
        assert_eq!(of(json!(["plugin", "system"]), json!([])).await, Some(resting));
        assert_eq!(of(json!([]), json!(["fast"])).await, None);
        assert_eq!(of(json!([]), json!(["fast", "slow"])).await, Some(resting));
        assert_eq!(shop.phase(resting).await, RunPhase::Executing);
    })
    .await;
}

#[tokio::test]
async fn what_a_worker_may_not_ask_is_refused() {
    let shop = Shop::open().await;
    let editor = shop.acme.machine(Role::Editor);
    for (body, field) in [
        (json!({}), "worker"),
        (json!({ "worker": "w", "max": 0 }), "max"),
        (json!({ "worker": "w", "max": 51 }), "max"),
        (json!({ "worker": "w", "lease_ms": 10 }), "lease_ms"),
        (json!({ "worker": "w", "wait_ms": 60_001 }), "wait_ms"),
        (
            json!({ "worker": "w", "queues": ["a", "b", "c", "d", "e", "f", "g", "h", "i"] }),
            "queues",
        ),
    ] {
        let reply = shop.server.post(&editor, "/api/tasks/claim", &body).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.text);
        assert_eq!(reply.json()["details"]["field"], field, "{body}");
    }
    let viewer: As = shop.acme.machine(Role::Viewer);
    let reply = shop.server.post(&viewer, "/api/tasks/claim", &json!({ "worker": "w" })).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_worker_does_tasks_and_nothing_else() {
    let shop = Shop::open().await;
    let path = shop.workflow(json!({}), json!({})).await;
    let run = shop.run(&path).await;
    let worker = shop.server.client(shop.acme.token(Role::Worker));
    let task = worker.task_claim(&patient("w")).await.unwrap().tasks.remove(0);
    let beat = TaskBeat { claim: task.claim.clone(), lease_ms: None };
    worker.task_heartbeat(task.id, &beat).await.unwrap();
    worker.task_complete(task.id, &done(&task.claim, json!("done"))).await.unwrap();
    assert_eq!(shop.worker().run_wait(run, 20_000).await.unwrap().output, json!("done"));

    shop.run(&path).await;
    let task = worker.task_claim(&patient("w")).await.unwrap().tasks.remove(0);
    let fail = TaskFail { claim: task.claim.clone(), message: "no".to_owned(), retry: false };
    worker.task_fail(task.id, &fail).await.unwrap();

    let machine = shop.acme.machine(Role::Worker);
    let start = shop.server.post(&machine, &format!("{path}/runs"), &json!({})).await;
    assert_eq!((start.status, start.code().as_str()), (403, "forbidden"), "{}", start.text);
    for path in ["/api/contacts", "/api/runs", "/api/workflows", "/api/approvals", "/api/members"] {
        assert_eq!(shop.server.get(&machine, path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn the_role_of_workers_is_for_tokens_alone() {
    let shop = Shop::open().await;
    let admin = shop.acme.machine(Role::Admin);
    let token = json!({ "name": "A worker", "role": "worker" });
    let made = shop.server.post(&admin, "/api/tokens", &token).await;
    assert_eq!((made.status, &made.json()["view"]["role"]), (201, &json!("worker")));
    let member =
        json!({ "name": "W", "email": "w@acme.example", "role": "worker", "password": PASSWORD });
    let refused = shop.server.post(&admin, "/api/members", &member).await;
    assert_eq!(
        (refused.status, &refused.json()["details"]["field"]),
        (422, &json!("role")),
        "{}",
        refused.text
    );
    let path = format!("/api/members/{}", shop.acme.user(Role::Viewer).id);
    let change = json!({ "role": "worker" });
    let refused = shop.server.send(&admin, Method::Patch, &path, &change).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
}

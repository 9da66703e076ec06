//! Doing again over real HTTP: retry, fork, another version; over a restart, by permission.

use super::{
    support::{Making, Organization, Server, document, graph},
    tasks::task_document,
    workflows::published,
};
use crate::support::database::{Place, on_each};
use serde_json::{Value, from_value, json};
use signalbox::{
    client::Client,
    id::{RunId, WorkflowId},
    run::RunPhase,
    wire::*,
};

struct Desk {
    place: Place,
    server: Server,
    acme: Organization,
    client: Client,
}

impl Desk {
    /// With the real tools, on the sandbox.
    async fn open() -> Self {
        let place = Place::new().await;
        let making = Making { tools: Some(String::new()), ..Making::over(place.open().await) };
        let server = making.start().await;
        let acme = server.organization("acme").await;
        let client = server.client(acme.token(Role::Owner));
        Self { place, server, acme, client }
    }

    async fn restart(self) -> Self {
        let Self { place, server, acme, .. } = self;
        server.state.engine().shutdown().await;
        server.state.store().close().await;
        drop(server);
        let making = Making { tools: Some(String::new()), ..Making::over(place.open().await) };
        let server = making.start().await;
        let client = server.client(acme.token(Role::Owner));
        Self { place, server, acme, client }
    }

    async fn publish(&self, document: &Value) -> WorkflowId {
        let path = published(&self.server, &self.acme, document).await;
        path.strip_prefix("/api/workflows/").unwrap().parse().unwrap()
    }

    /// Another version of a workflow.
    async fn republish(&self, workflow: WorkflowId, graph: Value) -> u32 {
        let detail = self.client.workflow(workflow).await.unwrap();
        let draft = DraftSave {
            name: "Hello".into(),
            description: String::new(),
            graph: from_value(graph).unwrap(),
        };
        self.client.draft_save(workflow, detail.draft_revision, &draft).await.unwrap();
        self.client.publish(workflow, &Publish::default()).await.unwrap().version
    }

    async fn start(&self, workflow: WorkflowId) -> RunId {
        let start = RunStart { input: json!({ "a": 1 }), ..RunStart::default() };
        let run = self.client.run_start(workflow, &start, None).await.unwrap().id;
        self.client.run_wait(run, 20_000).await.unwrap();
        run
    }

    async fn pending(&self) -> Vec<ApprovalView> {
        let page = PageQuery::default();
        self.client.approvals(Some(ApprovalState::Pending), &page).await.unwrap().items
    }

    async fn approve(&self, run: RunId) -> ApprovalDetail {
        let pending = self.pending().await;
        let of_run =
            pending.iter().find(|row| row.run == Some(run)).expect("an approval of the run");
        let detail = self.client.approval(of_run.id).await.unwrap();
        let revision = detail.approval.revision;
        let decide = from_value(json!({ "decision": "approve", "revision": revision })).unwrap();
        self.client.decide(of_run.id, &decide).await.unwrap();
        // What is approved leaves: the gate of a test server goes step by step.
        self.server.state.gate().step().await.unwrap();
        detail
    }

    async fn output(&self, run: RunId) -> Value {
        let end = self.client.run_wait(run, 20_000).await.unwrap();
        assert!(end.ended, "{end:?}");
        end.output
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_step_is_done_again_and_nothing_else() {
    on_each(async || {
        let desk = Desk::open().await;
        let workflow = desk.publish(&task_document(json!({}), json!({}))).await;
        let start = RunStart { input: json!({ "a": 1 }), ..RunStart::default() };
        let run = desk.client.run_start(workflow, &start, None).await.unwrap().id;
        let claim = TaskClaim { worker: "w".into(), wait_ms: Some(20_000), ..TaskClaim::default() };
        let again = RunRetry { from: Some("plan".into()) };
        let early = desk.client.run_retry(run, &again).await.unwrap_err();
        assert_eq!(early.code, ErrorCode::WrongState, "it has not failed");
        let task = desk.client.task_claim(&claim).await.unwrap().tasks.remove(0);
        let fail = TaskFail { claim: task.claim, message: "no".into(), retry: false };
        desk.client.task_fail(task.id, &fail).await.unwrap();
        assert_eq!(desk.client.run(run).await.unwrap().run.status.phase(), RunPhase::Failed);

        let path = format!("/api/runs/{run}/retry");
        for role in [Role::Viewer, Role::Approver] {
            let refused = desk.server.post(&desk.acme.machine(role), &path, &json!({})).await;
            let permission = refused.json()["details"]["permission"].clone();
            assert_eq!((refused.status, permission), (403, json!("Plan:Instance:Execute")));
        }
        let other = RunRetry { from: Some("start".into()) };
        let refused = desk.client.run_retry(run, &other).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::WrongState);
        assert!(refused.message.contains("start"), "{refused:?}");

        let desk = desk.restart().await;
        let view = desk.client.run_retry(run, &again).await.unwrap();
        assert_eq!(view.status.phase(), RunPhase::Executing);
        let second = desk.client.task_claim(&claim).await.unwrap().tasks.remove(0);
        assert_ne!(second.id, task.id, "another try is another call");
        let done = TaskComplete { claim: second.claim, output: json!("done") };
        desk.client.task_complete(second.id, &done).await.unwrap();
        assert_eq!(desk.output(run).await, json!("done"));
        let over = desk.client.run_retry(run, &again).await.unwrap_err();
        assert_eq!(over.code, ErrorCode::WrongState);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_has_the_past_of_another_run_and_its_own_future() {
    on_each(async || {
        let desk = Desk::open().await;
        let workflow = desk.publish(&document()).await;
        let first = desk.start(workflow).await;
        let seq = desk.client.run(first).await.unwrap().run.seq;
        let far = RunFork { seq: seq + 1, ..RunFork::default() };
        let refused = desk.client.run_fork(first, &far, None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidValue);
        assert!(refused.message.contains(&format!("1 to {seq}")), "{refused:?}");
        desk.approve(first).await;
        assert_eq!(desk.output(first).await, json!({ "said": 1 }));
        let last = desk.client.run(first).await.unwrap().run.seq;
        let ended = RunFork { seq: last, ..RunFork::default() };
        let refused = desk.client.run_fork(first, &ended, None).await.unwrap_err();
        assert!(refused.message.contains("had ended"), "{refused:?}");

        let input = Some(json!({ "a": 2 }));
        let fork = RunFork { seq, input, ..RunFork::default() };
        let made = desk.client.run_fork(first, &fork, Some("k")).await.unwrap();
        assert_ne!(made.id, first);
        assert_eq!(desk.client.run_fork(first, &fork, Some("k")).await.unwrap(), made);
        let desk = desk.restart().await;
        let events = desk.client.run_events(made.id, 0).await.unwrap().events;
        assert_eq!(events[seq as usize].body.kind(), "forked");
        let old = desk.client.run_events(first, 0).await.unwrap().events;
        assert_eq!(events[..seq as usize], old[..seq as usize], "the past is shared");
        desk.approve(made.id).await;
        assert_eq!(desk.output(made.id).await, json!({ "said": 2 }));
        let after = desk.client.run_events(first, 0).await.unwrap().events;
        assert_eq!(after, old, "the other run is as it was");
    })
    .await;
}

fn ending(text: &str, ask: &str) -> Value {
    let mut graph = graph();
    graph["nodes"][1]["id"] = json!(ask);
    graph["nodes"][2]["kind"]["output"] = json!(text);
    graph["edges"][0]["to"] = json!(ask);
    graph["edges"][1]["from"] = json!(ask);
    graph
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_in_another_version_where_its_living_steps_fit() {
    on_each(async || {
        let desk = Desk::open().await;
        let workflow = desk.publish(&document()).await;
        let run = desk.start(workflow).await;
        let second = desk.republish(workflow, ending("of version two", "ask")).await;
        let third = desk.republish(workflow, ending("of version three", "other")).await;
        let to = |version, preview| RunMigrate { version, preview };
        let preview = desk.client.run_migrate(run, &to(third, true)).await.unwrap();
        assert!(!preview.migrated && preview.run.version == 1);
        assert_eq!(preview.incompatible.len(), 1);
        assert_eq!(preview.incompatible[0].node.as_str(), "ask");
        assert!(preview.incompatible[0].reason.contains("not there any more"));
        let refused = desk.client.run_migrate(run, &to(third, false)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::WrongState);
        assert_eq!(refused.details["incompatible"][0]["node"], "ask");
        let same = desk.client.run_migrate(run, &to(1, false)).await.unwrap_err();
        assert_eq!(same.code, ErrorCode::InvalidValue);
        let none = desk.client.run_migrate(run, &to(9, true)).await.unwrap_err();
        assert_eq!(none.code, ErrorCode::InvalidValue);

        let fits = desk.client.run_migrate(run, &to(second, true)).await.unwrap();
        assert_eq!((fits.migrated, fits.incompatible.len(), fits.run.version), (false, 0, 1));
        let moved = desk.client.run_migrate(run, &to(second, false)).await.unwrap();
        assert!(moved.migrated && moved.run.version == second);
        let desk = desk.restart().await;
        assert_eq!(desk.client.run(run).await.unwrap().run.version, second);
        desk.approve(run).await;
        assert_eq!(desk.output(run).await, json!("of version two"));
        let over = desk.client.run_migrate(run, &to(third, true)).await.unwrap_err();
        assert_eq!(over.code, ErrorCode::WrongState);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_a_fork_would_send_again_waits_for_a_person() {
    on_each(async || {
        let desk = Desk::open().await;
        let general = json!({ "name": "Acme", "timezone": "UTC", "email_hold_ms": 0 });
        desk.client.settings_general_set(&from_value(general).unwrap()).await.unwrap();
        let mut mail = document();
        mail["graph"]["nodes"][1] = json!({ "id": "ask", "kind": { "type": "action", "tool": "email.send",
            "parameters": { "to": "ada@example.com", "subject": "Hello Ada", "body": "Hi" } } });
        mail["graph"]["edges"][1]["port"] = json!("success");
        let workflow = desk.publish(&mail).await;
        let run = desk.start(workflow).await;
        assert_eq!(desk.approve(run).await.prompt, "", "the first one repeats nothing");
        desk.output(run).await;
        let sent = async || {
            desk.client.sandbox_messages(&PageQuery::default()).await.unwrap().items.len()
        };
        assert_eq!(sent().await, 1);
        let fork = RunFork { seq: 1, ..RunFork::default() };
        let made = desk.client.run_fork(run, &fork, None).await.unwrap().id;
        let waits = desk.client.run_wait(made, 20_000).await.unwrap();
        assert_eq!(waits.run.status.phase(), RunPhase::AwaitingInput);
        assert_eq!(sent().await, 1, "nothing left by itself");
        desk.approve(made).await;
        desk.output(made).await;
        assert_eq!(sent().await, 2);
    })
    .await;
}

/// The same workflow with a question before its question.
fn two_questions() -> Value {
    let mut document = document();
    let first = json!({ "id": "first", "kind": { "type": "human", "mode": "approve", "prompt": "May we?" } });
    document["graph"]["nodes"].as_array_mut().unwrap().insert(1, first);
    document["graph"]["edges"] = json!([
        { "id": "e0", "from": "start", "port": "success", "to": "first" },
        { "id": "e1", "from": "first", "port": "approved", "to": "ask" },
        { "id": "e2", "from": "ask", "port": "approved", "to": "end" },
    ]);
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_from_before_a_move_goes_on_in_the_version_of_then() {
    on_each(async || {
        let desk = Desk::open().await;
        let workflow = desk.publish(&two_questions()).await;
        let run = desk.start(workflow).await;
        let before = desk.client.run(run).await.unwrap().run.seq;
        desk.approve(run).await;
        let second = desk.republish(workflow, graph()).await;
        let to = RunMigrate { version: second, preview: false };
        desk.client.run_migrate(run, &to).await.unwrap();

        let newest = RunFork { seq: before, version: Some(second), ..RunFork::default() };
        let refused = desk.client.run_fork(run, &newest, None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::WrongState, "{refused:?}");
        assert_eq!(refused.details["incompatible"][0]["node"], "first");

        let then = RunFork { seq: before, ..RunFork::default() };
        let made = desk.client.run_fork(run, &then, None).await.unwrap().id;
        assert_eq!(desk.client.run(made).await.unwrap().run.version, 1);
        desk.approve(made).await;
        desk.approve(made).await;
        assert_eq!(desk.output(made).await, json!({ "said": 1 }));
    })
    .await;
}

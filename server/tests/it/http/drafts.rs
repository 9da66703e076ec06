//! Contract drafts over real HTTP: their form, what each part of a node's contract does, and fields that edges carry.

use super::{
    support::{As, Organization, Server},
    workflows::published,
};
use serde_json::{Value, json};
use signalbox::{
    client::Client,
    graph::TaskExecutor,
    id::RunId,
    run::RunPhase,
    wire::{ClaimedTask, ErrorCode, Role, RunStart, TaskClaim, TaskComplete, TaskFail},
};

fn launch() -> Value {
    let text = include_str!("../../../../tests/fixtures/plans/contract-launch.json");
    serde_json::from_str(text).unwrap()
}

struct Desk {
    server: Server,
    acme: Organization,
}

impl Desk {
    async fn open() -> Self {
        let server = Server::start().await;
        let acme = server.organization("acme").await;
        Self { server, acme }
    }

    fn client(&self) -> Client {
        self.server.client(self.acme.token(Role::Owner))
    }

    async fn run(&self, draft: &Value) -> RunId {
        let path = published(&self.server, &self.acme, draft).await;
        let id = path.strip_prefix("/api/workflows/").unwrap().parse().unwrap();
        self.client().run_start(id, &RunStart::default(), None).await.unwrap().id
    }

    async fn claim(&self, kind: TaskExecutor, worker: &str) -> Option<ClaimedTask> {
        let claim = TaskClaim {
            kinds: vec![kind],
            worker: worker.into(),
            wait_ms: Some(5_000),
            ..TaskClaim::default()
        };
        self.client().task_claim(&claim).await.unwrap().tasks.pop()
    }

    async fn complete(&self, task: &ClaimedTask, output: Value) -> Result<(), ErrorCode> {
        let done = TaskComplete { claim: task.claim.clone(), output };
        let told = self.client().task_complete(task.id, &done).await;
        told.map(|_| ()).map_err(|error| error.code)
    }

    /// Decides the only item of the inbox.
    async fn decide(&self, decision: &str) {
        let owner = self.acme.owner();
        let list = self.server.get(&owner, "/api/approvals?state=pending").await.json();
        let item = &list["items"][0];
        let path = format!("/api/approvals/{}/decide", item["id"].as_str().unwrap());
        let body =
            json!({ "decision": decision, "revision": item["revision"], "reason": "Not yet" });
        let decided = self.server.post(&owner, &path, &body).await;
        assert_eq!(decided.status, 200, "{}", decided.text);
    }

    async fn phase(&self, run: RunId) -> RunPhase {
        self.client().run_wait(run, 10_000).await.unwrap().run.status.phase()
    }
}

// CON-01
#[tokio::test]
async fn a_draft_is_kept_in_exactly_its_form_and_becomes_an_immutable_version_that_runs() {
    let desk = Desk::open().await;
    let path = published(&desk.server, &desk.acme, &launch()).await;
    let owner = desk.acme.owner();
    let written = desk.server.get(&owner, &format!("{path}/export?format=contract")).await;
    assert_eq!(written.json().to_string(), launch().to_string());
    let version = desk.server.get(&owner, &format!("{path}/versions/1")).await.json();
    assert_eq!(
        version["edges"].as_array().unwrap().len(),
        2,
        "from the trigger, and the draft's own"
    );

    let run = desk.run(&launch()).await;
    let task = desk.claim(TaskExecutor::Agent, "cmo").await.unwrap();
    let brief = json!({ "headline": "Launch", "channels": ["email"] });
    desk.complete(&task, brief).await.unwrap();
    assert_eq!(desk.phase(run).await, RunPhase::AwaitingInput, "a person owns the next node");
    desk.decide("approve").await;
    assert_eq!(desk.phase(run).await, RunPhase::Completed);
}

// CON-02
#[tokio::test]
async fn the_contract_of_a_node_says_who_does_what_how_it_is_checked_and_what_failures_do() {
    let desk = Desk::open().await;
    let run = desk.run(&launch()).await;
    assert!(desk.claim_now(TaskExecutor::Agent, "cfo").await.is_none(), "it names its owner");
    assert!(desk.claim_now(TaskExecutor::Plugin, "cmo").await.is_none(), "and its kind");
    let task = desk.claim(TaskExecutor::Agent, "cmo").await.unwrap();
    assert_eq!((task.node.as_str(), task.title.as_str()), ("draft-brief", "Draft launch brief"));
    assert!(task.instructions.contains("current product positioning"), "{}", task.instructions);
    assert_eq!(task.output_schema["required"], json!(["headline"]), "the schema that it names");
    // Against the schema; one retry, as its policy says.
    assert_eq!(desk.complete(&task, json!({ "channels": [] })).await, Err(ErrorCode::InvalidValue));
    let again = desk.claim(TaskExecutor::Agent, "cmo").await.unwrap();
    assert_eq!(again.attempt, 2);
    desk.complete(&again, json!({ "headline": "Launch" })).await.unwrap();
    assert_eq!(desk.phase(run).await, RunPhase::AwaitingInput);
    // Its failure policy: rejected by a person means that the plan must be replaced.
    desk.decide("reject").await;
    assert_eq!(desk.phase(run).await, RunPhase::Blocked);
    let owner = desk.acme.owner();
    let resume = format!("/api/runs/{run}/resume");
    let refused = desk.server.post(&owner, &resume, &json!({ "reason": "" })).await;
    assert_eq!(refused.code(), "wrong_state", "{}", refused.text);

    // All of it is read and readable.
    let graph = desk.client().run(run).await.unwrap().graph;
    let contract = graph.node(&"draft-brief".into()).unwrap().contract.clone();
    let contract = serde_json::to_value(contract).unwrap().to_string();
    let said = launch();
    for part in [
        "objective",
        "deliverables",
        "successCriteria",
        "completionChecks",
        "toolPolicy",
        "contextPolicy",
    ] {
        let texts = match &said["nodes"][0][part] {
            Value::String(text) => vec![text.clone()],
            other => strings(other),
        };
        for text in texts {
            assert!(contract.contains(&text), "{part}: {text} is not in {contract}");
        }
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

impl Desk {
    async fn claim_now(&self, kind: TaskExecutor, worker: &str) -> Option<ClaimedTask> {
        let claim = TaskClaim { kinds: vec![kind], worker: worker.into(), ..TaskClaim::default() };
        self.client().task_claim(&claim).await.unwrap().tasks.pop()
    }
}

fn mapped(map: Value) -> Value {
    let node = |id: &str, schema: &str, name: &str| {
        json!({ "id": id, "type": "action", "label": id, "owner": { "executorType": "system", "ref": "x" },
            "objective": "", "instructions": "do", schema: name })
    };
    json!({
        "title": "t", "objective": "o",
        "schemas": {
            "out": { "type": "object", "properties": { "name": { "type": "string", "required": true },
                "size": { "type": "object", "properties": { "width": { "type": "integer" } } } } },
            "in": { "type": "object", "properties": { "who": { "type": "string", "required": true },
                "width": { "type": "number" } } },
        },
        "nodes": [node("a", "outputSchemaRef", "out"), node("b", "inputSchemaRef", "in")],
        "edges": [{ "id": "ab", "source": "a", "target": "b", "map": map }],
        "entryNodeIds": ["a"],
    })
}

// CON-10
#[tokio::test]
async fn an_edges_map_carries_fields_to_the_worker_and_is_checked_before_anything_runs() {
    let desk = Desk::open().await;
    let run = desk.run(&mapped(json!({ "who": "name", "width": "size.width" }))).await;
    let first = desk.claim(TaskExecutor::System, "x").await.unwrap();
    desk.complete(&first, json!({ "name": "Ada", "size": { "width": 3 } })).await.unwrap();
    let second = desk.claim(TaskExecutor::System, "x").await.unwrap();
    assert_eq!(
        (second.node.as_str(), &second.input["who"], &second.input["width"]),
        ("b", &json!("Ada"), &json!(3))
    );
    desk.complete(&second, json!({})).await.unwrap();
    assert_eq!(desk.phase(run).await, RunPhase::Completed);

    let editor = desk.acme.machine(Role::Editor);
    for (map, says) in [
        (json!({ "who": "nme" }), "nme"),
        (json!({ "who": "name", "colour": "name" }), "colour"),
        (json!({ "who": "size.width" }), "integer"),
        (json!({ "width": "size.width" }), "who"),
        (json!({}), "who"),
        (json!({ "who": "name.first" }), "first"),
    ] {
        desk.not_published(&editor, &mapped(map), says).await;
    }
    // A schema that nothing could satisfy.
    let mut draft = mapped(json!({ "who": "name" }));
    draft["schemas"]["out"]["properties"]["name"]["type"] = json!("strin");
    desk.not_published(&editor, &draft, "Did you mean string?").await;
}

impl Desk {
    async fn not_published(&self, editor: &As, draft: &Value, says: &str) {
        let body = json!({ "document": draft });
        let made = self.server.post(editor, "/api/workflows/import", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path =
            format!("/api/workflows/{}/publish", made.json()["workflow"]["id"].as_str().unwrap());
        let refused = self.server.post(editor, &path, &json!({})).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (422, "graph_problems"),
            "{}",
            refused.text
        );
        assert!(refused.text.contains(says), "{says}: {}", refused.text);
    }
}

// CON-08
#[tokio::test]
async fn a_failure_follows_the_rule_that_names_it_and_no_other() {
    let desk = Desk::open().await;
    let rule = |on: &str, action: &str| json!({ "on": on, "action": action, "note": "" });
    for (rules, phase) in [
        ([rule("timeout", "skip"), rule("human_rejected", "abort")], RunPhase::Failed),
        ([rule("timeout", "fail"), rule("executor_error", "skip")], RunPhase::Completed),
    ] {
        let mut draft = mapped(json!({ "who": "name" }));
        draft["nodes"][0]["failurePolicy"] = json!(rules);
        let run = desk.run(&draft).await;
        let task = desk.claim(TaskExecutor::System, "x").await.unwrap();
        let failed =
            TaskFail { claim: task.claim.clone(), message: "It broke.".into(), retry: true };
        desk.client().task_fail(task.id, &failed).await.unwrap();
        assert_eq!(desk.phase(run).await, phase);
    }
}

//! DAG plans over real HTTP, on the real engine and store: what models answer is by a script of the test.

mod dry;
mod hooks;
mod labels;
mod people;
mod run;
mod wait;

use super::{
    support::{As, Making, Organization, Server},
    workflows::published,
};
use crate::support::database::Place;
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::engine::{CallContext, CallExecutor, CallOutcome};
use signalbox::{
    client::Client,
    format::dag::PlanExecution,
    id::{RunId, WorkflowId},
    run::{CallRequest, ErrorKind, StepError, Usage},
    wire::Role,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// What a step's call is answered. `None`: no answer comes before the test lets the step go.
type Answer = Option<Result<Value, ErrorKind>>;
type Answers = Box<dyn Fn(&str, u32, &CallRequest) -> Answer + Send + Sync>;

/// Answers calls by node and attempt, and keeps what was asked.
pub struct Script {
    answers: Answers,
    asked: Mutex<Vec<(String, CallRequest)>>,
    begun: watch::Sender<HashSet<String>>,
    let_go: watch::Sender<HashSet<String>>,
}

impl Script {
    fn new(
        answers: impl Fn(&str, u32, &CallRequest) -> Answer + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answers: Box::new(answers),
            asked: Mutex::default(),
            begun: watch::channel(HashSet::new()).0,
            let_go: watch::channel(HashSet::new()).0,
        })
    }

    /// Waits until these steps have asked.
    async fn under_way(&self, nodes: &[&str]) {
        let mut begun = self.begun.subscribe();
        let all = |begun: &HashSet<String>| nodes.iter().all(|node| begun.contains(*node));
        let wait = tokio::time::timeout(Duration::from_secs(20), begun.wait_for(all));
        wait.await.expect("it never came to that").unwrap();
    }

    fn go(&self, node: &str) {
        self.let_go.send_modify(|nodes| {
            nodes.insert(node.to_owned());
        });
    }

    /// The prompts that a step's model was asked, in order.
    fn prompts(&self, node: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let of_node = asked.iter().filter(|(id, _)| id == node);
        let prompt = |request: &CallRequest| match request {
            CallRequest::Model(model) => Some(model.user_prompt.clone()),
            _ => None,
        };
        of_node.filter_map(|(_, request)| prompt(request)).collect()
    }

    fn asked(&self) -> Vec<(String, CallRequest)> {
        self.asked.lock().unwrap().clone()
    }
}

impl CallExecutor for Script {
    fn execute(&self, context: CallContext, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        async move {
            let node = context.node.0;
            self.asked.lock().unwrap().push((node.clone(), request.clone()));
            self.begun.send_modify(|begun| {
                begun.insert(node.clone());
            });
            let usage = Usage {
                model: "test-model".into(),
                input_tokens: 100,
                output_tokens: 20,
                cost_micros: 1_500,
                ..Usage::default()
            };
            let answer = (self.answers)(&node, context.attempt, &request);
            match answer {
                Some(Ok(output)) => CallOutcome::Succeeded { output, usage: Some(usage) },
                Some(Err(kind)) => CallOutcome::Failed {
                    error: StepError::new(kind, "it broke"),
                    retry_after_ms: None,
                },
                None => {
                    let mut let_go = self.let_go.subscribe();
                    let _ = let_go.wait_for(|nodes| nodes.contains(&node)).await;
                    let output = json!(format!("<{node}>"));
                    CallOutcome::Succeeded { output, usage: Some(usage) }
                }
            }
        }
        .boxed()
    }
}

/// A server whose models answer by a script.
pub struct Desk {
    pub server: Server,
    pub acme: Organization,
    pub script: Arc<Script>,
    _place: Place,
}

impl Desk {
    pub async fn open(
        answers: impl Fn(&str, u32, &CallRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (place, script) = (Place::new().await, Script::new(answers));
        let executor: Arc<dyn CallExecutor> = script.clone();
        let making = Making {
            executor: Some(executor),
            tools: Some("127.0.0.1".into()),
            ..Making::over(place.open().await)
        };
        let server = making.start().await;
        let acme = server.organization("acme").await;
        Self { server, acme, script, _place: place }
    }

    pub fn owner(&self) -> As {
        self.acme.owner()
    }

    pub fn client(&self) -> Client {
        self.server.client(self.acme.token(Role::Owner))
    }

    /// Publishes a plan; gives the workflow.
    pub async fn plan(&self, plan: &Value) -> WorkflowId {
        let path = published(&self.server, &self.acme, plan).await;
        path.strip_prefix("/api/workflows/").unwrap().parse().unwrap()
    }

    /// `executePlan`.
    pub async fn execute(&self, plan: WorkflowId, body: Value) -> RunId {
        let path = format!("/api/workflows/{plan}/runs");
        let started = self.server.post(&self.owner(), &path, &body).await;
        assert_eq!(started.status, 201, "{}", started.text);
        started.json()["id"].as_str().unwrap().parse().unwrap()
    }

    /// Why a run is not started: the field that is wrong.
    pub async fn refused(&self, plan: WorkflowId, body: Value) -> String {
        let path = format!("/api/workflows/{plan}/runs");
        let refused = self.server.post(&self.owner(), &path, &body).await;
        assert_eq!(refused.code(), "invalid_value", "{}", refused.text);
        refused.json()["details"]["field"].as_str().unwrap().to_owned()
    }

    pub async fn status(&self, run: RunId) -> PlanExecution {
        self.client().plan_status(run).await.unwrap()
    }

    /// Until it ends or needs a person.
    pub async fn rest(&self, run: RunId) {
        self.client().run_wait(run, 20_000).await.unwrap();
    }

    /// Until it ends.
    pub async fn over(&self, run: RunId) -> PlanExecution {
        let path = format!("/api/runs/{run}/wait?timeout_ms=20000&until=end");
        let waited = self.server.get(&self.owner(), &path).await;
        assert_eq!(waited.json()["ended"], true, "{}", waited.text);
        self.status(run).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self.server.get(&self.owner(), path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    pub async fn events(&self, run: RunId) -> Vec<Value> {
        self.get(&format!("/api/runs/{run}/events")).await["events"].as_array().unwrap().clone()
    }

    /// The only item of the inbox, in full.
    pub async fn pending(&self) -> Value {
        let list = self.get("/api/approvals?state=pending").await;
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list:#}");
        self.get(&format!("/api/approvals/{}", items[0]["id"].as_str().unwrap())).await
    }

    /// Decides the only item of the inbox.
    pub async fn decide(&self, mut body: Value) {
        let detail = self.pending().await;
        body["revision"] = detail["approval"]["revision"].clone();
        let path = format!("/api/approvals/{}/decide", detail["approval"]["id"].as_str().unwrap());
        let reply = self.server.post(&self.owner(), &path, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}

/// A plan of steps: id, prompt, and what else it says.
pub fn plan_of(steps: &[(&str, &str, Value)]) -> Value {
    let step = |(id, prompt, more): &(&str, &str, Value)| {
        let mut step = json!({ "id": id, "prompt": prompt });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        step
    };
    json!({ "name": "A plan", "steps": steps.iter().map(step).collect::<Vec<_>>() })
}

/// What a scoring model answers that is so sure.
pub fn sure(value: f64) -> Value {
    json!({
        "factualConsistency": value, "promptAdherence": value, "completeness": value, "formatting": value,
    })
}

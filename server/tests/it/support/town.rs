//! A whole organisation: store, engine, gate, tools, models; only the far sides are stand-ins.

use crate::support::smtp_sink::SmtpSink;
use chrono::Utc;
use futures::FutureExt;
use serde_json::{Value, json};
use server::{
    assemble::{self, Services},
    auth::ServerKey,
    egress::{Allowed, Egress},
    engine::{EngineConfig, EngineHandle, StartRun, SystemClock, WaitFor},
    gate::{Decider, Gate},
    secret::Vault,
    setting::{General, Settings},
    store::{self, NewVersion, NewWorkflow, Store},
    tool::Tools,
};
use signalbox::{
    graph::{Catalogue, Graph},
    id::*,
    run::{Event, EventBody, RunEnd, RunStatus},
    wire::{ApprovalView, EmailChannel, PageQuery, SmtpSecurity},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

pub struct Town {
    pub store: Store,
    pub engine: EngineHandle,
    pub gate: Gate,
    pub settings: Settings,
    pub organization: OrganizationId,
    stop: watch::Sender<bool>,
    sender: JoinHandle<()>,
}

impl Town {
    /// A fresh one: sandbox channel, sandbox model, no hold, this machine's web may be asked.
    pub async fn new() -> Self {
        let store = Store::in_memory().await.unwrap();
        let organization = OrganizationId(Uuid::now_v7());
        let town = Self::over(store, organization, "127.0.0.1");
        let general = General { email_hold_ms: 0, ..General::default() };
        town.settings.general_set(organization, &general, Utc::now()).await.unwrap();
        town
    }

    pub fn over(store: Store, organization: OrganizationId, allowed: &str) -> Self {
        let egress = Egress::new(Allowed::parse(allowed).unwrap()).unwrap();
        let vault = Arc::new(Vault::of(&ServerKey::new([7; 32])));
        let clock = Arc::new(SystemClock);
        let config = EngineConfig { tools: Arc::new(Catalogue), ..EngineConfig::default() };
        let of_tools = store.clone();
        let Services { engine, gate } =
            assemble::start(store.clone(), vault, clock.clone(), config, |gate| {
                Arc::new(Tools::new(of_tools, gate, egress, clock))
            });
        let settings = gate.channels().settings().clone();
        let (stop, stopped) = watch::channel(false);
        let sender = gate.clone();
        let sender = tokio::spawn(async move { sender.run_sender(stopped).await });
        Self { store, engine, gate, settings, organization, stop, sender }
    }

    /// From now on emails go to a mail server, approved ones at once.
    pub async fn use_sink(&self, sink: &SmtpSink) {
        let channel = EmailChannel::Smtp {
            host: "127.0.0.1".into(),
            port: sink.port,
            security: SmtpSecurity::None,
            username: None,
            password: None,
            ca_certificate: None,
            from: "Shop <shop@example.com>".into(),
        };
        self.settings.email_set(self.organization, &channel, Utc::now()).await.unwrap();
        let general = General { email_hold_ms: 0, ..General::default() };
        self.settings.general_set(self.organization, &general, Utc::now()).await.unwrap();
    }

    /// Stops the sender and the engine.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        self.gate.wake();
        self.sender.await.unwrap();
        self.engine.shutdown().await;
    }

    /// Publishes `trigger → nodes in order → end` and gives the workflow.
    pub async fn publish(&self, nodes: Value) -> WorkflowId {
        self.publish_graph(chain(nodes)).await
    }

    pub async fn publish_graph(&self, graph: Graph) -> WorkflowId {
        let (organization, id) = (self.organization, WorkflowId(Uuid::now_v7()));
        let new = NewWorkflow {
            organization,
            id,
            name: "A test".into(),
            description: String::new(),
            draft: graph.clone(),
            created_by: "a test".into(),
            labels: Default::default(),
        };
        let version = NewVersion {
            organization,
            workflow: id,
            draft_rev: 1,
            graph,
            note: String::new(),
            published_by: "a test".into(),
        };
        self.store
            .write(move |tx| {
                async move {
                    store::workflow_create(tx, &new, Utc::now()).await?;
                    store::version_publish(tx, &version, Utc::now()).await
                }
                .boxed()
            })
            .await
            .unwrap();
        id
    }

    /// Starts a run of version 1.
    pub async fn start(&self, workflow: WorkflowId, input: Value) -> RunId {
        let start = StartRun { input, started_by: "a test".into(), ..StartRun::default() };
        self.engine.start_run(self.organization, workflow, 1, start).await.unwrap().run
    }

    pub async fn until(&self, run: RunId, what: WaitFor) -> RunStatus {
        self.engine.wait(self.organization, run, what, Duration::from_secs(30)).await.unwrap()
    }

    pub async fn events(&self, run: RunId) -> Vec<Event> {
        store::events_after(&self.store, self.organization, run, 0, 10_000).await.unwrap().0
    }

    /// Runs nodes to the end; gives the outputs by node, and how it ended.
    pub async fn play(&self, nodes: Value, input: Value) -> Played {
        let workflow = self.publish(nodes).await;
        let run = self.start(workflow, input).await;
        self.until(run, WaitFor::End).await;
        self.played(run).await
    }

    pub async fn played(&self, run: RunId) -> Played {
        let events = self.events(run).await;
        let mut names = std::collections::HashMap::new();
        let (mut outputs, mut errors, mut end) = (serde_json::Map::new(), Vec::new(), None);
        for event in &events {
            match &event.body {
                EventBody::NodeStarted { activation, node, .. } => {
                    names.insert(*activation, node.to_string());
                }
                EventBody::NodeCompleted { activation, output, .. } => {
                    outputs.insert(names[activation].clone(), output.clone());
                }
                EventBody::NodeFailed { error, .. } => errors.push(error.clone()),
                EventBody::NodeSkipped { error: Some(error), .. } => errors.push(error.clone()),
                EventBody::RunEnded { end: how } => end = Some(how.clone()),
                _ => {}
            }
        }
        Played { run, outputs: Value::Object(outputs), errors, end, events }
    }

    pub async fn pending(&self) -> Vec<ApprovalView> {
        let state = Some(signalbox::wire::ApprovalState::Pending);
        self.gate.approvals(self.organization, state, &PageQuery::default()).await.unwrap().items
    }

    pub fn decider(&self) -> Decider {
        Decider {
            organization: self.organization,
            user: Some(UserId(Uuid::from_u128(9))),
            name: "Grace".into(),
            may_approve: true,
            may_resolve: true,
        }
    }
}

/// What a run did.
#[derive(Debug)]
pub struct Played {
    pub run: RunId,
    pub outputs: Value,
    pub errors: Vec<signalbox::run::StepError>,
    pub end: Option<RunEnd>,
    pub events: Vec<Event>,
}

/// `trigger → nodes in order → end`; each leaves by `success`, a human one by `approved`.
pub fn chain(nodes: Value) -> Graph {
    let mut all = vec![json!({ "id": "start", "kind": { "type": "trigger" } })];
    all.extend(nodes.as_array().cloned().unwrap_or_default());
    all.push(json!({ "id": "end", "kind": { "type": "end" } }));
    let edges: Vec<Value> = all
        .windows(2)
        .map(|pair| {
            let (from, to) = (pair[0]["id"].as_str().unwrap(), pair[1]["id"].as_str().unwrap());
            let port = if pair[0]["kind"]["type"] == "human" { "approved" } else { "success" };
            json!({ "id": format!("{from}>{to}"), "from": from, "port": port, "to": to })
        })
        .collect();
    serde_json::from_value(json!({ "nodes": all, "edges": edges })).unwrap()
}

/// An action node.
pub fn action(id: &str, tool: &str, parameters: Value) -> Value {
    json!({ "id": id, "kind": { "type": "action", "tool": tool, "parameters": parameters } })
}

//! A bench for engine tests: a database, a virtual clock, an executor that follows a script.

use crate::support::database::Place;
use chrono::{DateTime, Utc};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::{engine::*, store::*};
use signalbox::{
    graph::{Edge, Graph, Node, NodeKind},
    id::*,
    run::*,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use uuid::Uuid;

/// Nodes as `(id, kind as JSON)`, edges as `from.port>to` or `from>to`.
pub fn graph(nodes: &[(&str, Value)], edges: &str) -> Graph {
    let node = |(id, kind): &(&str, Value)| {
        let mut kind = kind.clone();
        let policy = kind.as_object_mut().and_then(|kind| kind.remove("policy"));
        let kind: NodeKind = serde_json::from_value(kind).unwrap();
        let mut node = Node::new(*id, kind);
        node.policy = policy.map(|p| serde_json::from_value(p).unwrap()).unwrap_or_default();
        node
    };
    let edge = |text: &str| {
        let (from, to) = text.split_once('>').unwrap();
        let (from, port) = from.split_once('.').unwrap_or((from, "success"));
        Edge::new(from, port, to)
    };
    Graph {
        nodes: nodes.iter().map(node).collect(),
        edges: edges.split_whitespace().map(edge).collect(),
        ..Graph::default()
    }
}

pub fn trigger() -> Value {
    json!({"type": "trigger"})
}

pub fn action() -> Value {
    json!({"type": "action", "tool": "work", "parameters": {"say": "{{ input.say }}"}})
}

/// A step that changes nothing: its call may be made beside the commit that says so.
pub fn look() -> Value {
    json!({"type": "action", "tool": "look", "parameters": {}})
}

pub fn retrying(retries_max: u32, backoff_ms: u64) -> Value {
    json!({"type": "action", "tool": "work", "policy": {"retry": {"retries_max": retries_max, "backoff_ms": backoff_ms}}})
}

pub fn wait_ms(duration_ms: u64) -> Value {
    json!({"type": "wait", "for": "duration", "duration_ms": duration_ms})
}

pub fn wait_event(event: &str) -> Value {
    json!({"type": "wait", "for": "event", "event": event})
}

pub fn human() -> Value {
    json!({"type": "human", "mode": "approve", "prompt": "Go on?"})
}

pub fn end() -> Value {
    json!({"type": "end"})
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub run: RunId,
    pub node: String,
    pub attempt: u32,
    pub call: CallId,
}

/// What the world does about a node's calls, in order; then it succeeds.
#[derive(Default)]
pub struct Script {
    pub answers: Mutex<HashMap<String, VecDeque<Says>>>,
    pub made: Mutex<Vec<Made>>,
    pub in_flight: AtomicUsize,
    pub most_in_flight: AtomicUsize,
    pub closed: Mutex<Vec<(RunId, Closing)>>,
}

pub enum Says {
    Give(CallOutcome),
    /// Succeeds after so many milliseconds.
    Later(u64),
    /// Succeeds after so many milliseconds, or fails when it is told that nobody wants it any more.
    LaterIfWanted(u64),
    /// Never answers.
    Hang,
    Panic,
}

pub fn failure(kind: ErrorKind) -> Says {
    let error = StepError::new(kind, "no luck");
    Says::Give(CallOutcome::Failed { error, retry_after_ms: None })
}

impl Script {
    pub fn answer(&self, node: &str, answers: impl IntoIterator<Item = Says>) {
        self.answers.lock().unwrap().entry(node.to_owned()).or_default().extend(answers);
    }

    pub fn made(&self) -> Vec<Made> {
        self.made.lock().unwrap().clone()
    }

    pub fn nodes(&self) -> Vec<String> {
        self.made().into_iter().map(|made| made.node).collect()
    }
}

impl CallExecutor for Script {
    fn only_looks(&self, request: &CallRequest) -> bool {
        matches!(request, CallRequest::Tool { tool, .. } if tool == "look")
    }

    fn execute(&self, context: CallContext, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
        async move {
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_in_flight.fetch_max(now, Ordering::SeqCst);
            let node = context.node.0.clone();
            let answer = self.answers.lock().unwrap().get_mut(&node).and_then(VecDeque::pop_front);
            self.made.lock().unwrap().push(Made {
                run: context.run,
                node: node.clone(),
                attempt: context.attempt,
                call: context.call,
            });
            tokio::task::yield_now().await;
            let outcome = match answer {
                None => CallOutcome::Succeeded { output: json!({"from": node}), usage: None },
                Some(Says::Give(outcome)) => outcome,
                Some(Says::Later(ms)) => {
                    tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
                    CallOutcome::Succeeded { output: json!({"from": node}), usage: None }
                }
                Some(Says::LaterIfWanted(ms)) => {
                    let time = std::time::Duration::from_millis(ms);
                    match tokio::time::timeout(time, context.cancelled.cancelled()).await {
                        Err(_) => {
                            CallOutcome::Succeeded { output: json!({"from": node}), usage: None }
                        }
                        Ok(()) => {
                            let error = StepError::new(ErrorKind::InvalidInput, "not wanted");
                            CallOutcome::Failed { error, retry_after_ms: None }
                        }
                    }
                }
                Some(Says::Hang) => std::future::pending().await,
                Some(Says::Panic) => panic!("a defect in a tool"),
            };
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            outcome
        }
        .boxed()
    }

    fn close<'t>(
        &'t self,
        _: &'t mut Tx,
        _: OrganizationId,
        run: RunId,
        closing: Closing,
    ) -> BoxFuture<'t, StoreResult<()>> {
        self.closed.lock().unwrap().push((run, closing));
        std::future::ready(Ok(())).boxed()
    }
}

/// An engine on a database, with everything to look at it.
pub struct Bench {
    pub place: Place,
    pub store: Store,
    pub engine: EngineHandle,
    pub clock: VirtualClock,
    pub script: Arc<Script>,
    pub organization: OrganizationId,
    pub workflow: WorkflowId,
    pub config: EngineConfig,
}

pub fn epoch() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000).unwrap()
}

impl Bench {
    pub async fn new(graph: Graph) -> Self {
        Self::with(graph, EngineConfig::default()).await
    }

    pub async fn with(graph: Graph, config: EngineConfig) -> Self {
        let config = EngineConfig { timekeeping: Timekeeping::Driven, ..config };
        let place = Place::new().await;
        let store = place.open().await;
        let organization = OrganizationId(Uuid::now_v7());
        let workflow = publish(&store, organization, graph).await;
        let clock = VirtualClock::at(epoch());
        let script = Arc::new(Script::default());
        let engine =
            Engine::start(store.clone(), script.clone(), Arc::new(clock.clone()), config.clone());
        Self { place, store, engine, clock, script, organization, workflow, config }
    }

    /// As if the process had ended and another one started.
    pub async fn restart(&mut self) {
        self.restart_with(StoreOptions::default()).await;
    }

    pub async fn restart_with(&mut self, options: StoreOptions) {
        self.engine.shutdown().await;
        self.store.close().await;
        self.store = self.place.open_with(options).await;
        self.engine = Engine::start(
            self.store.clone(),
            self.script.clone(),
            Arc::new(self.clock.clone()),
            self.config.clone(),
        );
    }

    pub async fn start(&self, start: StartRun) -> Started {
        self.engine.start_run(self.organization, self.workflow, 1, start).await.unwrap()
    }

    pub async fn start_plain(&self) -> RunId {
        self.start(StartRun { started_by: "test".into(), ..Default::default() }).await.run
    }

    pub async fn drive(&self) {
        self.engine.run_virtually(&self.clock, None).await.unwrap();
    }

    pub async fn tell(
        &self,
        run: RunId,
        command: Command,
    ) -> Result<server::engine::Outcome, EngineError> {
        self.engine.command(self.organization, run, command).await
    }

    pub async fn row(&self, run: RunId) -> Run {
        run_fetch(&self.store, self.organization, run).await.unwrap()
    }

    pub async fn phase(&self, run: RunId) -> RunPhase {
        self.row(run).await.status.phase()
    }

    pub async fn events(&self, run: RunId) -> Vec<Event> {
        events_after(&self.store, self.organization, run, 0, 100_000).await.unwrap().0
    }

    /// How often each node completed.
    pub async fn completed(&self, run: RunId) -> HashMap<ActivationId, usize> {
        let mut counts = HashMap::new();
        for event in self.events(run).await {
            if let EventBody::NodeCompleted { activation, .. } = event.body {
                *counts.entry(activation).or_default() += 1;
            }
        }
        counts
    }

    /// Waits until the newest entry of the feed about a run says this phase.
    pub async fn feed_says(&self, phase: &str) {
        let mut told = self.store.feed();
        loop {
            let feed = self.store.feed_after(self.organization, 0, 100).await.unwrap();
            let last = feed.iter().rev().find(|entry| entry.topic == "run");
            if last.is_some_and(|entry| entry.payload["phase"] == phase) {
                return;
            }
            let next = tokio::time::timeout(std::time::Duration::from_secs(30), told.recv()).await;
            next.unwrap_or_else(|_| panic!("the feed never said {phase}")).unwrap();
        }
    }

    /// What must hold at any moment: a dense journal that ends where the run's row says, the row's
    /// status is what the journal adds up to, and no run waits for nothing.
    pub async fn sound(&self, run: RunId) {
        let (events, row) = (self.events(run).await, self.row(run).await);
        events_check_dense(&events, 0).unwrap();
        assert_eq!(events.last().unwrap().seq, row.seq);
        let mut state = RunState::new(run);
        events.iter().for_each(|event| apply(&mut state, event));
        assert_eq!(state.status(), row.status);
        let far = self.clock.now() + chrono::TimeDelta::days(1);
        assert_eq!(runs_stuck(&self.store, far, 10).await.unwrap(), vec![]);
        for (activation, count) in self.completed(run).await {
            assert_eq!(count, 1, "activation {activation:?} completed {count} times");
        }
    }

    /// Nothing is left of ended runs that anything would wake up for.
    pub async fn nothing_left(&self) {
        assert_eq!(timer_next(&self.store).await.unwrap(), None);
        assert!(calls_open(&self.store, 10).await.unwrap().is_empty());
        assert_eq!(runs_due(&self.store, 10).await.unwrap(), vec![]);
        assert_eq!(approvals_pending_count(&self.store, self.organization).await.unwrap(), 0);
    }

    /// Approves whatever waits for a person; how many that were.
    pub async fn approve_all(&self) -> Result<usize, EngineError> {
        let pending = ApprovalFilter {
            state: Some(signalbox::wire::ApprovalState::Pending),
            ..Default::default()
        };
        let waiting = approval_list(&self.store, self.organization, &pending, None, 1_000).await?;
        for approval in &waiting {
            let decision = Decision::Approve { answer: Value::Null };
            let id = approval.request.id;
            self.engine
                .decide_approval(self.organization, id, approval.revision, decision, "Ada")
                .await?;
        }
        Ok(waiting.len())
    }
}

pub async fn publish(store: &Store, organization: OrganizationId, graph: Graph) -> WorkflowId {
    let workflow = WorkflowId(Uuid::now_v7());
    let new = NewWorkflow {
        organization,
        id: workflow,
        name: "Test".into(),
        description: String::new(),
        draft: graph.clone(),
        created_by: String::new(),
        labels: Default::default(),
    };
    let version = NewVersion {
        organization,
        workflow,
        draft_rev: 1,
        graph,
        note: String::new(),
        published_by: String::new(),
    };
    store
        .write(move |tx| {
            async move {
                workflow_create(tx, &new, epoch()).await?;
                version_publish(tx, &version, epoch()).await
            }
            .boxed()
        })
        .await
        .unwrap();
    workflow
}

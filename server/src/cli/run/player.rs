//! Answers the run's calls: by the world file's rules; where none fits by the real tools, over a private store,
//! the sandbox channel and the sandbox model. What would reach the network is refused.

use super::agenda::{Agenda, Due};
use crate::{
    engine::{CallContext, CallExecutor, CallOutcome, Clock, Closing, EngineConfig},
    store::{StoreResult, Tx},
    tool::Tools,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use signalbox::{
    graph::Graph,
    id::{ContactId, NodeId, OrganizationId, RunId},
    run::{Answer, Asking, CallRequest, Command, ErrorKind, Reply, StepError, World, world::Stage},
    tool,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is shared between the calls and who moves the run on.
#[derive(Clone)]
pub struct Scene(Arc<Mutex<Props>>);

/// What is on the scene.
pub struct Props {
    /// The world file's rules and records.
    pub stage: Stage,
    /// What is to come.
    pub agenda: Agenda,
    /// What was simulated, in words, and how often.
    pub simulated: BTreeMap<String, usize>,
    /// The contacts that the world knows by an id that is no reference here.
    pub contacts: BTreeMap<String, ContactId>,
    occurrences: BTreeMap<NodeId, usize>,
}

impl Scene {
    /// A scene in this world.
    pub fn new(stage: Stage) -> Self {
        Self(Arc::new(Mutex::new(Props {
            stage,
            agenda: Agenda::default(),
            simulated: BTreeMap::new(),
            contacts: BTreeMap::new(),
            occurrences: BTreeMap::new(),
        })))
    }

    /// The scene, for a moment.
    pub fn props(&self) -> MutexGuard<'_, Props> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Props {
    /// Who asks, for the `attempt`-th time.
    pub fn asking<'a>(
        &mut self,
        node: &'a signalbox::graph::Node,
        attempt: u32,
        now: DateTime<Utc>,
    ) -> Asking<'a> {
        let count = self.occurrences.entry(node.id.clone()).or_insert(0);
        let occurrence = *count;
        *count += 1;
        Asking { node, attempt, occurrence, now }
    }

    /// The request with our ids in place of the world's.
    fn translated(&self, mut request: CallRequest) -> CallRequest {
        let CallRequest::Tool { parameters, .. } = &mut request else { return request };
        for key in ["customerId", "contact"] {
            let Some(value) = parameters.get_mut(key) else { continue };
            if let Some(id) = value.as_str().and_then(|id| self.contacts.get(id)) {
                *value = Value::String(id.to_string());
            }
        }
        request
    }

    fn note(&mut self, what: String) {
        *self.simulated.entry(what).or_insert(0) += 1;
    }
}

/// Makes the run's calls.
pub struct Player {
    pub tools: Tools,
    pub scene: Scene,
    pub graph: Arc<Graph>,
    pub clock: Arc<dyn Clock>,
    /// Waits cost no time: late answers go on the agenda.
    pub virtual_time: bool,
}

impl CallExecutor for Player {
    fn execute(&self, context: CallContext, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        async move { self.make(context, request).await }.boxed()
    }

    fn does_tasks(&self) -> bool {
        true // outside workers and other workflows are made up with the rest of the world
    }

    fn close<'t>(
        &'t self,
        tx: &'t mut Tx,
        organization: OrganizationId,
        run: RunId,
        closing: Closing,
    ) -> BoxFuture<'t, StoreResult<()>> {
        self.tools.close(tx, organization, run, closing)
    }
}

impl Player {
    async fn make(&self, context: CallContext, request: CallRequest) -> CallOutcome {
        let Some(node) = self.graph.node(&context.node) else {
            let message = format!("There is no step {} in this workflow.", context.node);
            return failed(StepError::new(ErrorKind::Internal, message));
        };
        let now = self.clock.now();
        let ruled = {
            let mut props = self.scene.props();
            let asking = props.asking(node, context.attempt, now);
            let ruled = props.stage.ruled_call(&asking, &request);
            props.note(note(&asking.node.id, &request, ruled.is_some()));
            if ruled.is_none() && needs_world(&request) {
                Some(props.stage.call(&asking, &request)) // a failure that says what to add
            } else {
                ruled
            }
        };
        let Some(answer) = ruled else {
            let request = self.scene.props().translated(request);
            return self.tools.execute(context, request).await;
        };
        if self.virtual_time {
            // The engine's own limit runs by a real clock.
            let limit_ms =
                node.policy.timeout_ms.unwrap_or(EngineConfig::default().call_timeout_ms);
            return self.deliver(context, answer.within(Some(limit_ms)), now);
        }
        if matches!(answer.reply, Reply::Silence) {
            return std::future::pending().await;
        }
        let after_ms = i64::try_from(answer.after_ms).unwrap_or(i64::MAX);
        let delay = TimeDelta::try_milliseconds(after_ms).unwrap_or(TimeDelta::MAX);
        if let Some(at) = now.checked_add_signed(delay) {
            self.clock.sleep_until(at).await;
        }
        self.deliver(context, Answer { after_ms: 0, ..answer }, now)
    }

    fn deliver(&self, context: CallContext, answer: Answer, now: DateTime<Utc>) -> CallOutcome {
        let CallContext { call, attempt, .. } = context;
        let outcome = match answer.reply {
            Reply::Output { output, usage } => CallOutcome::Succeeded { output, usage },
            Reply::Failure { error, retry_after_ms } => {
                CallOutcome::Failed { error, retry_after_ms }
            }
            Reply::Bypass { reason } => CallOutcome::Bypassed { reason },
            Reply::Park { .. } => {
                let message = "Only the send gate asks before a message leaves.";
                return failed(StepError::new(ErrorKind::Internal, message));
            }
            Reply::Silence => return CallOutcome::Parked,
        };
        if answer.after_ms == 0 {
            return outcome;
        }
        let command = match outcome {
            CallOutcome::Succeeded { output, usage } => {
                Command::CallSucceeded { call, attempt, output, usage }
            }
            CallOutcome::Failed { error, retry_after_ms } => {
                Command::CallFailed { call, attempt, error, retry_after_ms }
            }
            CallOutcome::Bypassed { reason } => Command::CallBypassed { call, reason },
            CallOutcome::Parked => return CallOutcome::Parked,
        };
        self.scene.props().agenda.put(now, answer.after_ms, Due::Answer(command));
        CallOutcome::Parked
    }
}

/// What the world must answer for: tools that are not here, those that reach the network, outside workers and other
/// workflows.
fn needs_world(request: &CallRequest) -> bool {
    match request {
        CallRequest::Tool { tool, .. } => {
            tool::find(tool).is_none_or(|spec| spec.family == tool::ToolFamily::Http)
        }
        CallRequest::Model(_) | CallRequest::Score(_) => false,
        CallRequest::Task(_) | CallRequest::Run(_) => true,
    }
}

fn note(node: &NodeId, request: &CallRequest, is_ruled: bool) -> String {
    let what = match request {
        CallRequest::Tool { tool, .. } => tool,
        CallRequest::Model(_) => "the model",
        CallRequest::Task(_) => "the worker",
        CallRequest::Run(_) => "the other workflow",
        CallRequest::Score(_) => "the scoring model",
    };
    let how = match request {
        _ if is_ruled => "answered as the world file says",
        CallRequest::Model(_) | CallRequest::Score(_) => {
            return format!("{node}: the sandbox model answered, no real one");
        }
        CallRequest::Task(_) | CallRequest::Run(_) => "was made up from its schema",
        CallRequest::Tool { tool, .. } if tool == "email.send" => {
            return format!("{node}: the email goes to the sandbox mailbox, to nobody else");
        }
        CallRequest::Tool { tool, .. } if tool == "voice.call" => {
            return format!("{node}: the call goes to the sandbox phone; nobody is called");
        }
        request if needs_world(request) => "is not here and failed",
        CallRequest::Tool { .. } => "works on this run's own records",
    };
    format!("{node}: {what} {how}")
}

fn failed(error: StepError) -> CallOutcome {
    CallOutcome::Failed { error, retry_after_ms: None }
}

//! Answers the run's calls: by the world file's rules, and where none fits by the sandbox.

use super::agenda::{Agenda, Due};
use crate::engine::{CallContext, CallExecutor, CallOutcome, Clock, EngineConfig};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use signalbox::{
    graph::Graph,
    id::{ApprovalId, CallId, NodeId},
    run::{
        Answer, ApprovalRequest, Asking, CallRequest, Command, ErrorKind, Reply, StepError, World,
        world::Stage,
    },
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
    /// Messages that wait for a person, by approval.
    pub parked: BTreeMap<ApprovalId, Parked>,
    /// What was simulated, in words, and how often.
    pub simulated: BTreeMap<String, usize>,
    occurrences: BTreeMap<NodeId, usize>,
}

/// A message that waits for a person.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Whose.
    pub node: NodeId,
    /// The call.
    pub call: CallId,
    /// Its attempt.
    pub attempt: u32,
    /// What the person sees.
    pub request: ApprovalRequest,
    /// What the step gives when it has left.
    pub output: Value,
}

impl Scene {
    /// A scene in this world.
    pub fn new(stage: Stage) -> Self {
        Self(Arc::new(Mutex::new(Props {
            stage,
            agenda: Agenda::default(),
            parked: BTreeMap::new(),
            simulated: BTreeMap::new(),
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

    fn answer(&mut self, asking: &Asking, request: &CallRequest) -> Answer {
        let (what, ruled) = match request {
            CallRequest::Tool { tool, .. } => {
                (tool.as_str(), self.stage.ruled_call(asking, request))
            }
            CallRequest::Model(_) => ("the model", self.stage.ruled_call(asking, request)),
            CallRequest::Task(_) => ("the worker", self.stage.ruled_call(asking, request)),
            CallRequest::Run(_) => ("the other workflow", self.stage.ruled_call(asking, request)),
        };
        let node = &asking.node.id;
        let (answer, how) = match (ruled, request) {
            (Some(answer), _) => {
                (answer, format!("{node}: {what} answered as the world file says"))
            }
            (None, CallRequest::Model(_)) => {
                let how = format!("{node}: the sandbox model answered, no real one");
                (self.stage.call(asking, request), how)
            }
            (None, CallRequest::Task(_) | CallRequest::Run(_)) => {
                let how = format!("{node}: {what} was made up from its schema");
                (self.stage.call(asking, request), how)
            }
            (None, CallRequest::Tool { .. }) => {
                let how = match what {
                    "email.send" => {
                        format!("{node}: the email goes to the sandbox, to nobody else")
                    }
                    what => format!("{node}: {what} works on this run's own records"),
                };
                (self.stage.call(asking, request), how)
            }
        };
        *self.simulated.entry(how).or_insert(0) += 1;
        answer
    }
}

/// Makes the run's calls.
pub struct Player {
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
}

impl Player {
    async fn make(&self, context: CallContext, request: CallRequest) -> CallOutcome {
        let Some(node) = self.graph.node(&context.node) else {
            let message = format!("There is no step {} in this workflow.", context.node);
            return failed(StepError::new(ErrorKind::Internal, message));
        };
        let now = self.clock.now();
        let answer = {
            let mut props = self.scene.props();
            let asking = props.asking(node, context.attempt, now);
            props.answer(&asking, &request)
        };
        if self.virtual_time {
            // The engine's own limit runs by a real clock.
            let limit_ms =
                node.policy.timeout_ms.unwrap_or(EngineConfig::default().call_timeout_ms);
            return self.deliver(context, answer.within(Some(limit_ms)), now).await;
        }
        if matches!(answer.reply, Reply::Silence) {
            return std::future::pending().await;
        }
        let after_ms = i64::try_from(answer.after_ms).unwrap_or(i64::MAX);
        let delay = TimeDelta::try_milliseconds(after_ms).unwrap_or(TimeDelta::MAX);
        if let Some(at) = now.checked_add_signed(delay) {
            self.clock.sleep_until(at).await;
        }
        self.deliver(context, Answer { after_ms: 0, ..answer }, now).await
    }

    async fn deliver(
        &self,
        context: CallContext,
        answer: Answer,
        now: DateTime<Utc>,
    ) -> CallOutcome {
        let CallContext { call, attempt, .. } = context;
        let outcome = match answer.reply {
            Reply::Output { output, usage } => CallOutcome::Succeeded { output, usage },
            Reply::Failure { error, retry_after_ms } => {
                CallOutcome::Failed { error, retry_after_ms }
            }
            Reply::Bypass { reason } => CallOutcome::Bypassed { reason },
            Reply::Park { request, output } => return self.park(context, *request, output).await,
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

    async fn park(
        &self,
        context: CallContext,
        request: ApprovalRequest,
        output: Value,
    ) -> CallOutcome {
        let CallContext { organization, run, call, attempt, node, engine, .. } = context;
        let approval = ApprovalId::derive(call.0, &[&attempt.to_string()]);
        let summary = request.title.clone();
        let parked = Parked { node, call, attempt, request, output };
        self.scene.props().parked.insert(approval, parked);
        let command = Command::CallParked { call, approval, message: None, summary };
        match engine.command(organization, run, command).await {
            Ok(_) => CallOutcome::Parked,
            Err(error) => failed(StepError::new(ErrorKind::Internal, error.to_string())),
        }
    }
}

fn failed(error: StepError) -> CallOutcome {
    CallOutcome::Failed { error, retry_after_ms: None }
}

//! The executor: the engine's calls, carried out.

use super::{ToolResult, approval, broken, customer, event, http, input, score, secrets::Opened};
use crate::{
    egress::Egress,
    engine::{CallContext, CallExecutor, CallOutcome, Clock, Closing},
    gate::{Gate, GateCall, Submitted},
    model::{
        Asker, Models, Turn,
        conversation::{ToolHand, converse, question},
    },
    store::{self, ModelTurn, Store, StoreResult, Tx},
};
use chrono::{DateTime, Utc};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use signalbox::{
    id::{CallId, OrganizationId, RunId},
    run::{CallRequest, ErrorKind, ModelRequest, StepError},
    tool::{Effect, ToolSpec, find},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Exchanges of a thread that a model is reminded of.
const THREAD_TURNS_MAX: u32 = 20;

/// The tools that are carried out here; a test holds them against the catalogue.
pub const IMPLEMENTED: [&str; 15] = [
    "customer.create",
    "customer.get_by_id",
    "customer.query",
    "customer.update",
    "customer.filter",
    "email.send",
    "voice.call",
    "approval.create",
    "approval.update_status",
    "approval.get",
    "approval.list_pending",
    "approval.history",
    "http.request",
    "event.send",
    // Computed inside the state machine; never comes here.
    "set_variables",
];

/// Carries out calls.
#[derive(Clone)]
pub struct Tools {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    gate: Gate,
    models: Models,
    egress: Egress,
    clock: Arc<dyn Clock>,
}

impl Tools {
    /// Tools over a gate and the web; models as the organisations' settings say.
    pub fn new(store: Store, gate: &Gate, egress: Egress, clock: Arc<dyn Clock>) -> Self {
        let (settings, time) = (gate.channels().settings().clone(), clock.clone());
        let models = Models::new(settings, store.clone(), Arc::new(move || time.now()));
        Self { inner: Arc::new(Inner { store, gate: gate.clone(), models, egress, clock }) }
    }

    fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    async fn call(&self, context: &CallContext, request: CallRequest) -> CallOutcome {
        match request {
            CallRequest::Tool { tool, parameters } => self.tool(context, &tool, parameters).await,
            CallRequest::Model(request) => self.model(context, *request).await,
            CallRequest::Score(request) => self.model(context, score::question(*request)).await,
            // The engine keeps these: they end by what a worker reports and by how a run ends.
            CallRequest::Task(_) | CallRequest::Run(_) => failed(StepError::new(
                ErrorKind::Internal,
                "a task or a run of another workflow is not a tool",
            )),
        }
    }

    async fn tool(&self, context: &CallContext, name: &str, mut parameters: Value) -> CallOutcome {
        let Some(spec) = find(name) else {
            return failed(StepError::new(
                ErrorKind::NotFound,
                format!("there is no tool \u{201c}{name}\u{201d}"),
            ));
        };
        let (store, settings) = (&self.inner.store, self.inner.gate.channels().settings());
        let opened = Opened::put_in(store, settings, context, &spec.name, &mut parameters).await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return failed(error),
        };
        let mut outcome = self.prepared(context, spec, parameters).await;
        match &mut outcome {
            CallOutcome::Succeeded { output, .. } => opened.take_out(output),
            CallOutcome::Failed { error, .. } => opened.clean(error),
            // What goes through the gate is given no secrets.
            _ => {}
        }
        outcome
    }

    async fn prepared(
        &self,
        context: &CallContext,
        spec: &'static ToolSpec,
        parameters: Value,
    ) -> CallOutcome {
        let prepared = match input::prepare(spec, parameters) {
            Ok(prepared) => prepared,
            Err(error) => return failed(error),
        };
        match spec.name.as_str() {
            "email.send" | "voice.call" => self.outbound(context, &spec.name, &prepared).await,
            "http.request" => match http::request(&self.inner.egress, context.call, prepared).await
            {
                Ok(output) => CallOutcome::Succeeded { output, usage: None },
                Err((error, retry_after_ms)) => CallOutcome::Failed { error, retry_after_ms },
            },
            _ => match self.run_tool(context, spec, prepared).await {
                Ok(output) => CallOutcome::Succeeded { output, usage: None },
                Err(error) => failed(error),
            },
        }
    }

    /// What leaves goes through the send gate.
    async fn outbound(&self, context: &CallContext, tool: &str, prepared: &Value) -> CallOutcome {
        let call = GateCall {
            organization: context.organization,
            run: context.run,
            call: context.call,
            attempt: context.attempt,
            activation: context.activation,
            node: context.node.clone(),
            repeats: context.repeats,
        };
        let submitted = match tool {
            "voice.call" => self.inner.gate.submit_call(&call, prepared).await,
            _ => self.inner.gate.submit_email(&call, prepared).await,
        };
        match submitted {
            Submitted::Parked => CallOutcome::Parked,
            Submitted::Done(output) => CallOutcome::Succeeded { output, usage: None },
            Submitted::Failed(error) => failed(error),
        }
    }

    async fn run_tool(
        &self,
        context: &CallContext,
        spec: &'static ToolSpec,
        prepared: Value,
    ) -> ToolResult {
        let (store, gate, organization) =
            (&self.inner.store, &self.inner.gate, context.organization);
        match spec.name.as_str() {
            "customer.create" => {
                let gate = gate.caused_by(context.run);
                customer::create(&gate, organization, context.call, prepared).await
            }
            "customer.update" => {
                customer::update(&gate.caused_by(context.run), organization, prepared).await
            }
            "approval.create" => {
                let asker = approval::Asker {
                    organization,
                    run: context.run,
                    node: context.node.clone(),
                    call: context.call,
                };
                approval::create(store, &asker, prepared, self.now()).await
            }
            "approval.update_status" => {
                approval::update_status(store, organization, prepared, self.now()).await
            }
            "event.send" => event::send(gate, context, prepared).await,
            _ => self.read(organization, spec, prepared).await,
        }
    }

    /// The tools that only read; a model may be granted these.
    async fn read(
        &self,
        organization: OrganizationId,
        spec: &'static ToolSpec,
        prepared: Value,
    ) -> ToolResult {
        let (store, gate) = (&self.inner.store, &self.inner.gate);
        match spec.name.as_str() {
            "customer.get_by_id" => customer::get(gate, organization, prepared).await,
            "customer.query" => customer::query(store, organization, prepared).await,
            "customer.filter" => customer::filter(store, organization, prepared).await,
            "approval.get" => approval::get(store, organization, prepared).await,
            "approval.list_pending" => approval::list_of(store, organization, prepared, true).await,
            "approval.history" => approval::list_of(store, organization, prepared, false).await,
            other => Err(StepError::new(
                ErrorKind::Internal,
                format!("the tool \u{201c}{other}\u{201d} cannot be called here"),
            )),
        }
    }

    async fn model(&self, context: &CallContext, request: ModelRequest) -> CallOutcome {
        let asker = Asker {
            organization: context.organization,
            run: Some(context.run),
            call: Some(context.call),
        };
        let model = match self.inner.models.of(asker).await {
            Ok(model) => model,
            Err(error) => {
                let unanswered = crate::model::conversation::Unanswered::from(error);
                return failed(unanswered.error);
            }
        };
        let thread = request.thread_id.clone().filter(|thread| !thread.is_empty());
        let earlier = match &thread {
            Some(thread) => self.earlier(context.organization, thread, context.call).await,
            None => Ok(Vec::new()),
        };
        let earlier = match earlier {
            Ok(earlier) => earlier,
            Err(error) => return failed(broken(error)),
        };
        let hand = Hand { tools: self, organization: context.organization };
        match converse(model.as_ref(), &request, earlier, &hand).await {
            Err(unanswered) => CallOutcome::Failed {
                error: unanswered.error,
                retry_after_ms: unanswered.retry_after_ms,
            },
            Ok(answered) => {
                if let Some(thread) = thread {
                    let turn = ModelTurn { question: question(&request), answer: answered.text };
                    let kept = self.remember(context, thread, turn).await;
                    if let Err(error) = kept {
                        return failed(broken(error));
                    }
                }
                CallOutcome::Succeeded { output: answered.output, usage: Some(answered.usage) }
            }
        }
    }

    async fn earlier(
        &self,
        organization: OrganizationId,
        thread: &str,
        call: CallId,
    ) -> StoreResult<Vec<Turn>> {
        let turns =
            store::model_turns(&self.inner.store, organization, thread, call, THREAD_TURNS_MAX)
                .await?;
        Ok(turns
            .into_iter()
            .flat_map(|turn| {
                [Turn::User(turn.question), Turn::Assistant { text: turn.answer, uses: Vec::new() }]
            })
            .collect())
    }

    async fn remember(
        &self,
        context: &CallContext,
        thread: String,
        turn: ModelTurn,
    ) -> StoreResult<()> {
        let (organization, call, now) = (context.organization, context.call, self.now());
        self.inner
            .store
            .write(move |tx| {
                async move { store::model_turn_put(tx, organization, &thread, call, &turn, now).await }.boxed()
            })
            .await
    }
}

/// A filter is none: it reads all customers and evaluates what somebody wrote. Begun again and again without an end it
/// must be counted, which takes its row.
fn only_looks(request: &CallRequest) -> bool {
    let CallRequest::Tool { tool, .. } = request else { return false };
    find(tool).is_some_and(|spec| spec.effect == Effect::Read && spec.name != "customer.filter")
}

/// Nobody hears it: the engine gave the call up.
fn not_wanted() -> CallOutcome {
    failed(StepError::new(ErrorKind::Timeout, "the call is not wanted any more"))
}

fn failed(error: StepError) -> CallOutcome {
    CallOutcome::Failed { error, retry_after_ms: None }
}

/// A model's hand on the tools that read.
struct Hand<'t> {
    tools: &'t Tools,
    organization: OrganizationId,
}

impl ToolHand for Hand<'_> {
    fn use_tool<'a>(
        &'a self,
        spec: &'static ToolSpec,
        given: Value,
    ) -> BoxFuture<'a, Result<Value, StepError>> {
        async move {
            let prepared = input::prepare(spec, given)?;
            self.tools.read(self.organization, spec, prepared).await
        }
        .boxed()
    }
}

impl CallExecutor for Tools {
    fn only_looks(&self, request: &CallRequest) -> bool {
        only_looks(request)
    }

    fn execute(&self, context: CallContext, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        if only_looks(&request) {
            return async move { self.call(&context, request).await }.boxed();
        }
        // A task of its own: what writes must not break off half way when the engine gives up waiting.
        // What only asks the far side breaks off with it.
        let asks = match &request {
            CallRequest::Model(_) | CallRequest::Score(_) => true,
            CallRequest::Task(_) | CallRequest::Run(_) => false,
            CallRequest::Tool { tool, .. } => find(tool).is_some_and(|s| s.name == "http.request"),
        };
        let (unwanted, cancelled) = (CancellationToken::new(), context.cancelled.clone());
        let dropped = unwanted.clone().drop_guard();
        let tools = self.clone();
        let making = async move {
            let call = tools.call(&context, request);
            if !asks {
                return call.await;
            }
            tokio::select! {
                outcome = call => outcome,
                () = unwanted.cancelled() => not_wanted(),
                () = cancelled.cancelled() => not_wanted(),
            }
        };
        let task = tokio::spawn(making.in_current_span());
        async move {
            let _dropped = dropped;
            task.await.unwrap_or_else(|_| {
                failed(StepError::new(ErrorKind::Internal, "the tool broke off; this is a defect"))
            })
        }
        .boxed()
    }

    fn close<'t>(
        &'t self,
        tx: &'t mut Tx,
        organization: OrganizationId,
        run: RunId,
        closing: Closing,
    ) -> BoxFuture<'t, StoreResult<()>> {
        let now = self.now();
        async move {
            let call = match closing {
                Closing::Call(call) => Some(call),
                Closing::Run => None,
            };
            for (_, approval) in store::messages_recall(tx, organization, run, call, now).await? {
                if let Some(approval) = approval {
                    store::approval_withdraw(tx, organization, approval, now).await?;
                }
            }
            Ok(())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox::tool::catalogue;

    #[test]
    fn only_what_reads_a_few_rows_is_a_look() {
        let looks = catalogue().iter().map(|spec| spec.name.as_str()).filter(|name| {
            let tool = (*name).to_owned();
            only_looks(&CallRequest::Tool { tool, parameters: Value::Null })
        });
        let mut looks: Vec<_> = looks.collect();
        looks.sort_unstable();
        let expected = [
            "approval.get",
            "approval.history",
            "approval.list_pending",
            "customer.get_by_id",
            "customer.query",
        ];
        assert_eq!(looks, expected);
        assert!(!only_looks(&CallRequest::Model(Box::default())));
    }
}

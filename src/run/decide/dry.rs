//! Dry runs: what would be asked is shown, nothing is asked and nothing leaves. Something of the right shape stands for
//! each answer, waits end at once, people agree.
//!
//! So that the path is shown to its end, a step whose condition reads such an answer is done whatever the condition
//! says, a loop over one has one turn, and what would go round goes once. What is computed from the input alone is
//! computed.

use super::Machine;
use crate::expr::Expression;
use crate::graph::compile::Program;
use crate::id::{ApprovalId, NodeId};
use crate::run::world::{of_model, of_schema, scores};
use crate::run::{ActivationId, CallRequest, Decision, EventBody};
use crate::tool;
use serde_json::{Value, json};

/// By whom things are decided and done in it.
const BY: &str = "the dry run";

impl Machine<'_> {
    /// Whether this is a dry run.
    pub(super) fn is_dry(&self) -> bool {
        self.state.options.options.dry_run
    }

    /// A call is answered by what stands for its answer.
    pub(super) fn answer_dry(&mut self, id: ActivationId) {
        let Some(activation) = self.activation(id).filter(|_| self.is_dry()) else { return };
        let (Some(request), Some(call)) = (activation.request.clone(), activation.call) else {
            return;
        };
        if matches!(request, CallRequest::Task(_)) {
            let (worker, lease_until) = (BY.to_owned(), self.now);
            let claimed = EventBody::TaskClaimed {
                activation: id,
                call,
                worker,
                lease_until,
                timeout_at: None,
            };
            self.emit(claimed);
        }
        let output = self.stand_in(id, &request);
        self.succeeded(id, output, None);
    }

    fn stand_in(&self, id: ActivationId, request: &CallRequest) -> Value {
        let title = self.place(id).map(|(node, _)| self.graph.source(node).title().to_owned());
        let answer = || json!(format!("(dry run: the answer of {})", title.unwrap_or_default()));
        match request {
            CallRequest::Model(model) if model.json => of_model(model),
            CallRequest::Model(_) => answer(),
            CallRequest::Score(_) => scores(),
            CallRequest::Task(task) if task.output_schema.is_null() => answer(),
            CallRequest::Task(task) => of_schema(&task.output_schema),
            CallRequest::Run(_) => json!({"run": null, "outcome": "dry_run", "output": null}),
            CallRequest::Tool { tool, .. } => match tool::find(tool) {
                Some(spec) => of_schema(&spec.output),
                None => answer(),
            },
        }
    }

    /// People agree.
    pub(super) fn agree_dry(&mut self, id: ActivationId, approval: ApprovalId, form: &Value) {
        if !self.is_dry() || self.activation(id).is_none_or(|a| a.approval != Some(approval)) {
            return;
        }
        let answer = if form.is_null() { Value::Null } else { of_schema(form) };
        // It was asked in this very decision, so it is open.
        let _ = self.decide_approval(approval, &Decision::Approve { answer }, BY);
    }

    /// Whether a step is done: in a dry run also when its condition reads what only stands for an answer.
    pub(super) fn is_done_dry(&self, condition: &Expression) -> bool {
        self.is_dry()
            && condition.names().iter().any(|path| {
                let first = path.first().map(String::as_str).unwrap_or_default();
                matches!(first, "steps" | "lastOutput")
                    || self.graph.node_index(&NodeId::from(first)).is_some()
            })
    }

    /// What a wait would wait for has come.
    pub(super) fn end_wait_dry(&mut self, id: ActivationId) {
        let Some((node, _)) = self.place(id).filter(|_| self.is_dry()) else { return };
        let Program::Wait(_) = &self.graph.node(node).program else { return };
        let port = self.graph.source(node).kind.ports().first().copied().unwrap_or("success");
        let port = port.to_owned();
        self.pass_wait(id, &port);
    }

    /// The list of a loop over something that only stands for an answer: one item.
    pub(super) fn items_dry(&self, items: &Value) -> Option<Vec<Value>> {
        (self.is_dry() && !items.is_array()).then(|| vec![json!("(dry run: an item)")])
    }

    /// Whether a while region that went back may have another turn.
    pub(super) fn may_go_round(&self) -> bool {
        !self.is_dry()
    }
}

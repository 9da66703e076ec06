//! What people decided.

use super::Machine;
use super::edges::Completion;
use super::execute::step_error;
use crate::graph::HumanMode;
use crate::graph::compile::Program;
use crate::id::ApprovalId;
use crate::run::{ActivationId, Asked, CallRequest, Decision, ErrorKind, EventBody, Refusal};
use serde_json::{Value, json};

impl Machine<'_> {
    /// A decision about an open approval.
    pub(super) fn decide_approval(
        &mut self,
        approval: ApprovalId,
        decision: &Decision,
        by: &str,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: format!("the approval {approval}") };
        let id = self.state.activation_of_approval(approval).ok_or_else(unknown)?;
        let asked = self.activation(id).and_then(|activation| activation.asked);
        if asked == Some(Asked::Before) {
            self.check_change(id, decision)?;
        }
        self.emit(EventBody::ApprovalDecided {
            activation: id,
            approval,
            decision: decision.clone(),
            by: by.to_owned(),
        });
        match asked {
            Some(Asked::Before) => self.decided_before(id, decision, by),
            Some(Asked::Review) => self.decided_review(id, decision, by),
            Some(Asked::Human) => self.decided_by_person(id, decision, by),
            Some(Asked::Gate) | None => self.decided_at_gate(id, decision, by),
        }
        Ok(())
    }

    /// What a person changes about a prepared call are fields of its input.
    fn check_change(&self, id: ActivationId, decision: &Decision) -> Result<(), Refusal> {
        let Decision::Approve { answer } = decision else { return Ok(()) };
        let request = self.activation(id).and_then(|activation| activation.request.as_ref());
        let why = match answer {
            Value::Null => return Ok(()),
            Value::Object(fields) if fields.is_empty() => return Ok(()),
            Value::Object(_) if request.is_none_or(CallRequest::may_change) => return Ok(()),
            Value::Object(_) => {
                "what a model is asked cannot be changed here: approve it as it is, or reject it and change the step"
            }
            _ => {
                "a change of a prepared call is an object with the fields that are different: send that, or nothing to \
                 approve the call as it is"
            }
        };
        Err(Refusal::Unchangeable { why: why.to_owned() })
    }

    /// A prepared call is made as it was approved: what was changed stands in it already.
    fn decided_before(&mut self, id: ActivationId, decision: &Decision, by: &str) {
        if !matches!(decision, Decision::Approve { .. }) {
            return self.rejected(id, decision, by, false);
        }
        let Some(request) = self.activation(id).and_then(|a| a.request.clone()) else { return };
        self.request_call(id, request);
    }

    /// The output flows on as it is or as it was changed; or it is made again; or the step fails.
    fn decided_review(&mut self, id: ActivationId, decision: &Decision, by: &str) {
        match decision {
            Decision::Approve { answer } => {
                let Some(activation) = self.activation(id) else { return };
                let output =
                    if answer.is_null() { activation.output.clone() } else { answer.clone() };
                let usage = activation.usage.clone();
                self.complete(id, "success", output, Completion { usage, ..Completion::default() });
            }
            Decision::Reject { retry: true, .. } => self.again.push_back(id),
            _ => self.rejected(id, decision, by, false),
        }
    }

    /// The send gate goes on by itself after an approval; otherwise its call is not wanted any more.
    fn decided_at_gate(&mut self, id: ActivationId, decision: &Decision, by: &str) {
        if !matches!(decision, Decision::Approve { .. }) {
            self.rejected(id, decision, by, true);
        }
    }

    fn decided_by_person(&mut self, id: ActivationId, decision: &Decision, by: &str) {
        let Some((node, _)) = self.place(id) else { return };
        let Program::Human(human) = &self.graph.node(node).program else { return };
        let shown = self.activation(id).map(|a| a.output.clone()).unwrap_or_default();
        match decision {
            Decision::Approve { answer } => {
                let (port, output) = match human.mode {
                    HumanMode::Answer => ("success", answer.clone()),
                    HumanMode::Review if answer.is_null() => ("approved", shown),
                    HumanMode::Review => ("approved", answer.clone()),
                    HumanMode::Approve if answer.is_null() => {
                        ("approved", json!({"approved": true, "by": by}))
                    }
                    HumanMode::Approve => {
                        ("approved", json!({"approved": true, "by": by, "answer": answer}))
                    }
                };
                self.complete(id, port, output, Completion::default());
            }
            Decision::Reject { reason, .. } if self.leads_on(node, "rejected") => {
                let output = json!({"approved": false, "by": by, "reason": reason});
                self.complete(id, "rejected", output, Completion::default());
            }
            _ => self.rejected(id, decision, by, false),
        }
    }

    fn leads_on(&self, node: usize, port: &str) -> bool {
        self.graph.node(node).outs.iter().any(|edge| self.graph.edge_port(*edge) == port)
    }

    /// A person said no, or nobody said anything in time.
    fn rejected(&mut self, id: ActivationId, decision: &Decision, by: &str, cancels: bool) {
        let error = match decision {
            Decision::Reject { reason, .. } if reason.is_empty() => {
                step_error(ErrorKind::HumanRejected, format!("Rejected by {by}"))
            }
            Decision::Reject { reason, .. } => {
                step_error(ErrorKind::HumanRejected, format!("Rejected by {by}: {reason}"))
            }
            _ => step_error(ErrorKind::Expired, "Nobody decided in time"),
        };
        let call = self.activation(id).and_then(|activation| activation.call);
        self.give_up(id, error, call.filter(|_| cancels));
    }
}

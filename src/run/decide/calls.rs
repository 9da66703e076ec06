//! What calls gave: results, failures, messages on their way.

use super::Machine;
use super::edges::Completion;
use super::execute::step_error;
use crate::graph::compile::Program;
use crate::id::{ApprovalId, CallId, MessageId};
use crate::run::{
    ActivationId, ActivationState, ApprovalKind, ApprovalRequest, CallRequest, Command, ErrorKind,
    EventBody, Refusal, Usage,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

impl Machine<'_> {
    /// Commands about one call.
    pub(super) fn call_command(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::CallSucceeded { call, attempt, output, usage } => {
                let id = self.open_call(*call, Some(*attempt))?;
                self.succeeded(id, output.clone(), usage.clone());
            }
            Command::CallFailed { call, attempt, error, retry_after_ms } => {
                let id = self.open_call(*call, Some(*attempt))?;
                if self.is_scored(id) {
                    let why = format!("It could not be scored: {}", error.message);
                    self.ask_review_of_scored(id, &why);
                } else {
                    self.attempt_failed(id, error.clone(), *retry_after_ms);
                }
            }
            Command::CallBypassed { call, reason } => {
                let id = self.open_call(*call, None)?;
                self.bypass(id, reason.clone(), None);
            }
            Command::CallParked { call, approval, message, summary } => {
                let id = self.open_call(*call, None)?;
                self.parked(id, *approval, *message, summary);
            }
            _ => return Err(Refusal::Unknown { what: "the command".to_owned() }),
        }
        Ok(())
    }

    /// The activation whose open call this is, at this attempt.
    fn open_call(&self, call: CallId, attempt: Option<u32>) -> Result<ActivationId, Refusal> {
        let id = self.state.activation_of_call(call).ok_or(Refusal::Stale)?;
        let activation = self.activation(id).ok_or(Refusal::Stale)?;
        // A timer means that the attempt failed and the next one waits, or that a person looks at the output.
        let is_task = matches!(activation.request, Some(CallRequest::Task(_)));
        let is_open = activation.request.is_some()
            && (activation.timer.is_none() || is_task)
            && activation.state != ActivationState::Blocked
            && attempt.is_none_or(|attempt| attempt == activation.attempt);
        match activation.state {
            _ if !is_open => Err(Refusal::Stale),
            ActivationState::Waiting if is_task => Err(Refusal::Stale),
            ActivationState::Ready if attempt.is_some() => Err(Refusal::NotClaimed),
            _ => Ok(id),
        }
    }

    pub(super) fn succeeded(&mut self, id: ActivationId, output: Value, usage: Option<Usage>) {
        let Some((node, _)) = self.place(id) else { return };
        if self.is_scored(id) {
            self.spend(id, usage.as_ref());
            return self.scored(id, node, &output);
        }
        let output = match &self.graph.node(node).program {
            Program::Model(model) if model.json => match as_json(output) {
                Ok(output) => output,
                Err(text) => {
                    let message = format!(
                        "The model's answer is not JSON as this step asks for; it begins \u{201c}{}\u{201d}",
                        text.chars().take(80).collect::<String>()
                    );
                    let error = step_error(ErrorKind::SchemaValidationFailed, message);
                    self.spend(id, usage.as_ref());
                    return self.attempt_failed(id, error, None);
                }
            },
            _ => output,
        };
        if self.is_reviewed(node) {
            self.spend(id, usage.as_ref());
            return self.review(id, node, output, usage);
        }
        self.complete(id, "success", output, Completion { usage, ..Completion::default() });
    }

    /// What an answer cost counts at once where it is not the step's output, or not yet.
    fn spend(&mut self, activation: ActivationId, usage: Option<&Usage>) {
        if let Some(usage) = usage.cloned() {
            self.emit(EventBody::Spent { activation, usage });
        }
    }

    /// The node has its output: a scoring model looks at it first where the node says so, else a person.
    fn review(&mut self, id: ActivationId, node: usize, output: Value, usage: Option<Usage>) {
        match self.threshold(node) {
            Some(threshold) if !self.is_stopped() => self.score(id, node, output, usage, threshold),
            _ => self.ask_review(id, node, output, usage, ""),
        }
    }

    /// The output waits for a person to look at it.
    pub(super) fn ask_review(
        &mut self,
        id: ActivationId,
        node: usize,
        output: Value,
        usage: Option<Usage>,
        prompt: &str,
    ) {
        let source = self.graph.source(node);
        let title = format!("Check the output of \u{201c}{}\u{201d}", source.title());
        let expires = source.policy.review.as_ref().and_then(|review| review.expires_after_ms);
        let approval = self.approval_id(id);
        self.emit(EventBody::ApprovalRequested {
            activation: id,
            approval,
            request: Some(Box::new(ApprovalRequest {
                kind: ApprovalKind::Review,
                title: title.clone(),
                prompt: prompt.to_owned(),
                subject: output,
                form: Value::Null,
                expires_at: self.expiry(expires),
                confidence: self.activation(id).and_then(|a| a.confidence.clone()).map(Box::new),
            })),
            message: None,
            summary: title,
            prepared: None,
            usage,
            escalation: self.escalation(),
        });
        self.tell_people(id, approval, None);
        self.agree_dry(id, approval, &Value::Null);
    }

    /// The send gate waits for a person. Saying so twice changes nothing.
    fn parked(
        &mut self,
        id: ActivationId,
        approval: ApprovalId,
        message: Option<MessageId>,
        summary: &str,
    ) {
        let is_known = self.activation(id).is_some_and(|activation| {
            activation.approval == Some(approval)
                && activation.state == ActivationState::AwaitingHuman
        });
        if is_known {
            return;
        }
        self.emit(EventBody::ApprovalRequested {
            activation: id,
            approval,
            request: None,
            message,
            summary: summary.to_owned(),
            prepared: None,
            usage: None,
            escalation: self.escalation(),
        });
        self.tell_people(id, approval, None);
    }

    /// A message moved on. Also when its step or the run is over: what becomes of it is recorded.
    pub(super) fn message_moved(
        &mut self,
        call: CallId,
        message: MessageId,
        state: &str,
        detail: &str,
        until: Option<DateTime<Utc>>,
    ) -> Result<(), Refusal> {
        let mut activations = self.state.activations.iter();
        let found = activations.find(|(_, a)| {
            a.call == Some(call) || a.message.as_ref().is_some_and(|(known, _)| *known == message)
        });
        let Some((id, activation)) = found else {
            return Err(Refusal::Unknown { what: format!("the call {call}") });
        };
        if activation.state == ActivationState::Blocked {
            return Err(Refusal::Stale);
        }
        let activation = *id;
        self.emit(EventBody::MessageMoved {
            activation,
            message,
            state: state.to_owned(),
            detail: detail.to_owned(),
            until,
        });
        Ok(())
    }
}

/// A model's answer as JSON: as it is, or from text, with or without a code fence. Else the text.
fn as_json(output: Value) -> Result<Value, String> {
    let Value::String(text) = output else { return Ok(output) };
    let trimmed = text.trim();
    let fenced = trimmed.strip_prefix("```").and_then(|rest| {
        let body = rest.split_once('\n')?.1;
        Some(body.rsplit_once("```").map_or(body, |(body, _)| body))
    });
    serde_json::from_str(fenced.unwrap_or(trimmed).trim()).map_err(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_read_as_json_with_and_without_a_fence() {
        assert_eq!(as_json(json!({"a": 1})), Ok(json!({"a": 1})));
        assert_eq!(as_json(json!(" {\"a\": 1} ")), Ok(json!({"a": 1})));
        assert_eq!(as_json(json!("```json\n{\"a\": 1}\n```")), Ok(json!({"a": 1})));
        assert_eq!(as_json(json!("Sure, here")), Err("Sure, here".into()));
    }
}

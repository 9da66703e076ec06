//! The world of one scenario while it is played.

use super::contacts::Contacts;
use super::rules::{self, Rule};
use super::{Answering, Deciding, Scenario, WorldFile, sample};
use crate::expr::ValueScope;
use crate::graph::ToolNames;
use crate::run::{
    Answer, ApprovalKind, ApprovalRequest, Asking, CallRequest, Decision, ErrorKind, OutsideFact,
    Reply, StepError, World,
};
use crate::tool;
use crate::wire::TemplateCreate;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The world of one scenario while it is played.
pub struct Stage {
    tools: Vec<Rule<Answering>>,
    models: Vec<Rule<Answering>>,
    approvals: Vec<Rule<Deciding>>,
    facts: Vec<OutsideFact>,
    contacts: Contacts,
    templates: BTreeMap<String, TemplateCreate>,
    /// Emails as they were put before a person, in order, with what was decided.
    pub messages: Vec<(Value, Option<Decision>)>,
    /// Calls that no rule answers, in words.
    pub unanswered: Vec<String>,
    made: usize,
}

impl Stage {
    /// The world at the beginning of a scenario.
    pub fn new(file: &WorldFile, scenario: &Scenario) -> Self {
        let events = file.events.iter().chain(&scenario.events);
        let fact = |event: &super::OutsideEvent| OutsideFact {
            after_ms: event.after_ms,
            name: event.name.clone(),
            payload: event.payload.clone(),
        };
        Self {
            tools: scenario.tools.iter().chain(&file.tools).map(Rule::from).collect(),
            models: scenario.models.iter().chain(&file.models).map(Rule::from).collect(),
            approvals: scenario.approvals.iter().chain(&file.approvals).map(Rule::from).collect(),
            facts: events.map(fact).collect(),
            contacts: Contacts::new(file.contacts.iter().chain(&scenario.contacts).cloned()),
            templates: file.templates.iter().map(|t| (t.id.clone(), t.clone())).collect(),
            messages: Vec::new(),
            unanswered: Vec::new(),
            made: 0,
        }
    }

    /// What the file says to a call. `None`: no rule fits.
    pub fn ruled_call(&mut self, asking: &Asking, request: &CallRequest) -> Option<Answer> {
        let (rules, tool, input) = match request {
            CallRequest::Tool { tool, parameters } => {
                (&mut self.tools, Some(rules::canonical(tool)), parameters.clone())
            }
            CallRequest::Model(model) => (&mut self.models, None, json!(model)),
            CallRequest::Task(task) => (&mut self.tools, Some("task".to_owned()), json!(task)),
            CallRequest::Run(run) => (&mut self.tools, Some("workflow.run".to_owned()), json!(run)),
            CallRequest::Score(score) => {
                (&mut self.tools, Some("output.score".to_owned()), json!(score))
            }
        };
        let scope = rules::scope(asking, &input);
        let answer = rules::next(rules, asking, tool.as_deref(), &scope)?;
        Some(ruled(answer, &scope))
    }

    /// What the file says to an approval: after how long it is decided and how, or that nobody does.
    /// `None`: no rule fits.
    pub fn ruled_decision(
        &mut self,
        asking: &Asking,
        request: &ApprovalRequest,
    ) -> Option<Option<(u64, Decision)>> {
        let scope = rules::scope(asking, &json!(request));
        let deciding = rules::next(&mut self.approvals, asking, None, &scope)?;
        Some(deciding.decision.map(|decision| (deciding.after_ms, decision)))
    }

    /// What a tool answers when no rule fits.
    fn tool(&mut self, asking: &Asking, tool: &str, input: &Value) -> Answer {
        let tool = rules::canonical(tool);
        if let Some(result) = self.contacts.call(&tool, input, asking.now.timestamp_millis()) {
            return result.map_or_else(Answer::failure, Answer::output);
        }
        self.made += 1;
        match tool.as_str() {
            "email.send" => self.email(input),
            "voice.call" => self.spoken(input),
            "approval.create" => {
                let id = format!("approval_{}", self.made);
                Answer::output(json!({"id": id, "_id": id, "status": "pending"}))
            }
            _ => {
                let message = format!(
                    "This world does not say what {tool} answers at {}. Add a rule for it under tools.",
                    asking.node.id
                );
                self.unanswered.push(message.clone());
                Answer::failure(StepError::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// An email waits for a person, and is then accepted as it was.
    fn email(&mut self, input: &Value) -> Answer {
        let id = input.get("customerId").or(input.get("contact")).and_then(Value::as_str);
        let to = input.get("to").and_then(Value::as_str).filter(|to| !to.is_empty());
        let Some(to) = to.or_else(|| self.contacts.email(id?)).map(str::to_owned) else {
            let message =
                "The email has no recipient. Give it an address or a customer who has one.";
            return Answer::failure(StepError::new(ErrorKind::InvalidInput, message));
        };
        let (subject, body) = match self.texts(input) {
            Ok(texts) => texts,
            Err(message) => {
                return Answer::failure(StepError::new(ErrorKind::NotFound, message));
            }
        };
        let message = json!({
            "to": address(&to), "recipient": to, "subject": subject, "body": body,
        });
        let output = json!({
            "messageId": format!("message_{}", self.made), "status": "accepted", "to": to, "subject": subject,
            "body": body, "edited": false, "via": "simulation", "sandbox": true,
        });
        let request = ApprovalRequest {
            kind: ApprovalKind::Message,
            title: format!("Email to {to}"),
            prompt: String::new(),
            subject: message,
            form: Value::Null,
            expires_at: None,
            confidence: None,
        };
        Answer::now(Reply::Park { request: Box::new(request), output })
    }

    /// A call waits for a person, and is then answered by one.
    fn spoken(&self, input: &Value) -> Answer {
        let id = input.get("customerId").or(input.get("contact")).and_then(Value::as_str);
        let Some(to) = id.and_then(|id| self.contacts.phone(id)).map(str::to_owned) else {
            let message = "The call reaches nobody. Give it a customer who has a telephone number.";
            return Answer::failure(StepError::new(ErrorKind::InvalidInput, message));
        };
        let script = input.get("scriptId").and_then(Value::as_str).unwrap_or_default();
        let Some(template) = self.templates.get(script) else {
            let message =
                format!("There is no script {script}. Add it to the world\u{2019}s `templates`.");
            return Answer::failure(StepError::new(ErrorKind::NotFound, message));
        };
        let (title, text) = (format!("Call to {to}"), template.text.clone());
        let request = ApprovalRequest {
            kind: ApprovalKind::Message,
            title,
            prompt: String::new(),
            subject: json!({ "to": to, "recipient": to, "subject": script, "body": text }),
            form: Value::Null,
            expires_at: None,
            confidence: None,
        };
        let id = format!("message_{}", self.made);
        let output = json!({
            "callId": id, "messageId": id, "status": "answered", "to": to, "said": text,
            "via": "simulation", "sandbox": true,
        });
        Answer::now(Reply::Park { request: Box::new(request), output })
    }

    /// Subject and body of an email. What the gate words is given as it is written: only the engine knows the
    /// words of its run.
    fn texts(&self, input: &Value) -> Result<(Value, Value), String> {
        let text = |name: &str| input.get(name).cloned().unwrap_or_default();
        let is_blank = |value: &Value| value.as_str().is_none_or(|text| text.trim().is_empty());
        let (mut subject, mut body, id) = (text("subject"), text("body"), text("templateId"));
        let unworded = tool::late_source("email.send", tool::SUBJECT, &subject).map(Value::from);
        subject = unworded.unwrap_or(subject);
        if let Some(id) = id.as_str().filter(|id| !id.is_empty() && is_blank(&body)) {
            let Some(template) = self.templates.get(id) else {
                return Err(format!(
                    "There is no message template {id}. Add it to the world\u{2019}s `templates`."
                ));
            };
            body = json!(template.text);
            if is_blank(&subject) {
                subject = json!(template.subject);
            }
        }
        Ok((subject, body))
    }
}

/// The bare address of `Name <address>`.
fn address(recipient: &str) -> &str {
    let inside = recipient.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(recipient, |(address, _)| address).trim()
}

/// What a rule's answer means.
fn ruled(answer: Answering, scope: &ValueScope) -> Answer {
    let reply = match answer {
        Answering { silent: true, .. } => Reply::Silence,
        Answering { error: Some(failing), .. } => Reply::Failure {
            error: StepError::new(failing.kind, failing.message),
            retry_after_ms: failing.retry_after_ms,
        },
        Answering { bypass: Some(reason), .. } => Reply::Bypass { reason },
        Answering { output, .. } => match rules::render(&output, scope) {
            Ok(output) => Reply::Output { output, usage: None },
            Err(message) => Reply::Failure {
                error: StepError::new(
                    ErrorKind::Internal,
                    format!("The world's answer: {message}"),
                ),
                retry_after_ms: None,
            },
        },
    };
    Answer { after_ms: answer.after_ms, reply }
}

impl World for Stage {
    fn call(&mut self, asking: &Asking, request: &CallRequest) -> Answer {
        if let Some(answer) = self.ruled_call(asking, request) {
            return answer;
        }
        match request {
            CallRequest::Tool { tool, parameters } => self.tool(asking, tool, parameters),
            CallRequest::Model(model) => Answer::output(sample::answer(model)),
            CallRequest::Task(task) => Answer::output(sample::of_form(&task.output_schema)),
            CallRequest::Score(_) => Answer::output(sample::scores()),
            CallRequest::Run(_) => {
                Answer::output(json!({"run": null, "outcome": "completed", "output": null}))
            }
        }
    }

    fn decide(&mut self, asking: &Asking, request: &ApprovalRequest) -> Option<(u64, Decision)> {
        let granted = || Some((0, Decision::Approve { answer: sample::of_form(&request.form) }));
        let decided = self.ruled_decision(asking, request).unwrap_or_else(granted);
        if request.kind == ApprovalKind::Message {
            let decision = decided.as_ref().map(|(_, decision)| decision.clone());
            self.messages.push((request.subject.clone(), decision));
        }
        decided
    }

    fn facts(&mut self) -> Vec<OutsideFact> {
        std::mem::take(&mut self.facts)
    }
}

/// The catalogue's tools, and any other name as it is: a world file may answer for tools that are not here.
#[derive(Clone, Copy, Debug, Default)]
pub struct StubbedTools;

impl ToolNames for StubbedTools {
    fn canonical(&self, name: &str) -> Option<String> {
        Some(rules::canonical(name))
    }

    fn expression_parameters(&self, tool: &str) -> Vec<String> {
        tool::catalogue().expression_parameters(tool)
    }

    fn is_gated(&self, tool: &str) -> bool {
        tool::catalogue().is_gated(tool)
    }
}

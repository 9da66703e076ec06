//! What the world is asked: rendered tool input and model conversations, their keys, and the asking.

use super::{Machine, cannot_compute};
use crate::expr::{Expression, Scope, ValueScope};
use crate::graph::compile::{Model, Parameters, Subworkflow, Task};
use crate::id::{ApprovalId, CallId, NodeId};
use crate::run::{
    ActivationId, CallRequest, CallRoute, EdgeState, ErrorKind, EventBody, FrameId, ModelRequest,
    RunRequest, StepError, TaskRequest,
};
use crate::tool;
use serde_json::{Map, Value, json};

/// How long a claim of a task holds without a heartbeat, unless its step says otherwise.
const LEASE_DEFAULT_MS: u64 = 60_000;

impl Machine<'_> {
    /// A tool's input: its parameters, then what edges map into it, then its expressions.
    pub(super) fn tool_request(
        &self,
        node: usize,
        frame: FrameId,
        tool: &str,
        parameters: &Parameters,
    ) -> Result<CallRequest, StepError> {
        let scope = self.scope(frame);
        let rendered = parameters
            .values
            .render(&scope)
            .map_err(|error| cannot_compute("The parameters", &error))?;
        let mut fields = match rendered {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            other => return Ok(CallRequest::Tool { tool: tool.to_owned(), parameters: other }),
        };
        if let Some(subject) = &parameters.subject {
            fields.insert(tool::SUBJECT.to_owned(), subject.clone());
        }
        for (field, value) in self.mapped(node, frame)? {
            fields.entry(field).or_insert(value);
        }
        // The gate words what stands in the step alone: a value that looks so may come from anybody.
        let looks_unworded =
            |value: &Value| tool::late_source(tool, tool::SUBJECT, value).is_some();
        if parameters.subject.is_none() && fields.get(tool::SUBJECT).is_some_and(looks_unworded) {
            return Err(StepError::new(ErrorKind::InvalidInput, "the subject must be a text"));
        }
        for (name, expression, source) in &parameters.expressions {
            fields.insert(name.clone(), bound(expression, source, &scope));
        }
        Ok(CallRequest::Tool { tool: tool.to_owned(), parameters: Value::Object(fields) })
    }

    /// Input fields that the edges into a node fill from their sources' outputs.
    fn mapped(&self, node: usize, frame: FrameId) -> Result<Vec<(String, Value)>, StepError> {
        let mut mapped = vec![];
        let Some(edges) = self.state.frames.get(&frame).map(|frame| &frame.edges) else {
            return Ok(mapped);
        };
        for edge in &self.graph.node(node).ins {
            let compiled = self.graph.edge(*edge);
            let is_taken = edges.get(self.graph.edge_id(*edge)) == Some(&EdgeState::Taken);
            if compiled.map.is_empty() || !is_taken {
                continue;
            }
            let from = self.graph.source(compiled.from).id.as_str();
            let scope = self.scope(frame);
            let output =
                scope.resolve(&["steps", from, "output"]).map(|(value, _)| value.into_owned());
            let output = output.unwrap_or(Value::Null);
            let mut root = output.as_object().cloned().unwrap_or_default();
            root.insert("output".to_owned(), output);
            let fields = ValueScope::new(Value::Object(root), self.now.timestamp_millis());
            for (field, path) in &compiled.map {
                let value = path.evaluate(&fields).map_err(|error| {
                    cannot_compute(&format!("The input field \u{201c}{field}\u{201d}"), &error)
                })?;
                mapped.push((field.clone(), value));
            }
        }
        Ok(mapped)
    }

    /// A rendered model conversation, with what reviewers said about earlier answers.
    pub(super) fn model_request(
        &self,
        id: ActivationId,
        frame: FrameId,
        model: &Model,
    ) -> Result<CallRequest, StepError> {
        let scope = self.scope(frame);
        let render = |what: &str, template: &crate::expr::Template| {
            template.render_text(&scope).map_err(|error| cannot_compute(what, &error))
        };
        let feedback = self.activation(id).map(|a| a.feedback.clone()).unwrap_or_default();
        Ok(CallRequest::Model(Box::new(ModelRequest {
            name: model.name.clone(),
            system_prompt: render("The system prompt", &model.system_prompt)?,
            user_prompt: render("The prompt", &model.user_prompt)?,
            model: model.model.clone(),
            temperature: model.temperature,
            max_tokens: model.max_tokens,
            json: model.json,
            output_schema: model.output_schema.clone(),
            tools: model.tools.clone(),
            thread_id: self.state.thread_id.clone(),
            feedback,
        })))
    }

    /// What an outside worker is given.
    pub(super) fn task_request(
        &self,
        id: ActivationId,
        node: usize,
        frame: FrameId,
        task: &Task,
    ) -> Result<CallRequest, StepError> {
        let scope = self.scope(frame);
        let instructions = task
            .instructions
            .render_text(&scope)
            .map_err(|error| cannot_compute("The instructions", &error))?;
        let mut input = self.input_or_last(frame, task.input.as_ref())?;
        for (field, value) in self.mapped(node, frame)? {
            if let Value::Object(fields) = &mut input {
                fields.entry(field).or_insert(value);
            } else if input.is_null() {
                input = json!({ field: value });
            }
        }
        Ok(CallRequest::Task(Box::new(TaskRequest {
            executor: task.settings.executor,
            worker: task.settings.worker.clone(),
            title: self.graph.source(node).title().to_owned(),
            instructions,
            input,
            output_schema: task.settings.output_schema.clone(),
            lease_ms: task.settings.lease_ms.unwrap_or(LEASE_DEFAULT_MS),
            feedback: self.activation(id).map(|a| a.feedback.clone()).unwrap_or_default(),
        })))
    }

    /// A run of another workflow, about the same contacts.
    pub(super) fn run_request(
        &self,
        frame: FrameId,
        subworkflow: &Subworkflow,
    ) -> Result<CallRequest, StepError> {
        Ok(CallRequest::Run(Box::new(RunRequest {
            workflow: subworkflow.workflow.clone(),
            version: subworkflow.version,
            input: self.input_or_last(frame, subworkflow.input.as_ref())?,
            contacts: self.state.contacts.clone(),
            thread_id: self.state.thread_id.clone(),
        })))
    }

    fn input_or_last(
        &self,
        frame: FrameId,
        input: Option<&crate::expr::ValueTemplate>,
    ) -> Result<Value, StepError> {
        let scope = self.scope(frame);
        match input {
            Some(input) => {
                input.render(&scope).map_err(|error| cannot_compute("The input", &error))
            }
            None => Ok(scope.last_output().unwrap_or(&self.state.input).clone()),
        }
    }

    /// Makes a new call of an activation. While nothing may start, the request waits in the state.
    pub(super) fn request_call(&mut self, id: ActivationId, request: CallRequest) {
        if self.is_stopped() {
            return;
        }
        let Some(call) = self.call_id(id) else { return };
        self.emit_call(id, 1, call, request);
    }

    /// Makes the open call of an activation once more.
    pub(super) fn retry_call(&mut self, id: ActivationId) {
        let Some(activation) = self.activation(id) else { return };
        let (Some(call), Some(request)) = (activation.call, activation.request.clone()) else {
            return;
        };
        let attempt = activation.attempt.saturating_add(1);
        self.emit_call(id, attempt, call, request);
    }

    fn emit_call(&mut self, id: ActivationId, attempt: u32, call: CallId, request: CallRequest) {
        let Some((node, frame)) = self.place(id) else { return };
        let policy = &self.graph.source(node).policy;
        let scores = matches!(request, CallRequest::Score(_));
        // A run of another workflow is waited for: none of it is working time here, only the attempt has a limit.
        let works = !matches!(request, CallRequest::Run(_));
        let of_attempt = policy.timeout_ms.filter(|_| !scores);
        let of_work = self.node_time_left_ms(id).into_iter().chain(self.time_left_ms());
        let timeout_ms = of_attempt.into_iter().chain(of_work.filter(|_| works)).min();
        let route = CallRoute {
            queue: policy.queue.clone(),
            priority: policy.priority,
            repeats: self
                .state
                .sent_before
                .get(&self.place_name(frame, &self.graph.source(node).id))
                .copied(),
        };
        let is_task = matches!(request, CallRequest::Task(_));
        let claim_until = self.claim_until(id).filter(|_| is_task);
        self.emit(EventBody::CallRequested {
            activation: id,
            attempt,
            call,
            request,
            timeout_ms,
            route,
            claim_until,
            usage: None,
        });
        self.answer_dry(id);
    }

    /// Where a node stands: `0/each_customer[3]/send`.
    pub(super) fn place_name(&self, frame: FrameId, node: &NodeId) -> String {
        format!("{}/{node}", self.frame_path(frame))
    }

    /// The key of the next call: the same for all attempts and after a crash, another for another try.
    pub(super) fn call_id(&self, id: ActivationId) -> Option<CallId> {
        let activation = self.activation(id)?;
        let path = self.frame_path(activation.frame);
        let round = (activation.round + 1).to_string();
        let parts = [path.as_str(), activation.node.as_str(), &id.0.to_string(), &round];
        Some(CallId::derive(self.state.run.0, &parts))
    }

    /// The id of the next approval that an activation asks for.
    pub(super) fn approval_id(&self, id: ActivationId) -> ApprovalId {
        let (activation, event) = (id.0.to_string(), (self.state.seq + 1).to_string());
        ApprovalId::derive(self.state.run.0, &[&activation, &event])
    }

    /// Where a frame stands: `0/each_customer[3]`.
    fn frame_path(&self, frame: FrameId) -> String {
        let mut parts = vec![];
        let mut around = self.state.frames.get(&frame);
        while let Some(frame) = around {
            if let Some(header) = &frame.header {
                parts.push(format!("{header}[{}]", frame.index));
            }
            around = frame.parent.and_then(|parent| self.state.frames.get(&parent));
        }
        parts.push("0".to_owned());
        parts.reverse();
        parts.join("/")
    }
}

/// An expression over records travels as its source. What it binds from the run travels with it:
/// `{"$expression": source, "$scope": {…}}`, where `$scope` holds the named paths and nothing else.
fn bound(expression: &Expression, source: &str, scope: &dyn Scope) -> Value {
    let names = expression.outer_names();
    if names.is_empty() {
        return Value::String(source.to_owned());
    }
    let mut root = Value::Object(Map::new());
    for path in &names {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let Some((found, used)) = scope.resolve(&names) else { continue };
        let value = names[used.min(names.len())..]
            .iter()
            .try_fold(found.as_ref(), |value, name| value.get(name))
            .cloned();
        place(&mut root, &names, value.unwrap_or(Value::Null));
    }
    json!({"$expression": source, "$scope": root})
}

fn place(root: &mut Value, path: &[&str], value: Value) {
    let mut at = root;
    for name in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(fields) = at.as_object_mut() else { return };
        at = fields.entry((*name).to_owned()).or_insert(Value::Null);
    }
    *at = value;
}

//! Starting units and doing what nodes do.

use super::edges::Completion;
use super::{ACTIVATIONS_MAX, Machine, cannot_compute};
use crate::expr::{EvalError, Expression, Template};
use crate::graph::compile::{Assignment, Program, RegionKind};
use crate::graph::{CompiledGraph, HumanMode};
use crate::run::{
    ActivationId, ApprovalKind, ApprovalRequest, CallRequest, ErrorKind, EventBody, FrameId,
    StepError,
};
use serde_json::{Map, Value};

impl Machine<'_> {
    /// A unit whose incoming edges are decided: it starts when one was taken, else it is skipped.
    pub(super) fn start_unit(&mut self, frame: FrameId, unit: usize) {
        let Some(level) = self.level(frame) else { return };
        if self.has_begun(frame, unit) || self.state.frames.get(&frame).is_none_or(|f| f.ended) {
            return;
        }
        let is_header = self.graph.region(level).header == Some(unit);
        let is_trigger = level == 0 && unit == self.graph.trigger();
        if is_header || is_trigger {
            return self.start_node(frame, unit);
        }
        if self.undecided_edges(frame, unit) > 0 {
            return;
        }
        if !self.is_led_to(frame, unit) {
            return self.skip(frame, unit, "Nothing led here");
        }
        match self.graph.regions().headed[unit] {
            Some(region) if self.graph.region(region).kind == RegionKind::While => {
                self.start_turn(frame, region, 0);
            }
            _ => self.start_node(frame, unit),
        }
    }

    fn start_node(&mut self, frame: FrameId, node: usize) {
        if u64::from(self.state.activation_last) >= u64::from(ACTIVATIONS_MAX) * self.grants() {
            return self.halt(format!(
                "The run did {} steps, more than it may. Look whether it goes in circles; resuming lets it do as \
                 many again.",
                self.state.activation_last
            ));
        }
        let condition = self.graph.node(node).condition.as_ref();
        let runs = condition.map_or(Ok(true), |condition| condition.test(&self.scope(frame)));
        let runs = match condition {
            Some(condition) if self.is_done_dry(condition) => Ok(true),
            _ => runs,
        };
        if let Ok(false) = runs {
            return self.skip(frame, node, "Its condition does not hold");
        }
        let activation = ActivationId(self.state.activation_last + 1);
        let id = self.graph.source(node).id.clone();
        self.emit(EventBody::NodeStarted { activation, node: id, frame });
        match runs {
            Err(error) => self.give_up(activation, cannot_compute("Its condition", &error), None),
            Ok(_) => self.execute(activation),
        }
    }

    /// Does what a node does: at once when it is pure, else by asking the world.
    pub(super) fn execute(&mut self, id: ActivationId) {
        let Some((node, frame)) = self.place(id) else { return };
        // The graph outlives the machine: borrowing from it leaves the machine free to change.
        let graph: &CompiledGraph = self.graph;
        let done = match &graph.node(node).program {
            Program::Trigger => {
                self.complete(
                    id,
                    "success",
                    Value::Null,
                    Completion { logic: true, ..Completion::default() },
                );
                Ok(())
            }
            Program::SetVariables(assignments) => self.set_variables(id, frame, assignments),
            Program::Tool { tool, parameters, gated } => self
                .tool_request(node, frame, tool, parameters)
                .map(|request| self.ask_or_call(id, node, request, *gated)),
            Program::Model(model) => self
                .model_request(id, frame, model)
                .map(|request| self.ask_or_call(id, node, request, false)),
            Program::Condition(condition) => self.choose_side(id, frame, condition),
            Program::Branch(cases) => self.choose_case(id, frame, cases),
            Program::Loop { items, .. } => self.start_loop(id, node, frame, items),
            Program::Wait(until) => self.start_wait(id, frame, until),
            Program::Human(human) => self.ask_person(id, node, frame, human),
            Program::Task(task) => self
                .task_request(id, node, frame, task)
                .map(|request| self.ask_or_call(id, node, request, false)),
            Program::Subworkflow(subworkflow) => self
                .run_request(frame, subworkflow)
                .map(|request| self.ask_or_call(id, node, request, false)),
            Program::End { outcome, output, terminate } => {
                self.reach_end(id, frame, outcome.as_ref(), output.as_ref(), *terminate)
            }
        };
        if let Err(error) = done {
            self.give_up(id, error, None);
        }
    }

    fn set_variables(
        &mut self,
        id: ActivationId,
        frame: FrameId,
        assignments: &[Assignment],
    ) -> Result<(), StepError> {
        let mut values = Map::new();
        for assignment in assignments {
            let mut scope = self.scope(frame);
            scope.fresh = Some(&values);
            let value = assignment.value.render(&scope).map_err(|error| {
                let what = format!("The variable \u{201c}{}\u{201d}", assignment.name);
                cannot_compute(&what, &error)
            })?;
            values.insert(assignment.name.clone(), value);
        }
        let secure: Vec<String> =
            assignments.iter().filter(|a| a.secure).map(|a| a.name.clone()).collect();
        let mut output = values.clone();
        output.retain(|name, _| !secure.contains(name));
        self.emit(EventBody::VariablesSet { activation: id, values, secure });
        self.complete(id, "success", Value::Object(output), Completion::default());
        Ok(())
    }

    fn choose_side(
        &mut self,
        id: ActivationId,
        frame: FrameId,
        condition: &Expression,
    ) -> Result<(), StepError> {
        let holds = condition
            .test(&self.scope(frame))
            .map_err(|error| cannot_compute("The condition", &error))?;
        let port = if holds { "true" } else { "false" };
        self.complete(
            id,
            port,
            Value::Bool(holds),
            Completion { logic: true, ..Completion::default() },
        );
        Ok(())
    }

    fn choose_case(
        &mut self,
        id: ActivationId,
        frame: FrameId,
        cases: &[(String, Expression)],
    ) -> Result<(), StepError> {
        let mut chosen = "default";
        for (port, when) in cases {
            let scope = self.scope(frame);
            let holds = when.test(&scope).map_err(|error| {
                cannot_compute(&format!("The case \u{201c}{port}\u{201d}"), &error)
            })?;
            if holds {
                chosen = port;
                break;
            }
        }
        let output = Value::String(chosen.to_owned());
        self.complete(id, chosen, output, Completion { logic: true, ..Completion::default() });
        Ok(())
    }

    fn ask_person(
        &mut self,
        id: ActivationId,
        node: usize,
        frame: FrameId,
        human: &crate::graph::compile::Human,
    ) -> Result<(), StepError> {
        let scope = self.scope(frame);
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: EvalError| cannot_compute(&what, &error)
        };
        let prompt = human.prompt.render_text(&scope).map_err(failed("The question"))?;
        let subject = human.details.render(&scope).map_err(failed("The details"))?;
        let kind = match human.mode {
            HumanMode::Approve => ApprovalKind::Decision,
            HumanMode::Answer => ApprovalKind::Answer,
            HumanMode::Review => ApprovalKind::Review,
        };
        let title = self.graph.source(node).title().to_owned();
        let request = ApprovalRequest {
            kind,
            title: title.clone(),
            prompt,
            subject,
            form: human.form.clone(),
            expires_at: self.expiry(human.expires_after_ms),
            confidence: None,
        };
        let approval = self.approval_id(id);
        self.emit(EventBody::ApprovalRequested {
            activation: id,
            approval,
            request: Some(Box::new(request)),
            message: None,
            summary: title,
            prepared: None,
            usage: None,
            escalation: self.escalation(),
        });
        self.tell_people(id, approval, None);
        self.agree_dry(id, approval, &human.form);
        Ok(())
    }

    fn reach_end(
        &mut self,
        id: ActivationId,
        frame: FrameId,
        outcome: Option<&Template>,
        output: Option<&crate::expr::ValueTemplate>,
        terminate: bool,
    ) -> Result<(), StepError> {
        let scope = self.scope(frame);
        let outcome = match outcome {
            Some(template) => template
                .render_text(&scope)
                .map_err(|error| cannot_compute("The outcome", &error))?,
            None => "completed".to_owned(),
        };
        let output = match output {
            Some(template) => {
                template.render(&scope).map_err(|error| cannot_compute("The output", &error))?
            }
            None => scope.last_output().cloned().unwrap_or(Value::Null),
        };
        let completion =
            Completion { outcome: Some(outcome), logic: true, ..Completion::default() };
        self.complete(id, "", output, completion);
        if terminate && self.state.end.is_none() && self.state.failing.is_none() {
            self.complete_run();
        }
        Ok(())
    }

    /// Asks a person before a call where the node says so, unless the send gate asks anyway.
    fn ask_or_call(&mut self, id: ActivationId, node: usize, request: CallRequest, gated: bool) {
        let source = self.graph.source(node);
        let asks = source.policy.approval == Some(crate::graph::ApprovalTiming::Before);
        if !asks || gated {
            return self.request_call(id, request);
        }
        let expires = source.policy.review.as_ref().and_then(|review| review.expires_after_ms);
        let title = format!("Before \u{201c}{}\u{201d} runs", source.title());
        let subject = serde_json::to_value(&request).unwrap_or(Value::Null);
        let approval = self.approval_id(id);
        self.emit(EventBody::ApprovalRequested {
            activation: id,
            approval,
            request: Some(Box::new(ApprovalRequest {
                kind: ApprovalKind::Decision,
                title: title.clone(),
                prompt: String::new(),
                subject,
                form: Value::Null,
                expires_at: self.expiry(expires),
                confidence: None,
            })),
            message: None,
            summary: title,
            prepared: Some(request),
            usage: None,
            escalation: self.escalation(),
        });
        self.tell_people(id, approval, None);
        self.agree_dry(id, approval, &Value::Null);
    }
}

/// An error that names a kind and says a sentence.
pub(super) fn step_error(kind: ErrorKind, message: impl Into<String>) -> StepError {
    StepError::new(kind, message)
}

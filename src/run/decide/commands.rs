//! Commands about the run as a whole; the others are handed on.

use super::Machine;
use crate::id::ContactId;
use crate::run::scope::RunScope;
use crate::run::{
    ActivationState, Command, ErrorKind, EventBody, FrameId, Refusal, RunEnd, StepError,
};
use serde_json::{Map, Value};

impl Machine<'_> {
    /// Takes in a command: its own events, and notes what can go on because of it.
    pub(super) fn command(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Start { input, contacts, thread_id, started_by } => {
                if self.state.started_at.is_some() {
                    return Err(Refusal::AlreadyStarted);
                }
                self.start(input, contacts, thread_id.clone(), started_by);
                return Ok(());
            }
            _ if self.state.started_at.is_none() => return Err(Refusal::NotStarted),
            Command::MessageMoved { call, message, state, detail, until } => {
                return self.message_moved(*call, *message, state, detail, *until);
            }
            _ if self.state.end.is_some() => return Err(Refusal::Ended),
            _ => {}
        }
        match command {
            Command::Continue => self.rescan(),
            Command::Pause { by } => return self.pause(by),
            Command::Resume { by } => return self.resume(by),
            Command::Stop { reason, by } => {
                let end = RunEnd::Stopped { reason: reason.clone(), by: by.clone() };
                self.emit(EventBody::RunEnded { end });
            }
            Command::Block { reason, activation } => {
                let activation = activation.filter(|id| self.can_block(*id));
                self.emit(EventBody::Blocked { reason: reason.clone(), activation, error: None });
            }
            Command::TimerFired { timer } => return self.timer_fired(timer),
            Command::OutsideEvent { name, payload, id } => {
                self.outside_event(name, payload, id.as_deref());
            }
            Command::DecideApproval { approval, decision, by } => {
                return self.decide_approval(*approval, decision, by);
            }
            call => return self.call_command(call),
        }
        Ok(())
    }

    fn start(
        &mut self,
        input: &Value,
        contacts: &[ContactId],
        thread_id: Option<String>,
        started_by: &str,
    ) {
        let variables = self.first_variables(input, contacts);
        let (variables, error) = match variables {
            Ok(variables) => (variables, None),
            Err(error) => (Map::new(), Some(error)),
        };
        self.emit(EventBody::RunStarted {
            input: input.clone(),
            contacts: contacts.to_vec(),
            thread_id,
            variables,
            started_by: started_by.to_owned(),
        });
        match error {
            Some(error) => {
                self.emit(EventBody::RunEnded { end: RunEnd::Failed { node: None, error } });
            }
            None => self.nodes.push_back((FrameId(0), self.graph.trigger())),
        }
    }

    /// The workflow's variables over the input; later ones see earlier ones.
    fn first_variables(
        &self,
        input: &Value,
        contacts: &[ContactId],
    ) -> Result<Map<String, Value>, StepError> {
        let mut variables = Map::new();
        if self.graph.variables().is_empty() {
            return Ok(variables);
        }
        let mut state = self.state.clone();
        state.input = input.clone();
        state.contacts = contacts.to_vec();
        for (name, template) in self.graph.variables() {
            let mut scope = RunScope::new(self.graph, self.context, &state, FrameId(0), self.now);
            scope.fresh = Some(&variables);
            let value = template.render(&scope).map_err(|error| {
                let what = format!("The variable \u{201c}{name}\u{201d} of the workflow");
                super::cannot_compute(&what, &error)
            })?;
            variables.insert(name.clone(), value);
        }
        Ok(variables)
    }

    /// A loop node is what its turns are: it is not begun anew, so the run is blocked as a whole.
    fn can_block(&self, id: crate::run::ActivationId) -> bool {
        let Some(activation) = self.activation(id) else { return false };
        let frame = self.state.frames.get(&activation.frame);
        let has_turns = frame.is_some_and(|frame| frame.regions.contains_key(&activation.node));
        let is_open =
            !activation.state.is_terminal() && activation.state != ActivationState::Blocked;
        is_open && !has_turns
    }

    fn pause(&mut self, by: &str) -> Result<(), Refusal> {
        if self.state.paused {
            return Err(Refusal::AlreadyPaused);
        }
        self.emit(EventBody::Paused { by: by.to_owned() });
        Ok(())
    }

    /// Lifts the pause; without one, lets what is blocked try again.
    fn resume(&mut self, by: &str) -> Result<(), Refusal> {
        let by = by.to_owned();
        if self.state.paused {
            self.emit(EventBody::Resumed { by });
            self.rescan();
            return Ok(());
        }
        let blocked: Vec<_> = self
            .state
            .living()
            .filter(|(_, activation)| activation.state == ActivationState::Blocked)
            .map(|(id, _)| id)
            .collect();
        if blocked.is_empty() && self.state.blocked.is_none() {
            return Err(Refusal::NotPaused);
        }
        // An item limit blocks the loop alone, yet needs the same leave to go on as a limit of the run.
        let is_limit = |activation: &crate::run::Activation| {
            activation.error.as_ref().is_some_and(|error| error.kind == ErrorKind::LimitReached)
        };
        let limited = blocked.iter().filter_map(|id| self.activation(*id)).any(is_limit);
        if self.state.halted || limited {
            self.emit(EventBody::Unblocked { by: by.clone(), activation: None });
        }
        for activation in blocked {
            self.emit(EventBody::Unblocked { by: by.clone(), activation: Some(activation) });
        }
        self.rescan();
        Ok(())
    }
}

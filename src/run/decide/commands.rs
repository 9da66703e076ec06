//! Commands about the run as a whole; the others are handed on.

use super::Machine;
use crate::id::{ContactId, MessageId};
use crate::run::scope::RunScope;
use crate::run::{
    ActivationId, ActivationState, Command, ErrorKind, EventBody, FrameId, Refusal, RunEnd,
    RunOptions, RunState, Slot, StepError,
};
use serde_json::{Map, Value};

impl Machine<'_> {
    /// Takes in a command: its own events, and notes what can go on because of it.
    pub(super) fn command(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Start { input, contacts, thread_id, started_by, options } => {
                if self.state.started_at.is_some() {
                    return Err(Refusal::AlreadyStarted);
                }
                self.start(input, contacts, thread_id.clone(), started_by, options);
                return Ok(());
            }
            _ if self.state.started_at.is_none() => return Err(Refusal::NotStarted),
            Command::Reopen { by, from } => return self.reopen(by, from.as_ref()),
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
            Command::Stop { reason, by, replaced_by } => {
                let (reason, by) = (reason.clone(), by.clone());
                let end = RunEnd::Stopped { reason, by, replaced_by: *replaced_by };
                self.emit(EventBody::RunEnded { end });
            }
            Command::Block { reason, activation } => {
                let activation = activation.filter(|id| self.can_block(*id));
                let reason = reason.clone();
                self.emit(EventBody::Blocked { reason, activation, error: None, replan: false });
            }
            Command::GrantSlot => return self.grant_slot(),
            Command::ClaimTask { call, attempt, worker, lease_until } => {
                return self.claim_task(*call, *attempt, worker, *lease_until);
            }
            Command::ReleaseTask { call, attempt, reason } => {
                return self.release_task(*call, *attempt, reason);
            }
            Command::ChildStarted { call, attempt, run } => {
                return self.child_started(*call, *attempt, *run);
            }
            Command::Signal { message, signal, payload } => {
                return self.signal(*message, signal, payload);
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
        options: &RunOptions,
    ) {
        let variables = self.first_variables(input, contacts);
        let slot = self.slot(input, contacts);
        let (variables, slot, error) = match (variables, slot) {
            (Ok(variables), Ok(slot)) => (variables, slot, None),
            (Err(error), _) | (_, Err(error)) => (Map::new(), None, Some(error)),
        };
        self.emit(EventBody::RunStarted {
            input: input.clone(),
            contacts: contacts.to_vec(),
            thread_id,
            variables,
            started_by: started_by.to_owned(),
            slot,
            options: Box::new(options.clone()),
        });
        match error {
            Some(error) => {
                self.emit(EventBody::RunEnded { end: RunEnd::Failed { node: None, error } });
            }
            None => self.nodes.push_back((FrameId(0), self.graph.trigger())),
        }
    }

    /// The run before its first step, with this input.
    fn before_start(&self, input: &Value, contacts: &[ContactId]) -> RunState {
        let mut state = RunState::new(self.state.run);
        state.input = input.clone();
        state.contacts = contacts.to_vec();
        state
    }

    /// The key among whose runs this one waits its turn. An empty key waits for nobody.
    pub(super) fn slot(
        &self,
        input: &Value,
        contacts: &[ContactId],
    ) -> Result<Option<Slot>, StepError> {
        let Some((key, limit)) = self.graph.concurrency() else { return Ok(None) };
        let state = self.before_start(input, contacts);
        let scope = RunScope::new(self.graph, self.context, &state, FrameId(0), self.now);
        let key = key
            .render_text(&scope)
            .map_err(|error| super::cannot_compute("The key of the workflow's runs", &error))?;
        Ok((!key.trim().is_empty()).then_some(Slot { key, limit: *limit }))
    }

    fn grant_slot(&mut self) -> Result<(), Refusal> {
        if !self.state.awaits_slot {
            return Err(Refusal::Stale);
        }
        self.emit(EventBody::SlotGranted {});
        self.rescan();
        Ok(())
    }

    /// What happened to a message. Only the first of each kind says something new.
    pub(super) fn signal(
        &mut self,
        message: MessageId,
        signal: &str,
        payload: &Value,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: format!("the message {message}") };
        let activation = self.state.activation_of_message(message).ok_or_else(unknown)?;
        let is_known = self.activation(activation).is_some_and(|a| a.signals.contains(signal));
        if !is_known {
            let (signal, payload) = (signal.to_owned(), payload.clone());
            self.emit(EventBody::SignalReceived { activation, message, signal, payload });
        }
        Ok(())
    }

    /// The workflow's variables over the input; later ones see earlier ones.
    pub(super) fn first_variables(
        &self,
        input: &Value,
        contacts: &[ContactId],
    ) -> Result<Map<String, Value>, StepError> {
        let mut variables = Map::new();
        if self.graph.variables().is_empty() {
            return Ok(variables);
        }
        let state = self.before_start(input, contacts);
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
    fn can_block(&self, id: ActivationId) -> bool {
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
        let total = blocked.len();
        let helps = |id: &ActivationId| self.activation(*id).is_some_and(|a| !a.replan);
        let blocked: Vec<ActivationId> = blocked.into_iter().filter(helps).collect();
        if blocked.is_empty() && total > 0 && !self.state.halted {
            return Err(Refusal::MustBeReplaced);
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

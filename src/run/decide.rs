//! What happens next: a command and a state give events.
//!
//! The machine does the pure work inline (conditions, loops, variables, ends) until only outside work is left or
//! its budget is spent. One file a concern: [`commands`], [`calls`], [`approvals`], [`waits`] take in what the world
//! says, [`tasks`] outside workers, [`children`] runs of other workflows and [`score`] the scoring model; [`people`] is what the run was told about them, [`dry`] what stands for answers in a dry
//! run; [`execute`] and [`request`] run nodes; [`edges`], [`regions`] and [`failure`] decide what follows.

mod approvals;
mod calls;
mod children;
mod commands;
mod dry;
mod edges;
mod execute;
mod failure;
mod fork;
mod migrate;
mod people;
mod regions;
mod request;
mod rescan;
mod retry;
mod score;
mod tasks;
mod waits;

pub use fork::{ForkEdits, ForkPast, ForkRefusal, ForkedRun, fork, fork_point, version_at};
pub use migrate::{Incompatible, MigrationRefusal, migrate, migration_preview};
pub use retry::{begun_anew, done_again};

use super::apply::apply;
use super::effects::effects;
use super::scope::RunScope;
use super::{
    Activation, ActivationId, Command, Context, Effect, ErrorKind, Event, EventBody, FrameId,
    Refusal, RunEnd, RunState, StepError,
};
use crate::expr::EvalError;
use crate::graph::CompiledGraph;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// Events of one decision after which the machine asks to be continued.
pub const EVENTS_PER_DECISION_MAX: usize = 2_000;
/// Activations of a run after which it is blocked.
pub const ACTIVATIONS_MAX: u32 = 100_000;
/// Events of a run after which it is blocked.
pub const EVENTS_MAX: u64 = 500_000;
/// Turns of a while region after which the run is blocked, unless the workflow says otherwise.
pub const TURNS_MAX: u32 = 1_000;
/// Items of a for-each region past which it is blocked.
pub const ITEMS_MAX: usize = 10_000;

/// What a command caused: the events, in order, and what the world must do about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advance {
    /// Numbered on from the state's last event. Empty when the command changed nothing.
    pub events: Vec<Event>,
    /// The effects of the events, and [`Effect::Continue`] when the budget ran out. When the run ended, only what
    /// ends things.
    pub effects: Vec<Effect>,
}

/// Decides about a command and applies the events to `state` in one pass. On a refusal nothing changed.
/// When committing the events fails, the state must be thrown away and loaded again. Times are cut to
/// milliseconds.
pub fn advance(
    graph: &CompiledGraph,
    context: &Context,
    state: &mut RunState,
    command: &Command,
    now: DateTime<Utc>,
) -> Result<Advance, Refusal> {
    let mut machine = Machine::new(graph, context, state, now.trunc_subsecs(3));
    machine.command(command)?;
    Ok(machine.advanced())
}

/// What happens next, as events. Leaves `state` alone: [`advance`] does the same without a copy.
pub fn decide(
    graph: &CompiledGraph,
    context: &Context,
    state: &RunState,
    command: &Command,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let mut scratch = state.clone();
    Ok(advance(graph, context, &mut scratch, command, now)?.events)
}

/// One decision in the making.
struct Machine<'a> {
    graph: &'a CompiledGraph,
    context: &'a Context,
    state: &'a mut RunState,
    now: DateTime<Utc>,
    events: Vec<Event>,
    /// Activations that may be able to go on.
    again: VecDeque<ActivationId>,
    /// Units whose incoming edges are all decided.
    nodes: VecDeque<(FrameId, usize)>,
    /// Regions whose turns all ended without a word on what follows.
    turns: VecDeque<(FrameId, usize)>,
    /// Frames in which something ended.
    frames: VecDeque<FrameId>,
    /// Incoming edges of a unit that are not decided yet.
    undecided: HashMap<(FrameId, usize), usize>,
    more: bool,
    /// Effects that do not follow from an event alone.
    further: Vec<Effect>,
    /// The event number at which the exit conditions were looked at last.
    exits_seen: u64,
}

impl<'a> Machine<'a> {
    fn new(
        graph: &'a CompiledGraph,
        context: &'a Context,
        state: &'a mut RunState,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            graph,
            context,
            state,
            now,
            events: vec![],
            again: VecDeque::new(),
            nodes: VecDeque::new(),
            turns: VecDeque::new(),
            frames: VecDeque::new(),
            undecided: HashMap::new(),
            more: false,
            further: vec![],
            exits_seen: 0,
        }
    }

    /// Does what can be done, and says what came of it.
    fn advanced(mut self) -> Advance {
        self.settle();
        let Self { state, events, more, further, .. } = self;
        let mut caused: Vec<Effect> = events.iter().flat_map(effects).collect();
        caused.extend(further);
        if state.options.options.dry_run {
            // Nothing is asked, set or opened; its turn among others it waits for all the same.
            caused.retain(|effect| matches!(effect, Effect::AwaitSlot { .. } | Effect::Ended));
        }
        if state.end.is_some() {
            let ends = |effect: &Effect| {
                use Effect::{CancelCall, Ended, WithdrawApproval};
                matches!(effect, Ended | CancelCall { .. } | WithdrawApproval { .. })
            };
            caused.retain(ends);
        } else if more {
            caused.push(Effect::Continue);
        }
        Advance { events, effects: caused }
    }

    /// Numbers, applies and keeps an event.
    fn emit(&mut self, body: EventBody) {
        debug_assert!(self.is_legal(&body), "{body:?}");
        let Some(body) = self.lawful(body) else { return };
        let event = Event { seq: self.state.seq + 1, at: self.now, body };
        self.withdraw(&event.body);
        self.forget_escalation(&event.body);
        self.forget_child(&event.body);
        apply(self.state, &event);
        self.events.push(event);
    }

    /// An approval that nobody needs to decide any more goes out of the inbox. The send gate sees to its own.
    /// So do the timers of a task or another run that is done, and of a step that blocks.
    fn withdraw(&mut self, body: &EventBody) {
        use super::{ActivationState, Asked};
        let waits = |a: &&Activation| {
            a.state == ActivationState::AwaitingHuman && a.asked != Some(Asked::Gate)
        };
        let withdrawn =
            |a: &Activation| a.approval.map(|approval| Effect::WithdrawApproval { approval });
        match body {
            EventBody::ApprovalDecided { .. } => {}
            EventBody::RunEnded { .. } => {
                let open = self.state.living().map(|(_, a)| a).filter(waits);
                let effects: Vec<Effect> = open.filter_map(withdrawn).collect();
                self.further.extend(effects);
            }
            body => {
                let moves = super::transition::Step::of(body).and(super::activation_of(body));
                let open = moves.and_then(|id| self.state.activations.get(&id)).filter(waits);
                self.further.extend(open.and_then(withdrawn));
                self.forget_timers(body);
            }
        }
    }

    /// Nobody else needs to be asked about an approval that is not open any more.
    fn forget_escalation(&mut self, body: &EventBody) {
        let is_asked_anew = matches!(body, EventBody::ApprovalRequested { .. });
        let moves = super::transition::Step::of(body).and(super::activation_of(body));
        let moved = moves.filter(|_| !is_asked_anew);
        let open = moved.and_then(|id| self.state.activations.get(&id)?.escalation.as_ref());
        let timer = open.map(|(timer, ..)| timer.clone());
        self.further.extend(timer.map(|timer| Effect::CancelTimer { timer }));
    }

    /// A blocked step waits for a person alone: the time that it waited for does not end it.
    fn forget_timers(&mut self, body: &EventBody) {
        let leaves = match body {
            EventBody::TaskClaimed { .. }
            | EventBody::TaskReleased { .. }
            | EventBody::MessageMoved { .. } => None,
            body => super::transition::Step::of(body).and(super::activation_of(body)),
        };
        let blocks = matches!(body, EventBody::Blocked { .. });
        let left = leaves.and_then(|id| self.state.activations.get(&id));
        let is_limited = |a: &Activation| {
            use super::CallRequest::{Run, Task};
            matches!(a.request, Some(Run(_) | Task(_)))
        };
        let left = left.filter(|a| blocks || is_limited(a));
        let timers = left.into_iter().flat_map(|a| a.timer.iter().chain(&a.deadline));
        let cancelled = timers.map(|(timer, _)| Effect::CancelTimer { timer: timer.clone() });
        let cancelled: Vec<Effect> = cancelled.collect();
        self.further.extend(cancelled);
    }

    /// An event as it may be kept. One that the tables do not list would change nothing, and what is decided after it
    /// would rest on it: the run is held for a person instead. Nothing where it cannot even be held.
    fn lawful(&self, body: EventBody) -> Option<EventBody> {
        if self.is_legal(&body) {
            return Some(body);
        }
        let reason = format!(
            "The run lost its way: \u{201c}{}\u{201d} cannot follow where it is; this is a defect. Resume it to try \
             again, or stop it.",
            body.kind()
        );
        let error = Some(StepError::new(ErrorKind::Internal, reason.clone()));
        let held = EventBody::Blocked { reason, activation: None, error, replan: false };
        self.is_legal(&held).then_some(held)
    }

    fn is_legal(&self, body: &EventBody) -> bool {
        use super::transition::{RunStep, Stage, Step, activation_next, run_next};
        let run = RunStep::of(body);
        let run_is_legal = run.is_none_or(|step| {
            let block_of_an_activation = matches!(body, EventBody::Unblocked { .. });
            block_of_an_activation || !run_next(Stage::of(self.state), step).is_empty()
        });
        let activation = super::event::activation_of(body).zip(Step::of(body));
        // What becomes of a message is recorded also when its step is over.
        let is_late = activation.is_some_and(|(id, step)| {
            matches!(step, Step::Held | Step::Sending | Step::Uncertain)
                && !self.state.alive.contains(&id)
        });
        run_is_legal
            && (is_late
                || activation.is_none_or(|(id, step)| {
                    let from = self.state.activations.get(&id).map(|a| a.state);
                    activation_next(from, step).is_ok()
                }))
    }

    /// Does all that can be done now, and ends the run when nothing is left.
    fn settle(&mut self) {
        if self.state.end.is_some() || self.state.started_at.is_none() {
            return;
        }
        if self.is_over_time() {
            return;
        }
        self.drain();
        if !self.more {
            self.finish();
        }
    }

    /// Whether nothing new may start.
    fn is_stopped(&self) -> bool {
        let state = &self.state;
        state.paused
            || state.halted
            || state.awaits_slot
            || state.failing.is_some()
            || state.end.is_some()
    }

    fn drain(&mut self) {
        while !self.is_stopped() {
            if self.events.len() >= EVENTS_PER_DECISION_MAX {
                self.more = true;
                return;
            }
            if self.state.seq >= EVENTS_MAX * self.grants() {
                self.halt(format!(
                    "The run has {} events, more than it may have. Look whether it goes in circles; resuming lets \
                     it go on for as many again.",
                    self.state.seq
                ));
                return;
            }
            if self.exits() {
                return;
            }
            if let Some(activation) = self.again.pop_front() {
                self.go_on(activation);
            } else if let Some((frame, unit)) = self.nodes.pop_front() {
                self.start_unit(frame, unit);
            } else if let Some((frame, region)) = self.turns.pop_front() {
                self.next_turns(frame, region);
            } else if let Some(frame) = self.frames.pop_front() {
                self.end_frame_if_done(frame);
            } else {
                return;
            }
        }
    }

    /// Ends the run when it failed and nothing works any more, or when nothing is left to do.
    fn finish(&mut self) {
        if self.state.end.is_some() {
            return;
        }
        if let Some((node, error)) = &self.state.failing {
            // A step that would be done again does not work: nothing new starts.
            let works = |activation: &Activation| match activation.state {
                super::ActivationState::Running => {
                    activation.request.is_some() && activation.call.is_some()
                }
                super::ActivationState::Waiting => {
                    matches!(activation.request, Some(super::CallRequest::Run(_)))
                        && activation.timer.is_none()
                }
                _ => false,
            };
            if !self.state.living().any(|(_, activation)| works(activation)) {
                let end = RunEnd::Failed { node: node.clone(), error: error.clone() };
                self.emit(EventBody::RunEnded { end });
            }
            return;
        }
        let is_idle = self.state.frames.get(&FrameId(0)).is_none_or(|root| root.alive == 0);
        if is_idle && !self.is_stopped() {
            self.complete_run();
        }
    }

    /// Ends the run when one of the workflow's exit conditions holds. One that cannot be computed does not.
    fn exits(&mut self) -> bool {
        if self.graph.exits().is_empty() || self.exits_seen == self.state.seq {
            return false;
        }
        self.exits_seen = self.state.seq;
        let scope = self.scope(FrameId(0));
        let mut exits = self.graph.exits().iter();
        let Some((_, outcome)) = exits.find(|(when, _)| when.test(&scope).unwrap_or(false)) else {
            return false;
        };
        let output = scope.last_output().cloned().unwrap_or(Value::Null);
        let outcome = if outcome.is_empty() { "completed" } else { outcome.as_str() };
        let end = RunEnd::Completed { outcome: outcome.to_owned(), output };
        self.emit(EventBody::RunEnded { end });
        true
    }

    /// The first end that was reached says how; without one the run is complete with its last output.
    fn complete_run(&mut self) {
        let (outcome, output) = match &self.state.outcome {
            Some((outcome, output)) => (outcome.clone(), output.clone()),
            None => {
                let last = self.scope(FrameId(0)).last_output().cloned();
                ("completed".to_owned(), last.unwrap_or(Value::Null))
            }
        };
        self.emit(EventBody::RunEnded { end: RunEnd::Completed { outcome, output } });
    }

    /// Ends a run that worked longer than it may.
    fn is_over_time(&mut self) -> bool {
        let Some(left_ms) = self.time_left_ms() else { return false };
        if left_ms > 0 || self.state.alive.is_empty() {
            return false;
        }
        let limit_ms = self.limit_ms().unwrap_or_default();
        let message = format!(
            "The run worked longer than its limit of {} seconds. Raise the limit in the workflow's settings or in \
             what the run is told, or find the slow step.",
            limit_ms.div_ceil(1000)
        );
        let error = StepError::new(ErrorKind::Timeout, message);
        self.emit(EventBody::RunEnded { end: RunEnd::Failed { node: None, error } });
        true
    }

    /// Working time that the run may take: the workflow's limit or its own, whichever is less.
    fn limit_ms(&self) -> Option<u64> {
        let of_workflow = self.graph.graph().settings.timeout_ms;
        of_workflow.into_iter().chain(self.state.options.options.timeout_ms).min()
    }

    /// Working time that the run has left; `None` when it has no limit.
    fn time_left_ms(&self) -> Option<u64> {
        let limit_ms = self.limit_ms()?;
        let works = self.state.running > 0 && !self.state.paused;
        let since = self.state.worked_until.filter(|_| works).map(|since| self.now - since);
        let current_ms =
            since.map_or(0, |time| u64::try_from(time.num_milliseconds()).unwrap_or(0));
        Some(limit_ms.saturating_sub(self.state.working_ms.saturating_add(current_ms)))
    }

    /// Working time that a node has left over all its attempts; `None` when it has no limit.
    fn node_time_left_ms(&self, id: ActivationId) -> Option<u64> {
        let activation = self.activation(id)?;
        let node = self.graph.node_index(&activation.node)?;
        let limit_ms = self.graph.source(node).policy.total_timeout_ms?;
        let works = activation.state == super::ActivationState::Running && !self.state.paused;
        let since = self.state.worked_until.filter(|_| works).map(|since| self.now - since);
        let current_ms =
            since.map_or(0, |time| u64::try_from(time.num_milliseconds()).unwrap_or(0));
        Some(limit_ms.saturating_sub(activation.working_ms.saturating_add(current_ms)))
    }

    /// Blocks the run as a whole.
    fn halt(&mut self, reason: String) {
        self.emit(EventBody::Blocked { reason, activation: None, error: None, replan: false });
    }

    /// How many times the limits count: once, and once more for each intervention.
    fn grants(&self) -> u64 {
        u64::from(self.state.grants) + 1
    }

    fn scope(&self, frame: FrameId) -> RunScope<'_> {
        RunScope::new(self.graph, self.context, self.state, frame, self.now)
    }

    fn activation(&self, id: ActivationId) -> Option<&Activation> {
        self.state.activations.get(&id)
    }

    /// The node of an activation, by index, and its frame.
    fn place(&self, id: ActivationId) -> Option<(usize, FrameId)> {
        let activation = self.activation(id)?;
        Some((self.graph.node_index(&activation.node)?, activation.frame))
    }

    fn after_ms(&self, delay_ms: u64) -> DateTime<Utc> {
        let delay = i64::try_from(delay_ms).ok().and_then(TimeDelta::try_milliseconds);
        delay
            .and_then(|delay| self.now.checked_add_signed(delay))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// What could not be computed, as the error of a step.
fn cannot_compute(what: &str, error: &EvalError) -> StepError {
    StepError::new(
        ErrorKind::Expression,
        format!("{what} could not be computed: {}", error.message),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{AnyTool, Graph};
    use crate::id::{OrganizationId, RunId, WorkflowId};
    use uuid::Uuid;

    #[test]
    fn what_the_tables_do_not_list_holds_the_run_instead() {
        let nodes = serde_json::json!({ "nodes": [{ "id": "t", "kind": { "type": "trigger" } }] });
        let graph: Graph = serde_json::from_value(nodes).unwrap();
        let graph = CompiledGraph::compile(graph, &AnyTool).unwrap();
        let context = Context {
            organization_id: OrganizationId(Uuid::nil()),
            workflow_id: WorkflowId(Uuid::nil()),
            root_workflow_id: None,
            zone: chrono_tz::UTC,
        };
        let mut state = RunState::new(RunId(Uuid::nil()));
        state.started_at = Some(DateTime::UNIX_EPOCH);
        let by = || "Ada".to_owned();
        let resumed = || EventBody::Resumed { by: by() };
        let unblocked = EventBody::Unblocked { by: by(), activation: Some(ActivationId(9)) };
        let machine = Machine::new(&graph, &context, &mut state, DateTime::UNIX_EPOCH);
        for illegal in [resumed(), unblocked] {
            let kind = illegal.kind();
            let Some(EventBody::Blocked { reason, activation: None, error, .. }) =
                machine.lawful(illegal)
            else {
                panic!("{kind} passes")
            };
            assert!(reason.contains(kind), "{reason}");
            assert_eq!(error.unwrap().kind, ErrorKind::Internal);
        }
        let paused = EventBody::Paused { by: by() };
        assert_eq!(machine.lawful(paused.clone()), Some(paused));

        let (outcome, output) = ("completed".to_owned(), Value::Null);
        state.end = Some(RunEnd::Completed { outcome, output });
        let machine = Machine::new(&graph, &context, &mut state, DateTime::UNIX_EPOCH);
        assert_eq!(machine.lawful(resumed()), None, "what is over stays over");
    }
}

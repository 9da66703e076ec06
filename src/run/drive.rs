//! Driving a run without a server, in virtual time: for simulations, world files and tests.
//!
//! The [`World`] answers calls, decides approvals and says what happens outside. Waiting costs nothing.

use super::{
    Advance, ApprovalRequest, CallRequest, Command, Context, Decision, Effect, ErrorKind, Event,
    Refusal, RunOptions, RunState, StepError, TaskRequest, TimerId, Usage, advance,
};
use crate::graph::{CompiledGraph, Node};
use crate::id::{ApprovalId, CallId, ContactId, RunId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

/// Commands of one simulation after which it stops.
pub const COMMANDS_MAX: usize = 200_000;

/// What is outside of a run.
pub trait World {
    /// Answers a call.
    fn call(&mut self, asking: &Asking, request: &CallRequest) -> Answer;

    /// Decides an approval, after so many milliseconds. `None`: nobody decides it.
    fn decide(&mut self, asking: &Asking, request: &ApprovalRequest) -> Option<(u64, Decision)> {
        let _ = (asking, request);
        None
    }

    /// What happens outside. Asked once, at the beginning.
    fn facts(&mut self) -> Vec<OutsideFact> {
        Vec::new()
    }
}

/// Who asks, and when.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// The node.
    pub node: &'a Node,
    /// The attempt, from 1; 0 for approvals.
    pub attempt: u32,
    /// Which time this node asks, over all turns and attempts, from 0.
    pub occurrence: usize,
    /// The virtual time.
    pub now: DateTime<Utc>,
}

/// An answer after some milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How long it takes.
    pub after_ms: u64,
    /// What it says.
    pub reply: Reply,
}

impl Answer {
    /// An answer that comes at once.
    pub fn now(reply: Reply) -> Self {
        Self { after_ms: 0, reply }
    }

    /// An output that comes at once.
    pub fn output(output: Value) -> Self {
        Self::now(Reply::Output { output, usage: None })
    }

    /// The same, or a timeout when it takes longer than the attempt may.
    #[must_use]
    pub fn within(self, timeout_ms: Option<u64>) -> Self {
        let Some(limit_ms) = timeout_ms else { return self };
        let is_parked = matches!(self.reply, Reply::Park { .. }); // waiting for a person does not count
        let is_late = self.after_ms > limit_ms || matches!(self.reply, Reply::Silence);
        if is_parked || !is_late {
            return self;
        }
        let message = format!("It took longer than {} seconds.", limit_ms.div_ceil(1_000));
        let error = StepError::new(ErrorKind::Timeout, message);
        Self { after_ms: limit_ms, reply: Reply::Failure { error, retry_after_ms: None } }
    }

    /// A failure that comes at once.
    pub fn failure(error: StepError) -> Self {
        Self::now(Reply::Failure { error, retry_after_ms: None })
    }
}

/// What the world says to a call.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Reply {
    Output {
        output: Value,
        usage: Option<Usage>,
    },
    Failure {
        error: StepError,
        retry_after_ms: Option<u64>,
    },
    Bypass {
        reason: String,
    },
    /// The send gate asks first; when the approval passes, the call gives this output.
    Park {
        request: Box<ApprovalRequest>,
        output: Value,
    },
    /// No answer ever comes.
    Silence,
}

/// Something that happens outside, so long after the start.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct OutsideFact {
    pub after_ms: u64,
    pub name: String,
    pub payload: Value,
}

/// How the run begins.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Start {
    pub run: RunId,
    pub input: Value,
    pub contacts: Vec<ContactId>,
    pub thread_id: Option<String>,
    pub started_by: String,
    pub options: RunOptions,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The last state.
    pub state: RunState,
    /// All events.
    pub events: Vec<Event>,
    /// The virtual time at the end.
    pub now: DateTime<Utc>,
    /// Why it stopped.
    pub stop: Stop,
}

/// Why a simulation stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The run ended.
    Ended,
    /// The run waits for something that the world never brings, or is blocked.
    Waiting,
    /// [`COMMANDS_MAX`] commands were not enough.
    Endless,
}

/// Runs a workflow against a world from `at` on, until it ends or nothing more can happen.
pub fn drive(
    graph: &CompiledGraph,
    context: &Context,
    start: Start,
    world: &mut dyn World,
    at: DateTime<Utc>,
) -> Outcome {
    let mut driver = Driver {
        graph,
        context,
        state: RunState::new(start.run),
        events: vec![],
        agenda: Agenda { now: at, number: 0, entries: BTreeMap::new() },
        past: vec![],
        parked: BTreeMap::new(),
        occurrences: BTreeMap::new(),
    };
    let Start { input, contacts, thread_id, started_by, options, .. } = start;
    let options = Box::new(options);
    let start = Command::Start { input, contacts, thread_id, started_by, options };
    driver.agenda.put(0, Entry::Command(start));
    for (number, fact) in world.facts().into_iter().enumerate() {
        driver.agenda.put(fact.after_ms, Entry::Fact(format!("fact-{number}"), fact));
    }
    let stop = driver.run(world);
    Outcome { state: driver.state, events: driver.events, now: driver.agenda.now, stop }
}

enum Entry {
    Command(Command),
    Fact(String, OutsideFact),
}

/// What will happen, in order of time and then of entry.
struct Agenda {
    now: DateTime<Utc>,
    number: u64,
    entries: BTreeMap<(DateTime<Utc>, u64), Entry>,
}

impl Agenda {
    fn put(&mut self, after_ms: u64, entry: Entry) {
        let delay = i64::try_from(after_ms).ok().and_then(TimeDelta::try_milliseconds);
        let at = delay.and_then(|delay| self.now.checked_add_signed(delay));
        self.put_at(at.unwrap_or(DateTime::<Utc>::MAX_UTC), entry);
    }

    fn put_at(&mut self, at: DateTime<Utc>, entry: Entry) {
        self.number += 1;
        self.entries.insert((at.max(self.now), self.number), entry);
    }

    fn next(&mut self) -> Option<Entry> {
        let ((at, _), entry) = self.entries.pop_first()?;
        self.now = at;
        Some(entry)
    }

    fn cancel(&mut self, timer: &TimerId) {
        self.entries.retain(|_, entry| {
            !matches!(entry, Entry::Command(Command::TimerFired { timer: set }) if set == timer)
        });
    }
}

struct Driver<'a> {
    graph: &'a CompiledGraph,
    context: &'a Context,
    state: RunState,
    events: Vec<Event>,
    agenda: Agenda,
    /// Facts that happened already: waits look back on them.
    past: Vec<(String, OutsideFact)>,
    parked: BTreeMap<ApprovalId, (CallId, u32, Value)>,
    occurrences: BTreeMap<String, usize>,
}

impl<'a> Driver<'a> {
    fn run(&mut self, world: &mut dyn World) -> Stop {
        for _ in 0..COMMANDS_MAX {
            if self.state.end.is_some() {
                return Stop::Ended;
            }
            let Some(entry) = self.agenda.next() else { return Stop::Waiting };
            let command = match entry {
                Entry::Command(command) => command,
                Entry::Fact(id, fact) => {
                    self.past.push((id.clone(), fact.clone()));
                    Command::OutsideEvent { name: fact.name, payload: fact.payload, id: Some(id) }
                }
            };
            // A refusal is what the server would see too: a late answer, a timer that is not needed any more.
            if let Ok(effects) = self.tell(&command) {
                effects.into_iter().for_each(|effect| self.carry_out(effect, world));
                self.passed_gate(&command);
            }
        }
        Stop::Endless
    }

    fn tell(&mut self, command: &Command) -> Result<Vec<Effect>, Refusal> {
        let now = self.agenda.now;
        let Advance { events, effects } =
            advance(self.graph, self.context, &mut self.state, command, now)?;
        self.events.extend(events);
        Ok(effects)
    }

    fn carry_out(&mut self, effect: Effect, world: &mut dyn World) {
        match effect {
            Effect::Call { activation, attempt, call, request, timeout_ms, .. } => {
                let Some(node) = self.node(activation) else { return };
                let asking = self.asking(node, attempt);
                let answer = world.call(&asking, &request).within(timeout_ms);
                if let CallRequest::Task(task) = &request
                    && answer.reply != Reply::Silence
                {
                    self.claim(call, attempt, task, &answer);
                }
                self.answer(call, attempt, answer, node, world);
            }
            Effect::SetTimer { timer, due_at } => {
                self.agenda.put_at(due_at, Entry::Command(Command::TimerFired { timer }));
            }
            Effect::CancelTimer { timer } => self.agenda.cancel(&timer),
            Effect::OpenApproval { activation, approval, request } => {
                let Some(node) = self.node(activation) else { return };
                self.ask(node, approval, &request, world);
            }
            Effect::AwaitEvent { event, .. } => {
                let past: Vec<_> =
                    self.past.iter().filter(|(_, fact)| fact.name == event).cloned().collect();
                for (id, fact) in past {
                    let OutsideFact { name, payload, .. } = fact;
                    let command = Command::OutsideEvent { name, payload, id: Some(id) };
                    self.agenda.put(0, Entry::Command(command));
                }
            }
            Effect::AwaitSlot { .. } => self.agenda.put(0, Entry::Command(Command::GrantSlot)),
            Effect::Continue => self.agenda.put(0, Entry::Command(Command::Continue)),
            Effect::CancelCall { .. }
            | Effect::EscalateApproval { .. }
            | Effect::WithdrawApproval { .. }
            | Effect::Ended => {}
        }
    }

    /// A worker that answers takes the task at once, and is heard of until it has done it.
    fn claim(&mut self, call: CallId, attempt: u32, task: &TaskRequest, answer: &Answer) {
        let working_ms = answer.after_ms.saturating_add(task.lease_ms);
        let lease = i64::try_from(working_ms).ok().and_then(TimeDelta::try_milliseconds);
        let until = lease.and_then(|lease| self.agenda.now.checked_add_signed(lease));
        let command = Command::ClaimTask {
            call,
            attempt,
            worker: "the simulation".to_owned(),
            lease_until: until.unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        self.agenda.put(0, Entry::Command(command));
    }

    fn node(&self, activation: super::ActivationId) -> Option<usize> {
        self.graph.node_index(&self.state.activations.get(&activation)?.node)
    }

    fn asking(&mut self, node: usize, attempt: u32) -> Asking<'a> {
        let graph = self.graph;
        let count = self.occurrences.entry(graph.source(node).id.0.clone()).or_insert(0);
        let occurrence = *count;
        *count += 1;
        Asking { node: graph.source(node), attempt, occurrence, now: self.agenda.now }
    }

    fn answer(
        &mut self,
        call: CallId,
        attempt: u32,
        answer: Answer,
        node: usize,
        world: &mut dyn World,
    ) {
        let command = match answer.reply {
            Reply::Output { output, usage } => {
                Command::CallSucceeded { call, attempt, output, usage }
            }
            Reply::Failure { error, retry_after_ms } => {
                Command::CallFailed { call, attempt, error, retry_after_ms }
            }
            Reply::Bypass { reason } => Command::CallBypassed { call, reason },
            Reply::Park { request, output } => {
                let approval = ApprovalId::derive(call.0, &[&attempt.to_string()]);
                let summary = request.title.clone();
                let parked = Command::CallParked { call, approval, message: None, summary };
                self.agenda.put(answer.after_ms, Entry::Command(parked));
                self.parked.insert(approval, (call, attempt, output));
                self.ask(node, approval, &request, world);
                return;
            }
            Reply::Silence => return,
        };
        self.agenda.put(answer.after_ms, Entry::Command(command));
    }

    fn ask(
        &mut self,
        node: usize,
        approval: ApprovalId,
        request: &ApprovalRequest,
        world: &mut dyn World,
    ) {
        let asking = self.asking(node, 0);
        if let Some((after_ms, decision)) = world.decide(&asking, request) {
            let by = "the simulation".to_owned();
            let command = Command::DecideApproval { approval, decision, by };
            self.agenda.put(after_ms, Entry::Command(command));
        }
    }

    /// A parked call whose approval passed gives its output.
    fn passed_gate(&mut self, command: &Command) {
        let Command::DecideApproval { approval, decision: Decision::Approve { .. }, .. } = command
        else {
            return;
        };
        if let Some((call, attempt, output)) = self.parked.remove(approval) {
            let command = Command::CallSucceeded { call, attempt, output, usage: None };
            self.agenda.put(0, Entry::Command(command));
        }
    }
}

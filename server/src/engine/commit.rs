//! From a decision to a commit: which rows go with the events.

use super::{CallExecutor, EngineError, cells::Live};
use crate::store::{
    Decided, EventBlocks, NewApproval, OpenCall, RunCommit, RunHead, RunWrite, StepHook, StoreError,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    id::{ApprovalId, CallId, OrganizationId, RunId},
    run::{
        ActivationId, Advance, ApprovalRequest, CallRequest, Command, Decision, Effect, Event,
        EventBody, TimerId, TimerPurpose,
    },
    wire::ApprovalState,
};
use std::sync::Arc;

/// Events between checkpoints: at least the first, at most the second, in between as many as half
/// of all, so that writing them stays cheap and replaying them short.
const CHECKPOINT_EVERY: (u64, u64) = (128, 5_000);

/// A decision on its way to disk.
pub(super) struct Plan {
    /// Shared with the writer, which has it while the engine waits.
    pub commit: Arc<RunCommit>,
    /// Calls to be made after it.
    pub calls: Vec<OpenCall>,
    /// Calls that are not wanted any more.
    pub cancelled: Vec<CallId>,
    /// The run ended with it.
    pub ends: bool,
    /// A run that waits for it, that it started, or that waits for its place, is to be seen to.
    pub concerns_others: bool,
    /// It must go on by itself.
    pub due: bool,
    /// The nearest timer it sets.
    pub timer: Option<DateTime<Utc>>,
}

impl Plan {
    /// What the run holds is looked for after all, and its phase is written.
    pub(super) fn assume_nothing(&mut self) {
        let commit = Arc::make_mut(&mut self.commit);
        (commit.holds_nothing, commit.phase_stays) = (false, false);
    }
}

/// Whose commit it is, and at which event number it was decided.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub organization: OrganizationId,
    pub run: RunId,
    pub expected_seq: u64,
    pub now: DateTime<Utc>,
}

/// Makes the commit of a decision that is already applied to `live`.
pub(super) fn plan(
    place: Place,
    live: &mut Live,
    advance: &Advance,
    command: &Command,
    executor: &dyn CallExecutor,
) -> Result<Plan, EngineError> {
    plan_of(place, live, advance, &advance.events, command, executor)
}

/// The same where other events stand in the journal before the new ones: a fork's past.
pub(super) fn plan_of(
    place: Place,
    live: &mut Live,
    advance: &Advance,
    journal: &[Event],
    command: &Command,
    executor: &dyn CallExecutor,
) -> Result<Plan, EngineError> {
    let mut draft = Draft {
        place,
        live,
        executor,
        writes: vec![],
        calls: vec![],
        cancelled: vec![],
        timer: None,
    };
    if let Command::TimerFired { timer } = command {
        draft.writes.push(RunWrite::TimerDelete(timer.clone()));
    }
    for event in &advance.events {
        draft.event(event);
        draft.hook(event);
    }
    let (mut ends, mut due) = (false, false);
    for effect in &advance.effects {
        match effect {
            Effect::Ended => ends = true,
            Effect::Continue => due = true,
            other => draft.effect(other),
        }
    }
    if advance.events.iter().any(|event| lifts_a_stop(&event.body)) {
        draft.set_timers_again();
    }
    // A run that is over with its first commit, and that no run waits for, left nothing behind.
    let is_whole = place.expected_seq == 0
        && draft.writes.is_empty()
        && draft.live.context.root_workflow_id.is_none();
    if ends && !is_whole {
        draft.writes.push(RunWrite::End);
    }
    if journal.len() > advance.events.len() {
        draft.writes.insert(0, RunWrite::HearPast); // before any wait
    }
    let concerns_others = draft.concerns_others(ends);
    let holds_nothing = ends && place.expected_seq > 0 && draft.holds_nothing();
    let Draft { writes, calls, cancelled, timer, .. } = draft;
    let mut commit = commit(place, live, journal, writes, due)?;
    commit.holds_nothing = holds_nothing;
    Ok(Plan { commit: Arc::new(commit), calls, cancelled, ends, concerns_others, due, timer })
}

fn commit(
    place: Place,
    live: &mut Live,
    events: &[Event],
    writes: Vec<RunWrite>,
    due: bool,
) -> Result<RunCommit, EngineError> {
    let state = &live.state;
    let current_node = state.living().next().map(|(_, activation)| activation.node.0.clone());
    let head = RunHead {
        status: state.status(),
        current_node,
        due,
        input_tokens: state.usage.input_tokens,
        output_tokens: state.usage.output_tokens,
        cost_micros: state.usage.cost_micros,
        ended_at: state.ended_at,
    };
    let (least, most) = CHECKPOINT_EVERY;
    let every = (live.checkpoint_seq / 2).clamp(least, most);
    let wants_checkpoint = state.end.is_none() && state.seq - live.checkpoint_seq >= every;
    let checkpoint = wants_checkpoint
        .then(|| serde_json::to_vec(state))
        .transpose()
        .map_err(|error| unwritable("run_checkpoints", &error))?;
    let phase_stays =
        place.expected_seq > 0 && state.end.is_none() && head.status.phase() == live.phase;
    Ok(RunCommit {
        organization: place.organization,
        run: place.run,
        workflow: live.workflow,
        expected_seq: place.expected_seq,
        seq: state.seq,
        at: place.now,
        events: EventBlocks::of(events)?,
        head,
        writes,
        checkpoint,
        holds_nothing: false,
        phase_stays,
    })
}

fn unwritable(table: &'static str, error: &serde_json::Error) -> EngineError {
    EngineError::Store(StoreError::Corrupt { table, column: "state", detail: error.to_string() })
}

/// After these, timers that fired into a stop count again.
fn lifts_a_stop(body: &EventBody) -> bool {
    matches!(body, EventBody::Resumed { .. } | EventBody::Unblocked { .. })
}

struct Draft<'a> {
    place: Place,
    live: &'a mut Live,
    executor: &'a dyn CallExecutor,
    writes: Vec<RunWrite>,
    calls: Vec<OpenCall>,
    cancelled: Vec<CallId>,
    timer: Option<DateTime<Utc>>,
}

impl Draft<'_> {
    /// What an event says about rows that are there.
    fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::NodeCompleted { activation, .. }
            | EventBody::NodeSkipped { activation, .. }
            | EventBody::NodeBypassed { activation, .. }
            | EventBody::NodeFailed { activation, .. }
            | EventBody::Blocked { activation: Some(activation), .. } => {
                self.close_call(*activation);
                if self.live.waits.remove(activation) {
                    self.writes.push(RunWrite::WaitClose(*activation));
                }
            }
            EventBody::AttemptFailed { activation, .. }
            | EventBody::ApprovalRequested { activation, request: Some(_), .. } => {
                self.close_call(*activation);
            }
            // From here on the send gate sees to the call.
            EventBody::ApprovalRequested { activation, request: None, .. }
            | EventBody::MessageMoved { activation, .. } => {
                if let Some(call) = self.live.calls.get(activation) {
                    self.writes.push(RunWrite::CallPark(*call));
                }
            }
            EventBody::TaskReleased { call, .. } => {
                self.writes.push(RunWrite::TaskFree(*call));
            }
            EventBody::ApprovalDecided { approval, decision, by, .. } => {
                self.writes.push(close_approval(*approval, decision, by, event.at));
            }
            _ => {}
        }
    }

    /// Whom the run wants told of a step that ended. A dry run tells nobody.
    fn hook(&mut self, event: &Event) {
        let options = &self.live.state.options.options;
        let (kind, url) = match &event.body {
            EventBody::NodeCompleted { .. } => ("step.completed", &options.on_step_complete),
            EventBody::NodeFailed { .. } | EventBody::NodeSkipped { error: Some(_), .. } => {
                ("step.failed", &options.on_step_failed)
            }
            _ => return,
        };
        let Some(url) = url.clone().filter(|_| !options.dry_run) else { return };
        self.writes.push(RunWrite::StepHook(Box::new(StepHook {
            organization: self.place.organization,
            run: self.place.run,
            seq: event.seq,
            kind: kind.to_owned(),
            url,
            secret: options.webhook_secret.clone(),
            attempts: 0,
        })));
    }

    fn close_call(&mut self, activation: ActivationId) {
        if let Some(call) = self.live.calls.remove(&activation) {
            self.writes.push(RunWrite::CallClose(call));
        }
    }

    /// What an effect asks for.
    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Call { activation, attempt, call, request, timeout_ms, route } => {
                let node = self.node(*activation);
                let open = OpenCall {
                    organization: self.place.organization,
                    run: self.place.run,
                    call: *call,
                    activation: *activation,
                    node,
                    attempt: *attempt,
                    request: request.clone(),
                    timeout_ms: *timeout_ms,
                    route: route.clone(),
                };
                self.live.calls.insert(*activation, *call);
                // The row is overwritten, so its end need not be written before.
                self.writes.retain(|write| !matches!(write, RunWrite::CallClose(id) if id == call));
                if matches!(request, CallRequest::Task(_)) && !self.executor.does_tasks() {
                    self.writes.push(RunWrite::TaskOffer(Box::new(open)));
                    return;
                }
                self.writes.push(RunWrite::CallOpen(Box::new(open.clone())));
                self.calls.push(open);
            }
            Effect::CancelCall { call } => {
                self.live.calls.retain(|_, open| open != call);
                self.writes.push(RunWrite::CallClose(*call));
                self.writes.push(RunWrite::ChildStop(*call));
                self.cancelled.push(*call);
            }
            Effect::SetTimer { timer, due_at } => {
                self.timer = Some(self.timer.map_or(*due_at, |nearest| nearest.min(*due_at)));
                self.writes.push(RunWrite::TimerSet(timer.clone(), *due_at));
            }
            Effect::CancelTimer { timer } => {
                self.writes.push(RunWrite::TimerDelete(timer.clone()));
            }
            Effect::OpenApproval { activation, approval, request } => {
                let new = self.approval(*activation, *approval, request);
                self.writes.push(RunWrite::ApprovalOpen(Box::new(new)));
            }
            Effect::EscalateApproval { approval, to } => {
                self.writes.push(RunWrite::ApprovalEscalate(*approval, to.clone()));
            }
            Effect::WithdrawApproval { approval } => {
                self.writes.push(RunWrite::ApprovalWithdraw(*approval));
            }
            Effect::AwaitEvent { activation, event } => {
                let since = self.live.since(self.place.now);
                self.live.waits.insert(*activation);
                self.writes.push(RunWrite::WaitOpen(*activation, event.clone(), since));
            }
            Effect::AwaitSlot { key, limit } => {
                self.writes.push(RunWrite::SlotAsk(key.clone(), *limit));
            }
            Effect::Continue | Effect::Ended => {}
        }
    }

    /// As far as the run knows, no message and no approval of it waits for anything. The database has the last word.
    fn holds_nothing(&self) -> bool {
        let withdraws = |write: &RunWrite| matches!(write, RunWrite::ApprovalWithdraw(_));
        self.live.calls.is_empty()
            && self.cancelled.is_empty()
            && !self.writes.iter().any(withdraws)
    }

    fn concerns_others(&self, ends: bool) -> bool {
        let Live { state, context, calls, .. } = &*self.live;
        let leaves = ends
            && (context.root_workflow_id.is_some()
                || state.slot.is_some()
                || state.awaits_slot
                || !calls.is_empty());
        let asks = |write: &RunWrite| matches!(write, RunWrite::SlotAsk(..));
        leaves || !self.cancelled.is_empty() || self.writes.iter().any(asks)
    }

    /// A timer that fired while the run was stopped is due at once when the stop is lifted.
    fn set_timers_again(&mut self) {
        for effect in signalbox::run::recover(&self.live.state) {
            // A lease is where its worker's heartbeats moved it.
            let is_lease = |timer: &TimerId| {
                timer.parts().is_some_and(|(_, purpose)| purpose == TimerPurpose::Lease)
            };
            if let Effect::SetTimer { timer, .. } = &effect
                && !is_lease(timer)
            {
                self.effect(&effect);
            }
        }
    }

    fn node(&self, activation: ActivationId) -> signalbox::id::NodeId {
        let known = self.live.state.activations.get(&activation);
        known.map_or_else(|| String::new().into(), |activation| activation.node.clone())
    }

    fn approval(
        &self,
        activation: ActivationId,
        id: ApprovalId,
        request: &ApprovalRequest,
    ) -> NewApproval {
        NewApproval {
            run: Some(self.place.run),
            activation: Some(activation),
            node: Some(self.node(activation)),
            prompt: request.prompt.clone(),
            subject: request.subject.clone(),
            form: request.form.clone(),
            requested_by: self.live.state.started_by.clone(),
            expires_at: request.expires_at,
            ..NewApproval::new(self.place.organization, id, request.kind, request.title.clone())
        }
    }
}

fn close_approval(
    approval: ApprovalId,
    decision: &Decision,
    by: &str,
    at: DateTime<Utc>,
) -> RunWrite {
    let (state, reason, answer) = match decision {
        Decision::Approve { answer } => (ApprovalState::Approved, "", answer.clone()),
        Decision::Reject { reason, .. } => (ApprovalState::Rejected, reason.as_str(), Value::Null),
        Decision::Expire => (ApprovalState::Expired, "", Value::Null),
    };
    let decided = Decided { by: by.to_owned(), at, reason: reason.to_owned(), answer };
    RunWrite::ApprovalClose(approval, state, decided)
}

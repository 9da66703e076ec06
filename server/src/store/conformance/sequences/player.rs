//! Plays an operation on one side and gives its answer in words.

use super::ops::{Attempt, NAMES, Op, Phase, Timer, Write};
use super::side::Side;
use super::*;
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    id::{ApprovalId, CallId, NodeId, RunId},
    run::{
        ActivationId, ApprovalKind, CallRequest, CallRoute, Event, EventBody, RunStatus,
        TaskRequest, TimerId,
    },
    wire::ApprovalState,
};
use uuid::Uuid;

pub(super) type At = chrono::DateTime<chrono::Utc>;

/// Between two operations.
const STEP_MS: i64 = 10_000;
const GONE: &str = "there is no such run";

pub(super) fn at(ms: i64) -> At {
    chrono::DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap_or_default()
}

/// The time of the n-th operation.
fn at_step(number: usize) -> At {
    at(i64::try_from(number).unwrap_or(0) * STEP_MS)
}

pub(super) fn run_id(run: u8) -> RunId {
    RunId(Uuid::from_u128(100 + u128::from(run)))
}

pub(super) fn call_id(run: u8, call: u8) -> CallId {
    CallId(Uuid::from_u128(1_000 + 10 * u128::from(run) + u128::from(call)))
}

pub(super) fn approval_id(run: u8, approval: u8) -> ApprovalId {
    ApprovalId(Uuid::from_u128(2_000 + 10 * u128::from(run) + u128::from(approval)))
}

fn claim_key(key: u8) -> Uuid {
    Uuid::from_u128(3_000 + u128::from(key))
}

fn activation(call: u8) -> ActivationId {
    ActivationId(1 + u32::from(call))
}

fn timer_id(timer: Timer) -> TimerId {
    TimerId::of(activation(timer.call), timer.purpose)
}

fn status(phase: Phase) -> RunStatus {
    match phase {
        Phase::Executing => RunStatus::Executing,
        Phase::StandBy => RunStatus::StandBy { next_execution_at: None },
        Phase::Blocked => RunStatus::Blocked { reason: "no luck".into() },
        Phase::Paused => RunStatus::Paused,
    }
}

fn decided(approves: bool, now: At) -> (ApprovalState, Decided) {
    let state = if approves { ApprovalState::Approved } else { ApprovalState::Rejected };
    let reason = if approves { String::new() } else { "not now".into() };
    (state, Decided { by: "Ada".into(), at: now, reason, answer: json!({"yes": approves}) })
}

impl Side {
    /// Plays the operation that is the n-th of its sequence.
    pub async fn play(&self, op: &Op, number: usize) -> String {
        let now = at_step(number);
        match op {
            Op::Start { run, key, due, writes } => self.start(*run, *key, *due, writes, now).await,
            Op::Advance { run, stale, phase, stays, due, more } => {
                let Some(mut commit) = self.next(*run, 1, now).await else { return GONE.into() };
                if *stale {
                    commit = self.commit(*run, commit.expected_seq.saturating_sub(1), 1, now);
                }
                (commit.head.status, commit.phase_stays) = (status(*phase), *stays);
                commit.head.due = *due;
                commit.writes = self.writes(*run, more, now);
                self.advance(commit).await
            }
            Op::Checkpoint { run, events } => {
                let Some(mut commit) = self.next(*run, *events, now).await else {
                    return GONE.into();
                };
                commit.checkpoint = Some(number.to_string().into_bytes());
                self.advance(commit).await
            }
            Op::End { run, failed, holds_nothing } => {
                let Some(mut commit) = self.next(*run, 1, now).await else { return GONE.into() };
                commit.head.status = match failed {
                    true => RunStatus::Failed { error_message: "no luck".into() },
                    false => RunStatus::Completed { completed_at: now, outcome: "done".into() },
                };
                commit.head.ended_at = Some(now);
                commit.writes = vec![RunWrite::End];
                commit.holds_nothing = *holds_nothing;
                self.advance(commit).await
            }
            Op::Unmoved { .. } | Op::NotDue { .. } | Op::Quarantine { .. } | Op::Release { .. } => {
                self.care(op, now).await
            }
            Op::Begin(of) | Op::Leave(of, _) | Op::CloseAttempt(of) => self.call(op, *of).await,
            Op::Claim(of, key) | Op::Held(of, key) | Op::Beat(of, key, _) => {
                self.task(op, *of, claim_key(*key)).await
            }
            Op::Take { run, timer, ms } => self.take(*run, *timer, *ms, None).await,
            Op::SetBack { run, timer, ms, until_ms } => {
                self.take(*run, *timer, *ms, Some(*until_ms)).await
            }
            Op::Decide { run, approval, revision, approves } => {
                self.decide(approval_id(*run, *approval), *revision, *approves, now).await
            }
            Op::Record { name, key, only } => self.record(*name, *key, *only, now).await,
            Op::Hear { run } => self.hear(run_id(*run)).await,
            Op::Link { run, of } => self.link(*run, *of).await,
            Op::Told { run } => {
                let (ours, run) = (self.ours, run_id(*run));
                let write = self.store.write(move |tx| link_told(tx, ours, run).boxed());
                self.said(write.await)
            }
            Op::Grant { run } => {
                let (ours, run) = (self.ours, run_id(*run));
                let write = self.store.write(move |tx| slot_grant(tx, ours, run).boxed());
                self.said(write.await)
            }
            Op::Look => self.look().await.join("\n"),
        }
    }

    /// The next commit of a run, with so many events.
    async fn next(&self, run: u8, events: u64, now: At) -> Option<RunCommit> {
        let row = run_fetch(&self.store, self.ours, run_id(run)).await.ok()?;
        Some(self.commit(run, row.seq, events, now))
    }

    fn commit(&self, run: u8, from: u64, events: u64, now: At) -> RunCommit {
        let body = || EventBody::Paused { by: "Ada".into() };
        let events: Vec<Event> =
            (1..=events).map(|n| Event { seq: from + n, at: now, body: body() }).collect();
        RunCommit {
            organization: self.ours,
            run: run_id(run),
            workflow: self.workflow,
            expected_seq: from,
            seq: from + events.len() as u64,
            at: now,
            events: EventBlocks::of(&events).expect("small events"),
            head: RunHead {
                status: RunStatus::Executing,
                current_node: Some("s".into()),
                due: false,
                input_tokens: 0,
                output_tokens: 0,
                cost_micros: 0,
                ended_at: None,
            },
            writes: vec![],
            checkpoint: None,
            holds_nothing: false,
            phase_stays: false,
        }
    }

    async fn advance(&self, commit: RunCommit) -> String {
        let write =
            self.store.write(move |tx| async move { run_advance(tx, &commit).await }.boxed());
        self.said(write.await)
    }

    async fn start(
        &self,
        run: u8,
        key: Option<u8>,
        due: bool,
        writes: &[Write],
        now: At,
    ) -> String {
        if run_fetch(&self.store, self.ours, run_id(run)).await.is_ok() {
            return "it is there".into();
        }
        let new = NewRun {
            version: 1,
            started_by: "test".into(),
            thread_id: None,
            idempotency_key: key.map(|key| format!("key {key}")),
            contacts: vec![],
            input: Value::Null,
        };
        let mut first = self.commit(run, 0, 1, now);
        first.head.due = due;
        first.writes = self.writes(run, writes, now);
        let write =
            self.store.write(move |tx| async move { run_insert(tx, &new, &first).await }.boxed());
        self.said(write.await)
    }

    fn writes(&self, run: u8, writes: &[Write], now: At) -> Vec<RunWrite> {
        writes.iter().map(|write| self.write(run, *write, now)).collect()
    }

    fn write(&self, run: u8, write: Write, now: At) -> RunWrite {
        match write {
            Write::Open(call, attempt) => {
                RunWrite::CallOpen(Box::new(self.open(Attempt { run, call, attempt })))
            }
            Write::Offer(call, attempt) => {
                RunWrite::TaskOffer(Box::new(self.offered(Attempt { run, call, attempt })))
            }
            Write::Free(call) => RunWrite::TaskFree(call_id(run, call)),
            Write::Park(call) => RunWrite::CallPark(call_id(run, call)),
            Write::Close(call) => RunWrite::CallClose(call_id(run, call)),
            Write::ChildStop(call) => RunWrite::ChildStop(call_id(run, call)),
            Write::Set(timer, ms) => RunWrite::TimerSet(timer_id(timer), at(ms)),
            Write::Delete(timer) => RunWrite::TimerDelete(timer_id(timer)),
            Write::Ask(approval) => {
                let id = approval_id(run, approval);
                let mut new = NewApproval::new(self.ours, id, ApprovalKind::Decision, "Go on?");
                new.run = Some(run_id(run));
                RunWrite::ApprovalOpen(Box::new(new))
            }
            Write::Answer(approval, approves) => {
                let (state, decided) = decided(approves, now);
                RunWrite::ApprovalClose(approval_id(run, approval), state, decided)
            }
            Write::Withdraw(approval) => RunWrite::ApprovalWithdraw(approval_id(run, approval)),
            Write::HearPast => RunWrite::HearPast,
            Write::Wait(name, since) => {
                RunWrite::WaitOpen(activation(0), NAMES[name].into(), at_step(since))
            }
            Write::WaitClose => RunWrite::WaitClose(activation(0)),
            Write::Turn(key, places) => RunWrite::SlotAsk(format!("key {key}"), places),
        }
    }

    /// The second call is urgent; the last one goes through a queue.
    fn open(&self, of: Attempt) -> OpenCall {
        let priority = Some(if of.call == 1 { 9 } else { PRIORITY });
        let queue = (of.call == 2).then(|| "q".to_owned());
        OpenCall {
            organization: self.ours,
            run: run_id(of.run),
            call: call_id(of.run, of.call),
            activation: activation(of.call),
            node: NodeId("s".into()),
            attempt: of.attempt,
            request: CallRequest::Tool { tool: "work".into(), parameters: json!({}) },
            timeout_ms: None,
            route: CallRoute { queue, priority, ..CallRoute::default() },
        }
    }

    /// As [`open`](Self::open), for outside workers; the second one names its worker.
    fn offered(&self, of: Attempt) -> OpenCall {
        let worker = if of.call == 1 { "ada".into() } else { String::new() };
        let request = CallRequest::Task(Box::new(TaskRequest { worker, ..TaskRequest::default() }));
        OpenCall { request, ..self.open(of) }
    }

    /// What is no commit of a run.
    async fn care(&self, op: &Op, now: At) -> String {
        let (ours, op) = (self.ours, op.clone());
        let seq = match &op {
            Op::Unmoved { run, stale } => match run_fetch(&self.store, ours, run_id(*run)).await {
                Ok(row) => row.seq - u64::from(*stale),
                Err(_) => return GONE.into(),
            },
            _ => 0,
        };
        let write = self.store.write(move |tx| {
            async move {
                match op {
                    Op::Unmoved { run, .. } => {
                        run_unmoved(tx, ours, run_id(run), seq)?;
                        run_fence_send(tx).await
                    }
                    Op::NotDue { run } => run_not_due(tx, ours, run_id(run)).await,
                    Op::Quarantine { run } => {
                        run_quarantine(tx, ours, run_id(run), "no luck", now).await
                    }
                    Op::Release { run } => run_release(tx, ours, run_id(run), now).await,
                    _ => Ok(()),
                }
            }
            .boxed()
        });
        self.said(write.await)
    }

    async fn call(&self, op: &Op, of: Attempt) -> String {
        let (ours, op, call) = (self.ours, op.clone(), self.open(of));
        let write = self.store.write(move |tx| {
            async move {
                let (run, id, attempt) = (call.run, call.call, call.attempt);
                match op {
                    Op::Begin(_) => return call_claim(tx, &call).await,
                    Op::Leave(_, held) => {
                        let state = if held { CallState::Held } else { CallState::Parked };
                        call_leave(tx, ours, run, (id, attempt), state).await?;
                    }
                    _ => call_close_attempt(tx, ours, run, id, attempt).await?,
                }
                Ok(None)
            }
            .boxed()
        });
        self.said(write.await)
    }

    async fn task(&self, op: &Op, of: Attempt, claim: Uuid) -> String {
        let (ours, op, call) = (self.ours, op.clone(), self.offered(of));
        let write = self.store.write(move |tx| {
            async move {
                match op {
                    Op::Claim(..) => {
                        if let Some(queue) = &call.route.queue
                            && !task_queue_has_room(tx, ours, queue, 1).await?
                        {
                            return Err(StoreError::Conflict { what: "a queue that is full" });
                        }
                        task_claim(tx, &call, claim, "ada").await
                    }
                    Op::Beat(_, _, ms) => task_beat(tx, &call, claim, at(ms)).await,
                    _ => task_held(tx, &call, claim).await,
                }
            }
            .boxed()
        });
        self.said(write.await)
    }

    /// A timer fires, or is set back.
    async fn take(&self, run: u8, timer: Timer, ms: i64, until_ms: Option<i64>) -> String {
        let due = DueTimer {
            organization: self.ours,
            run: run_id(run),
            timer: timer_id(timer),
            due_at: at(ms),
            tries: 0,
            is_left: false,
        };
        let write = self.store.write(move |tx| {
            async move {
                match until_ms {
                    Some(until_ms) => timer_set_back(tx, &due, at(until_ms)).await,
                    None => timer_take(tx, &due).await,
                }
            }
            .boxed()
        });
        self.said(write.await)
    }

    async fn decide(&self, id: ApprovalId, revision: u32, approves: bool, now: At) -> String {
        let (ours, (state, decided)) = (self.ours, decided(approves, now));
        let write = self.store.write(move |tx| {
            async move { approval_close(tx, ours, id, Some(revision), state, &decided).await }
                .boxed()
        });
        self.said(write.await)
    }

    async fn record(&self, name: usize, key: u8, only: Option<u8>, now: At) -> String {
        let ours = self.ours;
        let event = OutsideEvent {
            name: NAMES[name].into(),
            contact: None,
            run: only.map(run_id),
            source_key: Some(format!("event {key}")),
            payload: json!({"key": key}),
        };
        let write = self
            .store
            .write(move |tx| async move { outside_record(tx, ours, &event, now).await }.boxed());
        self.said(write.await.map(|number| number.is_some()))
    }

    /// The run is told the oldest event that it was not told.
    async fn hear(&self, run: RunId) -> String {
        let event = match self.told(run).await.map(|told| told.into_iter().next()) {
            Ok(Some(event)) => event,
            nothing => return self.said(nothing),
        };
        let (ours, words) = (self.ours, self.delivery(&event));
        let write = self.store.write(move |tx| {
            async move { wait_seen(tx, ours, run, &event.name, event.number).await }.boxed()
        });
        format!("{words} {}", self.said(write.await))
    }

    /// A run is another one's child, which began before it: so none is its own ancestor.
    async fn link(&self, run: u8, of: Attempt) -> String {
        let known = link_fetch(&self.store, self.ours, run_id(run)).await;
        if of.run >= run || !matches!(known, Ok(None)) {
            return self.said(known);
        }
        let link = RunLink {
            organization: self.ours,
            run: run_id(run),
            parent: run_id(of.run),
            call: call_id(of.run, of.call),
            attempt: of.attempt,
            root_workflow: self.workflow,
            depth: 1,
        };
        let write = self.store.write(move |tx| async move { link_insert(tx, &link).await }.boxed());
        self.said(write.await)
    }
}

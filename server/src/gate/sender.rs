//! The sender: makes the attempts that are due.
//!
//! Before an attempt its intent is committed (`InFlight`), after it the outcome, together with what
//! the run is told. The claim judges the message again with what the database says at that moment.

use super::{Gate, draft::parked, facts, health, ramp::RAMP, ride, save_as, verdict};
use crate::{
    channel::{Channel, Outgoing, Sent},
    metrics::metrics,
    store::{self, Message, Source, StoreError, StoreResult},
    telemetry,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use signalbox::{
    id::OrganizationId,
    run::{Command, ErrorKind, StepError},
    wire::{ApprovalState, GateVerdict, MessageChannel, MessageState},
};
use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tracing::{Instrument, Span, debug_span, field};

/// Attempts at once, over all organisations.
pub(super) const CONCURRENCY: usize = 32;
/// Attempts at once for one organisation: one with a dead mail server does not hold up the others.
pub(super) const CONCURRENCY_OF_ONE: usize = 8;
/// Due messages that are looked at in one round.
const LOOKED_AT: u32 = 512;
/// Attempts of one message, of which each but the first follows a temporary failure.
const ATTEMPTS_MAX: u32 = 12;
const BACKOFF_FIRST_S: i64 = 30;
const BACKOFF_MAX_S: i64 = 3_600;
/// Behind the wake-ups: interrupted sendings and lost wake-ups are found at the latest after this.
const SWEEP: Duration = Duration::from_secs(20);
/// With many attempts at work, what came meanwhile is looked for at this pace.
const FULL_RECHECK: Duration = Duration::from_millis(100);
/// A paused run's message is looked at again after this.
const PAUSED_RECHECK_S: i64 = 5;

/// Where a test lets the process "die".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// The intent is on disk, the channel was not called.
    Claimed,
    /// The channel was called, its outcome is not on disk.
    Sent,
}

/// How a delivery came to its end.
enum Delivery {
    Ended,
    /// A test let the process "die" in it: nothing may touch the message before the next start.
    Died,
}

/// What the claim found.
enum Claim {
    /// Go: the intent is on disk.
    Go(Box<Message>),
    /// Not now, or not any more; whoever moved it told the run.
    Not,
    /// Not before a time; it is on disk with its reason.
    Hold {
        /// As it is now.
        message: Box<Message>,
        /// It waited for the channel or the end of a pause before: the run knows.
        again: bool,
    },
    /// It will not leave.
    Refuse(GateVerdict),
    /// It must be approved again.
    Again(GateVerdict),
}

/// The span of an attempt, in the trace of the message's run.
fn span_of(message: &Message) -> Span {
    let span = debug_span!(
        parent: None,
        "send",
        otel.name = "send email",
        otel.kind = "client",
        message = %message.id,
        attempt = i64::from(message.attempts),
        outcome = field::Empty,
    );
    match message.run {
        Some(run) => telemetry::of_run(span, run),
        None => span,
    }
}

/// What came of an attempt.
fn word_of(sent: &Sent) -> &'static str {
    match sent {
        Sent::Accepted { .. } => "accepted",
        Sent::Unreachable { .. } => "unreachable",
        Sent::Retry { .. } => "retried",
        Sent::Permanent { .. } => "failed",
        Sent::Uncertain { .. } => "uncertain",
    }
}

impl Gate {
    /// Sends what is due until `stop` is told. One such loop runs in a process.
    pub async fn run_sender(&self, mut stop: tokio::sync::watch::Receiver<bool>) {
        let mut at_work = JoinSet::new();
        let _life = self.inner.pulse.begin();
        while !*stop.borrow() {
            self.inner.pulse.beat();
            if let Err(error) = self.pump(&mut at_work).await {
                tracing::warn!(%error, "the sender could not look for due messages");
            }
            let pause = match at_work.len() >= CONCURRENCY_OF_ONE {
                // What is due may wait for a free place; a place that gets free wakes this loop.
                true => FULL_RECHECK,
                false => self.pause().await,
            };
            tokio::select! {
                () = self.inner.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
                Some(_) = at_work.join_next() => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        // What is on its way gets its outcome noted; the rest waits for the next start.
        while at_work.join_next().await.is_some() {}
    }

    /// Does all that is due now and answers when it is done; for tests and simulations. Gives how many
    /// messages, expiries and doubts it took up.
    pub async fn step(&self) -> StoreResult<usize> {
        let mut at_work = JoinSet::new();
        let mut done = 0;
        loop {
            let taken = self.pump(&mut at_work).await?;
            while at_work.join_next().await.is_some() {}
            if taken == 0 {
                return Ok(done);
            }
            done += taken;
        }
    }

    /// When the sender has something to do next, as far as the database knows.
    pub async fn next_due(&self) -> StoreResult<Option<DateTime<Utc>>> {
        let messages = store::message_next_due(self.store(), self.now() - RAMP).await?;
        let resources = store::approval_resource_next_expiry(self.store()).await?;
        Ok(messages.into_iter().chain(resources).min())
    }

    async fn pause(&self) -> Duration {
        if !self.store().may_work() || !self.time_is_sound() {
            return Duration::from_secs(1);
        }
        let due = self.next_due().await.unwrap_or_default();
        let until = due.map(|at| (at - self.now()).to_std().unwrap_or_default());
        // What is due but waits for a free place is started when one gets free.
        let until = until.unwrap_or(SWEEP).clamp(Duration::from_millis(5), SWEEP);
        self.ramp_recheck().map_or(until, |recheck| until.min(recheck))
    }

    async fn pump(&self, at_work: &mut JoinSet<()>) -> StoreResult<usize> {
        // Where time travelled nothing leaves until that is cleared up.
        if !self.store().may_work() || !self.time_is_sound() {
            return Ok(0);
        }
        // What is read of those past a pause fills each free place, whatever of it is at work already.
        const { assert!(CONCURRENCY <= store::LET_GO_MAX as usize) };
        const { assert!(2 * CONCURRENCY_OF_ONE <= store::LET_GO_OF_ONE as usize) };
        let now = self.now();
        // First those that begin slowly: they have the oldest.
        let mut taken = self.pump_ramping(at_work, now).await?;
        let full = self.full();
        let due = store::messages_due(self.store(), now, now - RAMP, &full, LOOKED_AT).await?;
        for message in due {
            if at_work.len() >= CONCURRENCY {
                break;
            }
            if self.take(&message) {
                taken += 1;
                self.begin(at_work, message);
            }
        }
        // After what is due is on its way: what cannot be cleared up must not hold it up.
        Ok(taken + self.doubt(now).await? + self.expire(now).await?)
    }

    /// Delivers a message that was taken up.
    pub(super) fn begin(&self, at_work: &mut JoinSet<()>, message: Message) {
        let gate = self.clone();
        at_work.spawn(async move {
            let id = message.id;
            // Whatever breaks in it: its place must get free, or the organisation's next wait for ever.
            match AssertUnwindSafe(gate.deliver(message)).catch_unwind().await {
                Ok(Ok(Delivery::Died)) => return,
                Ok(Ok(Delivery::Ended)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, %id, "a message could not be moved on; it is tried again");
                }
                Err(_) => tracing::error!(%id, "sending a message broke off; this is a defect"),
            }
            gate.busy().remove(&id);
        });
    }

    /// Organisations that have as many at work as one may; there is no room for more of these than are passed over.
    fn full(&self) -> Vec<OrganizationId> {
        const { assert!(CONCURRENCY / CONCURRENCY_OF_ONE <= store::PASSED_OVER_MAX) };
        let mut of_each: HashMap<OrganizationId, usize> = HashMap::new();
        for organization in self.busy().values() {
            *of_each.entry(*organization).or_default() += 1;
        }
        let full = of_each.into_iter().filter(|(_, of_one)| *of_one >= CONCURRENCY_OF_ONE);
        full.map(|(organization, _)| organization).collect()
    }

    /// Takes a message up, unless it is at work already or its organisation has enough at work.
    pub(super) fn take(&self, message: &Message) -> bool {
        let mut busy = self.busy();
        let of_one = busy.values().filter(|of| **of == message.organization).count();
        if of_one >= CONCURRENCY_OF_ONE || busy.contains_key(&message.id) {
            return false;
        }
        busy.insert(message.id, message.organization);
        true
    }

    fn crashes_at(&self, point: CrashPoint) -> bool {
        self.inner.crash.as_ref().is_some_and(|crash| crash(point))
    }

    async fn deliver(&self, message: Message) -> StoreResult<Delivery> {
        let channel = match self.channels().of(&message).await {
            Ok(channel) => channel,
            Err(error) => {
                let detail = format!("the channel cannot be used: {error}");
                return self.postpone(&message, &detail).await.map(|()| Delivery::Ended);
            }
        };
        let message = match self.claim(&message, &channel).await? {
            Claim::Go(message) => *message,
            Claim::Not => return Ok(Delivery::Ended),
            Claim::Hold { message, again } => {
                // A server that is down for days must not fill the run's journal.
                if !again {
                    self.note_gate_hold(&message).await;
                }
                return Ok(Delivery::Ended);
            }
            Claim::Refuse(judged) => {
                return self.refuse_sending(&message, &judged).await.map(|()| Delivery::Ended);
            }
            Claim::Again(judged) => {
                let asked = self.ask_again(&message, &channel, &judged).await;
                return asked.map(|()| Delivery::Ended);
            }
        };
        if self.crashes_at(CrashPoint::Claimed) {
            return Ok(Delivery::Died);
        }
        let outgoing =
            Outgoing { id: message.id, date: message.created_at, content: message.content.clone() };
        let span = span_of(&message);
        let sent = channel.send(&outgoing).instrument(span.clone()).await;
        span.record("outcome", word_of(&sent));
        if self.crashes_at(CrashPoint::Sent) {
            return Ok(Delivery::Died);
        }
        self.record(&message, &sent).await.map(|()| Delivery::Ended)
    }

    /// Judges the message once more and commits the intent, in one transaction.
    async fn claim(&self, message: &Message, channel: &Arc<dyn Channel>) -> StoreResult<Claim> {
        let (organization, id, now) = (message.organization, message.id, self.now());
        let (gate, channel) = (self.clone(), Arc::clone(channel));
        self.store()
            .write(move |tx| {
                async move {
                    // The machine may have slept since it was taken up.
                    if !gate.time_is_sound() {
                        return Ok(Claim::Not);
                    }
                    let mut message = store::message_fetch_in(tx, organization, id).await?;
                    let waits = [MessageState::Held, MessageState::Queued, MessageState::RetryWait];
                    if !waits.contains(&message.state) || message.due_at.is_none_or(|at| at > now) {
                        return Ok(Claim::Not);
                    }
                    if let Some(run) = message.run
                        && store::run_is_paused_in(tx, organization, run).await?
                    {
                        message.due_at = Some(now + TimeDelta::seconds(PAUSED_RECHECK_S));
                        let state = message.state;
                        save_as(tx, &mut message, state, now).await?;
                        return Ok(Claim::Not);
                    }
                    let stands = approval_stands(tx, &message).await?;
                    let source = &mut Source::Tx(&mut *tx);
                    let gathered = facts::gather(source, &message, channel.as_ref(), now).await;
                    let mut facts = gathered?;
                    if !stands {
                        facts.approval = verdict::ApprovalFact::OtherContent;
                    }
                    let judged = verdict::judge(&facts);
                    match judged.verdict.as_str() {
                        "send" => {}
                        "refuse" => return Ok(Claim::Refuse(judged)),
                        "hold" => {
                            // Never earlier than a moment from now, so that the sender does not spin.
                            let soon = now + TimeDelta::seconds(1);
                            // In a pause it keeps its place in the order, and is passed over once it knows.
                            let knew = message.waits_without_time();
                            if facts.pause.is_none() {
                                message.due_at =
                                    judged.not_before.map(|at| at.max(soon)).or(Some(soon));
                            }
                            let held = std::mem::replace(&mut message.gate_held, true);
                            let again = match facts.pause {
                                Some(_) => knew,
                                None => held && facts.trouble.is_some(),
                            };
                            message.detail = judged.because;
                            let state = message.state;
                            save_as(tx, &mut message, state, now).await?;
                            return Ok(Claim::Hold { message: Box::new(message), again });
                        }
                        _ => return Ok(Claim::Again(judged)),
                    }
                    let account = channel.account();
                    if facts.trouble.is_some()
                        && !health::begin_trial(tx, &message, account, now).await?
                    {
                        // Another message tries it already: judged again in a moment.
                        message.due_at = Some(now + TimeDelta::seconds(1));
                        message.gate_held = true;
                        let state = message.state;
                        save_as(tx, &mut message, state, now).await?;
                        return Ok(Claim::Not);
                    }
                    message.attempts += 1;
                    message.begun_at = Some(now);
                    message.gate_held = false;
                    message.detail = format!("Attempt {} through {account}.", message.attempts);
                    save_as(tx, &mut message, MessageState::InFlight, now).await?;
                    Ok(Claim::Go(Box::new(message)))
                }
                .boxed()
            })
            .await
    }

    /// A line in the timeline: why the message waits, and until when.
    async fn note_gate_hold(&self, message: &Message) {
        let Some(call) = message.call else { return };
        let command = Command::MessageMoved {
            call,
            message: message.id,
            state: store::message_state_word(message.state).into(),
            detail: message.detail.clone(),
            until: message.due_at.filter(|_| !message.waits_without_time()),
        };
        let nothing = ride(|_| async { Ok(()) }.boxed());
        let told = self.tell(message.organization, message.run, Some(command), nothing).await;
        if let Err(error) = told {
            tracing::debug!(%error, "the wait was not noted in the timeline");
        }
    }

    /// Commits the outcome and tells the run. A store that fails for a moment is asked again: an outcome
    /// that is lost costs a person's time.
    async fn record(&self, message: &Message, sent: &Sent) -> StoreResult<()> {
        metrics().send_tried(word_of(sent));
        let mut pause = Duration::from_millis(50);
        loop {
            let recorded = match sent {
                Sent::Accepted { provider_id } => self.accepted(message, provider_id).await,
                Sent::Unreachable { detail } => self.unreachable(message, detail).await,
                Sent::Retry { detail } => self.temporary(message, detail).await,
                Sent::Permanent { detail } => {
                    self.permanent(message, detail, ErrorKind::InvalidInput).await
                }
                Sent::Uncertain { detail } => self.uncertain(message, detail, self.now()).await,
            };
            match recorded {
                // The run may also have moved on time and again under what it is told.
                Err(
                    StoreError::Unavailable(_) | StoreError::Conflict { what: store::RUN_FENCE },
                ) if pause < Duration::from_secs(4) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                other => return other,
            }
        }
    }

    async fn accepted(&self, message: &Message, provider_id: &str) -> StoreResult<()> {
        let now = self.now();
        let mut sent = message.clone();
        sent.sent_at = Some(now);
        let command = match message.call {
            Some(call) => Some(Command::CallSucceeded {
                call,
                attempt: message.call_attempt,
                output: self.output(&sent).await,
                usage: None,
            }),
            None => None,
        };
        let provider_id = provider_id.to_owned();
        let detail = match message.sandbox {
            true if message.channel == MessageChannel::Voice => {
                "The sandbox phone took the call; nobody was called.".to_owned()
            }
            true => "It is in the sandbox mailbox.".to_owned(),
            false => format!("{} took it: {provider_id}", message.content.account),
        };
        self.moved(message, MessageState::Accepted, command, move |message| {
            message.sent_at = Some(now);
            message.due_at = None;
            message.provider_id = Some(provider_id.clone());
            message.detail = detail.clone();
        })
        .await
    }

    pub(super) async fn temporary(&self, message: &Message, detail: &str) -> StoreResult<()> {
        if message.attempts >= ATTEMPTS_MAX {
            let detail =
                format!("given up after {} attempts; the last one: {detail}", message.attempts);
            return self.permanent(message, &detail, ErrorKind::ExecutorError).await;
        }
        let due = self.now() + backoff(message.attempts);
        let text = format!("Attempt {} failed: {detail}", message.attempts);
        let command = message.call.map(|call| Command::MessageMoved {
            call,
            message: message.id,
            state: "retry_wait".into(),
            detail: text.clone(),
            until: Some(due),
        });
        self.moved(message, MessageState::RetryWait, command, move |message| {
            message.due_at = Some(due);
            message.detail = text.clone();
        })
        .await
    }

    async fn permanent(&self, message: &Message, detail: &str, kind: ErrorKind) -> StoreResult<()> {
        let text = format!("The email to {} could not be sent: {detail}", message.content.to);
        let command = message.call.map(|call| Command::CallFailed {
            call,
            attempt: message.call_attempt,
            error: StepError::new(kind, text.clone()),
            retry_after_ms: None,
        });
        self.moved(message, MessageState::FailedPermanent, command, move |message| {
            message.due_at = None;
            message.detail = text.clone();
        })
        .await
    }

    async fn refuse_sending(&self, message: &Message, judged: &GateVerdict) -> StoreResult<()> {
        let expired = message.expires_at.is_some_and(|at| at <= self.now());
        let (state, kind) = match expired {
            true => (MessageState::Expired, ErrorKind::Expired),
            false => (MessageState::Refused, ErrorKind::Refused),
        };
        let command = message.call.map(|call| Command::CallFailed {
            call,
            attempt: message.call_attempt,
            error: StepError::new(kind, judged.because.clone()),
            retry_after_ms: None,
        });
        let detail = judged.because.clone();
        self.moved(message, state, command, move |message| {
            message.due_at = None;
            message.detail = detail.clone();
        })
        .await
    }

    /// Back into the inbox: what was approved is not what would leave.
    async fn ask_again(
        &self,
        message: &Message,
        channel: &Arc<dyn Channel>,
        judged: &GateVerdict,
    ) -> StoreResult<()> {
        let now = self.now();
        let back = super::decide::unapprove(message, &judged.because, now);
        let command = message.call.map(|call| parked(call, message));
        self.tell_or_write(message.organization, message.run, command, back).await?;
        let Some(id) = message.approval else { return Ok(()) };
        let approval = store::approval_fetch(self.store(), message.organization, id).await?;
        let (account, from) = (channel.account().to_owned(), channel.from().to_owned());
        match self.message_readdress(&approval, account, from, channel.is_sandbox()).await {
            Ok(()) => Ok(()),
            Err(super::DecideError::Store(error)) => Err(error),
            Err(other) => Err(StoreError::Unavailable(other.to_string())),
        }
    }

    async fn postpone(&self, message: &Message, detail: &str) -> StoreResult<()> {
        let due = self.now() + TimeDelta::seconds(BACKOFF_FIRST_S);
        let (state, detail) = (message.state, detail.to_owned());
        self.moved(message, state, None, move |message| {
            message.due_at = Some(due);
            message.detail = detail.clone();
        })
        .await
    }

    /// Moves a message that is still where it was when it was read, and tells its run.
    async fn moved(
        &self,
        message: &Message,
        to: MessageState,
        command: Option<Command>,
        change: impl Fn(&mut Message) + Clone + Send + Sync + 'static,
    ) -> StoreResult<()> {
        let (organization, id, from, now) =
            (message.organization, message.id, message.state, self.now());
        let write = ride(move |tx| {
            let change = change.clone();
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                if message.state != from {
                    return Err(StoreError::Conflict { what: "the message" });
                }
                change(&mut message);
                if to == MessageState::Accepted && !message.sandbox {
                    let account = Some(message.content.account.as_str());
                    store::channel_health_clear(tx, organization, account).await?;
                }
                save_as(tx, &mut message, to, now).await
            }
            .boxed()
        });
        self.tell_or_write(organization, message.run, command, write).await
    }
}

/// The approval in the inbox is given, for exactly these bytes.
async fn approval_stands(tx: &mut store::Tx, message: &Message) -> StoreResult<bool> {
    let Some(id) = message.approval else { return Ok(false) };
    let approval = store::approval_fetch_in(tx, message.organization, id).await?;
    let hash = approval.request.content_hash.as_deref();
    Ok(approval.state == ApprovalState::Approved && hash == Some(message.content_hash.as_slice()))
}

/// 30 s, 1 min, 2 min … an hour at most.
fn backoff(attempts: u32) -> TimeDelta {
    let doublings = attempts.saturating_sub(1).min(16);
    TimeDelta::seconds((BACKOFF_FIRST_S << doublings).min(BACKOFF_MAX_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let seconds: Vec<i64> = [1, 2, 3, 8, 12, u32::MAX].map(|n| backoff(n).num_seconds()).into();
        assert_eq!(seconds, [30, 60, 120, 3600, 3600, 3600]);
    }
}

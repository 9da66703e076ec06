//! Making calls: after the commit that says so, with a time limit, counted against poison.

use super::{
    CallOutcome, Inner,
    making::Making,
    queue::{Job, Line},
};
use crate::{
    metrics::metrics,
    store::{self, CallState, OpenCall, UnreadableCall},
};
use chrono::TimeDelta;
use futures::FutureExt;
use signalbox::run::{CallRequest, Command, ErrorKind, StepError};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

/// What came of making a call.
pub(super) enum Made {
    /// This is to be told to its run.
    Tell(Command),
    /// Its run was told, or will be by who has the call now.
    Over,
    /// It waits for a place in its queue, which is full of runs.
    Stands,
}

/// Between two tries to read limits of queues.
const GATES_AGAIN: Duration = Duration::from_secs(1);

impl Inner {
    /// Takes in a call whose intent was just committed, with the run's event number after it, and that may have begun
    /// beside it.
    pub(super) fn submit(self: &Arc<Self>, call: OpenCall, asked_at: u64, begun: Option<Making>) {
        self.queue.push_fresh(call, asked_at, begun);
        self.pump();
    }

    /// Begins what may begin, and reads on when there is room.
    pub(super) fn pump(self: &Arc<Self>) {
        if self.stop.is_cancelled() || !self.store.may_work() {
            return; // what is queued waits until this server may work again
        }
        self.read_gates();
        while let Some(job) = self.queue.pop(Instant::now()) {
            let inner = self.clone();
            self.spawn_work(async move {
                let Some(job) = inner.with_place(job).await else { return };
                // Whatever breaks in it: its place must get free.
                let stands = AssertUnwindSafe(inner.make(&job)).catch_unwind().await;
                let stands = stands.unwrap_or_else(|_| {
                    tracing::error!(run = %job.call.run, "making a call broke off; this is a defect");
                    false
                });
                if stands {
                    inner.queue.not_begun(&job.call);
                }
                inner.queue.done(&job.call);
                if stands {
                    // A place may have come free before it stood; and who let it in meanwhile found it still known here.
                    inner.queue.expect_more();
                    inner.see_to_others();
                }
                inner.pump();
            });
        }
        self.wait_for_minute();
        if let Some((limit, full)) = self.queue.begin_refill() {
            let inner = self.clone();
            self.spawn_work(async move {
                if AssertUnwindSafe(inner.refill(limit, &full)).catch_unwind().await.is_err() {
                    tracing::error!("reading open calls broke off; this is a defect");
                    inner.queue.refilled(false);
                }
            });
        }
    }

    /// Asks for limits of named queues that are not known, or not any more.
    fn read_gates(self: &Arc<Self>) {
        for organization in self.queue.gates_wanted() {
            let inner = self.clone();
            self.spawn_work(async move {
                match inner.config.organizations.queues(organization).await {
                    Ok(queues) => inner.queue.gates_set(organization, Some(queues.0)),
                    Err(error) => {
                        tracing::warn!(%organization, error, "limits of queues cannot be read; they are tried again");
                        tokio::select! {
                            () = inner.stop.cancelled() => return,
                            () = tokio::time::sleep(GATES_AGAIN) => {}
                        }
                        inner.queue.gates_set(organization, None);
                    }
                }
                inner.pump();
            });
        }
    }

    /// Calls that wait for their queue's rate have their turn when the minute is over.
    fn wait_for_minute(self: &Arc<Self>) {
        let Some(at) = self.queue.next_minute(Instant::now()) else { return };
        let awaited = || self.minute_awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if awaited().is_some_and(|awaited| awaited <= at) {
            return;
        }
        *awaited() = Some(at);
        let inner = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = inner.stop.cancelled() => return,
                () = tokio::time::sleep_until(at.into()) => {}
            }
            {
                let awaited = &inner.minute_awaited;
                awaited.lock().unwrap_or_else(PoisonError::into_inner).take_if(|of| *of == at);
            }
            inner.queue.minute_over();
            inner.pump();
        });
    }

    /// Reads open calls that are not in memory: at the start, and when more came than fit; none of lines that are full.
    async fn refill(self: &Arc<Self>, limit: usize, full: &[Line]) {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let placed = self.queue.with_places();
        let wanted = store::CallsWanted { limit, full, placed: &placed };
        match store::calls_open_but(&self.store, wanted).await {
            Ok(rows) => {
                let is_full = rows.len() >= limit as usize;
                for row in rows {
                    match row {
                        Ok(call) => self.queue.push(call),
                        Err(unreadable) => self.hold_unreadable(unreadable).await,
                    }
                }
                self.queue.refilled(is_full);
            }
            Err(error) => {
                tracing::error!(%error, "open calls cannot be read; the watch tries again");
                self.queue.refilled(false);
                return;
            }
        }
        self.pump();
    }

    /// True: it stands before a full queue.
    async fn make(self: &Arc<Self>, job: &Job) -> bool {
        let call = &job.call;
        let is_counted = job.fresh || job.ask.is_some();
        if job.cancelled.is_cancelled() || !(is_counted || self.claim(call).await) {
            return false;
        }
        let made = tokio::select! {
            biased; // the same order each time: a seed of the simulation gives one run
            // Given up at shutdown: the intent stays, the next start makes the call again.
            () = self.stop.cancelled() => return false,
            made = self.execute(job) => made,
        };
        match made {
            Made::Tell(command) => {
                self.insist(call.organization, call.run, command).await;
                false
            }
            Made::Over => false,
            Made::Stands => true,
        }
    }

    /// Counts the beginning of a call that was begun before; after too many a person must look.
    async fn claim(self: &Arc<Self>, call: &OpenCall) -> bool {
        let claimed = {
            let call = call.clone();
            self.store
                .write(move |tx| async move { store::call_claim(tx, &call).await }.boxed())
                .await
        };
        match claimed {
            Ok(Some(claims)) if claims <= self.config.claims_max => true,
            Ok(Some(claims)) => {
                self.hold_begun(call, claims).await;
                false
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "a call cannot be claimed; the watch tries again");
                false
            }
        }
    }

    /// It was begun so many times, with this one, which is one too many.
    pub(super) async fn hold_begun(self: &Arc<Self>, call: &OpenCall, claims: u32) {
        let times = claims.saturating_sub(1);
        let reason = format!(
            "The step \u{201c}{}\u{201d} was begun {times} times and never gave a result: something \
             in it ends the server. Look at its input, then resume the run to try again.",
            call.node
        );
        self.hold(call, reason).await;
    }

    async fn hold(self: &Arc<Self>, call: &OpenCall, reason: String) {
        tracing::error!(run = %call.run, node = %call.node, "a call is held: {reason}");
        let (organization, run) = (call.organization, call.run);
        let attempt = (call.call, call.attempt);
        let command = Command::Block { reason, activation: Some(call.activation) };
        self.insist(organization, run, command).await;
        // The run's commit closes the row when the activation took the block; this is for when it did not.
        let held = self
            .store
            .write(move |tx| {
                async move {
                    store::call_leave(tx, organization, run, attempt, CallState::Held).await
                }
                .boxed()
            })
            .await;
        if let Err(error) = held {
            tracing::error!(%error, "a call cannot be held");
        }
    }

    async fn hold_unreadable(self: &Arc<Self>, row: UnreadableCall) {
        let UnreadableCall { organization, run, detail, .. } = row;
        if let Err(error) = self.set_aside(organization, run, &detail).await {
            tracing::error!(%run, %error, "a run cannot be set aside");
        }
    }

    /// An executor that does tasks has them while it does: it is never lost.
    async fn claim_for_executor(self: &Arc<Self>, call: &OpenCall) {
        let command = Command::ClaimTask {
            call: call.call,
            attempt: call.attempt,
            worker: "the world".to_owned(),
            lease_until: self.clock.now() + TimeDelta::days(3_650),
        };
        // Refused: it has it already, or nobody wants it any more. Its result is refused then too.
        self.insist(call.organization, call.run, command).await;
    }

    /// Makes the call. Its time limit counts from here: waiting for its turn is not in it.
    async fn execute(self: &Arc<Self>, job: &Job) -> Made {
        let OpenCall { call, attempt, .. } = job.call;
        if !self.executor.does_tasks() && matches!(job.call.request, CallRequest::Run(_)) {
            return self.start_child(&job.call, job.fresh).await;
        }
        if matches!(job.call.request, CallRequest::Task(_)) {
            self.claim_for_executor(&job.call).await;
        }
        let limit_ms = job.call.timeout_ms.unwrap_or(self.config.call_timeout_ms);
        let mut making =
            job.take_begun().unwrap_or_else(|| self.begin(&job.call, job.cancelled.clone()));
        let span = making.span.clone();
        let outcome = tokio::select! {
            biased;
            outcome = making.made() => Ok(outcome),
            () = self.clock.sleep(Duration::from_millis(limit_ms)) => Err(()),
        };
        let word = match &outcome {
            Ok(Ok(CallOutcome::Succeeded { .. })) => "succeeded",
            Ok(Ok(CallOutcome::Failed { .. })) => "failed",
            Ok(Ok(CallOutcome::Bypassed { .. })) => "bypassed",
            Ok(Ok(CallOutcome::Parked)) => "parked",
            Ok(Err(_)) => "broke_off",
            Err(_) => "timed_out",
        };
        metrics().call_made(word);
        span.record("outcome", word);
        if matches!(word, "failed" | "broke_off" | "timed_out") {
            span.record("otel.status_code", "ERROR");
        }
        Made::Tell(match outcome {
            Ok(Ok(CallOutcome::Succeeded { output, usage })) => {
                Command::CallSucceeded { call, attempt, output, usage }
            }
            Ok(Ok(CallOutcome::Failed { error, retry_after_ms })) => {
                Command::CallFailed { call, attempt, error, retry_after_ms }
            }
            Ok(Ok(CallOutcome::Bypassed { reason })) => Command::CallBypassed { call, reason },
            Ok(Ok(CallOutcome::Parked)) => return Made::Over,
            Ok(Err(_)) => {
                let message =
                    "The step broke off inside Signalbox; this is a defect. The log says more.";
                failed(job, ErrorKind::Internal, message.into())
            }
            Err(()) => {
                let message = format!("It took longer than {} seconds.", limit_ms.div_ceil(1_000));
                failed(job, ErrorKind::Timeout, message)
            }
        })
    }
}

fn failed(job: &Job, kind: ErrorKind, message: String) -> Command {
    Command::CallFailed {
        call: job.call.call,
        attempt: job.call.attempt,
        error: StepError::new(kind, message),
        retry_after_ms: None,
    }
}

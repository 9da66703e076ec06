//! When something fails: retries, the `error` port, failure policies.

use super::Machine;
use super::edges::Ways;
use crate::graph::{FailurePolicy, FailureRule, RetryPolicy};
use crate::id::CallId;
use crate::run::{
    ATTEMPTS_EXHAUSTED, ActivationId, CallRequest, ErrorKind, EventBody, RunEnd, StepError,
    TimerId, TimerPurpose,
};

/// Longest pause before a retry, in milliseconds.
pub const BACKOFF_MAX_MS: u64 = 3_600_000;
/// Most retries that a policy may ask for.
pub const RETRIES_MAX: u32 = 20;

impl Machine<'_> {
    /// An attempt failed: another one follows by policy, or the activation fails.
    pub(super) fn attempt_failed(
        &mut self,
        id: ActivationId,
        error: StepError,
        retry_after_ms: Option<u64>,
    ) {
        let Some(delay_ms) = self.retry_delay_ms(id, &error, retry_after_ms) else {
            return self.give_up(id, error, None);
        };
        let attempt = self.activation(id).map_or(1, |activation| activation.attempt);
        self.emit(EventBody::AttemptFailed {
            activation: id,
            attempt,
            error,
            retry_at: self.after_ms(delay_ms),
            timer: TimerId::of(id, TimerPurpose::Retry),
        });
    }

    /// The pause before the next attempt; `None` when there is none.
    fn retry_delay_ms(
        &self,
        id: ActivationId,
        error: &StepError,
        retry_after_ms: Option<u64>,
    ) -> Option<u64> {
        if self.state.failing.is_some() || !error.kind.may_retry() {
            return None;
        }
        if self.node_time_left_ms(id) == Some(0) {
            return None;
        }
        let activation = self.activation(id)?;
        let (node, _) = self.place(id)?;
        let of_node = self.graph.source(node).policy.retry.as_ref();
        let policy = of_node.or(self.graph.graph().settings.retry.as_ref())?;
        if activation.attempt > policy.retries_max.min(RETRIES_MAX)
            || !retries_on(policy, error.kind)
        {
            return None;
        }
        let pause_ms = backoff_ms(policy.backoff_ms, activation.attempt, activation.call?);
        Some(pause_ms.max(retry_after_ms.unwrap_or(0)).min(BACKOFF_MAX_MS))
    }

    /// The activation failed for good: the `error` port, else its failure policy, else what its kind of error says.
    pub(super) fn give_up(
        &mut self,
        id: ActivationId,
        error: StepError,
        cancelled: Option<CallId>,
    ) {
        let Some((node, frame)) = self.place(id) else { return };
        // A worker that still has the task, or a run that still goes on, is told that nobody waits for it.
        let activation = self.activation(id);
        let goes_on = activation
            .filter(|a| matches!(a.request, Some(CallRequest::Run(_) | CallRequest::Task(_))));
        let cancelled = cancelled.or(goes_on.and_then(|a| a.call));
        let outs = &self.graph.node(node).outs;
        if outs.iter().any(|edge| self.graph.edge_port(*edge) == "error") {
            return self.fail(id, error, Some("error"), cancelled);
        }
        let is_decision = matches!(
            error.kind,
            ErrorKind::HumanRejected | ErrorKind::Expired | ErrorKind::Refused
        );
        // A run that says how long people have wants to fail when they have not decided by then.
        let is_told = error.kind == ErrorKind::Expired
            && self.state.options.hitl.as_ref().is_some_and(|hitl| hitl.timeout_ms.is_some());
        let default = match is_decision && !is_told {
            true => FailurePolicy::Skip,
            false => FailurePolicy::Fail,
        };
        match self.failure_policy(id, node, &error).unwrap_or(default) {
            FailurePolicy::Fail => self.fail(id, error, None, cancelled),
            FailurePolicy::Abort => {
                let end = RunEnd::Failed {
                    node: Some(self.graph.source(node).id.clone()),
                    error: error.clone(),
                };
                self.fail(id, error, None, cancelled);
                self.emit(EventBody::RunEnded { end });
            }
            FailurePolicy::Skip => {
                let ways = Ways { taken: vec![], dead: self.all_ways(frame, node) };
                self.emit(EventBody::NodeSkipped {
                    activation: id,
                    node: self.graph.source(node).id.clone(),
                    frame,
                    reason: error.message.clone(),
                    edges: self.ids(&ways),
                    error: Some(error),
                    cancelled,
                });
                self.follow(frame, &ways);
            }
            policy @ (FailurePolicy::Block | FailurePolicy::Replan) => {
                let reason = format!(
                    "\u{201c}{}\u{201d}: {}",
                    self.graph.source(node).title(),
                    error.message
                );
                let activation = Some(id);
                let replan = policy == FailurePolicy::Replan;
                self.emit(EventBody::Blocked { reason, activation, error: Some(error), replan });
            }
            FailurePolicy::ContinuePartial => {
                self.bypass(id, error.message.clone(), Some(error));
            }
        }
    }

    /// The first rule of the node that names this kind of error, else what the node says of every failure.
    fn failure_policy(
        &self,
        id: ActivationId,
        node: usize,
        error: &StepError,
    ) -> Option<FailurePolicy> {
        let policy = &self.graph.source(node).policy;
        let is_exhausted =
            error.kind.may_retry() && self.activation(id).is_some_and(|a| a.attempt > 1);
        let names = |code: &String| {
            code == error.kind.as_str() || (is_exhausted && code == ATTEMPTS_EXHAUSTED)
        };
        let fits = |rule: &&FailureRule| rule.on.is_empty() || rule.on.iter().any(names);
        policy.failures.iter().find(fits).map(|rule| rule.action).or(policy.on_failure)
    }

    /// The activation failed; with a port the path goes on there, without one the run will fail.
    pub(super) fn fail(
        &mut self,
        id: ActivationId,
        error: StepError,
        port: Option<&str>,
        cancelled: Option<CallId>,
    ) {
        let Some((node, frame)) = self.place(id) else { return };
        let mut ways = Ways::default();
        for edge in self.all_ways(frame, node) {
            // A condition that cannot be computed does not hold: the failure itself must not be lost.
            let is_chosen = Some(self.graph.edge_port(edge)) == port
                && self.graph.edge(edge).from == node
                && self.holds(frame, node, edge, Some(&serde_json::Value::Null)).unwrap_or(false);
            if is_chosen {
                ways.taken.push(edge);
            } else {
                ways.dead.push(edge);
            }
        }
        self.emit(EventBody::NodeFailed {
            activation: id,
            error,
            port: port.map(str::to_owned),
            edges: self.ids(&ways),
            cancelled,
        });
        self.follow(frame, &ways);
    }
}

/// Whether a policy names this kind of error, or none at all.
fn retries_on(policy: &RetryPolicy, kind: ErrorKind) -> bool {
    policy.retry_on.is_empty() || policy.retry_on.iter().any(|code| code == kind.as_str())
}

/// The pause before a retry: it doubles with each attempt and is spread by a fifth either way, so that calls that
/// failed together do not come back together. The spread is the same whenever it is computed for a call.
fn backoff_ms(first_ms: u64, attempt: u32, call: CallId) -> u64 {
    let doubled = first_ms.saturating_mul(1 << attempt.saturating_sub(1).min(32));
    let (high, low) = call.0.as_u64_pair();
    let mixed = (high ^ low).wrapping_add(u64::from(attempt)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let spread = (mixed >> 40) % 401;
    let spread_out = u128::from(doubled.min(BACKOFF_MAX_MS)) * u128::from(800 + spread) / 1000;
    u64::try_from(spread_out).unwrap_or(BACKOFF_MAX_MS).min(BACKOFF_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn pauses_double_are_spread_and_stay_under_an_hour() {
        let call = |n: u128| CallId(Uuid::from_u128(n * 0x1234_5678_9abc_def0_1111));
        for attempt in 1..=20 {
            let ideal = (1_000u64 << (attempt - 1)).min(BACKOFF_MAX_MS);
            let pause_ms = backoff_ms(1_000, attempt, call(7));
            assert!(
                pause_ms >= ideal * 8 / 10 && pause_ms <= (ideal * 12 / 10).min(BACKOFF_MAX_MS)
            );
        }
        assert_eq!(backoff_ms(1_000, 3, call(7)), backoff_ms(1_000, 3, call(7)));
        let spread: std::collections::BTreeSet<u64> =
            (0..50).map(|n| backoff_ms(10_000, 1, call(n))).collect();
        assert!(spread.len() > 30, "{spread:?}");
        assert_eq!(backoff_ms(u64::MAX, 40, call(1)).max(1), backoff_ms(u64::MAX, 40, call(1)));
    }
}

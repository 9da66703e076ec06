//! Commands of the engine's own: told again while the store is not available. Absent: deciding and committing them.

use super::{EngineError, Inner, command::Outcome};
use crate::store::{self, StoreError};
use signalbox::{
    id::{OrganizationId, RunId},
    run::{Command, ErrorKind, Refusal, StepError},
};
use std::sync::Arc;

impl Inner {
    /// A command of the engine's own: repeated while the store is not available, because the row
    /// that stands for it stays until it is through. Gives the outcome, or the refusal.
    pub(super) async fn insist(
        self: &Arc<Self>,
        organization: OrganizationId,
        run: RunId,
        command: Command,
    ) -> Option<Result<Outcome, Refusal>> {
        self.insist_times(organization, run, command, usize::MAX).await
    }

    /// As [`insist`](Self::insist), so many times at most: for whoever comes again, and has others to see to.
    pub(super) async fn insist_times(
        self: &Arc<Self>,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        times_max: usize,
    ) -> Option<Result<Outcome, Refusal>> {
        let mut pause_ms = 50;
        let mut command = command;
        for _ in 0..times_max {
            match self.command(organization, run, command.clone(), None).await {
                Ok(outcome) => return Some(Ok(outcome)),
                Err(EngineError::Refused(refusal)) => return Some(Err(refusal)),
                Err(EngineError::Store(
                    error @ (StoreError::Unavailable(_)
                    | StoreError::Conflict { what: store::RUN_FENCE }),
                )) => {
                    tracing::warn!(%run, %error, "a command is tried again");
                }
                Err(EngineError::Store(
                    error @ (StoreError::TooLarge { .. } | StoreError::Constraint(_)),
                )) => {
                    tracing::warn!(%run, %error, "what a command says cannot be kept");
                    command = instead(command, &error)?;
                }
                Err(error) => {
                    tracing::error!(%run, %error, "a command was given up");
                    return None;
                }
            }
            tokio::select! {
                biased; // the same order each time: a seed of the simulation gives one run
                () = self.stop.cancelled() => return None,
                () = self.clock.sleep(std::time::Duration::from_millis(pause_ms)) => {}
            }
            pause_ms = (pause_ms * 2).min(5_000);
        }
        None
    }
}

/// What the run is told instead of something that cannot be kept; nothing when it heard that already.
fn instead(command: Command, error: &StoreError) -> Option<Command> {
    let (kind, what) = match error {
        StoreError::TooLarge { .. } => (ErrorKind::LimitReached, "is too large"),
        // The same again would be refused again, and what the call did would be done again.
        _ => (ErrorKind::InvalidInput, "cannot be kept"),
    };
    let message = format!("What the step gave, or what follows from it, {what}: {error}.");
    match command {
        Command::Block { .. } => None,
        Command::CallSucceeded { call, attempt, .. } => Some(Command::CallFailed {
            call,
            attempt,
            error: StepError::new(kind, message),
            retry_after_ms: None,
        }),
        _ => Some(Command::Block { reason: message, activation: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox::id::CallId;

    #[test]
    fn what_cannot_be_kept_fails_the_step_and_then_holds_the_run() {
        let call = CallId(uuid::Uuid::nil());
        let output = serde_json::Value::Null;
        let succeeded = Command::CallSucceeded { call, attempt: 1, output, usage: None };
        let refused = StoreError::Constraint("approvals.prompt".into());
        let failed = instead(succeeded.clone(), &refused).expect("something else");
        let Command::CallFailed { error, .. } = &failed else { panic!("{failed:?}") };
        assert!(!error.kind.may_retry() && error.message.contains("approvals.prompt"), "{error}");
        let held = instead(failed, &refused).expect("something else");
        assert!(matches!(held, Command::Block { activation: None, .. }), "{held:?}");
        assert_eq!(instead(held, &refused), None);
        let large = StoreError::TooLarge { what: "an event", size: 2, limit: 1 };
        let failed = instead(succeeded, &large).expect("something else");
        let Command::CallFailed { error, .. } = failed else { panic!("{failed:?}") };
        assert_eq!(error.kind, ErrorKind::LimitReached);
    }
}

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
                Err(EngineError::Store(error @ StoreError::TooLarge { .. })) => {
                    tracing::warn!(%run, %error, "a command is too large");
                    command = smaller(command, &error)?;
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

/// What the run is told instead of something that it cannot keep; nothing when it heard that already.
fn smaller(command: Command, error: &StoreError) -> Option<Command> {
    let message = format!("What the step gave, or what follows from it, is too large: {error}.");
    match command {
        Command::Block { .. } => None,
        Command::CallSucceeded { call, attempt, .. } => Some(Command::CallFailed {
            call,
            attempt,
            error: StepError::new(ErrorKind::LimitReached, message),
            retry_after_ms: None,
        }),
        _ => Some(Command::Block { reason: message, activation: None }),
    }
}

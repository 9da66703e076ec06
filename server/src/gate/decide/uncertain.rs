//! What became of an interrupted sending: a person says it.

use super::{Decider, Inner};
use crate::{
    gate::{DecideError, Gate, ride, save_as},
    store::{self, Approval, Decided, Message},
};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use signalbox::{
    run::{Command, ErrorKind, StepError},
    wire::{ApprovalState, Decide, MessageState, UncertainChoice},
};

impl Gate {
    pub(super) async fn uncertain_resolve(
        &self,
        decider: &Decider,
        approval: &Approval,
        decide: &Decide,
    ) -> Inner {
        let choice = decide.uncertain.ok_or(DecideError::Invalid {
            field: "uncertain",
            message: "say mark_sent, resend or drop".into(),
        })?;
        let id = approval.request.message.ok_or(DecideError::NotFound)?;
        let organization = decider.organization;
        let mut message = store::message_fetch(self.store(), organization, id).await?;
        let decided = self.decided(decider, decide);
        apply(&mut message, choice, &decided.by, decided.at);
        let command = self.command_of(&message, choice, decided.at).await;
        let (approval, revision) = (approval.request.id, approval.revision);
        let write = ride(move |tx| {
            let decided: Decided = decided.clone();
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                let state = apply(&mut message, choice, &decided.by, decided.at);
                let closed = match choice {
                    UncertainChoice::Drop => ApprovalState::Rejected,
                    _ => ApprovalState::Approved,
                };
                store::approval_close(tx, organization, approval, Some(revision), closed, &decided)
                    .await?;
                save_as(tx, &mut message, state, decided.at).await
            }
            .boxed()
        });
        self.tell_or_write(organization, message.run, command, write).await?;
        self.wake();
        Ok(())
    }

    async fn command_of(
        &self,
        message: &Message,
        choice: UncertainChoice,
        now: DateTime<Utc>,
    ) -> Option<Command> {
        let call = message.call?;
        Some(match choice {
            UncertainChoice::MarkSent => Command::CallSucceeded {
                call,
                attempt: message.call_attempt,
                output: self.output(message).await,
                usage: None,
            },
            UncertainChoice::Resend => Command::MessageMoved {
                call,
                message: message.id,
                state: "queued".into(),
                detail: message.detail.clone(),
                until: Some(now),
            },
            UncertainChoice::Drop => Command::CallFailed {
                call,
                attempt: message.call_attempt,
                error: StepError::new(ErrorKind::HumanRejected, message.detail.clone()),
                retry_after_ms: None,
            },
        })
    }
}

/// Changes the message as a person said; gives the state it goes to.
fn apply(
    message: &mut Message,
    choice: UncertainChoice,
    by: &str,
    now: DateTime<Utc>,
) -> MessageState {
    match choice {
        UncertainChoice::MarkSent => {
            message.sent_at = Some(now);
            message.detail = format!("{by} says that it arrived.");
            MessageState::Accepted
        }
        UncertainChoice::Resend => {
            message.due_at = Some(now);
            message.detail = format!("{by} sends it again, although it may arrive twice.");
            MessageState::Queued
        }
        UncertainChoice::Drop => {
            message.due_at = None;
            message.detail = format!("{by} does not send it again.");
            MessageState::Cancelled
        }
    }
}

//! Messages whose sending was interrupted: begun, and no outcome on disk.

use super::{Gate, ride, save_as};
use crate::store::{self, Message, NewApproval, StoreError, StoreResult, Tx};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use signalbox::{
    id::{ApprovalId, MessageId, OrganizationId},
    run::{ApprovalKind, Command},
    wire::MessageState,
};

impl Gate {
    /// Finds sendings that nobody carries out any more. Those whose attempt had no effect outside the
    /// database are repeated; about the others a person is asked. Gives how many were found.
    pub(super) async fn doubt(&self, now: DateTime<Utc>) -> StoreResult<usize> {
        let mut found = 0;
        for message in store::messages_in_flight(self.store(), now, 200).await? {
            if self.busy().contains_key(&message.id) {
                continue;
            }
            let moved = if message.sandbox {
                self.requeue(&message, now).await
            } else {
                let detail = format!(
                    "Sending to {} was begun at {} and the server stopped before the outcome was known.",
                    message.content.to,
                    message.updated_at.format("%Y-%m-%d %H:%M:%S UTC")
                );
                self.uncertain(&message, &detail, now).await
            };
            match moved {
                Ok(()) => found += 1,
                // It holds up nobody else; the next look finds it again.
                Err(error) => {
                    tracing::error!(%error, id = %message.id, "an interrupted message cannot be moved on");
                }
            }
        }
        Ok(found)
    }

    async fn requeue(&self, message: &Message, now: DateTime<Utc>) -> StoreResult<()> {
        let (organization, id) = (message.organization, message.id);
        self.write(ride(move |tx| {
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                if message.state != MessageState::InFlight {
                    return Ok(());
                }
                message.due_at = Some(now);
                save_as(tx, &mut message, MessageState::Queued, now).await
            }
            .boxed()
        }))
        .await
    }

    /// The message may have left: it asks a person.
    pub(super) async fn uncertain(
        &self,
        message: &Message,
        detail: &str,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let (organization, id, attempt) = (message.organization, message.id, message.attempts);
        let text = detail.to_owned();
        let write = ride(move |tx| {
            let text = text.clone();
            async move { mark(tx, organization, id, attempt, &text, now).await }.boxed()
        });
        let command = message.call.map(|call| Command::MessageMoved {
            call,
            message: id,
            state: "uncertain".into(),
            detail: detail.to_owned(),
            until: None,
        });
        match self.tell_or_write(organization, message.run, command, write).await {
            // Another server has seen to it meanwhile: the run is told once.
            Err(StoreError::Conflict { what: IN_DOUBT }) => Ok(()),
            other => other,
        }
    }
}

/// What a conflict names when a message is not on its way any more, or begun anew.
const IN_DOUBT: &str = "the message in doubt";

async fn mark(
    tx: &mut Tx,
    organization: OrganizationId,
    id: MessageId,
    attempt: u32,
    detail: &str,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let mut message = store::message_fetch_in(tx, organization, id).await?;
    if message.state != MessageState::InFlight || message.attempts != attempt {
        return Err(StoreError::Conflict { what: IN_DOUBT });
    }
    message.detail = detail.to_owned();
    message.due_at = None;
    save_as(tx, &mut message, MessageState::Uncertain, now).await?;
    // One request an attempt: a message may be interrupted again after a person sent it again.
    let approval = ApprovalId::derive(id.0, &["uncertain", &message.attempts.to_string()]);
    let title = format!("Did this email arrive? {}", message.content.subject);
    let mut new = NewApproval::new(organization, approval, ApprovalKind::Uncertain, title);
    new.run = message.run;
    new.node = message.node.clone();
    new.message = Some(id);
    new.prompt = detail.to_owned();
    new.priority = "high".into();
    new.content_hash = Some(message.content_hash.clone());
    store::approval_open(tx, &new, now).await
}

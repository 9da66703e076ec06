//! Decisions about a message: approve, edit, reject, take back, let it expire.

use super::{Decider, Inner};
use crate::{
    channel::check_line,
    gate::{DecideError, Gate, content_hash, draft::parked, ride, save_as, tracking, verdict},
    store::{self, Approval, ApprovedContent, Decided, Message, StoreError, StoreResult, Tx},
};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use serde_json::Value;
use signalbox::{
    run::{Command, Decision},
    wire::{ApprovalState, Decide, MessageEdit, MessageState},
};

impl Gate {
    /// The message of an approval.
    async fn message_of(&self, approval: &Approval) -> Result<Message, DecideError> {
        let id = approval.request.message.ok_or(DecideError::NotFound)?;
        Ok(store::message_fetch(self.store(), approval.request.organization, id).await?)
    }

    pub(super) async fn message_approve(
        &self,
        decider: &Decider,
        approval: &Approval,
        decide: &Decide,
    ) -> Inner {
        let message = self.message_of(approval).await?;
        let edits = checked_edits(decide.edits.as_ref(), &message)?;
        let channel = self.channels().of(&message).await?;
        let facts = self.facts(&message, channel.as_ref()).await?;
        let judged = verdict::judge(&facts);
        if judged.verdict == "refuse" {
            let text = format!("{} Reject the message.", judged.because);
            return Err(self.not_here(approval, &text).await?);
        }
        let (account, from) = match facts.account == facts.account_now {
            true => (None, None),
            // The card is shown with the channel as it was; approving must not send through another.
            false => (Some(channel.account().to_owned()), Some(channel.from().to_owned())),
        };
        if let (Some(account), Some(from)) = (account, from) {
            self.message_readdress(approval, account, from, channel.is_sandbox()).await?;
            let current = self.approval_of(decider.organization, approval.request.id).await?;
            return Err(DecideError::Conflict(Box::new(self.approval_view_of(&current).await?)));
        }
        let general = self.channels().settings().general(decider.organization).await?;
        let hold = TimeDelta::milliseconds(i64::from(general.email_hold_ms));
        let decided = self.decided(decider, decide);
        let gate_hold = hold_by_gate(&facts, &decider.name, self.now() + hold);
        let (organization, id, message_id) =
            (decider.organization, approval.request.id, message.id);
        let revision = approval.revision;
        let held_by_gate = gate_hold.clone();
        let ride_decided = decided.clone();
        let write = ride(move |tx| {
            let (edits, decided) = (edits.clone(), ride_decided.clone());
            let gate_hold = held_by_gate.clone();
            async move {
                let mut message = store::message_fetch_in(tx, organization, message_id).await?;
                let revision = match &edits {
                    Some(edits) => revise(tx, &mut message, id, revision, edits, &decided).await?,
                    None => revision,
                };
                let state = ApprovalState::Approved;
                store::approval_close(tx, organization, id, Some(revision), state, &decided)
                    .await?;
                let hash = content_hash(&message.content);
                message.approved =
                    Some(ApprovedContent { hash, by: decided.by.clone(), at: decided.at });
                message.stale = String::new();
                message.gate_held = gate_hold.is_some();
                message.detail = gate_hold.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
                message.due_at = Some(match gate_hold {
                    Some((Some(until), _)) => until,
                    // As long as nobody lets outbound go on it can be taken back.
                    Some((None, _)) => decided.at,
                    None => decided.at + hold,
                });
                save_as(tx, &mut message, MessageState::Held, decided.at).await
            }
            .boxed()
        });
        let command = Command::DecideApproval {
            approval: id,
            decision: Decision::Approve { answer: Value::Null },
            by: decider.name.clone(),
        };
        self.decided_tell(approval, message.run, command, write).await?;
        let by = &decider.name;
        if let Some((until, why)) = gate_hold {
            self.note_held(&message, until, format!("Approved by {by}. {why}")).await;
        } else if !hold.is_zero() {
            // Without a hold it may have left by now: the note would come too late.
            let detail = format!("Approved by {by}; it can be taken back until it leaves.");
            self.note_held(&message, Some(decided.at + hold), detail).await;
        }
        self.wake();
        Ok(())
    }

    /// A line in the timeline; the decision stands without it.
    async fn note_held(&self, message: &Message, until: Option<DateTime<Utc>>, detail: String) {
        let Some(call) = message.call else { return };
        let command = Command::MessageMoved {
            call,
            message: message.id,
            state: "held".into(),
            detail,
            until,
        };
        let nothing = ride(|_| async { Ok(()) }.boxed());
        if let Err(error) =
            self.tell(message.organization, message.run, Some(command), nothing).await
        {
            tracing::debug!(%error, "the hold was not noted in the timeline");
        }
    }

    pub(super) async fn message_edit(
        &self,
        decider: &Decider,
        approval: &Approval,
        decide: &Decide,
    ) -> Inner {
        let message = self.message_of(approval).await?;
        let edits =
            checked_edits(decide.edits.as_ref(), &message)?.ok_or(DecideError::Invalid {
                field: "edits",
                message: "nothing is changed: give a subject or a text".into(),
            })?;
        let decided = self.decided(decider, decide);
        let (organization, id, revision) =
            (decider.organization, approval.request.id, approval.revision);
        let write = ride(move |tx| {
            let (edits, decided) = (edits.clone(), decided.clone());
            async move {
                let mut message = store::message_fetch_in(tx, organization, message.id).await?;
                revise(tx, &mut message, id, revision, &edits, &decided).await?;
                save_as(tx, &mut message, MessageState::PendingApproval, decided.at).await
            }
            .boxed()
        });
        Ok(self.write(write).await?)
    }

    pub(super) async fn message_reject(
        &self,
        decider: &Decider,
        approval: &Approval,
        decide: &Decide,
    ) -> Inner {
        let message = self.message_of(approval).await?;
        let decided = self.decided(decider, decide);
        let (organization, id, revision) =
            (decider.organization, approval.request.id, approval.revision);
        let write = ride(move |tx| {
            let decided = decided.clone();
            async move {
                // The message before its approval, as everywhere.
                let mut message = store::message_fetch_in(tx, organization, message.id).await?;
                let state = ApprovalState::Rejected;
                store::approval_close(tx, organization, id, Some(revision), state, &decided)
                    .await?;
                message.detail = match decided.reason.trim() {
                    "" => format!("Rejected by {}.", decided.by),
                    reason => format!("Rejected by {}: {reason}", decided.by),
                };
                save_as(tx, &mut message, MessageState::Rejected, decided.at).await
            }
            .boxed()
        });
        let command = Command::DecideApproval {
            approval: id,
            decision: Decision::Reject { reason: decide.reason.clone(), retry: false },
            by: decider.name.clone(),
        };
        self.decided_tell(approval, message.run, command, write).await
    }

    /// Takes an approval back while the message is still held.
    pub(super) async fn message_undo(&self, approval: &Approval) -> Inner {
        let message = self.message_of(approval).await?;
        let now = self.now();
        let leaves = message.due_at.is_none_or(|at| at <= now) && !message.waits_without_time();
        if message.state != MessageState::Held || leaves {
            return Err(self.not_here(approval, "it is not held any more").await?);
        }
        let write = unapprove(&message, "", now);
        let command = message.call.map(|call| parked(call, &message));
        Ok(self.tell_or_write(message.organization, message.run, command, write).await?)
    }

    /// The channel was changed since the draft was made: a new revision through the new one.
    pub(in crate::gate) async fn message_readdress(
        &self,
        approval: &Approval,
        account: String,
        from: String,
        sandbox: bool,
    ) -> Inner {
        let Some(id) = approval.request.message else { return Err(DecideError::NotFound) };
        let (organization, approval, revision) =
            (approval.request.organization, approval.request.id, approval.revision);
        let now = self.now();
        let write = ride(move |tx| {
            let (account, from) = (account.clone(), from.clone());
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                message.content.account = account;
                message.content.from = from;
                message.sandbox = sandbox;
                message.stale = "The email channel was changed.".into();
                let author = "Signalbox (the email channel was changed)";
                new_revision(tx, &mut message, approval, revision, author, now).await?;
                save_as(tx, &mut message, MessageState::PendingApproval, now).await
            }
            .boxed()
        });
        Ok(self.write(write).await?)
    }

    /// Nobody decided in time.
    pub(super) async fn message_expire(&self, message: &Message) -> StoreResult<()> {
        let Some(approval) = message.approval else { return Ok(()) };
        let (organization, id, now) = (message.organization, message.id, self.now());
        let write = ride(move |tx| {
            async move {
                let mut message = store::message_fetch_in(tx, organization, id).await?;
                message.detail = "Nobody decided in time.".into();
                let decided = Decided {
                    by: String::new(),
                    at: now,
                    reason: message.detail.clone(),
                    answer: Value::Null,
                };
                let state = ApprovalState::Expired;
                store::approval_close(tx, organization, approval, None, state, &decided).await?;
                save_as(tx, &mut message, MessageState::Expired, now).await
            }
            .boxed()
        });
        let command = Command::DecideApproval {
            approval,
            decision: Decision::Expire,
            by: "the clock".into(),
        };
        match self.tell_or_write(organization, message.run, Some(command), write).await {
            Err(StoreError::Conflict { .. }) => Ok(()), // decided in the last moment
            other => other,
        }
    }
}

/// Until when and why the gate will hold a message once it is approved, where that is longer than the time
/// in which it can be taken back anyway. No time: until a person lets outbound go on.
fn hold_by_gate(
    facts: &verdict::Facts,
    by: &str,
    otherwise: DateTime<Utc>,
) -> Option<(Option<DateTime<Utc>>, String)> {
    let approval = verdict::ApprovalFact::Given { by: by.to_owned() };
    let judged = verdict::judge(&verdict::Facts { approval, ..facts.clone() });
    if judged.verdict != "hold" {
        return None;
    }
    if facts.pause.is_some() {
        return Some((None, judged.because));
    }
    let until = judged.not_before.filter(|at| *at > otherwise)?;
    Some((Some(until), judged.because))
}

/// Puts an approved, unsent message back into the inbox. `stale` says why, if it was not a person.
pub(in crate::gate) fn unapprove(
    message: &Message,
    stale: &str,
    now: DateTime<Utc>,
) -> crate::gate::Ride {
    let (organization, id, approval) = (message.organization, message.id, message.approval);
    let stale = stale.to_owned();
    ride(move |tx| {
        let stale = stale.clone();
        async move {
            let mut message = store::message_fetch_in(tx, organization, id).await?;
            message.approved = None;
            message.due_at = None;
            if std::mem::take(&mut message.gate_held) {
                // It said when it would leave.
                message.detail.clear();
            }
            message.stale = stale;
            save_as(tx, &mut message, MessageState::PendingApproval, now).await?;
            let Some(approval) = approval else { return Ok(()) };
            let from = ApprovalState::Approved;
            store::approval_reopen(tx, organization, approval, from, now).await
        }
        .boxed()
    })
}

/// Edits that change something, checked.
fn checked_edits(
    edits: Option<&MessageEdit>,
    message: &Message,
) -> Result<Option<MessageEdit>, DecideError> {
    let Some(edits) = edits else { return Ok(None) };
    let wrong = |field, message| DecideError::Invalid { field, message };
    if let Some(subject) = &edits.subject {
        if subject.trim().is_empty() {
            return Err(wrong("edits.subject", "the subject is empty".into()));
        }
        check_line("the subject", subject).map_err(|message| wrong("edits.subject", message))?;
    }
    if edits.text.as_ref().is_some_and(|text| text.trim().is_empty()) {
        return Err(wrong("edits.text", "the text is empty".into()));
    }
    if edits.text.as_ref().is_some_and(|text| text.len() > 512 * 1024) {
        return Err(wrong("edits.text", "the text is larger than 512 KiB".into()));
    }
    let changed = |new: &Option<String>, old: &str| {
        new.as_ref().is_some_and(|new| new.replace("\r\n", "\n") != old)
    };
    let content = &message.content;
    let changes = changed(&edits.subject, &content.subject) || changed(&edits.text, &content.text);
    Ok(changes.then(|| edits.clone()))
}

/// Applies edits as a new revision; gives its number. The caller saves the message.
async fn revise(
    tx: &mut Tx,
    message: &mut Message,
    approval: signalbox::id::ApprovalId,
    revision: u32,
    edits: &MessageEdit,
    decided: &Decided,
) -> StoreResult<u32> {
    if let Some(subject) = &edits.subject {
        message.content.subject = subject.trim().to_owned();
    }
    if let Some(text) = &edits.text {
        let text = text.replace("\r\n", "\n");
        if text != message.content.text {
            // The HTML part said the old text; what was looked at and edited is the plain one.
            // The pixel of tracked opens stays.
            let before = message.content.html.take();
            message.content.html =
                before.and_then(|before| tracking::html_of_edited(&text, &before));
        }
        message.content.text = text;
    }
    message.stale = String::new();
    new_revision(tx, message, approval, revision, &decided.by, decided.at).await
}

async fn new_revision(
    tx: &mut Tx,
    message: &mut Message,
    approval: signalbox::id::ApprovalId,
    revision: u32,
    author: &str,
    now: DateTime<Utc>,
) -> StoreResult<u32> {
    message.content = std::mem::take(&mut message.content).as_kept();
    message.content_hash = content_hash(&message.content);
    message.revision += 1;
    store::message_revision_insert(tx, message, author, now).await?;
    let title = message.content.subject.clone();
    let hash = Some(message.content_hash.as_slice());
    store::approval_revise(tx, message.organization, approval, revision, &title, hash, now).await
}

//! Decisions about approvals, whoever asked for them.
//!
//! A decision names the revision it looked at. What it changes and what it tells the run are one
//! commit. The same decision twice is one decision.

mod message;
mod uncertain;

pub(super) use message::unapprove;

use super::{Gate, TellError, ride};
use crate::{
    setting::SettingError,
    store::{self, Approval, Decided, StoreError},
};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde_json::Value;
use signalbox::{
    id::{ApprovalId, OrganizationId, UserId},
    run::{ApprovalKind, Command, Decision, Refusal},
    wire::{ApiError, ApprovalState, ApprovalView, Decide, DecideKind, DecideOutcome, ErrorCode},
};

/// Who decides.
#[derive(Clone, Debug)]
pub struct Decider {
    /// In which organisation.
    pub organization: OrganizationId,
    /// The person, where it is one.
    pub user: Option<UserId>,
    /// As people read it.
    pub name: String,
    /// May approve and reject.
    pub may_approve: bool,
    /// May say what became of an interrupted sending.
    pub may_resolve: bool,
}

/// Why a decision was not taken. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such approval in this organisation.
    #[error("there is no such approval")]
    NotFound,
    /// It was changed since it was looked at.
    #[error("it was changed since you looked at it: look at revision {} and decide again", .0.revision)]
    Conflict(Box<ApprovalView>),
    /// Its state does not allow that.
    #[error("{message}")]
    WrongState {
        /// What stands against it and what to do.
        message: String,
        /// As it is now.
        approval: Box<ApprovalView>,
    },
    /// A value breaks a rule.
    #[error("{field}: {message}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The decider may not do that.
    #[error("your role does not allow this decision")]
    Forbidden,
    /// A setting cannot be read.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DecideError> for ApiError {
    fn from(error: DecideError) -> Self {
        let message = error.to_string();
        let (code, details) = match error {
            DecideError::NotFound | DecideError::Store(StoreError::NotFound { .. }) => {
                (ErrorCode::NotFound, Value::Null)
            }
            DecideError::Conflict(view) => (ErrorCode::Conflict, json_of(&view)),
            DecideError::WrongState { approval, .. } => (ErrorCode::WrongState, json_of(&approval)),
            DecideError::Invalid { field, .. } => {
                (ErrorCode::InvalidValue, serde_json::json!({ "field": field }))
            }
            DecideError::Forbidden => (ErrorCode::Forbidden, Value::Null),
            DecideError::Store(StoreError::Conflict { .. }) => (ErrorCode::Conflict, Value::Null),
            DecideError::Store(StoreError::Unavailable(_)) => (ErrorCode::Unavailable, Value::Null),
            DecideError::Setting(_) | DecideError::Store(_) => (ErrorCode::Internal, Value::Null),
        };
        Self::new(code, message).details(details)
    }
}

fn json_of(view: &ApprovalView) -> Value {
    serde_json::to_value(view).unwrap_or(Value::Null)
}

/// What deciding gives inside: the store's refusals still raw.
type Inner = Result<(), DecideError>;

impl Gate {
    /// Decides about an approval.
    pub async fn decide(
        &self,
        decider: &Decider,
        id: ApprovalId,
        decide: &Decide,
    ) -> Result<DecideOutcome, DecideError> {
        let allowed = match decide.decision {
            DecideKind::Resolve => decider.may_resolve,
            _ => decider.may_approve,
        };
        if !allowed {
            return Err(DecideError::Forbidden);
        }
        // The decision runs to its end even when the caller goes away in the middle.
        let (gate, decider, decide) = (self.clone(), decider.clone(), decide.clone());
        let work = tokio::spawn(async move { gate.decide_now(&decider, id, &decide).await });
        work.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable("the decision broke off; look at it again".into()).into())
        })
    }

    async fn decide_now(
        &self,
        decider: &Decider,
        id: ApprovalId,
        decide: &Decide,
    ) -> Result<DecideOutcome, DecideError> {
        let approval = self.approval_of(decider.organization, id).await?;
        if self.is_repeated(&approval, decider, decide).await? {
            return self.outcome(decider, id).await;
        }
        if decide.decision != DecideKind::Undo {
            self.check_open(&approval, decide).await?;
        }
        let kind = approval.request.kind;
        let done = match (kind, decide.decision) {
            (ApprovalKind::Message, DecideKind::Approve) => {
                self.message_approve(decider, &approval, decide).await
            }
            (ApprovalKind::Message, DecideKind::Edit) => {
                self.message_edit(decider, &approval, decide).await
            }
            (ApprovalKind::Message, DecideKind::Reject) => {
                self.message_reject(decider, &approval, decide).await
            }
            (ApprovalKind::Message, DecideKind::Undo) => self.message_undo(&approval).await,
            (ApprovalKind::Uncertain, DecideKind::Resolve) => {
                self.uncertain_resolve(decider, &approval, decide).await
            }
            (ApprovalKind::Uncertain, _) => Err(self
                .not_here(
                    &approval,
                    "say whether it arrived: mark it as sent, send it again or drop it",
                )
                .await?),
            (_, DecideKind::Approve | DecideKind::Reject) => {
                self.request_decide(decider, &approval, decide).await
            }
            _ => Err(self.not_here(&approval, "it can only be approved or rejected").await?),
        };
        match done {
            Ok(()) => self.outcome(decider, id).await,
            // Somebody was faster: say what is there now.
            Err(DecideError::Store(StoreError::Conflict { .. })) => {
                let approval = self.approval_after_writes(decider.organization, id).await?;
                if self.is_repeated(&approval, decider, decide).await? {
                    return self.outcome(decider, id).await;
                }
                Err(DecideError::Conflict(Box::new(self.approval_view_of(&approval).await?)))
            }
            Err(error) => Err(error),
        }
    }

    async fn approval_of(
        &self,
        organization: OrganizationId,
        id: ApprovalId,
    ) -> Result<Approval, DecideError> {
        match store::approval_fetch(self.store(), organization, id).await {
            Err(StoreError::NotFound { .. }) => Err(DecideError::NotFound),
            other => Ok(other?),
        }
    }

    /// An approval as it is after the writes that were begun before: they may not be visible to readers yet.
    async fn approval_after_writes(
        &self,
        organization: OrganizationId,
        id: ApprovalId,
    ) -> Result<Approval, DecideError> {
        let read = self.store().write(move |tx| {
            async move { store::approval_fetch_in(tx, organization, id).await }.boxed()
        });
        Ok(read.await?)
    }

    /// The same decision by the same person about the same revision, once more.
    async fn is_repeated(
        &self,
        approval: &Approval,
        decider: &Decider,
        decide: &Decide,
    ) -> Result<bool, DecideError> {
        let same = match decide.decision {
            DecideKind::Approve => approval.state == ApprovalState::Approved,
            DecideKind::Reject => approval.state == ApprovalState::Rejected,
            DecideKind::Resolve => approval.state == ApprovalState::Approved,
            DecideKind::Edit | DecideKind::Undo => false,
        };
        let edited =
            u32::from(decide.edits.as_ref().is_some_and(|edits| *edits != Default::default()));
        let by_same = approval.decided.as_ref().is_some_and(|decided| decided.by == decider.name);
        let revision = decide.revision == approval.revision
            || decide.revision.saturating_add(edited) == approval.revision;
        Ok(same && by_same && revision)
    }

    async fn check_open(&self, approval: &Approval, decide: &Decide) -> Inner {
        if approval.state != ApprovalState::Pending {
            let word = approval.state.as_str();
            let by = approval.decided.as_ref().map(|decided| format!(" by {}", decided.by));
            let text = format!("it is {word} already{}", by.unwrap_or_default());
            return Err(self.not_here(approval, &text).await?);
        }
        if decide.revision != approval.revision {
            return Err(DecideError::Conflict(Box::new(self.approval_view_of(approval).await?)));
        }
        let now = self.now();
        if approval.request.expires_at.is_some_and(|at| at <= now) {
            return Err(self.not_here(approval, "its time is over; it expires now").await?);
        }
        Ok(())
    }

    async fn not_here(&self, approval: &Approval, text: &str) -> Result<DecideError, DecideError> {
        let view = self.approval_view_of(approval).await?;
        Ok(DecideError::WrongState { message: text.to_owned(), approval: Box::new(view) })
    }

    /// A run's own request (human node, review) or one made by a workflow about a resource.
    async fn request_decide(
        &self,
        decider: &Decider,
        approval: &Approval,
        decide: &Decide,
    ) -> Inner {
        let approve = decide.decision == DecideKind::Approve;
        if approve {
            check_answer(approval, &decide.answer)?;
        }
        let decision = match approve {
            true => Decision::Approve { answer: decide.answer.clone() },
            false => Decision::Reject { reason: decide.reason.clone(), retry: decide.retry },
        };
        let state = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
        let (organization, id) = (approval.request.organization, approval.request.id);
        let decided = self.decided(decider, decide);
        let revision = approval.revision;
        let write = ride(move |tx| {
            let decided = decided.clone();
            async move {
                let current = store::approval_fetch_in(tx, organization, id).await?;
                // The run's own commit may have closed the row by the same decision.
                if current.state == state {
                    return Ok(());
                }
                store::approval_close(tx, organization, id, Some(revision), state, &decided).await
            }
            .boxed()
        });
        let run = approval.request.run.filter(|_| approval.request.kind != ApprovalKind::Resource);
        let command = Command::DecideApproval { approval: id, decision, by: decider.name.clone() };
        self.decided_tell(approval, run, command, write).await
    }

    /// Tells the run about a decision; a run that does not wait for it makes the decision void.
    async fn decided_tell(
        &self,
        approval: &Approval,
        run: Option<signalbox::id::RunId>,
        command: Command,
        write: super::Ride,
    ) -> Inner {
        let organization = approval.request.organization;
        match self.tell(organization, run, Some(command), write).await {
            Ok(()) => Ok(()),
            Err(TellError::Store(error)) => Err(error.into()),
            Err(TellError::Refused(Refusal::Unchangeable { why })) => {
                Err(DecideError::Invalid { field: "answer", message: why })
            }
            Err(TellError::Refused(refusal)) => {
                let current = self.approval_of(organization, approval.request.id).await?;
                let text = format!("the run does not wait for it any more ({refusal})");
                Err(self.not_here(&current, &text).await?)
            }
        }
    }

    fn decided(&self, decider: &Decider, decide: &Decide) -> Decided {
        Decided {
            by: decider.name.clone(),
            at: self.now(),
            reason: decide.reason.clone(),
            answer: decide.answer.clone(),
        }
    }

    async fn outcome(
        &self,
        decider: &Decider,
        id: ApprovalId,
    ) -> Result<DecideOutcome, DecideError> {
        let approval = self.approval_view(decider.organization, id).await?;
        Ok(DecideOutcome { held_until: approval.held_until, approval, by: decider.user })
    }

    /// Closes requests about resources and messages that nobody decided in time. Gives how many.
    pub(super) async fn expire(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let mut expired = 0;
        for message in store::messages_expired(self.store(), now, 100).await? {
            match self.message_expire(&message).await {
                Ok(()) => expired += 1,
                // It holds up nobody else; the next look finds it again.
                Err(error) => {
                    tracing::error!(%error, id = %message.id, "a message cannot be expired");
                }
            }
        }
        for (organization, id) in store::approvals_resource_expired(self.store(), now, 100).await? {
            let decided = Decided {
                by: String::new(),
                at: now,
                reason: "Nobody decided in time.".into(),
                answer: Value::Null,
            };
            let write = self.store().write(move |tx| {
                async move {
                    let state = ApprovalState::Expired;
                    store::approval_close(tx, organization, id, None, state, &decided).await
                }
                .boxed()
            });
            match write.await {
                Ok(()) => expired += 1,
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired)
    }
}

/// An answer must satisfy the form.
fn check_answer(approval: &Approval, answer: &Value) -> Inner {
    let form = &approval.request.form;
    let required = approval.request.kind == ApprovalKind::Answer;
    if form.is_null() || (answer.is_null() && !required) {
        return Ok(());
    }
    let wrong = |message: String| DecideError::Invalid { field: "answer", message };
    let validator = jsonschema::validator_for(form)
        .map_err(|error| wrong(format!("the form itself is not valid: {error}")))?;
    match validator.iter_errors(answer).next() {
        None => Ok(()),
        Some(error) => {
            let at = error.instance_path().to_string();
            let at = if at.is_empty() { String::new() } else { format!(" (at {at})") };
            Err(wrong(format!("{error}{at}")))
        }
    }
}

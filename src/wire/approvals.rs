//! Approvals and messages: what the inbox shows and how it decides.

use crate::id::{ApprovalId, ContactId, MessageId, NodeId, RunId, UserId, WorkflowId};
use crate::run::ApprovalKind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where an approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Waits for a person.
    Pending,
    /// Approved.
    Approved,
    /// Rejected.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Nobody needs to decide any more.
    Withdrawn,
}

impl ApprovalState {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Rejected, Self::Expired, Self::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A row of the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApprovalView {
    /// Its id.
    pub id: ApprovalId,
    /// What kind of decision.
    pub kind: ApprovalKind,
    /// Where it is.
    pub state: ApprovalState,
    /// One line: the subject, the question.
    pub title: String,
    /// Whom it is about: `Ada Lovelace <ada@example.com>`.
    pub recipient: String,
    /// The beginning of the body.
    pub excerpt: String,
    /// The run that waits, if one does.
    pub run: Option<RunId>,
    /// The workflow's id and name.
    pub workflow: Option<(WorkflowId, String)>,
    /// Counts the edits; deciding names it.
    pub revision: u32,
    /// `low`, `medium`, `high`, `urgent`.
    pub priority: String,
    /// Somebody or something changed since it was written; look again before approving.
    pub stale: bool,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// By whom.
    pub decided_by: Option<String>,
    /// The message is held until then; the decision can be undone.
    pub held_until: Option<DateTime<Utc>>,
    /// Where its message is.
    pub message_state: Option<MessageState>,
    /// Nobody decided in time: whom it is meant for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_to: Option<String>,
}

/// `GET /api/approvals/{id}`: all that a person needs to decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApprovalDetail {
    /// The row.
    pub approval: ApprovalView,
    /// The question or instruction, for human nodes.
    pub prompt: String,
    /// What is decided about, for human nodes and reviews.
    pub subject: Value,
    /// JSON Schema of the answer's form.
    pub form: Value,
    /// The finished message, for messages.
    pub message: Option<MessageView>,
    /// Where the message's tracked links lead.
    #[serde(default)]
    pub links: Vec<TrackedLink>,
    /// The revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Why it exists.
    pub because: Because,
    /// The send gate's verdict now.
    pub gate: Option<GateVerdict>,
    /// What the decider said.
    pub reason: String,
}

/// A link of a message whose clicks are noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TrackedLink {
    /// As it stands in the message.
    pub address: String,
    /// Where it leads.
    pub url: String,
}

/// Why an approval exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Because {
    /// The node that made it.
    pub node: Option<NodeId>,
    /// The node's title.
    pub node_title: String,
    /// Who or what started the run.
    pub started_by: String,
    /// The run's input.
    pub input: Value,
    /// What the step was given.
    pub parameters: Value,
    /// The model that wrote the text, if one did; with the word sandbox where it was the sandbox's.
    pub written_by: String,
}

/// Channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum MessageChannel {
    Email,
    Sms,
    Voice,
}

/// A message, exactly as it will leave or left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// Its channel.
    pub channel: MessageChannel,
    /// Where it is.
    pub state: MessageState,
    /// The contact, if the recipient is one.
    pub contact: Option<ContactId>,
    /// The sender as it will stand in the message.
    pub from: String,
    /// The recipient as it will stand in the message.
    pub to: String,
    /// Where answers go, if elsewhere.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML part, if there is one.
    pub html: Option<String>,
    /// SHA-256 of the canonical bytes, in hex.
    pub content_hash: String,
    /// Which channel account carries it: `sandbox`, or `smtp host:port`.
    pub via: String,
    /// Leaves to nobody: it goes to the sandbox mailbox.
    pub sandbox: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it left.
    pub sent_at: Option<DateTime<Utc>>,
    /// The run that made it.
    pub run: Option<RunId>,
    /// Why it failed, or what is known of an interrupted sending.
    pub detail: String,
}

/// Where a message is (reliability.md 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum MessageState {
    PendingApproval,
    Held,
    Queued,
    InFlight,
    Accepted,
    Delivered,
    Bounced,
    RetryWait,
    FailedPermanent,
    Rejected,
    Expired,
    Cancelled,
    Refused,
    Uncertain,
}

impl MessageState {
    /// All states.
    pub const ALL: [Self; 14] = [
        Self::PendingApproval,
        Self::Held,
        Self::Queued,
        Self::InFlight,
        Self::Accepted,
        Self::Delivered,
        Self::Bounced,
        Self::RetryWait,
        Self::FailedPermanent,
        Self::Rejected,
        Self::Expired,
        Self::Cancelled,
        Self::Refused,
        Self::Uncertain,
    ];
}

/// One revision of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revision {
    /// From 1.
    pub number: u32,
    /// Who wrote it: a person, or the step.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// SHA-256 of the canonical bytes, in hex.
    pub content_hash: String,
}

/// The send gate's verdict as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GateVerdict {
    /// `send`, `hold`, `refuse`, `needs_approval`.
    pub verdict: String,
    /// One sentence.
    pub because: String,
    /// When it could leave at the earliest.
    pub not_before: Option<DateTime<Utc>>,
    /// Each check in order.
    pub checks: Vec<GateCheck>,
}

/// One check of the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GateCheck {
    /// `do_not_contact`, `consent`, `pause`, `quiet_hours`, `caps`, `budget`, `approval`, `provider`.
    pub name: String,
    /// It lets the message pass.
    pub passed: bool,
    /// One sentence.
    pub detail: String,
}

/// `POST /api/approvals/{id}/decide`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// What.
    pub decision: DecideKind,
    /// The revision that was looked at; another one is a conflict.
    pub revision: u32,
    /// Changes to the message, made before it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<MessageEdit>,
    /// A form's answer, a reviewed and changed output, or the fields of a prepared call that are different.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub answer: Value,
    /// Why, for a rejection.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For a rejected output: it is made again, with the reason as feedback.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retry: bool,
    /// For an interrupted sending: what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<UncertainChoice>,
}

/// Decisions at the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecideKind {
    /// Let it pass.
    Approve,
    /// Do not.
    Reject,
    /// Keep the edits as a new revision, decide nothing.
    Edit,
    /// Take an approval back while the message is held.
    Undo,
    /// Say what became of an interrupted sending.
    Resolve,
}

/// What became of an interrupted sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UncertainChoice {
    /// It arrived.
    MarkSent,
    /// Send it again, although it may arrive twice.
    Resend,
    /// Do not send it.
    Drop,
}

/// Changes to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MessageEdit {
    /// The new subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The new plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The answer to a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DecideOutcome {
    /// The approval as it is now.
    pub approval: ApprovalView,
    /// The message is held until then; `undo` works before it.
    pub held_until: Option<DateTime<Utc>>,
    /// Who decided, where that is a person.
    pub by: Option<UserId>,
}

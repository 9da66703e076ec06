//! Emails that come in.

use crate::id::{ContactId, MessageId};
use serde::{Deserialize, Serialize};

/// `GET /api/settings/channels/email/inbound`: where a mail server hands over what it received. The address is a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InboundAddress {
    /// POST the email there as it is.
    pub url: String,
}

/// `POST /api/sandbox/messages/{id}/answer`: what the recipient of a message in the sandbox mailbox writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SandboxAnswer {
    /// The text.
    pub text: String,
}

/// What an email was taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InboundOutcome {
    /// `reply`, `bounce`, `delay` (not delivered yet), `delivered`, `auto_reply`, `opt_out`, `other`.
    pub kind: String,
    /// The message of ours that it is about.
    pub message: Option<MessageId>,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
    /// The same email had come in before; nothing was done.
    pub duplicate: bool,
}

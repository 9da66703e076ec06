//! Channels: the ways in which a message leaves. Only the send gate calls them.
//!
//! A channel makes exactly one attempt and says what became of it; retries, holds and doubts are the
//! gate's. Deliberately absent: the database.

mod mime;
mod sandbox;
mod smtp;
mod tls;

pub use mime::{answer_bytes, check_line, mailbox, mime_bytes};
pub use sandbox::{SandboxChannel, SandboxPhone};
pub use smtp::{SmtpChannel, SmtpTimeouts};
pub use tls::check_certificate;

use crate::{
    setting::{SettingError, Settings},
    store::{Content, Message},
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use signalbox::{
    id::{MessageId, OrganizationId},
    wire::{EmailChannel, MessageChannel},
};
use std::sync::Arc;

/// A message that is to leave now.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its id; the Message-ID header is made from it and stays the same over all attempts.
    pub id: MessageId,
    /// When it was made; the Date header.
    pub date: DateTime<Utc>,
    /// What leaves.
    pub content: Content,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The provider has taken it.
    Accepted {
        /// The provider's id or answer.
        provider_id: String,
    },
    /// The provider was not reached or let nobody in; the message is not to blame.
    Unreachable {
        /// What happened.
        detail: String,
    },
    /// It did not leave, and may on another try.
    Retry {
        /// What happened.
        detail: String,
    },
    /// It did not leave and never will.
    Permanent {
        /// What happened and what to do.
        detail: String,
    },
    /// It may have left.
    Uncertain {
        /// How far it came.
        detail: String,
    },
}

/// What the gate may do about an attempt whose outcome was lost with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InDoubt {
    /// Try again: the attempt has no effect outside the database.
    Repeat,
    /// Ask a person: it may have left.
    Ask,
}

/// A way in which a message leaves.
pub trait Channel: Send + Sync {
    /// What carries it: `sandbox`, `smtp host:port`. Part of what is approved.
    fn account(&self) -> &str;
    /// The sender that messages show.
    fn from(&self) -> &str;
    /// Nothing leaves: it goes to the sandbox mailbox.
    fn is_sandbox(&self) -> bool;
    /// What to do when an attempt's outcome is lost.
    fn in_doubt(&self) -> InDoubt;
    /// Makes one attempt.
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Sent>;
    /// Connects and signs in, sends nothing; gives a sentence about what it found.
    fn probe(&self) -> BoxFuture<'_, Result<String, String>>;
}

/// Finds the channel of an organisation.
#[derive(Clone)]
pub struct Channels {
    settings: Settings,
    timeouts: SmtpTimeouts,
}

impl Channels {
    /// Channels as the organisations' settings say.
    pub fn new(settings: Settings) -> Self {
        Self::with_timeouts(settings, SmtpTimeouts::default())
    }

    /// The same with other time limits.
    pub fn with_timeouts(settings: Settings, timeouts: SmtpTimeouts) -> Self {
        Self { settings, timeouts }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The phone, with the number that is shown. There is only the sandbox's yet.
    pub fn phone(&self, caller: Option<String>) -> Arc<dyn Channel> {
        Arc::new(SandboxPhone::new(caller))
    }

    /// What carries a message, as it is set now.
    pub async fn of(&self, message: &Message) -> Result<Arc<dyn Channel>, SettingError> {
        match message.channel {
            MessageChannel::Voice => Ok(self.phone(Some(message.content.from.clone()))),
            MessageChannel::Email | MessageChannel::Sms => self.email(message.organization).await,
        }
    }

    /// The email channel of an organisation, as it is set now.
    pub async fn email(
        &self,
        organization: OrganizationId,
    ) -> Result<Arc<dyn Channel>, SettingError> {
        match self.settings.email(organization).await?.channel {
            EmailChannel::Sandbox { from } => Ok(Arc::new(SandboxChannel::new(from))),
            EmailChannel::Smtp { host, port, security, username, ca_certificate, from, .. } => {
                let password = self.settings.email_password(organization).await?;
                let credentials = username.filter(|name| !name.is_empty()).map(|username| {
                    (username, password.map(|password| password.to_string()).unwrap_or_default())
                });
                let channel =
                    SmtpChannel::new(host, port, security, credentials, from, self.timeouts);
                Ok(Arc::new(channel.trusting(ca_certificate)))
            }
        }
    }
}

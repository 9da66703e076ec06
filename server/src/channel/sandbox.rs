//! The built-in mailbox and phone: what would have been sent or said is kept and shown, nothing leaves.
//!
//! The message's own row is the mailbox, so an attempt has no effect but that row's state.

use super::{Channel, InDoubt, Outgoing, Sent};
use futures::{FutureExt, future::BoxFuture};

const FROM: &str = "Signalbox <sandbox@signalbox.invalid>";

/// The built-in mailbox.
pub struct SandboxChannel {
    from: String,
}

impl SandboxChannel {
    /// With the sender that messages show.
    pub fn new(from: Option<String>) -> Self {
        Self { from: from.filter(|from| !from.is_empty()).unwrap_or_else(|| FROM.to_owned()) }
    }
}

impl Channel for SandboxChannel {
    fn account(&self) -> &str {
        "sandbox"
    }
    fn from(&self) -> &str {
        &self.from
    }
    fn is_sandbox(&self) -> bool {
        true
    }
    fn in_doubt(&self) -> InDoubt {
        InDoubt::Repeat
    }
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Sent> {
        let provider_id = format!("sandbox {}", outgoing.id);
        async move { Sent::Accepted { provider_id } }.boxed()
    }
    fn probe(&self) -> BoxFuture<'_, Result<String, String>> {
        async { Ok("The sandbox keeps every message here; nothing leaves.".to_owned()) }.boxed()
    }
}

/// The built-in phone: calls are kept beside the emails, and nobody is called.
pub struct SandboxPhone {
    caller: String,
}

impl SandboxPhone {
    /// With the number that is shown; without one it calls from nowhere.
    pub fn new(caller: Option<String>) -> Self {
        Self { caller: caller.unwrap_or_else(|| "sandbox".to_owned()) }
    }
}

impl Channel for SandboxPhone {
    fn account(&self) -> &str {
        "sandbox phone"
    }
    fn from(&self) -> &str {
        &self.caller
    }
    fn is_sandbox(&self) -> bool {
        true
    }
    fn in_doubt(&self) -> InDoubt {
        InDoubt::Repeat
    }
    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Sent> {
        let provider_id = format!("sandbox {}", outgoing.id);
        async move { Sent::Accepted { provider_id } }.boxed()
    }
    fn probe(&self) -> BoxFuture<'_, Result<String, String>> {
        async { Ok("The sandbox keeps every call here; nobody is called.".to_owned()) }.boxed()
    }
}

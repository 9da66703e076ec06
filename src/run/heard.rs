//! What becomes of a message after it has left, as later steps can ask for it: `events.hasOpen("intro")`.
//!
//! It is always the named step's own message that is meant, never the contact in general. The world tells it as
//! an outside event whose payload names the message (`messageId`) or, in simulations, the step (`step`).

use super::{ActivationId, RunState};
use crate::id::{MessageId, NodeId};
use serde_json::Value;

/// The outside event, the word that is kept, the function that asks for it, and what people read.
const KINDS: [(&str, &str, &str, &str); 9] = [
    ("email.replied", "replied", "hasReply", "the contact replied"),
    ("email.opened", "opened", "hasOpen", "the contact opened the message"),
    ("email.clicked", "clicked", "hasClick", "the contact clicked a link"),
    ("email.bounced", "bounced", "hasBounce", "the message bounced"),
    ("email.delivered", "delivered", "hasDelivered", "the message was delivered"),
    ("email.failed", "failed", "hasFailed", "the message failed"),
    ("email.unsubscribed", "unsubscribed", "hasUnsubscribed", "the contact unsubscribed"),
    ("voice.answered", "answered", "hasAnswered", "the contact answered the call"),
    ("voice.voicemail", "voicemail", "hasVoicemail", "a machine answered the call"),
];

/// The word of an outside event, if it is about a message.
pub(super) fn word(event: &str) -> Option<&'static str> {
    KINDS.iter().find(|(name, ..)| *name == event).map(|(_, word, ..)| *word)
}

/// What people read of a word.
pub(super) fn sentence(word: &str) -> &'static str {
    let found = KINDS.iter().find(|(_, known, ..)| *known == word);
    found.map_or("something became of the message", |(.., sentence)| sentence)
}

/// The node whose message a payload is about.
pub(super) fn node(state: &RunState, payload: &Value) -> Option<NodeId> {
    let message = payload.get("messageId").and_then(Value::as_str);
    if let Some(message) = message.and_then(|id| id.parse::<MessageId>().ok()) {
        let sent = |(_, activation): &(&ActivationId, &super::Activation)| {
            activation.message.as_ref().is_some_and(|(id, _)| *id == message)
        };
        return state.activations.iter().find(sent).map(|(_, activation)| activation.node.clone());
    }
    payload.get("step").and_then(Value::as_str).map(NodeId::from)
}

/// Whether a signal (`reply`, `open` …) was heard about the message of a node.
pub(super) fn is_heard(state: &RunState, node: &NodeId, signal: &str) -> bool {
    let word = match signal {
        "reply" => "replied",
        "open" => "opened",
        "click" => "clicked",
        "bounce" => "bounced",
        same => same,
    };
    state.heard.get(node).is_some_and(|heard| heard.contains(word))
}

//! What becomes of a message after it has left, as later steps can ask for it: `events.hasOpen("intro")`.
//!
//! It is always the named step's own message that is meant, never the contact in general. The world tells it as
//! a signal about a message, or as an outside event whose payload names the message (`messageId`) or, in simulations,
//! the step (`step`): both are noted as the same event of the run, once. Where a simulation has no message the
//! word is kept for the step.

use super::RunState;
use crate::id::{MessageId, NodeId};
use serde_json::Value;

/// The outside event, the word that older journals keep, the signal it is, and what people read.
const KINDS: [(&str, &str, &str, &str); 9] = [
    ("email.replied", "replied", "reply", "the contact replied"),
    ("email.opened", "opened", "open", "the contact opened the message"),
    ("email.clicked", "clicked", "click", "the contact clicked a link"),
    ("email.bounced", "bounced", "bounce", "the message bounced"),
    ("email.delivered", "delivered", "delivered", "the message was delivered"),
    ("email.failed", "failed", "failed", "the message failed"),
    ("email.unsubscribed", "unsubscribed", "unsubscribed", "the contact unsubscribed"),
    ("voice.answered", "answered", "answered", "the contact answered the call"),
    ("voice.voicemail", "voicemail", "voicemail", "a machine answered the call"),
];

/// The word and the signal of an outside event, if it is about a message.
pub fn word(event: &str) -> Option<(&'static str, &'static str)> {
    let event = crate::event_type::canonical(event);
    KINDS.iter().find(|(name, ..)| *name == event).map(|(_, word, signal, _)| (*word, *signal))
}

/// What people read of a word.
pub(super) fn sentence(word: &str) -> &'static str {
    let found = KINDS.iter().find(|(_, known, ..)| *known == word);
    found.map_or("something became of the message", |(.., sentence)| sentence)
}

/// The message that a payload is about: by its id, or the newest of the step that is named.
pub fn message(state: &RunState, payload: &Value) -> Option<MessageId> {
    if let Some(id) = payload.get("messageId").and_then(Value::as_str) {
        return id.parse().ok();
    }
    let step = payload.get("step").and_then(Value::as_str)?;
    let of_step = state.activations.values().rev().filter(|a| a.node.as_str() == step);
    of_step.filter_map(|activation| activation.message.as_ref()).map(|(id, _)| *id).next()
}

/// Whether a signal (`reply`, `open` …) was heard about a node whose message is not known.
pub(super) fn is_heard(state: &RunState, node: &NodeId, signal: &str) -> bool {
    let word =
        KINDS.iter().find(|(_, _, of, _)| *of == signal).map_or(signal, |(_, word, ..)| *word);
    state.heard.get(node).is_some_and(|heard| heard.contains(word))
}

//! What happens to a message after it left, and how expressions ask for it: `events.hasReply("intro")`.
//!
//! Scoped to the step's own message: a reply to another mail is not a reply to this one.

/// All signals.
pub const SIGNALS: [&str; 9] = [
    "reply",
    "open",
    "click",
    "bounce",
    "answered",
    "voicemail",
    "delivered",
    "failed",
    "unsubscribed",
];

/// The signal that a function asks for. `None`: there is no such function.
pub(super) fn asked_for(path: &[&str]) -> Option<&'static str> {
    Some(match path {
        ["events", "hasReply"] | ["contact", "emailReplied" | "replied"] => "reply",
        ["events", "hasOpen"] | ["contact", "emailOpened"] => "open",
        ["events", "hasClick"] | ["contact", "emailClicked"] => "click",
        ["events", "hasBounce"] | ["contact", "emailBounced"] => "bounce",
        ["events", "hasAnswered"] | ["contact", "callAnswered"] => "answered",
        ["events", "hasVoicemail"] => "voicemail",
        ["events", "hasDelivered"] | ["contact", "emailDelivered"] => "delivered",
        ["events", "hasFailed"] => "failed",
        ["events", "hasUnsubscribed"] | ["contact", "unsubscribed"] => "unsubscribed",
        _ => return None,
    })
}

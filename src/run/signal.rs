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

/// The functions that ask for a signal, each with the one that it asks for.
const FUNCTIONS: &[([&str; 2], &str)] = &[
    (["events", "hasReply"], "reply"),
    (["contact", "emailReplied"], "reply"),
    (["contact", "replied"], "reply"),
    (["events", "hasOpen"], "open"),
    (["contact", "emailOpened"], "open"),
    (["events", "hasClick"], "click"),
    (["contact", "emailClicked"], "click"),
    (["events", "hasBounce"], "bounce"),
    (["contact", "emailBounced"], "bounce"),
    (["events", "hasAnswered"], "answered"),
    (["contact", "callAnswered"], "answered"),
    (["events", "hasVoicemail"], "voicemail"),
    (["events", "hasDelivered"], "delivered"),
    (["contact", "emailDelivered"], "delivered"),
    (["events", "hasFailed"], "failed"),
    (["events", "hasUnsubscribed"], "unsubscribed"),
    (["contact", "unsubscribed"], "unsubscribed"),
];

/// The signal that a function asks for. `None`: there is no such function.
pub(super) fn asked_for(path: &[&str]) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(name, _)| name.as_slice() == path).map(|(_, signal)| *signal)
}

/// The names of all functions that a run answers: `events.hasReply`.
pub(crate) fn signal_functions() -> impl Iterator<Item = String> {
    FUNCTIONS.iter().map(|(name, _)| name.join("."))
}

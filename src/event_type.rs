//! What happens inside an organisation and can start a workflow or end a wait, by name.
//!
//! Every event carries its `type`, and what is listed here; a run that it starts finds its `id` and time (`at`) beside. Deliberately absent: events of the
//! outside world, which bear whatever name their sender gives them, except one of these ([`sendable`]).

use crate::run::heard;

/// A contact was made.
pub const CUSTOMER_CREATED: &str = "customer.created";
/// A contact was changed.
pub const CUSTOMER_UPDATED: &str = "customer.updated";
/// A contact was deleted.
pub const CUSTOMER_DELETED: &str = "customer.deleted";
/// A run came to its end.
pub const RUN_COMPLETED: &str = "run.completed";
/// A run failed.
pub const RUN_FAILED: &str = "run.failed";
/// A run was ended by a person or a replacement.
pub const RUN_STOPPED: &str = "run.stopped";
/// A message was handed to its channel.
pub const MESSAGE_SENT: &str = "message.sent";
/// A contact answered an email.
pub const EMAIL_REPLIED: &str = "email.replied";
/// The picture by which opens are seen was fetched.
pub const EMAIL_OPENED: &str = "email.opened";
/// A tracked link was followed.
pub const EMAIL_CLICKED: &str = "email.clicked";
/// An email could not be delivered.
pub const EMAIL_BOUNCED: &str = "email.bounced";
/// A contact wants no more emails.
pub const EMAIL_UNSUBSCRIBED: &str = "email.unsubscribed";
/// A person, a rule or the clock decided a request.
pub const APPROVAL_DECIDED: &str = "approval.decided";

/// How deep runs that events start may cause further events that start runs.
pub const DEPTH_MAX: u32 = 5;
/// Longest name of an event that others send, in bytes.
pub const NAME_BYTES_MAX: usize = 200;
/// Largest payload of an event that others send, as JSON, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// Why nobody can send an event of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is none.
    #[error("The event has no name. Give it one, such as order.placed.")]
    Missing,
    /// It is too long.
    #[error("The name of an event has {max} bytes at most. Give it a shorter one.", max = NAME_BYTES_MAX)]
    TooLong,
    /// It is not text on one line.
    #[error("The name of an event has control characters in it. Write it on one line.")]
    Control,
    /// Only Signalbox itself says that this happened.
    #[error("{0} is an event of Signalbox's own, which nobody else sends. Choose another name.")]
    Own(String),
}

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its name.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// When it happens, in a few words.
    pub says: &'static str,
    /// What it carries.
    pub fields: &'static [&'static str],
}

const CUSTOMER: &[&str] = &["customerId", "customer"];
const HEARD: &[&str] = &["messageId", "customerId", "runId", "channel", "from", "subject", "text"];
const FOLLOWED: &[&str] = &["messageId", "customerId", "runId", "channel", "to", "subject", "url"];
const RUN: &[&str] = &["runId", "workflowId", "workflow", "status", "outcome", "error"];

/// All of them.
pub const ALL: [EventType; 13] = [
    EventType {
        name: CUSTOMER_CREATED,
        aliases: &["contact.created"],
        says: "A contact was made",
        fields: CUSTOMER,
    },
    EventType {
        name: CUSTOMER_UPDATED,
        aliases: &["contact.updated"],
        says: "A contact was changed",
        fields: CUSTOMER,
    },
    EventType {
        name: CUSTOMER_DELETED,
        aliases: &["contact.deleted"],
        says: "A contact was deleted",
        fields: CUSTOMER,
    },
    EventType {
        name: RUN_COMPLETED,
        aliases: &["workflow.completed", "plan.completed"],
        says: "A run came to its end",
        fields: RUN,
    },
    EventType {
        name: RUN_FAILED,
        aliases: &["workflow.failed", "plan.failed"],
        says: "A run failed",
        fields: RUN,
    },
    EventType {
        name: RUN_STOPPED,
        aliases: &["workflow.stopped", "plan.stopped"],
        says: "A run was stopped",
        fields: RUN,
    },
    EventType {
        name: MESSAGE_SENT,
        aliases: &["email.sent"],
        says: "A message was sent",
        fields: &["messageId", "customerId", "runId", "channel", "to", "subject"],
    },
    EventType {
        name: EMAIL_REPLIED,
        aliases: &["reply", "email.reply", "message.replied"],
        says: "A contact answered an email",
        fields: HEARD,
    },
    EventType { name: EMAIL_OPENED, aliases: &[], says: "An email was opened", fields: FOLLOWED },
    EventType {
        name: EMAIL_CLICKED,
        aliases: &[],
        says: "A link in an email was followed",
        fields: FOLLOWED,
    },
    EventType {
        name: EMAIL_BOUNCED,
        aliases: &[],
        says: "An email could not be delivered",
        fields: HEARD,
    },
    EventType {
        name: EMAIL_UNSUBSCRIBED,
        aliases: &[],
        says: "A contact wants no more emails",
        fields: HEARD,
    },
    EventType {
        name: APPROVAL_DECIDED,
        aliases: &[],
        says: "A request was decided",
        fields: &["approvalId", "runId", "kind", "title", "state", "decidedBy", "reason"],
    },
];

/// The kind of event that a name means.
pub fn find(name: &str) -> Option<&'static EventType> {
    let name = name.trim();
    ALL.iter().find(|event| event.name == name || event.aliases.contains(&name))
}

/// The name under which events of a kind are recorded; that of an outside event as it is.
pub fn canonical(name: &str) -> &str {
    find(name).map_or(name.trim(), |event| event.name)
}

/// Whether only Signalbox itself may say that this happened.
pub fn is_own(name: &str) -> bool {
    find(name).is_some() || heard::word(name.trim()).is_some()
}

/// The name under which others may send an event, trimmed; or why they may not.
pub fn sendable(name: &str) -> Result<&str, NameError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(NameError::Missing);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    if is_own(name) { Err(NameError::Own(name.to_owned())) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let names: Vec<&str> = ALL
            .iter()
            .flat_map(|event| event.aliases.iter().chain([&event.name]))
            .copied()
            .collect();
        let distinct: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), distinct.len());
        assert_eq!(canonical(" contact.created "), CUSTOMER_CREATED);
        assert_eq!(canonical("order.placed"), "order.placed");
    }

    #[test]
    fn others_send_what_is_not_our_own() {
        assert_eq!(sendable(" order.placed "), Ok("order.placed"));
        let longest = "x".repeat(NAME_BYTES_MAX);
        assert_eq!(sendable(&longest), Ok(longest.as_str()));
        assert_eq!(sendable(&format!("{longest}x")), Err(NameError::TooLong));
        assert_eq!(sendable("  "), Err(NameError::Missing));
        assert_eq!(sendable("order\nplaced"), Err(NameError::Control));
        let names = ALL.iter().flat_map(|event| event.aliases.iter().chain([&event.name]));
        // What a run notes of its own messages is not anybody's to say either.
        for name in names.copied().chain(["email.delivered", "voice.answered"]) {
            assert_eq!(sendable(name), Err(NameError::Own(name.to_owned())));
        }
    }
}

//! What happens inside an organisation and can start a workflow or end a wait, by name.
//!
//! Every event carries its `type`, and what is listed here; a run that it starts finds its `id` and time (`at`) beside. Deliberately absent: events of the
//! outside world, which bear whatever name their sender gives them.

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
}

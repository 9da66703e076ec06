//! `email.send`: the one outbound tool so far. It passes the send gate.

use super::schema::{Words, long_text, object, text, text_or_null, titled, tool};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::{Value, json};

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![send()]
}

fn send() -> ToolSpec {
    tool(
        Words {
            name: "email.send",
            aliases: &["email_send", "send_email", "email.send_email", "email_send_email"],
            label: "Send email",
            description: "Writes an email to a customer. A person approves it in the inbox before it leaves; the step goes on when it has left.",
        },
        ToolFamily::Email,
        Effect::Outbound,
        input(),
        output(),
    )
}

fn input() -> Value {
    let mut customer = text_or_null("Customer", "The customer's id; its address is used.");
    customer["format"] = json!("contact-id");
    object(&[
        (
            "to",
            titled(
                json!({ "type": ["string", "null"], "format": "email-address" }),
                "To",
                "An address, or Name <address>. Give this or a customer.",
            ),
        ),
        ("customerId", customer),
        (
            "contact",
            json!({ "type": ["string", "object", "null"], "title": "Contact", "description": "A customer's record or id; the same as Customer." }),
        ),
        ("subject", text("Subject", "That of the template unless given.")),
        ("body", long_text("Body", "Plain text.")),
        ("html", long_text("HTML body", "Shown instead of the plain text where the reader can.")),
        (
            "templateId",
            text_or_null("Template", "A stored message template; used where there is no body."),
        ),
        (
            "tracking",
            json!({ "type": ["object", "null"], "title": "Tracking", "properties": {
                "opens": { "type": "boolean", "title": "Opens" },
                "clicks": { "type": "boolean", "title": "Clicks" },
            } }),
        ),
        (
            "replyTo",
            titled(
                json!({ "type": ["string", "null"], "format": "email-address" }),
                "Reply to",
                "Where answers go, if elsewhere.",
            ),
        ),
        ("from", text_or_null("From", "Only the name is used; the address is the channel's.")),
        (
            "expiresAfterMinutes",
            titled(
                json!({ "type": ["integer", "null"], "minimum": 1, "maximum": 525_600 }),
                "Expires after (minutes)",
                "If nobody has decided by then, the message is not sent.",
            ),
        ),
    ])
}

fn output() -> Value {
    object(&[
        ("messageId!", text("Message", "The message's id.")),
        ("status!", text("Status", "accepted: the mail server took it.")),
        ("to!", text("To", "")),
        ("subject!", text("Subject", "As it was sent, after any edit.")),
        ("body", text("Body", "As it was sent, after any edit.")),
        (
            "edited",
            titled(
                json!({ "type": "boolean" }),
                "Edited",
                "A person changed the text before it left.",
            ),
        ),
        ("approvedBy", text_or_null("Approved by", "")),
        ("sentAt", text("Sent at", "RFC 3339.")),
        ("via", text("Via", "The channel that carried it.")),
        (
            "sandbox",
            titled(
                json!({ "type": "boolean" }),
                "Sandbox",
                "It went to the sandbox mailbox, not to the person.",
            ),
        ),
    ])
}

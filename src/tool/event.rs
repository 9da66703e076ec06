//! `event.send`: a step that lets something happen, for other workflows and runs.

use super::schema::{Words, free_object, object, text, text_or_null, titled, tool};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::json;

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![send()]
}

fn send() -> ToolSpec {
    let mut customer = text_or_null(
        "Customer",
        "The customer that it is about: of the runs that wait for it, only those about this customer go on.",
    );
    customer["format"] = json!("contact-id");
    tool(
        Words {
            name: "event.send",
            aliases: &["event_send", "send_event"],
            label: "Send event",
            description: "Starts the workflows that the event triggers, and lets runs go on that wait for it.",
        },
        ToolFamily::Utility,
        Effect::Write,
        object(&[
            ("name!", text("Name", "Such as order.placed; none of Signalbox's own events.")),
            ("payload", free_object("Payload", "What others read of it, 64 KiB at most.")),
            ("customerId", customer),
            ("runId", text_or_null("Run", "The only run that waits for it and goes on.")),
        ]),
        object(&[
            ("number!", titled(json!({ "type": "integer" }), "Number", "The event's number.")),
            ("name!", text("Name", "")),
        ]),
    )
}

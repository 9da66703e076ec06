//! `voice.call`: a call that speaks a stored script. There is only the sandbox phone yet: it keeps the call and calls
//! nobody.

use super::schema::{Words, object, text, text_or_null, titled, tool};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::json;

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![call()]
}

fn call() -> ToolSpec {
    let mut customer = text_or_null("Customer", "The customer's id; its number is called.");
    customer["format"] = json!("contact-id");
    tool(
        Words {
            name: "voice.call",
            aliases: &["voice_call"],
            label: "Call",
            description: "Calls a customer and speaks a stored script, once a person has approved its words. Only the sandbox phone is there yet: nobody is called.",
        },
        ToolFamily::Conversation,
        Effect::Outbound,
        object(&[
            ("customerId", customer),
            ("scriptId!", text("Script", "What is said.")),
            ("callerId", text_or_null("Caller", "The number that is shown.")),
            (
                "maxDurationMs",
                titled(
                    json!({ "type": ["integer", "null"], "minimum": 1_000, "maximum": 14_400_000 }),
                    "Longest call (milliseconds)",
                    "Then the call is ended.",
                ),
            ),
            (
                "voicemail",
                json!({ "type": ["object", "null"], "title": "Voicemail", "properties": {
                    "detect": { "type": "boolean", "title": "Notice a machine" },
                    "messageId": { "type": "string", "title": "Script for the machine" },
                    "fallbackTTS": { "type": "string", "title": "Words where there is no script" },
                } }),
            ),
        ]),
        object(&[
            ("callId!", text("Call", "")),
            ("status!", text("Status", "answered, voicemail, no_answer, busy, failed, declined.")),
        ]),
    )
}

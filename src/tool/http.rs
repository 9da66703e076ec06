//! `http.request`: any web API, through the one guarded client.

use super::schema::{Words, free_object, object, text, text_or_null, titled, tool, whole};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::{Value, json};

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![request()]
}

fn request() -> ToolSpec {
    tool(
        Words {
            name: "http.request",
            aliases: &["http_request", "http", "request"],
            label: "HTTP request",
            description: "Calls a web address on the public internet. A retry repeats the request with the same Idempotency-Key header.",
        },
        ToolFamily::Http,
        Effect::Write,
        input(),
        output(),
    )
}

fn input() -> Value {
    let methods = json!(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]);
    object(&[
        (
            "method",
            titled(json!({ "type": "string", "enum": methods, "default": "GET" }), "Method", ""),
        ),
        (
            "url!",
            titled(
                json!({ "type": "string", "format": "url" }),
                "Address",
                "Starts with https:// or http://.",
            ),
        ),
        (
            "authorization",
            titled(
                json!({ "type": ["string", "null"], "x-secret": true }),
                "Authorization",
                "The Authorization header, such as Bearer and a key. What you type is kept encrypted.",
            ),
        ),
        ("headers", free_object("Headers", "Names and values.")),
        ("query", free_object("Query", "Parameters that are added to the address.")),
        (
            "body",
            json!({ "title": "Body", "description": "Text is sent as it is; everything else as JSON.", "format": "json" }),
        ),
        ("timeoutMs", whole("Time limit (ms)", "For the whole exchange.", 100, 30_000, 30_000)),
        (
            "failOnError",
            titled(
                json!({ "type": ["boolean", "null"], "default": true }),
                "Fail on error status",
                "A status of 400 or above fails the step.",
            ),
        ),
    ])
}

fn output() -> Value {
    object(&[
        ("status!", titled(json!({ "type": "integer" }), "Status", "")),
        ("ok!", titled(json!({ "type": "boolean" }), "Ok", "The status is below 400.")),
        ("headers", free_object("Headers", "Names in lower case.")),
        ("body", json!({ "title": "Body", "description": "Parsed when it is JSON, else text." })),
        ("url", text("Address", "After redirects.")),
        ("contentType", text_or_null("Content type", "")),
    ])
}

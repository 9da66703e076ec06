//! `approval.*`: requests for a decision about some resource, made and read by workflows.

use super::schema::{
    Words, free_object, list_output, long_text, object, text, text_or_null, titled, tool, whole,
};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::{Value, json};

const FAMILY: ToolFamily = ToolFamily::Approval;

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![create(), update_status(), get(), list_pending(), history()]
}

fn create() -> ToolSpec {
    tool(
        Words {
            name: "approval.create",
            aliases: &[
                "approval.create_approval",
                "approval_create_approval",
                "create_approval",
                "approval_create",
            ],
            label: "Create approval",
            description: "Puts a request about some resource into the inbox. The workflow goes on at once; to wait for the decision use a human step.",
        },
        FAMILY,
        Effect::Write,
        object(&[
            (
                "resourceType!",
                titled(
                    json!({ "type": "string", "examples": ["conversations", "product_recommendation"] }),
                    "Resource type",
                    "What is decided about.",
                ),
            ),
            ("resourceId!", json!({ "type": ["string", "number"], "title": "Resource id" })),
            ("description", long_text("Description", "What the person must decide.")),
            (
                "priority",
                titled(
                    json!({ "type": ["string", "null"], "enum": ["low", "medium", "high", "urgent", null], "default": "medium" }),
                    "Priority",
                    "",
                ),
            ),
            (
                "dueDate",
                json!({ "type": ["string", "number", "null"], "title": "Due", "description": "An RFC 3339 time or milliseconds since 1970; after it the request expires." }),
            ),
            ("metadata", free_object("Metadata", "Shown beside the request.")),
        ]),
        record(),
    )
}

fn update_status() -> ToolSpec {
    tool(
        Words {
            name: "approval.update_status",
            aliases: &[
                "approval.update_approval_status",
                "approval_update_approval_status",
                "update_approval_status",
                "approval_update_status",
            ],
            label: "Update approval status",
            description: "Closes a request that a workflow made. A message to a customer can only be approved by a person in the inbox.",
        },
        FAMILY,
        Effect::Write,
        object(&[
            ("approvalId!", text("Approval", "")),
            (
                "status!",
                titled(json!({ "type": "string", "enum": ["approved", "rejected"] }), "Status", ""),
            ),
            ("approvedBy", text_or_null("Approved by", "On whose word.")),
            ("comments", long_text("Comments", "")),
        ]),
        record(),
    )
}

fn get() -> ToolSpec {
    tool(
        Words {
            name: "approval.get",
            aliases: &[
                "approval.get_approval",
                "approval_get_approval",
                "get_approval",
                "approval_get",
            ],
            label: "Get approval",
            description: "Reads one request and how it was decided.",
        },
        FAMILY,
        Effect::Read,
        object(&[("approvalId!", text("Approval", ""))]),
        record(),
    )
}

fn list_pending() -> ToolSpec {
    tool(
        Words {
            name: "approval.list_pending",
            aliases: &[
                "approval.list_pending_approvals",
                "approval_list_pending_approvals",
                "list_pending_approvals",
                "approval_list_pending",
            ],
            label: "List pending approvals",
            description: "Lists requests that wait for a decision, oldest first.",
        },
        FAMILY,
        Effect::Read,
        object(&[
            ("resourceType", text_or_null("Resource type", "Only about this kind of thing.")),
            ("limit", whole("Limit", "Records on a page.", 1, 200, 50)),
            ("cursor", text_or_null("Cursor", "From an earlier page.")),
        ]),
        list_output("approvals", &record()),
    )
}

fn history() -> ToolSpec {
    tool(
        Words {
            name: "approval.history",
            aliases: &[
                "approval.get_approval_history",
                "approval_get_approval_history",
                "get_approval_history",
                "approval_history",
            ],
            label: "Get approval history",
            description: "Lists the requests about one resource with their decisions, newest first.",
        },
        FAMILY,
        Effect::Read,
        object(&[
            ("resourceType!", text("Resource type", "")),
            ("resourceId!", json!({ "type": ["string", "number"], "title": "Resource id" })),
            ("limit", whole("Limit", "Records on a page.", 1, 200, 50)),
            ("cursor", text_or_null("Cursor", "From an earlier page.")),
        ]),
        list_output("approvals", &record()),
    )
}

/// An approval as tools give it.
fn record() -> Value {
    object(&[
        ("id!", text("Id", "")),
        ("_id", text("Id", "The same as id.")),
        ("kind", text("Kind", "resource, message, decision, answer, review, uncertain.")),
        ("status!", text("Status", "pending, approved, rejected, expired, withdrawn.")),
        ("resourceType", text_or_null("Resource type", "")),
        ("resourceId", text_or_null("Resource id", "")),
        ("description", text("Description", "")),
        ("priority", text("Priority", "")),
        ("dueDate", text_or_null("Due", "RFC 3339.")),
        ("metadata", free_object("Metadata", "")),
        ("approvedBy", text_or_null("Decided by", "")),
        ("comments", text_or_null("Comments", "")),
        ("createdAt", text("Created at", "RFC 3339.")),
        ("decidedAt", text_or_null("Decided at", "RFC 3339.")),
    ])
}

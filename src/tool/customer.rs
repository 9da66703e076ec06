//! `customer.*`: the contacts of the organisation, under the name that workflow documents use.

use super::schema::{
    Property, Words, free_object, list_output, long_text, object, text, text_or_null, titled, tool,
    whole,
};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::{Value, json};

const FAMILY: ToolFamily = ToolFamily::Customer;

/// Words that the status field suggests; any other word is taken too.
const STATUSES: [&str; 6] = ["active", "churned", "potential", "inactive", "at_risk", "VIP"];

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![create(), get_by_id(), query(), update(), filter()]
}

fn create() -> ToolSpec {
    let mut properties = fields();
    properties[0].0 = "name!";
    tool(
        Words {
            name: "customer.create",
            aliases: &["customer_create", "create_customer"],
            label: "Create customer",
            description: "Adds a customer. Fields that are not listed are kept as metadata.",
        },
        FAMILY,
        Effect::Write,
        object(&properties),
        record(),
    )
}

fn get_by_id() -> ToolSpec {
    tool(
        Words {
            name: "customer.get_by_id",
            aliases: &[
                "customer_get_by_id",
                "customer_get",
                "customer.get",
                "get_customer",
                "customer_read",
                "customer.read",
            ],
            label: "Get customer",
            description: "Reads one customer by its id: name, addresses, status, what was spent, and all metadata.",
        },
        FAMILY,
        Effect::Read,
        object(&[("customerId!", customer_id())]),
        record(),
    )
}

fn query() -> ToolSpec {
    tool(
        Words {
            name: "customer.query",
            aliases: &[
                "customer_query",
                "customer_search",
                "customer.search",
                "list_customers",
                "customer.list",
                "customer_list",
                "query_customers",
                "search_customers",
            ],
            label: "Find customers",
            description: "Lists customers by status, source, email, external id or words in the name, a page at a time, oldest first.",
        },
        FAMILY,
        Effect::Read,
        object(&[
            ("status", text_or_null("Status", "Only customers of this status.")),
            ("source", text_or_null("Source", "Only customers that came from here.")),
            ("email", text_or_null("Email", "Only the customer of this address.")),
            (
                "externalId",
                json!({ "type": ["string", "number", "null"], "title": "External id", "description": "Only the customer of this id in another system." }),
            ),
            (
                "search",
                text_or_null("Search", "Words in the name, the address or the external id."),
            ),
            ("filters", free_object("Filters", "The same fields, as an object.")),
            ("limit", whole("Limit", "Records on a page.", 1, 200, 50)),
            ("cursor", text_or_null("Cursor", "From an earlier page.")),
            ("paginationOpts", free_object("Pagination", "numItems and cursor, as an object.")),
        ]),
        list_output("customers", &record()),
    )
}

fn update() -> ToolSpec {
    let mut properties = vec![
        ("customerId!", customer_id()),
        (
            "updates",
            free_object(
                "Updates",
                "The changes, as an object; the same fields may stand beside it.",
            ),
        ),
    ];
    properties.extend(fields());
    tool(
        Words {
            name: "customer.update",
            aliases: &["customer_update", "update_customer"],
            label: "Update customer",
            description: "Changes fields of a customer; others stay as they are. Fields that are not listed are merged into the metadata.",
        },
        FAMILY,
        Effect::Write,
        object(&properties),
        record(),
    )
}

fn filter() -> ToolSpec {
    let expression = json!({
        "type": "string", "format": "expression", "title": "Expression",
        "description": "What must hold for a customer, such as totalSpent > 1000. Bare names are the customer's fields; {{…}} reads from the run.",
    });
    tool(
        Words {
            name: "customer.filter",
            aliases: &["customer_filter", "filter_customers"],
            label: "Filter customers",
            description: "Goes through all customers and keeps those for which the expression holds.",
        },
        FAMILY,
        Effect::Read,
        object(&[
            ("expression!", expression),
            ("limit", whole("Limit", "Most records in the result.", 1, 1000, 1000)),
            ("cursor", text_or_null("Cursor", "From an earlier result that was not done.")),
        ]),
        list_output("customers", &record()),
    )
}

fn customer_id() -> Value {
    let mut schema = text("Customer", "The customer's id, or its external id.");
    schema["format"] = json!("contact-id");
    schema
}

/// The fields that `customer.create` and `customer.update` take.
fn fields() -> Vec<Property> {
    vec![
        ("name", text("Name", "")),
        (
            "email",
            titled(
                json!({ "type": ["string", "null"], "format": "email-address" }),
                "Email",
                "Empty takes it away.",
            ),
        ),
        ("phone", text_or_null("Phone", "In international form, such as +44 20 7946 0000.")),
        (
            "status",
            titled(
                json!({ "type": ["string", "null"], "examples": STATUSES }),
                "Status",
                "Any word, such as active or at_risk.",
            ),
        ),
        ("source", text_or_null("Source", "Where the customer came from.")),
        ("locale", text_or_null("Locale", "Such as en-GB.")),
        ("timezone", text_or_null("Time zone", "Such as Europe/London.")),
        (
            "externalId",
            json!({ "type": ["string", "number", "null"], "title": "External id", "description": "The id in another system." }),
        ),
        (
            "doNotContact",
            titled(
                json!({ "type": ["boolean", "null"] }),
                "Do not contact",
                "Never write to or call this person.",
            ),
        ),
        (
            "tags",
            titled(json!({ "type": ["array", "null"], "items": { "type": "string" } }), "Tags", ""),
        ),
        (
            "totalSpent",
            titled(json!({ "type": ["number", "null"], "minimum": 0 }), "Total spent", ""),
        ),
        (
            "metadata",
            free_object("Metadata", "Merged into what is there; a null takes a key away."),
        ),
        ("notes", long_text("Notes", "Kept as metadata.")),
    ]
}

/// A customer as tools give it. Metadata is read at the top level too.
fn record() -> Value {
    object(&[
        ("id!", text("Id", "")),
        ("_id", text("Id", "The same as id.")),
        ("name!", text("Name", "")),
        ("email", text_or_null("Email", "")),
        ("phone", text_or_null("Phone", "")),
        ("status", text("Status", "")),
        ("source", text("Source", "")),
        ("locale", text_or_null("Locale", "")),
        ("timezone", text_or_null("Time zone", "")),
        ("externalId", text_or_null("External id", "")),
        ("doNotContact", titled(json!({ "type": "boolean" }), "Do not contact", "")),
        ("tags", titled(json!({ "type": "array", "items": { "type": "string" } }), "Tags", "")),
        ("totalSpent", titled(json!({ "type": ["number", "null"] }), "Total spent", "")),
        ("metadata", free_object("Metadata", "Everything else; also readable at the top level.")),
        ("createdAt", text("Created at", "RFC 3339.")),
        ("updatedAt", text("Updated at", "RFC 3339.")),
        (
            "_creationTime",
            titled(json!({ "type": "integer" }), "Creation time", "Milliseconds since 1970."),
        ),
    ])
}

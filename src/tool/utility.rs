//! Tools that only compute on the run's own state.

use super::schema::{Words, object, titled, tool};
use super::{Effect, ToolFamily, ToolSpec};
use serde_json::json;

pub(super) fn specs() -> Vec<ToolSpec> {
    vec![set_variables()]
}

fn set_variables() -> ToolSpec {
    let entry = object(&[
        ("name!", titled(json!({ "type": "string", "minLength": 1 }), "Name", "")),
        ("value", json!({ "title": "Value" })),
        ("secure", titled(json!({ "type": "boolean" }), "Hidden", "Never shown in the timeline.")),
    ]);
    let variables = json!({
        "title": "Variables",
        "description": "Names and values; in a list, later ones see earlier ones.",
        "oneOf": [
            { "type": "array", "items": entry },
            { "type": "object", "additionalProperties": true },
        ],
    });
    let mut input = object(&[("variables", variables)]);
    // Without `variables` each field of the input is a variable.
    input["additionalProperties"] = json!(true);
    tool(
        Words {
            name: "set_variables",
            aliases: &["variables.set", "set_variable"],
            label: "Set variables",
            description: "Keeps values under names for the rest of the run.",
        },
        ToolFamily::Utility,
        Effect::Pure,
        input,
        json!({ "type": "object", "additionalProperties": true }),
    )
}

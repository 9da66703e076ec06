//! Tool names: `type` with `parameters.operation`, joined names, dotted names.

use crate::graph::ActionSettings;
use crate::tool;
use serde_json::{Map, Value};

/// The `type` whose `operation` is one of its parameters rather than a part of its name.
const OPERATION_IS_A_PARAMETER: &str = "integration";

/// How a tool is written in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `"type": "customer"` with `"operation": "get_by_id"` among the parameters.
    Split,
    /// `"type": "customer_get"`.
    Joined,
}

/// The canonical name of a tool, or the name as it is when no such tool is known.
pub fn canonical(name: &str) -> &str {
    tool::find(name).map_or(name, |spec| &spec.name)
}

/// The settings of an action, and how its tool was written.
pub fn read(kind: &str, parameters: Value) -> (ActionSettings, Spelling) {
    if let Some(operation) = operation_of(kind, &parameters) {
        let known = tool::find_operation(kind, operation).map(|spec| spec.name.clone());
        // A known joined name may have a parameter of that name.
        if known.is_some() || tool::find(kind).is_none() {
            let tool = known.unwrap_or_else(|| format!("{kind}.{operation}"));
            return (
                ActionSettings { tool, parameters: without_operation(parameters) },
                Spelling::Split,
            );
        }
    }
    (ActionSettings { tool: canonical(kind).to_owned(), parameters }, Spelling::Joined)
}

fn operation_of<'a>(kind: &str, parameters: &'a Value) -> Option<&'a str> {
    let operation = parameters.get("operation")?.as_str()?;
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    (kind != OPERATION_IS_A_PARAMETER && word(kind) && word(operation)).then_some(operation)
}

fn without_operation(mut parameters: Value) -> Value {
    if let Some(fields) = parameters.as_object_mut() {
        fields.shift_remove("operation");
    }
    parameters
}

/// The `type` and `parameters` of an action. Reading them gives the action back.
pub fn write(action: &ActionSettings, spelling: Spelling) -> (String, Value) {
    let tool = canonical(&action.tool);
    if spelling == Spelling::Joined {
        return (joined(tool).to_owned(), action.parameters.clone());
    }
    let parts = tool.split_once('.').filter(|(_, operation)| !operation.contains('.'));
    match (parts, &action.parameters) {
        (Some((kind, operation)), Value::Object(fields)) if !fields.contains_key("operation") => {
            let mut parameters = Map::from_iter([("operation".to_owned(), operation.into())]);
            parameters.extend(fields.clone());
            (kind.to_owned(), Value::Object(parameters))
        }
        _ => (tool.to_owned(), action.parameters.clone()),
    }
}

/// The joined alias that people write, where there is one.
fn joined(tool: &str) -> &str {
    let spec = tool::find(tool).filter(|spec| spec.name.contains('.'));
    let alias = spec.and_then(|spec| spec.aliases.iter().find(|alias| !alias.contains('.')));
    alias.map_or(tool, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_spellings_name_the_same_tool() {
        let check = |kind: &str, parameters: Value, tool: &str, spelling: Spelling| {
            let (action, found) = read(kind, parameters);
            assert_eq!((action.tool.as_str(), found), (tool, spelling));
            for spelling in [Spelling::Split, Spelling::Joined] {
                let (kind, parameters) = write(&action, spelling);
                assert_eq!(read(&kind, parameters).0, action, "{kind}");
            }
        };
        check(
            "customer",
            json!({"operation": "get_by_id", "customerId": 1}),
            "customer.get_by_id",
            Spelling::Split,
        );
        check("customer_get", json!({"customerId": 1}), "customer.get_by_id", Spelling::Joined);
        check("customer.get_by_id", json!({}), "customer.get_by_id", Spelling::Joined);
        check(
            "approval",
            json!({"operation": "create_approval"}),
            "approval.create",
            Spelling::Split,
        );
        check("onedrive", json!({"operation": "read_file"}), "onedrive.read_file", Spelling::Split);
        check(
            "integration",
            json!({"name": "x", "operation": "y"}),
            "integration",
            Spelling::Joined,
        );
        check("set_variables", json!({"operation": "sum"}), "set_variables", Spelling::Joined);
        check("frobnicate_all", json!({}), "frobnicate_all", Spelling::Joined);
    }
}

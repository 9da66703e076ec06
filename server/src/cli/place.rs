//! Where a problem of a node stands in its document, as a JSON pointer.

use serde_json::Value;

/// The pointer of a problem's place in a document: the field if it is written there, else the node.
pub fn pointer_of(document: &Value, node: Option<&str>, field: Option<&str>) -> Option<String> {
    let (step, key) = node_pointer(document, node?)?;
    let inside = field.filter(|field| !field.is_empty());
    let field = inside.map(|field| field.strip_prefix("/parameters").unwrap_or(field));
    let bases = ["/config/parameters", "/config", "/kind/parameters", "/kind", ""];
    let written = field.and_then(|field| {
        let candidates = bases.iter().map(|base| format!("{step}{base}{field}"));
        // A visual step calls its tool its type.
        let tool = (field == "/tool").then(|| format!("{step}/config/type"));
        candidates.chain(tool).find(|pointer| document.pointer(pointer).is_some())
    });
    Some(written.unwrap_or_else(|| format!("{step}/{key}")))
}

fn node_pointer(document: &Value, node: &str) -> Option<(String, &'static str)> {
    let lists = [
        ("/steps", "stepSlug"),
        ("/stepsConfig", "stepSlug"),
        ("/graph/nodes", "id"),
        ("/steps", "id"),
        ("/nodes", "id"),
    ];
    lists.into_iter().find_map(|(list, key)| {
        let items = document.pointer(list)?.as_array()?;
        let at =
            items.iter().position(|item| item.get(key).and_then(Value::as_str) == Some(node))?;
        Some((format!("{list}/{at}"), key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_at_its_field_or_else_at_its_node() {
        let document = serde_json::json!({"steps": [{"stepSlug": "s"},
            {"stepSlug": "a", "config": {"parameters": {"to": "x"}}, "condition": "y"}]});
        let of = |field| pointer_of(&document, Some("a"), field);
        assert_eq!(of(Some("/parameters/to")).as_deref(), Some("/steps/1/config/parameters/to"));
        assert_eq!(of(Some("/condition")).as_deref(), Some("/steps/1/condition"));
        assert_eq!(of(Some("/parameters/cc")).as_deref(), Some("/steps/1/stepSlug"));
        assert_eq!(of(None).as_deref(), Some("/steps/1/stepSlug"));
        assert_eq!(pointer_of(&document, Some("b"), None), None);
    }
}

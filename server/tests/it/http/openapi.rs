//! The OpenAPI document is complete: every route, every reference, every body.

use super::support::{As, Server};
use serde_json::Value;
use server::http::{body::BodyRule, endpoint::Access, routes};

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_lists_every_route_and_resolves() {
    let server = Server::start().await;
    let reply = server.get(&As::Nobody, "/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    let document = reply.json();
    let mut names = std::collections::BTreeSet::new();
    for endpoint in routes::all() {
        let path = endpoint.path.replace("{*", "{");
        let operation = &document["paths"][&path][endpoint.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], endpoint.name, "{path}");
        assert!(names.insert(endpoint.name), "{} stands there twice", endpoint.name);
        assert_eq!(
            operation["requestBody"].is_object(),
            !matches!(endpoint.body, BodyRule::None),
            "{path}"
        );
        let open = matches!(endpoint.access, Access::Public | Access::Address);
        assert_eq!(operation["security"].as_array().unwrap().is_empty(), open, "{path}");
        assert!(operation["responses"]["default"]["content"].is_object(), "{path}");
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

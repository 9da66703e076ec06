//! The OpenAPI document, made from the route table.

use super::{
    body::{BodyRule, SchemaOf},
    endpoint::{Access, Also, Endpoint},
};
use serde_json::{Map, Value, json};
use signalbox::wire::ApiError;
use utoipa::openapi::{RefOr, Schema};

/// OpenAPI 3.1 with every route of the table.
pub fn document(endpoints: &[Endpoint]) -> Value {
    let mut schemas = Schemas::default();
    let error = schemas.reference(SchemaOf::of::<ApiError>());
    let mut paths = Map::new();
    for endpoint in endpoints {
        // OpenAPI has no parameter over several parts of a path.
        let path = endpoint.path.replace("{*", "{");
        let item = paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
        item[endpoint.method.as_str().to_lowercase()] = operation(endpoint, &mut schemas, &error);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Signalbox",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Errors are {code, message, details, help}. Lists come in pages: give next_cursor as cursor. \
                Programs send `Authorization: Bearer <token>`; a browser's session cookie works from our own pages.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "signalbox_session" },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas, error: &Value) -> Value {
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint, schemas, error),
        "security": match endpoint.access {
            Access::Public | Access::Address => json!([]),
            _ => json!([{ "token": [] }, { "session": [] }]),
        },
    });
    if let Access::May(permission) = endpoint.access {
        operation["x-permission"] = permission.as_str().into();
    }
    match &endpoint.body {
        BodyRule::None => {}
        BodyRule::Json(schema) => {
            let schema = schemas.reference(*schema);
            operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        BodyRule::Any => {
            operation["requestBody"] = json!({ "content": {
                "application/json": { "schema": {} },
                "application/x-www-form-urlencoded": { "schema": { "type": "object" } },
            } });
        }
    }
    operation
}

fn responses(endpoint: &Endpoint, schemas: &mut Schemas, error: &Value) -> Map<String, Value> {
    let mut responses = Map::new();
    let first = Also { status: endpoint.status, when: "All is well.", answer: endpoint.answer };
    for also in std::iter::once(&first).chain(&endpoint.also) {
        let mut response = json!({ "description": also.when });
        if let Some(answer) = also.answer {
            let schema = schemas.reference(answer);
            response["content"] = json!({ "application/json": { "schema": schema } });
        }
        responses.insert(also.status.to_string(), response);
    }
    let failure = json!({
        "description": "What went wrong and what to do next.",
        "content": { "application/json": { "schema": error } },
    });
    responses.insert("default".to_owned(), failure);
    responses
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let in_path = endpoint.path_parameters().into_iter().map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = endpoint.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": false,
            "description": parameter.description,
            "schema": { "type": parameter.kind },
        })
    });
    let header = |name: &str, text: &str, required: bool| {
        json!({
            "name": name,
            "in": "header",
            "required": required,
            "description": text,
            "schema": { "type": "string" },
        })
    };
    let mut all: Vec<Value> = in_path.chain(in_query).collect();
    if endpoint.if_match {
        all.push(header("If-Match", "The draft's revision in quotes, as its ETag gave it.", true));
    }
    if endpoint.idempotent {
        all.push(header(
            "Idempotency-Key",
            "A repetition with the same key gets the first answer.",
            false,
        ));
    }
    all
}

/// Schemas by name; each type once.
#[derive(Default)]
struct Schemas(Map<String, Value>);

impl Schemas {
    /// A reference to a type of ours; a list or plain JSON as it is.
    fn reference(&mut self, of: SchemaOf) -> Value {
        let mut more = Vec::new();
        (of.more)(&mut more);
        for (name, schema) in more {
            self.add(name, &schema);
        }
        let (name, schema) = ((of.name)(), (of.schema)());
        let is_list = matches!(&schema, RefOr::T(Schema::Array(_)));
        if is_list || name == "Value" {
            return serde_json::to_value(schema).unwrap_or_default();
        }
        self.add(name.clone(), &schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn add(&mut self, name: String, schema: &RefOr<Schema>) {
        let value = serde_json::to_value(schema).unwrap_or_default();
        self.0.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes;
    use std::collections::BTreeMap;

    #[test]
    fn no_two_forms_share_a_name() {
        let mut known = BTreeMap::<String, Value>::new();
        for endpoint in routes::all() {
            let also = endpoint.also.iter().filter_map(|also| also.answer);
            let body = match &endpoint.body {
                BodyRule::Json(schema) => Some(*schema),
                _ => None,
            };
            for of in endpoint.answer.into_iter().chain(also).chain(body) {
                let mut all = vec![((of.name)(), (of.schema)())];
                (of.more)(&mut all);
                // A list has no name of its own: it stands in the document where it is used.
                all.retain(|(_, schema)| !matches!(schema, RefOr::T(Schema::Array(_))));
                for (name, schema) in all {
                    let schema = serde_json::to_value(schema).unwrap();
                    let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
                    assert_eq!(*first, schema, "{name} in {}", endpoint.name);
                }
            }
        }
    }
}

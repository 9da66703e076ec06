//! Schemas that are none.

use super::{alone, caught, found, set};
use crate::graph::{
    Contract, Graph, LlmSettings, NodeKind, OutputFormat, Problem, Severity, TaskSettings,
};
use serde_json::{Value, json};

fn named(schema: Value) -> Graph {
    let mut graph = alone(set("a", json!({"x": 1})));
    graph.schemas.insert("brief".to_owned(), schema);
    graph
}

fn bad(graph: &Graph) -> Vec<Problem> {
    found(graph).into_iter().filter(|problem| problem.code == "bad-schema").collect()
}

#[test]
fn what_is_no_json_schema_is_named_with_its_place() {
    for good in [
        json!(null),
        json!({}),
        json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
            "a": {"type": ["string", "null"], "minLength": 1, "x-own": {"type": "strin"}},
            "type": {"const": 1}, "required": {"type": "boolean", "default": {"type": 5}}}}),
        json!({"type": "array", "items": {"anyOf": [true, {"enum": [{"type": "strin"}]}]}}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]}),
    ] {
        assert_eq!(bad(&named(good.clone())), [], "{good}");
    }
    for (schema, pointer, said) in [
        (json!({"type": "strin"}), "/type", "at /type \"strin\" is no type. Did you mean string?"),
        (json!({"type": "date"}), "/type", "Types are array, boolean"),
        (json!({"type": []}), "/type", "a list of types"),
        (
            json!({"properties": {"a/b": {"type": ["null", "strin"]}}}),
            "/properties/a~1b/type",
            "strin",
        ),
        (json!({"properties": []}), "/properties", "an object with schemas"),
        (json!({"properties": {"a": "string"}}), "/properties/a", "there must be a schema"),
        (json!({"required": true}), "/required", "a list of names"),
        (json!({"required": ["a", "a"]}), "/required", "a list of names"),
        (json!({"items": [{"type": "null"}]}), "/items", "there must be a schema"),
        (json!({"items": {"anyOf": [{}, {"enum": "x"}]}}), "/items/anyOf/1/enum", "a list"),
        (json!({"allOf": []}), "/allOf", "a list of schemas"),
        (json!({"minItems": 1.5}), "/minItems", "a whole number"),
        (json!("object"), "", "there must be a schema"),
    ] {
        let problem = caught(&named(schema), "bad-schema", "");
        assert_eq!(problem.severity, Severity::Error);
        assert_eq!(problem.field, Some(format!("/schemas/brief{pointer}")));
        assert!(problem.message.contains(said), "{}", problem.message);
    }
}

#[test]
fn schemas_of_steps_are_judged_once() {
    let wrong = json!({"type": "strin"});
    let with = |kind: NodeKind| {
        let mut graph = named(json!({"type": "object"}));
        graph.nodes[1].kind = kind;
        graph
    };
    let task =
        || NodeKind::Task(TaskSettings { output_schema: wrong.clone(), ..TaskSettings::default() });
    let problem = caught(&with(task()), "bad-schema", "a");
    assert_eq!(problem.field.as_deref(), Some("/output_schema/type"));
    let mut graph = with(task());
    graph.schemas.insert("brief".to_owned(), wrong.clone());
    graph.nodes[1].contract =
        Some(Contract { output_schema: Some("brief".to_owned()), ..Contract::default() });
    assert_eq!(bad(&graph).len(), 1, "the one that the contract names");
    let llm = |output_format: OutputFormat| {
        let output_schema = wrong.clone();
        NodeKind::Llm(LlmSettings { output_format, output_schema, ..LlmSettings::default() })
    };
    assert_eq!(bad(&with(llm(OutputFormat::Json))).len(), 1);
    assert_eq!(bad(&with(llm(OutputFormat::Text))), [], "text is not held against it");
    let form = json!({"type": "human", "mode": "answer", "form": {"properties": 5}});
    let problem = caught(&with(serde_json::from_value(form).unwrap()), "bad-schema", "a");
    assert_eq!(problem.field.as_deref(), Some("/form/properties"));
}

/// Each name was held against all before it: this took minutes.
#[test]
fn a_long_list_of_names_is_judged_as_fast_as_it_is_read() {
    let names: Vec<String> = (0..200_000).map(|at| format!("n{at}")).collect();
    assert_eq!(bad(&named(json!({ "required": names }))), []);
}

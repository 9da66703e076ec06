//! What a world file says is what a run meets.

use super::*;
use crate::graph::{CompiledGraph, Graph};
use crate::id::{OrganizationId, WorkflowId};
use crate::run::Context;
use serde_json::json;
use uuid::Uuid;

pub(crate) fn context() -> Context {
    Context {
        organization_id: OrganizationId(Uuid::from_u128(1)),
        workflow_id: WorkflowId(Uuid::from_u128(2)),
        root_workflow_id: None,
        zone: chrono_tz::UTC,
    }
}

fn compiled(document: Value) -> CompiledGraph {
    let graph: Graph = format::import(&document).unwrap().graph;
    CompiledGraph::compile(graph, &StubbedTools).unwrap()
}

fn sending() -> CompiledGraph {
    compiled(json!({"name": "x", "steps": [
        {"stepSlug": "get", "stepType": "action", "config": {"type": "customer_get", "parameters": {"customerId": "{{input.id}}"}},
         "nextSteps": {"success": "send"}},
        {"stepSlug": "send", "stepType": "action",
         "config": {"type": "email_send", "parameters": {"customerId": "{{steps.get.output._id}}", "subject": "Hi {{steps.get.output.name}}"}},
         "nextSteps": {"success": "note", "error": "failed"}},
        {"stepSlug": "note", "stepType": "action", "config": {"type": "set_variables", "parameters": {"sent": "{{steps.send.output.to}}"}}},
        {"stepSlug": "failed", "stepType": "action", "config": {"type": "set_variables", "parameters": {"why": "{{steps.send.error.message}}"}}},
    ]}))
}

fn all(graph: &CompiledGraph, world: Value) -> Vec<Played> {
    let file = WorldFile::parse(&world.to_string()).unwrap();
    file.scenarios().iter().map(|scenario| play(graph, &context(), &file, scenario)).collect()
}

#[test]
fn contacts_rules_and_decisions_are_met() {
    let played = all(
        &sending(),
        json!({
            "contacts": [{"id": "c1", "name": "Ada", "email": "ada@example.com"}],
            "scenarios": [
                {"name": "sent", "input": {"id": "c1"},
                 "expect": {"status": "Completed", "messages": 1, "variables": {"sent": "ada@example.com"}, "completed": ["note"], "not_completed": ["failed"]}},
                {"name": "rejected", "input": {"id": "c1"},
                 "approvals": [{"node": "send", "answers": [{"decision": "reject", "reason": "No.", "after_ms": 60_000}]}],
                 "expect": {"status": "Completed", "messages": 0, "completed": ["failed"]}},
                {"name": "bounced", "input": {"id": "c1"},
                 "tools": [{"tool": "email_send", "answers": [{"error": {"kind": "invalid_input", "message": "Bounced: {}"}}]}],
                 "expect": {"status": "Completed", "variables": {"why": "Bounced: {}"}}},
                {"name": "unknown", "input": {"id": "c9"}, "expect": {"status": "Failed"}},
                {"name": "wrong", "input": {"id": "c1"}, "expect": {"status": "Failed", "messages": 2}},
            ],
        }),
    );
    let differences: Vec<Vec<String>> =
        played.iter().map(|played| played.differences.clone()).collect();
    let none: Vec<String> = vec![];
    let wrong = vec![
        "status is Completed, expected Failed".to_owned(),
        "1 messages left, expected 2".to_owned(),
    ];
    assert_eq!(differences, [none.clone(), none.clone(), none.clone(), none, wrong]);
    assert_eq!(played[0].messages[0]["subject"], "Hi Ada");
}

#[test]
fn answers_follow_one_another_and_rules_have_conditions() {
    let graph = compiled(json!({"name": "x", "steps": [
        {"stepSlug": "ask", "stepType": "action", "config": {"type": "weather", "parameters": {"operation": "today", "city": "{{input.city}}"},
         "retryPolicy": {"maxRetries": 2, "backoffMs": 10}}, "nextSteps": {"success": "note"}},
        {"stepSlug": "note", "stepType": "action", "config": {"type": "set_variables", "parameters": {"weather": "{{steps.ask.output}}"}}},
    ]}));
    let played = all(
        &graph,
        json!({
            "tools": [
                {"tool": "weather.today", "when": "{{input.city}} == 'Oslo'", "answers": [
                    {"error": {"kind": "timeout", "message": "Late."}}, {"output": "snow in {{input.city}}, try {{attempt}}"}]},
                {"tool": "weather.today", "when": "{{input.city}} == 'Rome'", "answers": [{"output": "sun"}]},
            ],
            "scenarios": [
                {"name": "a", "input": {"city": "Oslo"}, "expect": {"variables": {"weather": "snow in Oslo, try 2"}}},
                {"name": "b", "input": {"city": "Rome"}, "expect": {"variables": {"weather": "sun"}}},
                {"name": "c", "input": {"city": "Bonn"}, "expect": {"status": "Failed"}},
            ],
        }),
    );
    for played in &played {
        assert_eq!(played.differences, Vec::<String>::new());
    }
    assert!(played[2].unanswered[0].contains("weather.today"));
}

#[test]
fn customers_can_be_found_changed_and_filtered() {
    let mut contacts = super::contacts::Contacts::new(
        [
            json!({"id": "a", "status": "active", "totalSpent": 10}),
            json!({"id": "b", "status": "active", "totalSpent": 90}),
        ]
        .into_iter()
        .map(|record| record.as_object().unwrap().clone()),
    );
    let mut call = |tool: &str, input: Value| contacts.call(tool, &input, 0).unwrap();
    assert_eq!(
        call("customer.query", json!({"status": "active", "limit": 1})).unwrap()["count"],
        1
    );
    call("customer.update", json!({"customerId": "b", "status": "VIP", "emailSent": true}))
        .unwrap();
    assert_eq!(call("customer.get_by_id", json!({"customerId": "b"})).unwrap()["emailSent"], true);
    call("customer.create", json!({"name": "C", "totalSpent": 500})).unwrap();
    let bound =
        json!({"$expression": "totalSpent > {{input.least}}", "$scope": {"input": {"least": 50}}});
    let found = call("customer.filter", json!({"expression": bound})).unwrap();
    assert_eq!(found["count"], 2);
    assert!(call("customer.get_by_id", json!({"customerId": "z"})).is_err());
}

#[test]
fn models_answer_in_the_shape_that_was_asked_for() {
    let graph = compiled(json!({"name": "x", "steps": [
        {"stepSlug": "ai", "stepType": "llm", "config": {"systemPrompt": "Judge.", "outputFormat": "json",
         "outputSchema": {"type": "object", "properties": {"status": {"enum": ["active", "churned"]}, "score": {"type": "number"}}}}},
    ]}));
    let played = all(&graph, json!({}));
    let output = played[0]
        .outcome
        .state
        .activations
        .values()
        .last()
        .map(|activation| activation.output.clone());
    assert_eq!(output, Some(json!({"status": "active", "score": 1})));
}

#[test]
fn mistakes_in_a_world_file_are_named() {
    let check = |text: &str, expected: &str| {
        let error = WorldFile::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("{", "line 1");
    check(r#"{"tool": []}"#, "unknown field `tool`");
    check(r#"{"tools": [{"tool": "x", "when": "1 +", "answers": []}]}"#, "tools[0].when");
    check(
        r#"{"scenarios": [{"models": [{"answers": [{"output": "{{"}]}]}]}"#,
        "scenarios[0].models[0].answers[0].output",
    );
}

//! What was read comes out again, whole or with just the change that was made.

mod bad;
mod contract;
mod dag;
mod kept;
mod outbound;
mod plans;
mod support;
mod yaml;

use super::*;
use crate::graph::{
    Edge, GraphEdit, KindTag, Misfire, Node, NodeKind, Position, RetryPolicy, ScheduleRule,
    TriggerKind, TriggerSettings, WebhookAnswer,
};
use crate::id::NodeId;
use proptest::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) fn fixtures() -> Vec<(PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut found = Vec::new();
    for folder in ["visual-workflows", "guide-patterns"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let document = parse_text(&std::fs::read_to_string(&path).unwrap()).unwrap();
                found.push((path, document));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), 18 + 5);
    found
}

fn fixture(name: &str) -> Imported {
    let (_, document) = fixtures().into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
    import(&document).unwrap()
}

fn written(imported: &Imported) -> Value {
    export(&imported.graph, &imported.name, &imported.description, imported.format).unwrap()
}

/// Steps of the document by slug, as text (so that key order counts).
fn steps(document: &Value) -> Vec<(String, String)> {
    let steps = document.get("steps").or(document.get("stepsConfig")).unwrap().as_array().unwrap();
    steps
        .iter()
        .map(|step| (step["stepSlug"].as_str().unwrap().to_owned(), step.to_string()))
        .collect()
}

/// The slugs of steps that an edit changed in the written document.
fn changed(imported: &mut Imported, edit: impl FnOnce(&mut Imported)) -> (Vec<String>, Value) {
    let before = steps(&written(imported));
    edit(imported);
    let document = written(imported);
    let after = steps(&document);
    let mut slugs: Vec<String> =
        after.iter().filter(|step| !before.contains(step)).map(|(slug, _)| slug.clone()).collect();
    slugs.extend(
        before
            .iter()
            .filter(|(slug, _)| !after.iter().any(|(other, _)| other == slug))
            .map(|(slug, _)| format!("-{slug}")),
    );
    (slugs, document)
}

fn apply(imported: &mut Imported, edit: GraphEdit) {
    edit.apply(&mut imported.graph).unwrap();
}

// WF-03
#[test]
fn every_fixture_comes_out_as_it_went_in() {
    for (path, document) in fixtures() {
        let imported = import(&document).unwrap();
        let expected = if document.get("steps").is_some() {
            Format::VisualWorkflow
        } else {
            Format::VisualWorkflowConfig
        };
        assert_eq!(imported.format, expected);
        // As text, so that key order counts.
        assert_eq!(written(&imported).to_string(), document.to_string(), "{}", path.display());
        assert!(imported.graph.trigger().is_some(), "{}", path.display());
        assert_eq!(
            imported.problems.iter().filter(|p| p.severity > crate::graph::Severity::Info).count(),
            0,
            "{:?}",
            imported.problems
        );
    }
}

#[test]
fn every_fixture_survives_our_own_format_and_the_other_visual_form() {
    for (path, document) in fixtures() {
        let Imported { mut graph, name, description, .. } = import(&document).unwrap();
        let own = export(&graph, &name, &description, Format::SignalboxV1).unwrap();
        let back = import(&own).unwrap();
        assert_eq!(back.graph, graph, "{}", path.display());
        assert_eq!(export(&back.graph, &name, &description, Format::SignalboxV1).unwrap(), own);
        // Written afresh: all that runs is still the same.
        graph.origin = None;
        for format in [Format::VisualWorkflow, Format::VisualWorkflowConfig] {
            let again = import(&export(&graph, &name, &description, format).unwrap()).unwrap();
            let mut back = again.graph;
            back.origin = None;
            assert_eq!(sorted(back), sorted(graph.clone()), "{}", path.display());
            assert_eq!((again.name, again.description), (name.clone(), description.clone()));
        }
    }
}

/// Order and places decide nothing about running.
fn sorted(mut graph: Graph) -> Graph {
    graph.nodes.sort_by(|a, b| a.id.cmp(&b.id));
    graph.edges.sort_by(|a, b| a.id.cmp(&b.id));
    for node in &mut graph.nodes {
        node.position = Position::default();
    }
    graph
}

/// What the format has no word for: missed times, filters.
#[test]
fn what_a_trigger_says_beyond_the_format_comes_back() {
    let rule = ScheduleRule { misfire: Misfire::All, no_overlap: true, max_lateness_ms: Some(5) };
    let cron = TriggerKind::Schedule { cron: "0 9 * * *".into(), timezone: None };
    let event = TriggerKind::Event { event_type: "customer.created".into() };
    let filter = Some("event.customer.status == 'VIP'".to_owned());
    for settings in [
        TriggerSettings { trigger: cron, schedule: rule, ..TriggerSettings::default() },
        TriggerSettings { trigger: event, filter, ..TriggerSettings::default() },
    ] {
        let kind = NodeKind::Trigger(settings);
        let nodes =
            vec![Node::new("t", kind.clone()), Node::new("e", NodeKind::End(Default::default()))];
        let edges = vec![Edge::new("t", "success", "e")];
        let graph = Graph { nodes, edges, ..Graph::default() };
        for format in [Format::VisualWorkflow, Format::VisualWorkflowConfig, Format::SignalboxV1] {
            let document = export(&graph, "x", "", format).unwrap();
            let back = import(&document).unwrap();
            assert_eq!(
                back.graph.trigger().map(|node| &node.kind),
                Some(&kind),
                "{format:?}: {document}"
            );
        }
    }
}

// WF-04
#[test]
fn triggers_are_read_and_made() {
    let trigger = |document: Value| {
        let imported = import(&document).unwrap();
        let node = imported.graph.trigger().unwrap().clone();
        let to: Vec<String> =
            imported.graph.edges_from(&node.id).map(|edge| edge.to.0.clone()).collect();
        assert_eq!(written(&imported), document);
        match node.kind {
            NodeKind::Trigger(settings) => (settings.trigger, to),
            other => panic!("{other:?}"),
        }
    };
    let with = |config: Value| {
        json!({"name": "x", "steps": [
            {"stepSlug": "go", "stepType": "trigger", "config": config, "nextSteps": {"success": "end"}},
        ]})
    };
    let to = |target: &str| vec![target.to_owned()];
    let schedule = |zone: Option<&str>| TriggerKind::Schedule {
        cron: "0 9 * * *".into(),
        timezone: zone.map(str::to_owned),
    };
    assert_eq!(trigger(with(json!({"type": "manual"}))), (TriggerKind::Manual, to("end")));
    assert_eq!(
        trigger(with(
            json!({"type": "schedule", "cron": "0 9 * * *", "timezone": "Europe/Berlin"})
        ))
        .0,
        schedule(Some("Europe/Berlin"))
    );
    assert_eq!(
        trigger(with(json!({"type": "scheduled", "schedule": "0 9 * * *"}))).0,
        schedule(None)
    );
    assert_eq!(
        trigger(with(json!({"type": "webhook", "path": "/new-order"}))).0,
        TriggerKind::Webhook {
            path: "/new-order".into(),
            respond: WebhookAnswer::Accepted,
            proof: None
        }
    );
    assert_eq!(
        trigger(with(json!({"type": "event", "eventType": "customer.created"}))).0,
        TriggerKind::Event { event_type: "customer.created".into() }
    );
    let without = json!({"name": "x", "config": {"schedule": {"cron": "0 9 * * *", "timezone": "UTC"}}, "steps": [
        {"stepSlug": "a", "stepType": "action", "config": {"type": "set_variables"}, "nextSteps": {}},
        {"stepSlug": "b", "stepType": "action", "config": {"type": "set_variables"}, "nextSteps": {}},
    ]});
    assert_eq!(trigger(without), (schedule(Some("UTC")), vec!["a".into(), "b".into()]));
    let begins_with_a_loop = json!({"name": "x", "steps": [
        {"stepSlug": "each", "stepType": "loop", "config": {"items": [1, 2]}, "nextSteps": {"loop": "a", "done": "noop"}},
        {"stepSlug": "a", "stepType": "action", "config": {"type": "set_variables"}, "nextSteps": {"success": "each"}},
    ]});
    assert_eq!(trigger(begins_with_a_loop), (TriggerKind::Manual, to("each")));
}

#[test]
fn a_forgotten_step_does_not_begin_to_run() {
    let document = json!({"name": "x", "steps": [
        {"stepSlug": "go", "stepType": "start", "config": {}, "nextSteps": {"success": "a"}},
        {"stepSlug": "a", "stepType": "action", "config": {"type": "set_variables"}, "nextSteps": {}},
        {"stepSlug": "old", "stepType": "action", "config": {"type": "email_send"}, "nextSteps": {}},
    ]});
    let graph = import(&document).unwrap().graph;
    assert_eq!(graph.edges_into(&NodeId::from("old")).count(), 0);
}

// WF-17
#[test]
fn a_loop_is_read_with_its_item_variable_and_ports() {
    let graph = fixture("3-customer-health.json").graph;
    let NodeKind::Loop(settings) = &graph.node(&"loop_customers".into()).unwrap().kind else {
        panic!()
    };
    assert_eq!(settings.items, "{{steps.find_inactive.output.customers}}");
    assert_eq!(settings.item_variable.as_deref(), Some("customer"));
    let ports: Vec<(&str, &str)> = graph
        .edges
        .iter()
        .filter(|e| e.from.as_str() == "loop_customers")
        .map(|e| (e.port.as_str(), e.to.as_str()))
        .collect();
    assert_eq!(ports, [("next", "assess_customer"), ("done", "finish")]);
    assert_eq!(graph.node(&"finish".into()).unwrap().kind.tag(), KindTag::End);
}

#[test]
fn an_edit_changes_its_step_and_no_other() {
    let mut imported = fixture("2-product-recommendations.json");
    let mut node = imported.graph.node(&"recommend_products".into()).unwrap().clone();
    if let NodeKind::Llm(llm) = &mut node.kind {
        llm.temperature = Some(0.2);
    }
    let edit = GraphEdit::ConfigureNode { id: node.id.clone(), kind: Box::new(node.kind) };
    let (slugs, document) = changed(&mut imported, |imported| apply(imported, edit));
    assert_eq!(slugs, ["recommend_products"]);
    assert_eq!(document["steps"][2]["config"]["temperature"], 0.2);
    assert_eq!(document["steps"][2]["config"]["tools"], json!(["product_search", "product_get"]));
    assert!(document.get("signalbox").is_none());
}

#[test]
fn unknown_fields_of_a_changed_step_are_kept() {
    let document = json!({"name": "x", "colour": "red", "steps": [
        {"stepSlug": "go", "stepType": "start", "mark": 1, "config": {}, "nextSteps": {"success": "a"}},
        {"stepSlug": "a", "order": 3, "stepType": "action",
         "config": {"parameters": {"customerId": "{{input.id}}", "operation": "get_by_id"}, "hint": [1], "type": "customer"},
         "nextSteps": {"failure": "noop", "success": "noop"}},
    ]});
    let mut imported = import(&document).unwrap();
    let id = NodeId::from("a");
    let kind = NodeKind::Action(crate::graph::ActionSettings {
        tool: "customer.get_by_id".into(),
        parameters: json!({"customerId": "{{input.customerId}}"}),
    });
    apply(&mut imported, GraphEdit::ConfigureNode { id: id.clone(), kind: Box::new(kind) });
    let mut policy = imported.graph.node(&id).unwrap().policy.clone();
    policy.retry = Some(RetryPolicy { retries_max: 2, backoff_ms: 500, retry_on: Vec::new() });
    apply(&mut imported, GraphEdit::SetPolicy { id, policy: Box::new(policy) });
    apply(&mut imported, GraphEdit::RemoveEdge { id: "a.error>noop".into() });
    let mut expected = document;
    expected["steps"][1]["config"]["parameters"]["customerId"] = json!("{{input.customerId}}");
    expected["steps"][1]["config"]["retryPolicy"] = json!({"maxRetries": 2, "backoffMs": 500});
    expected["steps"][1]["nextSteps"] = json!({"success": "noop"});
    assert_eq!(written(&imported).to_string(), expected.to_string());
    let again = import(&written(&imported)).unwrap();
    assert_eq!(sorted(strip(again.graph)), sorted(strip(imported.graph)));
}

fn strip(mut graph: Graph) -> Graph {
    graph.origin = None;
    graph
}

#[test]
fn a_renamed_step_keeps_its_fields_and_its_neighbours_follow() {
    let mut imported = fixture("onedrive_sync.json");
    let rename = GraphEdit::RenameNode { id: "refresh_token".into(), to: "renew_token".into() };
    let (slugs, document) = changed(&mut imported, |imported| apply(imported, rename));
    assert_eq!(slugs, ["check_needs_refresh", "renew_token", "-refresh_token"]);
    let step = document["stepsConfig"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["stepSlug"] == "renew_token");
    assert_eq!(
        step.unwrap()["nextSteps"],
        json!({"success": "check_item_type", "failure": "mark_config_error"})
    );
    assert_eq!(step.unwrap()["config"]["parameters"]["operation"], "refresh_token");
}

#[test]
fn a_new_step_is_written_as_its_document_spells() {
    for (name, kind, operation) in [
        ("gmail_email-sync.json", "customer", json!("get_by_id")),
        ("1-auto-reply.json", "customer_get_by_id", Value::Null),
    ] {
        let mut imported = fixture(name);
        let action = NodeKind::Action(crate::graph::ActionSettings {
            tool: "customer.get_by_id".into(),
            parameters: json!({"customerId": "1"}),
        });
        let mut node = Node::new("added", action);
        node.position = Position { x: 8.0, y: 900.0 };
        apply(&mut imported, GraphEdit::AddNode { node: Box::new(node), index: None });
        let from = imported
            .graph
            .nodes
            .iter()
            .find(|n| n.kind.tag() == KindTag::Action)
            .unwrap()
            .id
            .clone();
        apply(
            &mut imported,
            GraphEdit::AddEdge {
                edge: Box::new(Edge::new(from.clone(), "error", "added")),
                index: None,
            },
        );
        let document = written(&imported);
        let steps =
            document.get("steps").or(document.get("stepsConfig")).unwrap().as_array().unwrap();
        let step = steps.last().unwrap();
        assert_eq!(step["config"]["type"], kind);
        assert_eq!(step["config"]["parameters"]["operation"], operation);
        let source = steps.iter().find(|step| step["stepSlug"] == from.as_str()).unwrap();
        assert_eq!(source["nextSteps"]["error"], "added");
        let again = import(&document).unwrap();
        assert_eq!(
            again.graph.node(&"added".into()).unwrap().position,
            Position { x: 8.0, y: 900.0 }
        );
        assert_eq!(sorted(strip(again.graph)), sorted(strip(imported.graph)));
    }
}

#[test]
fn what_the_format_has_no_word_for_comes_back() {
    let mut imported = fixture("5-error-handling.json");
    let mut policy = imported.graph.node(&"send_email".into()).unwrap().policy.clone();
    policy.condition = Some("input.send".into());
    policy.approval = Some(crate::graph::ApprovalTiming::After);
    apply(
        &mut imported,
        GraphEdit::SetPolicy { id: "send_email".into(), policy: Box::new(policy) },
    );
    apply(&mut imported, GraphEdit::RemoveEdge { id: "send_email.success>mark_sent".into() });
    let mut edge = Edge::new("send_email", "success", "mark_sent");
    edge.condition = Some("input.mark".into());
    apply(&mut imported, GraphEdit::AddEdge { edge: Box::new(edge), index: None });
    apply(
        &mut imported,
        GraphEdit::AddEdge {
            edge: Box::new(Edge::new("send_email", "success", "end")),
            index: None,
        },
    );
    let wait = NodeKind::Wait(crate::graph::WaitSettings {
        until: crate::graph::WaitUntil::Duration { duration_ms: 60_000 },
    });
    apply(
        &mut imported,
        GraphEdit::AddNode { node: Box::new(Node::new("pause", wait)), index: None },
    );
    apply(
        &mut imported,
        GraphEdit::AddEdge {
            edge: Box::new(Edge::new("log_failure", "error", "pause")),
            index: None,
        },
    );
    let again = import(&written(&imported)).unwrap();
    assert_eq!(sorted(strip(again.graph)), sorted(strip(imported.graph)));
    assert_eq!(again.problems.len(), 1, "{:?}", again.problems);
}

#[test]
fn a_moved_node_keeps_the_picture_and_only_adds_our_key() {
    let mut imported = fixture("4-multi-step-conversation.json");
    let before = written(&imported);
    let position = Position { x: 40.0, y: -8.0 };
    apply(&mut imported, GraphEdit::MoveNode { id: "get_customer".into(), position });
    let mut after = written(&imported);
    let again = import(&after).unwrap();
    assert_eq!(again.graph.node(&"get_customer".into()).unwrap().position, position);
    after.as_object_mut().unwrap().shift_remove("signalbox").unwrap();
    assert_eq!(after.to_string(), before.to_string());
}

#[test]
fn settings_of_the_workflow_are_read_and_written() {
    let mut imported = fixture("circuly_sync-customers.json");
    assert_eq!(imported.graph.settings.timeout_ms, Some(300_000));
    assert_eq!(imported.graph.settings.retry.as_ref().unwrap().retries_max, 3);
    assert_eq!(imported.graph.settings.variables["pageSize"], 50);
    imported.graph.settings.variables.insert("pageSize".into(), json!(10));
    imported.name = "Renamed".into();
    let (slugs, document) = changed(&mut imported, |_| {});
    assert!(slugs.is_empty());
    assert_eq!(document["workflowConfig"]["config"]["variables"]["pageSize"], 10);
    assert_eq!(document["workflowConfig"]["name"], "Renamed");
    assert_eq!(document["workflowConfig"]["workflowType"], "predefined");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let check = |text: &str, expected: &str| {
        let error = import_text(text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("{\n  \"name\": \"x\",\n  \"steps\": [", "line 3, column 12");
    check("{\n  \"a\" 1}", "line 2, column 7");
    check("[]", "none of the formats");
    check(
        r#"{"steps": [{"stepSlug": "a", "stepType": "llm"}, {"stepType": "llm"}]}"#,
        "steps[1].stepSlug",
    );
    check(r#"{"steps": [{"stepSlug": "a"}]}"#, "steps[0].stepType");
    check(r#"{"stepsConfig": {}}"#, "at stepsConfig, line 1, column 17");
    check(
        r#"{"steps": [{"stepSlug": "a", "stepType": "llm", "nextSteps": []}]}"#,
        "steps[0].nextSteps",
    );
    check(r#"{"format": "signalbox/v1"}"#, "(at graph, line 1, column 1)");
    check(
        r#"{"format": "signalbox/v1", "graph": {"nodes": [{"id": "a", "kind": {"type": "nothing"}}]}}"#,
        "graph.nodes[0]",
    );
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    check(&deep, "deeper than 100");
    check(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)), "recursion limit");
    let many = json!({"steps": vec![json!({"stepSlug": "a", "stepType": "llm"}); 5_001]});
    check(&many.to_string(), "too many steps");
}

#[test]
fn unknown_fields_of_our_own_format_survive_a_change() {
    let document = json!({"format": "signalbox/v1", "name": "x", "own": 1, "description": "", "graph": {
        "nodes": [
            {"id": "t", "mark": true, "kind": {"type": "trigger", "trigger": {"on": "manual"}}, "position": {"x": 0.0, "y": 0.0}},
            {"id": "e", "kind": {"type": "end", "later": 2}, "position": {"x": 288.0, "y": 0.0}},
        ],
        "edges": [{"id": "t.success>e", "from": "t", "port": "success", "to": "e"}],
    }});
    let mut imported = import(&document).unwrap();
    assert_eq!(written(&imported), document);
    apply(
        &mut imported,
        GraphEdit::MoveNode { id: "e".into(), position: Position { x: 9.0, y: 0.0 } },
    );
    let mut expected = document;
    expected["graph"]["nodes"][1]["position"]["x"] = json!(9.0);
    assert_eq!(written(&imported), expected);
}

fn json_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("steps".to_owned()),
        Just("stepsConfig".into()),
        Just("workflowConfig".into()),
        Just("config".into()),
        Just("stepSlug".into()),
        Just("stepType".into()),
        Just("nextSteps".into()),
        Just("parameters".into()),
        Just("operation".into()),
        Just("type".into()),
        Just("loop".into()),
        Just("llm".into()),
        Just("trigger".into()),
        Just("action".into()),
        Just("default".into()),
        Just("noop".into()),
        Just("signalbox".into()),
        Just("positions".into()),
        Just("schedule".into()),
        Just("graph".into()),
        Just("format".into()),
        Just("signalbox/v1".into()),
        "[a-c]{0,2}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Steps that read as steps, with odd configs and targets.
fn visual_document() -> impl Strategy<Value = Value> {
    let slug = "[a-d]|end|noop";
    let port = prop_oneof![
        Just("success"),
        Just("default"),
        Just("loop"),
        Just("failure"),
        Just("true"),
        Just("odd")
    ];
    let kind = prop_oneof![
        Just("action"),
        Just("llm"),
        Just("loop"),
        Just("condition"),
        Just("start"),
        Just("output"),
        Just("wait"),
        Just("end"),
        Just("mystery"),
    ];
    let next = proptest::collection::vec((port, slug), 0..3);
    let step = (slug, kind, json_value(), next).prop_map(|(slug, kind, config, next)| {
        let next: serde_json::Map<String, Value> =
            next.into_iter().map(|(port, to)| (port.to_owned(), json!(to))).collect();
        json!({"stepSlug": slug, "stepType": kind, "config": config, "nextSteps": next})
    });
    (proptest::collection::vec(step, 0..6), json_value(), any::<bool>()).prop_map(
        |(steps, config, form)| {
            if form {
                json!({"workflowConfig": {"name": "x", "config": config}, "stepsConfig": steps})
            } else {
                json!({"name": "x", "config": config, "steps": steps})
            }
        },
    )
}

proptest! {
    #[test]
    fn hostile_json_is_an_error_or_a_graph(document in json_value()) {
        if let Ok(imported) = import(&document) {
            let _ = written(&imported);
        }
    }

    #[test]
    fn whatever_is_read_comes_out_as_it_went_in(document in visual_document()) {
        let imported = import(&document).unwrap();
        prop_assert_eq!(written(&imported).to_string(), document.to_string());
    }

    #[test]
    fn a_cut_document_has_a_place(cut in 1_usize..400) {
        let text = include_str!("../../tests/fixtures/guide-patterns/5-error-handling.json");
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut).last().unwrap_or(0);
        match parse_text(&text[..end]) {
            Err(FormatError::Syntax { line, .. }) => prop_assert!(line >= 1 && line <= text[..end].lines().count() + 1),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

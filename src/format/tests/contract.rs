//! Contract drafts: what their words mean, maps against schemas, what is refused, and how they run.

use super::support::{Room, asked, compiled, done, outcome_of, plan, refused, run, text};
use crate::format::{import, import_text};
use crate::graph::{
    CheckContext, FailurePolicy, FailureRule, HumanMode, NodeKind, Severity, TaskExecutor, check,
};
use crate::run::{ErrorKind, Reply, RunEnd, StepError};
use serde_json::{Value, json};

// CON-01 CON-02
#[test]
fn the_documents_draft_reads_as_it_says() {
    let imported = plan("contract-launch.json");
    assert_eq!(imported.name, "Launch marketing campaign");
    assert_eq!(imported.description, "Produce launch assets, collect approval, and publish");
    let graph = &imported.graph;
    assert_eq!(graph.schemas["launchBrief"]["required"], json!(["headline"]));
    assert_eq!(graph.schemas["launchBrief"]["properties"]["headline"], json!({"type": "string"}));
    let draft = graph.node(&"draft-brief".into()).unwrap();
    let NodeKind::Task(task) = &draft.kind else { panic!("{:?}", draft.kind) };
    assert_eq!((task.executor, task.worker.as_str()), (TaskExecutor::Agent, "cmo"));
    assert_eq!(task.instructions, "Draft the brief using the current product positioning.");
    assert_eq!(task.output_schema, graph.schemas["launchBrief"]);
    let retry = draft.policy.retry.as_ref().unwrap();
    assert_eq!(
        (retry.retries_max, retry.retry_on.as_slice()),
        (1, ["schema_validation_failed".to_owned()].as_slice())
    );
    let note = "Revise the workflow if strategy changes".to_owned();
    let rule =
        FailureRule { on: vec!["human_rejected".to_owned()], action: FailurePolicy::Replan, note };
    assert_eq!((draft.policy.on_failure, &draft.policy.failures), (None, &vec![rule]));
    let contract = draft.contract.as_ref().unwrap();
    assert_eq!(contract.objective, "Create the initial launch brief");
    assert_eq!(
        contract.success_criteria,
        ["Brief covers positioning, audience, and rollout channels"]
    );
    assert!(contract.deliverables[0].required && contract.deliverables[0].kind == "markdown");
    assert_eq!(contract.completion_checks[0].config, json!({"schemaRef": "launchBrief"}));
    assert_eq!(contract.failure[0].note, "Revise the workflow if strategy changes");
    assert_eq!(contract.tools.as_ref().unwrap().allow, ["searchWeb"]);
    let context = contract.context.as_ref().unwrap();
    assert_eq!((context.web_policy.as_str(), context.retrieval_scopes.len()), ("allowed", 2));
    let approve = graph.node(&"approve-brief".into()).unwrap();
    let NodeKind::Human(human) = &approve.kind else { panic!("{:?}", approve.kind) };
    assert_eq!(human.mode, HumanMode::Approve);
    assert_eq!(approve.contract.as_ref().unwrap().owner, "founder");
    assert_eq!(
        graph.edges.iter().map(|edge| edge.id.as_str()).collect::<Vec<_>>(),
        ["trigger.success>draft-brief", "brief-to-approval"]
    );
}

// CON-01
#[test]
fn the_documents_draft_runs_in_the_simulation() {
    let graph = compiled(plan("contract-launch.json").graph);
    let brief = json!({"headline": "Launch", "channels": ["email"]});
    let outcome = run(&graph, json!({}), &mut Room::new(move |_, _| brief.clone()));
    assert_eq!(done(&outcome), ["draft-brief", "approve-brief"]);
    assert_eq!(outcome_of(&outcome), "completed");
}

fn node(id: &str, more: Value) -> Value {
    let mut node = json!({"id": id, "type": "action", "label": id, "owner": {"executorType": "system", "ref": "x"},
        "objective": "", "instructions": "do"});
    for (key, value) in more.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

fn mapped(map: Value) -> Value {
    json!({
        "title": "t", "objective": "o",
        "schemas": {
            "out": {"type": "object", "properties": {"name": {"type": "string", "required": true},
                "size": {"type": "object", "properties": {"width": {"type": "integer"}}}}},
            "in": {"type": "object", "properties": {"who": {"type": "string", "required": true}, "width": {"type": "number"}}},
        },
        "nodes": [node("a", json!({"outputSchemaRef": "out"})), node("b", json!({"inputSchemaRef": "in"}))],
        "edges": [{"id": "ab", "source": "a", "target": "b", "map": map}],
        "entryNodeIds": ["a"],
    })
}

// CON-10
#[test]
fn maps_carry_fields_and_are_checked_against_the_schemas() {
    let good = mapped(json!({"who": "name", "width": "size.width"}));
    let graph = compiled(import(&good).unwrap().graph);
    let mut room = Room::new(|id, request| match id {
        "a" => json!({"name": "Ada", "size": {"width": 3}}),
        _ => serde_json::to_value(request).unwrap(),
    });
    let outcome = run(&graph, json!({}), &mut room);
    let given = outcome.state.activations.values().last().unwrap().output.to_string();
    assert!(given.contains(r#""who":"Ada""#) && given.contains(r#""width":3"#), "{given}");
    for (map, expected) in [
        (
            json!({}),
            "passes on what a gives, but that has no field who, and b cannot do without it",
        ),
        (json!({"who": "nme"}), "takes nme of what a gives, but that has no field nme"),
        (json!({"who": "size.height"}), "that has no field height"),
        (json!({"who": "name", "colour": "name"}), "fills colour, but b takes no such field"),
        (
            json!({"who": "size.width"}),
            "fills who of b, which is string, with size.width, which is integer",
        ),
        (json!({"width": "size.width"}), "leaves who empty, but b cannot do without it"),
    ] {
        let said = refused(import(&mapped(map)).unwrap().graph);
        assert!(said.contains(expected), "{said}");
    }
}

/// The properties of what the first step gives and of what the second one takes.
fn between(out: &Value, taken: &Value, map: Value) -> Value {
    let mut document = mapped(map);
    document["schemas"]["out"] = json!({"type": "object", "properties": out});
    document["schemas"]["in"] = json!({"type": "object", "properties": taken});
    document
}

#[test]
fn maps_are_checked_down_to_the_items_of_lists_and_the_fields_of_objects() {
    let list = |kind: &str| json!({"x": {"type": "array", "items": {"type": kind}}});
    let person =
        |kind: &str| json!({"x": {"type": "object", "properties": {"name": {"type": kind}}}});
    let plain = |kind: &str| json!({"x": {"type": kind, "required": true}});
    let x = || json!({"x": "x"});
    for (out, taken, map, expected) in [
        (
            list("string"),
            list("number"),
            x(),
            "fills x of b, which is a list of number, with x, which is a list of string",
        ),
        (
            person("string"),
            person("boolean"),
            x(),
            "which is an object whose name is boolean, with x, which is an object whose name is string",
        ),
        (
            plain("string"),
            plain("string"),
            json!({"x": "x.first"}),
            "takes x.first of what a gives, but that has no field first",
        ),
        (
            plain("string"),
            plain("number"),
            json!({}),
            "which is an object whose x is string, but b takes an object whose x is number",
        ),
        (json!({"y": {}}), plain("string"), json!({}), "no field x, and b cannot do without it"),
    ] {
        let said = refused(import(&between(&out, &taken, map)).unwrap().graph);
        assert!(said.contains(expected), "{said}");
    }
    for (out, taken, map) in [
        (list("integer"), list("number"), x()),
        (json!({"x": {"type": "array"}}), list("number"), x()),
        (person("string"), json!({"x": {"type": ["object", "null"]}}), x()),
        (plain("string"), plain("integer"), json!({"x": "x.length"})),
        (plain("string"), plain("string"), json!({})),
        (json!({"y": {}}), json!({"x": {"type": "string"}}), json!({})),
    ] {
        compiled(import(&between(&out, &taken, map)).unwrap().graph);
    }
    let mut open = between(&json!({}), &plain("string"), json!({}));
    open["schemas"]["out"]["additionalProperties"] = json!(true);
    compiled(import(&open).unwrap().graph);
    // With a second way in, what the first does not give may come from there.
    let mut two = between(&json!({}), &plain("string"), json!({}));
    two["nodes"].as_array_mut().unwrap().push(node("c", json!({})));
    let second = json!({"id": "cb", "source": "c", "target": "b", "map": {}});
    two["edges"].as_array_mut().unwrap().push(second);
    two["entryNodeIds"] = json!(["a", "c"]);
    compiled(import(&two).unwrap().graph);
}

#[test]
fn a_failure_follows_the_rule_that_names_it_and_no_other() {
    let document = json!({
        "title": "t", "objective": "o", "schemas": {},
        "nodes": [node("a", json!({"failurePolicy": [
            {"on": "rate_limited", "action": "retry"},
            {"on": "timeout", "action": "skip", "note": "It is late anyway"},
            {"on": "human_rejected", "action": "abort"}]}))],
        "edges": [],
        "entryNodeIds": ["a"],
    });
    let imported = import(&document).unwrap();
    let policy = &imported.graph.node(&"a".into()).unwrap().policy;
    assert_eq!((policy.on_failure, policy.failures.len()), (None, 2), "retries are told elsewhere");
    let written = crate::format::export(
        &imported.graph,
        &imported.name,
        &imported.description,
        imported.format,
    );
    assert_eq!(written.unwrap().to_string(), document.to_string());
    let mut anew = imported.graph.clone();
    anew.origin = None;
    let written = crate::format::write(&anew, &imported.name, "o", imported.format).unwrap();
    assert_eq!(written.document["nodes"][0].get("signalbox"), None, "the words say all of it");
    assert_eq!(import(&written.document).unwrap().graph.nodes, anew.nodes);

    let graph = compiled(imported.graph);
    for (kind, completes) in [
        (ErrorKind::Timeout, true),
        (ErrorKind::ExecutorError, false),
        (ErrorKind::RateLimited, false),
    ] {
        let failure =
            move || Reply::Failure { error: StepError::new(kind, "broken"), retry_after_ms: None };
        let mut room = Room { rule: Box::new(move |_, _| failure()), facts: vec![] };
        let outcome = run(&graph, json!({}), &mut room);
        let completed = matches!(outcome.state.end, Some(RunEnd::Completed { .. }));
        assert_eq!(completed, completes, "{kind:?}");
    }
}

#[test]
fn a_draft_that_begins_nowhere_cannot_be_published() {
    let mut document = mapped(json!({"who": "name"}));
    let errors = |document: &Value| -> Vec<String> {
        let graph = import(document).unwrap().graph;
        let problems = check(&graph, &CheckContext::default()).into_iter();
        let errors = problems.filter(|problem| problem.severity == Severity::Error);
        errors.map(|problem| problem.message).collect()
    };
    assert_eq!(errors(&document), Vec::<String>::new());
    document["entryNodeIds"] = json!([]);
    let said = errors(&document);
    assert!(
        said.len() == 1 && said[0].contains("Name its first nodes in entryNodeIds"),
        "{said:?}"
    );
}

#[test]
fn a_switch_leads_on_by_its_conditions_and_a_join_gathers() {
    let document = json!({
        "title": "t", "objective": "", "schemas": {},
        "nodes": [
            {"id": "which", "type": "switch", "label": "Which"}, node("left", json!({})), node("right", json!({})),
            {"id": "both", "type": "join", "label": "Both"}, node("last", json!({}))],
        "edges": [
            {"id": "1", "source": "which", "target": "left", "map": {}, "condition": "input.n > 1"},
            {"id": "2", "source": "which", "target": "right", "map": {}},
            {"id": "3", "source": "left", "target": "both", "map": {}},
            {"id": "4", "source": "right", "target": "both", "map": {}},
            {"id": "5", "source": "both", "target": "last", "map": {}}],
        "entryNodeIds": ["which"],
    });
    let imported = import(&document).unwrap();
    let written = crate::format::export(
        &imported.graph,
        &imported.name,
        &imported.description,
        imported.format,
    );
    assert_eq!(written.unwrap().to_string(), document.to_string());
    let graph = compiled(imported.graph);
    for (n, way) in [(2, "left"), (1, "right")] {
        let outcome = run(&graph, json!({ "n": n }), &mut Room::new(|_, request| asked(request)));
        assert_eq!(done(&outcome), ["which", way, "both", "last"]);
    }
}

#[test]
fn what_contradicts_itself_is_refused_with_its_place() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = text("contract-launch.json");
        assert!(text.contains(from), "{from}");
        let error = import_text(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.place().is_some_and(|place| place.line > 1));
    };
    check(
        "\"outputSchemaRef\": \"launchBrief\"",
        "\"outputSchemaRef\": \"brief\"",
        "there is no schema brief (at nodes[0].outputSchemaRef",
    );
    check(
        "\"schemaRef\": \"launchBrief\"",
        "\"schemaRef\": \"brief\"",
        "there is no schema brief (at nodes[0].completionChecks[0].config.schemaRef",
    );
    check(
        "\"target\": \"approve-brief\"",
        "\"target\": \"nobody\"",
        "there is no node nobody (at edges[0].target",
    );
    check("[\"draft-brief\"]", "[\"nobody\"]", "there is no node nobody (at entryNodeIds[0]");
    check(
        "\"executorType\": \"agent\"",
        "\"executorType\": \"robot\"",
        "it is agent, plugin, user or system",
    );
    check(
        "\"id\": \"approve-brief\"",
        "\"id\": \"draft-brief\"",
        "nodes[0] and nodes[1] are both called draft-brief",
    );
    check("\"action\": \"replan\"", "\"action\": \"cry\"", "none of retry, replan");
    check("\"maxAttempts\": 1", "\"maxAttempts\": -1", "whole number from 0 to 20");
}

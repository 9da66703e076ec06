//! What a document says beyond its graph: kept where there is a place for it, named where there is none.

use super::support::plan;
use super::{apply, sorted, strip};
use crate::format::*;
use crate::graph::{
    Edge, ExitCondition, Graph, GraphEdit, Node, NodeKind, Position, RunConcurrency, Severity,
    layout,
};
use serde_json::json;

fn small() -> Graph {
    let mut graph = Graph {
        nodes: vec![
            Node::new("t", NodeKind::Trigger(Default::default())),
            Node::new("e", NodeKind::End(Default::default())),
        ],
        edges: vec![Edge::new("t", "success", "e")],
        ..Graph::default()
    };
    layout::tidy(&mut graph);
    graph
}

#[test]
fn settings_that_the_visual_forms_have_no_word_for_come_back() {
    let mut graph = small();
    graph.settings.exits = vec![ExitCondition { when: "input.x".into(), outcome: "gone".into() }];
    graph.settings.concurrency = Some(RunConcurrency { key: "k".into(), limit: 2 });
    graph.settings.turns_max = Some(50);
    for format in [Format::VisualWorkflow, Format::VisualWorkflowConfig] {
        let written = write(&graph, "x", "", format).unwrap();
        assert_eq!(written.problems, [], "{format:?}");
        let own = &written.document["signalbox"]["settings"];
        let keys: Vec<&String> = own.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["exits", "concurrency"], "only what has no word: {own}");
        let mut again = import(&written.document).unwrap();
        assert_eq!(sorted(strip(again.graph.clone())), sorted(graph.clone()), "{format:?}");
        // Nothing changed: to the letter. One of them changed, and all of them gone: so is what stands there.
        let out = |again: &Imported| export(&again.graph, "x", "", format).unwrap();
        assert_eq!(out(&again).to_string(), written.document.to_string());
        again.graph.settings.exits.clear();
        let less = out(&again);
        assert_eq!(import(&less).unwrap().graph.settings, again.graph.settings);
        again.graph.settings.concurrency = None;
        assert_eq!(out(&again).get("signalbox"), None);
    }
}

/// The only warning of a plan that is written in another format.
#[track_caller]
fn left(imported: &Imported, format: Format) -> String {
    let Imported { graph, name, description, .. } = imported;
    let written = write(graph, name, description, format).unwrap();
    let mut found = written.problems.into_iter().filter(|problem| problem.code == "left-behind");
    let problem = found.next().unwrap_or_else(|| panic!("nothing is left behind in {format:?}"));
    assert_eq!((problem.severity, found.next()), (Severity::Warning, None));
    problem.message
}

// OUT-01
#[test]
fn what_a_plan_says_beyond_its_graph_is_named_where_it_is_left_behind() {
    let check = |imported: &Imported, format: Format, keys: &str| {
        let said = left(imported, format);
        assert!(said.contains(&format!(" says under {keys};")), "{said}");
        for same in [imported.format, Format::SignalboxV1] {
            let written = write(&imported.graph, &imported.name, &imported.description, same);
            let problems = written.unwrap().problems;
            assert!(problems.iter().all(|problem| problem.code != "left-behind"), "{problems:?}");
        }
    };
    let intro = plan("outbound-intro.json");
    for format in [Format::VisualWorkflow, Format::Dag, Format::Contract] {
        check(&intro, format, "id, version, metadata.createdAt, metadata.createdBy");
    }
    check(&plan("outbound-linear.json"), Format::Dag, "id, version, steps[].note");
    let dag = json!({ "name": "x", "tags": ["a"], "saveAsTemplate": true, "steps": [
        { "id": "a", "prompt": "A" }, { "id": "b", "prompt": "B", "dependsOn": ["a"], "colour": "red" }] });
    check(&import(&dag).unwrap(), Format::Outbound, "tags, saveAsTemplate, steps[].colour");
    assert!(left(&plan("contract-launch.json"), Format::Dag).contains("edges[].id"));
}

#[test]
fn unknown_fields_of_our_own_format_stand_beside_the_document_that_the_graph_came_from() {
    let visual = json!({ "name": "x", "colour": "red", "steps": [
        { "stepSlug": "go", "stepType": "trigger", "config": { "type": "manual" }, "nextSteps": { "success": "a" } },
        { "stepSlug": "a", "stepType": "llm", "config": { "systemPrompt": "S", "userPrompt": "U" }, "nextSteps": {} },
    ] });
    let read = import(&visual).unwrap();
    let mut ours = export(&read.graph, "x", "", Format::SignalboxV1).unwrap();
    assert_eq!(import(&ours).unwrap().graph, read.graph, "there is nothing to keep");
    ours["owner"] = json!({ "team": "sales" });
    ours["graph"]["theme"] = json!("dark");
    ours["graph"]["nodes"][1]["reviewed"] = json!(true);
    ours["graph"]["edges"][0]["colour"] = json!("blue");
    let mut imported = import(&ours).unwrap();
    assert_eq!(imported.graph.origin.as_ref().unwrap().format, "visual-workflow");
    let out = |imported: &Imported, format: Format| {
        export(&imported.graph, &imported.name, &imported.description, format).unwrap()
    };
    let once = out(&imported, Format::SignalboxV1);
    assert_eq!(once.to_string(), ours.to_string());
    assert_eq!(out(&import(&once).unwrap(), Format::SignalboxV1), ours, "and once more");
    assert_eq!(out(&imported, Format::VisualWorkflow), visual);
    // A change changes its place and no other.
    let position = Position { x: 7.0, y: 8.0 };
    apply(&mut imported, GraphEdit::MoveNode { id: "a".into(), position });
    let mut expected = ours;
    expected["graph"]["nodes"][1]["position"] = json!({ "x": 7.0, "y": 8.0 });
    assert_eq!(out(&imported, Format::SignalboxV1), expected);
    // What somebody puts in its place does no harm.
    imported.graph.origin.as_mut().unwrap().ours = Some(json!({ "graph": 5 }));
    assert_eq!(out(&imported, Format::SignalboxV1)["graph"]["nodes"].as_array().unwrap().len(), 2);
}

#[test]
fn many_strange_keys_are_counted_as_fast_as_they_are_read() {
    let mut document = plan("outbound-intro.json").graph.origin.unwrap().document;
    for at in 0..100_000 {
        document[format!("k{at}")] = json!(1);
    }
    assert!(left(&import(&document).unwrap(), Format::Dag).contains(" more;"));
}

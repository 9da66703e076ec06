//! What holds for every plan: it comes out as it went in, one change changes one place, and what a format has
//! no word for comes back.

use super::support::{plan, plans};
use super::{apply, fixtures, sorted, strip};
use crate::format::*;
use crate::graph::{
    ActionSettings, Edge, EndSettings, Graph, GraphEdit, LlmSettings, Node, NodeKind, Position,
    Severity, WaitSettings, WaitUntil,
};
use proptest::prelude::*;
use serde_json::json;

/// What decides about running: not order, places, or the ids of edges.
fn same(graph: &Graph) -> Graph {
    let mut graph = strip(graph.clone());
    for edge in &mut graph.edges {
        edge.id =
            format!("{}.{}>{} {:?}{:?}", edge.from, edge.port, edge.to, edge.map, edge.condition);
    }
    graph.edges.sort_by(|a, b| a.id.cmp(&b.id));
    graph.edges.dedup();
    sorted(graph)
}

const PLANS: [Format; 3] = [Format::Outbound, Format::Dag, Format::Contract];

fn again(imported: &Imported) -> Written {
    write(&imported.graph, &imported.name, &imported.description, imported.format).unwrap()
}

// OUT-01 DAG-11
#[test]
fn every_plan_comes_out_as_it_went_in() {
    for (name, text) in plans() {
        let (document, notation) = parse(&text).unwrap();
        let imported = import_text(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(name.starts_with(imported.format.name()), "{name}: {:?}", imported.format);
        assert_eq!(imported.problems, [], "{name}");
        let written = again(&imported);
        assert_eq!(written.document.to_string(), document.to_string(), "{name}");
        assert_eq!(written.problems, [], "{name}");
        let same = to_text(&imported.graph, &written.document, notation).unwrap();
        if notation == Notation::Yaml {
            assert_eq!(same, text, "{name}");
        }
        super::support::compiled(imported.graph);
    }
}

#[test]
fn every_plan_survives_every_other_format() {
    for (name, text) in plans() {
        let Imported { mut graph, name: title, description, .. } = import_text(&text).unwrap();
        for format in Format::ALL {
            for origin in [graph.origin.clone(), None] {
                graph.origin = origin;
                let written = write(&graph, &title, &description, format).unwrap();
                let lost: Vec<_> =
                    written.problems.iter().filter(|p| p.severity == Severity::Error).collect();
                assert_eq!(lost, Vec::<&crate::graph::Problem>::new(), "{name} to {format:?}");
                let back = import(&written.document).unwrap();
                assert_eq!(back.format, format, "{name}");
                assert_eq!(same(&back.graph), same(&graph), "{name} to {format:?}");
                assert_eq!((&back.name, &back.description), (&title, &description));
            }
        }
    }
}

/// A graph made elsewhere says in a plan's words what it can; the rest is kept apart, named, and comes back.
#[test]
fn a_visual_workflow_survives_the_plan_formats() {
    for (path, document) in fixtures() {
        let Imported { graph, name, description, .. } = import(&document).unwrap();
        for format in PLANS {
            let written = write(&graph, &name, &description, format).unwrap();
            let (kept, lost): (Vec<_>, Vec<_>) =
                written.problems.iter().partition(|p| p.severity == Severity::Warning);
            assert!(!kept.is_empty(), "{}", path.display());
            assert!(lost.is_empty(), "{}: {lost:#?}", path.display());
            let back = import(&written.document).unwrap();
            assert_eq!(back.format, format);
            assert_eq!(same(&back.graph), same(&graph), "{}", path.display());
        }
    }
}

#[test]
fn what_cannot_be_said_is_named() {
    let mut graph = plan("dag-topics.json").graph;
    graph.nodes.push(Node::new("pause", wait(1_000)));
    graph.edges.push(Edge::new("step3", "error", "pause"));
    graph.edges.push(Edge {
        map: [("a".into(), "b".into())].into(),
        ..Edge::new("step3", "success", "pause")
    });
    let written = write(&graph, "x", "", Format::Dag).unwrap();
    let said: Vec<String> =
        written.problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(
        said[0].starts_with(
            "pause is a step of the kind wait, which the format DAG plan does not have"
        ),
        "{said:#?}"
    );
    assert!(
        said[1].contains("the connections step3.error to pause, step3.success to pause"),
        "{said:#?}"
    );
    assert_eq!(written.problems[0].node, Some("pause".into()));
}

#[test]
fn a_dag_plan_of_foreign_steps_alone_is_recognised() {
    let mut graph = Graph::default();
    graph.nodes.push(Node::new("trigger", NodeKind::Trigger(Default::default())));
    graph.nodes.push(Node::new("pause", wait(1_000)));
    graph.edges.push(Edge::new("trigger", "success", "pause"));
    let written = write(&graph, "x", "", Format::Dag).unwrap();
    let back = import(&written.document).unwrap();
    assert_eq!(back.format, Format::Dag, "{}", written.document);
    assert_eq!(same(&back.graph), same(&graph));
}

#[test]
fn a_step_that_asks_makes_a_dag_plan_whatever_else_it_has() {
    for more in ["duration", "conditions", "templateId", "transitions"] {
        let mut document = json!({"name": "x", "steps": [{"id": "a", "prompt": "A"}]});
        document["steps"][0][more] = json!({"days": 1});
        document[more] = json!([]);
        assert_eq!(detect(&document), Some(Format::Dag), "{more}");
        document["steps"][0]["type"] = json!("wait");
        assert_eq!(detect(&document), Some(Format::Outbound), "{more}");
    }
}

/// An end is no word of these formats.
#[test]
fn the_last_step_of_a_plan_is_not_told_to_lead_on() {
    for (name, text) in plans() {
        let graph = import_text(&text).unwrap().graph;
        let problems = crate::graph::check(&graph, &crate::graph::CheckContext::default());
        let open = problems.iter().find(|problem| problem.code == "unconnected-port");
        assert_eq!(open, None, "{name}");
    }
    let mut draft = plan("contract-launch.json").graph;
    draft.nodes.iter_mut().for_each(|node| node.policy.failures.clear());
    let problems = crate::graph::check(&draft, &crate::graph::CheckContext::default());
    let open: Vec<_> =
        problems.iter().filter(|p| p.code == "unconnected-port").map(|p| p.port.clone()).collect();
    assert_eq!(open, [Some("rejected".to_owned())], "nothing says what a rejection does");
}

fn wait(duration_ms: u64) -> NodeKind {
    NodeKind::Wait(WaitSettings { until: WaitUntil::Duration { duration_ms } })
}

/// The edit, and the only lines of the written document that differ.
#[track_caller]
fn changes(name: &str, edits: Vec<GraphEdit>, gone: &[&str], new: &[&str]) -> Imported {
    let mut imported = plan(name);
    let lines = |imported: &Imported| -> Vec<String> {
        let mut document = again(imported).document;
        // A new step may move the others on the canvas.
        document.as_object_mut().unwrap().shift_remove("signalbox");
        let text = serde_json::to_string_pretty(&document).unwrap();
        text.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).collect()
    };
    let before = lines(&imported);
    edits.into_iter().for_each(|edit| apply(&mut imported, edit));
    let after = lines(&imported);
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        let mut b = b.to_vec();
        let mut only = vec![];
        for line in a {
            match b.iter().position(|other| other == line) {
                Some(at) => drop(b.remove(at)),
                None => only.push(line.clone()),
            }
        }
        only
    };
    assert_eq!(only(&before, &after), gone, "gone");
    assert_eq!(only(&after, &before), new, "new");
    let back = import(&again(&imported).document).unwrap();
    assert_eq!(same(&back.graph), same(&imported.graph));
    imported
}

#[test]
fn one_change_changes_one_place() {
    let configure =
        |id: &str, kind: NodeKind| GraphEdit::ConfigureNode { id: id.into(), kind: Box::new(kind) };
    changes(
        "outbound-linear.json",
        vec![configure("pause", wait(90_000_000))],
        &["\"hours\": 48"],
        &["\"days\": 1", "\"hours\": 1"],
    );
    changes(
        "outbound-intro.json",
        vec![GraphEdit::RenameNode { id: "cold-follow-up".into(), to: "reminder".into() }],
        &[
            "\"goto\": \"cold-follow-up\"",
            "\"id\": \"cold-follow-up\"",
            "\"to\": \"cold-follow-up\"",
            "\"from\": \"cold-follow-up\"",
        ],
        &[
            "\"goto\": \"reminder\"",
            "\"id\": \"reminder\"",
            "\"to\": \"reminder\"",
            "\"from\": \"reminder\"",
        ],
    );
    changes(
        "dag-triage.json",
        vec![GraphEdit::RemoveEdge { id: "normal-path.success>report".into() }],
        &["\"normal-path\""],
        &[],
    );
    let llm = LlmSettings {
        user_prompt: "Only {{steps[\"critical-path\"].output}}".into(),
        ..LlmSettings::default()
    };
    changes(
        "dag-triage.json",
        vec![configure("report", NodeKind::Llm(llm))],
        &["\"prompt\": \"Report: {{critical-path.output}}{{ normal-path.output }}\""],
        &["\"prompt\": \"Only {{critical-path.output}}\""],
    );
}

#[test]
fn a_new_step_stands_beside_unknown_fields() {
    let end = EndSettings { outcome: "thanked".into(), ..EndSettings::default() };
    changes(
        "outbound-linear.json",
        vec![GraphEdit::AddNode {
            node: Box::new(Node::new("thanks", NodeKind::End(end))),
            index: None,
        }],
        &[],
        &["{", "\"type\": \"end\"", "\"id\": \"thanks\"", "\"outcome\": \"thanked\"", "}"],
    );
}

#[test]
fn what_the_format_has_no_word_for_comes_back_and_is_small() {
    let mut imported = plan("dag-contract-review.yaml");
    let action = ActionSettings {
        tool: "customer.update".into(),
        parameters: json!({"customerId": "1", "tags": ["a"]}),
    };
    apply(
        &mut imported,
        GraphEdit::AddNode {
            node: Box::new(Node::new("note", NodeKind::Action(action))),
            index: None,
        },
    );
    apply(
        &mut imported,
        GraphEdit::AddEdge { edge: Box::new(Edge::new("report", "success", "note")), index: None },
    );
    apply(
        &mut imported,
        GraphEdit::DescribeNode {
            id: "extract".into(),
            label: "Clauses".into(),
            description: String::new(),
        },
    );
    let written = again(&imported);
    assert_eq!(written.document["steps"][0]["signalbox"], json!({"node": {"label": "Clauses"}}));
    assert_eq!(written.document["steps"][3]["dependsOn"], json!(["report"]));
    assert_eq!(written.document["steps"][3]["signalbox"]["node"]["kind"]["type"], "action");
    assert_eq!(written.problems.len(), 2, "{:#?}", written.problems);
    let back = import(&written.document).unwrap();
    assert_eq!(same(&back.graph), same(&imported.graph));
    // Taking it back leaves no trace.
    let mut imported = Imported { graph: back.graph, ..imported_of(&written) };
    apply(
        &mut imported,
        GraphEdit::DescribeNode {
            id: "extract".into(),
            label: String::new(),
            description: String::new(),
        },
    );
    assert_eq!(again(&imported).document["steps"][0].get("signalbox"), None);
}

fn imported_of(written: &Written) -> Imported {
    import(&written.document).unwrap()
}

fn edit() -> impl Strategy<Value = GraphEdit> {
    let id = || {
        prop_oneof![
            Just("a"),
            Just("b"),
            Just("step1"),
            Just("step2"),
            Just("step3"),
            Just("check-response"),
            Just("end-sequence"),
            Just("intro-email"),
            Just("warm-follow-up"),
            Just("trigger"),
            Just("pause")
        ]
        .prop_map(crate::id::NodeId::from)
    };
    let port = prop_oneof![Just("success"), Just("opened"), Just("default"), Just("error")];
    let kind = prop_oneof![
        (0..400_000_000_u64).prop_map(wait),
        "[a-z]{0,3}"
            .prop_map(|outcome| NodeKind::End(EndSettings { outcome, ..EndSettings::default() })),
        "[a-z{} .]{0,9}".prop_map(|user_prompt| NodeKind::Llm(LlmSettings {
            user_prompt,
            ..LlmSettings::default()
        })),
        ("email.send|customer.update", "[a-z]{0,3}").prop_map(|(tool, subject)| {
            NodeKind::Action(ActionSettings {
                tool,
                parameters: json!({"subject": subject, "templateId": 7, "tracking": {"opens": 1}}),
            })
        }),
    ];
    prop_oneof![
        (id(), kind.clone())
            .prop_map(|(id, kind)| GraphEdit::ConfigureNode { id, kind: Box::new(kind) }),
        (id(), id()).prop_map(|(id, to)| GraphEdit::RenameNode { id, to }),
        (id(), kind, proptest::option::of(0..3_usize)).prop_map(|(id, kind, index)| {
            GraphEdit::AddNode { node: Box::new(Node::new(id, kind)), index }
        }),
        (id(), port, id(), any::<bool>()).prop_map(|(from, port, to, conditional)| {
            let condition = conditional.then(|| "input.x".to_owned());
            GraphEdit::AddEdge {
                edge: Box::new(Edge { condition, ..Edge::new(from, port, to) }),
                index: None,
            }
        }),
        (id(), id())
            .prop_map(|(from, to)| GraphEdit::RemoveEdge { id: format!("{from}.success>{to}") }),
        (id(), any::<i16>()).prop_map(|(id, x)| GraphEdit::MoveNode {
            id,
            position: Position { x: x.into(), y: 0.0 }
        }),
        (id(), "[a-z]{0,2}").prop_map(|(id, label)| GraphEdit::DescribeNode {
            id,
            label,
            description: String::new()
        }),
    ]
}

proptest! {
    /// Whatever is done to a plan, what is written says so when it is read, or says what is lost.
    #[test]
    fn edits_survive(file in 0..7_usize, edits in proptest::collection::vec(edit(), 0..8)) {
        let (name, text) = plans().swap_remove(file);
        let mut imported = import_text(&text).unwrap();
        for edit in edits {
            let _ = edit.apply(&mut imported.graph);
        }
        for format in PLANS {
            let Ok(written) = write(&imported.graph, &imported.name, "", format) else {
                prop_assert!(false, "{name} cannot be written as {format:?}");
                continue;
            };
            let back = import(&written.document).unwrap();
            if written.problems.iter().all(|problem| problem.severity < Severity::Error) {
                prop_assert_eq!(same(&back.graph), same(&imported.graph));
            }
            // Written once more, nothing changes.
            let twice = write(&back.graph, &back.name, &back.description, format).unwrap();
            prop_assert_eq!(twice.document.to_string(), written.document.to_string());
        }
    }
}

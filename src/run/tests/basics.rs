//! Readiness: sequence, branch, merge, fan-out, join, dead edges, skip, ends.

use super::support::*;
use crate::run::*;
use serde_json::json;

#[test]
fn a_sequence_runs_in_order() {
    let outcome = check("t trigger\na action\nb action\nt > a > b", "t+ a+ b+ =completed");
    assert_eq!(output(&outcome), json!({"from": "b", "n": 0}));
}

#[test]
fn only_the_trigger_starts_by_itself() {
    check("t trigger\na action\nlonely action\nlonely > a\nt > a", "t+ a+ =completed");
}

#[test]
fn a_condition_takes_one_side_and_the_other_dies() {
    let text = "t trigger\nc condition input.yes\na action\nb action\nend end\n\
                t > c.true > a > end\nc.false > b > end";
    check_in(
        text,
        json!({"yes": true}),
        &mut TestWorld::default(),
        "t+ c+true b- a+ end+ =completed",
    );
    check_in(
        text,
        json!({"yes": false}),
        &mut TestWorld::default(),
        "t+ c+false a- b+ end+ =completed",
    );
}

#[test]
fn dead_edges_skip_all_that_hangs_on_them_alone() {
    check(
        "t trigger\nc condition false\na action\nb action\nd action\nt > c.true > a > b > d\nt > d",
        "t+ c+false a- b- d+ =completed",
    );
}

#[test]
fn a_branch_takes_the_first_case_that_holds_else_default() {
    let text = r#"t trigger
        b branch {"cases": [{"port": "big", "when": "input.n>10"}, {"port": "some", "when": "input.n>0"}]}
        x set {"got": "big"}
        y set {"got": "some"}
        z set {"got": "none"}
        t > b.big > x
        b.some > y
        b.default > z"#;
    for (n, got) in [(11, "big"), (10, "some"), (0, "none")] {
        let outcome = run_in(text, json!({"n": n}), &mut TestWorld::default());
        assert_eq!(outcome.state.variables["got"], json!(got));
    }
}

#[test]
fn parallel_branches_join_when_all_are_decided() {
    // b takes longer, so that the join would run too early if it did not wait.
    let mut world = TestWorld {
        answer: Box::new(|asking, _| Answer {
            after_ms: if asking.node.id.as_str() == "b" { 50 } else { 0 },
            reply: Reply::Output { output: json!(asking.node.id), usage: None },
        }),
        ..TestWorld::default()
    };
    let text = "t trigger\na action\nb action\nj action\nt > a, b\na > j\nb > j";
    check_in(text, json!({}), &mut world, "t+ a+ b+ j+ =completed");
}

#[test]
fn both_ports_of_a_node_may_lead_to_one_target() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| Answer {
            after_ms: if asking.node.id.as_str() == "a" { 50 } else { 0 },
            reply: Reply::Output { output: json!(1), usage: None },
        }),
        ..TestWorld::default()
    };
    let text =
        "t trigger\nc condition true\na action\nx action\nt > c.true > x\nc.false > x\nt > a > x";
    check_in(text, json!({}), &mut world, "t+ c+true a+ x+ =completed");
}

#[test]
fn a_false_condition_skips_the_node_and_its_edges_die() {
    check(
        "t trigger\na action @{\"condition\": \"input.go\"}\nb action\nc action\nt > a > b\nt > c",
        "t+ a- b- c+ =completed",
    );
}

#[test]
fn an_edge_is_taken_only_when_its_condition_holds() {
    let text = "t trigger\na action\nx action\ny action\nt > a\n\
                a > x ? steps.a.output.n==0\na > y ? steps.a.output.n==1";
    check(text, "t+ a+ y- x+ =completed");
}

#[test]
fn a_condition_of_an_edge_that_cannot_be_computed_fails_its_source() {
    let outcome = run("t trigger\na action\nb action\nt > a\na > b ? nonsense_name");
    assert_eq!(outcome.state.tallies[&"a".into()].failed, 1);
    assert!(
        matches!(outcome.state.status(), RunStatus::Failed { error_message } if error_message.contains("nonsense_name"))
    );
}

#[test]
fn the_first_end_in_event_order_gives_the_outcome_and_the_rest_goes_on() {
    let outcome = check(
        r#"t trigger
        first end {"outcome": "quick {{input.who}}"}
        slow wait {"for": "duration", "duration_ms": 1000}
        last end {"outcome": "late"}
        t > first
        t > slow > last"#,
        "t+ first+ slow… slow+ last+ =quick ",
    );
    assert_eq!(outcome.now, at(1000));
}

#[test]
fn an_end_that_terminates_does_not_wait() {
    let outcome = check(
        r#"t trigger
        wait wait {"for": "duration", "duration_ms": 1000}
        now end {"outcome": "now", "output": {"n": "{{1 + 1}}"}, "terminate": true}
        t > wait
        t > now"#,
        "t+ wait… now+ =now",
    );
    assert_eq!((outcome.now, output(&outcome)), (at(0), json!({"n": 2})));
}

#[test]
fn without_an_end_the_last_output_is_the_runs() {
    let outcome = run("t trigger\na set {\"x\": 1}\nc condition true\nt > a > c");
    assert_eq!(output(&outcome), json!({"x": 1}));
}

#[test]
fn data_flows_along_the_map_of_an_edge() {
    let mut graph =
        graph("t trigger\na action\nb action {\"parameters\": {\"own\": 1}}\nt > a > b");
    graph.edges[1].map =
        [("who".to_owned(), "from".to_owned()), ("own".to_owned(), "n".to_owned())].into();
    let graph = crate::graph::CompiledGraph::compile(graph, &crate::graph::AnyTool).unwrap();
    let outcome = drive(&graph, &context(), start(json!({})), &mut TestWorld::default(), at(0));
    let mut asked = outcome.events.iter().filter_map(|event| match &event.body {
        EventBody::CallRequested { request: CallRequest::Tool { parameters, .. }, .. } => {
            Some(parameters)
        }
        _ => None,
    });
    assert_eq!(asked.next_back().unwrap(), &json!({"own": 1, "who": "a"}));
}

#[test]
fn a_wide_fan_out_joins_once() {
    let mut text = "t trigger\nj action\n".to_owned();
    for n in 0..200 {
        text.push_str(&format!("a{n} action\nt > a{n} > j\n"));
    }
    let outcome = run(&text);
    assert_eq!(outcome.state.tallies[&"j".into()].completed, 1);
    assert_eq!(outcome.state.tallies.len(), 202);
}

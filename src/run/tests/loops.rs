//! Regions: for-each and while, nesting, concurrency, exits, results, and what is found in a graph.

use super::support::*;
use crate::graph::compile::{RegionKind, shape};
use crate::run::*;
use serde_json::{Value, json};

const EACH: &str =
    "t trigger\nl loop input.items\na action\nz action\nt > l.next > a > l\nl.done > z";

#[test]
fn a_loop_runs_its_body_for_each_item_and_gives_the_results_in_order() {
    let outcome = check_in(
        EACH,
        json!({"items": ["x", "y"]}),
        &mut TestWorld::default(),
        "t+ [l0 a+ ] [l1 a+ ] ]]l l+done z+ =completed",
    );
    let l = outcome.state.activations.values().find(|a| a.node.as_str() == "l").unwrap();
    assert_eq!(
        l.output,
        json!({"count": 2, "results": [{"from": "a", "n": 0}, {"from": "a", "n": 1}]})
    );
}

#[test]
fn an_empty_loop_goes_to_done() {
    for items in [json!([]), Value::Null, json!("[]")] {
        let input = json!({"items": items});
        check_in(EACH, input, &mut TestWorld::default(), "t+ ]]l l+done z+ =completed");
    }
}

#[test]
fn what_is_not_a_list_fails_the_loop() {
    let outcome = run_in(EACH, json!({"items": {"a": 1}}), &mut TestWorld::default());
    assert!(trace(&outcome).ends_with(
        "l! =failed(The items of a loop must be a list, but this is an object. Name a list.)"
    ));
}

#[test]
fn the_next_item_comes_whether_or_not_a_back_edge_was_taken() {
    check_in(
        "t trigger\nl loop input\nc condition loop.item==1\na action\nb action\n\
         t > l.next > c.true > a > l\nc.false > b",
        json!([1, 2]),
        &mut TestWorld::default(),
        "t+ [l0 c+true b- a+ ] [l1 c+false a- b+ ] ]]l l+done =completed",
    );
}

#[test]
fn loops_nest_and_know_their_parents() {
    let outcome = run_in(
        r#"t trigger
        outer loop input.rows
        inner loop {{loop.item}}
        v set {"seen": "{{seen}}{{loop.parent.index}}{{loop.index}}={{loop.item}};"}
        t > outer.next > inner.next > v > inner
        inner.done > outer
        settings {"variables": {"seen": ""}}"#,
        json!({"rows": [["a", "b"], ["c"]]}),
        &mut TestWorld::default(),
    );
    assert_eq!(outcome.state.variables["seen"], json!("00=a;01=b;10=c;"));
    assert_eq!(output(&outcome)["results"][0]["count"], json!(2));
}

#[test]
fn turns_run_at_once_up_to_the_concurrency_and_results_keep_item_order() {
    let mut world = TestWorld {
        answer: Box::new(|asking, request| {
            let CallRequest::Tool { parameters, .. } = request else { panic!() };
            let n = parameters["n"].as_u64().unwrap();
            assert_eq!(asking.attempt, 1);
            Answer {
                after_ms: 100 - n * 10,
                reply: Reply::Output { output: json!(n), usage: None },
            }
        }),
        ..TestWorld::default()
    };
    let outcome = check_in(
        r#"t trigger
        l loop {"items": "{{input}}", "concurrency": 2}
        a action {"parameters": {"n": "{{loop.item}}"}}
        t > l.next > a > l"#,
        json!([1, 2, 3]),
        &mut world,
        "t+ [l0 [l1 a+ ] [l2 a+ ] a+ ] ]]l l+done =completed",
    );
    assert_eq!(output(&outcome), json!({"count": 3, "results": [1, 2, 3]}));
    assert_eq!(outcome.now, at(80 + 70));
}

#[test]
fn an_exit_breaks_the_loop_and_done_dies() {
    check_in(
        "t trigger\nl loop input\nc condition loop.item==2\na action\nfound action\nz action\nend end\n\
         t > l.next > c.false > a > l\nc.true > found > end\nl.done > z > end",
        json!([1, 2, 3]),
        &mut TestWorld::default(),
        "t+ [l0 c+false a+ ] [l1 c+true a- ] ]]l l+break z- found+ end+ =completed",
    );
}

#[test]
fn an_end_inside_a_loop_ends_the_run() {
    check_in(
        "t trigger\nl loop input\nc condition loop.item==2\nstop end {\"outcome\": \"stopped early\"}\n\
         z action\nt > l.next > c.false > l\nc.true > stop\nl.done > z",
        json!([1, 2, 3]),
        &mut TestWorld::default(),
        "t+ [l0 c+false ] [l1 c+true ] ]]l l+break stop+ z- =stopped early",
    );
}

#[test]
fn parallel_turns_finish_after_a_break_and_no_new_one_starts() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| Answer {
            after_ms: if asking.occurrence == 0 { 10 } else { 50 },
            reply: Reply::Output { output: json!(asking.occurrence), usage: None },
        }),
        ..TestWorld::default()
    };
    check_in(
        r#"t trigger
        l loop {"items": "{{input}}", "concurrency": 2}
        a action
        c condition loop.index==0
        out end
        t > l.next > a > c.false > l
        c.true > out"#,
        json!([1, 2, 3, 4]),
        &mut world,
        "t+ [l0 [l1 a+ c+true ] a+ c+false ] ]]l l+break out+ =completed",
    );
}

const WHILE: &str = r#"t trigger
    h set {"n": "{{n + 1}}"}
    c condition n<3
    z action
    e end
    t > h > c.true > h
    c.false > z > e
    settings {"variables": {"n": 0}}"#;

#[test]
fn a_while_region_turns_as_long_as_the_back_edge_is_taken() {
    let outcome =
        check(WHILE, "t+ [h0 h+ c+true ] [h1 h+ c+true ] [h2 h+ c+false ] ]]h z+ e+ =completed");
    assert_eq!(outcome.state.variables["n"], json!(3));
    // Only the last turn is remembered.
    assert_eq!(outcome.state.frames.len(), 2);
}

#[test]
fn leaving_wins_over_going_back() {
    check(
        r#"t trigger
        h set {"n": "{{n + 1}}"}
        again condition true
        leave condition n>1
        e end
        t > h > again.true > h
        h > leave.true > e
        leave.false > h
        settings {"variables": {"n": 0}}"#,
        "t+ [h0 h+ again+true leave+false ] [h1 h+ again+true leave+true ] ]]h e+ =completed",
    );
}

#[test]
fn a_way_out_without_a_target_ends_a_while_region() {
    check(
        &WHILE.replace("c.false > z > e\n", "").replace("z action\n    e end", ""),
        "t+ [h0 h+ c+true ] [h1 h+ c+true ] [h2 h+ c+false ] ]]h =completed",
    );
}

#[test]
fn a_while_region_is_skipped_as_a_whole() {
    check(
        "t trigger\ng condition false\nh action\nc condition false\nz action\ne end\n\
         t > g.true > h > c.true > h\nc.false > z > e\ng.false > e",
        "t+ g+false h- z- e+ =completed",
    );
}

#[test]
fn a_dead_end_in_a_while_body_does_not_end_it() {
    let outcome = run(r#"t trigger
        h set {"n": "{{n + 1}}"}
        c condition n<3
        note action
        t > h > note
        h > c.true > h
        settings {"variables": {"n": 0}}"#);
    assert_eq!(outcome.state.tallies[&"note".into()].completed, 3);
}

#[test]
fn an_exit_from_an_inner_loop_to_the_outer_header_goes_on_with_the_outer() {
    check_in(
        "t trigger\nouter loop input\ninner loop loop.item\nc condition loop.item==0\na action\n\
         t > outer.next > inner.next > c.false > a > inner\nc.true > outer\ninner.done > outer",
        json!([[1, 0, 5], [2]]),
        &mut TestWorld::default(),
        "t+ [outer0 [inner0 c+false a+ ] [inner1 c+true a- ] ]]inner inner+break ] \
         [outer1 [inner0 c+false a+ ] ]]inner inner+done ] ]]outer outer+done =completed",
    );
}

#[test]
fn an_exit_may_leave_two_loops_at_once() {
    check_in(
        "t trigger\nouter loop input\ninner loop loop.item\nc condition loop.item==0\na action\ne end\n\
         t > outer.next > inner.next > c.false > a > inner\nc.true > e\ninner.done > outer\nouter.done > e",
        json!([[1, 0], [2]]),
        &mut TestWorld::default(),
        "t+ [outer0 [inner0 c+false a+ ] [inner1 c+true a- ] ]]inner inner+break ] ]]outer outer+break e+ \
         =completed",
    );
}

#[test]
fn paging_through_a_list_is_a_loop_in_a_loop() {
    let mut world = TestWorld {
        answer: Box::new(|asking, _| {
            Answer::output(match asking.node.id.as_str() {
                "fetch" => json!({"items": [asking.occurrence * 2, asking.occurrence * 2 + 1],
                                  "isDone": asking.occurrence == 1}),
                _ => plain_output(asking),
            })
        }),
        ..TestWorld::default()
    };
    let outcome = run_in(
        r#"t trigger
        fetch action
        each loop steps.fetch.output.data.items
        sum set {"total": "{{total + loop.item}}"}
        more condition !steps.fetch.output.isDone
        page set {"page": "{{page + 1}}"}
        e end
        t > fetch > each.next > sum > each
        each.done > more.true > page > fetch
        more.false > e
        settings {"variables": {"total": 0, "page": 0}}"#,
        json!({}),
        &mut world,
    );
    assert_eq!(outcome.state.variables["total"], json!(6));
    assert_eq!(outcome.state.variables["page"], json!(1));
}

#[test]
fn the_conditions_of_edges_into_a_body_see_the_item() {
    check_in(
        "t trigger\nl loop input\na action\nb action\nt > l\nl.next > a ? loop.item==1\n\
         l.next > b ? loop.item==2\na > l\nb > l",
        json!([1, 2, 3]),
        &mut TestWorld::default(),
        "t+ [l0 b- a+ ] [l1 a- b+ ] [l2 a- b- ] ]]l l+done =completed",
    );
}

#[test]
fn a_loop_that_fails_takes_its_error_port() {
    check_in(
        "t trigger\nl loop input\na action\nz action\ne action\nt > l.next > a > l\nl.done > z\nl.error > e",
        json!(5),
        &mut TestWorld::default(),
        "t+ l!error z- e+ =completed",
    );
}

#[track_caller]
fn refused(text: &str, code: &str) {
    let (_, errors) = shape(&graph(text));
    let codes: Vec<&str> = errors.iter().map(|error| error.code).collect();
    assert_eq!(codes, [code], "{errors:#?}");
}

#[test]
fn loops_that_cannot_run_are_refused_with_the_reason() {
    refused("t trigger\na action\nb condition true\nt > a, b\na > b\nb.true > a", "two-entries");
    refused("t trigger\nl loop input\na action\nt > l.next > a", "loop-never-returns");
    refused(
        "t trigger\nl loop input\na action\nt > l.next > a > l\nl.done > a",
        "done-inside-loop",
    );
    refused("t trigger\na action\nb action\nt > a > b > a", "endless-loop");
    refused("t trigger\nl loop input\nt > l.next > l", "empty-loop");
    refused(
        "t trigger\na action\nc condition true\ne end\nt > a > c.true > a\nc.true > e",
        "port-in-and-out",
    );
    refused("t trigger\na action\nt > a > t", "trigger-entered");
    refused("a action", "no-trigger");
    refused("t trigger\nt > nowhere", "missing-node");
    refused("t trigger\nu trigger", "two-triggers");
    refused("t trigger\na action\na action", "duplicate-node");
}

#[test]
fn a_message_names_both_entering_edges() {
    let (_, errors) =
        shape(&graph("t trigger\na action\nb condition true\nt > a, b\na > b\nb.true > a"));
    let message = &errors[0].message;
    assert!(
        message.contains("\u{201c}a\u{201d}") && message.contains("\u{201c}b\u{201d}"),
        "{message}"
    );
}

#[test]
fn regions_and_their_tails_are_found() {
    let graph = graph(
        "t trigger\nouter loop input\ninner loop input\na action\nbad action\ntold action\nz action\n\
         h action\nc condition true\nafter action\ne end\n\
         t > outer.next > inner.next > a > inner\na.error > bad > told\ninner.done > outer\n\
         outer.done > z > h > c.true > h\nc.false > after > e",
    );
    let (regions, errors) = shape(&graph);
    assert!(errors.is_empty(), "{errors:#?}");
    let home = |id: &str| {
        let node = graph.nodes.iter().position(|node| node.id.as_str() == id).unwrap();
        let region = &regions.regions[regions.home[node].unwrap()];
        region.header.map_or("", |header| graph.nodes[header].id.as_str())
    };
    let homes: Vec<&str> = graph.nodes.iter().map(|node| home(node.id.as_str())).collect();
    assert_eq!(homes, ["", "", "outer", "inner", "inner", "inner", "", "h", "h", "", ""]);
    let kinds: Vec<RegionKind> = regions.regions.iter().map(|region| region.kind).collect();
    assert_eq!(
        kinds,
        [RegionKind::Root, RegionKind::ForEach, RegionKind::ForEach, RegionKind::While]
    );
}

#[test]
fn deep_nesting_and_long_chains_do_not_overflow() {
    let mut text = "t trigger\nt > c0\n".to_owned();
    for n in 0..crate::graph::compile::DEPTH_MAX + 2 {
        text.push_str(&format!("c{n} condition true\nc{n}.true > c{n}\nc{n}.false > c{}\n", n + 1));
    }
    text.push_str(&format!("c{} action\n", crate::graph::compile::DEPTH_MAX + 2));
    let (_, errors) = shape(&graph(&text));
    assert!(errors.iter().any(|error| error.code == "loops-too-deep"), "{errors:#?}");
    let mut chain = "t trigger\nt > a0\n".to_owned();
    for n in 0..4_000 {
        chain.push_str(&format!("a{n} action\na{n} > a{}\n", n + 1));
    }
    chain.push_str("a4000 action");
    assert!(shape(&graph(&chain)).1.is_empty());
}

#[test]
fn the_first_step_of_a_loop_that_fails_goes_on_through_its_error_port_within_the_loop() {
    let world = || {
        failing_world(|node, _, occurrence| {
            (node == "f" && occurrence < 2).then_some((ErrorKind::InvalidInput, "no"))
        })
    };
    let text = "t trigger\nf action\np action\nz action\ne end\nt > f > z > e\nf.error > p > f";
    let expected = "t+ [f0 f!error p+ ] [f1 f!error p+ ] [f2 f+ p- ] ]]f z+ e+ =completed";
    check_in(text, json!({}), &mut world(), expected);
    // Without an end what follows is a part of the turns.
    let text = "t trigger\nf action\np action\nz action\nt > f > z\nf.error > p > f";
    let expected = "t+ [f0 f!error z- p+ ] [f1 f!error z- p+ ] [f2 f+ p- z+ ] ]]f =completed";
    check_in(text, json!({}), &mut world(), expected);
}

#[test]
fn the_first_step_of_a_loop_that_is_skipped_lets_nothing_follow() {
    let text = "t trigger\nf action @{\"condition\": \"false\"}\np action\nz action\ny action\n\
                t > f > z > y\nf.error > p > f";
    check_in(text, json!({}), &mut TestWorld::default(), "t+ [f0 f- z- p- y- ] ]]f =completed");
}

#[test]
fn the_conditions_of_edges_out_of_done_see_what_the_loop_gave() {
    let outcome = check_in(
        "t trigger\nl loop input\na action\ny action\nz action\nt > l.next > a > l\n\
         l.done > y ? steps.l.output.count > 1\nl.done > z ? lastOutput.results.length == 1",
        json!([1, 2]),
        &mut TestWorld::default(),
        "t+ [l0 a+ ] [l1 a+ ] ]]l l+done z- y+ =completed",
    );
    let repeats = outcome.events.iter().any(|event| {
        matches!(&event.body, EventBody::NodeCompleted { port, output, .. }
            if port == "done" && !output.is_null())
    });
    assert!(!repeats, "its event does not repeat what the turns gave");
}

#[test]
fn a_loop_that_is_blocked_as_it_ends_only_ends_again() {
    let text = r#"t trigger
        l loop input @{"on_failure": "block"}
        a action
        z action
        h human
        v set {"later": 1}
        t > l.next > a > l
        l.done > z ? later > 0
        t > h.approved > v"#;
    let mut run = Told::start(text, json!([1, 2]));
    run.succeed("a", json!("one"));
    run.succeed("a", json!("two"));
    assert_eq!(run.state.status().phase(), RunPhase::Blocked);
    let approval = run.activation("h").approval.unwrap();
    let decision = Decision::Approve { answer: Value::Null };
    run.tell(Command::DecideApproval { approval, decision, by: "Ada".into() });
    run.tell(Command::Resume { by: "Ada".into() });
    assert_eq!(run.activation("l").output, json!({"count": 2, "results": ["one", "two"]}));
    run.succeed("z", Value::Null);
    assert_eq!(
        run.trace(),
        "t+ [l0 h? a+ ] [l1 a+ ] ]]l blocked h+approved v+ unblocked l+done z+ =completed"
    );
}

//! What people see: node summaries and the timeline.

use super::support::*;
use crate::run::*;
use serde_json::json;

#[test]
fn nodes_show_how_they_fare_over_all_turns() {
    let text = "t trigger\nl loop input\na action\nh human\nz action\nt > l.next > a > l\nl.done > h.approved > z";
    let mut world = failing_world(|_, _, n| (n == 1).then_some((ErrorKind::Refused, "opted out")));
    world.decide = Box::new(|_, _| None);
    let outcome = run_in(text, json!([1, 2, 3]), &mut world);
    let nodes = node_states(&graph(text), &outcome.state);
    let of = |id: &str| &nodes[&id.into()];
    assert_eq!(of("a").tally, Tally { completed: 2, skipped: 1, ..Tally::default() });
    assert_eq!(of("l").items, Some(Items { total: 3, done: 3, live: 0 }));
    assert_eq!(
        (of("h").state, of("h").waiting_since),
        (ActivationState::AwaitingHuman, Some(at(0)))
    );
    assert_eq!(of("z").state, ActivationState::Pending);
    let edges = edge_states(&outcome.state);
    assert_eq!(edges["l.next>a"], EdgeState::Taken);
    assert_eq!(edges.get("h.approved>z"), None);
}

#[test]
fn a_loop_shows_as_running_while_its_turns_run_and_what_was_cut_off_as_skipped() {
    let text = "t trigger\nl loop input\na action\nt > l.next > a > l";
    let mut silent =
        TestWorld { answer: Box::new(|_, _| Answer::now(Reply::Silence)), ..TestWorld::default() };
    let outcome = run_in(text, json!([1]), &mut silent);
    assert_eq!(outcome.state.status(), RunStatus::Executing);
    let nodes = node_states(&graph(text), &outcome.state);
    assert_eq!(nodes[&"l".into()].state, ActivationState::Running);
    assert_eq!((nodes[&"a".into()].state, nodes[&"a".into()].live), (ActivationState::Running, 1));
    let mut state = outcome.state;
    let stop = Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None };
    advance(&compile(text), &context(), &mut state, &stop, at(1)).unwrap();
    let nodes = node_states(&graph(text), &state);
    assert_eq!((nodes[&"a".into()].state, nodes[&"a".into()].live), (ActivationState::Skipped, 0));
}

#[test]
fn the_timeline_speaks_in_sentences() {
    let text = r#"t trigger
        l loop {"items": "{{input}}"}
        a action @{"retry": {"retries_max": 1}}
        c condition loop.item==1
        h human
        e end {"outcome": "greeted"}
        t > l.next > a > c.true > l
        c.false > l
        l.done > h.approved > e"#;
    let mut world =
        failing_world(|_, _, n| (n == 0).then_some((ErrorKind::Timeout, "No answer in 30 s")));
    let fresh = TestWorld::default();
    world.decide = fresh.decide;
    let outcome = run_in(text, json!([1]), &mut world);
    let mut graph = graph(text);
    graph.nodes[2].label = "Get customer".into();
    let lines: Vec<String> = timeline(&outcome.events, &graph)
        .into_iter()
        .map(|entry| match entry.detail.is_empty() {
            true => entry.title,
            false => format!("{} ({})", entry.title, entry.detail),
        })
        .collect();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let retry = lines.remove(5);
    assert!(
        retry.starts_with("“Get customer” did not work (attempt 1); next try at 22:13:2"),
        "{retry}"
    );
    assert!(retry.ends_with("(No answer in 30 s · turn 1 of “l”)"), "{retry}");
    assert_eq!(
        lines,
        [
            "Run started by test",
            "“t” done",
            "“l” has 1 item",
            "Turn 1 of “l”",
            "“Get customer” uses work (turn 1 of “l”)",
            "“Get customer” uses work (attempt 2 · turn 1 of “l”)",
            "“Get customer” done (turn 1 of “l”)",
            "“c”: true (turn 1 of “l”)",
            "“l” ended after 1 turn",
            "“l” done",
            "“h” waits for a decision (h)",
            "the simulation approved “h”",
            "“h” done: approved",
            "Reached “e”: greeted",
            "Run completed: greeted",
        ]
    );
}

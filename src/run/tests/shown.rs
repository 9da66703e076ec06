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
    let entries = timeline(&outcome.events, &graph);
    let tried_again = outcome.events.iter().find_map(|event| match &event.body {
        EventBody::AttemptFailed { retry_at, .. } => Some(*retry_at),
        _ => None,
    });
    assert!(tried_again.is_some());
    for (number, entry) in entries.iter().enumerate() {
        // The instant is told, not written: whoever reads it has a zone.
        assert_eq!(entry.until, tried_again.filter(|_| number == 5), "{}", entry.title);
    }
    assert_eq!(
        lines(entries),
        [
            "Run started by test",
            "“t” done",
            "“l” has 1 item",
            "Turn 1 of “l”",
            "“Get customer” uses work (turn 1 of “l”)",
            "“Get customer” did not work (attempt 1); next try at (No answer in 30 s · turn 1 of “l”)",
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

/// What the entries say: title and detail.
fn lines(entries: Vec<TimelineEntry>) -> Vec<String> {
    let line = |entry: TimelineEntry| match entry.detail.is_empty() {
        true => entry.title,
        false => format!("{} ({})", entry.title, entry.detail),
    };
    entries.into_iter().map(line).collect()
}

#[test]
fn waits_lead_up_to_their_instant() {
    let text = r#"t trigger
        w wait {"for": "duration", "duration_ms": 60000}
        e wait {"for": "event", "event": "reply", "limit_ms": 1000}
        t > w > e"#;
    let outcome = run(text);
    let entries = timeline(&outcome.events, &graph(text)).into_iter();
    let waits: Vec<_> = entries.filter(|entry| entry.kind == "wait_started").collect();
    let said: Vec<_> = waits.iter().map(|entry| (entry.title.as_str(), entry.until)).collect();
    let expected = [
        ("“w” waits until", Some(at(60_000))),
        ("“e” waits for “reply”, at most until", Some(at(61_000))),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_turn_names_the_turns_around_it() {
    let text = "t trigger\nouter loop input.rows\ninner loop {{loop.item}}\na action\n\
                t > outer.next > inner.next > a > inner\ninner.done > outer";
    let outcome = run_in(text, json!({"rows": [[1], [1, 2]]}), &mut TestWorld::default());
    let lines = lines(timeline(&outcome.events, &graph(text)));
    for line in [
        "Turn 2 of “outer”",
        "Turn 2 of “inner” (turn 2 of “outer”)",
        "“a” done (turn 2 of “inner” in turn 2 of “outer”)",
        "“inner” ended after 2 turns (turn 2 of “outer”)",
    ] {
        assert!(lines.iter().any(|known| known == line), "{line}: {lines:#?}");
    }
}

#[test]
fn a_writer_that_knows_the_state_goes_on_from_the_middle() {
    let text = "t trigger\nouter loop input.rows\ninner loop {{loop.item}}\na action\n\
                t > outer.next > inner.next > a > inner\ninner.done > outer";
    let outcome = run_in(text, json!({"rows": [[1], [1, 2]]}), &mut TestWorld::default());
    let graph = graph(text);
    let whole = timeline(&outcome.events, &graph);
    let mut state = RunState::new(RUN);
    for (number, event) in outcome.events.iter().enumerate() {
        apply(&mut state, event);
        let mut writer = TimelineWriter::new(&graph).knowing(&state);
        let rest = outcome.events[number + 1..].iter().filter_map(|event| writer.entry(event));
        let expected = whole.iter().filter(|entry| entry.seq > event.seq).cloned();
        assert_eq!(rest.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "after {}", event.seq);
    }
}

//! Bounds: turns, items, budgets, speed.

use super::support::*;
use crate::run::*;
use serde_json::json;

const ENDLESS: &str = "t trigger\nh set {\"n\": \"{{n + 1}}\"}\nc condition n<5000\nt > h > c.true > h\nsettings {\"variables\": {\"n\": 0}}";

#[test]
fn a_while_region_blocks_after_its_turns_and_may_be_let_go_on() {
    let graph = compile(ENDLESS);
    let mut outcome = run(ENDLESS);
    let RunStatus::Blocked { reason } = outcome.state.status() else { panic!() };
    assert!(reason.contains("1000 turns"), "{reason}");
    assert_eq!(outcome.state.variables["n"], json!(1000));
    assert!(outcome.state.frames.len() < 4, "old turns are forgotten");
    let mut tell = |command: Command| {
        let Advance { events, effects } =
            advance(&graph, &context(), &mut outcome.state, &command, at(1)).unwrap();
        outcome.events.extend(events);
        effects
    };
    let mut effects = tell(Command::Resume { by: "Ada".into() });
    while effects.contains(&Effect::Continue) {
        effects = tell(Command::Continue);
    }
    assert_eq!(outcome.state.variables["n"], json!(2000));
    assert_eq!(outcome.state.status().phase(), RunPhase::Blocked);
    sound(&graph, &outcome);
}

#[test]
fn a_workflow_may_set_its_own_number_of_turns() {
    let outcome = run(&ENDLESS.replace("\"variables\"", "\"turns_max\": 7, \"variables\""));
    assert_eq!(outcome.state.variables["n"], json!(7));
}

#[test]
fn a_loop_blocks_past_its_items_and_runs_up_to_them() {
    let text = "t trigger\nl loop input\nv set {\"n\": \"{{loop.index}}\"}\nt > l.next > v > l";
    let items = |count: usize| json!(vec![0; count]);
    let outcome = run_in(text, items(ITEMS_MAX + 1), &mut TestWorld::default());
    let RunStatus::Blocked { reason } = outcome.state.status() else { panic!() };
    assert!(reason.contains("10001 items"), "{reason}");
    let outcome = run_in(text, items(ITEMS_MAX), &mut TestWorld::default());
    assert_eq!(output(&outcome)["count"], json!(ITEMS_MAX));
    assert!(outcome.state.activations.len() < 10, "old turns are forgotten");
}

#[test]
fn one_decision_is_bounded_and_asks_to_be_continued() {
    let mut text = "t trigger\nt > a0\n".to_owned();
    for n in 0..1500 {
        text.push_str(&format!("a{n} set {{\"n\": {n}}}\na{n} > a{}\n", n + 1));
    }
    text.push_str("a1500 set {}");
    let graph = compile(&text);
    let mut state = RunState::new(RUN);
    let start = Command::Start {
        input: json!({}),
        contacts: vec![],
        thread_id: None,
        started_by: String::new(),
        options: Default::default(),
    };
    let advanced = advance(&graph, &context(), &mut state, &start, at(0)).unwrap();
    assert!(advanced.events.len() <= EVENTS_PER_DECISION_MAX + 10);
    assert_eq!(advanced.effects, [Effect::Continue]);
    assert_eq!(state.status(), RunStatus::Executing);
    let outcome = run(&text);
    assert_eq!(outcome.state.variables["n"], json!(1499));
}

/// No benchmark, but a guard against what grows with the square of the steps.
#[test]
fn time_grows_with_the_number_of_steps_and_not_with_its_square() {
    let chain = |steps: usize| {
        let mut text = "t trigger\nt > a0\n".to_owned();
        for n in 0..steps {
            text.push_str(&format!("a{n} set {{\"n\": \"{{{{n + 1}}}}\"}}\na{n} > a{}\n", n + 1));
        }
        text.push_str(&format!("a{steps} set {{}}\nsettings {{\"variables\": {{\"n\": 0}}}}"));
        compile(&text)
    };
    let fastest = |steps: usize| {
        let graph = chain(steps);
        let once = || {
            let begun = std::time::Instant::now();
            let outcome =
                drive(&graph, &context(), start(json!({})), &mut TestWorld::default(), at(0));
            assert_eq!(outcome.state.variables["n"], json!(steps));
            begun.elapsed()
        };
        (0..3).map(|_| once()).min().unwrap()
    };
    // Sixteen times the steps: a square would take 256 times as long. A busy machine is no square.
    let (short, long) = (fastest(500), fastest(8_000));
    println!("500 steps: {short:?}, 8,000 steps: {long:?}");
    assert!(long < short * 16 * 6, "500 steps took {short:?}, 8,000 steps {long:?}");
}

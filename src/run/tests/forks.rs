//! Random runs are forked at every event, and done again when they failed: each goes on, and comes to an end.

use super::property::{Draw, cases, random_graph, random_world};
use super::support::*;
use crate::id::RunId;
use crate::run::*;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

const OTHER: RunId = RunId(Uuid::from_u128(33));
/// Forks of one run: of a long one not every event is tried, so that a case stays short.
const FORKS_MAX: u64 = 40;

proptest! {
    #![proptest_config(cases(60))]

    /// A fork at whatever event has something to do or to wait for, or has ended; and when all is answered it ends.
    #[test]
    fn a_fork_of_any_run_at_any_event_goes_on(bytes in proptest::collection::vec(any::<u8>(), 0..60), seed: u64) {
        let text = random_graph(&mut Draw::new(bytes));
        let other = run_in(&text, json!({"items": [1, 2]}), &mut random_world(seed));
        let graph = compile(&text);
        let last = other.events.len() as u64;
        for up_to in (1..=last).step_by((last / FORKS_MAX + 1) as usize) {
            let past = ForkPast { run: RUN, events: &other.events, up_to, versions: (1, 1) };
            let edits = ForkEdits::default();
            let made = fork((&graph, &graph), &context(), past, OTHER, &edits, "Ada", other.now);
            let made = match made {
                Ok(made) => made,
                Err(refusal) => {
                    prop_assert!(matches!(refusal, ForkRefusal::Ended(_)), "{refusal} at {up_to} of\n{text}");
                    continue;
                }
            };
            let mut state = RunState::new(OTHER);
            made.journal.iter().for_each(|event| apply(&mut state, event));
            prop_assert_eq!(&state, &made.state, "replaying the fork gives its state");
            let goes_on = !made.advance.effects.is_empty() || state.blocked.is_some();
            prop_assert!(goes_on, "{up_to} of\n{text}\n{}", trace(&other));
            let state = to_the_end(&graph, made.state, made.advance.effects);
            prop_assert!(state.end.is_some(), "{:?} after {up_to} of\n{text}\n{}", state.status(), trace(&other));
        }
    }

    /// A run that failed and is done again comes to another end when nothing fails any more.
    #[test]
    fn a_failed_run_that_is_done_again_comes_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..60), seed: u64) {
        let text = random_graph(&mut Draw::new(bytes));
        let outcome = run_in(&text, json!({"items": [1, 2]}), &mut random_world(seed));
        let (graph, path) = (compile(&text), trace(&outcome));
        let Outcome { mut state, now, .. } = outcome;
        if matches!(state.end, Some(RunEnd::Failed { .. })) {
            let again = Command::Reopen { by: "Ada".into(), from: None };
            let told = advance(&graph, &context(), &mut state, &again, now).unwrap();
            let state = to_the_end(&graph, state, told.effects);
            let is_done = matches!(state.end, Some(RunEnd::Completed { .. }));
            prop_assert!(is_done, "{:?} after\n{text}\n{path}", state.status());
        }
    }
}

//! The seeds, and the engines that are wrong on purpose.

use super::{Story, Verdict};
use crate::store::model::Wrong;

/// How many steps a seed may have for each of them to be the last one once: enough that much happens, and not so many
/// that it takes minutes.
const STEPS: std::ops::Range<u64> = 100..240;
/// Seeds that are played so.
const STEPPED: usize = 2;

fn play(seed: u64, wrong: Option<Wrong>) -> Verdict {
    super::play(Story { seed, wrong, dies_at: None })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Seeds that once failed.
fn kept() -> Vec<u64> {
    let lines = include_str!("seeds.txt").lines();
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

/// Plays seeds on two threads; gives those that broke something.
fn broken(seeds: impl Iterator<Item = u64>) -> Vec<(u64, Verdict)> {
    let seeds: Vec<u64> = seeds.collect();
    let half = |odd: usize| {
        let mine: Vec<u64> = seeds.iter().copied().skip(odd).step_by(2).collect();
        std::thread::spawn(move || {
            let played = mine.into_iter().map(|seed| (seed, play(seed, None)));
            let (mut bad, mut sum) = (Vec::new(), (0, 0, 0));
            for (seed, verdict) in played {
                sum.0 += verdict.commits;
                sum.1 += verdict.runs;
                sum.2 += verdict.deaths;
                if !verdict.broken.is_empty() {
                    bad.push((seed, verdict));
                }
            }
            (bad, sum)
        })
    };
    let (one, two) = (half(0), half(1));
    let (mut bad, one) = one.join().expect("the seeds are played");
    let (more, two) = two.join().expect("the seeds are played");
    bad.extend(more);
    println!(
        "{} seeds: {} commits, {} runs, {} servers died",
        seeds.len(),
        one.0 + two.0,
        one.1 + two.1,
        one.2 + two.2
    );
    bad
}

#[test]
fn no_seed_breaks_anything() {
    if let Some(seed) = number("SIGNALBOX_SEED") {
        let verdict = play(seed, None);
        println!("{verdict:#?}");
        assert!(verdict.broken.is_empty(), "seed {seed}: {:#?}", verdict.broken);
        return;
    }
    let count = number("SIGNALBOX_SEEDS").unwrap_or(2_000);
    let bad = broken(kept().into_iter().chain(0..count));
    let words = bad.iter().map(|(seed, verdict)| format!("{seed}: {:?}", verdict.broken));
    let words: Vec<String> = words.take(20).collect();
    assert!(bad.is_empty(), "{} seeds broke something:\n{}", bad.len(), words.join("\n"));
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    for seed in 0..20 {
        let (one, two) = (play(seed, None), play(seed, None));
        assert_eq!((one.trace, one.commits), (two.trace, two.commits), "seed {seed}");
    }
}

/// As exhaustive as it gets: a server dies at the first step towards the database, at the second, at the third …,
/// claims and reads among them, and after each commit.
#[test]
fn whichever_step_is_the_last_one_nothing_breaks() {
    let dies_at = |seed, step| super::play(Story { seed, wrong: None, dies_at: Some(step) });
    let stepped = (0..200).filter_map(|seed| {
        let steps = dies_at(seed, u64::MAX).steps;
        STEPS.contains(&steps).then_some((seed, steps))
    });
    let stepped: Vec<(u64, u64)> = stepped.take(STEPPED).collect();
    assert_eq!(stepped.len(), STEPPED, "too few of these seeds have as many steps: {stepped:?}");
    for (seed, steps) in stepped {
        for step in 1..=steps {
            let verdict = dies_at(seed, step);
            assert!(verdict.broken.is_empty(), "seed {seed}, step {step}: {:?}", verdict.broken);
            assert_eq!(verdict.deaths, 1, "seed {seed}, step {step}: nobody died");
        }
        println!("seed {seed}: a server died at each of {steps} steps");
    }
}

/// A wrong engine is found out within so many seeds.
fn is_found_out(wrong: Wrong, words: &str) {
    let mut found = Vec::new();
    for seed in 0..300 {
        let verdict = play(seed, Some(wrong));
        if verdict.broken.iter().any(|broken| broken.contains(words)) {
            println!("{wrong:?} is found out by seed {seed}: {:?}", verdict.broken);
            return;
        }
        found.extend(verdict.broken);
        found.truncate(10);
    }
    panic!("{wrong:?} was not found out by {words:?}; found was {found:?}");
}

#[test]
fn wrong_no_fence() {
    is_found_out(Wrong::NoFence, "was written twice");
}

#[test]
fn wrong_notes_without_a_fence() {
    is_found_out(Wrong::NotesUnfenced, "waits for nothing");
}

#[test]
fn wrong_places_counted_on_each_server() {
    is_found_out(Wrong::PlacesPerServer, "calls of a queue of");
}

#[test]
fn wrong_key_of_each_attempt() {
    is_found_out(Wrong::KeyPerAttempt, "has two keys");
}

#[test]
fn wrong_no_intent_before_the_call() {
    is_found_out(Wrong::NoIntent, "before its intent was on disk");
}

#[test]
fn wrong_counts_failures_instead_of_claims() {
    is_found_out(Wrong::CountsFailures, "begun 1 times");
}

#[test]
fn wrong_rescue_by_elapsed_time() {
    is_found_out(Wrong::RescueByTime, "of a server that lives");
}

#[test]
fn wrong_timer_gone_when_read() {
    is_found_out(Wrong::TimerGoneWhenRead, "waits for nothing");
}

#[test]
fn wrong_no_look_back() {
    is_found_out(Wrong::NoLookBack, "was not told");
}

#[test]
fn wrong_decision_whatever_was_looked_at() {
    is_found_out(Wrong::NoRevision, "what was edited meanwhile was decided");
}

#[test]
fn wrong_no_take_over() {
    is_found_out(Wrong::NoTakeOver, "did not end");
}

#[test]
fn wrong_answers_before_the_disk() {
    is_found_out(Wrong::AnswersEarly, "lost");
}

#[test]
fn wrong_key_does_not_find_its_run() {
    is_found_out(Wrong::NoKey, "one key gave two runs");
}

#[test]
fn wrong_report_whoever_has_the_task() {
    is_found_out(Wrong::NoClaimKey, "by a worker that did not have it");
}

#[test]
fn wrong_fork_takes_over_what_is_open() {
    is_found_out(Wrong::ForkTakesOver, "calls of two runs");
}

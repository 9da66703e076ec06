//! The engine under faults, by seeds: this very engine, on the store's model, in virtual time on one thread.
//!
//! A seed makes workflows, runs, one to four servers and everything that goes wrong: servers die at any step towards
//! the database, before and after a commit; they stand still past their lease and come back; commits happen and are
//! reported as failed; calls answer late, twice, or never; clocks jump by an hour. [`looker`] looks at every commit and
//! every call, [`end`] at what came of it all. The same seed gives the same run.
//!
//! `SIGNALBOX_SEEDS` says how many seeds, `SIGNALBOX_SEED` plays one alone and tells its story. Seeds that once failed
//! stand in `seeds.txt` and are always played.
//!
//! Not under simulation: SQL, transactions side by side, the send gate, tasks of outside workers, triggers.

mod clock;
mod end;
mod graphs;
mod looker;
mod people;
mod tests;
mod world;

use crate::store::model::{Time, Wrong};
use std::collections::BTreeSet;

/// What came of a seed.
#[derive(Debug, Default)]
struct Verdict {
    /// What must never be.
    broken: BTreeSet<String>,
    /// Over all commits, in order.
    trace: u64,
    commits: u64,
    runs: usize,
    deaths: usize,
    /// Steps towards the database while things went wrong.
    steps: u64,
}

/// What is played.
#[derive(Clone, Copy, Debug, Default)]
struct Story {
    seed: u64,
    wrong: Option<Wrong>,
    /// Nothing strikes but one death, at this step.
    dies_at: Option<u64>,
}

/// Plays a seed to its end, on a thread of its own time.
fn play(story: Story) -> Verdict {
    let time = Time::default();
    let idle = time.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_park(move || idle.go_on())
        .build()
        .expect("a runtime");
    runtime.block_on(world::World::play(story, time))
}

/// A small generator, the same on every machine.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True so many times in a hundred.
    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(from.len() as u64);
        from.get(usize::try_from(index).unwrap_or(0))
    }
}

//! The engine under faults, by seeds: this very engine, on the store's model, in virtual time on one thread.
//!
//! A seed makes workflows, runs, one to four servers and everything that goes wrong: servers die at any step towards
//! the database, before and after a commit, and while one is under way that happens after their end; they stand still
//! past their lease and come back, or work on and cannot renew it; commits and claims happen and are reported as
//! failed; calls answer late, twice, or never; clocks jump by an hour. People start, decide, change what is prepared,
//! fork runs and move them to another version ([`people`], [`again`]); outside workers take tasks and are late, report
//! twice, or are not heard of again ([`workers`]). [`looker`] looks at every commit and every call, [`end`] at what came
//! of it all. The same seed gives the same run.
//!
//! `SIGNALBOX_SEEDS` says how many seeds, `SIGNALBOX_SEED` plays one alone and tells its story. Seeds that once failed
//! stand in `seeds.txt` and are always played.
//!
//! # What is looked at
//!
//! The invariants of a durable engine, where each is looked at, and what breaks it on purpose
//! ([`Wrong`](crate::store::model::Wrong), each found out by a test of its own in [`tests`]):
//!
//! | invariant | here | broken by |
//! |---|---|---|
//! | I1 no accepted command is lost | `end`: runs, commands, decisions, events and workers' reports that were answered are there; `looker`: no event is passed over | `AnswersEarly`, `NoLookBack` |
//! | I2 each event of a run is written once | `looker`: no block of a journal changes; `end`: no activation ends twice | `NoFence` |
//! | I3 events are numbered without a gap | `looker`: at each commit; `end`: the journal gives the row | `NoFence` |
//! | I4 what is sent was approved as it stands | a decision counts for the revision that was looked at alone; `looker`: a step that is approved first is begun after that, and as it was approved, and made as it was written down; the sending itself: `tests/it/gate` | `NoRevision` |
//! | I5 one key, one send | `looker`: no call before its intent, none more often than it was begun, one key for all attempts, and for calls of one run; one run a key; a task is with one worker, and one report about an attempt is taken | `NoIntent`, `CountsFailures`, `KeyPerAttempt`, `NoKey`, `NoClaimKey`, `ForkTakesOver` |
//! | I6 nobody works under a lease that is over | `looker`: nothing is taken of a server that lives; what a server remembers wrongly changes nothing | `RescueByTime`, `NotesUnfenced` |
//! | I7 every run goes on | `looker`: at each commit a run that is not over waits for something; `world`: all end in the calm | `NoTakeOver`, `NotesUnfenced` |
//! | I8 a timer fires at least once, and moves the run once | as I7 and I2 | `TimerGoneWhenRead` |
//! | I9 nothing crosses organisations | not here, there is one: `tests/it/http/tenancy.rs` | |
//! | I10 nothing is sent when paused, expired, opted out | not here, there is no send gate: `tests/it/gate` | |
//! | I11 the audit has a row for each approval and send | not here, as I10. The record is the rows themselves: `approvals` with who decided and the hash, `messages` with what was approved and by whom, `message_revisions`, the run's journal. `tests/it/gate/life.rs`: what left has one decision with a name, and all hashes are its own | |
//! | a fork has the past of its origin, and leaves it as it was | `looker`: at the commit that makes it | `ForkTakesOver` |
//! | a run is in the version that its events say, and takes its steps and ways | `looker`: at each commit; `end`: moves that were answered are there | |
//! | a queue lets so many calls through at once, over all servers | `queues`: at each call of some worlds | `PlacesPerServer` |
//! | I12 recovering twice is recovering once | `end`: who begins when all is done does nothing; servers that die over recovering are everywhere | |
//!
//! Not under simulation: SQL, transactions side by side, the send gate, triggers, limits of named queues for runs of runs and tasks.

mod again;
mod clock;
mod end;
mod graphs;
mod looker;
mod people;
mod queues;
mod tests;
mod workers;
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

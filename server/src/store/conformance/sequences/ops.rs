//! What happens in a sequence, and sequences from a seed. Runs, calls, approvals and timers are few, so that operations
//! meet.

use signalbox::run::TimerPurpose;

/// Runs of a sequence; each has so many calls and approvals.
pub(super) const RUNS: u8 = 4;
pub(super) const CALLS: u8 = 3;
pub(super) const APPROVALS: u8 = 2;
/// Names of outside events.
pub(super) const NAMES: [&str; 2] = ["letter", "parcel"];

/// An attempt of a call of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub run: u8,
    pub call: u8,
    pub attempt: u32,
}

/// A timer of a run: of one of its calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    pub call: u8,
    pub purpose: TimerPurpose,
}

/// What goes with a commit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Write {
    Open(u8, u32),
    Offer(u8, u32),
    Free(u8),
    Park(u8),
    Close(u8),
    ChildStop(u8),
    Set(Timer, i64),
    Delete(Timer),
    Ask(u8),
    Answer(u8, bool),
    Withdraw(u8),
    HearPast,
    /// For events of a name since the n-th operation.
    Wait(usize, usize),
    WaitClose,
    Turn(u8, u32),
}

/// The status after a commit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Executing,
    StandBy,
    Blocked,
    Paused,
}

/// One operation.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Start { run: u8, key: Option<u8>, due: bool, writes: Vec<Write> },
    Advance { run: u8, stale: bool, phase: Phase, stays: bool, due: bool, more: Vec<Write> },
    Checkpoint { run: u8, events: u64 },
    End { run: u8, failed: bool, holds_nothing: bool },
    Unmoved { run: u8, stale: bool },
    NotDue { run: u8 },
    Quarantine { run: u8 },
    Release { run: u8 },
    Begin(Attempt),
    Leave(Attempt, bool),
    CloseAttempt(Attempt),
    Claim(Attempt, u8),
    Held(Attempt, u8),
    Beat(Attempt, u8, i64),
    Take { run: u8, timer: Timer, ms: i64 },
    SetBack { run: u8, timer: Timer, ms: i64, until_ms: i64 },
    Decide { run: u8, approval: u8, revision: u32, approves: bool },
    Record { name: usize, key: u8, only: Option<u8> },
    Hear { run: u8 },
    Link { run: u8, of: Attempt },
    Told { run: u8 },
    Grant { run: u8 },
    Look,
}

impl Op {
    /// What brings a run to its end, wherever it is.
    pub fn over(run: u8) -> [Self; 2] {
        [Self::Release { run }, Self::End { run, failed: false, holds_nothing: false }]
    }
}

/// A small generator, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn small(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(u64::from(bound))).unwrap_or(0)
    }

    fn run(&mut self) -> u8 {
        self.small(RUNS)
    }

    fn attempt(&mut self) -> Attempt {
        Attempt { run: self.run(), call: self.small(CALLS), attempt: self.attempt_number() }
    }

    /// Mostly the first.
    fn attempt_number(&mut self) -> u32 {
        if self.percent(75) { 1 } else { 2 }
    }

    fn timer(&mut self) -> Timer {
        let purposes = [TimerPurpose::Wait, TimerPurpose::Lease];
        Timer { call: self.small(CALLS), purpose: purposes[self.below(2) as usize] }
    }

    /// Times meet, so that timers are found due.
    fn ms(&mut self) -> i64 {
        [10, 20, 30][self.below(3) as usize]
    }

    fn name(&mut self) -> usize {
        self.below(2) as usize
    }

    fn write(&mut self) -> Write {
        match self.below(20) {
            0..=2 => Write::Open(self.small(CALLS), self.attempt_number()),
            3..=5 => Write::Offer(self.small(CALLS), self.attempt_number()),
            6 => Write::Free(self.small(CALLS)),
            7 => Write::Park(self.small(CALLS)),
            8 => Write::Close(self.small(CALLS)),
            9 => Write::ChildStop(self.small(CALLS)),
            10 | 11 => Write::Set(self.timer(), self.ms()),
            12 => Write::Delete(self.timer()),
            13 | 14 => Write::Ask(self.small(APPROVALS)),
            15 => Write::Answer(self.small(APPROVALS), self.percent(50)),
            16 => Write::Withdraw(self.small(APPROVALS)),
            17 | 18 => Write::Wait(self.name(), self.below(20) as usize),
            _ if self.percent(50) => Write::WaitClose,
            _ => Write::Turn(self.small(2), 1 + u32::from(self.small(2))),
        }
    }

    /// At most one task is offered: which of two comes first is nobody's to say.
    fn writes(&mut self) -> Vec<Write> {
        let mut writes: Vec<Write> = (0..self.below(4)).map(|_| self.write()).collect();
        let mut offers = 0;
        writes.retain(|write| {
            offers += u32::from(matches!(write, Write::Offer(..)));
            !matches!(write, Write::Offer(..)) || offers == 1
        });
        writes
    }

    fn start(&mut self, run: u8) -> Op {
        let key = self.percent(40).then(|| self.small(2));
        let mut writes = self.writes();
        if self.percent(20) {
            writes.insert(0, Write::HearPast); // before any wait
        }
        Op::Start { run, key, due: self.percent(20), writes }
    }

    fn phase(&mut self) -> Phase {
        match self.below(8) {
            0 => Phase::Paused,
            1 => Phase::Blocked,
            2 | 3 => Phase::StandBy,
            _ => Phase::Executing,
        }
    }

    fn op(&mut self) -> Op {
        let run = self.run();
        match self.below(36) {
            0..=2 => self.start(run),
            3..=9 => Op::Advance {
                run,
                stale: self.percent(15),
                phase: self.phase(),
                stays: self.percent(20),
                due: self.percent(20),
                more: self.writes(),
            },
            10 => Op::Checkpoint { run, events: 1 + self.below(4) },
            11 => Op::End { run, failed: self.percent(50), holds_nothing: self.percent(50) },
            12 => Op::Unmoved { run, stale: self.percent(50) },
            13 => Op::NotDue { run },
            14 if self.percent(50) => Op::Quarantine { run },
            14 => Op::Release { run },
            15 | 16 => Op::Begin(self.attempt()),
            17 => Op::Leave(self.attempt(), self.percent(50)),
            18 => Op::CloseAttempt(self.attempt()),
            19..=21 => Op::Claim(self.attempt(), self.small(2)),
            22 => Op::Held(self.attempt(), self.small(2)),
            23 => Op::Beat(self.attempt(), self.small(2), self.ms()),
            24 | 25 => Op::Take { run, timer: self.timer(), ms: self.ms() },
            26 => {
                let (timer, ms) = (self.timer(), self.ms());
                Op::SetBack { run, timer, ms, until_ms: self.ms() }
            }
            27 | 28 => Op::Decide {
                run,
                approval: self.small(APPROVALS),
                revision: 1 + u32::from(self.percent(30)),
                approves: self.percent(50),
            },
            29 | 30 => {
                let (name, key) = (self.name(), self.small(12));
                Op::Record { name, key, only: self.percent(25).then_some(run) }
            }
            31 | 32 => Op::Hear { run },
            33 => Op::Link { run, of: self.attempt() },
            34 if self.percent(50) => Op::Told { run },
            34 => Op::Grant { run },
            _ => Op::Look,
        }
    }
}

/// The sequence of a seed.
pub(super) fn generate(seed: u64, count: usize) -> Vec<Op> {
    let mut dice = Dice(seed);
    let first = [dice.start(0), dice.start(1)];
    let more = (first.len()..count).map(|_| dice.op());
    first.into_iter().chain(more).collect()
}

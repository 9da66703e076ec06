//! What is still to come from outside, in order of time: late answers, decisions, events.

use chrono::{DateTime, TimeDelta, Utc};
use signalbox::{
    id::ApprovalId,
    run::{Command, Decision, OutsideFact},
};
use std::collections::BTreeMap;

/// Something that is to come.
#[derive(Debug)]
pub enum Due {
    /// An answer that takes its time.
    Answer(Command),
    /// A decision about an approval at the revision that was looked at.
    Decision(ApprovalId, u32, Decision),
    /// Something that happens outside.
    Fact(OutsideFact),
}

/// In order of time, and then of entry.
#[derive(Default)]
pub struct Agenda {
    entries: BTreeMap<(DateTime<Utc>, u64), Due>,
    number: u64,
}

impl Agenda {
    /// Puts something in, so long after `now`.
    pub fn put(&mut self, now: DateTime<Utc>, after_ms: u64, due: Due) {
        let delay = i64::try_from(after_ms).ok().and_then(TimeDelta::try_milliseconds);
        let at = delay.and_then(|delay| now.checked_add_signed(delay));
        self.number += 1;
        self.entries.insert((at.unwrap_or(DateTime::<Utc>::MAX_UTC), self.number), due);
    }

    /// When the next one comes.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next one, if its time has come.
    pub fn pop(&mut self, now: DateTime<Utc>) -> Option<Due> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

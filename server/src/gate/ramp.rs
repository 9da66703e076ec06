//! The slow beginning after a pause: what is due goes out one by one at first, and at the full rate five minutes later.
//!
//! So an administrator who sees that something is wrong can pause again before everything has left. It counts on each
//! server by itself, as the limits of the sender do.

use super::{
    Gate,
    sender::{CONCURRENCY, CONCURRENCY_OF_ONE},
};
use crate::store::{self, StoreResult};
use chrono::{DateTime, TimeDelta, Utc};
use signalbox::id::OrganizationId;
use std::{
    collections::{HashMap, HashSet},
    sync::{MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// How long it takes.
pub(super) const RAMP: TimeDelta = TimeDelta::minutes(5);
/// While something waits for its turn the sender looks again at this pace.
const RECHECK: Duration = Duration::from_millis(100);
/// While nothing does: a message that becomes due is found by this.
const RECHECK_IDLE: Duration = Duration::from_secs(1);
/// An organisation that may have one message at work begins one in this time, of two two, and so on.
const PACE_MS: u64 = 1_000;

/// Messages that an organisation may have at work at once at a time after its pause: 1 at first, `full` in the end.
pub(super) fn ramp(resumed_at: DateTime<Utc>, now: DateTime<Utc>, full: usize) -> usize {
    let whole_ms = RAMP.num_milliseconds();
    let over_ms = (now - resumed_at).num_milliseconds().clamp(0, whole_ms);
    let (over, whole) = (usize::try_from(over_ms), usize::try_from(whole_ms));
    match (over, whole) {
        (Ok(over), Ok(whole)) => 1 + full.saturating_sub(1) * over / whole,
        _ => 1,
    }
}

/// Organisations that begin slowly, with when each may begin its next message.
#[derive(Default)]
pub(super) struct Ramps {
    next: HashMap<OrganizationId, DateTime<Utc>>,
    /// One of them has something due.
    waits: bool,
}

impl Gate {
    fn ramps(&self) -> MutexGuard<'_, Ramps> {
        self.inner.ramps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How soon the sender looks again because of a slow beginning; none while there is none.
    pub(super) fn ramp_recheck(&self) -> Option<Duration> {
        let ramps = self.ramps();
        match (ramps.next.is_empty(), ramps.waits) {
            (true, _) => None,
            (false, true) => Some(RECHECK),
            (false, false) => Some(RECHECK_IDLE),
        }
    }

    /// Begins the next message of each organisation that begins slowly and whose turn it is; how many that were.
    pub(super) async fn pump_ramping(
        &self,
        at_work: &mut JoinSet<()>,
        now: DateTime<Utc>,
    ) -> StoreResult<usize> {
        let mut resumed = store::outbound_resumed_after(self.store(), now - RAMP).await?;
        self.ramps_keep(&mut resumed, now);
        let (mut taken, mut waits) = (0, false);
        for (organization, resumed_at) in resumed {
            let may = ramp(resumed_at, now, CONCURRENCY_OF_ONE);
            let busy = self.busy().values().filter(|of| **of == organization).count();
            let is_early = self.ramps().next.get(&organization).is_some_and(|next| *next > now);
            if busy >= may || is_early || at_work.len() >= CONCURRENCY {
                waits = true;
                continue;
            }
            // What is at work already may still be among them.
            let limit = u32::try_from(CONCURRENCY_OF_ONE + 1).unwrap_or(u32::MAX);
            let due = store::messages_due_of(self.store(), organization, now, limit).await?;
            let Some(message) = due.into_iter().find(|message| self.take(message)) else {
                continue;
            };
            waits = true;
            let pause_ms = self.store().spread_ms(PACE_MS / may.max(1) as u64);
            let pause = TimeDelta::milliseconds(i64::try_from(pause_ms).unwrap_or(0));
            self.ramps().next.insert(organization, now + pause);
            self.begin(at_work, message);
            taken += 1;
        }
        self.ramps().waits = waits;
        Ok(taken)
    }

    /// Forgets who is past the slow beginning, takes in who is new, and puts first whose turn came first.
    fn ramps_keep(&self, resumed: &mut [(OrganizationId, DateTime<Utc>)], now: DateTime<Utc>) {
        let mut ramps = self.ramps();
        let known: HashSet<OrganizationId> = resumed.iter().map(|(id, _)| *id).collect();
        ramps.next.retain(|id, _| known.contains(id));
        for id in known {
            ramps.next.entry(id).or_insert(now);
        }
        resumed.sort_by_key(|(id, _)| ramps.next.get(id).copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_one_and_rises_to_all() {
        let start = DateTime::UNIX_EPOCH;
        let at = |seconds: i64| ramp(start, start + TimeDelta::seconds(seconds), 8);
        assert_eq!([-5, 0, 42, 43, 150, 299, 300, 9_000].map(at), [1, 1, 1, 2, 4, 7, 8, 8]);
        assert_eq!(ramp(start, start + RAMP, 1), 1);
        assert_eq!(ramp(start, start + RAMP, 0), 1);
    }
}

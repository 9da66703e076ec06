//! Which runs are followed and how far: passes over what came twice, notices what is missing. Pure.

use signalbox::id::RunId;
use signalbox::wire::LiveClient;

/// The followed runs, each with how many follow it and the last event number that was seen.
#[derive(Default)]
pub(super) struct Followed(Vec<(RunId, u32, u64)>);

/// What to do with events that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// They go on from what was seen; hand them out. The first of them may have been seen before.
    Use,
    /// All of them were seen before, or nobody follows the run.
    Ignore,
    /// Some before them are missing; ask from there.
    Ask {
        /// The last number that was seen.
        after: u64,
    },
}

impl Followed {
    pub(super) fn add(&mut self, run: RunId, after: u64) {
        match self.0.iter_mut().find(|(own, ..)| *own == run) {
            // A second follower that knows less gets the rest again.
            Some((_, count, last)) => {
                *count += 1;
                *last = after.min(*last);
            }
            None => self.0.push((run, 1, after)),
        }
    }

    /// True when nobody follows the run any more.
    pub(super) fn remove(&mut self, run: RunId) -> bool {
        let Some(at) = self.0.iter().position(|(own, ..)| *own == run) else { return false };
        self.0[at].1 -= 1;
        let gone = self.0[at].1 == 0;
        if gone {
            self.0.swap_remove(at);
        }
        gone
    }

    /// Takes events from number `first` to number `newest` in.
    pub(super) fn take(&mut self, run: RunId, first: u64, newest: u64) -> Take {
        let Some((_, _, last)) = self.0.iter_mut().find(|(own, ..)| *own == run) else {
            return Take::Ignore;
        };
        if newest <= *last {
            return Take::Ignore;
        }
        if first > *last + 1 {
            return Take::Ask { after: *last };
        }
        *last = newest;
        Take::Use
    }

    /// What to say on a fresh connection.
    pub(super) fn all(&self) -> impl Iterator<Item = LiveClient> + '_ {
        self.0.iter().map(|(run, _, after)| LiveClient::FollowRun { run: *run, after: *after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_handed_out_without_a_gap() {
        let run = RunId(uuid::Uuid::from_u128(7));
        let mut followed = Followed::default();
        assert_eq!(followed.take(run, 1, 1), Take::Ignore);
        followed.add(run, 2);
        let steps = [
            ((1, 3), Take::Use),
            ((5, 6), Take::Ask { after: 3 }),
            ((4, 6), Take::Use),
            ((5, 6), Take::Ignore),
            ((7, 7), Take::Use),
        ];
        for ((first, newest), take) in steps {
            assert_eq!(followed.take(run, first, newest), take, "{first} to {newest}");
        }
    }

    #[test]
    fn a_run_is_followed_until_the_last_follower_leaves() {
        let run = RunId(uuid::Uuid::from_u128(7));
        let mut followed = Followed::default();
        followed.add(run, 9);
        followed.add(run, 4);
        assert!(!followed.remove(run));
        assert_eq!(followed.all().count(), 1);
        assert!(matches!(followed.all().next(), Some(LiveClient::FollowRun { after: 4, .. })));
        assert!(followed.remove(run));
        assert!(!followed.remove(run));
        assert_eq!(followed.all().count(), 0);
    }
}

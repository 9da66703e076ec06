//! Which runs are followed and how far: drops what came twice, notices what is missing. Pure.

use signalbox::id::RunId;
use signalbox::run::Event;
use signalbox::wire::LiveClient;

/// The followed runs, each with how many follow it and the last event number that was seen.
#[derive(Default)]
pub(super) struct Followed(Vec<(RunId, u32, u64)>);

/// What to do with events that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// They go on from what was seen; hand them out.
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

    /// Removes from `events` what was seen before.
    pub(super) fn take(&mut self, run: RunId, events: &mut Vec<Event>) -> Take {
        let Some((_, _, last)) = self.0.iter_mut().find(|(own, ..)| *own == run) else {
            return Take::Ignore;
        };
        events.retain(|event| event.seq > *last);
        match (events.first(), events.last()) {
            (Some(first), _) if first.seq > *last + 1 => Take::Ask { after: *last },
            (_, Some(newest)) => {
                *last = newest.seq;
                Take::Use
            }
            (_, None) => Take::Ignore,
        }
    }

    /// What to say on a fresh connection.
    pub(super) fn all(&self) -> impl Iterator<Item = LiveClient> + '_ {
        self.0.iter().map(|(run, _, after)| LiveClient::FollowRun { run: *run, after: *after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn events(numbers: &[u64]) -> Vec<Event> {
        let event = |seq: &u64| {
            let event = json!({"seq": seq, "at": "2026-11-20T18:00:00Z", "type": "run_started", "input": null});
            serde_json::from_value(event).expect("an event")
        };
        numbers.iter().map(event).collect()
    }

    #[test]
    fn events_come_once_and_without_a_gap() {
        let run = RunId(uuid::Uuid::from_u128(7));
        let mut followed = Followed::default();
        assert_eq!(followed.take(run, &mut events(&[1])), Take::Ignore);
        followed.add(run, 2);
        let steps: [(&[u64], Take, &[u64]); 4] = [
            (&[1, 2, 3], Take::Use, &[3]),
            (&[5, 6], Take::Ask { after: 3 }, &[5, 6]),
            (&[4, 5, 6], Take::Use, &[4, 5, 6]),
            (&[5, 6], Take::Ignore, &[]),
        ];
        for (came, take, left) in steps {
            let mut batch = events(came);
            assert_eq!(followed.take(run, &mut batch), take, "{came:?}");
            assert_eq!(batch.iter().map(|e| e.seq).collect::<Vec<_>>(), left, "{came:?}");
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

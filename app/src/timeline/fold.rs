//! What the page knows of a run: every event so far and the state they add up to. Arrival order
//! and repetition do not matter; a gap is noticed. Pure.

use signalbox::id::RunId;
use signalbox::run::{Event, RunState, apply};

/// Events kept for showing; older ones stay in the state only.
const EVENTS_MAX: usize = 20_000;

/// A run, folded.
#[derive(Clone, Debug)]
pub struct RunFold {
    /// What the events add up to.
    pub state: RunState,
    /// The events, oldest first, without a gap, from 1.
    pub events: Vec<Event>,
}

/// What taking events in came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All known already.
    Nothing,
    /// The fold has moved on.
    Forward,
    /// Events after this number are missing; fetch them.
    Missing(u64),
}

impl RunFold {
    /// A run of which nothing is known.
    pub fn new(run: RunId) -> Self {
        Self { state: RunState::new(run), events: Vec::new() }
    }

    /// The number of the last event.
    pub fn seq(&self) -> u64 {
        self.state.seq
    }

    /// Takes events in. Those that are known are passed over.
    pub fn take(&mut self, events: &[Event]) -> Taken {
        let mut taken = Taken::Nothing;
        for event in events {
            if event.seq <= self.state.seq {
                continue;
            }
            if event.seq != self.state.seq + 1 {
                return Taken::Missing(self.state.seq);
            }
            apply(&mut self.state, event);
            if self.events.len() < EVENTS_MAX {
                self.events.push(event.clone());
            }
            taken = Taken::Forward;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use signalbox::run::EventBody;

    fn event(seq: u64) -> Event {
        let body = if seq == 1 {
            EventBody::Resumed { by: "x".into() }
        } else {
            EventBody::Paused { by: format!("p{seq}") }
        };
        Event { seq, at: DateTime::UNIX_EPOCH, body }
    }

    #[test]
    fn repeated_events_are_passed_over_and_gaps_are_noticed() {
        let mut fold = RunFold::new(RunId(uuid::Uuid::nil()));
        assert_eq!(fold.take(&[event(1), event(2)]), Taken::Forward);
        assert_eq!(fold.take(&[event(1), event(2)]), Taken::Nothing);
        assert_eq!(fold.take(&[event(4)]), Taken::Missing(2));
        assert_eq!(fold.take(&[event(2), event(3), event(4)]), Taken::Forward);
        let numbers: Vec<u64> = fold.events.iter().map(|event| event.seq).collect();
        assert_eq!((numbers, fold.seq()), (vec![1, 2, 3, 4], 4));
    }
}

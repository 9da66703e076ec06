//! What the page knows of a run: its newest events, and the state that all of them add up to. It begins with a state
//! that the server folded, so that a long run shows at once; older events come when they are asked for. Arrival order
//! and repetition do not matter; a gap is noticed. Pure.

use serde::Deserialize;
use signalbox::id::RunId;
use signalbox::run::{Event, RunState, RunStatus, apply, fork_point};
use signalbox::wire::RunDetail;

/// Events kept for showing; of more the oldest go, and can be fetched again.
const EVENTS_MAX: usize = 20_000;
/// So many more come before the oldest go: it moves all the others.
const SLACK: usize = 1_000;
/// Older events that are fetched at once; the server gives no more.
const PAGE: u64 = 1_000;

/// A run, folded.
#[derive(Clone, Debug)]
pub struct RunFold {
    /// What the events up to its number add up to.
    pub state: RunState,
    /// The newest events, oldest first, without a gap.
    pub events: Vec<Event>,
    /// The state before the first of them, or after one of them: earlier states are folded from here.
    base: RunState,
    /// What the server said of the run; shown until the state has caught up with the events.
    said: RunStatus,
    /// So many events are kept.
    keep: usize,
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
        let state = RunState::new(run);
        let said = state.status();
        Self { base: state.clone(), state, events: Vec::new(), said, keep: EVENTS_MAX }
    }

    /// A run as the server gives it: from the state that comes with its newest events. Where none does, the events
    /// show, and the state is behind them until all from the first one on were taken.
    pub fn open(detail: &RunDetail) -> Self {
        let first = detail.events.first().map_or(1, |event| event.seq);
        let last = detail.events.last().map_or(0, |event| event.seq);
        let given = RunState::deserialize(&detail.state).ok();
        let base = given.filter(|state| first <= state.seq + 1 && state.seq <= last);
        let mut fold = Self { said: detail.run.status.clone(), ..Self::new(detail.run.id) };
        if let Some(base) = base {
            fold.state = base.clone();
            fold.base = base;
        }
        fold.events.clone_from(&detail.events);
        for event in &detail.events {
            if event.seq == fold.state.seq + 1 {
                apply(&mut fold.state, event);
            }
        }
        fold
    }

    /// The number of the last event that the state holds.
    pub fn seq(&self) -> u64 {
        self.state.seq
    }

    /// The number of the last event that is known.
    pub fn last(&self) -> u64 {
        self.events.last().map_or(self.state.seq, |event| event.seq)
    }

    fn first(&self) -> Option<u64> {
        self.events.first().map(|event| event.seq)
    }

    /// Whether events show that the state does not hold yet.
    pub fn is_behind(&self) -> bool {
        self.state.seq < self.last()
    }

    /// Where the run is.
    pub fn status(&self) -> RunStatus {
        if self.is_behind() { self.said.clone() } else { self.state.status() }
    }

    /// The server says where the run is.
    pub fn note(&mut self, status: RunStatus) {
        self.said = status;
    }

    /// A state at the beginning of the events, or among them: what it knows is not said in them.
    pub fn base(&self) -> &RunState {
        &self.base
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
            if self.first() == Some(event.seq) {
                self.base = self.state.clone();
            }
            let is_new = self.last() < event.seq;
            apply(&mut self.state, event);
            if is_new {
                self.events.push(event.clone());
            }
            taken = Taken::Forward;
        }
        self.drop_oldest();
        taken
    }

    fn drop_oldest(&mut self) {
        let over = self.events.len().saturating_sub(self.keep);
        if over > SLACK {
            for event in self.events.drain(..over) {
                apply(&mut self.base, &event);
            }
        }
    }

    /// After which event the page begins that is before the oldest one here; none when all are here.
    pub fn older(&self) -> Option<u64> {
        self.first().filter(|first| *first > 1).map(|first| first.saturating_sub(PAGE + 1))
    }

    /// Puts a page of older events before those that are here. They stay: a person asked for them.
    pub fn put_before(&mut self, older: &[Event]) {
        let Some(first) = self.first() else { return };
        let before = older.partition_point(|event| event.seq < first);
        let fits = older[..before].last().is_some_and(|event| event.seq + 1 == first);
        if fits {
            drop(self.events.splice(0..0, older[..before].iter().cloned()));
            self.keep = self.events.len() + EVENTS_MAX;
        }
    }

    /// The run as a fork after one of the events goes on from it; none where what was before it is not known.
    pub fn state_at(&self, seq: u64) -> Option<RunState> {
        let seq = fork_point(&self.events, seq);
        let first = self.first()?;
        let mut state = match seq < self.base.seq && first == 1 {
            true => RunState::new(self.state.run),
            false => self.base.clone(),
        };
        if seq < state.seq || first > state.seq + 1 {
            return None;
        }
        let past = self.events.iter().take_while(|event| event.seq <= seq);
        past.for_each(|event| apply(&mut state, event));
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::{Map, Value};
    use signalbox::graph::Graph;
    use signalbox::id::WorkflowId;
    use signalbox::run::{EventBody, RunPhase};
    use signalbox::wire::RunView;

    const RUN: RunId = RunId(uuid::Uuid::nil());

    fn event(seq: u64) -> Event {
        let by = format!("p{seq}");
        let body = if seq % 2 == 1 { EventBody::Resumed { by } } else { EventBody::Paused { by } };
        Event { seq, at: DateTime::UNIX_EPOCH, body }
    }

    fn events(from: u64, to: u64) -> Vec<Event> {
        (from..=to).map(event).collect()
    }

    fn state(seq: u64) -> RunState {
        let mut state = RunState::new(RUN);
        events(1, seq).iter().for_each(|event| apply(&mut state, event));
        state
    }

    fn numbers(fold: &RunFold) -> (Option<u64>, u64, usize) {
        (fold.first(), fold.last(), fold.events.len())
    }

    /// A run that the server knows to have failed, so that it can be told from what is folded.
    fn detail(events: Vec<Event>, state: Value) -> RunDetail {
        let run = RunView {
            id: RUN,
            workflow: WorkflowId(uuid::Uuid::nil()),
            workflow_name: String::new(),
            version: 1,
            status: RunStatus::Failed { error_message: "no".into() },
            started_by: String::new(),
            started_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            ended_at: None,
            current_node: None,
            current_title: None,
            contacts: vec![],
            seq: 0,
        };
        RunDetail {
            run,
            graph: Graph::default(),
            variables: Map::new(),
            input: Value::Null,
            output: Value::Null,
            events,
            state,
            newest_version: None,
        }
    }

    #[test]
    fn repeated_events_are_passed_over_and_gaps_are_noticed() {
        let mut fold = RunFold::new(RUN);
        assert_eq!(fold.take(&[event(1), event(2)]), Taken::Forward);
        assert_eq!(fold.take(&[event(1), event(2)]), Taken::Nothing);
        assert_eq!(fold.take(&[event(4)]), Taken::Missing(2));
        assert_eq!(fold.take(&[event(2), event(3), event(4)]), Taken::Forward);
        let numbers: Vec<u64> = fold.events.iter().map(|event| event.seq).collect();
        assert_eq!((numbers, fold.seq()), (vec![1, 2, 3, 4], 4));
    }

    #[test]
    fn a_long_run_goes_on_from_the_state_that_comes_with_it() {
        // Before its events, among them, after them.
        for known in [3_000, 3_400, 4_000] {
            let given = serde_json::to_value(state(known)).expect("JSON");
            let mut fold = RunFold::open(&detail(events(3_001, 4_000), given));
            assert_eq!(fold.state, state(4_000), "{known}");
            assert!(!fold.is_behind() && fold.status().phase() == RunPhase::Paused);
            assert_eq!(fold.take(&[event(4_001)]), Taken::Forward);
            assert_eq!(numbers(&fold), (Some(3_001), 4_001, 1_001));
            assert_eq!(fold.state_at(4_000), Some(state(4_000)));
            let early = fold.state_at(3_200);
            assert_eq!(early, (known <= 3_200).then(|| state(3_200)), "{known}");
        }
    }

    #[test]
    fn a_state_that_leaves_a_gap_is_not_used() {
        for seq in [2, 9] {
            let given = serde_json::to_value(state(seq)).expect("JSON");
            let fold = RunFold::open(&detail(events(5, 8), given));
            assert_eq!((fold.seq(), fold.is_behind()), (0, true), "{seq}");
        }
    }

    #[test]
    fn without_a_state_the_servers_word_holds_until_it_is_folded() {
        let mut fold = RunFold::open(&detail(events(2_001, 3_000), Value::Null));
        assert_eq!((fold.status().phase(), fold.seq()), (RunPhase::Failed, 0));
        assert_eq!(fold.take(&[event(3_001)]), Taken::Missing(0));
        for page in 0..3 {
            assert_eq!(fold.status().phase(), RunPhase::Failed);
            assert_eq!(fold.state_at(2_500), None);
            fold.take(&events(page * 1_000 + 1, page * 1_000 + 1_000));
        }
        assert_eq!((fold.status().phase(), &fold.state), (RunPhase::Paused, &state(3_000)));
        assert_eq!(numbers(&fold), (Some(2_001), 3_000, 1_000), "only the newest are kept");
        assert_eq!(fold.state_at(2_500), Some(state(2_500)));
    }

    #[test]
    fn of_too_many_events_the_oldest_go_and_come_again_when_asked_for() {
        let mut fold = RunFold::new(RUN);
        fold.take(&events(1, 25_000));
        assert_eq!(numbers(&fold), (Some(5_001), 25_000, EVENTS_MAX));
        assert_eq!(fold.state, state(25_000));
        assert_eq!(fold.state_at(5_001), Some(state(5_001)));
        assert_eq!(fold.state_at(5_000), Some(state(5_000)), "it is the one before them");
        assert_eq!(fold.state_at(4_999), None);
        while let Some(after) = fold.older() {
            fold.put_before(&events(after + 1, after + 1_000));
        }
        assert_eq!(numbers(&fold), (Some(1), 25_000, 25_000));
        assert_eq!(fold.state_at(17), Some(state(17)));
        fold.take(&events(25_001, 30_000));
        assert_eq!(numbers(&fold), (Some(1), 30_000, 30_000), "what was asked for stays");
    }

    #[test]
    fn older_events_fit_without_a_gap() {
        let given = serde_json::to_value(state(3_000)).expect("JSON");
        let mut fold = RunFold::open(&detail(events(3_001, 4_000), given));
        assert_eq!(fold.older(), Some(2_000));
        fold.put_before(&events(1_001, 2_000));
        assert_eq!(numbers(&fold), (Some(3_001), 4_000, 1_000));
        fold.put_before(&events(2_001, 3_000));
        fold.put_before(&events(2_001, 3_000));
        assert_eq!(numbers(&fold), (Some(2_001), 4_000, 2_000));
        fold.put_before(&events(1_001, 2_000));
        // The last page reaches into what is here.
        fold.put_before(&events(1, 1_200));
        assert_eq!((numbers(&fold), fold.older()), ((Some(1), 4_000, 4_000), None));
    }
}

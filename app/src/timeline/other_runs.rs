//! The other runs that a run's events are about: the one that started it, those that it started, the one that it is a
//! fork of, the one in its place. Pure.

use serde_json::Value;
use signalbox::id::RunId;
use signalbox::run::{ActivationId, CallRequest, Event, EventBody, RunEnd, run_of};
use std::collections::BTreeMap;

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherRun {
    /// Its address.
    pub href: String,
    /// What it is.
    pub words: &'static str,
}

impl OtherRun {
    /// The page of a run.
    pub fn page(run: RunId, words: &'static str) -> Self {
        Self { href: format!("/runs/{run}"), words }
    }
}

/// What the events say about other runs.
pub struct OtherRuns {
    run: RunId,
    /// The events that say that what was before them happened in another run, which it is.
    forks: Vec<(u64, RunId)>,
    /// The last call of an activation that asked for a run.
    asked: BTreeMap<ActivationId, u64>,
    /// The run that such a call started, as its result tells.
    started: BTreeMap<ActivationId, RunId>,
}

impl OtherRuns {
    /// Reads a run's events.
    pub fn of(run: RunId, events: &[Event]) -> Self {
        let mut found =
            Self { run, forks: vec![], asked: BTreeMap::new(), started: BTreeMap::new() };
        for event in events {
            match &event.body {
                EventBody::Forked { from, .. } => found.forks.push((event.seq, *from)),
                EventBody::CallRequested { activation, request: CallRequest::Run(_), .. } => {
                    found.asked.insert(*activation, event.seq);
                }
                EventBody::NodeCompleted { activation, output, .. } => {
                    let run = output.get("run").and_then(Value::as_str);
                    if let Some(run) = run.and_then(|run| run.parse().ok()) {
                        found.started.insert(*activation, run);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The run that this one is a fork of, and the last event that both share.
    pub fn fork_of(events: &[Event]) -> Option<(RunId, u64)> {
        events.iter().rev().find_map(|event| match &event.body {
            EventBody::Forked { from, up_to, .. } => Some((*from, *up_to)),
            _ => None,
        })
    }

    /// The run that an event is about beside its own.
    pub fn of_event(&self, event: &Event) -> Option<OtherRun> {
        match &event.body {
            EventBody::RunStarted { started_by, .. } => {
                run_of(started_by).map(|run| OtherRun::page(run, "Open the run that started it"))
            }
            EventBody::Forked { from, .. } => Some(OtherRun::page(*from, "Open the other run")),
            EventBody::CallRequested { activation, request: CallRequest::Run(_), .. } => {
                Some(self.asked_for(event.seq, *activation))
            }
            EventBody::RunEnded { end: RunEnd::Stopped { replaced_by: Some(run), .. } } => {
                Some(OtherRun::page(*run, "Open the run in its place"))
            }
            EventBody::RunEnded { end: RunEnd::Stopped { by, .. } } => {
                run_of(by).map(|run| OtherRun::page(run, "Open the other run"))
            }
            _ => None,
        }
    }

    /// The run that a call asked for. Its id comes with the result; until then, and where it failed, the list has it.
    fn asked_for(&self, seq: u64, activation: ActivationId) -> OtherRun {
        let is_last = self.asked.get(&activation) == Some(&seq);
        match self.started.get(&activation).filter(|_| is_last) {
            Some(run) => OtherRun::page(*run, "Open the run that it started"),
            None => {
                let fork = self.forks.iter().find(|(forked, _)| *forked > seq);
                let run = fork.map_or(self.run, |(_, from)| *from);
                OtherRun { href: format!("/runs?q={run}"), words: "Runs that it started" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;
    use signalbox::run::by_run;

    fn id(number: u128) -> RunId {
        RunId(uuid::Uuid::from_u128(number))
    }

    fn story(bodies: Vec<Value>) -> Vec<Event> {
        let event = |(body, seq)| Event {
            seq,
            at: DateTime::UNIX_EPOCH,
            body: serde_json::from_value(body).expect("an event"),
        };
        bodies.into_iter().zip(1..).map(event).collect()
    }

    fn call(activation: u32, attempt: u32) -> Value {
        json!({ "type": "call_requested", "activation": activation, "attempt": attempt, "call": uuid::Uuid::nil(),
            "request": { "of": "run", "workflow": "other" } })
    }

    fn links(events: &[Event]) -> Vec<Option<String>> {
        let others = OtherRuns::of(id(1), events);
        events.iter().map(|event| others.of_event(event).map(|other| other.href)).collect()
    }

    #[test]
    fn rows_lead_to_the_runs_that_they_are_about() {
        let done = json!({ "type": "node_completed", "activation": 2, "port": "success",
            "output": { "run": id(8), "outcome": "completed" } });
        let tool = json!({ "type": "node_completed", "activation": 9, "port": "success", "output": { "run": "far" } });
        let stopped = json!({ "type": "run_ended", "end": { "as": "stopped", "reason": "", "by": by_run(id(5)),
            "replaced_by": null } });
        let events = story(vec![
            json!({ "type": "run_started", "input": null, "started_by": by_run(id(5)) }),
            call(2, 1),
            call(2, 2),
            call(3, 1),
            done,
            tool,
            stopped,
        ]);
        let page = |number| Some(format!("/runs/{}", id(number)));
        let list = || Some(format!("/runs?q={}", id(1)));
        assert_eq!(links(&events), [page(5), list(), page(8), list(), None, None, page(5)]);
        let by_a_person = json!({ "type": "run_started", "input": null, "started_by": "Ada" });
        assert_eq!(links(&story(vec![by_a_person])), [None::<String>]);
    }

    #[test]
    fn what_a_fork_has_from_the_other_run_was_started_there() {
        let forked = json!({ "type": "forked", "from": id(6), "up_to": 1, "by": "Ada" });
        let events = story(vec![call(2, 1), forked, call(3, 1)]);
        let list = |number| Some(format!("/runs?q={}", id(number)));
        assert_eq!(links(&events), [list(6), Some(format!("/runs/{}", id(6))), list(1)]);
        assert_eq!(OtherRuns::fork_of(&events), Some((id(6), 1)));
        assert_eq!(OtherRuns::fork_of(&events[..1]), None);
    }
}

//! What must hold when all is over.

use super::world::World;
use crate::store::model::Tables;
use signalbox::{
    run::{self, Event, EventBody, RunState},
    wire::ApprovalState,
};
use std::collections::BTreeMap;

/// A server has looked at everything by then.
const RECOVERED_AFTER_MS: u64 = 10_000;

impl World {
    /// I1, I8: what was promised is there, journals give the state that the rows show, nothing was done twice.
    pub(super) fn end_checks(&mut self) {
        let tables = self.database.committed();
        self.promises(&tables);
        for (run, row) in &tables.runs {
            let Ok((events, _)) = tables.events_after(*run, 0, usize::MAX) else {
                self.looker.broken("a journal cannot be read");
                continue;
            };
            let mut state = RunState::new(*run);
            for event in &events {
                run::apply(&mut state, event);
            }
            if state.status() != row.run.status || state.seq != row.run.seq {
                self.looker.broken("the journal gives another state than the row shows");
            }
            for what in repeated(&events) {
                self.looker.broken(what);
            }
        }
    }

    /// I12: a server has recovered what there was; who begins after it finds nothing to do.
    pub(super) async fn recover_again(&mut self) {
        for again in [false, true] {
            self.end_servers();
            let before = self.done_so_far();
            self.start_server(0);
            self.time.sleep(RECOVERED_AFTER_MS).await;
            if again && self.done_so_far() != before {
                self.looker.broken("recovering once more did something");
            }
        }
    }

    /// Commits, and calls that were made.
    fn done_so_far(&self) -> (u64, u64) {
        let seen = self.looker.seen();
        (seen.commits, seen.calls_made)
    }

    fn promises(&self, tables: &Tables) {
        let promised = self.promised();
        for (key, run) in &promised.runs {
            if !tables.runs.contains_key(run) {
                self.looker.broken(format!("the run of {key} was promised and is lost"));
            }
        }
        for (run, seq) in &promised.told {
            if tables.runs.get(run).is_none_or(|row| row.run.seq < *seq) {
                self.looker.broken("an answered command is lost");
            }
        }
        for (key, number) in &promised.events {
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            let event = tables.outside.get(index);
            if event.and_then(|event| event.0.source_key.as_ref()) != Some(key) {
                self.looker.broken("an answered event is lost");
            }
        }
        for (run, worker) in &promised.outputs {
            let events = tables.events_since(*run, 0).unwrap_or_default();
            if !events.iter().any(|event| is_by(event, worker)) {
                self.looker.broken("an answered report is lost");
            }
        }
        for (run, seq, version) in &promised.moved {
            let events = tables.events_since(*run, 0).unwrap_or_default();
            let until = events.iter().take_while(|event| event.seq <= *seq);
            let versions = until.filter_map(|event| match &event.body {
                EventBody::Migrated { to, .. } => Some(*to),
                _ => None,
            });
            if versions.last() != Some(*version) {
                self.looker.broken("an answered move to another version is lost");
            }
        }
        for (approval, approved) in &promised.decided {
            let state = tables.approvals.get(approval).map(|row| row.state);
            let expected =
                if *approved { ApprovalState::Approved } else { ApprovalState::Rejected };
            if state != Some(expected) {
                self.looker.broken(format!("an answered decision is lost: {state:?}"));
            }
        }
    }
}

/// Whether an event has what a worker made.
fn is_by(event: &Event, worker: &str) -> bool {
    let output = match &event.body {
        EventBody::NodeCompleted { output, .. } => output,
        EventBody::ApprovalRequested { request: Some(request), .. } => &request.subject,
        _ => return false,
    };
    output["worker"] == worker
}

/// Activations that were over more than once.
fn repeated(events: &[Event]) -> Vec<String> {
    let mut over: BTreeMap<u32, u32> = BTreeMap::new();
    for event in events {
        if let EventBody::NodeCompleted { activation, .. }
        | EventBody::NodeFailed { activation, .. }
        | EventBody::NodeBypassed { activation, .. } = &event.body
        {
            *over.entry(activation.0).or_insert(0) += 1;
        }
    }
    let twice = over.into_iter().filter(|(_, times)| *times > 1);
    twice
        .map(|(activation, times)| format!("activation {activation} ended {times} times"))
        .collect()
}

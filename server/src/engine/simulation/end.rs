//! What must hold when all is over.

use super::world::World;
use crate::store::model::Tables;
use crate::store::value;
use signalbox::{
    id::RunId,
    run::{self, Event, EventBody, RunState},
    wire::ApprovalState,
};
use std::collections::BTreeMap;

impl World {
    /// I1, I8, I12: what was promised is there, journals give the state that the rows show, nothing was done twice.
    pub(super) async fn end_checks(&mut self) {
        let tables = self.database.committed();
        let (runs, decided, told) = {
            let promised = self.promised();
            (promised.runs.clone(), promised.decided.clone(), promised.told.clone())
        };
        for (key, run) in &runs {
            if !tables.runs.contains_key(run) {
                self.looker.broken(format!("the run of {key} was promised and is lost"));
            }
        }
        for (run, seq) in told {
            if tables.runs.get(&run).is_none_or(|row| row.run.seq < seq) {
                self.looker.broken("an answered command is lost");
            }
        }
        for (approval, approved) in decided {
            let state = tables.approvals.get(&approval).map(|row| row.state);
            let expected = if approved { ApprovalState::Approved } else { ApprovalState::Rejected };
            if state != Some(expected) {
                self.looker.broken(format!("an answered decision is lost: {state:?}"));
            }
        }
        for (run, row) in &tables.runs {
            let events = journal(&tables, *run);
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
}

fn journal(tables: &Tables, run: RunId) -> Vec<Event> {
    let mut events = Vec::new();
    for (_, block) in tables.blocks_after(run, 0) {
        let json = value::unpack(&block, "run_events", "events").expect("readable");
        let block: Vec<Event> = serde_json::from_slice(&json).expect("events");
        events.extend(block);
    }
    events
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

//! What is done again or elsewhere: runs that are tried again, forks, runs that go on in another version.

use super::world::World;
use crate::engine::ForkRun;
use crate::store::model::{ORGANIZATION, Tables};
use serde_json::json;
use signalbox::{
    id::{NodeId, RunId},
    run::{Command, EventBody, ForkEdits},
};
use std::{collections::BTreeMap, sync::PoisonError};

/// Forks of one seed, at most.
const FORKS_MAX: u64 = 2;

impl World {
    /// A run that failed or was stopped is tried again, sometimes from the step that failed.
    pub(super) fn reopen(&mut self) {
        let tables = self.database.committed();
        let ended = tables
            .runs
            .values()
            .filter(|row| ["Failed", "Stopped"].contains(&row.run.status.phase().as_str()));
        let ended: Vec<RunId> = ended.map(|row| row.run.id).collect();
        let Some(run) = self.dice.pick(&ended).copied() else { return };
        let from = if self.dice.percent(30) { failed_step(&tables, run) } else { None };
        self.tell(run, Command::Reopen { by: "Ada".into(), from });
    }

    /// A run is forked, or goes on in another version.
    pub(super) fn go_elsewhere(&mut self) {
        match self.dice.percent(60) {
            true => self.fork(),
            false => self.migrate(),
        }
    }

    /// Another run is made of the first events of one, in the same version or in another one.
    fn fork(&mut self) {
        // Sometimes the same again, as after an answer that got lost.
        let again = self.forks > 0 && self.dice.percent(20) || self.forks >= FORKS_MAX;
        let number = if again { self.dice.below(self.forks) } else { self.forks };
        let open = if self.dice.percent(60) { self.some_run() } else { None };
        let tables = self.database.committed();
        let all: Vec<RunId> = tables.runs.keys().copied().collect();
        let Some(from) = open.or_else(|| self.dice.pick(&all).copied()) else { return };
        let last = tables.runs.get(&from).map_or(1, |row| row.run.seq);
        let mut edits = ForkEdits::default();
        match self.dice.below(4) {
            0 => edits.input = Some(json!({"items": [1, 2]})),
            1 => edits.variables.extend([("n".to_owned(), json!(2))]),
            _ => {}
        }
        let fork = ForkRun {
            up_to: 1 + self.dice.below(last),
            version: [None, Some(1), Some(2)][self.dice.below(3) as usize],
            edits,
            by: "Ada".into(),
            idempotency_key: Some(format!("fork {number}")),
        };
        let Some(server) = self.server() else { return };
        let (engine, promised, looker) =
            (server.engine.clone(), self.promised.clone(), self.looker.clone());
        self.forks = self.forks.max(number + 1);
        self.waiting_for(async move {
            let key = format!("fork {number}");
            let Ok(started) = engine.fork_run(ORGANIZATION, from, fork).await else { return };
            let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
            let first = *promised.runs.entry(key).or_insert(started.run);
            if first != started.run {
                looker.broken("one key gave two runs");
            }
        });
    }

    /// Somebody looks whether a run can go on in the other version, and after a while lets it.
    fn migrate(&mut self) {
        let Some(run) = self.some_run() else { return };
        let tables = self.database.committed();
        let is_first = tables.runs.get(&run).is_some_and(|row| row.run.version == 1);
        let to = if is_first { 2 } else { 1 };
        let pause = self.time.sleep([0, 50, 2_000][self.dice.below(3) as usize]);
        let Some(server) = self.server() else { return };
        let (engine, promised) = (server.engine.clone(), self.promised.clone());
        self.waiting_for(async move {
            let seen = engine.migration_preview(ORGANIZATION, run, to).await;
            if !seen.is_ok_and(|steps| steps.is_empty()) {
                return;
            }
            pause.await;
            if let Ok(outcome) = engine.migrate_run(ORGANIZATION, run, to, "Ada").await {
                let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
                promised.told.push((run, outcome.seq));
                promised.moved.push((run, outcome.seq, to));
            }
        });
    }
}

/// The step that failed last.
fn failed_step(tables: &Tables, run: RunId) -> Option<NodeId> {
    let mut nodes = BTreeMap::new();
    let mut failed = None;
    for event in tables.events_since(run, 0).ok()? {
        match &event.body {
            EventBody::NodeStarted { activation, node, .. } => {
                nodes.insert(*activation, node.clone());
            }
            EventBody::NodeFailed { activation, .. } => failed = nodes.get(activation).cloned(),
            _ => {}
        }
    }
    failed
}

//! Cells: the runs that are being worked on, with their state.
//!
//! A cell's lock makes commands of one run take turns. It only spares work: two cells of one run
//! would be kept apart by the fence of the commit.

use crate::store::RunCommit;
use chrono::{DateTime, Utc};
use signalbox::{
    graph::CompiledGraph,
    id::{CallId, OrganizationId, RunId, WorkflowId},
    run::{ActivationId, ActivationState, Context, RunPhase, RunState},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// A run that may be in memory.
pub(super) struct Cell {
    pub organization: OrganizationId,
    pub run: RunId,
    /// `None`: not loaded, or thrown away after a commit of unknown outcome.
    pub live: tokio::sync::Mutex<Option<Live>>,
}

/// A run in memory. Its state is what is on disk, except between deciding and committing, when the
/// cell's lock is held.
pub(super) struct Live {
    pub state: RunState,
    pub graph: Arc<CompiledGraph>,
    pub context: Context,
    pub workflow: WorkflowId,
    /// The phase as its row has it.
    pub phase: RunPhase,
    /// The event number of the newest checkpoint.
    pub checkpoint_seq: u64,
    /// Calls that have a row, by activation.
    pub calls: HashMap<ActivationId, CallId>,
    /// Activations whose awaited event has a row.
    pub waits: HashSet<ActivationId>,
}

impl Live {
    pub(super) fn new(
        state: RunState,
        graph: Arc<CompiledGraph>,
        context: Context,
        workflow: WorkflowId,
        checkpoint_seq: u64,
    ) -> Self {
        let calls = state.living().filter_map(|(id, a)| Some((id, a.call?))).collect();
        let waits =
            state.living().filter_map(|(id, a)| a.awaited_event.as_ref().map(|_| id)).collect();
        let phase = state.status().phase();
        Self { state, graph, context, workflow, phase, checkpoint_seq, calls, waits }
    }

    /// When it started; events before that do not count for its waits.
    pub(super) fn since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.state.started_at.unwrap_or(now)
    }

    /// A commit is on disk, perhaps with a checkpoint.
    pub(super) fn note_written(&mut self, commit: &RunCommit) {
        self.phase = commit.head.status.phase();
        if commit.checkpoint.is_some() {
            self.checkpoint_seq = commit.seq;
        }
    }

    /// Whether it is neither over nor held by anybody: there is nothing to resume.
    pub(super) fn goes_on(&self) -> bool {
        let state = &self.state;
        state.end.is_none() && !state.paused && state.blocked.is_none()
    }

    /// Whether it only waits, so that it need not be kept in memory.
    pub(super) fn is_at_rest(&self) -> bool {
        let works = |state| matches!(state, ActivationState::Ready | ActivationState::Running);
        self.state.end.is_some() || !self.state.living().any(|(_, a)| works(a.state))
    }
}

/// The cells, bounded: two generations, the elder of which is dropped when the younger is full.
pub(super) struct Cells {
    generation_max: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<RunId, Arc<Cell>>,
    old: HashMap<RunId, Arc<Cell>>,
}

impl Cells {
    pub(super) fn new(cells_max: usize) -> Self {
        Self { generation_max: (cells_max / 2).max(1), generations: Mutex::default() }
    }

    /// The cell of a run, made if there is none.
    pub(super) fn get(&self, organization: OrganizationId, run: RunId) -> Arc<Cell> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = generations.young.get(&run)
            && cell.organization == organization
        {
            return cell.clone();
        }
        let cell = match generations.old.remove(&run) {
            Some(cell) if cell.organization == organization => cell,
            _ => Arc::new(Cell { organization, run, live: tokio::sync::Mutex::new(None) }),
        };
        generations.insert(cell.clone(), self.generation_max);
        cell
    }

    /// Keeps a run that was just made.
    pub(super) fn put(&self, organization: OrganizationId, run: RunId, live: Live) {
        let cell = Arc::new(Cell { organization, run, live: tokio::sync::Mutex::new(Some(live)) });
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.insert(cell, self.generation_max);
    }

    /// Forgets a run, unless someone is using it.
    pub(super) fn forget(&self, cell: &Arc<Cell>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        // Two: the map's and the caller's.
        if Arc::strong_count(cell) <= 2 {
            generations.young.remove(&cell.run);
            generations.old.remove(&cell.run);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap();
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn insert(&mut self, cell: Arc<Cell>, generation_max: usize) {
        if self.young.len() >= generation_max {
            let aged = std::mem::take(&mut self.young);
            let elder = std::mem::replace(&mut self.old, aged);
            // In use: they stay, so that their commands keep taking turns. Commands in flight are few.
            let used = elder.into_iter().filter(|(_, cell)| Arc::strong_count(cell) > 1);
            self.young.extend(used);
        }
        self.young.insert(cell.run, cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn cells_are_bounded_and_those_in_use_stay() {
        let cells = Cells::new(8);
        let organization = OrganizationId(Uuid::from_u128(1));
        let used = cells.get(organization, RunId(Uuid::from_u128(1_000)));
        for number in 0..100 {
            cells.get(organization, RunId(Uuid::from_u128(number)));
        }
        assert!(cells.len() <= 10, "{} cells", cells.len());
        assert!(Arc::ptr_eq(&used, &cells.get(organization, used.run)));
    }

    #[test]
    fn another_organisation_does_not_get_the_cell() {
        let cells = Cells::new(8);
        let run = RunId(Uuid::from_u128(1));
        let ours = cells.get(OrganizationId(Uuid::from_u128(1)), run);
        let theirs = cells.get(OrganizationId(Uuid::from_u128(2)), run);
        assert!(!Arc::ptr_eq(&ours, &theirs));
    }
}

//! Places of named queues that runs of runs take, in the model.

use super::super::CallState;
use super::ORGANIZATION;
use super::tables::{LinkRow, ModelTx, Tables};
use signalbox::id::{CallId, OrganizationId, RunId};
use std::cmp::Reverse;
use std::collections::BTreeSet;

impl Tables {
    /// Whether a run has a place in a queue.
    fn is_in(&self, run: RunId, queue: &str) -> bool {
        let is_under_way =
            |(_, state): &(_, LinkRow)| matches!(state, LinkRow::Live | LinkRow::Stop);
        self.links.get(&run).is_some_and(is_under_way)
            && self.link_queues.get(&run).is_some_and(|of| of == queue)
    }

    /// How many runs have a place in a queue.
    fn under_way(&self, queue: &str) -> usize {
        self.links.keys().filter(|run| self.is_in(**run, queue)).count()
    }

    /// How many of them are this run and those around it.
    fn around(&self, run: RunId, queue: &str) -> usize {
        let around = std::iter::successors(Some(run), |run| {
            self.links.get(run).map(|(link, _)| link.parent)
        });
        around.take(32).filter(|run| self.is_in(*run, queue)).count()
    }

    /// Runs with calls that wait for a place.
    fn waiting(&self, queue: &str) -> impl Iterator<Item = RunId> {
        let waiting = self.calls.iter().filter(move |(_, row)| {
            row.state == CallState::Waiting && row.call.route.queue.as_deref() == Some(queue)
        });
        waiting.map(|((run, _), _)| *run)
    }

    pub(crate) fn run_queue_may_admit(&self, queue: &str, places: u32) -> bool {
        self.under_way(queue) < places as usize
            || self.waiting(queue).any(|run| self.links.contains_key(&run))
    }

    pub(crate) fn run_queues_waiting(
        &self,
        after: Option<&(OrganizationId, String)>,
        limit: u32,
    ) -> Vec<(OrganizationId, String)> {
        let waiting = self.calls.values().filter(|row| row.state == CallState::Waiting);
        let queues: BTreeSet<&String> =
            waiting.filter_map(|row| row.call.route.queue.as_ref()).collect();
        let queues = queues.into_iter().map(|queue| (ORGANIZATION, queue.clone()));
        queues
            .filter(|queue| after.is_none_or(|after| queue > after))
            .take(limit as usize)
            .collect()
    }
}

impl ModelTx {
    pub(crate) fn run_queue_has_room(
        &self,
        parent: RunId,
        queue: &str,
        places: u32,
        gives_way: bool,
    ) -> bool {
        let tables = &self.tables;
        if gives_way && tables.waiting(queue).next().is_some() {
            return false;
        }
        tables.under_way(queue) < places as usize + tables.around(parent, queue)
    }

    pub(crate) fn run_queue_admit(&mut self, queue: &str, places: u32) -> u32 {
        let tables = &self.tables;
        let waiting = tables.calls.iter().filter(|(_, row)| {
            row.state == CallState::Waiting && row.call.route.queue.as_deref() == Some(queue)
        });
        let mut waiting: Vec<_> = waiting
            .map(|((run, call), row)| {
                let priority = row.call.route.priority.unwrap_or(super::super::PRIORITY);
                let held = tables.around(*run, queue);
                (Reverse(held), Reverse(priority), row.number, (*run, *call))
            })
            .collect();
        waiting.sort_unstable();
        let under_way = tables.under_way(queue);
        let mut admitted: Vec<(RunId, CallId)> = Vec::new();
        for (Reverse(held), _, _, key) in waiting {
            if under_way + admitted.len() < places as usize + held {
                admitted.push(key);
            }
        }
        let owner = self.owner;
        for key in &admitted {
            if let Some(row) = self.tables.calls.get_mut(key) {
                (row.state, row.claims, row.owner) = (CallState::Open, 0, owner);
            }
        }
        u32::try_from(admitted.len()).unwrap_or(u32::MAX)
    }
}

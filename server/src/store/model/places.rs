//! Places of named queues that runs of runs and calls take, in the model.

use super::super::call_places::{FAIR_MS, Found, MINUTE_MS, refusal};
use super::super::{CallState, OpenCall, PRIORITY, PlaceAnswer, PlaceAsk, StoreResult};
use super::claims::Taker;
use super::node::Node;
use super::tables::{CallRow, LinkRow, ModelTx, Tables};
use super::{ORGANIZATION, Wrong};
use signalbox::id::{CallId, OrganizationId, RunId};
use std::cmp::Reverse;
use std::collections::BTreeSet;

impl Tables {
    /// Whether this attempt of a call is to be made, through a queue.
    pub(crate) fn is_in_queue(&self, call: &(RunId, CallId), attempt: u32, queue: &str) -> bool {
        self.calls.get(call).is_some_and(|row| {
            row.call.attempt == attempt
                && row.state == CallState::Open
                && row.call.route.queue.as_deref() == Some(queue)
        })
    }

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
                let priority = row.call.route.priority.unwrap_or(PRIORITY);
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

    pub(crate) fn call_take_place(&mut self, call: &OpenCall, ask: PlaceAsk) -> PlaceAnswer {
        let Some((owner, queue)) = self.owner.zip(call.route.queue.clone()) else {
            let claims = self.call_claim(call).ok().flatten();
            return claims.map_or(PlaceAnswer::Gone, |claims| PlaceAnswer::Taken { claims });
        };
        let (now_ms, wrong) = (self.now_ms, self.wrong);
        let line = Line { tables: &self.tables, queue: &queue, owner, now_ms, wrong };
        if let Some(answer) = refusal(ask, line.look(call, ask)) {
            if answer == PlaceAnswer::Full && ask.mine == 0 {
                self.leave_left_off(owner, &queue);
            }
            return answer;
        }
        if let Some(per_minute) = ask.per_minute {
            let begins = self.tables.queue_begins.entry(queue).or_default();
            begins.push(now_ms);
            begins.drain(..begins.len().saturating_sub(per_minute as usize));
        }
        let counts = wrong != Some(Wrong::CountsFailures);
        let Some(row) = self.tables.calls.get_mut(&(call.run, call.call)) else {
            return PlaceAnswer::Gone;
        };
        row.claims += u32::from(row.begun_by.is_some() && counts);
        row.begun_by = Some(owner);
        PlaceAnswer::Taken { claims: row.claims }
    }

    fn leave_left_off(&mut self, owner: i64, queue: &str) {
        for row in self.tables.calls.values_mut() {
            let is_in = row.call.route.queue.as_deref() == Some(queue);
            if is_in && row.state == CallState::Open && row.begun_by == Some(owner) {
                (row.begun_by, row.claims) = (None, row.claims + 1);
            }
        }
    }
}

impl Node {
    pub(crate) async fn call_refused(
        &self,
        call: &OpenCall,
        ask: PlaceAsk,
    ) -> StoreResult<Option<PlaceAnswer>> {
        let (taker, queue) = (self.taker(), call.route.queue.as_deref());
        self.read(|tables| {
            let Some((taker, queue)) = taker.zip(queue) else { return Ok(None) };
            let Taker { epoch: owner, now_ms, wrong } = taker;
            let line = Line { tables, queue, owner, now_ms, wrong };
            Ok(refusal(ask, line.look(call, ask)))
        })
        .await
    }
}

/// The open calls of a queue, as one server sees them.
struct Line<'a> {
    tables: &'a Tables,
    queue: &'a str,
    owner: i64,
    now_ms: i64,
    wrong: Option<Wrong>,
}

impl Line<'_> {
    fn look(&self, call: &OpenCall, ask: PlaceAsk) -> Option<Found> {
        let mine = self.tables.calls.get(&(call.run, call.call)).filter(|row| {
            row.call.attempt == call.attempt
                && row.state == CallState::Open
                && row.owner == Some(self.owner)
        })?;
        let others = match self.wrong {
            Some(Wrong::PlacesPerServer) => 0,
            _ => self.made_by_others(),
        };
        Some((others, self.until_rate_allows(ask.per_minute.unwrap_or(1)), self.is_behind(mine)))
    }

    fn is_alive(&self, server: i64) -> bool {
        self.tables.servers.get(&server).is_some_and(|until| *until > self.now_ms)
    }

    fn calls(&self) -> impl Iterator<Item = &CallRow> {
        self.tables.calls.values().filter(|row| {
            row.state == CallState::Open && row.call.route.queue.as_deref() == Some(self.queue)
        })
    }

    fn made_by_others(&self) -> i64 {
        let by = self.calls().filter_map(|row| row.begun_by);
        let others = by.filter(|by| *by != self.owner && self.is_alive(*by));
        i64::try_from(others.count()).unwrap_or(i64::MAX)
    }

    fn until_rate_allows(&self, per_minute: u32) -> Option<i64> {
        let begins = self.tables.queue_begins.get(self.queue)?;
        let at = begins.len().checked_sub(per_minute as usize).and_then(|at| begins.get(at))?;
        Some(at + MINUTE_MS - self.now_ms)
    }

    /// Whether a call of another server goes first.
    fn is_behind(&self, mine: &CallRow) -> bool {
        let priority = |row: &CallRow| row.call.route.priority.unwrap_or(PRIORITY);
        let owners = self.calls().filter_map(|row| row.owner);
        let servers: BTreeSet<i64> = owners.filter(|by| *by != self.owner).collect();
        servers.into_iter().filter(|by| self.is_alive(*by)).any(|by| {
            let waiting =
                self.calls().filter(|row| row.owner == Some(by) && row.begun_by.is_none());
            let first = waiting.map(|row| (Reverse(priority(row)), row.created_ms)).min();
            first.is_some_and(|(Reverse(of), created_ms)| {
                of > priority(mine)
                    || of == priority(mine) && created_ms < mine.created_ms - FAIR_MS
            })
        })
    }
}

//! Tasks of outside workers in the model.

use super::super::{
    CallState, OpenCall, PRIORITY, StoreError, StoreResult, Task, TaskWanted, value,
};
use super::Wrong;
use super::tables::{CallRow, ModelTx, Tables};
use chrono::{DateTime, Utc};
use signalbox::{
    id::CallId,
    run::{CallRequest, TaskRequest, TimerId, TimerPurpose},
};
use std::cmp::Reverse;
use uuid::Uuid;

impl CallRow {
    fn task(&self) -> Option<Task> {
        let CallRequest::Task(request) = &self.call.request else { return None };
        let call = OpenCall::clone(&self.call);
        Some(Task { call, request: TaskRequest::clone(request), claim: self.claim })
    }
}

impl Tables {
    /// The most urgent first, but last those of runs that are blocked.
    pub(crate) fn tasks_next(&self, wanted: &TaskWanted, limit: u32) -> Vec<Task> {
        let offers = wanted.offers();
        let suits = |row: &&CallRow| {
            let queue = row.call.route.queue.as_ref();
            let asked =
                wanted.queues.is_empty() || queue.is_some_and(|q| wanted.queues.contains(q));
            let is_full = queue.is_some_and(|queue| wanted.full.contains(queue));
            let is_offered = row.offer.as_ref().is_some_and(|offer| offers.contains(offer));
            row.state == CallState::Offered && is_offered && asked && !is_full
        };
        let phase = |row: &CallRow| self.runs.get(&row.call.run).map(|run| run.run.status.phase());
        let goes = |row: &&CallRow| {
            let run = self.runs.get(&row.call.run);
            run.is_none_or(|run| !run.run.quarantined)
                && phase(row).is_none_or(|phase| phase.as_str() != "Paused")
        };
        let mut rows: Vec<&CallRow> = self.calls.values().filter(suits).filter(goes).collect();
        rows.sort_by_key(|row| {
            let is_blocked = phase(row).is_some_and(|phase| phase.as_str() == "Blocked");
            let priority = row.call.route.priority.unwrap_or(PRIORITY);
            (is_blocked, Reverse(priority), row.number)
        });
        rows.into_iter().filter_map(CallRow::task).take(limit as usize).collect()
    }

    pub(crate) fn task_fetch(&self, call: CallId) -> StoreResult<Task> {
        let is_meant = |row: &&CallRow| row.call.call == call && row.offer.is_some();
        let found = self.calls.values().find(is_meant).and_then(CallRow::task);
        found.ok_or(StoreError::NotFound { what: "task" })
    }
}

impl ModelTx {
    pub(crate) fn task_queue_has_room(&self, queue: &str, places: u32) -> bool {
        let is_taken = |row: &&CallRow| {
            row.offer.is_some()
                && row.state == CallState::Claimed
                && row.call.route.queue.as_deref() == Some(queue)
        };
        self.tables.calls.values().filter(is_taken).count() < places as usize
    }

    pub(crate) fn task_held(&mut self, call: &OpenCall, claim: Uuid) -> StoreResult<()> {
        self.send()?;
        let unchecked = self.wrong == Some(Wrong::NoClaimKey);
        let row = self.tables.calls.get(&(call.run, call.call));
        let is_held = row.is_some_and(|row| {
            let is_taken = row.call.attempt == call.attempt && row.state == CallState::Claimed;
            is_taken && row.claim == Some(claim)
        });
        match is_held || unchecked {
            true => Ok(()),
            false => Err(StoreError::Conflict { what: "the task" }),
        }
    }

    pub(crate) fn task_beat(
        &mut self,
        call: &OpenCall,
        claim: Uuid,
        until: DateTime<Utc>,
    ) -> StoreResult<()> {
        self.task_held(call, claim)?;
        let timer = TimerId::of(call.activation, TimerPurpose::Lease);
        let row = self.tables.timers.get_mut(&(call.run, timer));
        let row = row.ok_or(StoreError::Conflict { what: "the task" })?;
        row.due_ms = value::ms(until);
        Ok(())
    }
}

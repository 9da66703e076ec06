//! Calls and timers in the model.

use super::super::{
    CallState, CallStep, DueTimer, OpenCall, StoreError, StoreResult, call_next, tasks, value,
};
use super::Wrong;
use super::tables::{CallRow, ModelTx, TimerRow};
use chrono::{DateTime, Utc};
use signalbox::{
    id::{CallId, RunId},
    run::TimerId,
};
use std::sync::Arc;
use uuid::Uuid;

/// A key for each attempt, as it must not be.
fn key_of(call: &OpenCall) -> CallId {
    CallId(Uuid::from_u128(call.call.0.as_u128() ^ u128::from(call.attempt - 1)))
}

impl ModelTx {
    pub(super) fn calls_of(
        &mut self,
        run: RunId,
    ) -> impl Iterator<Item = (&(RunId, CallId), &mut CallRow)> {
        self.tables.calls.iter_mut().filter(move |((of, _), _)| *of == run)
    }

    pub(crate) fn call_open(
        &mut self,
        call: &OpenCall,
        state: CallState,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        if self.wrong == Some(Wrong::NoIntent) {
            return Ok(());
        }
        let call = match self.wrong {
            Some(Wrong::KeyPerAttempt) => &OpenCall { call: key_of(call), ..call.clone() },
            _ => call,
        };
        self.tables.calls_number += 1;
        let row = CallRow {
            call: Arc::new(call.clone()),
            state,
            claims: 1,
            owner: self.owner,
            begun_by: None,
            created_ms: value::ms(now),
            taken_ms: self.now_ms,
            number: self.tables.calls_number,
            offer: tasks::offer(&call.request).filter(|_| state == CallState::Offered),
            claim: None,
        };
        self.tables.calls.insert((call.run, call.call), row);
        Ok(())
    }

    pub(crate) fn call_park(&mut self, run: RunId, call: CallId) -> StoreResult<()> {
        self.call_step(run, call, CallStep::Parked);
        Ok(())
    }

    pub(crate) fn call_free(&mut self, run: RunId, call: CallId) -> StoreResult<()> {
        self.call_step(run, call, CallStep::Freed);
        if let Some(row) = self.tables.calls.get_mut(&(run, call))
            && row.state == CallState::Offered
        {
            row.claim = None;
        }
        Ok(())
    }

    /// Another attempt, or a task that is not free, is not taken.
    pub(crate) fn task_claim(&mut self, call: &OpenCall, claim: Uuid) -> StoreResult<()> {
        let is_free =
            |row: &CallRow| row.call.attempt == call.attempt && row.state == CallState::Offered;
        if !self.tables.calls.get(&(call.run, call.call)).is_some_and(is_free) {
            return Err(StoreError::Conflict { what: "the task" });
        }
        self.call_step(call.run, call.call, CallStep::Claimed);
        if let Some(row) = self.tables.calls.get_mut(&(call.run, call.call)) {
            row.claim = Some(claim);
        }
        Ok(())
    }

    /// What the table says.
    fn call_step(&mut self, run: RunId, call: CallId, step: CallStep) {
        if let Some(row) = self.tables.calls.get_mut(&(run, call))
            && let Some(state) = call_next(Some(row.state), step)
        {
            row.state = state;
        }
    }

    pub(crate) fn call_leave(
        &mut self,
        run: RunId,
        call: CallId,
        attempt: u32,
        state: CallState,
    ) -> StoreResult<()> {
        let is_meant =
            |row: &&mut CallRow| row.call.attempt == attempt && row.state == CallState::Open;
        if let Some(row) = self.tables.calls.get_mut(&(run, call)).filter(is_meant) {
            row.state = state;
        }
        Ok(())
    }

    pub(crate) fn call_close(&mut self, run: RunId, call: CallId) -> StoreResult<()> {
        self.tables.calls.remove(&(run, call));
        Ok(())
    }

    pub(crate) fn call_close_attempt(
        &mut self,
        run: RunId,
        call: CallId,
        attempt: u32,
    ) -> StoreResult<()> {
        let is_old = |row: &CallRow| row.call.attempt <= attempt && row.state == CallState::Open;
        if self.tables.calls.get(&(run, call)).is_some_and(is_old) {
            self.tables.calls.remove(&(run, call));
        }
        Ok(())
    }

    pub(crate) fn call_claim(&mut self, call: &OpenCall) -> StoreResult<Option<u32>> {
        let (owner, wrong) = (self.owner, self.wrong);
        let Some(row) = self.tables.calls.get_mut(&(call.run, call.call)) else { return Ok(None) };
        let is_mine = row.owner == owner;
        if row.call.attempt != call.attempt || row.state != CallState::Open || !is_mine {
            return Ok(None);
        }
        if wrong != Some(Wrong::CountsFailures) {
            row.claims += 1;
        }
        Ok(Some(row.claims))
    }

    pub(crate) fn timer_set(
        &mut self,
        run: RunId,
        timer: &TimerId,
        due_at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let timers = &mut self.tables.timers;
        let new = TimerRow { due_ms: 0, owner: None, tries: 0 };
        let row = timers.entry((run, timer.clone())).or_insert(new);
        (row.due_ms, row.tries) = (value::ms(due_at), 0);
        Ok(())
    }

    pub(crate) fn timer_delete(&mut self, run: RunId, timer: &TimerId) -> StoreResult<()> {
        self.tables.timers.remove(&(run, timer.clone()));
        Ok(())
    }

    pub(crate) fn timer_try(&mut self, timer: &DueTimer) -> StoreResult<()> {
        let row = self.tables.timers.get_mut(&(timer.run, timer.timer.clone()));
        if let Some(row) = row.filter(|row| row.due_ms == value::ms(timer.due_at)) {
            row.tries += 1;
        }
        Ok(())
    }

    /// Negative times are never due. What comes back is counted anew.
    pub(super) fn set_timers_aside(&mut self, run: RunId, sign: i64) {
        for ((of, _), row) in &mut self.tables.timers {
            if *of == run {
                row.due_ms = row.due_ms.abs() * sign;
                row.tries = if sign > 0 { 0 } else { row.tries };
            }
        }
    }
}

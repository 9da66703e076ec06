//! What a node takes: its own and what is free, as the statements on PostgreSQL have it.

use super::super::{
    CallState, CallsWanted, DueTimer, OpenCall, StoreResult, UnreadableCall, value,
};
use super::node::Node;
use super::tables::Tables;
use super::{ORGANIZATION, Wrong};
use chrono::{DateTime, Utc};
use signalbox::id::{OrganizationId, RunId};
use std::sync::Arc;

/// With [`Wrong::RescueByTime`] what was begun longer ago is taken from whoever does it.
const RESCUED_AFTER_MS: i64 = 2_000;

/// Who asks, and when by the database's clock.
#[derive(Clone, Copy)]
pub(super) struct Taker {
    pub epoch: i64,
    pub now_ms: i64,
    pub wrong: Option<Wrong>,
}

impl Taker {
    fn may_take(self, tables: &Tables, owner: Option<i64>) -> bool {
        let Some(owner) = owner.filter(|owner| *owner != self.epoch) else { return true };
        let is_alive = tables.servers.get(&owner).is_some_and(|until| *until > self.now_ms);
        !is_alive && self.wrong != Some(Wrong::NoTakeOver)
    }
}

impl Node {
    pub(crate) async fn calls_open(
        &self,
        wanted: CallsWanted<'_>,
    ) -> StoreResult<Vec<Result<OpenCall, UnreadableCall>>> {
        let CallsWanted { limit, full, placed } = wanted;
        let is_wanted = |call: &OpenCall| {
            !full
                .iter()
                .any(|(whose, queue)| *whose == call.organization && *queue == call.route.queue)
        };
        let found = self.claim(
            |tables, taker| {
                let Some(taker) = taker else { return Vec::new() };
                let open = tables.calls.values().filter(|row| row.state == CallState::Open);
                let open = open.filter(|row| is_wanted(&row.call));
                let mut free: Vec<(u64, (RunId, _))> = open
                    .filter(|row| row.owner != Some(taker.epoch))
                    .filter(|row| {
                        taker.may_take(tables, row.owner)
                            || taker.wrong == Some(Wrong::RescueByTime)
                                && row.taken_ms + RESCUED_AFTER_MS < taker.now_ms
                    })
                    .map(|row| (row.number, (row.call.run, row.call.call)))
                    .collect();
                free.sort_unstable();
                free.truncate(limit as usize);
                free
            },
            |tables, (_, key), taker| {
                if let (Some(row), Some(taker)) = (tables.calls.get_mut(key), taker) {
                    (row.owner, row.taken_ms) = (Some(taker.epoch), taker.now_ms);
                    let attempt = (key.0, key.1, row.call.attempt);
                    let keeps = placed.contains(&attempt).then_some(taker.epoch);
                    let had = std::mem::replace(&mut row.begun_by, keeps);
                    row.claims += u32::from(had.is_some() && keeps.is_none());
                }
            },
        );
        let epoch = found.await?.1.map(|taker| taker.epoch);
        let tables = self.tables();
        let open = tables.calls.values().filter(|row| row.state == CallState::Open);
        let open = open.filter(|row| is_wanted(&row.call));
        let mut mine: Vec<_> = open.filter(|row| epoch.is_none() || row.owner == epoch).collect();
        mine.sort_unstable_by_key(|row| row.number);
        Ok(mine
            .into_iter()
            .take(limit as usize)
            .map(|row| Ok(OpenCall::clone(&row.call)))
            .collect())
    }

    pub(crate) async fn timers_due(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> StoreResult<Vec<DueTimer>> {
        let (now_ms, wrong) = (value::ms(now), self.wrong());
        let found = self.claim(
            |tables, taker| {
                let is_due = |row: &super::tables::TimerRow| row.due_ms > 0 && row.due_ms <= now_ms;
                let rows = tables.timers.iter().filter(|(_, row)| is_due(row));
                let mut keys: Vec<_> = rows
                    .filter(|(_, row)| taker.is_none_or(|taker| taker.may_take(tables, row.owner)))
                    .map(|(key, row)| {
                        let of_other = |taker: Taker| row.owner.is_some_and(|of| of != taker.epoch);
                        (row.due_ms, key.clone(), row.tries, taker.is_some_and(of_other))
                    })
                    .collect();
                keys.sort_unstable();
                keys.truncate(limit as usize);
                keys
            },
            |tables, (_, key, ..), taker| {
                if wrong == Some(Wrong::TimerGoneWhenRead) {
                    tables.timers.remove(key);
                } else if let (Some(taker), Some(row)) = (taker, tables.timers.get_mut(key)) {
                    row.owner = Some(taker.epoch);
                }
            },
        );
        let due = found.await?.0;
        due.into_iter()
            .map(|(due_ms, (run, timer), tries, is_left)| {
                let due_at = value::time(due_ms, "timers", "due_at")?;
                Ok(DueTimer { organization: ORGANIZATION, run, timer, due_at, tries, is_left })
            })
            .collect()
    }

    pub(crate) async fn timer_next(&self) -> StoreResult<Option<DateTime<Utc>>> {
        let taker = self.taker();
        let next = self.read(|tables| {
            let rows = tables.timers.values().filter(|row| row.due_ms > 0);
            let free = rows.filter(|row| taker.is_none_or(|t| t.may_take(tables, row.owner)));
            Ok(free.map(|row| row.due_ms).min())
        });
        value::time_opt(next.await?, "timers", "due_at")
    }

    pub(crate) async fn runs_due(&self, limit: u32) -> StoreResult<Vec<(OrganizationId, RunId)>> {
        let found = self.claim(
            |tables, taker| {
                let rows = tables.runs.values().filter(|row| row.due);
                let free = rows.filter(|row| taker.is_none_or(|t| t.may_take(tables, row.owner)));
                free.map(|row| row.run.id).take(limit as usize).collect()
            },
            |tables, run, taker| {
                if let (Some(taker), Some(row)) = (taker, tables.runs.get_mut(run)) {
                    Arc::make_mut(row).owner = Some(taker.epoch);
                }
            },
        );
        Ok(found.await?.0.into_iter().map(|run: RunId| (ORGANIZATION, run)).collect())
    }
}

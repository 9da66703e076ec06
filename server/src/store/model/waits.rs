//! Outside events, waits, runs of runs and turns in the model.

use super::super::outside::OUT_OF_ORDER_MS;
use super::super::{Delivery, LinkState, OutsideEvent, RunLink, StoreError, StoreResult, value};
use super::tables::{LinkRow, ModelTx, SlotRow, Tables, WaitRow};
use super::{ORGANIZATION, Wrong};
use chrono::{DateTime, Utc};
use signalbox::{
    event_type::canonical,
    id::{CallId, OrganizationId, RunId},
    run::ActivationId,
};
use std::sync::Arc;

impl Tables {
    /// Numbers and events of a name after a number.
    fn heard(
        &self,
        name: &str,
        after: i64,
    ) -> impl Iterator<Item = (i64, &Arc<(OutsideEvent, DateTime<Utc>)>)> {
        let numbered = (1..).zip(&self.outside).skip(usize::try_from(after).unwrap_or(0));
        numbered.filter(move |(_, event)| event.0.name == name)
    }

    fn hears(run: RunId, wait: &WaitRow, event: &(OutsideEvent, DateTime<Utc>)) -> bool {
        event.0.run.is_none_or(|of| of == run) && wait.since_ms <= value::ms(event.1)
    }

    pub(crate) fn deliveries(
        &self,
        only: Option<(OrganizationId, RunId)>,
        limit: u32,
    ) -> Vec<Delivery> {
        let mut found: Vec<Delivery> = Vec::new();
        for ((run, ..), wait) in &self.waits {
            if only.is_some_and(|(_, of)| of != *run) {
                continue;
            }
            let mut heard = self.heard(&wait.name, wait.seen);
            let Some((number, event)) = heard.find(|(_, event)| Self::hears(*run, wait, event))
            else {
                continue;
            };
            let delivery = Delivery {
                organization: ORGANIZATION,
                run: *run,
                name: wait.name.clone(),
                number,
                payload: event.0.payload.clone(),
                id: event.0.source_key.clone().unwrap_or_else(|| format!("outside:{number}")),
            };
            // The oldest of each run and name.
            match found.iter_mut().find(|d| d.run == *run && d.name == wait.name) {
                Some(known) if known.number <= number => {}
                Some(known) => *known = delivery,
                None => found.push(delivery),
            }
        }
        found.sort_by_key(|delivery| delivery.number);
        found.truncate(limit as usize);
        found
    }

    pub(crate) fn listeners(&self, number: i64, limit: u32) -> Vec<RunId> {
        let Some(event) = self.outside.get(usize::try_from(number - 1).unwrap_or(0)) else {
            return Vec::new();
        };
        let waits = self.waits.iter().filter(|((run, ..), wait)| {
            wait.name == event.0.name && wait.seen < number && Self::hears(*run, wait, event)
        });
        let mut runs: Vec<RunId> = waits.map(|((run, ..), _)| *run).collect();
        runs.dedup();
        runs.truncate(limit as usize);
        runs
    }

    pub(crate) fn links_due(&self, limit: u32) -> Vec<(RunLink, LinkState)> {
        let due = self.links.values().filter_map(|(link, state)| match state {
            LinkRow::Stop => Some((*link, LinkState::Stop)),
            LinkRow::Ended => Some((*link, LinkState::Ended)),
            LinkRow::Live | LinkRow::Told => None,
        });
        due.take(limit as usize).collect()
    }

    pub(crate) fn link_fetch(&self, run: RunId) -> Option<RunLink> {
        self.links.get(&run).map(|(link, _)| *link)
    }

    fn has_place(&self, slot: &SlotRow) -> bool {
        let taken = self.slots.values().filter(|other| other.granted && other.key == slot.key);
        taken.count() < slot.places as usize
    }

    pub(crate) fn slots_free(&self, limit: u32) -> Vec<(OrganizationId, RunId)> {
        let waiting = self.slots.iter().filter(|(_, slot)| !slot.granted && self.has_place(slot));
        let mut free: Vec<_> = waiting.map(|(run, slot)| (slot.asked_at, *run)).collect();
        free.sort_unstable();
        free.truncate(limit as usize);
        free.into_iter().map(|(_, run)| (ORGANIZATION, run)).collect()
    }
}

impl ModelTx {
    pub(crate) fn outside_record(
        &mut self,
        event: &OutsideEvent,
        now: DateTime<Utc>,
    ) -> Option<i64> {
        let is_known = |known: &Arc<(OutsideEvent, DateTime<Utc>)>| {
            event.source_key.is_some() && known.0.source_key == event.source_key
        };
        if self.tables.outside.iter().any(is_known) {
            return None;
        }
        let name = canonical(&event.name).to_owned();
        self.tables.outside.push(Arc::new((OutsideEvent { name, ..event.clone() }, now)));
        i64::try_from(self.tables.outside.len()).ok()
    }

    pub(crate) fn outside_number(&self, source_key: Option<&str>) -> StoreResult<i64> {
        let mut events = self.tables.outside.iter();
        let at = events.position(|event| event.0.source_key.as_deref() == source_key);
        let number = at.and_then(|at| i64::try_from(at + 1).ok());
        number.ok_or(StoreError::NotFound { what: "event" })
    }

    pub(crate) fn wait_open(
        &mut self,
        run: RunId,
        activation: ActivationId,
        name: &str,
        since: DateTime<Utc>,
    ) -> StoreResult<()> {
        let from = self.tables.runs.get(&run).map_or(Some(0), |row| row.events_from);
        let since_ms = if from.is_some() { 0 } else { value::ms(since) };
        let mut seen = from.unwrap_or_else(|| self.last_before(since_ms - OUT_OF_ORDER_MS));
        if self.wrong == Some(Wrong::NoLookBack) {
            seen = i64::try_from(self.tables.outside.len()).unwrap_or(0);
        }
        let name = canonical(name).to_owned();
        let row = WaitRow { name: name.clone(), seen, since_ms };
        self.tables.waits.entry((run, activation, name)).or_insert(row);
        Ok(())
    }

    /// The number of the last event that bears a time before this one.
    fn last_before(&self, ms: i64) -> i64 {
        let last = self.tables.outside.iter().rposition(|event| value::ms(event.1) < ms);
        last.and_then(|at| i64::try_from(at + 1).ok()).unwrap_or(0)
    }

    pub(crate) fn wait_close(&mut self, run: RunId, activation: ActivationId) -> StoreResult<()> {
        self.tables.waits.retain(|(of, one, _), _| (*of, *one) != (run, activation));
        Ok(())
    }

    pub(crate) fn wait_seen(&mut self, run: RunId, name: &str, number: i64) -> StoreResult<()> {
        for ((of, ..), wait) in &mut self.tables.waits {
            if *of == run && wait.name == name {
                wait.seen = wait.seen.max(number);
            }
        }
        Ok(())
    }

    pub(crate) fn link_insert(&mut self, link: &RunLink) -> StoreResult<()> {
        let call = self.tables.calls.get(&(link.parent, link.call));
        if let Some(queue) = call.and_then(|row| row.call.route.queue.clone()) {
            self.tables.link_queues.insert(link.run, queue);
        }
        self.tables.links.insert(link.run, (*link, LinkRow::Live));
        Ok(())
    }

    pub(crate) fn link_told(&mut self, run: RunId) -> StoreResult<()> {
        if let Some((_, state)) = self.tables.links.get_mut(&run) {
            *state = LinkRow::Told;
        }
        Ok(())
    }

    pub(crate) fn links_stop(&mut self, parent: RunId, call: CallId) -> StoreResult<()> {
        for (link, state) in self.tables.links.values_mut() {
            if link.parent == parent && link.call == call && *state == LinkRow::Live {
                *state = LinkRow::Stop;
            }
        }
        Ok(())
    }

    pub(crate) fn links_end(&mut self, run: RunId) -> StoreResult<()> {
        for (link, state) in self.tables.links.values_mut() {
            if link.run == run && *state != LinkRow::Told {
                *state = LinkRow::Ended;
            } else if link.parent == run && *state == LinkRow::Live {
                *state = LinkRow::Stop;
            }
        }
        self.tables.slots.remove(&run);
        Ok(())
    }

    pub(crate) fn slot_ask(
        &mut self,
        run: RunId,
        key: &str,
        places: u32,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let around = std::iter::successors(Some(run), |run| {
            self.tables.links.get(run).map(|(link, _)| link.parent)
        });
        let holds =
            |run: RunId| self.tables.slots.get(&run).is_some_and(|s| s.granted && s.key == key);
        let held = around.skip(1).take(32).filter(|run| holds(*run)).count();
        let places = places.saturating_add(u32::try_from(held).unwrap_or(u32::MAX));
        let row = SlotRow { key: key.to_owned(), places, asked_at: now, granted: false };
        self.tables.slots.entry(run).or_insert(row);
        Ok(())
    }

    pub(crate) fn slot_grant(&mut self, run: RunId) -> bool {
        let slots = &self.tables.slots;
        let is_free = slots.get(&run).is_some_and(|s| !s.granted && self.tables.has_place(s));
        if is_free && let Some(slot) = self.tables.slots.get_mut(&run) {
            slot.granted = true;
        }
        is_free
    }
}

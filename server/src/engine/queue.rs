//! Calls that wait for their turn: fair between organisations, urgent ones first, so many of a named queue at once,
//! bounded in memory.
//!
//! What does not fit is not kept here at all; its row in the database is read when there is room.
//! Deliberately absent: making calls (`calls`).

use super::EngineConfig;
use crate::store::{OpenCall, PRIORITY};
use signalbox::id::{CallId, OrganizationId, RunId};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// A call on its way.
pub(super) struct Job {
    pub call: OpenCall,
    /// False: its row was read back, so its beginning must be counted first.
    pub fresh: bool,
    pub cancelled: CancellationToken,
}

pub(super) struct Queue {
    calls_max: usize,
    per_organization_max: usize,
    queued_max: usize,
    limits: BTreeMap<String, usize>,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    organizations: HashMap<OrganizationId, Lane>,
    /// Organisations with waiting calls and room, in turn.
    turns: VecDeque<OrganizationId>,
    /// Calls that wait or run, so that none is begun twice at once.
    known: BTreeMap<(RunId, CallId), Known>,
    queued: usize,
    running: usize,
    /// Numbers the calls as they come.
    number: u64,
    /// Rows may be open that are not here.
    more: bool,
    refilling: bool,
}

#[derive(Default)]
struct Lane {
    /// The most urgent first, then in order.
    waiting: BTreeMap<(Reverse<u8>, u64), Job>,
    running: usize,
    /// Running calls of each named queue.
    queues: HashMap<String, usize>,
    in_turns: bool,
}

struct Known {
    attempt: u32,
    cancelled: CancellationToken,
}

impl Queue {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self {
            calls_max: config.calls_max.max(1),
            per_organization_max: config.calls_per_organization_max.max(1),
            queued_max: config.calls_queued_max.max(1),
            limits: config.queues.clone(),
            shared: Mutex::new(Shared { more: true, ..Shared::default() }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.lock().queued
    }

    /// Takes a call in, unless it is here already or there is no room.
    pub(super) fn push(&self, call: OpenCall, fresh: bool) {
        let mut shared = self.lock();
        let key = (call.run, call.call);
        match shared.known.get(&key) {
            // A new attempt while the old one still runs: the old one's result is stale.
            Some(known) if known.attempt < call.attempt => known.cancelled.cancel(),
            Some(_) => return,
            None => {}
        }
        if shared.queued >= self.queued_max {
            shared.more = true;
            return;
        }
        let cancelled = CancellationToken::new();
        let known = Known { attempt: call.attempt, cancelled: cancelled.clone() };
        shared.known.insert(key, known);
        shared.queued += 1;
        shared.number += 1;
        let organization = call.organization;
        let place = (Reverse(call.route.priority.unwrap_or(PRIORITY)), shared.number);
        let lane = shared.organizations.entry(organization).or_default();
        lane.waiting.insert(place, Job { call, fresh, cancelled });
        shared.offer(organization, self.per_organization_max);
    }

    /// The next call that may begin, if there is one and room for it. Tell [`done`](Self::done) after it.
    pub(super) fn pop(&self) -> Option<Job> {
        let mut shared = self.lock();
        while shared.running < self.calls_max {
            let organization = shared.turns.pop_front()?;
            let Some(lane) = shared.organizations.get_mut(&organization) else { continue };
            lane.in_turns = false;
            // Calls whose queue is full wait; the turn comes again when one of them is done.
            let Some(place) = lane.next(&self.limits) else { continue };
            let Some(job) = lane.waiting.remove(&place) else { continue };
            lane.running += 1;
            if let Some(queue) = &job.call.route.queue {
                *lane.queues.entry(queue.clone()).or_insert(0) += 1;
            }
            shared.queued -= 1;
            shared.running += 1;
            shared.offer(organization, self.per_organization_max);
            return Some(job);
        }
        None
    }

    /// A call that was popped is over.
    pub(super) fn done(&self, call: &OpenCall) {
        let mut shared = self.lock();
        let key = (call.run, call.call);
        if shared.known.get(&key).is_some_and(|known| known.attempt == call.attempt) {
            shared.known.remove(&key);
        }
        shared.running -= 1;
        let organization = call.organization;
        if let Some(lane) = shared.organizations.get_mut(&organization) {
            lane.running -= 1;
            if let Some(queue) = &call.route.queue
                && let Some(running) = lane.queues.get_mut(queue)
            {
                *running = running.saturating_sub(1);
            }
            if lane.running == 0 && lane.waiting.is_empty() {
                shared.organizations.remove(&organization);
            } else {
                shared.offer(organization, self.per_organization_max);
            }
        }
    }

    /// Nobody wants this call's result any more.
    pub(super) fn cancel(&self, run: RunId, call: CallId) {
        if let Some(known) = self.lock().known.get(&(run, call)) {
            known.cancelled.cancel();
        }
    }

    /// Nobody wants anything of this run any more.
    pub(super) fn cancel_run(&self, run: RunId) {
        let (first, last) = (CallId(uuid::Uuid::nil()), CallId(uuid::Uuid::max()));
        for known in self.lock().known.range((run, first)..=(run, last)) {
            known.1.cancelled.cancel();
        }
    }

    /// Rows may be open that are not here: look when there is room.
    pub(super) fn expect_more(&self) {
        self.lock().more = true;
    }

    /// How many rows to read now, if it is time; then tell [`refilled`](Self::refilled).
    pub(super) fn begin_refill(&self) -> Option<usize> {
        let mut shared = self.lock();
        let is_low = shared.queued <= self.queued_max / 4;
        if !shared.more || shared.refilling || !is_low {
            return None;
        }
        (shared.more, shared.refilling) = (false, true);
        Some(self.queued_max + shared.known.len())
    }

    pub(super) fn refilled(&self, more: bool) {
        let mut shared = self.lock();
        shared.refilling = false;
        shared.more |= more;
    }
}

impl Lane {
    /// The most urgent call whose queue has room.
    fn next(&self, limits: &BTreeMap<String, usize>) -> Option<(Reverse<u8>, u64)> {
        let has_room = |job: &Job| {
            let queue = job.call.route.queue.as_ref();
            queue.is_none_or(|queue| {
                let running = self.queues.get(queue).copied().unwrap_or(0);
                limits.get(queue).is_none_or(|limit| running < *limit)
            })
        };
        self.waiting.iter().find(|(_, job)| has_room(job)).map(|(place, _)| *place)
    }
}

impl Shared {
    /// Gives an organisation a turn if it has calls and room and none yet.
    fn offer(&mut self, organization: OrganizationId, per_organization_max: usize) {
        let Some(lane) = self.organizations.get_mut(&organization) else { return };
        if !lane.in_turns && !lane.waiting.is_empty() && lane.running < per_organization_max {
            lane.in_turns = true;
            self.turns.push_back(organization);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use signalbox::run::{ActivationId, CallRequest};
    use uuid::Uuid;

    fn call(organization: u128, number: u128, attempt: u32) -> OpenCall {
        OpenCall {
            organization: OrganizationId(Uuid::from_u128(organization)),
            run: RunId(Uuid::from_u128(organization * 1_000 + number)),
            call: CallId(Uuid::from_u128(number)),
            activation: ActivationId(1),
            node: "a".into(),
            attempt,
            request: CallRequest::Tool { tool: "t".into(), parameters: Value::Null },
            timeout_ms: None,
            route: Default::default(),
        }
    }

    #[test]
    fn urgent_calls_go_first_and_a_queue_takes_so_many_at_once() {
        let queues = BTreeMap::from([("slow".to_owned(), 1)]);
        let queue = Queue::new(&EngineConfig { queues, ..EngineConfig::default() });
        let routes = [("slow", 5), ("slow", 5), ("", 5), ("", 9), ("other", 1), ("slow", 10)];
        for (number, (name, priority)) in routes.into_iter().enumerate() {
            let mut call = call(1, number as u128, 1);
            call.route.queue = Some(name.to_owned()).filter(|name| !name.is_empty());
            call.route.priority = Some(priority);
            queue.push(call, true);
        }
        let number = |job: &Job| job.call.call.0.as_u128();
        let first: Vec<Job> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(first.iter().map(number).collect::<Vec<_>>(), [5, 3, 2, 4]);
        queue.done(&first[1].call);
        assert!(queue.pop().is_none(), "the queue is full");
        queue.done(&first[0].call);
        assert_eq!(queue.pop().as_ref().map(number), Some(0));
        assert!(queue.pop().is_none());
    }

    fn queue(calls_max: usize, per_organization: usize, queued: usize) -> Queue {
        Queue::new(&EngineConfig {
            calls_max,
            calls_per_organization_max: per_organization,
            calls_queued_max: queued,
            ..EngineConfig::default()
        })
    }

    fn organization_of(job: &Job) -> u128 {
        job.call.organization.0.as_u128()
    }

    #[test]
    fn organisations_take_turns_and_none_takes_all() {
        let queue = queue(3, 2, 100);
        (0..10).for_each(|number| queue.push(call(1, number, 1), true));
        queue.push(call(2, 0, 1), true);
        let jobs: Vec<Job> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(jobs.iter().map(organization_of).collect::<Vec<_>>(), [1, 2, 1]);
        queue.done(&jobs[1].call);
        assert!(queue.pop().is_none(), "organisation 1 is at its limit");
        queue.done(&jobs[0].call);
        assert_eq!(queue.pop().map(|job| organization_of(&job)), Some(1));
    }

    #[test]
    fn a_call_is_here_once_and_a_new_attempt_cancels_the_old() {
        let queue = queue(10, 10, 10);
        queue.push(call(1, 1, 1), true);
        queue.push(call(1, 1, 1), false);
        let first = queue.pop().unwrap();
        assert!(queue.pop().is_none());
        queue.push(call(1, 1, 2), true);
        assert!(first.cancelled.is_cancelled());
        let second = queue.pop().unwrap();
        queue.done(&first.call);
        queue.push(call(1, 1, 2), false);
        assert!(queue.pop().is_none(), "the second attempt still runs");
        queue.done(&second.call);
        queue.push(call(1, 1, 2), false);
        assert!(queue.pop().is_some());
    }

    #[test]
    fn what_does_not_fit_is_asked_for_later() {
        let queue = queue(1, 1, 4);
        assert_eq!(queue.begin_refill(), Some(4), "at the start nothing is known");
        assert_eq!(queue.begin_refill(), None, "one at a time");
        queue.refilled(false);
        (0..6).for_each(|number| queue.push(call(1, number, 1), true));
        assert_eq!(queue.begin_refill(), None, "it is full");
        for _ in 0..4 {
            let job = queue.pop().unwrap();
            queue.done(&job.call);
        }
        assert!(queue.pop().is_none());
        assert_eq!(queue.begin_refill(), Some(4));
    }

    #[test]
    fn a_run_that_is_over_has_its_calls_cancelled() {
        let queue = queue(10, 10, 10);
        queue.push(call(1, 1, 1), true);
        queue.push(call(1, 2, 1), true);
        let (one, two) = (queue.pop().unwrap(), queue.pop().unwrap());
        queue.cancel_run(one.call.run);
        assert!(one.cancelled.is_cancelled() && !two.cancelled.is_cancelled());
    }
}

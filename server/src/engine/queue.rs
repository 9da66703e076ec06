//! Calls that wait for their turn: fair between organisations, urgent ones first, so many of a named queue at once,
//! bounded in memory.
//!
//! What does not fit is not kept here at all; its row in the database is read when there is room. Limits of named
//! queues are asked for when an organisation has a call in one, and hold for this server alone.
//! Deliberately absent: making calls (`calls`).

use super::{EngineConfig, making::Making};
use crate::store::{OpenCall, PRIORITY};
use signalbox::{
    id::{CallId, OrganizationId, RunId},
    wire::QueueLimit,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);
/// Organisations whose limits are remembered, beside those that have calls now.
const GATES_MAX: usize = 1_000;

/// A call on its way.
pub(super) struct Job {
    pub call: OpenCall,
    /// False: its row was read back, so its beginning must be counted first.
    pub fresh: bool,
    pub cancelled: CancellationToken,
    /// It began beside its commit. Locked only to be taken.
    begun: Mutex<Option<Making>>,
}

impl Job {
    /// What has begun of it.
    pub(super) fn take_begun(&self) -> Option<Making> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) struct Queue {
    calls_max: usize,
    per_organization_max: usize,
    queued_max: usize,
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
    /// What named queues let through.
    gates: HashMap<OrganizationId, Gates>,
    /// Rows may be open that are not here.
    more: bool,
    refilling: bool,
}

/// The named queues of one organisation.
#[derive(Default)]
struct Gates {
    /// Not known before they were read once; until then nothing of a named queue begins.
    limits: Option<BTreeMap<String, QueueLimit>>,
    /// They must be read, or read again.
    stale: bool,
    /// When calls of queues with a rate began, within the last minute.
    begun: HashMap<String, VecDeque<Instant>>,
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
        self.push_job(call, fresh, None);
    }

    /// As [`push`](Self::push), for a fresh call that may have begun.
    pub(super) fn push_begun(&self, call: OpenCall, begun: Option<Making>) {
        self.push_job(call, true, begun);
    }

    fn push_job(&self, call: OpenCall, fresh: bool, begun: Option<Making>) {
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
        if call.route.queue.is_some() {
            shared.expect_gates(organization);
        }
        let lane = shared.organizations.entry(organization).or_default();
        lane.waiting.insert(place, Job { call, fresh, cancelled, begun: Mutex::new(begun) });
        shared.offer(organization, self.per_organization_max);
    }

    /// The next call that may begin, if there is one and room for it. Tell [`done`](Self::done) after it.
    pub(super) fn pop(&self, now: Instant) -> Option<Job> {
        let mut guard = self.lock();
        let shared = &mut *guard;
        while shared.running < self.calls_max {
            let organization = shared.turns.pop_front()?;
            let Some(lane) = shared.organizations.get_mut(&organization) else { continue };
            lane.in_turns = false;
            let mut gates = shared.gates.get_mut(&organization);
            // Calls whose queue is full wait; the turn comes again when one of them is done, or a minute is over.
            let Some(place) = lane.next(gates.as_deref_mut(), now) else { continue };
            let Some(job) = lane.waiting.remove(&place) else { continue };
            lane.running += 1;
            if let Some(queue) = &job.call.route.queue {
                *lane.queues.entry(queue.clone()).or_insert(0) += 1;
                if let Some(gates) = gates {
                    gates.note(queue, now);
                }
            }
            shared.queued -= 1;
            shared.running += 1;
            shared.offer(organization, self.per_organization_max);
            return Some(job);
        }
        None
    }

    /// Organisations whose limits must be read now; then tell [`gates_set`](Self::gates_set).
    pub(super) fn gates_wanted(&self) -> Vec<OrganizationId> {
        let mut shared = self.lock();
        let stale = shared.gates.iter_mut().filter_map(|(organization, gates)| {
            std::mem::take(&mut gates.stale).then_some(*organization)
        });
        stale.collect()
    }

    /// The limits changed: they are read again if they were read before.
    pub(super) fn gates_changed(&self, organization: OrganizationId) {
        if let Some(gates) = self.lock().gates.get_mut(&organization) {
            gates.stale = true;
        }
    }

    /// What the queues of an organisation let through from now on; none: it cannot be read now.
    pub(super) fn gates_set(
        &self,
        organization: OrganizationId,
        limits: Option<BTreeMap<String, QueueLimit>>,
    ) {
        let mut shared = self.lock();
        let gates = shared.gates.entry(organization).or_default();
        match limits {
            Some(limits) => {
                gates.begun.retain(|queue, _| limits.contains_key(queue));
                gates.limits = Some(limits);
            }
            None => gates.stale = true,
        }
        shared.offer(organization, self.per_organization_max);
    }

    /// Until when calls wait for nothing but their queue's rate; then tell [`minute_over`](Self::minute_over).
    pub(super) fn next_minute(&self, now: Instant) -> Option<Instant> {
        let mut guard = self.lock();
        let Shared { organizations, gates, .. } = &mut *guard;
        let waiting = organizations.iter().filter(|(_, lane)| !lane.waiting.is_empty());
        let ends = waiting.filter_map(|(organization, _)| gates.get_mut(organization)?.opens(now));
        ends.min()
    }

    /// Calls that waited for their queue's rate may have their turn.
    pub(super) fn minute_over(&self) {
        let mut shared = self.lock();
        let all: Vec<OrganizationId> = shared.organizations.keys().copied().collect();
        all.into_iter()
            .for_each(|organization| shared.offer(organization, self.per_organization_max));
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
    fn next(&self, gates: Option<&mut Gates>, now: Instant) -> Option<(Reverse<u8>, u64)> {
        let open = |queue: &String, gates: &Gates| {
            gates.is_open(queue, self.queues.get(queue).copied().unwrap_or(0))
        };
        let gates = gates.map(|gates| {
            gates.forget(now);
            &*gates
        });
        let has_room = |job: &Job| match (&job.call.route.queue, gates) {
            (None, _) => true,
            (Some(queue), Some(gates)) => open(queue, gates),
            (Some(_), None) => false,
        };
        self.waiting.iter().find(|(_, job)| has_room(job)).map(|(place, _)| *place)
    }
}

impl Gates {
    fn limit(&self, queue: &str) -> Option<QueueLimit> {
        self.limits.as_ref()?.get(queue).copied()
    }

    /// Whether another call of a queue may begin beside those that run.
    fn is_open(&self, queue: &str, running: usize) -> bool {
        let Some(limits) = &self.limits else { return false };
        let Some(limit) = limits.get(queue) else { return true };
        let begun = self.begun.get(queue).map_or(0, VecDeque::len);
        running < limit.concurrency as usize
            && limit.per_minute.is_none_or(|count| begun < count as usize)
    }

    fn note(&mut self, queue: &str, now: Instant) {
        if self.limit(queue).is_some_and(|limit| limit.per_minute.is_some()) {
            self.begun.entry(queue.to_owned()).or_default().push_back(now);
        }
    }

    /// Forgets what began longer than a minute ago.
    fn forget(&mut self, now: Instant) {
        for begun in self.begun.values_mut() {
            while begun.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
                begun.pop_front();
            }
        }
    }

    /// When the first queue that is at its rate lets another call through.
    fn opens(&mut self, now: Instant) -> Option<Instant> {
        self.forget(now);
        let full = self.begun.iter().filter(|(queue, begun)| {
            let rate = self.limit(queue).and_then(|limit| limit.per_minute);
            rate.is_some_and(|rate| begun.len() >= rate as usize)
        });
        full.filter_map(|(_, begun)| Some(*begun.front()? + MINUTE)).min()
    }
}

impl Shared {
    /// An organisation has a call in a named queue.
    fn expect_gates(&mut self, organization: OrganizationId) {
        if self.gates.len() >= GATES_MAX && !self.gates.contains_key(&organization) {
            let lanes = &self.organizations;
            self.gates.retain(|organization, _| lanes.contains_key(organization));
        }
        let fresh = || Gates { stale: true, ..Gates::default() };
        self.gates.entry(organization).or_insert_with(fresh);
    }

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
        let queue = Queue::new(&EngineConfig::default());
        let routes = [("slow", 5), ("slow", 5), ("", 5), ("", 9), ("other", 1), ("slow", 10)];
        for (number, (name, priority)) in routes.into_iter().enumerate() {
            let mut call = call(1, number as u128, 1);
            call.route.queue = Some(name.to_owned()).filter(|name| !name.is_empty());
            call.route.priority = Some(priority);
            queue.push(call, true);
        }
        let number = |job: &Job| job.call.call.0.as_u128();
        let unnamed = queue.pop(Instant::now()).unwrap();
        assert_eq!(number(&unnamed), 3, "limits are not known yet: named queues wait");
        let organization = OrganizationId(Uuid::from_u128(1));
        assert_eq!(queue.gates_wanted(), [organization]);
        assert!(queue.gates_wanted().is_empty(), "they are read once");
        queue.gates_set(organization, Some(limits(1, None)));
        let first: Vec<Job> = std::iter::from_fn(|| queue.pop(Instant::now())).collect();
        assert_eq!(first.iter().map(number).collect::<Vec<_>>(), [5, 2, 4]);
        queue.done(&first[1].call);
        assert!(queue.pop(Instant::now()).is_none(), "the queue is full");
        queue.done(&first[0].call);
        assert_eq!(queue.pop(Instant::now()).as_ref().map(number), Some(0));
        assert!(queue.pop(Instant::now()).is_none());
        // More room, without a restart.
        queue.gates_changed(organization);
        assert_eq!(queue.gates_wanted(), [organization]);
        queue.gates_set(organization, Some(limits(2, None)));
        assert_eq!(queue.pop(Instant::now()).as_ref().map(number), Some(1));
    }

    fn limits(concurrency: u32, per_minute: Option<u32>) -> BTreeMap<String, QueueLimit> {
        BTreeMap::from([("slow".to_owned(), QueueLimit { concurrency, per_minute })])
    }

    #[test]
    fn a_queue_with_a_rate_lets_so_many_through_in_a_minute() {
        let (queue, start) = (Queue::new(&EngineConfig::default()), Instant::now());
        for number in 0..5 {
            let mut call = call(1, number, 1);
            call.route.queue = Some("slow".to_owned());
            queue.push(call, true);
        }
        queue.gates_set(OrganizationId(Uuid::from_u128(1)), Some(limits(100, Some(2))));
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let begin = |seconds: u64| {
            queue.minute_over();
            let job = queue.pop(at(seconds));
            job.map(|job| queue.done(&job.call)).is_some()
        };
        assert_eq!([0, 20, 30, 59].map(begin), [true, true, false, false]);
        assert_eq!(queue.next_minute(at(59)), Some(at(60)), "the first one leaves the minute");
        assert_eq!([60, 79, 80, 81].map(begin), [true, false, true, false]);
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
        let jobs: Vec<Job> = std::iter::from_fn(|| queue.pop(Instant::now())).collect();
        assert_eq!(jobs.iter().map(organization_of).collect::<Vec<_>>(), [1, 2, 1]);
        queue.done(&jobs[1].call);
        assert!(queue.pop(Instant::now()).is_none(), "organisation 1 is at its limit");
        queue.done(&jobs[0].call);
        assert_eq!(queue.pop(Instant::now()).map(|job| organization_of(&job)), Some(1));
    }

    #[test]
    fn a_call_is_here_once_and_a_new_attempt_cancels_the_old() {
        let queue = queue(10, 10, 10);
        queue.push(call(1, 1, 1), true);
        queue.push(call(1, 1, 1), false);
        let first = queue.pop(Instant::now()).unwrap();
        assert!(queue.pop(Instant::now()).is_none());
        queue.push(call(1, 1, 2), true);
        assert!(first.cancelled.is_cancelled());
        let second = queue.pop(Instant::now()).unwrap();
        queue.done(&first.call);
        queue.push(call(1, 1, 2), false);
        assert!(queue.pop(Instant::now()).is_none(), "the second attempt still runs");
        queue.done(&second.call);
        queue.push(call(1, 1, 2), false);
        assert!(queue.pop(Instant::now()).is_some());
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
            let job = queue.pop(Instant::now()).unwrap();
            queue.done(&job.call);
        }
        assert!(queue.pop(Instant::now()).is_none());
        assert_eq!(queue.begin_refill(), Some(4));
    }

    #[test]
    fn a_run_that_is_over_has_its_calls_cancelled() {
        let queue = queue(10, 10, 10);
        queue.push(call(1, 1, 1), true);
        queue.push(call(1, 2, 1), true);
        let (one, two) = (queue.pop(Instant::now()).unwrap(), queue.pop(Instant::now()).unwrap());
        queue.cancel_run(one.call.run);
        assert!(one.cancelled.is_cancelled() && !two.cancelled.is_cancelled());
    }
}

//! Calls that wait for their turn: fair between organisations, urgent ones first, so many of a named queue at once,
//! bounded in memory.
//!
//! What does not fit is not kept here at all; its row in the database is read when there is room. Limits of named
//! queues are asked for when an organisation has a call in one. Where several servers work on one database they hold
//! over all of them: then a call that comes out here has a place among this server's, and must ask for one among all
//! ([`Job::ask`]). One call of a queue asks at a time; while it does, and for a moment after it got none, its queue is
//! closed here.
//!
//! Calls of one named queue of an organisation, and its calls of none, are a line. A line may take what room there is,
//! but a few places are each line's own: one that stands still never keeps others out.
//! Deliberately absent: making calls (`calls`).

use super::{EngineConfig, making::Making};
use crate::store::{OpenCall, PRIORITY, PlaceAsk};
use signalbox::{
    id::{CallId, OrganizationId, RunId},
    run::CallRequest,
    wire::QueueLimit,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);
/// Places that each line has even when the others take all the room.
const OWN_PLACES_MAX: usize = 64;
/// Calls of one named queue that wait here.
const NAMED_MAX: usize = 256;
/// How often a call gives way to those of other servers, which may be unable to take their place.
const GIVES_WAY_MAX: u32 = 10;
/// For how long calls of its queue do not, after one that gave way so often.
const INSISTS_FOR: Duration = Duration::from_secs(10);
/// Rooms that all lines' own places may take together.
const ROOMS_MAX: usize = 16;

/// Calls that wait behind one another: of a named queue of an organisation, or of none.
pub(super) type Line = (OrganizationId, Option<String>);

/// Organisations whose limits are remembered, beside those that have calls now.
const GATES_MAX: usize = 1_000;

/// A call on its way.
pub(super) struct Job {
    pub call: OpenCall,
    /// False: its row was read back, so its beginning must be counted first.
    pub fresh: bool,
    pub cancelled: CancellationToken,
    /// It must have a place in its queue over all servers before it is made; and what to ask for. Then tell
    /// [`placed`](Queue::placed) or [`put_back`](Queue::put_back).
    pub ask: Option<PlaceAsk>,
    /// How often it got no place.
    pub refused: u32,
    /// How often of them it gave way.
    gave_way: u32,
    place: Place,
    /// It began beside its commit. Locked only to be taken.
    begun: Mutex<Option<Making>>,
}

impl Job {
    /// What has begun of it.
    pub(super) fn take_begun(&self) -> Option<Making> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where a call stands in its organisation: the most urgent first, then in order.
type Place = (Reverse<u8>, u64);

pub(super) struct Queue {
    /// Whether limits of named queues hold over several servers.
    asks: bool,
    calls_max: usize,
    per_organization_max: usize,
    queued_max: usize,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    organizations: HashMap<OrganizationId, Lane>,
    /// Attempts that are made here and took a place among those of all servers.
    placed: BTreeSet<(RunId, CallId, u32)>,
    /// Organisations with waiting calls and room, in turn.
    turns: VecDeque<OrganizationId>,
    /// Calls that wait or run, so that none is begun twice at once.
    known: BTreeMap<(RunId, CallId), Known>,
    queued: usize,
    /// How many wait in each line.
    lines: HashMap<Line, usize>,
    /// Lines of which rows are open that are not here.
    left_out: HashSet<Line>,
    /// Lines that were full when rows were read last.
    passed_over: Vec<Line>,
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
    /// When calls of queues with a rate began, within the last minute; not those that ask, which are counted elsewhere.
    begun: HashMap<String, VecDeque<Instant>>,
    /// Queues of which a call asks for its place, or just got none.
    closed: HashSet<String>,
    /// Until when calls of a queue do not give way: other servers did not take their places.
    insists: HashMap<String, Instant>,
}

#[derive(Default)]
struct Lane {
    waiting: BTreeMap<Place, Job>,
    running: usize,
    /// Running calls of each named queue.
    queues: HashMap<String, usize>,
    in_turns: bool,
}

struct Known {
    attempt: u32,
    /// The run's event number after the commit that asked for it; 0 when its row was read back.
    asked_at: u64,
    cancelled: CancellationToken,
}

impl Queue {
    /// `asks`: limits of named queues hold over all servers of the store.
    pub(super) fn new(config: &EngineConfig, asks: bool) -> Self {
        Self {
            asks,
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

    /// Takes in a call whose row was read back, unless it is here already or there is no room.
    pub(super) fn push(&self, call: OpenCall) {
        self.push_job(call, 0, None);
    }

    /// As [`push`](Self::push), for a call that a commit just asked for, and that may have begun. `asked_at` is the run's
    /// event number after it.
    pub(super) fn push_fresh(&self, call: OpenCall, asked_at: u64, begun: Option<Making>) {
        self.push_job(call, asked_at, begun);
    }

    fn push_job(&self, call: OpenCall, asked_at: u64, begun: Option<Making>) {
        let mut shared = self.lock();
        let key = (call.run, call.call);
        match shared.known.get(&key) {
            // A new attempt while the old one still runs: the old one's result is stale.
            Some(known) if known.attempt < call.attempt => known.cancelled.cancel(),
            Some(_) => return,
            None => {}
        }
        let line = (call.organization, call.route.queue.clone());
        if !self.has_room(&shared, &line) {
            shared.left_out.insert(line);
            return;
        }
        let cancelled = CancellationToken::new();
        let known = Known { attempt: call.attempt, asked_at, cancelled: cancelled.clone() };
        shared.known.insert(key, known);
        shared.queued += 1;
        *shared.lines.entry(line).or_insert(0) += 1;
        shared.number += 1;
        let organization = call.organization;
        let place = (Reverse(call.route.priority.unwrap_or(PRIORITY)), shared.number);
        if call.route.queue.is_some() {
            shared.expect_gates(organization);
        }
        let lane = shared.organizations.entry(organization).or_default();
        let (fresh, begun) = (asked_at > 0, Mutex::new(begun));
        let job = Job { call, fresh, cancelled, ask: None, refused: 0, gave_way: 0, place, begun };
        lane.waiting.insert(place, job);
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
            let Some(mut job) = lane.waiting.remove(&place) else { continue };
            lane.running += 1;
            if let Some(queue) = job.call.route.queue.clone() {
                let running = lane.queues.entry(queue.clone()).or_insert(0);
                // Runs that calls start have their places until they are over, and take them as they start.
                let asks = self.asks && !matches!(job.call.request, CallRequest::Run(_));
                match gates {
                    Some(gates) if asks => {
                        job.ask = gates.ask(&queue, (*running, job.gave_way), now);
                    }
                    Some(gates) => gates.note(&queue, now),
                    None => {}
                }
                *running += 1;
            }
            shared.queued -= 1;
            shared.leave_line((organization, job.call.route.queue.clone()));
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

    /// It is not known whose limits changed: all that were read before are read again.
    pub(super) fn all_gates_changed(&self) {
        self.lock().gates.values_mut().for_each(|gates| gates.stale = true);
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
                gates.insists.retain(|queue, _| limits.contains_key(queue));
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

    /// A call that was popped did not begin after all: it does not count in its queue's rate. Then tell
    /// [`done`](Self::done).
    pub(super) fn not_begun(&self, call: &OpenCall) {
        let mut shared = self.lock();
        let gates = shared.gates.get_mut(&call.organization);
        if let (Some(gates), Some(queue)) = (gates, &call.route.queue)
            && let Some(begun) = gates.begun.get_mut(queue)
        {
            begun.pop_back();
        }
    }

    /// A call that asked has its place, or needs none any more: the next one may ask.
    pub(super) fn placed(&self, call: &OpenCall, has_place: bool) {
        if has_place {
            self.lock().placed.insert((call.run, call.call, call.attempt));
        }
        self.open_queue(call.organization, call.route.queue.as_deref());
    }

    /// Attempts that are made here and have a place among those of all servers.
    pub(super) fn with_places(&self) -> Vec<(RunId, CallId, u32)> {
        self.lock().placed.iter().copied().collect()
    }

    /// A call that asked got no place: it waits where it stood, and its queue stays closed until
    /// [`open_queue`](Self::open_queue). `gives_way`: to one of another server.
    pub(super) fn put_back(&self, mut job: Job, gives_way: bool) {
        let mut shared = self.lock();
        let organization = job.call.organization;
        job.refused += 1;
        job.gave_way += u32::from(gives_way);
        shared.running -= 1;
        shared.queued += 1;
        *shared.lines.entry((organization, job.call.route.queue.clone())).or_insert(0) += 1;
        let lane = shared.organizations.entry(organization).or_default();
        lane.left(&job.call);
        lane.waiting.insert(job.place, job);
        shared.offer(organization, self.per_organization_max);
    }

    /// Calls of a queue may ask again.
    pub(super) fn open_queue(&self, organization: OrganizationId, queue: Option<&str>) {
        let mut shared = self.lock();
        if let (Some(gates), Some(queue)) = (shared.gates.get_mut(&organization), queue) {
            gates.closed.remove(queue);
        }
        shared.offer(organization, self.per_organization_max);
    }

    /// A call that was popped is over.
    pub(super) fn done(&self, call: &OpenCall) {
        let mut shared = self.lock();
        let key = (call.run, call.call);
        if shared.known.get(&key).is_some_and(|known| known.attempt == call.attempt) {
            shared.known.remove(&key);
        }
        shared.placed.remove(&(call.run, call.call, call.attempt));
        shared.running -= 1;
        let organization = call.organization;
        if let Some(lane) = shared.organizations.get_mut(&organization) {
            lane.left(call);
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

    /// A run ended with the event of this number: what it asked for until then nobody wants any more. What it asked for
    /// later, when it was taken up again, stays. Gives those that were read back: who asks for them is not known here.
    pub(super) fn cancel_run(&self, run: RunId, ended_at: u64) -> Vec<CancellationToken> {
        let (first, last) = (CallId(uuid::Uuid::nil()), CallId(uuid::Uuid::max()));
        let mut read_back = Vec::new();
        for (_, known) in self.lock().known.range((run, first)..=(run, last)) {
            match known.asked_at {
                0 => read_back.push(known.cancelled.clone()),
                asked_at if asked_at <= ended_at => known.cancelled.cancel(),
                _ => {}
            }
        }
        read_back
    }

    /// Rows may be open that are not here: look when there is room.
    pub(super) fn expect_more(&self) {
        self.lock().more = true;
    }

    /// How many rows to read now, and of which lines none, if it is time; then tell [`refilled`](Self::refilled).
    pub(super) fn begin_refill(&self) -> Option<(usize, Vec<Line>)> {
        let mut shared = self.lock();
        if shared.refilling {
            return None;
        }
        let is_low = shared.queued <= self.queued_max / 4;
        let runs_short = |line: &Line| {
            let waiting = shared.lines.get(line).copied().unwrap_or(0);
            let is_short =
                waiting <= self.own_places() / 4 || (is_low && waiting <= self.places(line) / 4);
            is_short && self.has_room(&shared, line)
        };
        let is_short = shared.left_out.iter().any(runs_short);
        if !is_short && !shared.more {
            return None;
        }
        let mut full: Vec<Line> =
            shared.lines.keys().filter(|line| !self.has_room(&shared, line)).cloned().collect();
        full.sort_unstable();
        // Behind lines that were not full yet there may be others.
        if !is_short && !is_low && full == shared.passed_over {
            return None;
        }
        (shared.more, shared.refilling) = (false, true);
        shared.left_out.retain(|line| full.binary_search(line).is_ok());
        shared.passed_over = full.clone();
        Some((self.queued_max + shared.known.len(), full))
    }

    /// Places of its own that a line has.
    fn own_places(&self) -> usize {
        OWN_PLACES_MAX.min(self.queued_max / 4).max(1)
    }

    /// Places that a line takes when there is room.
    fn places(&self, line: &Line) -> usize {
        if line.1.is_some() { NAMED_MAX.min(self.queued_max) } else { self.queued_max }
    }

    fn has_room(&self, shared: &Shared, line: &Line) -> bool {
        let waiting = shared.lines.get(line).copied().unwrap_or(0);
        let own = waiting < self.own_places() && shared.queued < self.queued_max * ROOMS_MAX;
        own || (waiting < self.places(line) && shared.queued < self.queued_max)
    }

    pub(super) fn refilled(&self, more: bool) {
        let mut shared = self.lock();
        shared.refilling = false;
        shared.more |= more;
    }
}

impl Lane {
    /// One of its running calls runs no longer.
    fn left(&mut self, call: &OpenCall) {
        self.running -= 1;
        if let Some(queue) = &call.route.queue
            && let Some(running) = self.queues.get_mut(queue)
        {
            *running = running.saturating_sub(1);
        }
    }

    /// The most urgent call whose queue has room.
    fn next(&self, gates: Option<&mut Gates>, now: Instant) -> Option<Place> {
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
        if self.closed.contains(queue) {
            return false;
        }
        let begun = self.begun.get(queue).map_or(0, VecDeque::len);
        running < limit.concurrency as usize
            && limit.per_minute.is_none_or(|count| begun < count as usize)
    }

    /// What a call asks for that goes through a queue with a limit, which is closed from here on.
    fn ask(
        &mut self,
        queue: &str,
        (mine, gave_way): (usize, u32),
        now: Instant,
    ) -> Option<PlaceAsk> {
        let limit = self.limit(queue)?;
        self.closed.insert(queue.to_owned());
        if gave_way >= GIVES_WAY_MAX {
            self.insists.insert(queue.to_owned(), now + INSISTS_FOR);
        }
        let insists = self.insists.get(queue).is_some_and(|until| now < *until);
        Some(PlaceAsk {
            places: limit.concurrency,
            per_minute: limit.per_minute,
            mine: u32::try_from(mine).unwrap_or(u32::MAX),
            gives_way: !insists,
        })
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

    /// One call fewer waits in a line.
    fn leave_line(&mut self, line: Line) {
        if let Entry::Occupied(mut waiting) = self.lines.entry(line) {
            *waiting.get_mut() -= 1;
            if *waiting.get() == 0 {
                waiting.remove();
            }
        }
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
mod tests;

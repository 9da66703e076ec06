//! The rows, and what commits do to runs.

use super::super::{
    Approval, CallState, Decided, NewApproval, NewRun, OpenCall, OutsideEvent, RUN_FENCE, Run,
    RunCommit, RunLink, RunParts, StoreError, StoreResult, packing, value,
};
use super::{ORGANIZATION, Wrong};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use signalbox::{
    id::{ApprovalId, CallId, OrganizationId, RunId},
    run::{ActivationId, ApprovalKind, Event, EventBody, RunStatus, TimerId},
    wire::ApprovalState,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct RunRow {
    pub run: Run,
    pub due: bool,
    pub owner: Option<i64>,
    pub key: Option<String>,
    /// The number of the last outside event before it began; none where its past is another run's.
    pub events_from: Option<i64>,
}

/// Events as they stand in the journal: the first and last number of a block, and its packed text.
#[derive(Clone)]
pub(crate) struct BlockRow {
    pub first: i64,
    pub last: i64,
    pub json: Arc<Vec<u8>>,
    /// What stands in it, read once: reading it again and again would take most of the time of a simulation.
    read: Arc<OnceLock<Vec<Event>>>,
}

impl BlockRow {
    /// Its events, from its packed text.
    pub(crate) fn events(&self) -> StoreResult<&[Event]> {
        if let Some(events) = self.read.get() {
            return Ok(events);
        }
        let json = packing::unpack(&self.json, "run_events", "events")?;
        let events = value::from_json_bytes(&json, "run_events", "events")?;
        Ok(self.read.get_or_init(|| events))
    }
}

#[derive(Clone)]
pub(crate) struct CallRow {
    pub call: Arc<OpenCall>,
    pub state: CallState,
    pub claims: u32,
    pub owner: Option<i64>,
    /// Under which lease it has its place in a queue.
    pub begun_by: Option<i64>,
    /// By the clock of who asked for it.
    pub created_ms: i64,
    /// When it was taken, by the database's clock.
    pub taken_ms: i64,
    /// The order in which calls came.
    pub number: u64,
    /// To which workers it is offered.
    pub offer: Option<String>,
    /// The key of the worker that has it.
    pub claim: Option<Uuid>,
}

#[derive(Clone)]
pub(crate) struct TimerRow {
    pub due_ms: i64,
    pub owner: Option<i64>,
    pub tries: u32,
}

#[derive(Clone)]
pub(crate) struct WaitRow {
    pub name: String,
    pub seen: i64,
    /// Events from before this time do not count.
    pub since_ms: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkRow {
    Live,
    Stop,
    Ended,
    Told,
}

#[derive(Clone)]
pub(crate) struct SlotRow {
    pub key: String,
    pub places: u32,
    pub asked_at: DateTime<Utc>,
    pub granted: bool,
}

/// All rows. A copy shares what is large.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub runs: BTreeMap<RunId, Arc<RunRow>>,
    /// Of each run by their first numbers.
    pub blocks: BTreeMap<RunId, Arc<Vec<BlockRow>>>,
    pub checkpoints: BTreeMap<RunId, (u64, Arc<Vec<u8>>)>,
    pub calls: BTreeMap<(RunId, CallId), CallRow>,
    pub calls_number: u64,
    /// When the newest calls of queues with a rate began, by the database's clock.
    pub queue_begins: BTreeMap<String, Vec<i64>>,
    pub timers: BTreeMap<(RunId, TimerId), TimerRow>,
    pub approvals: BTreeMap<ApprovalId, Arc<Approval>>,
    pub waits: BTreeMap<(RunId, ActivationId, String), WaitRow>,
    pub outside: Vec<Arc<(OutsideEvent, DateTime<Utc>)>>,
    pub links: BTreeMap<RunId, (RunLink, LinkRow)>,
    /// The queues of the calls that started runs.
    pub link_queues: BTreeMap<RunId, String>,
    pub slots: BTreeMap<RunId, SlotRow>,
    /// Until when leases last, by the database's clock.
    pub servers: BTreeMap<i64, i64>,
    pub epochs: i64,
    pub feed: i64,
}

/// A transaction: rows that become the committed ones.
pub(crate) struct ModelTx {
    pub tables: Tables,
    pub owner: Option<i64>,
    pub now_ms: i64,
    pub wrong: Option<Wrong>,
    /// A run is not where a commit was decided: shows when it is sent.
    pub moved: bool,
}

impl Tables {
    pub(crate) fn run_fetch(&self, run: RunId) -> StoreResult<Run> {
        let row = self.runs.get(&run).ok_or(StoreError::NotFound { what: "run" })?;
        Ok(row.run.clone())
    }

    pub(crate) fn run_parts(&self, run: RunId) -> StoreResult<RunParts> {
        let root_workflow = self.link_fetch(run).map(|link| link.root_workflow);
        Ok(RunParts {
            run: self.run_fetch(run)?,
            checkpoint: self.checkpoint_fetch(run),
            events: vec![],
            root_workflow,
        })
    }

    pub(crate) fn run_by_key(&self, key: &str) -> Option<Run> {
        let mut runs = self.runs.values();
        runs.find(|row| row.key.as_deref() == Some(key)).map(|row| row.run.clone())
    }

    /// Events after a number, at most `limit`; and whether more follow.
    pub(crate) fn events_after(
        &self,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> StoreResult<(Vec<Event>, bool)> {
        let mut found = Vec::new();
        let blocks = self.blocks.get(&run).map_or(&[][..], |blocks| blocks.as_slice());
        for block in blocks.iter().filter(|block| block.last > value::int(after)) {
            found.extend(block.events()?.iter().filter(|event| event.seq > after).cloned());
        }
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// As [`events_after`](Self::events_after), all of them and where they stand.
    pub(crate) fn events_since(&self, run: RunId, after: u64) -> StoreResult<Vec<&Event>> {
        let mut found = Vec::new();
        let blocks = self.blocks.get(&run).map_or(&[][..], |blocks| blocks.as_slice());
        for block in blocks.iter().filter(|block| block.last > value::int(after)) {
            found.extend(block.events()?.iter().filter(|event| event.seq > after));
        }
        Ok(found)
    }

    pub(crate) fn checkpoint_fetch(&self, run: RunId) -> Option<(u64, Vec<u8>)> {
        self.checkpoints.get(&run).map(|(seq, state)| (*seq, state.to_vec()))
    }

    pub(crate) fn call_state(&self, run: RunId, call: CallId) -> Option<CallState> {
        self.calls.get(&(run, call)).map(|row| row.state)
    }

    pub(crate) fn approval_fetch(&self, id: ApprovalId) -> StoreResult<Approval> {
        let found = self.approvals.get(&id).ok_or(StoreError::NotFound { what: "approval" })?;
        Ok(Approval::clone(found))
    }

    /// What an unfinished run waits for; nothing would be a defect.
    pub(crate) fn waits_for(&self, run: RunId) -> Vec<&'static str> {
        let mut found = Vec::new();
        let mut note = |is: bool, what| {
            if is {
                found.push(what);
            }
        };
        let (first, last) = (CallId(uuid::Uuid::nil()), CallId(uuid::Uuid::max()));
        let mut calls = self.calls.range((run, first)..=(run, last)).map(|(_, row)| row);
        note(calls.any(|row| self.is_under_way(row)), "call");
        note(self.timers.keys().any(|(of, _)| *of == run), "timer");
        note(self.waits.keys().any(|(of, ..)| *of == run), "event");
        note(self.slots.get(&run).is_some_and(|slot| !slot.granted), "turn");
        let asks =
            |a: &Arc<Approval>| a.request.run == Some(run) && a.state == ApprovalState::Pending;
        note(self.approvals.values().any(asks), "person");
        found
    }

    /// Whether somebody sees to a call: one that started a run only while that run is not over, or has not told.
    fn is_under_way(&self, row: &CallRow) -> bool {
        let is_run = matches!(row.call.request, signalbox::run::CallRequest::Run(_));
        let of_it = |(link, state): &(RunLink, LinkRow)| {
            (link.parent, link.call) == (row.call.run, row.call.call)
                && matches!(state, LinkRow::Live | LinkRow::Ended)
        };
        row.state != CallState::Parked || !is_run || self.links.values().any(of_it)
    }

    pub(crate) fn runs_stuck(
        &self,
        quiet_since: DateTime<Utc>,
        limit: u32,
    ) -> Vec<(OrganizationId, RunId)> {
        let mut stuck = Vec::new();
        for (id, row) in &self.runs {
            let phase = row.run.status.phase().as_str();
            let is_open = row.run.ended_at.is_none() && !row.due;
            let is_left = !["Paused", "Blocked"].contains(&phase);
            if is_open
                && is_left
                && row.run.updated_at <= quiet_since
                && self.waits_for(*id).is_empty()
            {
                stuck.push((ORGANIZATION, *id));
            }
        }
        stuck.truncate(limit as usize);
        stuck
    }
}

impl ModelTx {
    pub(crate) fn append<'a>(
        &mut self,
        run: RunId,
        blocks: impl Iterator<Item = (i64, i64, &'a Vec<u8>)>,
    ) -> StoreResult<()> {
        self.send()?;
        let rows = Arc::make_mut(self.tables.blocks.entry(run).or_default());
        for (first, last, json) in blocks {
            let row = BlockRow { first, last, json: Arc::new(json.clone()), read: Arc::default() };
            let place = rows.partition_point(|known| known.first < first);
            match rows.get_mut(place).filter(|known| known.first == first) {
                Some(known) if self.wrong == Some(Wrong::NoFence) => *known = row,
                Some(_) => return Err(StoreError::Constraint("run_events.first_seq".into())),
                None => rows.insert(place, row),
            }
        }
        match self.wrong {
            Some(Wrong::ForkTakesOver) => self.take_over(run),
            _ => Ok(()),
        }
    }

    /// What is open of the run that this one was forked from is its own, as it must not be.
    fn take_over(&mut self, run: RunId) -> StoreResult<()> {
        let mut origin = None;
        for block in self.tables.blocks.get(&run).map_or(&[][..], |blocks| blocks.as_slice()) {
            for event in block.events()? {
                if let EventBody::Forked { from, .. } = &event.body {
                    origin = Some(*from);
                }
            }
        }
        let calls = self.tables.calls.keys().filter(|(of, _)| Some(*of) == origin);
        let calls: Vec<(RunId, CallId)> = calls.copied().collect();
        for key in calls {
            if let Some(mut row) = self.tables.calls.remove(&key) {
                row.call = Arc::new(OpenCall { run, ..OpenCall::clone(&row.call) });
                self.tables.calls.insert((run, key.1), row);
            }
        }
        Ok(())
    }

    pub(crate) fn run_insert(&mut self, new: &NewRun, commit: &RunCommit) -> StoreResult<()> {
        let key = new.idempotency_key.as_deref();
        if self.wrong != Some(Wrong::NoKey)
            && key.is_some_and(|key| self.tables.run_by_key(key).is_some())
        {
            return Err(StoreError::Conflict { what: "the run with this idempotency key" });
        }
        let head = &commit.head;
        let run = Run {
            organization: ORGANIZATION,
            id: commit.run,
            workflow: commit.workflow,
            version: new.version,
            seq: commit.seq,
            status: head.status.clone(),
            started_by: new.started_by.clone(),
            thread_id: new.thread_id.clone(),
            current_node: head.current_node.clone(),
            quarantined: false,
            input_tokens: head.input_tokens,
            output_tokens: head.output_tokens,
            cost_micros: head.cost_micros,
            created_at: commit.at,
            updated_at: commit.at,
            ended_at: head.ended_at,
        };
        let key = new.idempotency_key.clone();
        let events_from = i64::try_from(self.tables.outside.len()).ok();
        let row = RunRow { run, due: head.due, owner: None, key, events_from };
        self.tables.runs.insert(commit.run, Arc::new(row));
        Ok(())
    }

    /// What does not hold shows when it is sent.
    pub(crate) fn run_fence(&mut self, commit: &RunCommit) {
        let fenced = self.wrong != Some(Wrong::NoFence);
        let is_held = |row: &Arc<Approval>| {
            row.request.run == Some(commit.run)
                && row.state == ApprovalState::Pending
                && row.request.kind != ApprovalKind::Uncertain
        };
        self.moved |= commit.holds_nothing && self.tables.approvals.values().any(is_held);
        let phase = commit.head.status.phase();
        let holds = |row: &&mut RunRow| {
            let stays = !commit.phase_stays || row.run.status.phase() == phase;
            !row.run.quarantined && stays && (!fenced || row.run.seq == commit.expected_seq)
        };
        let Some(row) = self.run(commit.run).filter(holds) else {
            self.moved = true;
            return;
        };
        let head = &commit.head;
        row.run.seq = commit.seq;
        row.run.status = head.status.clone();
        row.run.current_node = head.current_node.clone();
        row.due = head.due;
        row.run.updated_at = commit.at;
        row.run.ended_at = head.ended_at;
    }

    /// As [`run_fence`](Self::run_fence), for what does not move the run on.
    pub(crate) fn run_unmoved(&mut self, run: RunId, seq: u64) {
        let fenced = self.wrong != Some(Wrong::NotesUnfenced);
        let moved = self.tables.runs.get(&run).is_none_or(|row| row.run.seq != seq);
        self.moved |= fenced && moved;
    }

    /// What was gathered goes out: a fence that does not hold shows here.
    pub(crate) fn send(&self) -> StoreResult<()> {
        match self.moved {
            true => Err(StoreError::Conflict { what: RUN_FENCE }),
            false => Ok(()),
        }
    }

    /// The run's past is another run's: which events it may hear is told by their times.
    pub(crate) fn hear_past(&mut self, run: RunId) -> StoreResult<()> {
        if let Some(row) = self.run(run) {
            row.events_from = None;
        }
        Ok(())
    }

    pub(crate) fn run_version_set(&mut self, run: RunId, version: u32) -> StoreResult<()> {
        if let Some(row) = self.run(run) {
            row.run.version = version;
        }
        Ok(())
    }

    /// A run's row, to be changed.
    fn run(&mut self, run: RunId) -> Option<&mut RunRow> {
        self.tables.runs.get_mut(&run).map(Arc::make_mut)
    }

    pub(crate) fn run_own(&mut self, run: RunId) -> StoreResult<()> {
        let owner = self.owner;
        if let Some(row) = self.run(run) {
            row.owner = owner;
        }
        Ok(())
    }

    pub(crate) fn run_not_due(&mut self, run: RunId) -> StoreResult<()> {
        if let Some(row) = self.run(run) {
            row.due = false;
        }
        Ok(())
    }

    pub(crate) fn run_quarantine(
        &mut self,
        run: RunId,
        status: RunStatus,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        if let Some(row) = self.run(run).filter(|row| row.run.ended_at.is_none()) {
            row.run.quarantined = true;
            row.due = false;
            row.run.status = status;
            row.run.updated_at = now;
        }
        self.set_timers_aside(run, -1);
        let is_to_be_made = |state| matches!(state, CallState::Open | CallState::Waiting);
        for (_, row) in self.calls_of(run).filter(|(_, row)| is_to_be_made(row.state)) {
            row.state = CallState::Held;
        }
        Ok(())
    }

    pub(crate) fn run_release(&mut self, run: RunId, now: DateTime<Utc>) -> StoreResult<()> {
        if let Some(row) = self.run(run) {
            row.run.quarantined = false;
            row.run.updated_at = now;
        }
        self.set_timers_aside(run, 1);
        for (_, row) in self.calls_of(run).filter(|(_, row)| row.state == CallState::Held) {
            row.state = CallState::Open;
            (row.claims, row.begun_by) = (1, None);
        }
        Ok(())
    }

    /// What an ended run leaves for those who wait for such an event.
    pub(crate) fn ended(
        &self,
        commit: &RunCommit,
        name: &str,
        outcome: Option<&str>,
        error: Option<&str>,
    ) -> Value {
        json!({"runId": commit.run, "name": name, "outcome": outcome, "error": error})
    }

    pub(crate) fn run_end(&mut self, run: RunId) {
        self.tables.timers.retain(|(of, _), _| *of != run);
        self.tables.waits.retain(|(of, ..), _| *of != run);
        self.tables.calls.retain(|(of, _), _| *of != run);
        self.tables.checkpoints.remove(&run);
    }

    pub(crate) fn checkpoint_write(
        &mut self,
        run: RunId,
        seq: u64,
        state: &[u8],
    ) -> StoreResult<()> {
        self.tables.checkpoints.insert(run, (seq, Arc::new(state.to_vec())));
        Ok(())
    }

    /// Whether it was not there.
    pub(crate) fn approval_open(&mut self, new: &NewApproval, now: DateTime<Utc>) -> bool {
        if self.tables.approvals.contains_key(&new.id) {
            return false;
        }
        let approval = Approval {
            request: new.clone(),
            state: ApprovalState::Pending,
            revision: 1,
            decided: None,
            created_at: now,
            updated_at: now,
        };
        self.tables.approvals.insert(new.id, Arc::new(approval));
        true
    }

    pub(crate) fn approval_close(
        &mut self,
        id: ApprovalId,
        revision: Option<u32>,
        state: ApprovalState,
        decided: &Decided,
    ) -> StoreResult<Value> {
        let conflict = StoreError::Conflict { what: "the approval" };
        let unchecked = self.wrong == Some(Wrong::NoRevision);
        let Some(row) = self.tables.approvals.get_mut(&id).map(Arc::make_mut) else {
            return Err(conflict);
        };
        let looked_at = revision.is_none_or(|seen| seen == row.revision) || unchecked;
        if row.state != ApprovalState::Pending || !looked_at {
            return Err(conflict);
        }
        row.state = state;
        row.decided = Some(decided.clone());
        row.updated_at = decided.at;
        Ok(json!({"approvalId": id, "state": state.as_str()}))
    }

    /// Somebody edited what is decided about, as the send gate does.
    pub(crate) fn approval_revise(&mut self, id: ApprovalId) {
        if let Some(row) = self.tables.approvals.get_mut(&id).map(Arc::make_mut)
            && row.state == ApprovalState::Pending
        {
            row.revision += 1;
        }
    }

    pub(crate) fn approvals_withdraw(
        &mut self,
        id: Option<ApprovalId>,
        run: Option<RunId>,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        for (key, row) in &mut self.tables.approvals {
            let is_meant = Some(*key) == id || run.is_some() && row.request.run == run;
            if is_meant && row.state == ApprovalState::Pending {
                let row = Arc::make_mut(row);
                row.state = ApprovalState::Withdrawn;
                row.updated_at = now;
            }
        }
        Ok(())
    }
}

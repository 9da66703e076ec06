//! Looks at every commit and at every call: what must hold at each of them.

mod facts;

use crate::engine::{CallContext, EngineConfig};
use crate::store::model::{Tables, WaitRow, Watcher};
use signalbox::graph::Graph;
use signalbox::id::{CallId, RunId, WorkflowId};
use signalbox::run::{ActivationId, CallRequest, EventBody, RunStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(super) struct Looker(Mutex<Seen>);

#[derive(Default)]
pub(super) struct Seen {
    pub broken: BTreeSet<String>,
    pub trace: DefaultHasher,
    pub commits: u64,
    pub deaths: usize,
    pub calls_made: u64,
    /// Runs by the order in which they came, for words that people read.
    names: BTreeMap<RunId, usize>,
    /// How often an attempt was begun, by its row.
    begun: BTreeMap<(RunId, CallId, u32), u32>,
    /// How often it was made.
    made: BTreeMap<(RunId, CallId, u32), u32>,
    keys: BTreeMap<(RunId, ActivationId), CallId>,
    /// Events that ended a wait of a run: its later waits hear them again and take no notice.
    heard: BTreeSet<(RunId, i64)>,
    /// Whose call a key is of.
    runs_by_key: BTreeMap<CallId, RunId>,
    facts: facts::Facts,
    story: bool,
}

impl Looker {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what happens, for whoever reads.
    pub(super) fn tell_story(&self) {
        self.seen().story = true;
    }

    pub(super) fn say(&self, what: impl FnOnce() -> String) {
        if self.seen().story {
            println!("{}", what());
        }
    }

    pub(super) fn broken(&self, what: impl Into<String>) {
        self.seen().broken.insert(what.into());
    }

    /// These are the versions of all workflows.
    pub(super) fn know(&self, graphs: &[(WorkflowId, Vec<Graph>)]) {
        self.seen().facts.know(graphs);
    }

    /// The world is asked.
    pub(super) fn made(&self, context: &CallContext, request: &CallRequest) {
        let mut seen = self.seen();
        let key = (context.run, context.call, context.attempt);
        if seen.facts.request(&key).is_some_and(|written| written != request) {
            let what = format!("{} was called otherwise than it was written down", context.node);
            seen.broken.insert(what);
        }
        let begun = seen.begun.get(&key).copied().unwrap_or(0);
        let made = seen.made.entry(key).or_insert(0);
        *made += 1;
        let made = *made;
        seen.calls_made += 1;
        if begun == 0 {
            seen.broken
                .insert(format!("{} was called before its intent was on disk", context.node));
        } else if made > begun {
            seen.broken
                .insert(format!("{} was called {made} times, begun {begun} times", context.node));
        }
        (context.node.0.as_str(), made).hash(&mut seen.trace);
    }
}

impl Watcher for Looker {
    fn committed(&self, before: &Tables, after: &Tables, now_ms: i64) {
        let mut seen = self.seen();
        seen.commits += 1;
        now_ms.hash(&mut seen.trace);
        for (run, row) in &after.runs {
            let was = before.runs.get(run);
            if was.is_some_and(|was| Arc::ptr_eq(was, row)) {
                continue;
            }
            let count = seen.names.len();
            let name = *seen.names.entry(*run).or_insert(count);
            let (old, new) = (was.map_or(0, |was| was.run.seq), row.run.seq);
            (name, new, row.run.status.phase().as_str()).hash(&mut seen.trace);
            if seen.story {
                println!("  run {name}: {old} → {new} {:?} due {}", row.run.status, row.due);
            }
            let was_over = was.is_some_and(|was| was.run.ended_at.is_some());
            if was_over && new != old && !is_reopened(after, *run, old) {
                seen.broken.insert(format!("run {name} went on after its end"));
            }
            if new != old {
                seen.journal(before, after, *run, (old, new));
                seen.facts(before, after, *run, old);
            }
            seen.waiting(after, *run, name);
        }
        seen.calls(before, after, now_ms);
        seen.waits(before, after);
    }

    fn died(&self, node: usize) {
        let mut seen = self.seen();
        seen.deaths += 1;
        node.hash(&mut seen.trace);
        if seen.story {
            println!("  server {node} died");
        }
    }
}

impl Seen {
    /// I2, I3: every number is written once, without a gap.
    fn journal(&mut self, before: &Tables, after: &Tables, run: RunId, (old, new): (u64, u64)) {
        let (old, new) = (old as i64, new as i64);
        let empty = Arc::default();
        let was = before.blocks.get(&run).unwrap_or(&empty);
        let now = after.blocks.get(&run).unwrap_or(&empty);
        let mut next = old + 1;
        for block in now.iter().filter(|block| block.first > old) {
            if block.first != next {
                self.broken.insert(format!("event {next} is missing; {} follows", block.first));
            }
            next = block.last + 1;
        }
        if next != new + 1 {
            self.broken.insert(format!("the journal ends at {} and the run at {new}", next - 1));
        }
        for (number, block) in was.iter().enumerate() {
            if !now.get(number).is_some_and(|same| Arc::ptr_eq(&same.json, &block.json)) {
                self.broken.insert(format!("event {} was written twice", block.first));
            }
        }
    }

    /// I7: every unfinished run waits for something; an ended one for nothing.
    fn waiting(&mut self, after: &Tables, run: RunId, name: usize) {
        let Some(row) = after.runs.get(&run) else { return };
        let waits = after.waits_for(run);
        let phase = row.run.status.phase().as_str();
        let is_held = ["Paused", "Blocked"].contains(&phase) || row.run.quarantined;
        if row.run.ended_at.is_some() && !waits.is_empty() {
            self.broken.insert(format!("run {name} is over and still has {waits:?}"));
        }
        if row.run.ended_at.is_none() && !row.due && !is_held && waits.is_empty() {
            self.broken.insert(format!("run {name} ({phase}) waits for nothing"));
        }
        if let RunStatus::Blocked { reason } = &row.run.status
            && reason.contains("waits for nothing")
        {
            self.broken.insert("the watch found a run that waits for nothing".into());
        }
        if row.run.quarantined && !self.died_over_it(after, run) {
            self.broken.insert(format!("run {name} was set aside"));
        }
    }

    /// Whether servers died so often over one of its timers, and once more while the run was being blocked, that it may
    /// be set aside without being read.
    fn died_over_it(&self, after: &Tables, run: RunId) -> bool {
        let most = EngineConfig::default().claims_max;
        let counted = |tries: u32| tries > most && self.deaths >= tries as usize;
        after.timers.iter().any(|((of, _), timer)| *of == run && counted(timer.tries))
    }

    /// I1: what came since the run began and before it waited is still to be told, and what a wait has behind it was
    /// told: then the wait is over. (The waits of these workflows have no conditions.)
    fn waits(&mut self, before: &Tables, after: &Tables) {
        for (key, wait) in &after.waits {
            let from = match before.waits.get(key) {
                Some(was) if was.seen == wait.seen => continue,
                Some(was) => was.seen,
                // Of a fork the times tell from where on, and they may be out of order.
                None => {
                    after.runs.get(&key.0).map_or(0, |row| row.events_from.unwrap_or(wait.seen))
                }
            };
            let mut passed =
                matching(after, key, wait, from).take_while(|number| *number <= wait.seen);
            if passed.any(|number| !self.heard.contains(&(key.0, number))) {
                self.broken.insert("an event was not told".into());
            }
        }
        for (key, wait) in before.waits.iter().filter(|(key, _)| !after.waits.contains_key(key)) {
            let ended_by = matching(after, key, wait, wait.seen).next();
            self.heard.extend(ended_by.map(|number| (key.0, number)));
        }
    }

    /// D12: beginnings are counted at the claim. I6: nobody takes what a server that lives does. And all attempts have
    /// one key.
    fn calls(&mut self, before: &Tables, after: &Tables, now_ms: i64) {
        for (key, row) in &after.calls {
            let was = before.calls.get(key);
            let was = was.filter(|was| Arc::ptr_eq(&was.call, &row.call));
            let known = was.map_or(0, |was| was.claims);
            let owner = was.and_then(|was| was.owner).filter(|owner| row.owner != Some(*owner));
            if owner.is_some_and(|of| before.servers.get(&of).is_some_and(|until| *until > now_ms))
            {
                self.broken.insert(format!("{} was taken of a server that lives", row.call.node));
            }
            if *self.runs_by_key.entry(key.1).or_insert(key.0) != key.0 {
                self.broken.insert("one key is of calls of two runs".into());
            }
            let attempt = (key.0, key.1, row.call.attempt);
            *self.begun.entry(attempt).or_insert(0) += row.claims.saturating_sub(known);
            // Another key is for another try, which a person asked for: it begins with the first attempt.
            let named = self.keys.insert((key.0, row.call.activation), key.1);
            if named.is_some_and(|named| named != key.1) && row.call.attempt > 1 {
                self.broken.insert(format!("{} has two keys", row.call.node));
            }
        }
    }
}

/// Whether somebody had the run tried again at its next event.
fn is_reopened(tables: &Tables, run: RunId, after: u64) -> bool {
    let next = tables.events_after(run, after, 1);
    next.is_ok_and(|(events, _)| {
        matches!(events.first().map(|event| &event.body), Some(EventBody::RunReopened { .. }))
    })
}

/// The numbers of the events after `from` that a wait is about.
fn matching<'a>(
    tables: &'a Tables,
    (run, _, name): &'a (RunId, ActivationId, String),
    wait: &'a WaitRow,
    from: i64,
) -> impl Iterator<Item = i64> + 'a {
    let numbered = (1..).zip(&tables.outside).skip(usize::try_from(from).unwrap_or(0));
    let meant = numbered.filter(move |(_, event)| {
        let counts = wait.since_ms <= event.1.timestamp_millis();
        counts && event.0.name == *name && event.0.run.is_none_or(|of| of == *run)
    });
    meant.map(|(number, _)| number)
}

//! Workers of other systems: they take tasks, are heard of or not, and report in time, too late, twice, or never.

use super::world::{Promised, World};
use super::{Dice, looker::Looker};
use crate::engine::{Claimed, EngineHandle};
use crate::store::{
    CallState, TaskWanted,
    model::{ORGANIZATION, Time},
};
use serde_json::json;
use signalbox::run::{ErrorKind, StepError};
use std::sync::{Arc, Mutex, PoisonError};

/// The lease of a worker that will be late, in milliseconds.
const SHORT_MS: u64 = 300;

/// What a worker says in the end.
#[derive(Clone, Copy)]
enum Report {
    Done,
    /// An output that does not satisfy the task's schema.
    Wrong,
    Failed(ErrorKind),
    GivenBack,
    Never,
}

/// What a worker does with its task.
#[derive(Clone, Copy)]
struct Habit {
    /// It is not heard of while its lease runs out, and reports all the same.
    late: bool,
    beats: u64,
    pause_ms: u64,
    report: Report,
    /// It reports once more after so long.
    again_ms: Option<u64>,
}

impl Habit {
    fn of(dice: &mut Dice, calm: bool) -> Self {
        let late = dice.percent(if calm { 15 } else { 40 });
        let pause_ms = if late { SHORT_MS + 50 + dice.below(3_000) } else { dice.below(800) };
        let report = match dice.below(12) {
            0..=7 => Report::Done,
            8 => Report::Wrong,
            9 => Report::Failed(ErrorKind::Timeout),
            10 => Report::Failed(ErrorKind::InvalidInput),
            _ if calm || dice.percent(50) => Report::GivenBack,
            _ => Report::Never,
        };
        let again_ms = dice.percent(30).then(|| dice.below(4_000));
        Self { late, beats: if late { 0 } else { dice.below(3) }, pause_ms, report, again_ms }
    }
}

struct Worker {
    name: String,
    engine: EngineHandle,
    habit: Habit,
    time: Time,
    promised: Arc<Mutex<Promised>>,
    looker: Arc<Looker>,
}

impl World {
    /// A worker asks for a task, and another one while it is late.
    pub(super) fn work(&mut self) {
        let tables = self.database.committed();
        if !tables.calls.values().any(|row| row.state == CallState::Offered) {
            return;
        }
        let (first, second) = (self.worker(), self.worker());
        let (Some(first), Some(second)) = (first, second) else { return };
        self.waiting_for(async move {
            let Some(task) = first.take().await else { return };
            first.work(&task).await;
            // By now it may be somebody else's.
            let other = if first.habit.late { second.take().await } else { None };
            first.report(&task, first.habit.report).await;
            if let Some(other) = other {
                second.work(&other).await;
                second.report(&other, second.habit.report).await;
            }
            if let Some(ms) = first.habit.again_ms {
                first.time.sleep(ms).await;
                first.report(&task, Report::Done).await;
            }
        });
    }

    /// One that nobody saw before.
    fn worker(&mut self) -> Option<Worker> {
        let habit = Habit::of(&mut self.dice, self.is_calm);
        let engine = self.server()?.engine.clone();
        self.workers += 1;
        Some(Worker {
            name: format!("worker {}", self.workers),
            engine,
            habit,
            time: self.time.clone(),
            promised: self.promised.clone(),
            looker: self.looker.clone(),
        })
    }
}

impl Worker {
    async fn take(&self) -> Option<Claimed> {
        let wanted = TaskWanted { worker: self.name.clone(), ..TaskWanted::default() };
        let lease_ms = self.habit.late.then_some(SHORT_MS);
        self.engine.task_claim(ORGANIZATION, &wanted, lease_ms).await.ok().flatten()
    }

    async fn work(&self, task: &Claimed) {
        for _ in 0..self.habit.beats {
            self.time.sleep(200).await;
            // One that is told that it has lost the task goes on all the same.
            let call = task.task.call.call;
            let _ = self.engine.task_beat(ORGANIZATION, call, task.claim, None).await;
        }
        self.time.sleep(self.habit.pause_ms).await;
    }

    async fn report(&self, task: &Claimed, report: Report) {
        let (engine, claim) = (&self.engine, task.claim);
        let (run, call, attempt) =
            (task.task.call.run, task.task.call.call, task.task.call.attempt);
        let output = json!({"worker": self.name, "items": [1]});
        // Whether its output is to be found in the journal.
        let taken = match report {
            Report::Done => {
                engine.task_complete(ORGANIZATION, call, claim, output).await.map(|_| true)
            }
            Report::Wrong => {
                engine.task_complete(ORGANIZATION, call, claim, json!({})).await.map(|_| false)
            }
            Report::Failed(kind) => {
                let error = StepError::new(kind, "no luck");
                engine.task_fail(ORGANIZATION, call, claim, error).await.map(|()| false)
            }
            Report::GivenBack => {
                // Another one may report about the same attempt then.
                let _ = engine.task_release(ORGANIZATION, call, claim, String::new()).await;
                return;
            }
            Report::Never => return,
        };
        let Ok(has_output) = taken else { return };
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        if promised.reports.insert((run, call, attempt), self.name.clone()).is_some() {
            self.looker.broken("two reports about one attempt were taken");
        }
        if has_output {
            promised.outputs.push((run, self.name.clone()));
        }
    }
}

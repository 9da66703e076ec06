//! What people and other systems do: start runs, decide, stop and resume, send events, answer what is parked.

use super::world::{World, succeeded};
use crate::engine::StartRun;
use crate::store::{CallState, OutsideEvent, model::ORGANIZATION};
use serde_json::{Value, json};
use signalbox::{
    id::RunId,
    run::{Command, Decision},
    wire::ApprovalState,
};
use std::sync::{Arc, PoisonError};

/// Runs of one seed, at most.
const RUNS_MAX: usize = 6;

impl World {
    /// Something is asked of some server.
    pub(super) fn act(&mut self) {
        match self.dice.below(12) {
            0..=2 if self.count < RUNS_MAX => self.start_run(),
            3..=5 => self.decide(false),
            6 => self.send_event(),
            7 => self.command_some_run(),
            8 => self.answer_parked(),
            9 => self.reopen(),
            10 => self.go_elsewhere(),
            _ => self.work(),
        }
    }

    /// Nothing is held back any more.
    pub(super) fn help(&mut self, may_send: bool) {
        for _ in 0..4 {
            self.decide(true);
        }
        self.answer_parked();
        for _ in 0..2 {
            self.work();
        }
        let tables = self.database.committed();
        for (run, row) in &tables.runs {
            let is_held = ["Paused", "Blocked"].contains(&row.run.status.phase().as_str());
            if row.run.ended_at.is_none() && is_held {
                self.looker.say(|| format!("resume {run}: {:?}", row.run.status));
                self.tell(*run, Command::Resume { by: "Ada".into() });
            }
        }
        if may_send && !tables.waits.is_empty() && self.dice.percent(25) {
            self.send_event();
        }
    }

    pub(super) fn some_run(&mut self) -> Option<RunId> {
        let tables = self.database.committed();
        let open = tables.runs.values().filter(|row| row.run.ended_at.is_none());
        let open: Vec<RunId> = open.map(|row| row.run.id).collect();
        self.dice.pick(&open).copied()
    }

    fn start_run(&mut self) {
        // Sometimes the same again, as after an answer that got lost.
        let again = self.keys > 0 && self.dice.percent(25);
        let number = if again { self.dice.below(self.keys) } else { self.keys };
        self.keys = self.keys.max(number + 1);
        let key = format!("key {number}");
        let index = usize::try_from(number).unwrap_or(0) % self.workflows.len();
        let Some(workflow) = self.workflows.get(index).copied() else { return };
        let Some(server) = self.server() else { return };
        let (engine, promised, looker) =
            (server.engine.clone(), self.promised.clone(), self.looker.clone());
        self.count += usize::from(!again);
        let start = StartRun {
            input: json!({"items": [1, 2, 3]}),
            started_by: "test".into(),
            idempotency_key: Some(key.clone()),
            ..StartRun::default()
        };
        self.waiting_for(async move {
            let Ok(started) = engine.start_run(ORGANIZATION, workflow, 1, start).await else {
                return;
            };
            let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
            let first = *promised.runs.entry(key).or_insert(started.run);
            if first != started.run {
                looker.broken("one key gave two runs");
            }
        });
    }

    /// Asks something of a server; it may die over it, then nobody answers.
    pub(super) fn waiting_for(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let enough = self.time.sleep(120_000);
        self.waiting.push(tokio::spawn(async move {
            tokio::select! {
                biased;
                () = work => {}
                () = enough => {}
            }
        }));
    }

    fn decide(&mut self, approve: bool) {
        let tables = self.database.committed();
        let pending = tables.approvals.values().filter(|a| a.state == ApprovalState::Pending);
        let pending: Vec<_> = pending.cloned().collect();
        let Some(approval) = self.dice.pick(&pending).cloned() else { return };
        // Somebody edits it between the look and the decision.
        let mut edited = !approve && self.dice.percent(20);
        let approves = approve || self.dice.percent(70);
        let Some(server) = self.server() else { return };
        let engine = server.engine.clone();
        let (promised, looker) = (self.promised.clone(), self.looker.clone());
        let (id, revision) = (approval.request.id, approval.revision);
        if edited {
            edited = self.database.change(|tx| tx.approval_revise(id));
        }
        // What is prepared may be changed; the looker looks for it in the call.
        let changes = approval.request.title.starts_with("Before ") && self.dice.percent(30);
        let answer = match changes {
            true => json!({"note": format!("by Ada, at {id}")}),
            false => Value::Null,
        };
        let decision = match approves {
            true => Decision::Approve { answer },
            false => Decision::Reject { reason: String::new(), retry: false },
        };
        self.waiting_for(async move {
            let decided = engine.decide_approval(ORGANIZATION, id, revision, decision, "Ada").await;
            if decided.is_ok() {
                if edited {
                    looker.broken("what was edited meanwhile was decided");
                }
                let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
                if promised.decided.insert(id, approves).is_some() {
                    looker.broken("one request was decided twice");
                }
            }
        });
    }

    fn send_event(&mut self) {
        let key = format!("event {}", self.dice.below(12));
        let name = if self.dice.percent(25) { "left" } else { "reply" };
        let run = if self.dice.percent(30) { self.some_run() } else { None };
        let Some(server) = self.server() else { return };
        let (engine, promised, looker) =
            (server.engine.clone(), self.promised.clone(), self.looker.clone());
        let key = match self.promised().events.len() {
            // In the calm every event is a new one.
            count if count > 8 => format!("late {count} {key}"),
            _ => key,
        };
        let event = OutsideEvent {
            name: name.into(),
            contact: None,
            run,
            source_key: Some(key.clone()),
            payload: json!({}),
        };
        self.waiting_for(async move {
            if let Ok(Some(number)) = engine.outside_event(ORGANIZATION, event).await {
                let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
                if promised.events.insert(key, number).is_some() {
                    looker.broken("one event was recorded twice");
                }
            }
        });
    }

    fn command_some_run(&mut self) {
        let Some(run) = self.some_run() else { return };
        let command = match self.dice.below(5) {
            0 => Command::Pause { by: "Ada".into() },
            1 | 2 => Command::Resume { by: "Ada".into() },
            3 => Command::Continue,
            _ => Command::Stop { reason: String::new(), by: "Ada".into(), replaced_by: None },
        };
        self.tell(run, command);
    }

    pub(super) fn tell(&mut self, run: RunId, command: Command) {
        let Some(server) = self.server() else { return };
        let (engine, promised) = (server.engine.clone(), self.promised.clone());
        self.waiting_for(async move {
            if let Ok(outcome) = engine.command(ORGANIZATION, run, command).await {
                let mut promised = promised.lock().unwrap_or_else(PoisonError::into_inner);
                promised.told.push((run, outcome.seq));
            }
        });
    }

    /// As the send gate does with what it holds.
    fn answer_parked(&mut self) {
        let tables = self.database.committed();
        let parked = tables.calls.values().filter(|row| row.state == CallState::Parked);
        let parked: Vec<_> = parked.map(|row| Arc::clone(&row.call)).collect();
        let Some(call) = self.dice.pick(&parked).cloned() else { return };
        self.tell(call.run, succeeded(call.call, call.attempt, json!({"items": [1]})));
    }
}

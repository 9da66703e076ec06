//! A private engine for one run: it is moved on through time until the run ends or nothing more can happen.

use super::{
    Plan,
    agenda::Due,
    people::{self, Approve},
    player::Scene,
    report::{Ending, Report},
    setup,
};
use crate::{
    cli::CommandError,
    engine::{Clock, Committed, EngineError, EngineHandle, VirtualClock},
    gate::Gate,
    http::views,
    store::{self, DueTimer, OutsideEvent, Store},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use signalbox::{
    graph::Graph,
    id::{ApprovalId, OrganizationId, RunId},
    run::{Command, OutsideFact, RunPhase, TimerPurpose, heard},
};
use std::{collections::HashSet, process::ExitCode, sync::Arc};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Moments of one run after which it is given up.
const MOMENTS_MAX: usize = 200_000;
/// Timers that are looked at.
const TIMERS_MAX: u32 = 1_000;
/// As people read who started and decided.
pub(super) const BY: &str = "the command line";

/// A run in its own engine.
pub(super) struct Room {
    pub engine: EngineHandle,
    pub gate: Gate,
    pub clock: Arc<dyn Clock>,
    /// Set when waits cost no time.
    pub virtual_clock: Option<VirtualClock>,
    pub scene: Scene,
    pub organization: OrganizationId,
    pub run: RunId,
    pub approve: Approve,
    pub graph: Arc<Graph>,
    /// Approvals that were put before whoever decides.
    pub asked: HashSet<(ApprovalId, u32)>,
}

type Commits = Receiver<Arc<Committed>>;

/// Plays the plan; the exit code says how it ended.
pub(super) async fn play(plan: Plan) -> Result<ExitCode, CommandError> {
    let store = Store::in_memory().await?;
    let played = play_in(&store, &plan).await;
    store.close().await;
    played
}

async fn play_in(store: &Store, plan: &Plan) -> Result<ExitCode, CommandError> {
    let mut room = setup::open(store, plan).await?;
    let mut report = Report::new(store.clone(), room.organization, room.run, plan);
    let ending = room.play(&mut report).await;
    room.engine.shutdown().await;
    report.finish(plan, &room.scene, ending?)
}

impl Room {
    /// Moves the run on until it ends or nothing more can happen.
    async fn play(&mut self, report: &mut Report) -> Result<Ending, CommandError> {
        let mut commits = self.engine.subscribe();
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        for _ in 0..MOMENTS_MAX {
            let is_quiet = tokio::select! {
                biased;
                // First, so that it is listened for before anything is printed.
                _ = &mut interrupt => return self.ending(Some("it was interrupted")).await,
                () = committed(&mut commits) => false,
                () = self.engine.settled() => true,
            };
            report.catch_up().await?;
            if report.state.end.is_some() {
                return self.ending(None).await;
            }
            // In real time a call may take long: people and messages do not wait for it.
            if !is_quiet && self.virtual_clock.is_some() {
                continue;
            }
            if self.gate.step().await? > 0 {
                continue;
            }
            let asked = tokio::select! {
                asked = self.ask_people() => asked?,
                _ = &mut interrupt => return self.ending(Some("it was interrupted")).await,
            };
            if asked || !is_quiet {
                continue;
            }
            let next = tokio::select! {
                next = self.next_moment(&mut commits) => next?,
                _ = &mut interrupt => return self.ending(Some("it was interrupted")).await,
            };
            if let Some(reason) = next {
                report.catch_up().await?;
                if report.state.end.is_none() {
                    return self.ending(Some(reason)).await;
                }
            }
        }
        self.ending(Some("it goes on and on")).await
    }

    async fn ending(&self, left: Option<&str>) -> Result<Ending, CommandError> {
        let open = match left {
            Some(_) => self.open_approvals().await?,
            None => Vec::new(),
        };
        Ok(Ending {
            left: left.map(str::to_owned),
            open: open.into_iter().map(|(pending, _)| pending).collect(),
            sent: self.sent().await?,
            now: self.clock.now(),
        })
    }

    /// Waits for the next thing to come, or says why nothing will.
    async fn next_moment(
        &self,
        commits: &mut Commits,
    ) -> Result<Option<&'static str>, CommandError> {
        let store = self.engine.store();
        let on_agenda = self.scene.props().agenda.next_at();
        let timers = store::timers_due(store, DateTime::<Utc>::MAX_UTC, TIMERS_MAX).await?;
        let at_gate = self.gate.next_due().await?;
        let next = timers.first().map(|timer| timer.due_at).into_iter();
        let next = next.chain(on_agenda).chain(at_gate).min();
        let is_expiry =
            |timer: &DueTimer| matches!(timer.timer.parts(), Some((_, TimerPurpose::Expiry)));
        let phase = store::run_fetch(store, self.organization, self.run).await?.status.phase();
        // Of what is left only decisions could change anything, and nobody comes to decide. Nobody sits through a
        // real expiry either.
        let nobody_decides = match self.approve {
            Approve::None => true,
            Approve::Ask => self.virtual_clock.is_none(),
            Approve::All => false,
        };
        let is_left_alone = phase == RunPhase::AwaitingInput
            && nobody_decides
            && on_agenda.is_none()
            && timers.iter().all(is_expiry);
        match (next, phase) {
            (Some(next), _) if !is_left_alone => {
                self.advance(next, commits).await?;
                Ok(None)
            }
            (_, RunPhase::AwaitingInput) => Ok(Some("it waits for a decision")),
            (_, RunPhase::Blocked) => Ok(Some("it needs an intervention")),
            (_, RunPhase::StandBy) => Ok(Some("it waits for something that never comes")),
            _ => Ok(Some("nothing is left that could happen")),
        }
    }

    /// Lets time pass until then, and happen what is due.
    async fn advance(&self, at: DateTime<Utc>, commits: &mut Commits) -> Result<(), CommandError> {
        match &self.virtual_clock {
            Some(clock) => clock.advance_to(at),
            None => tokio::select! {
                () = self.clock.sleep_until(at) => {}
                () = committed(commits) => return Ok(()),
            },
        }
        self.carry_out_due().await?;
        if self.virtual_clock.is_some() {
            self.engine.fire_due().await.map_err(broken)?;
        }
        Ok(())
    }

    async fn carry_out_due(&self) -> Result<(), CommandError> {
        loop {
            let due = self.scene.props().agenda.pop(self.clock.now());
            match due {
                Some(due) => self.carry_out(due).await?,
                None => return Ok(()),
            }
        }
    }

    async fn carry_out(&self, due: Due) -> Result<(), CommandError> {
        match due {
            // A refusal is what the server would see too: an answer that comes too late.
            Due::Answer(command) => self.tell(command).await,
            Due::Decision(approval, revision, decision) => {
                self.decide(approval, revision, decision).await
            }
            Due::Fact(OutsideFact { name, payload, .. }) => {
                self.tell_of_message(&name, &payload).await?;
                let event = OutsideEvent {
                    name,
                    contact: None,
                    run: Some(self.run),
                    source_key: None,
                    payload,
                };
                self.engine.outside_event(self.organization, event).await.map_err(broken)?;
                Ok(())
            }
        }
    }

    /// What happens to a message of the run reaches it as it would through the gate, whether or not it waits.
    async fn tell_of_message(&self, name: &str, payload: &Value) -> Result<(), CommandError> {
        let Some((_, signal)) = heard::word(name) else { return Ok(()) };
        let store = self.engine.store();
        let state = views::run_state(store, self.organization, self.run).await?;
        let Some(message) = heard::message(&state, payload) else { return Ok(()) };
        let (signal, payload) = (signal.to_owned(), payload.clone());
        self.tell(Command::Signal { message, signal, payload }).await
    }

    async fn tell(&self, command: Command) -> Result<(), CommandError> {
        match self.engine.command(self.organization, self.run, command).await {
            Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(broken(error)),
        }
    }

    /// Puts new approvals before whoever decides. True when one was decided.
    async fn ask_people(&mut self) -> Result<bool, CommandError> {
        let mut decided = false;
        for (pending, node) in self.open_approvals().await? {
            if !self.asked.insert((pending.id, pending.revision)) {
                continue;
            }
            let node = node.and_then(|node| self.graph.node(&node.as_str().into()));
            let now = self.clock.now();
            let decision = people::decide(self.approve, &self.scene, node, &pending, now).await;
            if let Some((after_ms, decision)) = decision {
                let due = Due::Decision(pending.id, pending.revision, decision);
                self.scene.props().agenda.put(now, after_ms, due);
                decided |= after_ms == 0;
            }
        }
        if decided {
            self.carry_out_due().await?;
        }
        Ok(decided)
    }
}

/// Waits for a commit.
async fn committed(commits: &mut Commits) {
    match commits.recv().await {
        // The journal is read, so it does not matter what was missed.
        Ok(_) | Err(RecvError::Lagged(_)) => {}
        Err(RecvError::Closed) => std::future::pending().await,
    }
}

pub(super) fn broken(error: EngineError) -> CommandError {
    CommandError::new(format!("the run cannot go on: {error}"))
}

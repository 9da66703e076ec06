//! A private engine for one run: it is started, moved on through time, and taken down again.

use super::{
    Plan,
    agenda::Due,
    people::{self, Approve, Pending},
    player::{Parked, Player, Scene},
    report::{Ending, Report},
};
use crate::{
    cli::CommandError,
    engine::{
        Clock, Engine, EngineConfig, EngineError, EngineHandle, StartRun, SystemClock, Timekeeping,
        VirtualClock,
    },
    store::{self, NewVersion, NewWorkflow, OutsideEvent, Store, StoreError},
};
use chrono::{DateTime, SubsecRound, Utc};
use futures::FutureExt;
use signalbox::{
    id::{ApprovalId, OrganizationId, RunId, WorkflowId},
    run::{
        Command, Decision, OutsideFact, RunPhase, TimerPurpose, World,
        world::{Stage, StubbedTools},
    },
};
use std::{collections::HashSet, process::ExitCode, sync::Arc};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use uuid::Uuid;

/// Moments of one run after which it is given up.
const MOMENTS_MAX: usize = 200_000;
/// As people read who decided.
const BY: &str = "the command line";

/// A run in its own engine.
struct Room {
    engine: EngineHandle,
    clock: Arc<dyn Clock>,
    /// Set when waits cost no time.
    virtual_clock: Option<VirtualClock>,
    scene: Scene,
    organization: OrganizationId,
    run: RunId,
    approve: Approve,
    graph: Arc<signalbox::graph::Graph>,
    /// Approvals that were put before whoever decides.
    asked: HashSet<(ApprovalId, u32)>,
}

/// Plays the plan; the exit code says how it ended.
pub async fn play(plan: Plan) -> Result<ExitCode, CommandError> {
    let store = Store::in_memory().await?;
    let played = play_in(&store, &plan).await;
    store.close().await;
    played
}

async fn play_in(store: &Store, plan: &Plan) -> Result<ExitCode, CommandError> {
    let mut room = Room::open(store, plan).await?;
    let mut report = Report::new(store.clone(), room.organization, room.run, plan);
    let ending = room.play(&mut report).await;
    room.engine.shutdown().await;
    report.finish(plan, &room.scene, ending?)
}

impl Room {
    async fn open(store: &Store, plan: &Plan) -> Result<Self, CommandError> {
        let begins = match plan.has_world {
            true => plan.scenario.begins_at(),
            false => Utc::now().trunc_subsecs(3),
        };
        let virtual_clock = plan.virtual_time.then(|| VirtualClock::at(begins));
        let clock: Arc<dyn Clock> = match &virtual_clock {
            Some(clock) => Arc::new(clock.clone()),
            None => Arc::new(SystemClock),
        };
        let scene = Scene::new(Stage::new(&plan.world, &plan.scenario));
        let graph = Arc::new(plan.imported.graph.clone());
        let player = Player {
            scene: scene.clone(),
            graph: graph.clone(),
            clock: clock.clone(),
            virtual_time: plan.virtual_time,
        };
        let config = EngineConfig {
            timekeeping: match plan.virtual_time {
                true => Timekeeping::Driven,
                false => Timekeeping::Automatic,
            },
            tools: Arc::new(StubbedTools),
            ..EngineConfig::default()
        };
        let engine = Engine::start(store.clone(), Arc::new(player), clock.clone(), config);
        let organization = OrganizationId(Uuid::now_v7());
        let run = start(&engine, organization, plan, clock.now()).await?;
        let now = clock.now();
        {
            let mut props = scene.props();
            for fact in props.stage.facts() {
                props.agenda.put(now, fact.after_ms, Due::Fact(fact));
            }
        }
        let (approve, asked) = (plan.approve, HashSet::new());
        Ok(Self { engine, clock, virtual_clock, scene, organization, run, approve, graph, asked })
    }

    /// Moves the run on until it ends or nothing more can happen.
    async fn play(&mut self, report: &mut Report) -> Result<Ending, CommandError> {
        let mut commits = self.engine.subscribe();
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        for _ in 0..MOMENTS_MAX {
            // In real time a call may take long: what happened before it is shown meanwhile.
            let is_quiet = tokio::select! {
                biased;
                () = committed(&mut commits) => false,
                () = self.engine.settled() => true,
                _ = &mut interrupt => return self.ending(Some("it was interrupted")).await,
            };
            report.catch_up().await?;
            if report.state.end.is_some() {
                return self.ending(None).await;
            }
            if !is_quiet {
                continue;
            }
            let asking = self.ask_people();
            let asked = tokio::select! {
                asked = asking => asked?,
                _ = &mut interrupt => return self.ending(Some("it was interrupted")).await,
            };
            if !asked && let Some(reason) = self.next_moment(&mut commits).await? {
                report.catch_up().await?;
                if report.state.end.is_none() {
                    return self.ending(Some(reason)).await;
                }
            }
        }
        self.ending(Some("it goes on and on")).await
    }

    async fn ending(&self, left: Option<&str>) -> Result<Ending, CommandError> {
        let open = self.open_approvals().await?.into_iter().map(|(pending, _)| pending).collect();
        Ok(Ending { left: left.map(str::to_owned), open, now: self.clock.now() })
    }

    /// Waits for the next thing to come, or says why nothing will.
    async fn next_moment(
        &mut self,
        commits: &mut Receiver<Arc<crate::engine::Committed>>,
    ) -> Result<Option<&'static str>, CommandError> {
        let on_agenda = self.scene.props().agenda.next_at();
        let timers =
            store::timers_due(self.engine.store(), DateTime::<Utc>::MAX_UTC, 1_000).await?;
        let is_expiry = |timer: &store::DueTimer| {
            matches!(timer.timer.parts(), Some((_, TimerPurpose::Expiry)))
        };
        let nobody_comes = on_agenda.is_none() && timers.iter().all(is_expiry);
        if nobody_comes {
            let row = store::run_fetch(self.engine.store(), self.organization, self.run).await?;
            return Ok(match row.status.phase() {
                RunPhase::AwaitingInput if self.approve != Approve::None && !timers.is_empty() => {
                    self.advance(timers[0].due_at, commits).await?; // nobody decided: it expires
                    None
                }
                RunPhase::AwaitingInput => Some("it waits for a decision"),
                RunPhase::Blocked => Some("it needs an intervention"),
                RunPhase::StandBy => Some("it waits for something that never comes"),
                _ => Some("nothing is left that could happen"),
            });
        }
        let next = timers.first().map(|timer| timer.due_at).into_iter().chain(on_agenda).min();
        if let Some(next) = next {
            self.advance(next, commits).await?;
        }
        Ok(None)
    }

    /// Lets time pass until then, and happen what is due.
    async fn advance(
        &mut self,
        at: DateTime<Utc>,
        commits: &mut Receiver<Arc<crate::engine::Committed>>,
    ) -> Result<(), CommandError> {
        match &self.virtual_clock {
            Some(clock) => clock.advance_to(at),
            None => tokio::select! {
                () = self.clock.sleep_until(at) => {}
                () = committed(commits) => return Ok(()),
            },
        }
        loop {
            let due = self.scene.props().agenda.pop(self.clock.now());
            match due {
                Some(due) => self.carry_out(due).await?,
                None => break,
            }
        }
        if self.virtual_clock.is_some() {
            self.engine.fire_due().await.map_err(broken)?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, due: Due) -> Result<(), CommandError> {
        match due {
            Due::Answer(command) => self.tell(command).await,
            Due::Decision(approval, revision, decision) => {
                self.decide(approval, revision, decision).await
            }
            Due::Fact(OutsideFact { name, payload, .. }) => {
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

    /// A refusal is what the server would see too: an answer that comes too late.
    async fn tell(&self, command: Command) -> Result<(), CommandError> {
        match self.engine.command(self.organization, self.run, command).await {
            Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(broken(error)),
        }
    }

    /// Approvals that wait, with the step that asked.
    async fn open_approvals(&self) -> Result<Vec<(Pending, Option<String>)>, CommandError> {
        let rows = self.engine.approvals_open(self.organization, self.run).await.map_err(broken)?;
        let of_rows = rows.into_iter().map(|row| {
            let request = signalbox::run::ApprovalRequest {
                kind: row.request.kind,
                title: row.request.title,
                prompt: row.request.prompt,
                subject: row.request.subject,
                form: row.request.form,
                expires_at: row.request.expires_at,
            };
            let pending = Pending { id: row.request.id, revision: row.revision, request };
            (pending, row.request.node.map(|node| node.0))
        });
        let mut open: Vec<_> = of_rows.collect();
        let props = self.scene.props();
        open.extend(props.parked.iter().map(|(id, parked)| {
            let request = parked.request.clone();
            (Pending { id: *id, revision: 1, request }, Some(parked.node.0.clone()))
        }));
        Ok(open)
    }

    /// Puts new approvals before whoever decides. True when a decision was put on the agenda.
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
            let now = self.clock.now();
            while let Some(due) = { self.scene.props().agenda.pop(now) } {
                self.carry_out(due).await?;
            }
        }
        Ok(decided)
    }

    async fn decide(
        &mut self,
        approval: ApprovalId,
        revision: u32,
        decision: Decision,
    ) -> Result<(), CommandError> {
        let parked = self.scene.props().parked.remove(&approval);
        let Some(Parked { call, attempt, request, output, .. }) = parked else {
            let decided =
                self.engine.decide_approval(self.organization, approval, revision, decision, BY);
            return match decided.await {
                // Decided or expired meanwhile.
                Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
                Err(EngineError::Store(StoreError::Conflict { .. })) => Ok(()),
                Err(error) => Err(broken(error)),
            };
        };
        self.scene.props().stage.messages.push((request.subject, Some(decision.clone())));
        let leaves = matches!(decision, Decision::Approve { .. });
        self.tell(Command::DecideApproval { approval, decision, by: BY.to_owned() }).await?;
        if leaves {
            self.tell(Command::CallSucceeded { call, attempt, output, usage: None }).await?;
        }
        Ok(())
    }
}

/// Waits for a commit.
async fn committed(commits: &mut Receiver<Arc<crate::engine::Committed>>) {
    match commits.recv().await {
        // The journal is read, so it does not matter what was missed.
        Ok(_) | Err(RecvError::Lagged(_)) => {}
        Err(RecvError::Closed) => std::future::pending().await,
    }
}

async fn start(
    engine: &EngineHandle,
    organization: OrganizationId,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Result<RunId, CommandError> {
    let id = WorkflowId(Uuid::now_v7());
    let (name, graph) = (plan.imported.name.clone(), plan.imported.graph.clone());
    let by = BY.to_owned();
    let version = engine.store().write(move |tx| {
        async move {
            let description = String::new();
            let draft = graph.clone();
            let created_by = by.clone();
            let new = NewWorkflow { organization, id, name, description, draft, created_by };
            store::workflow_create(tx, &new, now).await?;
            let note = String::new();
            let version = NewVersion {
                organization,
                workflow: id,
                draft_rev: 1,
                graph,
                note,
                published_by: by,
            };
            store::version_publish(tx, &version, now).await
        }
        .boxed()
    });
    let version = version.await?;
    let scenario = &plan.scenario;
    let start = StartRun {
        input: scenario.input.clone(),
        contacts: scenario.run_contacts.clone(),
        thread_id: scenario.thread_id.clone(),
        started_by: BY.to_owned(),
        idempotency_key: None,
    };
    let started = engine.start_run(organization, id, version, start).await;
    Ok(started.map_err(broken)?.run)
}

fn broken(error: EngineError) -> CommandError {
    CommandError::new(format!("the run cannot go on: {error}"))
}

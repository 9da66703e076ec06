//! The world of a seed: servers that come and go, calls that are answered somehow, clocks that jump.

use super::{Dice, Story, Verdict, clock::SimClock, graphs, looker::Looker, queues};
use crate::engine::{CallContext, CallExecutor, CallOutcome, Engine, EngineConfig, EngineHandle};
use crate::store::model::{self, Chance, Database, Node, Time};
use futures::{FutureExt, future::BoxFuture};
use serde_json::json;
use signalbox::{
    id::{ApprovalId, CallId, RunId, WorkflowId},
    run::{CallRequest, Command, ErrorKind, StepError},
};
use std::{
    collections::BTreeMap,
    hash::Hasher,
    sync::{Arc, Mutex, PoisonError},
};

/// Servers at once, at most.
const SERVERS_MAX: u64 = 4;
/// Of the calm: in them no new event wakes anybody, so that one that was forgotten shows. 80 seconds.
const QUIET_ROUNDS: u32 = 60;
const HOUR_MS: i64 = 3_600_000;

/// What was answered to somebody, and must hold for ever.
#[derive(Default)]
pub(super) struct Promised {
    /// Runs by their key.
    pub runs: BTreeMap<String, RunId>,
    /// Whether it was approved.
    pub decided: BTreeMap<ApprovalId, bool>,
    /// Runs and event numbers.
    pub told: Vec<(RunId, u64)>,
    /// Outside events by their key.
    pub events: BTreeMap<String, i64>,
    /// Workers by the attempts of tasks that they reported about.
    pub reports: BTreeMap<(RunId, CallId, u32), String>,
    /// Runs, and workers whose output was taken.
    pub outputs: Vec<(RunId, String)>,
    /// Runs that went on in a version, with the event number after it.
    pub moved: Vec<(RunId, u64, u32)>,
}

pub(super) struct Server {
    pub node: Node,
    pub engine: EngineHandle,
    pub clock: SimClock,
    /// It stands still until then.
    pub still_until_ms: Option<u64>,
}

pub(super) struct World {
    pub dice: Dice,
    pub database: Arc<Database>,
    pub looker: Arc<Looker>,
    pub promised: Arc<Mutex<Promised>>,
    pub servers: Vec<Server>,
    pub shared: bool,
    pub workflows: Vec<WorkflowId>,
    pub count: usize,
    pub keys: u64,
    pub forks: u64,
    pub workers: u64,
    /// Commands that people gave and that are not answered.
    pub waiting: Vec<tokio::task::JoinHandle<()>>,
    pub time: Time,
    /// Nothing goes wrong any more.
    pub is_calm: bool,
    /// Nothing strikes from outside.
    is_quiet: bool,
    steps: u64,
    numbers: usize,
    outcomes: Arc<Outcomes>,
}

impl World {
    pub(super) async fn play(story: Story, time: Time) -> Verdict {
        let looker = Arc::new(Looker::default());
        if std::env::var_os("SIGNALBOX_SEED").is_some() {
            looker.tell_story();
        }
        let mut world = Self::new(story, looker.clone(), time);
        world.tumult().await;
        world.settle().await;
        world.end_checks();
        world.recover_again().await;
        let runs = world.promised().runs.len();
        let mut seen = looker.seen();
        let broken = std::mem::take(&mut seen.broken);
        Verdict {
            broken,
            trace: seen.trace.finish(),
            commits: seen.commits,
            runs,
            deaths: seen.deaths,
            steps: world.steps,
        }
    }

    fn new(story: Story, looker: Arc<Looker>, time: Time) -> Self {
        let mut dice = Dice(story.seed);
        let inner = WorkflowId(uuid::Uuid::from_u128(100));
        let mut graphs = vec![(inner, vec![graphs::random(&mut dice, false)])];
        let mut later = Dice(!story.seed); // of their own, so that these do not change what else is drawn
        for number in 0..1 + dice.below(3) {
            let id = WorkflowId(uuid::Uuid::from_u128(200 + u128::from(number)));
            let first = graphs::random(&mut dice, true);
            let second = graphs::newer(&mut later, &first);
            graphs.push((id, vec![first, second]));
        }
        let workflows = graphs.iter().skip(1).map(|(id, _)| *id).collect();
        let rough = dice.below(4);
        let mut chance = Chance {
            state: dice.next(),
            dies: [0, 3, 8, 20][rough as usize],
            fails: [0, 5, 0, 20][dice.below(4) as usize],
            unknown: [0, 10, 0, 40][dice.below(4) as usize],
            slow: 300,
            steps: 0,
            dies_at: story.dies_at,
        };
        if story.dies_at.is_some() {
            (chance.dies, chance.fails, chance.unknown) = (0, 0, 0);
        }
        let shared = dice.percent(70);
        let mut apart = Dice(story.seed.rotate_left(32)); // of their own, as `later`
        let narrow = queues::Narrow::draw(&mut apart, &mut graphs, shared);
        looker.say(|| queues::story(narrow));
        looker.know(&graphs);
        let database =
            model::open(graphs, shared, chance, story.wrong, looker.clone(), time.clone());
        let outcomes = Arc::new(Outcomes {
            dice: Mutex::new(Dice(dice.next())),
            looker: looker.clone(),
            time: time.clone(),
            calm: std::sync::atomic::AtomicBool::new(false),
            narrow,
            in_queue: queues::InQueue::default(),
        });
        Self {
            dice,
            database,
            looker,
            promised: Arc::default(),
            servers: Vec::new(),
            shared,
            workflows,
            count: 0,
            keys: 0,
            forks: 0,
            workers: 0,
            waiting: Vec::new(),
            time,
            is_calm: false,
            is_quiet: story.dies_at.is_some(),
            steps: 0,
            numbers: 0,
            outcomes,
        }
    }

    pub(super) fn promised(&self) -> std::sync::MutexGuard<'_, Promised> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another server begins.
    pub(super) fn start_server(&mut self, wrong_ms: i64) {
        let (node, store) = self.database.node(self.numbers);
        self.looker.say(|| format!("server {} begins, its clock {wrong_ms} ms off", self.numbers));
        self.numbers += 1;
        let clock = SimClock::new(self.time.clone(), wrong_ms);
        let calls = 1 + self.dice.below(4) as usize;
        let config = EngineConfig {
            calls_max: calls,
            calls_per_organization_max: calls,
            calls_queued_max: 1 + self.dice.below(4) as usize,
            call_timeout_ms: 20_000,
            cells_max: 2 + self.dice.below(6) as usize,
            organizations: Arc::new(queues::Limits(self.outcomes.narrow)),
            ..EngineConfig::default()
        };
        let executor = Outside { outcomes: self.outcomes.clone(), node: node.clone() };
        let engine = Engine::start(store, Arc::new(executor), Arc::new(clock.clone()), config);
        self.servers.push(Server { node, engine, clock, still_until_ms: None });
    }

    /// Servers that chance killed are gone; those that stood still long enough go on.
    pub(super) fn bury(&mut self) {
        let now_ms = self.time.now_ms();
        self.servers.retain_mut(|server| {
            if server.node.is_dead() {
                server.engine.inner.stop.cancel();
                return false;
            }
            if server.still_until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
                server.still_until_ms = None;
                server.node.stand_still(false);
            }
            true
        });
    }

    /// All servers are gone.
    pub(super) fn end_servers(&mut self) {
        for server in self.servers.drain(..) {
            server.node.die();
            server.engine.inner.stop.cancel();
        }
    }

    /// A server that answers.
    pub(super) fn server(&mut self) -> Option<&Server> {
        let index = self.dice.below(self.servers.len() as u64);
        self.servers.get(usize::try_from(index).unwrap_or(0)).filter(|s| !s.node.is_dead())
    }

    /// Everything goes wrong.
    async fn tumult(&mut self) {
        self.start_server(0);
        for _ in 0..20 + self.dice.below(40) {
            let pause_ms = match self.dice.below(20) {
                0 => 25_000,
                1..=3 => 2_000,
                _ => self.dice.below(400),
            };
            self.time.sleep(pause_ms).await;
            self.bury();
            let may_start = self.servers.is_empty() || self.shared && self.dice.percent(6);
            if may_start && (self.servers.len() as u64) < SERVERS_MAX && self.dice.percent(70) {
                let wrong_ms = if self.dice.percent(10) { HOUR_MS } else { 0 };
                self.start_server(wrong_ms);
            }
            if !self.is_quiet {
                self.strike();
            }
            self.act();
        }
    }

    /// What strikes from outside: kills, standstills, clocks.
    fn strike(&mut self) {
        let (what, index) = (self.dice.below(60), self.dice.next() as usize);
        let (count, now_ms) = (self.servers.len(), self.time.now_ms());
        let Some(server) = self.servers.get_mut(index % count.max(1)) else { return };
        match what {
            0 | 1 => {
                self.looker.say(|| "a server is killed".into());
                server.node.die();
            }
            2 | 3 => {
                self.looker.say(|| "a server stands still".into());
                let ms = [500, 5_000, 30_000][index % 3];
                server.still_until_ms = Some(now_ms + ms);
                server.node.stand_still(true);
            }
            4 => server.clock.set_wrong([HOUR_MS, -HOUR_MS, 0][index % 3]),
            5 => {
                self.looker.say(|| "a server cannot renew its lease".into());
                server.node.cut_off([10_000, 30_000, 60_000][index % 3]);
            }
            _ => {}
        }
    }

    /// Nothing strikes any more: what is left must come to its end.
    async fn settle(&mut self) {
        self.steps = self.database.calm();
        self.is_calm = true;
        self.outcomes.calm.store(true, std::sync::atomic::Ordering::SeqCst);
        self.looker.say(|| "from here on it is calm".into());
        let mut untold = Vec::new();
        for round in 0..400 {
            let pause_ms = if round < 40 { 500 } else { 3_000 };
            self.calm_servers();
            self.time.sleep(pause_ms).await;
            if self.is_over() {
                return;
            }
            let quiet = round < QUIET_ROUNDS;
            // One that came a moment ago, or to a wait that began a moment ago, is on its way.
            if round <= QUIET_ROUNDS {
                let now = self.database.committed().deliveries(None, u32::MAX);
                match round {
                    0 => untold = now,
                    _ => untold.retain(|delivery| now.contains(delivery)),
                }
            }
            if round == QUIET_ROUNDS && !untold.is_empty() {
                self.looker.say(|| format!("not told: {untold:?}"));
                self.looker.broken("an event was not told within a minute");
            }
            self.help(!quiet);
        }
        self.looker.broken("after 19 minutes of calm there are runs that did not end");
        self.tell_left();
    }

    /// Whoever is left works undisturbed. Somebody may still die who was struck before.
    fn calm_servers(&mut self) {
        self.bury();
        if self.servers.is_empty() {
            self.start_server(0);
        }
        for server in &mut self.servers {
            server.still_until_ms = None;
            server.node.stand_still(false);
            server.node.cut_off(0);
            // Whatever clocks were set to, every timer is due by now.
            server.clock.set_wrong(2 * HOUR_MS);
        }
    }

    fn tell_left(&self) {
        let tables = self.database.committed();
        for (run, row) in tables.runs.iter().filter(|(_, row)| row.run.ended_at.is_none()) {
            let (status, waits) = (&row.run.status, tables.waits_for(*run));
            self.looker.say(|| format!("left: {run} {status:?} due {} has {waits:?}", row.due));
        }
    }

    fn is_over(&mut self) -> bool {
        self.waiting.retain(|task| !task.is_finished());
        let tables = self.database.committed();
        self.waiting.is_empty() && tables.runs.values().all(|row| row.run.ended_at.is_some())
    }
}

/// What comes of calls, by a seed.
pub(super) struct Outcomes {
    dice: Mutex<Dice>,
    looker: Arc<Looker>,
    time: Time,
    calm: std::sync::atomic::AtomicBool,
    narrow: Option<queues::Narrow>,
    in_queue: queues::InQueue,
}

/// The outside as one server sees it.
struct Outside {
    outcomes: Arc<Outcomes>,
    node: Node,
}

impl CallExecutor for Outside {
    fn execute(&self, context: CallContext, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        self.answer(context, request).boxed()
    }
}

impl Outside {
    fn enter_queue(&self, context: &CallContext) -> Option<queues::Entered> {
        let Outcomes { narrow, in_queue, looker, time, .. } = &*self.outcomes;
        let now_ms = i64::try_from(time.now_ms()).unwrap_or(i64::MAX);
        let (entered, broken) = in_queue.enter((*narrow)?, (context, &self.node), now_ms);
        broken.into_iter().for_each(|broken| looker.broken(broken));
        Some(entered)
    }

    async fn answer(&self, context: CallContext, request: CallRequest) -> CallOutcome {
        if self.node.is_dead() {
            return std::future::pending().await;
        }
        self.outcomes.looker.made(&context, &request);
        let _in_queue = self.enter_queue(&context);
        let (delay_ms, what, calm) = {
            let mut dice = self.outcomes.dice.lock().unwrap_or_else(PoisonError::into_inner);
            let delay_ms = [0, 5, 300, 4_000][dice.below(4) as usize];
            let calm = self.outcomes.calm.load(std::sync::atomic::Ordering::SeqCst);
            (delay_ms, dice.below(20), calm)
        };
        self.outcomes.time.sleep(delay_ms).await;
        let (call, attempt) = (context.call, context.attempt);
        let output = json!({"call": call, "items": [1, 2]});
        match what {
            0 | 1 => failed(ErrorKind::Timeout),
            2 => failed(ErrorKind::InvalidInput),
            // It never answers.
            3 if !calm => std::future::pending().await,
            // It answers twice, once past the engine.
            4 => {
                let command = succeeded(call, attempt, output.clone());
                let told = context.engine.command(context.organization, context.run, command);
                let _ = told.await;
                CallOutcome::Succeeded { output, usage: None }
            }
            // Somebody else will tell the run.
            5 => {
                let approval = ApprovalId(uuid::Uuid::from_u128(call.0.as_u128() ^ 1));
                let summary = String::new();
                let command = Command::CallParked { call, approval, message: None, summary };
                match context.engine.command(context.organization, context.run, command).await {
                    Ok(_) => CallOutcome::Parked,
                    Err(_) => failed(ErrorKind::ExecutorError),
                }
            }
            _ => CallOutcome::Succeeded { output, usage: None },
        }
    }
}

pub(super) fn succeeded(call: CallId, attempt: u32, output: serde_json::Value) -> Command {
    Command::CallSucceeded { call, attempt, output, usage: None }
}

fn failed(kind: ErrorKind) -> CallOutcome {
    CallOutcome::Failed { error: StepError::new(kind, "no luck"), retry_after_ms: None }
}

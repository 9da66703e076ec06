//! A server's handle on the model: its lease, its commits, and the faults that strike it.

use super::super::{
    FeedEntry, Inner, Pool, Store, StoreError, StoreResult, Tx, Version, VersionSummary, Writer,
};
use super::claims::Taker;
use super::tables::{ModelTx, Tables};
use super::{Database, Time, Wrong};
use chrono::DateTime;
use futures::future::BoxFuture;
use signalbox::{graph::Graph, id::WorkflowId};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};
use tokio::sync::{Notify, broadcast, watch};

/// As `postgres::lease` has them.
const RENEW_EVERY_MS: u64 = 5_000;
const TTL_MS: i64 = 20_000;
const HOLD_MS: u64 = 12_000;
/// How long after its end what a process sent may still be committed.
const UNDER_WAY_MAX_MS: u64 = 3_000;

/// Looks at what happens in the model.
pub(crate) trait Watcher: Send + Sync {
    /// A commit: what was, and what is now.
    fn committed(&self, before: &Tables, after: &Tables, now_ms: i64);
    /// A node died of chance.
    fn died(&self, node: usize);
}

/// Where faults strike, from a seed. The shares are in a thousand.
pub(crate) struct Chance {
    pub state: u64,
    /// Of the steps towards the database: the process dies.
    pub dies: u64,
    /// Of them: the database says that it is not available, and nothing happened.
    pub fails: u64,
    /// Of the commits: they happen, and are said not to have.
    pub unknown: u64,
    /// Of them: they take their time.
    pub slow: u64,
    /// Steps so far: towards the database, and back after each commit.
    pub steps: u64,
    /// Who makes this step dies of it.
    pub dies_at: Option<u64>,
}

impl Chance {
    pub(crate) fn draw(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below.max(1)
    }

    /// One more step; whether it is the deadly one.
    fn step(&mut self) -> bool {
        self.steps += 1;
        self.dies_at == Some(self.steps)
    }

    fn strikes(&mut self, share: u64) -> bool {
        share > 0 && self.draw(1_000) < share
    }

    fn slow_ms(&mut self) -> Option<u64> {
        self.strikes(self.slow).then(|| 1 + self.draw(40))
    }

    /// What strikes a commit.
    fn fate(&mut self) -> Fate {
        let (dies, late) = (self.strikes(self.dies), self.draw(2) == 0);
        let is_last = self.step();
        let dies = dies || is_last;
        let under_way_ms = match dies {
            true => Some(self.draw(UNDER_WAY_MAX_MS)),
            false => self.slow_ms().filter(|_| self.draw(2) == 0),
        };
        Fate {
            dies,
            late: late || is_last,
            unknown: self.strikes(self.unknown),
            under_way_ms,
            slow_ms: self.slow_ms(),
        }
    }
}

struct Fate {
    dies: bool,
    /// After it is on disk, not before.
    late: bool,
    unknown: bool,
    /// The database takes its time.
    under_way_ms: Option<u64>,
    /// The answer takes its time.
    slow_ms: Option<u64>,
}

/// A server on the model; cheap to clone.
#[derive(Clone)]
pub(crate) struct Node {
    database: Arc<Database>,
    it: Arc<It>,
}

struct It {
    number: usize,
    epoch: AtomicI64,
    renewed_ms: AtomicU64,
    others: Mutex<BTreeSet<i64>>,
    freed: watch::Sender<u64>,
    is_dead: AtomicBool,
    stands_still: AtomicBool,
    /// It stands still no longer. Not a `watch`: that wakes those who wait in an order of chance.
    goes_on: Notify,
    /// Its lease cannot be renewed until then, although it works.
    cut_off_until_ms: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A database that several servers share, or that one has to itself.
pub(crate) fn open(
    graphs: Vec<(WorkflowId, Vec<Graph>)>,
    shared: bool,
    chance: Chance,
    wrong: Option<Wrong>,
    watcher: Arc<dyn Watcher>,
    time: Time,
) -> Arc<Database> {
    Arc::new(Database {
        tables: Mutex::default(),
        fresh: AtomicU64::new(0),
        graphs,
        turn: tokio::sync::Mutex::default(),
        chance: Mutex::new(chance),
        watcher,
        shared,
        wrong,
        feeds: Mutex::default(),
        time,
    })
}

impl Database {
    /// A server on it, and its store.
    pub(crate) fn node(self: &Arc<Self>, number: usize) -> (Node, Store) {
        let it = It {
            number,
            epoch: AtomicI64::new(0),
            renewed_ms: AtomicU64::new(self.time.now_ms()),
            others: Mutex::default(),
            freed: watch::Sender::new(0),
            is_dead: AtomicBool::new(false),
            stands_still: AtomicBool::new(false),
            goes_on: Notify::new(),
            cut_off_until_ms: AtomicU64::new(0),
        };
        let node = Node { database: self.clone(), it: Arc::new(it) };
        if self.shared {
            node.register();
            tokio::spawn(node.clone().keep());
        }
        let (feed, _) = broadcast::channel(1_024);
        lock(&self.feeds).push(feed.clone());
        let inner = Inner {
            pool: Pool::Model(node.clone()),
            writer: Writer::Model,
            feed,
            space: None,
            room: Default::default(),
        };
        (node, Store { inner: Arc::new(inner) })
    }

    /// What is committed.
    pub(crate) fn committed(&self) -> Arc<Tables> {
        lock(&self.tables).clone()
    }

    /// From here on nothing strikes. Gives the steps that were made.
    pub(crate) fn calm(&self) -> u64 {
        let mut chance = lock(&self.chance);
        (chance.dies, chance.fails, chance.unknown, chance.dies_at) = (0, 0, 0, None);
        chance.steps
    }

    /// Changes rows beside the engine, as other parts of the server do.
    /// False: a commit is under way, and nothing was changed.
    pub(crate) fn change(&self, change: impl FnOnce(&mut ModelTx)) -> bool {
        let Ok(_turn) = self.turn.try_lock() else { return false };
        let mut tx = self.begin(None);
        change(&mut tx);
        *lock(&self.tables) = Arc::new(tx.tables);
        true
    }

    /// From now on: the share of steps that fail, and of commits whose outcome is lost, in a thousand.
    pub(crate) fn set_faults(&self, fails: u64, unknown: u64) {
        let mut chance = lock(&self.chance);
        (chance.fails, chance.unknown) = (fails, unknown);
    }

    fn begin(&self, owner: Option<i64>) -> ModelTx {
        let tables = Tables::clone(&lock(&self.tables));
        ModelTx { tables, owner, now_ms: self.now_ms(), wrong: self.wrong, moved: false }
    }

    /// The database's clock.
    fn now_ms(&self) -> i64 {
        i64::try_from(self.time.now_ms()).unwrap_or(i64::MAX)
    }
}

impl Store {
    /// The node of a model.
    pub(in super::super) fn model(&self) -> Option<&Node> {
        match self.pool() {
            Pool::Model(node) => Some(node),
            _ => None,
        }
    }
}

impl Node {
    /// What is committed.
    pub(crate) fn committed(&self) -> Arc<Tables> {
        self.database.committed()
    }

    /// Its lease; none where one server works alone.
    pub(crate) fn epoch(&self) -> Option<i64> {
        self.taker().map(|taker| taker.epoch)
    }

    pub(super) fn tables(&self) -> Arc<Tables> {
        self.database.committed()
    }

    pub(super) fn wrong(&self) -> Option<Wrong> {
        self.database.wrong
    }

    /// The process ends here: nothing of it reaches the database any more.
    pub(crate) fn die(&self) {
        self.it.is_dead.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.it.is_dead.load(Ordering::SeqCst)
    }

    /// The process stands still, or goes on.
    pub(crate) fn stand_still(&self, still: bool) {
        self.it.stands_still.store(still, Ordering::SeqCst);
        self.it.goes_on.notify_waiters();
    }

    /// Its lease cannot be renewed for so long.
    pub(crate) fn cut_off(&self, ms: u64) {
        let until_ms = self.database.time.now_ms() + ms;
        self.it.cut_off_until_ms.store(until_ms, Ordering::SeqCst);
    }

    /// Whoever stands still does nothing.
    async fn awake(&self) {
        loop {
            let goes_on = self.it.goes_on.notified();
            if !self.it.stands_still.load(Ordering::SeqCst) {
                return;
            }
            goes_on.await;
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.database.shared
    }

    /// Whether it may take work, by its own clock.
    pub(crate) fn is_held(&self) -> bool {
        !self.database.shared
            || self.database.time.now_ms() - self.it.renewed_ms.load(Ordering::SeqCst) < HOLD_MS
    }

    pub(crate) fn freed(&self) -> Option<watch::Receiver<u64>> {
        self.database.shared.then(|| self.it.freed.subscribe())
    }

    /// A number of the database's own, so that a seed gives the same run twice.
    pub(crate) fn fresh_id(&self) -> uuid::Uuid {
        let high = lock(&self.database.chance).draw(u64::MAX);
        let number = self.database.fresh.fetch_add(1, Ordering::SeqCst) + 1;
        uuid::Uuid::from_u64_pair(number, high)
    }

    pub(crate) fn spread_ms(&self, ms: u64) -> u64 {
        ms * 7 / 10 + lock(&self.database.chance).draw((ms * 6 / 10).max(1))
    }

    fn register(&self) {
        let mut tables = lock(&self.database.tables);
        let tables = Arc::make_mut(&mut tables);
        tables.epochs += 1;
        let epoch = tables.epochs;
        tables.servers.insert(epoch, self.database.now_ms() + TTL_MS);
        self.it.epoch.store(epoch, Ordering::SeqCst);
    }

    /// Renews the lease as long as the process lives.
    async fn keep(self) {
        loop {
            self.awake().await;
            if self.is_dead() {
                return;
            }
            if self.it.cut_off_until_ms.load(Ordering::SeqCst) > self.database.time.now_ms() {
                self.database.time.sleep(RENEW_EVERY_MS).await;
                continue;
            }
            let asked_ms = self.database.time.now_ms();
            let (epoch, now_ms) = (self.it.epoch.load(Ordering::SeqCst), self.database.now_ms());
            let mut freed = false;
            let until = lock(&self.database.tables).servers.get(&epoch).copied();
            if until.is_some_and(|until| until > now_ms) {
                let mut tables = lock(&self.database.tables);
                Arc::make_mut(&mut tables).servers.insert(epoch, now_ms + TTL_MS);
            } else {
                self.register();
                freed = true;
            }
            self.it.renewed_ms.store(asked_ms, Ordering::SeqCst);
            let epoch = self.it.epoch.load(Ordering::SeqCst);
            let servers = lock(&self.database.tables).servers.clone();
            let alive = servers.into_iter().filter(|(e, until)| *e != epoch && *until > now_ms);
            let alive = alive.map(|(epoch, _)| epoch).collect();
            let before = std::mem::replace(&mut *lock(&self.it.others), alive);
            freed |= before.difference(&*lock(&self.it.others)).next().is_some();
            if freed {
                self.it.freed.send_modify(|times| *times += 1);
            }
            self.database.time.sleep(RENEW_EVERY_MS).await;
        }
    }

    pub(super) fn taker(&self) -> Option<Taker> {
        self.database.shared.then(|| Taker {
            epoch: self.it.epoch.load(Ordering::SeqCst),
            now_ms: self.database.now_ms(),
            wrong: self.database.wrong,
        })
    }

    /// One step towards the database: whoever is dead never comes there, and chance may strike.
    async fn enter(&self) -> StoreResult<()> {
        self.awake().await;
        let (slow, dies, fails) = {
            let mut chance = lock(&self.database.chance);
            let slow = chance.slow_ms();
            let (dies, fails) = (chance.dies, chance.fails);
            let is_last = chance.step();
            (slow, chance.strikes(dies) || is_last, chance.strikes(fails))
        };
        match slow {
            Some(ms) => self.database.time.sleep(ms).await,
            None => tokio::task::yield_now().await,
        }
        if dies {
            return self.perish().await;
        }
        if self.is_dead() {
            return std::future::pending().await;
        }
        match fails {
            true => Err(StoreError::Unavailable("by chance".into())),
            false => Ok(()),
        }
    }

    /// Dies of chance, once.
    async fn perish<T>(&self) -> T {
        self.perish_now();
        std::future::pending().await
    }

    fn perish_now(&self) {
        if !self.is_dead() {
            self.die();
            self.database.watcher.died(self.it.number);
        }
    }

    pub(crate) async fn read<T>(
        &self,
        read: impl FnOnce(&Tables) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.enter().await?;
        read(&lock(&self.database.tables))
    }

    /// A statement that claims and is whole by itself: what it finds, it takes. Its answer may be lost.
    pub(super) async fn claim<K>(
        &self,
        find: impl FnOnce(&Tables, Option<Taker>) -> Vec<K>,
        take: impl Fn(&mut Tables, &K, Option<Taker>),
    ) -> StoreResult<(Vec<K>, Option<Taker>)> {
        self.enter().await?;
        let turn = self.database.turn.lock().await;
        let (taker, before) = (self.taker(), self.tables());
        let found = find(&before, taker);
        if !found.is_empty() {
            let mut after = Tables::clone(&before);
            found.iter().for_each(|key| take(&mut after, key, taker));
            self.put(&before, after);
        }
        drop(turn);
        let unknown = taker.is_some() && {
            let mut chance = lock(&self.database.chance);
            let share = chance.unknown;
            chance.strikes(share)
        };
        match unknown {
            true => Err(StoreError::Unavailable("its outcome is not known".into())),
            false => Ok((found, taker)),
        }
    }

    fn put(&self, before: &Tables, after: Tables) {
        let after = Arc::new(after);
        *lock(&self.database.tables) = after.clone();
        self.database.watcher.committed(before, &after, self.database.now_ms());
    }

    /// An operation: it runs to its end even if the caller goes away.
    pub(crate) async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let node = self.clone();
        let task = tokio::spawn(async move { node.commit(op).await });
        let broke_off = || StoreError::Unavailable("the operation broke off".into());
        task.await.unwrap_or_else(|_| Err(broke_off().into()))
    }

    async fn commit<T, E, F>(&self, op: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
    {
        self.enter().await?;
        let turn = self.database.turn.lock().await;
        let before = self.tables();
        let owner = self.taker().map(|taker| taker.epoch);
        let mut tx = Tx::of_model(self.database.begin(owner));
        let wrong = self.database.wrong;
        let value = op(&mut tx).await?;
        tx.send().await?; // what was gathered last
        let Fate { dies, late, unknown, under_way_ms, slow_ms } =
            lock(&self.database.chance).fate();
        if dies && !late || self.is_dead() {
            drop(turn);
            return self.perish().await;
        }
        if wrong == Some(Wrong::AnswersEarly) && lock(&self.database.chance).draw(40) == 0 {
            return Ok(value);
        }
        // Nobody else sees it yet, and nobody else commits. Who dies meanwhile does not take it back.
        if dies {
            self.perish_now();
        }
        if let Some(ms) = under_way_ms {
            self.database.time.sleep(ms).await;
        }
        self.publish(&before, tx);
        drop(turn);
        if dies {
            return self.perish().await;
        }
        if let Some(ms) = slow_ms {
            self.database.time.sleep(ms).await;
            self.awake().await;
            if self.is_dead() {
                return self.perish().await;
            }
        }
        match unknown {
            true => Err(StoreError::Unavailable("its outcome is not known".into()).into()),
            false => Ok(value),
        }
    }

    fn publish(&self, before: &Tables, mut tx: Tx) {
        let entries = tx.feed.take();
        let Some(model) = tx.model() else { return };
        let mut tables = std::mem::take(&mut model.tables);
        let mut numbered = Vec::new();
        for entry in entries {
            tables.feed += 1;
            numbered.push(Arc::new(FeedEntry { number: tables.feed, ..entry }));
        }
        // Leases are renewed beside the commits.
        let leases = self.tables();
        (tables.epochs, tables.servers) = (leases.epochs, leases.servers.clone());
        self.put(before, tables);
        for feed in lock(&self.database.feeds).iter() {
            for entry in &numbered {
                let _ = feed.send(entry.clone()); // nobody may be listening
            }
        }
    }

    /// The first workflow is the only one that has a name.
    pub(crate) async fn workflow_named(
        &self,
        wanted: &str,
    ) -> StoreResult<Option<(WorkflowId, Option<u32>)>> {
        self.enter().await?;
        let first = self.database.graphs.first().filter(|_| wanted == "Inner");
        Ok(first.map(|(id, _)| (*id, Some(1))))
    }

    pub(crate) async fn version_fetch(
        &self,
        workflow: WorkflowId,
        number: u32,
    ) -> StoreResult<Version> {
        self.enter().await?;
        let mut workflows = self.database.graphs.iter();
        let versions = workflows.find(|(id, _)| *id == workflow).map(|(_, versions)| versions);
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let graph = versions.zip(index).and_then(|(versions, index)| versions.get(index));
        let graph = graph.ok_or(StoreError::NotFound { what: "version" })?;
        let summary = VersionSummary {
            workflow,
            number,
            draft_rev: 1,
            note: String::new(),
            published_by: String::new(),
            published_at: DateTime::UNIX_EPOCH,
        };
        Ok(Version { summary, graph: graph.clone() })
    }
}

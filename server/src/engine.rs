//! The engine: runs the domain's state machine durably.
//!
//! A command is decided by the pure machine ([`signalbox::run::advance`]), its events are committed
//! together with everything they intend (calls, timers, approvals), and only then is the world asked.
//! Who waits is a row, not a task: a waiting run costs no memory, and after a crash the rows say what
//! is left to do.
//!
//! Reading order: `command` → `commit` → `calls` → `timers` → `recovery`.
//! Deliberately absent: what calls do (the [`CallExecutor`] port), SQL, HTTP.

mod activity;
mod again;
mod calls;
mod cells;
pub mod clock;
mod command;
mod commit;
mod config;
mod executor;
mod insist;
mod letters;
mod load;
mod making;
mod others;
mod outside;
mod placing;
mod queue;
mod recovery;
mod setbacks;
mod shared;
#[cfg(test)]
mod simulation;
mod start;
mod tasks;
mod timers;
mod versions;
mod waiters;

pub use again::ForkRun;
pub use clock::{Clock, SystemClock, VirtualClock};
pub use command::{Outcome, WriteOp};
pub use config::{EngineConfig, Organizations, Timekeeping};
pub use executor::{CallContext, CallExecutor, CallOutcome, Closing};
pub use start::{StartOp, StartRun, Started};
pub use tasks::Claimed;
pub use waiters::WaitFor;

use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use signalbox::{
    graph::CompileError,
    id::{OrganizationId, RunId, WorkflowId},
    run::{Event, Incompatible, Refusal, RunStatus},
};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What is being committed at the end is waited for so long.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
/// A task that broke off is begun again after this time.
const BEGUN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Starts engines.
pub struct Engine;

/// A handle on a running engine; cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    executor: Arc<dyn CallExecutor>,
    clock: Arc<dyn Clock>,
    config: EngineConfig,
    cells: cells::Cells,
    versions: versions::Versions,
    queue: queue::Queue,
    alarm: timers::Alarm,
    setbacks: setbacks::Setbacks,
    /// What was due before this may have been begun by an earlier process.
    begun_at: DateTime<Utc>,
    waiters: waiters::Waiters,
    others: others::Others,
    activity: activity::Activity,
    /// The end of a queue's minute that is waited for.
    minute_awaited: Mutex<Option<Instant>>,
    looked: recovery::Looked,
    committed: broadcast::Sender<Arc<Committed>>,
    /// A commit noted that an address is to be told of a step.
    hooked: Notify,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What one commit did to a run.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Whose.
    pub organization: OrganizationId,
    /// Which run.
    pub run: RunId,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// The new events; their numbers follow on the run's earlier ones.
    pub events: Vec<Event>,
    /// The status after them.
    pub status: RunStatus,
}

/// Why the engine did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The run does not take this command now. Nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store said no. With [`StoreError::Unavailable`] it may have happened all the same.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The version cannot run.
    #[error("the version cannot run: {}", .0.first().map_or("no reason is known", |e| e.message.as_str()))]
    Graph(Vec<CompileError>),
    /// The run's state cannot be read; it was taken out of circulation.
    #[error("the run was set aside because its state cannot be read: {0}")]
    Quarantined(String),
    /// Living steps of the run have no place in the other version. Nothing changed.
    #[error("{} of its steps cannot go on in that version", .0.len())]
    Incompatible(Vec<Incompatible>),
    /// The run cannot be forked there, or not with that input.
    #[error("{why}")]
    NoFork {
        /// What about the fork is wrong: `seq` or `input`.
        field: &'static str,
        /// Why, and what to do.
        why: String,
    },
    /// There is too much to do; try again later.
    #[error("the engine is busy; try again in a moment")]
    Busy,
    /// The disk is nearly full: runs that are going on may finish, new ones are not begun.
    #[error("only {} MiB are free where the data lies: no new runs are started", .free_bytes >> 20)]
    NoRoom {
        /// What is free, in bytes.
        free_bytes: u64,
    },
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

impl Engine {
    /// Starts an engine on a store: picks up what an earlier one left undone, then serves.
    /// One engine a store; safety does not depend on it, but work would be done twice. Several stores on
    /// one PostgreSQL have an engine each.
    pub fn start(
        store: Store,
        executor: Arc<dyn CallExecutor>,
        clock: Arc<dyn Clock>,
        config: EngineConfig,
    ) -> EngineHandle {
        let engine = Self::prepare(store, executor, clock, config);
        engine.begin();
        engine
    }

    /// An engine that takes commands and does nothing by itself until it is told to
    /// [`begin`](EngineHandle::begin): for executors that must know the engine before their first call.
    pub fn prepare(
        store: Store,
        executor: Arc<dyn CallExecutor>,
        clock: Arc<dyn Clock>,
        config: EngineConfig,
    ) -> EngineHandle {
        let (committed, _) = broadcast::channel(1_024);
        let inner = Arc::new(Inner {
            cells: cells::Cells::new(config.cells_max),
            versions: versions::Versions::new(config.versions_max),
            queue: queue::Queue::new(&config, store.is_shared()),
            alarm: timers::Alarm::default(),
            setbacks: setbacks::Setbacks::default(),
            begun_at: clock.now(),
            waiters: waiters::Waiters::default(),
            others: others::Others::default(),
            activity: activity::Activity::default(),
            minute_awaited: Mutex::default(),
            looked: recovery::Looked::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            store,
            executor,
            clock,
            config,
            committed,
            hooked: Notify::new(),
        });
        EngineHandle { inner }
    }
}

impl EngineHandle {
    /// Picks up what an earlier engine left undone, and sees to timers. Once, after
    /// [`prepare`](Engine::prepare).
    pub fn begin(&self) {
        recovery::start(&self.inner);
        if self.inner.config.timekeeping == Timekeeping::Automatic {
            timers::start(&self.inner);
            recovery::watch(&self.inner);
            shared::start(&self.inner);
        }
    }

    /// What is committed from now on, in order within each run. Who is too slow gets `Lagged` and
    /// reads the journal.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.inner.committed.subscribe()
    }

    /// Waits until a commit noted that an address is to be told of a step. One listener is told.
    pub async fn hooked(&self) {
        self.inner.hooked.notified().await;
    }

    /// The store it runs on.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The clock it runs by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Runs something beside the engine until it ends or the engine stops, which its token tells. If it breaks off
    /// it is begun again.
    pub fn beside<F>(
        &self,
        name: &'static str,
        work: impl Fn(CancellationToken) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.inner.stop.clone();
        self.inner.tasks.spawn(async move {
            loop {
                let once = AssertUnwindSafe(work(stop.clone()));
                if once.catch_unwind().await.is_ok() {
                    return;
                }
                tracing::error!(
                    task = name,
                    "a task broke off and is begun again; this is a defect"
                );
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(BEGUN_AGAIN_AFTER) => {}
                }
            }
        });
    }

    /// The limits of an organisation's named queues were set: what waits follows them from now on.
    pub fn queues_changed(&self, organization: OrganizationId) {
        self.inner.queue.gates_changed(organization);
        self.inner.pump();
        self.inner.see_to_others();
    }

    /// Calls that wait in memory for their turn, and how many may.
    pub fn backlog(&self) -> (usize, usize) {
        (self.inner.queue.waiting(), self.inner.config.calls_queued_max.max(1))
    }

    /// Stops: nothing new is begun, what is being committed is finished, unless the database takes too long. Calls in
    /// flight are given up after the commits; the next start makes them again.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(STOPPED_WITHIN, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                "something is still being committed; the next start sees what came of it"
            );
        }
    }
}

impl Inner {
    /// Runs a task that ends with the engine, and counts as activity until then.
    fn spawn_work<F>(self: &Arc<Self>, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let busy = self.activity.enter();
        self.tasks.spawn(async move {
            work.await;
            drop(busy);
        });
    }
}

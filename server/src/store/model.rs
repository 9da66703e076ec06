//! The store's model: the same contract in memory, single-threaded and by virtual time, for the simulation of
//! the engine. Only in unit tests.
//!
//! One [`Database`], any number of [`Node`]s on it: alone, as on SQLite, or side by side with leases, as on
//! PostgreSQL. A node dies, stands still, or is told that a commit failed which did not, as the database's
//! [`Chance`] has it. Every commit is looked at by the [`Watcher`]. Reading order: `tables` → `claims` → `time` → `node`.
//!
//! Deliberately absent: SQL, what only other parts of the server use (messages, accounts, settings), and transactions
//! side by side: commits take turns here. `tests/it/store.rs` and the tests on PostgreSQL hold those.

mod calls;
mod claims;
mod node;
mod places;
mod tables;
mod tasks;
mod time;
mod waits;

pub(crate) use node::{Chance, Node, Watcher, open};
pub(crate) use tables::{ModelTx, Tables, WaitRow};
pub(crate) use time::Time;

use signalbox::graph::Graph;
use signalbox::id::{OrganizationId, WorkflowId};
use std::sync::{Arc, Mutex};

/// The one organisation of the model.
pub(crate) const ORGANIZATION: OrganizationId = OrganizationId(uuid::Uuid::from_u128(1));

/// Ways in which this store may be wrong on purpose, to see that somebody notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A commit is not refused when the run has moved on.
    NoFence,
    /// What was decided without moving the run on (a refusal, a note) is written although the run has moved on.
    NotesUnfenced,
    /// Each attempt has a key of its own.
    KeyPerAttempt,
    /// The intent of a call is not written.
    NoIntent,
    /// A call's beginning is counted when it fails, not when it is claimed.
    CountsFailures,
    /// What a server does is taken over when it takes long, although the server lives.
    RescueByTime,
    /// A timer is forgotten when it is read, not when it fired.
    TimerGoneWhenRead,
    /// A wait begins to count at its commit: what came just before is not told.
    NoLookBack,
    /// A decision is written whatever was looked at.
    NoRevision,
    /// What a server that died owned stays its own for ever.
    NoTakeOver,
    /// Some commits are answered before they are on disk.
    AnswersEarly,
    /// An idempotency key does not find its run.
    NoKey,
    /// A report about a task is taken without a look at the key that it was claimed with.
    NoClaimKey,
    /// Places of a queue are counted on each server by itself.
    PlacesPerServer,
    /// What is open of a run goes on under its keys in the run that is forked from it.
    ForkTakesOver,
}

/// The database that nodes share.
pub(crate) struct Database {
    /// What is committed.
    tables: Mutex<Arc<Tables>>,
    /// Numbers that were given out.
    fresh: std::sync::atomic::AtomicU64,
    /// Graphs by workflow: those of its versions, from 1 on.
    graphs: Vec<(WorkflowId, Vec<Graph>)>,
    /// One commit at a time.
    turn: tokio::sync::Mutex<()>,
    /// Where chance strikes.
    chance: Mutex<Chance>,
    /// Looks at every commit.
    watcher: Arc<dyn Watcher>,
    /// Several servers, or one.
    shared: bool,
    wrong: Option<Wrong>,
    /// Where each node hears of the feed.
    feeds: Mutex<Vec<tokio::sync::broadcast::Sender<Arc<super::FeedEntry>>>>,
    time: Time,
}

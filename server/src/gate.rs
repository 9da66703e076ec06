//! The send gate: the one door through which a message leaves.
//!
//! A step's message becomes a draft with an approval ([`draft`]); a person decides ([`decide`]); the
//! sender makes the attempts ([`sender`]); each move is a row of [`life`] and judged by [`verdict`] on what [`facts`] found.
//! What is approved is what is sent: the approval keeps a hash of everything that leaves, and the
//! claim before each attempt compares it again. An attempt whose outcome is lost is never repeated
//! blindly: it becomes `Uncertain` and a person says what became of it.
//!
//! Deliberately absent: SQL, protocols of providers, and who may decide.

mod contact;
mod content;
mod decide;
mod doubt;
mod draft;
mod facts;
mod health;
mod heard;
mod inbound;
mod life;
mod pause;
mod pulse;
mod ramp;
mod sender;
mod template;
mod tracking;
mod verdict;
mod views;
mod voice;

pub use contact::ContactError;
pub use content::content_hash;
pub use decide::{DecideError, Decider};
pub use draft::{GateCall, Submitted};
pub use heard::Visit;
pub use inbound::InboundError;
pub use life::{IllegalMove, followers, life_table, may_follow};
pub use pulse::SenderHealth;
pub use sender::CrashPoint;
pub use template::{Letter, Written};
pub use tracking::{Links, Tracked};
pub use views::parse_cursor;

use crate::{
    channel::Channels,
    store::{self, Store, StoreError, StoreResult, Tx},
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use signalbox::{
    id::{MessageId, OrganizationId, RunId},
    run::{ActivationId, Command, Refusal, StepError},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::sync::Notify;

/// The time now; a test or a simulation brings its own.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// A write that is made in the same commit as a command's events. It may be run again when the commit
/// is repeated, so it reads what it needs inside.
pub type Ride = Arc<dyn for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, StoreResult<()>> + Send + Sync>;

/// Why a run was not told something. Nothing was written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TellError {
    /// The run does not want it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store refused, the ride's own conflicts among it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The runs, as the gate sees them.
pub trait Runs: Send + Sync {
    /// Tells a run something and makes `ride` in the same commit: both happen, or neither.
    fn tell(
        &self,
        organization: OrganizationId,
        run: RunId,
        command: Command,
        ride: Ride,
    ) -> BoxFuture<'_, Result<(), TellError>>;

    /// Puts the words of a run into a letter, as an activation of it reads them.
    fn write(
        &self,
        organization: OrganizationId,
        run: RunId,
        activation: ActivationId,
        letter: Letter,
    ) -> BoxFuture<'_, Result<Written, StepError>>;
}

/// The send gate; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
    /// The run on whose behalf it is asked.
    cause: Option<RunId>,
}

struct Inner {
    store: Store,
    channels: Channels,
    now: Now,
    runs: OnceLock<Arc<dyn Runs>>,
    links: OnceLock<Links>,
    wake: Notify,
    pulse: pulse::Pulse,
    ramps: Mutex<ramp::Ramps>,
    /// Whether time went on as it should.
    time: OnceLock<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// Messages that this process is sending right now.
    busy: Mutex<HashMap<MessageId, OrganizationId>>,
    crash: Option<Arc<dyn Fn(CrashPoint) -> bool + Send + Sync>>,
}

impl Gate {
    /// A gate over a store and the organisations' channels. [`attach`](Self::attach) it to the engine
    /// before anything is sent.
    pub fn new(store: Store, channels: Channels, now: Now) -> Self {
        Self::build(store, channels, now, None)
    }

    /// A gate that "dies" at chosen points, for tests.
    pub fn with_crashes(
        store: Store,
        channels: Channels,
        now: Now,
        crash: Arc<dyn Fn(CrashPoint) -> bool + Send + Sync>,
    ) -> Self {
        Self::build(store, channels, now, Some(crash))
    }

    fn build(
        store: Store,
        channels: Channels,
        now: Now,
        crash: Option<Arc<dyn Fn(CrashPoint) -> bool + Send + Sync>>,
    ) -> Self {
        let inner = Inner {
            store,
            channels,
            now,
            runs: OnceLock::new(),
            links: OnceLock::new(),
            wake: Notify::new(),
            pulse: pulse::Pulse::default(),
            ramps: Mutex::default(),
            time: OnceLock::new(),
            busy: Mutex::new(HashMap::new()),
            crash,
        };
        Self { inner: Arc::new(inner), cause: None }
    }

    /// The same gate, asked on behalf of a run: what it changes counts as caused by that run.
    pub fn caused_by(&self, run: RunId) -> Self {
        Self { inner: self.inner.clone(), cause: Some(run) }
    }

    /// Gives the gate the engine. Only the first one counts.
    pub fn attach(&self, runs: Arc<dyn Runs>) {
        let _ = self.inner.runs.set(runs);
    }

    /// Says where tracked links begin; without it nothing is tracked. Only the first one counts.
    pub fn link_with(&self, links: Links) {
        let _ = self.inner.links.set(links);
    }

    /// The channels.
    pub fn channels(&self) -> &Channels {
        &self.inner.channels
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn now(&self) -> DateTime<Utc> {
        // The store keeps milliseconds; what is compared with it later must not be finer.
        let now = (self.inner.now)();
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// Tells a run something together with a write. Without a run only the write is made.
    async fn tell(
        &self,
        organization: OrganizationId,
        run: Option<RunId>,
        command: Option<Command>,
        ride: Ride,
    ) -> Result<(), TellError> {
        let (Some(run), Some(command)) = (run, command) else {
            return Ok(self.write(ride).await?);
        };
        let Some(runs) = self.inner.runs.get() else {
            return Err(StoreError::Unavailable("the engine is not started".into()).into());
        };
        runs.tell(organization, run, command, ride).await
    }

    /// As [`tell`](Self::tell); when the run has ended, does not wait for it any more or is kept no longer the write is
    /// made alone.
    async fn tell_or_write(
        &self,
        organization: OrganizationId,
        run: Option<RunId>,
        command: Option<Command>,
        ride: Ride,
    ) -> StoreResult<()> {
        match self.tell(organization, run, command, Arc::clone(&ride)).await {
            Ok(()) => Ok(()),
            // Messages outlive their runs. Where the write itself misses something it does so again.
            Err(TellError::Store(StoreError::NotFound { .. })) => self.write(ride).await,
            Err(TellError::Store(error)) => Err(error),
            Err(TellError::Refused(refusal)) => {
                tracing::debug!(%refusal, "the run does not wait for it; only the message is written");
                self.write(ride).await
            }
        }
    }

    async fn write(&self, ride: Ride) -> StoreResult<()> {
        self.store().write(move |tx| Box::pin(async move { ride(tx).await })).await
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashMap<MessageId, OrganizationId>> {
        self.inner.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the sender is.
    pub fn sender_health(&self) -> SenderHealth {
        self.inner.pulse.health()
    }

    /// Wakes the sender: something may be due.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }
}

/// A write as a [`Ride`].
fn ride<F>(body: F) -> Ride
where
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, StoreResult<()>> + Send + Sync + 'static,
{
    Arc::new(body)
}

/// Writes a changed message back after a move that [`life`] allows.
async fn save_as(
    tx: &mut Tx,
    message: &mut store::Message,
    state: signalbox::wire::MessageState,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    if !may_follow(message.state, state) {
        let refused = IllegalMove { from: message.state, to: state };
        tracing::debug!(message = %message.id, "{refused}");
        return Err(StoreError::Conflict { what: "the message" });
    }
    message.state = state;
    message.updated_at = now;
    store::message_save(tx, message).await
}

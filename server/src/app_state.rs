//! What every request shares. Cheap to clone.

use crate::{
    auth::{Passwords, RememberedTokens, ServerKey, Throttle},
    engine::EngineHandle,
    gate::Gate,
    http::{KeysInWork, api::health::WriteProbe},
    live::LiveHub,
    store::{HookTarget, Remembered, Store},
};
use chrono::{DateTime, Utc};
use signalbox::id::{OrganizationId, WorkflowId};
use std::{net::IpAddr, sync::Arc};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// What is remembered of each kind, at most.
const REMEMBERED_MAX: usize = 10_000;

/// Whether a workflow is archived, and its newest version.
pub type NewestVersions = Remembered<(OrganizationId, WorkflowId), (bool, Option<u32>)>;
/// Workers that may wait for a task at once.
const TASK_SEATS: usize = 512;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The server.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// What a server is made of.
pub struct Parts {
    /// What runs the workflows, on the database.
    pub engine: EngineHandle,
    /// Through which messages leave.
    pub gate: Gate,
    /// The key of this server.
    pub key: ServerKey,
    /// Scheme, host and port that people use, if configured.
    pub public_origin: Option<String>,
    /// What links start with: the public origin, or where the server listens.
    pub base_url: String,
    /// The time.
    pub clock: Clock,
    /// Steps that an outbound plan may have.
    pub plan_steps_max: u32,
}

struct Inner {
    parts: Parts,
    passwords: Passwords,
    sign_ins: Throttle<(String, Option<IpAddr>)>,
    keys_in_work: KeysInWork,
    hooks: Remembered<[u8; 32], HookTarget>,
    newest_versions: NewestVersions,
    tokens: RememberedTokens,
    write_probe: WriteProbe,
    live: LiveHub,
    setup_token: String,
    access_epoch: watch::Sender<u64>,
    task_seats: Semaphore,
    shutdown: CancellationToken,
}

impl AppState {
    /// A server of its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            passwords: Passwords::default(),
            sign_ins: Throttle::default(),
            keys_in_work: KeysInWork::default(),
            hooks: Remembered::new(REMEMBERED_MAX),
            newest_versions: Remembered::new(REMEMBERED_MAX),
            tokens: Remembered::new(REMEMBERED_MAX),
            write_probe: WriteProbe::default(),
            live: LiveHub::default(),
            setup_token: crate::auth::Secret::fresh("").text,
            access_epoch: watch::channel(0).0,
            task_seats: Semaphore::new(TASK_SEATS),
            shutdown: CancellationToken::new(),
        }))
    }

    /// The database.
    pub fn store(&self) -> &Store {
        self.0.parts.engine.store()
    }

    /// What runs the workflows.
    pub fn engine(&self) -> &EngineHandle {
        &self.0.parts.engine
    }

    /// Through which messages leave.
    pub fn gate(&self) -> &Gate {
        &self.0.parts.gate
    }

    /// The key of this server.
    pub fn key(&self) -> &ServerKey {
        &self.0.parts.key
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0.parts.clock)()
    }

    /// Steps that an outbound plan may have.
    pub fn plan_steps_max(&self) -> u32 {
        self.0.parts.plan_steps_max
    }

    /// Scheme, host and port that people use, if configured.
    pub fn public_origin(&self) -> Option<&str> {
        self.0.parts.public_origin.as_deref()
    }

    /// What links start with, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.0.parts.base_url
    }

    /// Whether people come by https, so that cookies are bound to it.
    pub fn secure_cookies(&self) -> bool {
        self.public_origin().is_some_and(|origin| origin.starts_with("https://"))
    }

    /// Hashes and checks passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// Slows down guessing, by account and address.
    pub fn sign_ins(&self) -> &Throttle<(String, Option<IpAddr>)> {
        &self.0.sign_ins
    }

    /// Idempotency keys that are being worked on.
    pub fn keys_in_work(&self) -> &KeysInWork {
        &self.0.keys_in_work
    }

    /// Where webhooks' addresses lead, by the hash of their token.
    pub fn hooks(&self) -> &Remembered<[u8; 32], HookTarget> {
        &self.0.hooks
    }

    /// Whether a workflow is archived, and its newest version.
    pub fn newest_versions(&self) -> &NewestVersions {
        &self.0.newest_versions
    }

    /// API tokens, by the hash of their secret.
    pub fn tokens(&self) -> &RememberedTokens {
        &self.0.tokens
    }

    /// Looks whether the database takes writes.
    pub fn write_probe(&self) -> &WriteProbe {
        &self.0.write_probe
    }

    /// Places for workers that wait for a task.
    pub fn task_seats(&self) -> &Semaphore {
        &self.0.task_seats
    }

    /// The live stream.
    pub fn live(&self) -> &LiveHub {
        &self.0.live
    }

    /// What a stranger needs to set up the owner: fresh at each start, printed with the link.
    pub fn setup_token(&self) -> &str {
        &self.0.setup_token
    }

    /// Somebody's rights changed: open connections ask again who they belong to.
    pub fn access_changed(&self) {
        self.0.access_epoch.send_modify(|epoch| *epoch += 1);
    }

    /// Wakes on each change of rights.
    pub fn access_epoch(&self) -> watch::Receiver<u64> {
        self.0.access_epoch.subscribe()
    }

    /// Cancelled when the server goes down; long answers and connections end then.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }
}

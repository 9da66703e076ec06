//! How an engine is set up, and what it asks the rest of the server.

use chrono_tz::Tz;
use futures::future::BoxFuture;
use signalbox::{
    graph::{AnyTool, ToolNames},
    id::OrganizationId,
    wire::QueueSettings,
};
use std::sync::Arc;

/// What the engine must know about organisations.
pub trait Organizations: Send + Sync {
    /// The zone that local times in its workflows are meant in.
    fn zone(&self, organization: OrganizationId) -> BoxFuture<'_, Tz>;
    /// The limits of its named queues; an error is tried again.
    fn queues(&self, organization: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>>;
}

/// Every organisation lives in UTC.
struct Utc;

impl Organizations for Utc {
    fn zone(&self, _: OrganizationId) -> BoxFuture<'_, Tz> {
        Box::pin(std::future::ready(Tz::UTC))
    }

    fn queues(&self, _: OrganizationId) -> BoxFuture<'_, Result<QueueSettings, String>> {
        Box::pin(std::future::ready(Ok(QueueSettings::default())))
    }
}

/// Who sees to it that timers fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timekeeping {
    /// The engine, by its clock.
    Automatic,
    /// Whoever moves the clock, by [`fire_due`](super::EngineHandle::fire_due) and
    /// [`run_virtually`](super::EngineHandle::run_virtually).
    Driven,
}

/// Limits and ports of an engine.
#[derive(Clone)]
pub struct EngineConfig {
    /// Calls in flight.
    pub calls_max: usize,
    /// Calls in flight for one organisation.
    pub calls_per_organization_max: usize,
    /// Calls that wait in memory; more wait in the database.
    pub calls_queued_max: usize,
    /// Beginnings of one attempt without a result after which a person must look.
    pub claims_max: u32,
    /// How long a call may take when its node does not say, in milliseconds.
    pub call_timeout_ms: u64,
    /// Runs whose state is kept in memory while they work.
    pub cells_max: usize,
    /// Compiled versions kept in memory.
    pub versions_max: usize,
    /// Who sees to timers.
    pub timekeeping: Timekeeping,
    /// Which tools there are.
    pub tools: Arc<dyn ToolNames + Send + Sync>,
    /// What is known about organisations.
    pub organizations: Arc<dyn Organizations>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            calls_max: 128,
            calls_per_organization_max: 64,
            calls_queued_max: 4_096,
            claims_max: 5,
            call_timeout_ms: 15 * 60 * 1_000,
            cells_max: 1_024,
            versions_max: 256,
            timekeeping: Timekeeping::Automatic,
            tools: Arc::new(AnyTool),
            organizations: Arc::new(Utc),
        }
    }
}

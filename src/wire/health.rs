//! Whether the server is well.

use serde::{Deserialize, Serialize};

/// `GET /health`: 200 when ok or degraded, 503 when failing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Health {
    /// The worst of the reasons.
    pub status: HealthStatus,
    /// The server's version.
    pub version: String,
    /// What is not as it should be; empty when all is well.
    pub reasons: Vec<HealthReason>,
}

/// How well, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    Ok,
    /// It serves, but somebody should look.
    Degraded,
    /// It cannot do its work: send nobody here.
    Failing,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HealthReason {
    /// Stable, for machines.
    pub code: HealthCode,
    /// What it is, for people.
    pub message: String,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthCode {
    /// A write did not reach the database in time.
    DatabaseNotWritable,
    /// Timers or waits cannot be read.
    DatabaseNotReadable,
    /// The worker that sends messages has ended or hangs.
    OutboundStopped,
    /// The server is going down.
    ShuttingDown,
    /// Less than 5 % or 1 GiB is free where the data lies: no new runs are started.
    DiskLow,
    /// A timer is more than 5 seconds late.
    TimersLate,
    /// A schedule is due for more than a minute and its run was not started.
    SchedulesLate,
    /// An event waits for more than a minute to be told to the workflows that it starts.
    EventsLate,
    /// Calls of steps wait in a long queue.
    CallsBacklog,
    /// The watch over runs has not looked for more than 90 seconds.
    WatchSilent,
    /// This server's lease on a shared database has run out; it takes no work until it has one again.
    LeaseLost,
    /// A mail server of an organisation is not reached; its messages wait.
    ChannelUnreached,
}

impl HealthCode {
    /// How bad it is.
    pub fn status(self) -> HealthStatus {
        match self {
            Self::DatabaseNotWritable
            | Self::DatabaseNotReadable
            | Self::OutboundStopped
            | Self::ShuttingDown
            | Self::LeaseLost => HealthStatus::Failing,
            Self::DiskLow
            | Self::TimersLate
            | Self::SchedulesLate
            | Self::EventsLate
            | Self::CallsBacklog
            | Self::WatchSilent
            | Self::ChannelUnreached => HealthStatus::Degraded,
        }
    }
}

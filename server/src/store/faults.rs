//! Injected faults: how a test makes the process "die" at a chosen commit.
//!
//! Always compiled in, so that what is tested is what runs; without faults it costs one branch a commit.

/// Where a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// All operations of a group are done, COMMIT is not sent: nothing of it is on disk.
    BeforeCommit,
    /// COMMIT succeeded, nobody was told: all of it is on disk.
    AfterCommit,
}

/// Decides about faults.
pub trait Faults: Send + Sync {
    /// True: the writer stops here for ever, as if the process had died. Callers get
    /// [`Unavailable`](super::StoreError::Unavailable), as with a commit whose outcome is unknown.
    fn strike(&self, point: FaultPoint) -> bool;
}

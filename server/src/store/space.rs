//! Whether there is room and leave to write: the disk's free space, and a write that reaches the disk.

use super::{Store, StoreResult, settings::setting_put};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use signalbox::id::OrganizationId;
use std::{
    path::Path,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Asking the system costs as much as a small step: no disk fills up in this time.
const LOOKED_EVERY: Duration = Duration::from_millis(100);

/// When the room was looked at last, and what it was if it was too little.
pub(super) type Room = std::sync::Mutex<Option<(Instant, Option<DiskSpace>)>>;

/// Room where the database lies, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// What this process may still use.
    pub free_bytes: u64,
    /// All there is.
    pub total_bytes: u64,
}

/// Reads the room, in place of the real disk; for tests.
pub type SpaceReading = Arc<dyn Fn() -> Option<DiskSpace> + Send + Sync>;

impl DiskSpace {
    /// Below 5 % or 1 GiB there is no room for new work.
    pub fn is_low(self) -> bool {
        const LEAST_BYTES: u64 = 1 << 30;
        self.free_bytes < LEAST_BYTES || self.free_bytes < self.total_bytes / 20
    }

    #[cfg(unix)]
    pub(super) fn at(folder: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(folder).ok()?;
        Some(Self {
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn at(_: &Path) -> Option<Self> {
        None
    }
}

impl Store {
    /// The room where an embedded database lies; none where it cannot be told.
    pub fn disk_space(&self) -> Option<DiskSpace> {
        match &self.inner.space {
            Some(reading) => reading(),
            None => DiskSpace::at(self.folder()?),
        }
    }

    /// The room, when it is too little to begin new work. Databases that need not last begin any.
    pub fn no_room(&self) -> Option<DiskSpace> {
        if self.inner.space.is_some() {
            return self.disk_space().filter(|space| space.is_low());
        }
        if !self.is_durable() {
            return None;
        }
        let now = Instant::now();
        let mut room = self.inner.room.lock().unwrap_or_else(PoisonError::into_inner);
        match *room {
            Some((at, space)) if now.duration_since(at) < LOOKED_EVERY => space,
            _ => {
                let space = self.disk_space().filter(|space| space.is_low());
                *room = Some((now, space));
                space
            }
        }
    }

    /// Writes a row that nobody owns and answers when it is on disk.
    pub async fn write_probe(&self, now: DateTime<Utc>) -> StoreResult<()> {
        let nobody = OrganizationId(Uuid::nil());
        let write = self.write(move |tx| {
            async move {
                let value = serde_json::json!({ "at": now });
                setting_put(tx, nobody, "health", &value, now).await
            }
            .boxed()
        });
        write.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_is_below_a_twentieth_or_a_gibibyte() {
        const GIB: u64 = 1 << 30;
        for (free, total, low) in [
            (10 * GIB, 100 * GIB, false),
            (5 * GIB, 100 * GIB, false),
            (5 * GIB - 1, 100 * GIB, true),
            (GIB, 2 * GIB, false),
            (GIB - 1, 2 * GIB, true),
            (0, 0, true),
        ] {
            let space = DiskSpace { free_bytes: free, total_bytes: total };
            assert_eq!(space.is_low(), low, "{space:?}");
        }
    }

    #[tokio::test]
    async fn the_room_of_a_real_folder_is_known() {
        let space = Store::in_memory().await.unwrap().disk_space();
        if cfg!(unix) {
            let space = space.unwrap();
            assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
        }
    }
}

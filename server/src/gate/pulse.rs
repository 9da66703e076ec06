//! The sender's sign of life.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// The sender looks around at least every 20 seconds; after three missed rounds it hangs.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How the sender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderHealth {
    /// It was not begun in this process.
    NotBegun,
    /// It does its rounds.
    Well,
    /// It has not looked around for a while.
    Silent,
    /// It has ended.
    Ended,
}

pub(super) struct Pulse {
    origin: Instant,
    /// Milliseconds after the origin, and one; 0: never.
    beat_ms: AtomicU64,
    ended: AtomicBool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { origin: Instant::now(), beat_ms: AtomicU64::new(0), ended: AtomicBool::new(false) }
    }
}

impl Pulse {
    /// The sender begins; what this gives is dropped when it ends, however it ends.
    pub fn begin(&self) -> Life<'_> {
        self.ended.store(false, Ordering::Relaxed);
        self.beat();
        Life(self)
    }

    pub fn beat(&self) {
        self.beat_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub fn health(&self) -> SenderHealth {
        self.health_at(self.now_ms())
    }

    fn health_at(&self, now_ms: u64) -> SenderHealth {
        let beat_ms = self.beat_ms.load(Ordering::Relaxed);
        let silence = Duration::from_millis(now_ms.saturating_sub(beat_ms));
        match beat_ms {
            0 => SenderHealth::NotBegun,
            _ if self.ended.load(Ordering::Relaxed) => SenderHealth::Ended,
            _ if silence > SILENCE_MAX => SenderHealth::Silent,
            _ => SenderHealth::Well,
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

pub(super) struct Life<'p>(&'p Pulse);

impl Drop for Life<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_an_end_are_told_apart() {
        let pulse = Pulse::default();
        assert_eq!(pulse.health(), SenderHealth::NotBegun);
        let life = pulse.begin();
        assert_eq!(pulse.health(), SenderHealth::Well);
        let now_ms = pulse.now_ms();
        assert_eq!(pulse.health_at(now_ms + 59_000), SenderHealth::Well);
        assert_eq!(pulse.health_at(now_ms + 61_000), SenderHealth::Silent);
        drop(life);
        assert_eq!(pulse.health(), SenderHealth::Ended);
        let _again = pulse.begin();
        assert_eq!(pulse.health(), SenderHealth::Well);
    }
}

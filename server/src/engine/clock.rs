//! Clocks: the real one, and one that tests and simulations move by hand.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Tells the time, cut to milliseconds, and waits for it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
    /// Waits until a time, or a little longer; returns at once when it is past.
    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()>;
    /// Waits for so long, whatever the clock is set to.
    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(how_long))
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The longest sleep without a look at the clock, which may be set or stand still (a suspended machine).
const SLEEP_MAX: Duration = Duration::from_secs(20);

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while let Ok(left) = (at - Utc::now()).to_std() {
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(SLEEP_MAX)).await;
            }
        })
    }
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub struct VirtualClock {
    now: Arc<Mutex<DateTime<Utc>>>,
    moved: watch::Sender<DateTime<Utc>>,
}

impl VirtualClock {
    /// A clock that shows this time.
    pub fn at(now: DateTime<Utc>) -> Self {
        let now = now.trunc_subsecs(3);
        Self { now: Arc::new(Mutex::new(now)), moved: watch::Sender::new(now) }
    }

    /// Moves it on to a time; it never goes back.
    pub fn advance_to(&self, at: DateTime<Utc>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = at.trunc_subsecs(3).max(*now);
        self.moved.send_replace(*now);
    }

    /// Moves it on by milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.advance_to(self.now() + TimeDelta::milliseconds(ms));
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            // An error means that the clock is gone; then its time never comes.
            if moved.wait_for(|now| *now >= at).await.is_err() {
                std::future::pending().await
            }
        })
    }
}

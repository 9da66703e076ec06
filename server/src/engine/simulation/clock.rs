//! A server's clock in virtual time, which may be set wrong.

use crate::engine::Clock;
use crate::store::model::Time;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use futures::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// The longest sleep without a look at the clock, as the machine's clock has it.
const SLEEP_MAX_MS: i64 = 20_000;

#[derive(Clone)]
pub(super) struct SimClock {
    time: Time,
    wrong_ms: Arc<AtomicI64>,
}

impl SimClock {
    /// A clock that is so much wrong.
    pub(super) fn new(time: Time, wrong_ms: i64) -> Self {
        Self { time, wrong_ms: Arc::new(AtomicI64::new(wrong_ms)) }
    }

    /// Sets it so much wrong.
    pub(super) fn set_wrong(&self, wrong_ms: i64) {
        self.wrong_ms.store(wrong_ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = i64::try_from(self.time.now_ms()).unwrap_or(i64::MAX);
        let base = Utc.timestamp_millis_opt(1_700_000_000_000).single().unwrap_or_default();
        base + TimeDelta::milliseconds(passed + self.wrong_ms.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            loop {
                let left = (at - clock.now()).num_milliseconds();
                if left <= 0 {
                    return;
                }
                let part = u64::try_from(left.min(SLEEP_MAX_MS)).unwrap_or(1);
                clock.time.sleep(part).await;
            }
        })
    }

    fn sleep(&self, how_long: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.time.sleep(u64::try_from(how_long.as_millis()).unwrap_or(u64::MAX)))
    }
}

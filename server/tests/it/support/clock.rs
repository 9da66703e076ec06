//! A clock that stands still until it is moved.

use chrono::{DateTime, TimeDelta, Utc};
use server::gate::Now;
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub struct TestClock(Arc<Mutex<DateTime<Utc>>>);

impl TestClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(DateTime::from_timestamp_millis(1_700_000_000_000).unwrap())))
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    pub fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }

    pub fn port(&self) -> Now {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

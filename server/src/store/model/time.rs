//! Virtual time: it stands still while anybody has something to do, then goes on to the next who waits.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Milliseconds since the world began; a handle, cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Time(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    now_ms: u64,
    number: u64,
    /// By when they want to be woken, then in the order in which they came.
    sleepers: BTreeMap<(u64, u64), Waker>,
}

impl Time {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.waiting().now_ms
    }

    pub(crate) fn sleep(&self, ms: u64) -> Sleep {
        let mut waiting = self.waiting();
        waiting.number += 1;
        let key = (waiting.now_ms.saturating_add(ms), waiting.number);
        Sleep { time: self.clone(), key }
    }

    /// Nobody has anything to do now.
    pub(crate) fn go_on(&self) {
        let mut waiting = self.waiting();
        let Some(((until_ms, _), waker)) = waiting.sleepers.pop_first() else { return };
        waiting.now_ms = waiting.now_ms.max(until_ms);
        drop(waiting);
        waker.wake();
    }
}

/// Waits for a time.
pub(crate) struct Sleep {
    time: Time,
    key: (u64, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.time.waiting();
        if waiting.now_ms >= self.key.0 {
            waiting.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        waiting.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.time.waiting().sleepers.remove(&self.key);
    }
}

//! Whether the engine is doing anything: how a virtual clock knows that it may move on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub(super) struct Activity(Arc<Shared>);

#[derive(Default)]
struct Shared {
    count: AtomicUsize,
    idle: Notify,
}

/// Something is going on as long as this lives.
pub(super) struct Busy(Arc<Shared>);

impl Activity {
    pub(super) fn enter(&self) -> Busy {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        Busy(self.0.clone())
    }

    /// Waits until nothing is going on.
    pub(super) async fn idle(&self) {
        loop {
            let notified = self.0.idle.notified();
            tokio::pin!(notified);
            notified.as_mut().enable(); // before the look, so that no change is missed
            if self.0.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

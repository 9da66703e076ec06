//! How long an answer of the database is waited for.
//!
//! A connection whose far side went away without a word looks sound: what was asked over it would be waited for until
//! the system gives it up, which takes a quarter of an hour. So each answer has a limit, and whoever finds one connection
//! dead while the database is well says so to all that wait ([`Breaks`]).

use std::{io, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Counts how often connections turned out to be dead without a word; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Breaks(Arc<watch::Sender<u64>>);

impl Breaks {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// How often so far.
    pub(super) fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Connections that were opened before may be dead: nobody waits for their answers any longer.
    pub(super) fn announce(&self) {
        self.0.send_modify(|times| *times += 1);
    }

    /// Changes with the next one.
    pub(super) fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// How long a pool waits for answers.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// None: for ever.
    most: Option<Duration>,
    breaks: Breaks,
}

impl Patience {
    /// For a database in this process, which answers in any case.
    pub(super) fn endless() -> Self {
        Self { most: None, breaks: Breaks::new() }
    }

    /// For a database that others reach too.
    pub(super) fn of(most: Duration, breaks: &Breaks) -> Self {
        Self { most: Some(most), breaks: breaks.clone() }
    }

    /// How often connections turned out to be dead so far.
    pub(super) fn breaks(&self) -> u64 {
        self.breaks.count()
    }

    /// The answer, or nothing when it is not waited for any longer.
    pub(super) async fn wait<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let Some(most) = self.most else { return Some(answer.await) };
        let mut broken = self.breaks.listen();
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            _ = broken.changed() => None,
            () = tokio::time::sleep(most) => None,
        }
    }
}

/// What a question came to whose answer is not waited for any longer.
pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_given_up() {
        let breaks = Breaks::new();
        let patience = Patience::of(Duration::from_millis(20), &breaks);
        assert_eq!(patience.wait(async { 1 }).await, Some(1));
        assert_eq!(patience.wait(std::future::pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn nobody_waits_for_connections_that_are_dead() {
        let breaks = Breaks::new();
        let patience = Patience::of(Duration::from_secs(600), &breaks);
        let dead = async {
            tokio::task::yield_now().await;
            breaks.announce();
        };
        let (answer, ()) = futures::join!(patience.wait(std::future::pending::<()>()), dead);
        assert_eq!((answer, patience.breaks()), (None, 1));
        assert_eq!(patience.wait(async { 1 }).await, Some(1), "those that were opened since");
    }
}

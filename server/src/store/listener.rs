//! Listening to the feed without being woken by every commit.

use super::FeedEntry;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

/// After what there was, the next is waited for so long at least: waking a listener costs whoever commits more than
/// most of its statements.
const PAUSE: Duration = Duration::from_millis(2);

/// What changes in every organisation from now on; see [`Store::feed`](super::Store::feed). The first change is heard
/// at once, those that follow closely are heard together.
pub struct FeedListener {
    feed: Receiver<Arc<FeedEntry>>,
    has_heard: bool,
}

impl FeedListener {
    pub(super) fn new(feed: Receiver<Arc<FeedEntry>>) -> Self {
        Self { feed, has_heard: false }
    }

    /// The next change; it may be dropped and asked again.
    pub async fn next(&mut self) -> Result<Arc<FeedEntry>, RecvError> {
        if self.has_heard {
            match self.feed.try_recv() {
                Ok(entry) => return Ok(entry),
                Err(TryRecvError::Lagged(missed)) => return Err(RecvError::Lagged(missed)),
                Err(TryRecvError::Closed) => return Err(RecvError::Closed),
                Err(TryRecvError::Empty) => {}
            }
            tokio::time::sleep(PAUSE).await;
            self.has_heard = false;
        }
        let heard = self.feed.recv().await;
        self.has_heard = true;
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use signalbox::id::OrganizationId;
    use tokio::{sync::broadcast, time::Instant};
    use uuid::Uuid;

    fn entry(number: i64) -> Arc<FeedEntry> {
        Arc::new(FeedEntry {
            organization: OrganizationId(Uuid::nil()),
            number,
            topic: "run".into(),
            resource: Uuid::nil(),
            payload: serde_json::Value::Null,
            at: DateTime::UNIX_EPOCH,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_heard_at_once_and_those_behind_it_together() {
        let (feed, receiver) = broadcast::channel(4);
        let (mut listener, began) = (FeedListener::new(receiver), Instant::now());
        feed.send(entry(1)).unwrap();
        assert_eq!(listener.next().await.unwrap().number, 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
        // Asked and dropped, as in a select: nothing is lost.
        let asked = tokio::time::timeout(Duration::from_millis(1), listener.next()).await;
        assert!(asked.is_err());
        for number in 2..4 {
            feed.send(entry(number)).unwrap();
        }
        for number in 2..4 {
            assert_eq!(listener.next().await.unwrap().number, number);
        }
        for number in 4..10 {
            feed.send(entry(number)).unwrap();
        }
        assert!(matches!(listener.next().await, Err(RecvError::Lagged(2))));
        assert_eq!(listener.next().await.unwrap().number, 6);
        drop(feed);
        for number in 7..10 {
            assert_eq!(listener.next().await.unwrap().number, number);
        }
        assert!(matches!(listener.next().await, Err(RecvError::Closed)));
    }
}

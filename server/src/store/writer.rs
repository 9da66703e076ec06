//! The writer of SQLite: one task, one connection, many operations a commit.
//!
//! While one group is being synced to disk the next operations queue up and become the next group,
//! so the group grows with the load and a lone write waits for nobody. An operation that asks nothing waits for the
//! next ones and is sent with them (`group`), inside a savepoint of its own; the first one of a group that asks
//! something runs without (undoing it undoes the group), each further one inside its own.

use super::{FaultPoint, Faults, FeedEntry, StoreError, StoreResult, Tx, sqlite};
use crate::metrics::metrics;
use futures::{FutureExt, future::BoxFuture};
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Operations in one commit.
const GROUP_MAX: usize = 64;
/// Operations that may wait; past it callers wait to be let in.
const QUEUE_MAX: usize = 1_024;

type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What an operation gave, and how to tell its caller.
struct Outcome {
    keep: bool,
    done: Done,
}

trait Operation: Send {
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx) -> BoxFuture<'t, Outcome>;
}

struct Op<F, T, E> {
    body: F,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Operation for Op<F, T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx) -> BoxFuture<'t, Outcome> {
        Box::pin(async move {
            let Self { body, reply } = *self;
            // A bug in one operation must not end the writer for all.
            let result = AssertUnwindSafe(async { body(tx).await }).catch_unwind().await;
            let result = result.unwrap_or_else(|_| {
                Err(StoreError::Unavailable("the operation broke off; this is a defect".into())
                    .into())
            });
            let keep = result.is_ok();
            let done: Done = Box::new(move |committed| {
                // A refusal too may rest on what others wrote in this group: without the commit it is void.
                let result = committed.map_err(E::from).and(result);
                let _ = reply.send(result); // the caller may have gone
            });
            Outcome { keep, done }
        })
    }
}

enum Message {
    Operation(Box<dyn Operation>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer.
pub(super) struct Handle {
    queue: mpsc::Sender<Message>,
    changes: Arc<AtomicU64>,
}

impl Handle {
    pub(super) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let message = Message::Operation(Box::new(Op { body, reply }));
        if self.queue.send(message).await.is_err() {
            return Err(StoreError::Unavailable("it is closed".into()).into());
        }
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("it closed meanwhile".into()).into()))
    }

    /// Counts commits that changed rows which are remembered.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Operations that wait.
    pub(super) fn waiting(&self) -> usize {
        QUEUE_MAX.saturating_sub(self.queue.capacity())
    }

    /// Whether nobody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting() == 0
    }

    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

pub(super) fn start(
    tx: Tx,
    reopen: sqlite::Reopen,
    feed: broadcast::Sender<Arc<FeedEntry>>,
    faults: Option<Arc<dyn Faults>>,
) -> Handle {
    let (queue, messages) = mpsc::channel(QUEUE_MAX);
    let changes = Arc::new(AtomicU64::new(0));
    let writer = Writer { tx, reopen, messages, feed, changes: changes.clone(), faults };
    tokio::spawn(writer.run());
    Handle { queue, changes }
}

struct Writer {
    tx: Tx,
    reopen: sqlite::Reopen,
    messages: mpsc::Receiver<Message>,
    feed: broadcast::Sender<Arc<FeedEntry>>,
    changes: Arc<AtomicU64>,
    faults: Option<Arc<dyn Faults>>,
}

/// What became of a group.
enum Group {
    Done,
    /// The connection may be in any state: open a new one.
    Broken,
    /// A test let the process "die".
    Struck,
}

impl Writer {
    async fn run(mut self) {
        let mut closing = None;
        while let Some(message) = self.messages.recv().await {
            let first = match message {
                Message::Operation(operation) => operation,
                Message::Close(reply) => {
                    closing = Some(reply);
                    break;
                }
            };
            let (group, close) = self.group(first).await;
            match group {
                Group::Done => {}
                Group::Broken => self.reconnect().await,
                Group::Struck => break,
            }
            if close.is_some() {
                closing = close;
                break;
            }
        }
        self.messages.close();
        if let super::tx::Conn::Sqlite(conn) = self.tx.conn {
            sqlite::close(conn).await;
        }
        if let Some(reply) = closing {
            let _ = reply.send(());
        }
    }

    /// Runs operations until the queue is empty or the group is full, commits, answers.
    async fn group(&mut self, first: Box<dyn Operation>) -> (Group, Option<oneshot::Sender<()>>) {
        let mut answers: Vec<Done> = Vec::new();
        let mut next = Some(first);
        let mut closing = None;
        let mut open = false;
        let began = Instant::now();
        while let Some(operation) = next.take() {
            // Nobody else waits: what it gathers can go out with the commit.
            let alone = !open && self.messages.is_empty() && self.faults.is_none();
            if let Err(error) = self.run_one(operation, alone, &mut open, &mut answers).await {
                return (self.fail(error, answers).await, closing);
            }
            if alone || answers.len() >= GROUP_MAX {
                break;
            }
            match self.messages.try_recv() {
                Ok(Message::Operation(operation)) => next = Some(operation),
                Ok(Message::Close(reply)) => closing = Some(reply),
                Err(_) => {}
            }
        }
        if !open {
            return (Group::Done, closing);
        }
        (self.commit(answers, began).await, closing)
    }

    async fn run_one(
        &mut self,
        operation: Box<dyn Operation>,
        alone: bool,
        open: &mut bool,
        answers: &mut Vec<Done>,
    ) -> Result<(), StoreError> {
        let first = !*open;
        if first {
            self.tx.begin();
        } else {
            self.tx.savepoint();
        }
        *open = true;
        self.tx.group_operation_begin();
        let outcome = operation.run(&mut self.tx).await;
        let broke = match outcome.keep {
            // Its commit follows in one piece.
            true if alone => None,
            true => self.tx.group_operation_end(answers.len()).await.err(),
            false => None,
        };
        if let Some(error) = self.tx.group.take_broken() {
            answers.push(outcome.done);
            return Err(error);
        }
        if outcome.keep && broke.is_none() {
            self.tx.feed.operation_end();
            answers.push(outcome.done);
            return Ok(());
        }
        self.tx.feed.operation_undo();
        let told = broke.map_or(Ok(()), Err);
        if first {
            *open = false;
            let undone = self.tx.rollback().await;
            (outcome.done)(told);
            return undone;
        }
        // Why it failed may be an operation before it in this group, so its caller hears of it only
        // when that one can be read.
        let done = outcome.done;
        answers.push(Box::new(move |committed| done(committed.and(told))));
        self.tx.feed.operation_end();
        self.tx.savepoint_undo().await
    }

    /// Sends what waits, numbers the feed, commits.
    async fn end(&mut self) -> StoreResult<()> {
        self.tx.group_send().await?;
        self.tx.feed_number().await?;
        self.tx.commit().await
    }

    async fn commit(&mut self, mut answers: Vec<Done>, began: Instant) -> Group {
        if self.struck(FaultPoint::BeforeCommit) {
            self.tx.give_up().await;
            return self.strike(answers);
        }
        if let Err(error) = self.end().await {
            if !matches!(error, StoreError::Unavailable(_))
                && answers.len() == 1
                && self.tx.rollback().await.is_ok()
            {
                // A rule refused what the one operation wrote, and nothing else happened.
                self.tx.feed.undo();
                answers.drain(..).for_each(|done| done(Err(error.clone())));
                return Group::Done;
            }
            return self.fail(error, answers).await;
        }
        if self.struck(FaultPoint::AfterCommit) {
            return self.strike(answers);
        }
        self.note_changes();
        metrics().committed(answers.len(), began.elapsed());
        // Before the callers are answered: who is woken last goes on first, and on the same thread.
        for entry in self.tx.feed.take() {
            let _ = self.feed.send(Arc::new(entry)); // nobody may be listening
        }
        let mut failed = self.tx.group.take_failed();
        for (operation, done) in answers.into_iter().enumerate() {
            let at = failed.iter().position(|(of, _)| *of == operation);
            done(at.map_or(Ok(()), |at| Err(failed.swap_remove(at).1)));
        }
        Group::Done
    }

    async fn fail(&mut self, error: StoreError, answers: Vec<Done>) -> Group {
        tracing::error!(%error, operations = answers.len(), "a group of writes failed");
        self.tx.give_up().await;
        self.tx.feed.undo();
        self.note_changes(); // what became of the commit may not be known
        for done in answers {
            done(Err(error.clone()));
        }
        Group::Broken
    }

    /// Before anybody hears of a change, what was remembered of such rows is out of date.
    fn note_changes(&mut self) {
        if std::mem::take(&mut self.tx.catalogue_changed) {
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn struck(&self, point: FaultPoint) -> bool {
        self.faults.as_ref().is_some_and(|faults| faults.strike(point))
    }

    fn strike(&self, answers: Vec<Done>) -> Group {
        for done in answers {
            done(Err(StoreError::Unavailable("an injected fault".into())));
        }
        Group::Struck
    }

    /// A fresh connection; until there is one, writes wait (their queue is bounded).
    async fn reconnect(&mut self) {
        let mut pause = std::time::Duration::from_millis(50);
        loop {
            match self.reopen.connect().await {
                Ok(conn) => {
                    self.tx = Tx::sqlite(conn);
                    return;
                }
                Err(error) => tracing::error!(%error, "the database cannot be opened again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(std::time::Duration::from_secs(5));
        }
    }
}

//! The writer of SQLite: one task, one connection, many operations a commit.
//!
//! While one group is being synced to disk the next operations queue up and become the next group,
//! so the group grows with the load and a lone write waits for nobody. The first operation of a
//! group runs without a savepoint (undoing it undoes the group), each further one inside its own.

use super::{FaultPoint, Faults, FeedEntry, StoreError, Tx, sqlite};
use futures::{FutureExt, future::BoxFuture};
use std::{panic::AssertUnwindSafe, sync::Arc};
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
    fn refuse(self: Box<Self>, error: StoreError);
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

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error.into()));
    }
}

enum Message {
    Operation(Box<dyn Operation>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer.
pub(super) struct Handle {
    queue: mpsc::Sender<Message>,
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
    let writer = Writer { tx, reopen, messages, feed, faults };
    tokio::spawn(writer.run());
    Handle { queue }
}

struct Writer {
    tx: Tx,
    reopen: sqlite::Reopen,
    messages: mpsc::Receiver<Message>,
    feed: broadcast::Sender<Arc<FeedEntry>>,
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
        while let Some(operation) = next.take() {
            if let Err(error) = self.run_one(operation, &mut open, &mut answers).await {
                return (self.fail(error, answers).await, closing);
            }
            if answers.len() >= GROUP_MAX {
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
        (self.commit(answers).await, closing)
    }

    async fn run_one(
        &mut self,
        operation: Box<dyn Operation>,
        open: &mut bool,
        answers: &mut Vec<Done>,
    ) -> Result<(), StoreError> {
        let first = !*open;
        let began = if first { self.tx.begin().await } else { self.tx.savepoint().await };
        if let Err(error) = began {
            operation.refuse(error.clone());
            return Err(error);
        }
        *open = true;
        let mark = self.tx.feed.len();
        let outcome = operation.run(&mut self.tx).await;
        if outcome.keep {
            answers.push(outcome.done);
            return if first { Ok(()) } else { self.tx.savepoint_keep().await };
        }
        self.tx.feed.truncate(mark);
        if first {
            self.tx.rollback().await;
            *open = false;
            (outcome.done)(Ok(()));
            return Ok(());
        }
        // Why it failed may be an operation before it in this group, so its caller hears of it only
        // when that one can be read.
        answers.push(outcome.done);
        self.tx.savepoint_undo().await
    }

    async fn commit(&mut self, answers: Vec<Done>) -> Group {
        let entries = match self.tx.feed_flush().await {
            Ok(entries) => entries,
            Err(error) => return self.fail(error, answers).await,
        };
        if self.struck(FaultPoint::BeforeCommit) {
            self.tx.rollback().await;
            return self.strike(answers);
        }
        if let Err(error) = self.tx.commit().await {
            return self.fail(error, answers).await;
        }
        if self.struck(FaultPoint::AfterCommit) {
            return self.strike(answers);
        }
        for done in answers {
            done(Ok(()));
        }
        for entry in entries {
            let _ = self.feed.send(Arc::new(entry)); // nobody may be listening
        }
        Group::Done
    }

    async fn fail(&mut self, error: StoreError, answers: Vec<Done>) -> Group {
        tracing::error!(%error, operations = answers.len(), "a group of writes failed");
        self.tx.rollback().await;
        self.tx.feed.reset();
        for done in answers {
            done(Err(error.clone()));
        }
        Group::Broken
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

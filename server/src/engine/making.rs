//! A call that is being made, and looks that are made while their intent is on its way to disk.
//!
//! The world is asked only after the commit. A look changes nothing and asks nobody outside, so it may be made at the
//! same time: what it found counts once the commit is on disk, and is dropped when that fails. A step that looks then
//! takes about as long as its commit.

use super::{CallContext, CallOutcome, EngineHandle, Inner, commit::Plan};
use crate::{
    store::{OpenCall, RunWrite},
    telemetry,
};
use futures::{
    FutureExt,
    future::{BoxFuture, MaybeDone, maybe_done},
};
use signalbox::{id::CallId, run::CallRequest};
use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{Instrument, Span, debug_span, field};

/// Looks of one commit that are made beside it, at most; the others are made after it.
const LOOKS_MAX: usize = 4;

/// What a call came to; an error is what it panicked with.
pub(super) type Made = Result<CallOutcome, Box<dyn Any + Send>>;

/// A call that is being made.
pub(super) struct Making {
    /// Its span, in its run's trace.
    pub span: Span,
    future: MaybeDone<BoxFuture<'static, Made>>,
}

impl Making {
    /// What it comes to; to be asked once.
    pub(super) async fn made(&mut self) -> Made {
        (&mut self.future).await;
        let made = Pin::new(&mut self.future).take_output();
        made.unwrap_or_else(|| Err(Box::new("it was asked twice")))
    }

    /// What is not done goes on by itself: it may hold a connection, and nobody looks after it while it waits for its
    /// turn. It ends when it is dropped.
    fn by_itself(mut self) -> Self {
        if let MaybeDone::Future(future) = self.future {
            let task = AbortOnDropHandle::new(tokio::spawn(future));
            let done =
                async move { task.await.unwrap_or_else(|broke_off| Err(Box::new(broke_off))) };
            self.future = maybe_done(done.boxed());
        }
        self
    }

    fn go_on(&mut self, context: &mut Context<'_>) {
        let _ = self.future.poll_unpin(context); // what it came to stays in it
    }
}

/// Looks that go on beside a commit.
pub(super) struct Looks(Vec<(CallId, Making)>);

impl Looks {
    /// None.
    pub(super) fn none() -> Self {
        Self(vec![])
    }

    /// Goes on with them for as long as the commit takes.
    pub(super) async fn beside<T>(&mut self, commit: impl Future<Output = T>) -> T {
        if self.0.is_empty() {
            return commit.await;
        }
        let going_on = async {
            // The commit is on its way to the database first: it takes longer.
            tokio::task::yield_now().await;
            std::future::poll_fn(|context| -> Poll<Infallible> {
                self.0.iter_mut().for_each(|(_, look)| look.go_on(context));
                Poll::Pending
            })
            .await
        };
        tokio::select! {
            biased;
            done = commit => done,
            never = going_on => match never {},
        }
    }

    /// That of a call, if there is one, on its own from here.
    pub(super) fn take(&mut self, call: CallId) -> Option<Making> {
        let place = self.0.iter().position(|(of, _)| *of == call)?;
        Some(self.0.swap_remove(place).1.by_itself())
    }
}

impl Inner {
    /// Begins a call.
    pub(super) fn begin(self: &Arc<Self>, call: &OpenCall, cancelled: CancellationToken) -> Making {
        let context = CallContext {
            organization: call.organization,
            run: call.run,
            node: call.node.clone(),
            activation: call.activation,
            attempt: call.attempt,
            call: call.call,
            repeats: call.route.repeats,
            engine: EngineHandle { inner: self.clone() },
            cancelled,
        };
        let (executor, request, span) =
            (self.executor.clone(), call.request.clone(), span_of(call));
        let making = async move { executor.execute(context, request).await };
        let making = AssertUnwindSafe(making).catch_unwind().instrument(span.clone()).boxed();
        Making { span, future: maybe_done(making) }
    }

    /// The looks of a decision, which may be made while it is written. Not those that must find what the commit writes
    /// beside the run's own rows, nor those that wait for their turn.
    pub(super) fn looks_of(self: &Arc<Self>, plan: &Plan, rides: bool) -> Looks {
        let own =
            |write: &RunWrite| matches!(write, RunWrite::CallOpen(_) | RunWrite::CallClose(_));
        if rides || self.stop.is_cancelled() || !plan.commit.writes.iter().all(own) {
            return Looks::none();
        }
        let looks = plan
            .calls
            .iter()
            .filter(|call| call.route.queue.is_none() && self.executor.only_looks(&call.request));
        let begun = looks.take(LOOKS_MAX);
        Looks(begun.map(|call| (call.call, self.begin(call, CancellationToken::new()))).collect())
    }
}

/// The span of a call, in its run's trace.
fn span_of(call: &OpenCall) -> Span {
    let name = match &call.request {
        CallRequest::Tool { tool, .. } => tool.as_str(),
        CallRequest::Model(_) => "model",
        CallRequest::Task(_) => "task",
        CallRequest::Run(_) => "run",
        CallRequest::Score(_) => "score",
    };
    let span = debug_span!(
        parent: None,
        "call",
        otel.name = name,
        otel.status_code = field::Empty,
        run = %call.run,
        node = %call.node,
        call = %call.call,
        attempt = i64::from(call.attempt),
        outcome = field::Empty,
    );
    telemetry::of_run(span, call.run)
}

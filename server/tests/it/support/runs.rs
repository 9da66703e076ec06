//! Runs that write down what they are told, in place of the engine.

use futures::{FutureExt, future::BoxFuture};
use server::{
    gate::{Letter, Ride, Runs, TellError, Written},
    store::{Store, StoreError},
};
use signalbox::{
    expr::ValueScope,
    id::{OrganizationId, RunId},
    run::{ActivationId, Command, Refusal, StepError},
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

/// Accepts every command, or (once it ended) none.
#[derive(Clone)]
pub struct NotedRuns {
    store: Store,
    told: Arc<Mutex<Vec<Command>>>,
    ended: Arc<AtomicBool>,
    set_aside: Arc<Mutex<Option<RunId>>>,
}

impl NotedRuns {
    pub fn new(store: Store) -> Self {
        Self { store, told: Arc::default(), ended: Arc::default(), set_aside: Arc::default() }
    }

    /// What was told so far, in order.
    pub fn told(&self) -> Vec<Command> {
        self.told.lock().unwrap().clone()
    }

    /// From now on every command is refused.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// A run that cannot be read, and so not be told anything; none, when it can again.
    pub fn set_aside(&self, run: Option<RunId>) {
        *self.set_aside.lock().unwrap() = run;
    }
}

impl Runs for NotedRuns {
    fn tell(
        &self,
        _: OrganizationId,
        run: RunId,
        command: Command,
        ride: Ride,
    ) -> BoxFuture<'_, Result<(), TellError>> {
        async move {
            if self.ended.load(Ordering::SeqCst) {
                return Err(TellError::Refused(Refusal::Ended));
            }
            if *self.set_aside.lock().unwrap() == Some(run) {
                return Err(StoreError::Unavailable("the run was set aside".into()).into());
            }
            self.store.write(move |tx| async move { ride(tx).await }.boxed()).await?;
            self.told.lock().unwrap().push(command);
            Ok(())
        }
        .boxed()
    }

    /// Knows what is known of the message, and nothing of a run.
    fn write(
        &self,
        _: OrganizationId,
        _: RunId,
        _: ActivationId,
        letter: Letter,
    ) -> BoxFuture<'_, Result<Written, StepError>> {
        let scope = ValueScope::new(letter.about.clone().into(), 0);
        async move { letter.write(&scope, &scope) }.boxed()
    }
}

//! The port through which the engine asks the world.

use super::EngineHandle;
use crate::store::{StoreResult, Tx};
use futures::future::BoxFuture;
use serde_json::Value;
use signalbox::{
    id::{CallId, MessageId, NodeId, OrganizationId, RunId},
    run::{ActivationId, CallRequest, StepError, Usage},
};
use tokio_util::sync::CancellationToken;

/// For whom a call is made.
#[derive(Clone)]
pub struct CallContext {
    /// Whose.
    pub organization: OrganizationId,
    /// Which run.
    pub run: RunId,
    /// Which node.
    pub node: NodeId,
    /// Which activation of it.
    pub activation: ActivationId,
    /// Which try, from 1.
    pub attempt: u32,
    /// The stable key: the same over all attempts of this activation, and after a crash.
    pub call: CallId,
    /// The message that it would send again: then a person must approve, whatever a rule says.
    pub repeats: Option<MessageId>,
    /// To tell the run more than a result.
    pub engine: EngineHandle,
    /// Cancelled when nobody wants the result any more.
    pub cancelled: CancellationToken,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallOutcome {
    /// It gave a result.
    Succeeded {
        /// The output.
        output: Value,
        /// Model cost.
        usage: Option<Usage>,
    },
    /// It failed.
    Failed {
        /// Why.
        error: StepError,
        /// What the other side asks to wait before a retry, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The step need not be done: the path goes on.
    Bypassed {
        /// Why.
        reason: String,
    },
    /// The executor has told the run itself ([`Command::CallParked`](signalbox::run::Command::CallParked),
    /// [`Command::MessageMoved`](signalbox::run::Command::MessageMoved)) and will tell it the result.
    Parked,
}

/// Which calls of a run are not wanted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// This one.
    Call(CallId),
    /// All: the run is over, and held some.
    Run,
}

/// Makes calls: tools, models, the send gate.
pub trait CallExecutor: Send + Sync + 'static {
    /// Makes a call. The engine may give up waiting (timeout, shutdown) and drop the future; what
    /// must not break off half way belongs into a task of the executor's own. After a crash the same
    /// call is made again with the same key and attempt.
    fn execute(&self, context: CallContext, request: CallRequest) -> BoxFuture<'_, CallOutcome>;

    /// Whether making this call only reads rows of this database, briefly: then it may be made before its intent is on
    /// disk, and be dropped at any point. What it finds counts only after that.
    fn only_looks(&self, request: &CallRequest) -> bool {
        let _ = request;
        false
    }

    /// Whether it makes tasks and runs of other workflows too, instead of outside workers and the engine: for runs
    /// whose world is made up.
    fn does_tasks(&self) -> bool {
        false
    }

    /// Calls that are not wanted any more, inside the transaction that says so: the place to recall
    /// messages that are held or scheduled. An error undoes the whole commit.
    fn close<'t>(
        &'t self,
        tx: &'t mut Tx,
        organization: OrganizationId,
        run: RunId,
        closing: Closing,
    ) -> BoxFuture<'t, StoreResult<()>> {
        let _ = (tx, organization, run, closing);
        Box::pin(std::future::ready(Ok(())))
    }
}

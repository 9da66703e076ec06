//! The person at the inbox: approves what waits, and looks doubtful mails up at the mail server.

use crate::sink::Sink;
use signalbox::client::Client;
use signalbox::run::ApprovalKind;
use signalbox::wire::{
    ApprovalState, ApprovalView, Decide, DecideKind, PageQuery, UncertainChoice,
};
use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What the person said about doubtful mails: how often each subject was sent again.
#[derive(Clone, Debug, Default)]
pub struct Doubts {
    pub arrived: u64,
    pub resent: BTreeMap<String, u64>,
    /// What the server answered when something could not be decided or read, and how often.
    pub refusals: BTreeMap<String, u64>,
}

impl Doubts {
    /// At most 20 different ones.
    fn refused(&mut self, why: String) {
        if self.refusals.len() < 20 || self.refusals.contains_key(&why) {
            *self.refusals.entry(why).or_insert(0) += 1;
        }
    }
}

pub struct Approver {
    stop: Arc<AtomicBool>,
    doubts: Arc<Mutex<Doubts>>,
    task: JoinHandle<()>,
}

impl Approver {
    pub fn start(client: Client, sink: Sink) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let doubts = Arc::new(Mutex::new(Doubts::default()));
        let task = tokio::spawn(work(client, sink, stop.clone(), doubts.clone()));
        Self { stop, doubts, task }
    }

    pub async fn stop(self) -> Doubts {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the approver ends");
        let doubts = self.doubts.lock().expect("not poisoned");
        doubts.clone()
    }
}

/// How long the person waits for an answer before asking again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The answer, or in words why there is none.
async fn answer<T>(
    asked: impl Future<Output = Result<T, impl std::fmt::Display>>,
) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer in {PATIENCE:?}")),
    }
}

async fn work(client: Client, sink: Sink, stop: Arc<AtomicBool>, doubts: Arc<Mutex<Doubts>>) {
    let page = PageQuery { limit: Some(200), ..Default::default() };
    while !stop.load(Ordering::Relaxed) {
        match answer(client.approvals(Some(ApprovalState::Pending), &page)).await {
            Ok(waiting) => {
                for approval in waiting.items {
                    decide(&client, &sink, &doubts, approval).await;
                }
            }
            Err(why) => doubts.lock().expect("not poisoned").refused(why),
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

async fn decide(client: &Client, sink: &Sink, doubts: &Mutex<Doubts>, approval: ApprovalView) {
    let mut body = Decide {
        decision: DecideKind::Approve,
        revision: approval.revision,
        edits: None,
        answer: serde_json::Value::Null,
        reason: String::new(),
        retry: false,
        uncertain: None,
    };
    let mut resend = None;
    if approval.kind == ApprovalKind::Uncertain {
        let Ok(detail) = answer(client.approval(approval.id)).await else { return };
        let Some(message) = detail.message else { return };
        body.decision = DecideKind::Resolve;
        let arrived = sink.accepted(&message.subject) > 0;
        if arrived {
            body.uncertain = Some(UncertainChoice::MarkSent);
        } else {
            body.uncertain = Some(UncertainChoice::Resend);
            resend = Some(message.subject);
        }
    }
    let doubtful = approval.kind == ApprovalKind::Uncertain;
    // The server may die before it answers: the decision may hold all the same. What was meant
    // is counted before it is sent; a repeat is refused by the server as decided already.
    if let Some(subject) = &resend {
        *doubts.lock().expect("not poisoned").resent.entry(subject.clone()).or_insert(0) += 1;
    }
    let answer = answer(client.decide(approval.id, &body)).await;
    if let Err(why) = &answer {
        doubts.lock().expect("not poisoned").refused(why.clone());
    }
    if doubtful && resend.is_none() && answer.is_ok() {
        doubts.lock().expect("not poisoned").arrived += 1;
    }
}

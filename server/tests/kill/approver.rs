//! The person at the inbox: approves what waits, and looks doubtful mails up at the mail server.

use crate::sink::Sink;
use signalbox::client::Client;
use signalbox::id::ApprovalId;
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
    /// Decisions to send again that got no answer, with the subject: they may hold or not.
    unanswered: BTreeMap<ApprovalId, String>,
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

    /// Ends it. What became of decisions without an answer is asked of the server.
    pub async fn stop(self, client: &Client) -> Doubts {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the approver ends");
        let mut doubts = self.doubts.lock().expect("not poisoned").clone();
        for (approval, subject) in std::mem::take(&mut doubts.unanswered) {
            let detail = client.approval(approval).await.expect("an approval that was asked for");
            if detail.approval.state == ApprovalState::Approved {
                *doubts.resent.entry(subject).or_insert(0) += 1;
            }
        }
        doubts
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
    let answer = answer(client.decide(approval.id, &body)).await;
    let mut doubts = doubts.lock().expect("not poisoned");
    match (answer, resend) {
        (Ok(_), resend) => {
            // Whatever was tried before, this is what was decided.
            doubts.unanswered.remove(&approval.id);
            match resend {
                Some(subject) => *doubts.resent.entry(subject).or_insert(0) += 1,
                None if doubtful => doubts.arrived += 1,
                None => {}
            }
        }
        (Err(why), resend) => {
            doubts.refused(why);
            // The server may have died before it answered: the decision may hold all the same.
            if let Some(subject) = resend {
                doubts.unanswered.insert(approval.id, subject);
            }
        }
    }
}

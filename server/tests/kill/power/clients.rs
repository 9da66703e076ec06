//! Those who work with the server until its power goes, and what they were told.

use crate::report::repeated;
use serde_json::{Value, json};
use signalbox::client::Client;
use signalbox::id::{ApprovalId, RunId, WorkflowId};
use signalbox::run::Event;
use signalbox::wire::{ApprovalState, Decide, DecideKind, PageQuery, RunStart};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Between two looks, and between two rounds of the person.
const PAUSE: Duration = Duration::from_millis(8);
/// Between two runs of one client: few enough that the person keeps up.
const START_PAUSE: Duration = Duration::from_millis(25);
/// Runs whose events are looked at in turn, the newest.
const LOOKED_AT: usize = 10;

/// How the server is reached.
#[derive(Clone)]
pub struct Doors {
    pub client: Client,
    pub hook: String,
    pub by_webhook: WorkflowId,
    pub by_hand: WorkflowId,
}

/// What was answered with 2xx, and what was shown.
#[derive(Debug, Default)]
pub struct Ledger {
    started: Vec<RunId>,
    decided: BTreeSet<ApprovalId>,
    seen: BTreeMap<RunId, Vec<Event>>,
}

impl Ledger {
    pub fn runs(&self) -> impl Iterator<Item = RunId> {
        self.started.iter().copied()
    }

    pub fn acknowledged(&self) -> usize {
        self.started.len() + self.decided.len()
    }

    pub fn steps_seen(&self) -> usize {
        self.seen.values().map(Vec::len).sum()
    }

    /// What of it the server does not know any more, in words.
    pub async fn lost(&self, client: &Client) -> Vec<String> {
        let mut lost = Vec::new();
        for run in &self.started {
            if let Err(error) = client.run(*run).await {
                lost.push(format!("run {run}: {error}"));
            }
        }
        for (run, seen) in &self.seen {
            let events = client.run_events(*run, 0).await.map_or(Vec::new(), |page| page.events);
            if !events.starts_with(seen) {
                lost.push(format!("run {run}: {} events seen, other ones there", seen.len()));
            }
            if !repeated(&events).is_empty() {
                lost.push(format!("run {run}: a committed step was made again"));
            }
        }
        for approval in &self.decided {
            let state = client.approval(*approval).await.map(|detail| detail.approval.state);
            if !matches!(state, Ok(ApprovalState::Approved)) {
                lost.push(format!("approval {approval}: {state:?}"));
            }
        }
        lost
    }
}

/// The clients of one round.
pub struct Clients {
    stop: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Two who start runs, one who decides, one who looks.
    pub fn start(doors: &Doors, round: u64) -> Self {
        let mut clients = Self::person_only(doors);
        let share = || (doors.clone(), clients.ledger.clone(), clients.stop.clone());
        let (by_webhook, by_hand, looker) = (share(), share(), share());
        clients.tasks.push(tokio::spawn(start_by_webhook(by_webhook, round)));
        clients.tasks.push(tokio::spawn(start_by_hand(by_hand, round)));
        clients.tasks.push(tokio::spawn(look(looker)));
        clients
    }

    /// One who decides.
    pub fn person_only(doors: &Doors) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let ledger: Arc<Mutex<Ledger>> = Arc::default();
        let share = (doors.clone(), ledger.clone(), stop.clone());
        Self { stop, ledger, tasks: vec![tokio::spawn(decide(share))] }
    }

    /// Ends them. Requests that have no answer yet do not count.
    pub async fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a client ends");
        }
        std::mem::take(&mut *self.ledger.lock().expect("not poisoned"))
    }
}

type Share = (Doors, Arc<Mutex<Ledger>>, Arc<AtomicBool>);

async fn start_by_webhook((doors, ledger, stop): Share, round: u64) {
    let sender = reqwest::Client::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let request = sender
            .post(&doors.hook)
            .header("content-type", "application/json")
            .header("idempotency-key", format!("cut-{round}-{number}"))
            .body(json!({"number": number}).to_string());
        if let Some(run) = accepted(request).await {
            ledger.lock().expect("not poisoned").started.push(run);
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// The run of an answer with 2xx.
async fn accepted(request: reqwest::RequestBuilder) -> Option<RunId> {
    let answer = request.send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let body: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
    body["run"].as_str()?.parse().ok()
}

async fn start_by_hand((doors, ledger, stop): Share, round: u64) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let body = RunStart { input: json!({"body": {"number": number}}), ..Default::default() };
        let key = format!("cut-{round}-{number}");
        if let Ok(started) = doors.client.run_start(doors.by_hand, &body, Some(&key)).await {
            ledger.lock().expect("not poisoned").started.push(started.id);
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

async fn decide((doors, ledger, stop): Share) {
    let page = PageQuery { limit: Some(50), ..Default::default() };
    while !stop.load(Ordering::Relaxed) {
        let waiting = doors.client.approvals(Some(ApprovalState::Pending), &page).await;
        for approval in waiting.map_or(Vec::new(), |page| page.items) {
            let body = Decide {
                decision: DecideKind::Approve,
                revision: approval.revision,
                edits: None,
                answer: Value::Null,
                reason: String::new(),
                retry: false,
                uncertain: None,
            };
            if doors.client.decide(approval.id, &body).await.is_ok() {
                ledger.lock().expect("not poisoned").decided.insert(approval.id);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look((doors, ledger, stop): Share) {
    while !stop.load(Ordering::Relaxed) {
        let newest: Vec<RunId> = {
            let ledger = ledger.lock().expect("not poisoned");
            ledger.started.iter().rev().take(LOOKED_AT).copied().collect()
        };
        for run in newest {
            if let Ok(page) = doors.client.run_events(run, 0).await {
                ledger.lock().expect("not poisoned").seen.insert(run, page.events);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

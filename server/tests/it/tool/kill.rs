//! The process dies at each commit of a whole run with a real engine and a real mail server: the run
//! ends all the same, nothing is sent twice, and every doubt is in the inbox.

use crate::support::{
    folder::Folder,
    smtp_sink::SmtpSink,
    town::{Town, action},
};
use serde_json::{Value, json};
use server::store::{self, FaultPoint, Faults, Store, StoreOptions};
use signalbox::{
    id::*,
    run::{ApprovalKind, RunPhase},
    wire::*,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Strikes at the n-th commit.
struct Nth {
    left: AtomicUsize,
    point: FaultPoint,
}

impl Faults for Nth {
    fn strike(&self, point: FaultPoint) -> bool {
        point == self.point && self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

fn nodes() -> Value {
    json!([
        action("make", "customer.create", json!({ "name": "Ada", "email": "ada@example.com" })),
        action(
            "mail",
            "email.send",
            json!({
                "customerId": "{{steps.make.output.id}}", "subject": "Hi", "body": "Hello {{steps.make.output.name}}\n",
            })
        ),
    ])
}

/// One life: approves what waits and says "it arrived" about doubts, until the run is over, the store
/// dies or the time is up. Gives the run's phase.
async fn live(town: &Town, run: RunId, limit: Duration) -> Option<RunPhase> {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        let phase =
            store::run_fetch(&town.store, town.organization, run).await.ok()?.status.phase();
        if phase.is_terminal() {
            return Some(phase);
        }
        let page = PageQuery::default();
        let state = Some(ApprovalState::Pending);
        for row in town.gate.approvals(town.organization, state, &page).await.ok()?.items {
            let doubt = row.kind == ApprovalKind::Uncertain;
            let decide = Decide {
                decision: if doubt { DecideKind::Resolve } else { DecideKind::Approve },
                revision: row.revision,
                edits: None,
                answer: Value::Null,
                retry: false,
                reason: String::new(),
                uncertain: doubt.then_some(UncertainChoice::MarkSent),
            };
            let _ = town.gate.decide(&town.decider(), row.id, &decide).await;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

async fn one_case(point: FaultPoint, nth: usize) -> bool {
    let (folder, sink) = (Folder::new(), SmtpSink::start().await);
    let organization = OrganizationId(Uuid::now_v7());
    let setup = Town::over(Store::open(&folder.0).await.unwrap(), organization, "");
    setup.use_sink(&sink).await;
    let workflow = setup.publish(nodes()).await;
    let run = setup.start(workflow, json!({})).await;
    let store = setup.store.clone();
    setup.stop().await;
    store.close().await;

    let faults = Arc::new(Nth { left: AtomicUsize::new(nth), point });
    let options = StoreOptions { faults: Some(faults.clone()), ..StoreOptions::default() };
    let store = Store::open_with(&folder.0, options).await.unwrap();
    let dying = Town::over(store.clone(), organization, "");
    let first = live(&dying, run, Duration::from_millis(2_500)).await;
    let struck = faults.left.load(Ordering::SeqCst).wrapping_sub(1) > nth;
    let _ = tokio::time::timeout(Duration::from_secs(20), dying.stop()).await;
    store.close().await;

    let store = Store::open(&folder.0).await.unwrap();
    let town = Town::over(store.clone(), organization, "");
    let second = live(&town, run, Duration::from_secs(20)).await;
    let case = format!(
        "{point:?} of commit {nth}: {first:?}, then {second:?}, {} arrived",
        sink.received().len()
    );
    assert_eq!(second, Some(RunPhase::Completed), "{case}");
    assert!(sink.received().len() <= 1, "{case}");
    let filter = store::ContactFilter::default();
    let everyone = store::contact_list(&store, organization, &filter, None, 9).await.unwrap();
    assert_eq!(everyone.len(), 1, "the customer was made once: {case}");
    town.stop().await;
    store.close().await;
    struck
}

#[tokio::test]
async fn a_run_survives_the_loss_of_any_commit() {
    for point in [FaultPoint::BeforeCommit, FaultPoint::AfterCommit] {
        let mut nth = 1;
        while one_case(point, nth).await {
            nth += 1;
            assert!(nth < 60, "the story has no end");
        }
        assert!(nth > 3, "{point:?} struck only {nth} times");
    }
}

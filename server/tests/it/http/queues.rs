//! Named queues of steps: how many of their calls are made at once, set and changed while the server runs.

use super::{
    support::{Making, Organization, Server},
    tasks::task_document,
    workflows::published,
};
use crate::support::database::{Place, on_each};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::engine::{CallContext, CallExecutor, CallOutcome};
use signalbox::{
    client::{Client, Method},
    run::CallRequest,
    wire::{Role, TaskClaim, TaskRelease},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Calls that begin and stay until they are let go.
struct Hold {
    begun: watch::Sender<BTreeSet<String>>,
    let_go: watch::Sender<BTreeSet<String>>,
}

impl Hold {
    fn new() -> Arc<Self> {
        let (begun, let_go) =
            (watch::channel(BTreeSet::new()).0, watch::channel(BTreeSet::new()).0);
        Arc::new(Self { begun, let_go })
    }

    /// Waits until so many are under way, and gives which.
    async fn under_way(&self, count: usize) -> BTreeSet<String> {
        self.until(|begun| begun.len() == count).await
    }

    async fn until(&self, met: impl Fn(&BTreeSet<String>) -> bool) -> BTreeSet<String> {
        let mut begun = self.begun.subscribe();
        let wait = tokio::time::timeout(Duration::from_secs(20), begun.wait_for(met));
        wait.await.expect("it never came to that").unwrap().clone()
    }

    fn go(&self, node: &str) {
        self.let_go.send_modify(|nodes| {
            nodes.insert(node.to_owned());
        });
    }
}

impl CallExecutor for Hold {
    fn execute(&self, context: CallContext, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
        async move {
            let node = context.node.0;
            let mut let_go = self.let_go.subscribe();
            self.begun.send_modify(|begun| {
                begun.insert(node.clone());
            });
            let _ = let_go.wait_for(|nodes| nodes.contains(&node)).await;
            self.begun.send_modify(|begun| {
                begun.remove(&node);
            });
            CallOutcome::Succeeded { output: json!("done"), usage: None }
        }
        .boxed()
    }
}

struct Hall {
    _place: Place,
    server: Server,
    acme: Organization,
    hold: Arc<Hold>,
}

impl Hall {
    async fn open() -> Self {
        let (place, hold) = (Place::new().await, Hold::new());
        let executor: Arc<dyn CallExecutor> = hold.clone();
        let making = Making { executor: Some(executor), ..Making::over(place.open().await) };
        let server = making.start().await;
        let acme = server.organization("acme").await;
        Self { _place: place, server, acme, hold }
    }

    fn client(&self) -> Client {
        self.server.client(self.acme.token(Role::Owner))
    }

    async fn set(&self, queues: Value) {
        let path = "/api/settings/queues";
        let set = self.server.send(&self.acme.owner(), Method::Put, path, &queues).await;
        assert_eq!((set.status, set.json()), (200, queues), "{}", set.text);
    }
}

fn plan() -> Value {
    let step = |id: &str, queue: Option<&str>| {
        let mut step = json!({ "id": id, "prompt": "Say something" });
        if let Some(queue) = queue {
            step["queue"] = json!(queue);
        }
        step
    };
    json!({ "name": "Queues", "steps": [
        step("slow1", Some("slow")), step("slow2", Some("slow")), step("free", None), step("other", Some("other")),
    ] })
}

// DAG-12
#[tokio::test(flavor = "multi_thread")]
async fn two_steps_of_a_queue_of_one_never_overlap_and_others_do() {
    on_each(async || {
        let hall = Hall::open().await;
        hall.set(json!({ "slow": { "concurrency": 1 } })).await;
        let path = published(&hall.server, &hall.acme, &plan()).await;
        let start = hall.server.post(&hall.acme.owner(), &format!("{path}/runs"), &json!({})).await;
        let run = start.json()["id"].as_str().unwrap().parse().unwrap();
        let begun = hall.hold.under_way(3).await;
        assert!(begun.contains("free") && begun.contains("other"), "{begun:?}");
        hall.hold.go("free");
        hall.hold.go("other");
        // When the others are done, still only one of the two is under way.
        let one = hall.hold.under_way(1).await.pop_first().unwrap();
        let two = if one == "slow1" { "slow2" } else { "slow1" };
        hall.hold.go(&one);
        hall.hold.until(|begun| begun.contains(two)).await;
        assert_eq!(hall.hold.under_way(1).await, BTreeSet::from([two.to_owned()]));
        hall.hold.go(two);
        assert!(hall.client().run_wait(run, 20_000).await.unwrap().ended);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_limits_count_at_once() {
    on_each(async || {
        let hall = Hall::open().await;
        hall.set(json!({ "slow": { "concurrency": 1, "per_minute": 1 } })).await;
        let path = published(&hall.server, &hall.acme, &plan()).await;
        hall.server.post(&hall.acme.owner(), &format!("{path}/runs"), &json!({})).await;
        hall.hold.under_way(3).await;
        hall.hold.go("slow1");
        hall.hold.go("slow2");
        // One of them is done; the other one waits for the next minute.
        assert_eq!(hall.hold.under_way(2).await.len(), 2);
        assert_eq!(hall.hold.begun.borrow().iter().collect::<Vec<_>>(), ["free", "other"]);
        hall.hold.let_go.send_modify(BTreeSet::clear);
        hall.set(json!({ "slow": { "concurrency": 1, "per_minute": 2 } })).await;
        assert_eq!(hall.hold.under_way(3).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_a_full_queue_wait_and_hide_no_others() {
    on_each(async || {
        let hall = Hall::open().await;
        hall.set(json!({ "slow": { "concurrency": 1 } })).await;
        let urgent = json!({ "queue": "slow", "priority": 9 });
        let slow = published(&hall.server, &hall.acme, &task_document(json!({}), urgent)).await;
        let plain = published(&hall.server, &hall.acme, &task_document(json!({}), json!({}))).await;
        for path in [&slow, &slow, &slow, &plain] {
            hall.server.post(&hall.acme.owner(), &format!("{path}/runs"), &json!({})).await;
        }
        let claim = TaskClaim { worker: "w".into(), max: Some(50), ..TaskClaim::default() };
        let got = hall.client().task_claim(&claim).await.unwrap().tasks;
        let queues: Vec<_> = got.iter().map(|task| task.queue.as_deref()).collect();
        assert_eq!(queues, [Some("slow"), None]);
        let given = TaskRelease { claim: got[0].claim.clone(), reason: String::new() };
        hall.client().task_release(got[0].id, &given).await.unwrap();
        assert_eq!(hall.client().task_claim(&claim).await.unwrap().tasks.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    for (queues, says) in [
        (json!({ "slow": { "concurrency": 0 } }), "1 to 1,000"),
        (json!({ "slow": { "concurrency": 1, "per_minute": 0 } }), "1 to 100,000"),
        (json!({ " slow": { "concurrency": 1 } }), "name"),
    ] {
        let path = "/api/settings/queues";
        let refused = server.send(&acme.owner(), Method::Put, path, &queues).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains(says), "{}", refused.text);
    }
}

//! SQLite and PostgreSQL, with one server and with two, are held to what every store must do.

use crate::support::database::{Place, on_each, on_each_postgres};
use chrono::Utc;
use server::store::*;
use signalbox::graph::Graph;
use std::sync::{Arc, Mutex};
use suite::{Bed, Lost, Unsure};

#[path = "../conformance/store.rs"]
mod suite;

async fn bed(servers: usize) -> Bed {
    let place = Place::new().await;
    let mut stores = Vec::new();
    for _ in 0..servers {
        stores.push(place.open().await);
    }
    bed_on(stores, Box::new(place)).await
}

async fn bed_on(stores: Vec<Store>, place: Box<dyn std::any::Any>) -> Bed {
    let ours = signalbox::id::OrganizationId(uuid::Uuid::now_v7());
    let workflow = signalbox::id::WorkflowId(uuid::Uuid::now_v7());
    let new = NewWorkflow {
        organization: ours,
        id: workflow,
        name: "Welcome".into(),
        description: String::new(),
        draft: Graph::default(),
        created_by: String::new(),
        labels: Default::default(),
    };
    let version = NewVersion {
        organization: ours,
        workflow,
        draft_rev: 1,
        graph: Graph::default(),
        note: String::new(),
        published_by: String::new(),
    };
    let made = stores[0].write(move |tx| {
        Box::pin(async move {
            workflow_create(tx, &new, Utc::now()).await?;
            version_publish(tx, &version, Utc::now()).await
        })
    });
    made.await.unwrap();
    Bed { stores, ours, workflow, _place: place }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_does_what_every_store_must() {
    on_each(async || suite::all(async || bed(1).await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_what_every_store_must() {
    on_each_postgres(async || suite::all(async || bed(2).await).await).await;
}

/// Strikes every commit once it is told where.
#[derive(Default)]
struct Strikes(Mutex<Option<FaultPoint>>);

impl Faults for Strikes {
    fn strike(&self, point: FaultPoint) -> bool {
        *self.0.lock().unwrap() == Some(point)
    }
}

async fn unsure() -> Unsure {
    let (place, strikes) = (Arc::new(Place::new().await), Arc::new(Strikes::default()));
    let options = StoreOptions { faults: Some(strikes.clone()), ..StoreOptions::default() };
    let bed = bed_on(vec![place.open_with(options).await], Box::new(place.clone())).await;
    let lose = move |lost| {
        *strikes.0.lock().unwrap() = Some(match lost {
            Lost::Before => FaultPoint::BeforeCommit,
            Lost::After => FaultPoint::AfterCommit,
        });
    };
    let after = move |struck: Store| -> futures::future::LocalBoxFuture<'static, Store> {
        Box::pin(async move {
            struck.close().await;
            place.open().await
        })
    };
    Unsure { bed, lose: Box::new(lose), after: Box::new(after) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_nobody_heard_is_all_or_nothing() {
    on_each(async || suite::all_unsure(unsure).await).await;
}

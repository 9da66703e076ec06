//! The model is held to what every store must do, with one server and with two. Only in unit tests.

use super::*;
use model::{Chance, ORGANIZATION, Tables, Time, Watcher};
use signalbox::{graph::Graph, id::WorkflowId};
use suite::Bed;

#[path = "../../tests/conformance/store.rs"]
mod suite;

/// Nobody looks.
struct Nobody;

impl Watcher for Nobody {
    fn committed(&self, _: &Tables, _: &Tables, _: i64) {}
    fn died(&self, _: usize) {}
}

/// Without faults; time stands still.
async fn bed(servers: usize) -> Bed {
    let workflow = WorkflowId(uuid::Uuid::from_u128(5));
    let chance =
        Chance { state: 1, dies: 0, fails: 0, unknown: 0, slow: 0, steps: 0, dies_at: None };
    let graphs = vec![(workflow, Graph::default())];
    let watcher = Arc::new(Nobody);
    let database = model::open(graphs, servers > 1, chance, None, watcher, Time::default());
    let stores = (0..servers).map(|number| database.node(number).1).collect();
    Bed { stores, ours: ORGANIZATION, workflow, _place: Box::new(database) }
}

#[tokio::test]
async fn the_model_does_what_every_store_must() {
    suite::all(async || bed(1).await).await;
}

#[tokio::test]
async fn two_servers_on_the_model_do_what_every_store_must() {
    suite::all(async || bed(2).await).await;
}

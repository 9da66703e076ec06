//! The model is held to what every store must do, with one server and with two, and by [`sequences`] to what the databases
//! do. Only in unit tests.

use super::*;
use model::{Chance, ORGANIZATION, Tables, Time, Watcher};
use signalbox::{graph::Graph, id::WorkflowId};
use suite::{Bed, Lost, Unsure};

mod sequences;
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
    bed_of(servers).0
}

fn bed_of(servers: usize) -> (Bed, Arc<model::Database>) {
    let workflow = WorkflowId(uuid::Uuid::from_u128(5));
    let chance =
        Chance { state: 1, dies: 0, fails: 0, unknown: 0, slow: 0, steps: 0, dies_at: None };
    let graphs = vec![(workflow, vec![Graph::default()])];
    let watcher = Arc::new(Nobody);
    let database = model::open(graphs, servers > 1, chance, None, watcher, Time::default());
    let stores = (0..servers).map(|number| database.node(number).1).collect();
    let place = Box::new(database.clone());
    (Bed { stores, ours: ORGANIZATION, workflow, _place: place }, database)
}

#[tokio::test]
async fn the_model_does_what_every_store_must() {
    suite::all(async || bed(1).await).await;
}

#[tokio::test]
async fn two_servers_on_the_model_do_what_every_store_must() {
    suite::all(async || bed(2).await).await;
}

async fn unsure() -> Unsure {
    let (bed, database) = bed_of(1);
    let (losing, sound) = (database.clone(), database);
    let lose = move |lost| match lost {
        Lost::Before => losing.set_faults(1_000, 0),
        Lost::After => losing.set_faults(0, 1_000),
    };
    let after = move |store| -> futures::future::LocalBoxFuture<'static, Store> {
        sound.set_faults(0, 0);
        Box::pin(std::future::ready(store))
    };
    Unsure { bed, lose: Box::new(lose), after: Box::new(after) }
}

#[tokio::test]
async fn an_outcome_that_nobody_heard_is_all_or_nothing_on_the_model() {
    suite::all_unsure(unsure).await;
}

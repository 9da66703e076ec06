//! The two that are told the same, each with an organisation of its own; and databases on servers.

use super::*;
use futures::FutureExt;
use model::{Chance, ORGANIZATION, Time};
use signalbox::{
    graph::Graph,
    id::{OrganizationId, WorkflowId},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The workflow of every organisation here; the model has it too.
const WORKFLOW: WorkflowId = WorkflowId(Uuid::from_u128(5));

/// A store, and the organisation whose it is.
pub(super) struct Side {
    pub store: Store,
    pub ours: OrganizationId,
    pub workflow: WorkflowId,
}

impl Side {
    /// A fresh model without faults, in which time stands still.
    pub fn model(shared: bool, wrong: Option<Wrong>) -> Self {
        let chance =
            Chance { state: 1, dies: 0, fails: 0, unknown: 0, slow: 0, steps: 0, dies_at: None };
        let graphs = vec![(WORKFLOW, vec![Graph::default()])];
        let database =
            model::open(graphs, shared, chance, wrong, Arc::new(Nobody), Time::default());
        Self { store: database.node(0).1, ours: ORGANIZATION, workflow: WORKFLOW }
    }

    /// A fresh organisation in a database, which others are in too.
    pub async fn database(store: &Store) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let ours = OrganizationId(Uuid::from_u128(0xA_0000_0000 + u128::from(number)));
        let new = NewWorkflow {
            organization: ours,
            id: WORKFLOW,
            name: "Welcome".into(),
            description: String::new(),
            draft: Graph::default(),
            created_by: String::new(),
            labels: Default::default(),
        };
        let version = NewVersion {
            organization: ours,
            workflow: WORKFLOW,
            draft_rev: 1,
            graph: Graph::default(),
            note: String::new(),
            published_by: String::new(),
        };
        let made = store.write(move |tx| {
            async move {
                workflow_create(tx, &new, chrono::DateTime::UNIX_EPOCH).await?;
                version_publish(tx, &version, chrono::DateTime::UNIX_EPOCH).await
            }
            .boxed()
        });
        made.await.expect("an organisation");
        Self { store: store.clone(), ours, workflow: WORKFLOW }
    }

    /// An answer in words that are the same on both sides.
    pub fn words(&self, answer: &impl std::fmt::Debug) -> String {
        format!("{answer:?}").replace(&self.ours.to_string(), "ours")
    }

    /// The same of what may fail; which rule of a schema refused it is each database's own.
    pub fn said<T: std::fmt::Debug>(&self, answer: StoreResult<T>) -> String {
        match answer {
            Ok(answer) => self.words(&answer),
            Err(StoreError::Constraint(_)) => "a rule of the schema forbids it".into(),
            Err(error) => self.words(&error),
        }
    }
}

/// The PostgreSQL servers that tests may use.
pub(super) fn servers() -> Vec<String> {
    let urls = std::env::var("TEST_POSTGRES_URL").unwrap_or_default();
    urls.split_whitespace().map(str::to_owned).collect()
}

/// A database on a server, gone when this is dropped.
pub(super) struct Made {
    server: String,
    name: String,
}

impl Made {
    pub async fn on(server: &str) -> Self {
        let name = format!("sequences_{}", Uuid::new_v4().simple());
        tell(server, format!("CREATE DATABASE {name}")).await;
        Self { server: server.to_owned(), name }
    }

    pub fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').expect("an address with a database");
        format!("{base}/{}", self.name)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let (server, sql) =
            (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // Off the test's runtime, which may be going down.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(tell(&server, sql));
        });
        let _ = dropping.join(); // what is left goes with the server
    }
}

async fn tell(server: &str, sql: String) {
    let mut conn = PgConnection::connect(server).await.expect("a server");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.expect("it does what it is told");
    conn.close().await.expect("it ends");
}

//! The databases a test runs on: SQLite always, and each PostgreSQL of `TEST_POSTGRES_URL` (addresses
//! separated by spaces; `scripts/postgres run` sets it). A test gets a database of its own.

use crate::support::folder::Folder;
use server::store::{Store, StoreOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Database {
    Sqlite,
    Postgres { url: String },
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("SQLite"),
            Self::Postgres { url } => write!(f, "PostgreSQL at {url}"),
        }
    }
}

tokio::task_local! {
    static CURRENT: Database;
}

/// The PostgreSQL servers that tests may use.
pub fn postgres_servers() -> Vec<Database> {
    let urls = std::env::var("TEST_POSTGRES_URL").unwrap_or_default();
    urls.split_whitespace().map(|url| Database::Postgres { url: url.to_owned() }).collect()
}

/// Runs a test once on each database; [`Place::new`] inside it is on that one.
pub async fn on_each(case: impl AsyncFn()) {
    for database in [Database::Sqlite].into_iter().chain(postgres_servers()) {
        println!("on {database}"); // shown when it fails
        CURRENT.scope(database, case()).await;
    }
}

/// Runs a test once on each PostgreSQL.
pub async fn on_each_postgres(case: impl AsyncFn()) {
    for database in postgres_servers() {
        println!("on {database}");
        CURRENT.scope(database, case()).await;
    }
}

/// Without their databases the tests above look at nothing and pass: who runs them says which versions must be there.
#[tokio::test]
async fn the_versions_that_are_asked_for_are_there() {
    let Ok(required) = std::env::var("REQUIRE_POSTGRES") else { return };
    let required: BTreeSet<i64> =
        required.split_whitespace().map(|version| version.parse().unwrap()).collect();
    let mut found: BTreeSet<i64> = BTreeSet::new();
    for database in postgres_servers() {
        let Database::Postgres { url } = database else { unreachable!("it is a server") };
        let mut conn = PgConnection::connect(&url).await.unwrap();
        let version = "SELECT current_setting('server_version_num')::int8 / 10000";
        found.insert(sqlx::query_scalar(version).fetch_one(&mut conn).await.unwrap());
        conn.close().await.unwrap();
    }
    assert_eq!(
        found, required,
        "run make setup, or say with POSTGRES_VERSIONS which versions this machine has"
    );
}

/// A database of a test's own, gone when it is dropped.
pub enum Place {
    Sqlite(Folder),
    Postgres { server: String, name: String },
}

impl Place {
    /// A fresh one of the kind that the test runs on.
    pub async fn new() -> Self {
        match CURRENT.try_with(Clone::clone).unwrap_or(Database::Sqlite) {
            Database::Sqlite => Self::Sqlite(Folder::new()),
            Database::Postgres { url } => {
                let name = format!("test_{}", Uuid::new_v4().simple());
                let template = template(&url).await;
                admin(&url, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                Self::Postgres { server: url, name }
            }
        }
    }

    /// One without a schema, on a server.
    pub async fn empty() -> Self {
        let Ok(Database::Postgres { url }) = CURRENT.try_with(Clone::clone) else {
            panic!("only a server has empty databases")
        };
        let name = format!("test_{}", Uuid::new_v4().simple());
        admin(&url, format!("CREATE DATABASE {name}")).await;
        Self::Postgres { server: url, name }
    }

    /// The address, when it is on a server.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => panic!("{} has no address", folder.0.display()),
            Self::Postgres { server, name } => on_server(server, name),
        }
    }

    /// Opens it, again if need be.
    pub async fn open_with(&self, options: StoreOptions) -> Store {
        match self {
            Self::Sqlite(folder) => Store::open_with(&folder.0, options).await.unwrap(),
            Self::Postgres { .. } => Store::connect(&self.url(), options).await.unwrap(),
        }
    }

    pub async fn open(&self) -> Store {
        self.open_with(StoreOptions::default()).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Postgres { server, name } = self else { return };
        let (server, sql) = (server.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        // Off the test's runtime, which may be going down.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(admin(&server, sql));
        });
        let _ = dropping.join();
    }
}

fn on_server(server: &str, name: &str) -> String {
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{name}")
}

async fn admin(server: &str, sql: String) {
    let mut conn = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// A database with the schema in it, to copy from; one a process and server.
async fn template(server: &str) -> String {
    static MADE: Mutex<Option<HashMap<String, String>>> = Mutex::const_new(None);
    let mut made = MADE.lock().await;
    let made = made.get_or_insert_default();
    if let Some(name) = made.get(server) {
        return name.clone();
    }
    let name = format!("template_{}", Uuid::new_v4().simple());
    admin(server, format!("CREATE DATABASE {name}")).await;
    let store = Store::connect(&on_server(server, &name), StoreOptions::default()).await.unwrap();
    store.close().await;
    made.insert(server.to_owned(), name.clone());
    name
}

//! The two schemas are twins: the same migrations, tables and columns on SQLite and PostgreSQL.

use crate::support::database::{Place, on_each, on_each_postgres};
use server::store::Store;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Tables and columns that only several servers on one database need.
const ONLY_POSTGRES: [&str; 8] = [
    "calls.owner",
    "messages.owner",
    "org_feed.position",
    "org_feed_inbox",
    "outside_events_inbox",
    "runs.owner",
    "servers",
    "timers.owner",
];

/// Migrations by name, in order.
fn migrations(kind: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(kind);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_migration_has_its_twin() {
    let (sqlite, postgres) = (migrations("sqlite"), migrations("postgres"));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres, "a migration is written for both databases, under one name");
}

/// `table.column` with its type in the words of SQLite and whether it may be null.
type Columns = BTreeMap<String, (String, bool)>;

async fn of_sqlite(folder: &Path) -> Columns {
    let url = format!("sqlite://{}", folder.join("signalbox.db").display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\" FROM sqlite_schema m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(table, column, kind, not_null)| (format!("{table}.{column}"), (kind, not_null == 0)))
        .collect()
}

async fn of_postgres(url: &str) -> Columns {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let word = |kind: &str| match kind {
        "uuid" | "bytea" => "BLOB".to_owned(),
        "bigint" => "INTEGER".to_owned(),
        "double precision" => "REAL".to_owned(),
        other => other.to_uppercase(),
    };
    rows.into_iter()
        .filter(|(table, column, ..)| {
            let full = format!("{table}.{column}");
            !ONLY_POSTGRES.iter().any(|only| *only == table || *only == full)
        })
        .map(|(table, column, kind, null)| {
            (format!("{table}.{column}"), (word(&kind), null == "YES"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_are_the_same() {
    let place = Place::new().await;
    place.open().await.close().await;
    let Place::Sqlite(folder) = &place else { panic!("outside of on_each it is SQLite") };
    let sqlite = of_sqlite(&folder.0).await;
    assert!(sqlite.len() > 150, "{} columns", sqlite.len());
    on_each_postgres(async || {
        let place = Place::new().await;
        assert_eq!(sqlite, of_postgres(&place.url()).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_up_to_date_opens_again() {
    on_each(async || {
        let place = Place::new().await;
        place.open().await.close().await;
        place.open().await.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_take_turns_with_the_schema() {
    on_each_postgres(async || {
        let place = Place::empty().await;
        let url = place.url();
        let opening = (0..4).map(|_| Store::connect(&url, Default::default()));
        for store in futures::future::join_all(opening).await {
            store.unwrap().close().await;
        }
    })
    .await;
}

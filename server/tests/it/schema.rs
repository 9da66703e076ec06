//! The two schemas are twins: the same migrations, tables and columns on SQLite and PostgreSQL.

use crate::support::database::{Place, on_each, on_each_postgres};
use server::store::Store;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Tables and columns that only several servers on one database need.
const ONLY_POSTGRES: [&str; 10] = [
    "calls.begun_by",
    "calls.owner",
    "messages.owner",
    "org_feed.position",
    "org_feed_inbox",
    "outside_events_inbox",
    "queue_begins",
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

/// What is asked of an organisation's rows often, and by which index SQLite answers it; none: in the order of the key.
const ASKED: [(&str, &str, Option<&str>); 20] = [
    ("messages", "run_id = ?2", Some("messages_by_run")),
    (
        "messages",
        "contact_id = ?2 AND run_id < ?3 ORDER BY run_id DESC LIMIT 50",
        Some("messages_by_contact"),
    ),
    (
        "messages",
        "state IN ('held', 'queued', 'retry_wait') AND due_at <= ?2 ORDER BY due_at LIMIT 9",
        Some("messages_due_of"),
    ),
    (
        "messages",
        "due_at <= ?2 AND state IN ('held', 'queued', 'retry_wait') AND gate_held = 1
           AND due_at <= updated_at ORDER BY due_at LIMIT 16",
        Some("messages_waiting"),
    ),
    ("approvals", "run_id = ?2 AND state = 'pending'", Some("approvals_by_run")),
    ("approvals", "message_id = ?2", Some("approvals_by_message")),
    ("approvals", "state = 'pending' ORDER BY created_at LIMIT 50", Some("approvals_pending")),
    ("run_links", "parent_id = ?2 AND state = 'live'", Some("run_links_by_parent")),
    ("run_slots", "key = ?2 AND granted = 1", Some("run_slots_by_key")),
    ("run_contacts", "run_id = ?2", Some("run_contacts_by_run")),
    ("run_contacts", "contact_id = ?2 AND run_id < ?3 ORDER BY run_id DESC LIMIT 50", None),
    ("calls", "queue = ?2 AND state = 'waiting'", Some("calls_waiting")),
    ("event_waits", "run_id = ?2", Some("event_waits_by_run")),
    ("event_triggers", "event_type = ?2", Some("event_triggers_by_type")),
    ("contacts", "email_key = ?2", Some("contacts_by_email")),
    ("contacts", "external_id = ?2", Some("contacts_by_external")),
    ("contacts", "1 = 1 ORDER BY id LIMIT 50", None),
    ("runs", "workflow_id = ?2 ORDER BY id DESC LIMIT 50", Some("runs_by_workflow")),
    ("runs", "1 = 1 ORDER BY id DESC LIMIT 50", None),
    ("sessions", "user_id = ?2", Some("sessions_by_user")),
];

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_reads_no_whole_organisation_for_a_few_rows() {
    let place = Place::new().await;
    place.open().await.close().await;
    let Place::Sqlite(folder) = &place else { panic!("outside of on_each it is SQLite") };
    let url = format!("sqlite://{}", folder.0.join("signalbox.db").display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    for (table, asked, index) in ASKED {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE organization_id = ?1 AND {asked}"
        );
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
        let plan: Vec<String> = plan.into_iter().map(|row| row.3).collect();
        let by = index.map_or("USING PRIMARY KEY (".to_owned(), |index| format!("INDEX {index} ("));
        assert!(plan.len() == 1 && plan[0].contains(&by), "{table} where {asked}: {plan:?}");
    }
}

//! Why runs did not end: what the API says of each, the rows that hold it, and who is there to move it.

use crate::workload::status_of;
use signalbox::client::Client;
use signalbox::id::RunId;
use sqlx::{Connection, PgConnection};

/// Rows of a run, by table; each query takes the run's id and gives JSON.
const ROWS: [(&str, &str); 7] = [
    (
        "run",
        "SELECT to_jsonb(t)::text FROM (SELECT phase, due, owner, quarantined, seq, updated_at FROM runs WHERE id = $1) t",
    ),
    (
        "call",
        "SELECT to_jsonb(t)::text FROM (SELECT id, state, owner, attempt, claims FROM calls WHERE run_id = $1) t",
    ),
    ("timer", "SELECT to_jsonb(t)::text FROM timers t WHERE run_id = $1"),
    ("wait", "SELECT to_jsonb(t)::text FROM event_waits t WHERE run_id = $1"),
    (
        "approval",
        "SELECT to_jsonb(t)::text FROM (SELECT id, kind, state, revision, decided_by FROM approvals WHERE run_id = $1) t",
    ),
    (
        "message",
        "SELECT to_jsonb(t)::text FROM (SELECT id, state, owner, attempts, due_at, gate_held, detail, updated_at
           FROM messages WHERE run_id = $1) t",
    ),
    ("slot", "SELECT to_jsonb(t)::text FROM run_slots t WHERE run_id = $1"),
];

/// What is the same for all of them.
const WORLD: [(&str, &str); 3] = [
    (
        "server",
        "SELECT to_jsonb(t)::text FROM (SELECT epoch, expires_at - now() AS lasts FROM servers ORDER BY epoch) t",
    ),
    ("channel", "SELECT to_jsonb(t)::text FROM channel_health t"),
    (
        "backend",
        "SELECT to_jsonb(t)::text FROM (SELECT pid, state, wait_event, now() - state_change AS since, left(query, 90) AS query
           FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle') t",
    ),
];

/// Prints what is known about runs that did not end.
pub async fn explain(client: &Client, database: Option<&str>, stuck: &[RunId]) {
    if stuck.is_empty() {
        return;
    }
    let mut conn = match database {
        Some(url) => PgConnection::connect(url).await.ok(),
        None => None,
    };
    println!("now {} ms", chrono::Utc::now().timestamp_millis());
    if let Some(conn) = &mut conn {
        for (what, sql) in WORLD {
            print(what, sqlx::query_scalar(sql).fetch_all(&mut *conn).await);
        }
    }
    for run in stuck {
        println!("stuck {run}: {}", status_of(client, *run).await);
        let Some(conn) = &mut conn else { continue };
        for (what, sql) in ROWS {
            print(what, sqlx::query_scalar(sql).bind(run.0).fetch_all(&mut *conn).await);
        }
    }
}

fn print(what: &str, rows: sqlx::Result<Vec<String>>) {
    match rows {
        Ok(rows) => rows.iter().for_each(|row| println!("  {what} {row}")),
        Err(error) => println!("  {what}: {error}"),
    }
}

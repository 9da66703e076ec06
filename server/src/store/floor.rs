//! The least program that keeps the promise of a run: one row a step, on disk before the answer, many runs a commit.
//! What is left when an engine costs nothing, for `signalbox bench`.

use super::{StoreError, StoreResult, sqlite};
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};
use std::path::Path;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Runs in one commit, and runs that may wait.
const RUNS_MAX: usize = 64;

/// A run's steps, as they stand in the file.
struct Steps {
    run: Uuid,
    outputs: Vec<String>,
    done: oneshot::Sender<()>,
}

/// The way to its one writer, which ends with the last of them.
#[derive(Clone)]
pub struct Floor {
    queue: mpsc::Sender<Steps>,
}

impl Floor {
    /// Starts on a new file in this folder, with full durability.
    pub async fn start(folder: &Path) -> StoreResult<Self> {
        let mut conn = sqlite::Place::folder(folder)?.clone_path().connect().await?;
        sqlx::query(
            "CREATE TABLE steps (run BLOB NOT NULL, step INTEGER NOT NULL, output TEXT NOT NULL,
               PRIMARY KEY (run, step)) STRICT, WITHOUT ROWID",
        )
        .execute(&mut conn)
        .await?;
        let (queue, mut waiting) = mpsc::channel(RUNS_MAX);
        tokio::spawn(async move {
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, RUNS_MAX).await > 0 {
                if let Err(error) = write(&mut conn, &group).await {
                    tracing::error!(%error, "the floor gave way");
                    return; // whoever waits hears that nobody answers
                }
                for steps in group.drain(..) {
                    let _ = steps.done.send(()); // its client may have gone
                }
            }
        });
        Ok(Self { queue })
    }

    /// Writes a run of so many steps; it is on disk when this answers.
    pub async fn run(&self, outputs: Vec<String>) -> StoreResult<Uuid> {
        let (run, (done, written)) = (Uuid::now_v7(), oneshot::channel());
        let gone = || StoreError::Unavailable("the floor gave way".into());
        self.queue.send(Steps { run, outputs, done }).await.map_err(|_| gone())?;
        written.await.map(|()| run).map_err(|_| gone())
    }
}

async fn write(conn: &mut SqliteConnection, group: &[Steps]) -> StoreResult<()> {
    let rows: usize = group.iter().map(|steps| steps.outputs.len()).sum();
    let rows: Vec<String> = (0..rows)
        .map(|row| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3))
        .collect();
    let rows = rows.join(", ");
    let sql =
        format!("BEGIN IMMEDIATE; INSERT INTO steps (run, step, output) VALUES {rows}; COMMIT");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for steps in group {
        for (step, output) in steps.outputs.iter().enumerate() {
            query = query.bind(steps.run).bind(step as i64).bind(output.clone());
        }
    }
    conn.execute(query).await?;
    Ok(())
}

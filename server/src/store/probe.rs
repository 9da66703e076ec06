//! What the databases give without an engine, and databases of their own to measure in: for `signalbox bench`.

use super::{StoreError, StoreResult, sqlite};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_millis(700);

/// Commits a second of one row each, on an embedded database with full durability in a new file in this folder.
pub async fn probe_embedded(folder: &Path) -> StoreResult<f64> {
    let mut conn = sqlite::Place::folder(folder)?.clone_path().connect().await?;
    sqlx::query("CREATE TABLE probe (id INTEGER PRIMARY KEY, text TEXT)")
        .execute(&mut conn)
        .await?;
    let (begin, mut commits) = (Instant::now(), 0_u32);
    while begin.elapsed() < MEASURED {
        sqlx::query("INSERT INTO probe (text) VALUES ($1)")
            .bind("a row of a few bytes")
            .execute(&mut conn)
            .await?;
        commits += 1;
    }
    let rate = f64::from(commits) / begin.elapsed().as_secs_f64();
    conn.close().await?;
    Ok(rate)
}

/// Commits a second of one row each on a database server, from so many connections.
pub async fn probe_server(url: &str, connections: usize) -> StoreResult<f64> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS probe (id BIGSERIAL PRIMARY KEY, text TEXT)")
        .execute(&mut conn)
        .await?;
    conn.close().await?;
    let begin = Instant::now();
    let client = async || -> StoreResult<u32> {
        let mut conn = PgConnection::connect(url).await?;
        let mut commits = 0;
        while begin.elapsed() < MEASURED {
            sqlx::query("INSERT INTO probe (text) VALUES ($1)")
                .bind("a row of a few bytes")
                .execute(&mut conn)
                .await?;
            commits += 1;
        }
        conn.close().await?;
        Ok(commits)
    };
    let all = futures::future::try_join_all((0..connections).map(|_| client())).await?;
    Ok(f64::from(all.iter().sum::<u32>()) / begin.elapsed().as_secs_f64())
}

/// Makes a fresh database on the server of an address; gives the address of the new one. The name is a word.
pub async fn database_make(url: &str, name: &str) -> StoreResult<String> {
    on_server(url, format!("CREATE DATABASE \"{name}\"")).await?;
    let mut address = url::Url::from_str(url).map_err(|error| {
        StoreError::Setup(format!("the database address cannot be read: {error}"))
    })?;
    address.set_path(name);
    Ok(address.to_string())
}

/// Removes a database that [`database_make`] made.
pub async fn database_remove(url: &str, name: &str) -> StoreResult<()> {
    on_server(url, format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await
}

/// Bytes that a database takes.
pub async fn database_bytes(url: &str) -> StoreResult<u64> {
    let mut conn = PgConnection::connect(url).await?;
    let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
        .fetch_one(&mut conn)
        .await?;
    conn.close().await?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

async fn on_server(url: &str, sql: String) -> StoreResult<()> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await?;
    conn.close().await?;
    Ok(())
}

//! What the machine gives without an engine: the disk, the databases, the loopback. Every figure of the engine is to be
//! read beside it.

use super::{broken, client::Connection, load, report::Report};
use crate::{cli::CommandError, store};
use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::Instant,
};
use uuid::Uuid;

const WRITES: u32 = 1_000;
const BLOCK: [u8; 4096] = [7; 4096];
const ECHOES: usize = 20_000;

/// All of them; a database server where one is given.
pub async fn measure(
    folder: &Path,
    database_url: Option<&str>,
    report: &mut Report,
) -> Result<(), CommandError> {
    disk(folder, report)?;
    let data = folder.join(format!("signalbox-bench-{}", Uuid::now_v7()));
    let commits = store::probe_embedded(&data).await;
    let _ = std::fs::remove_dir_all(&data);
    report.add("limit", "SQLite, durable commits of one row", commits?, "/s");
    if let Some(url) = database_url {
        for connections in [1, 8, 32] {
            let rate = store::probe_server(url, connections).await?;
            let what = format!("PostgreSQL, commits of one row, {connections} connections");
            report.add("limit", what, rate, "/s");
        }
    }
    echo(report).await
}

/// A server that gives back a small JSON, with the same client.
async fn echo(report: &mut Report) -> Result<(), CommandError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|error| broken("a free port", error))?;
    let address = listener.local_addr().map_err(|error| broken("a free port", error))?;
    let router = Router::new().route("/", post(async |Json(body): Json<Value>| Json(body)));
    let served = tokio::spawn(async move { axum::serve(listener, router).await });
    let open = async || Connection::open(&address.to_string()).await;
    let ask = async |connection: &mut Connection, number: usize| {
        connection.post("/", &json!({"number": number})).await.map(|_| ())
    };
    let load = load::drive(32, ECHOES, open, ask).await?;
    served.abort();
    report.add("limit", "echo of a small JSON by HTTP, 32 clients", load.rate(), "/s");
    Ok(())
}

/// Appends and overwrites with a sync each.
fn disk(folder: &Path, report: &mut Report) -> Result<(), CommandError> {
    let path = folder.join(format!("signalbox-bench-{}", Uuid::now_v7()));
    let measured = (|| -> std::io::Result<(f64, f64)> {
        std::fs::create_dir_all(folder)?;
        let mut file = File::options().create_new(true).write(true).open(&path)?;
        let appends = rate(&mut file, |_| Ok(()))?;
        let overwrites = rate(&mut file, |file| file.seek(SeekFrom::Start(0)).map(|_| ()))?;
        Ok((appends, overwrites))
    })();
    let _ = std::fs::remove_file(&path);
    let (appends, overwrites) = measured.map_err(|error| broken("writing to the folder", error))?;
    report.add("limit", "fdatasync, appending 4 KiB", appends, "/s");
    report.add("limit", "fdatasync, overwriting 4 KiB", overwrites, "/s");
    Ok(())
}

fn rate(
    file: &mut File,
    mut before: impl FnMut(&mut File) -> std::io::Result<()>,
) -> std::io::Result<f64> {
    let begin = Instant::now();
    for _ in 0..WRITES {
        before(file)?;
        file.write_all(&BLOCK)?;
        file.sync_data()?;
    }
    Ok(f64::from(WRITES) / begin.elapsed().as_secs_f64())
}

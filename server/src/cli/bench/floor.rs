//! The floor: the same promise as the engine's on the same parts (axum, SQLite), without an engine. It has no graph,
//! no events, no authentication. The engine's figures are to be read as shares of it.

use super::{broken, client::Connection, load, report::Report};
use crate::{cli::CommandError, store::Floor};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use std::{path::Path, time::Instant};
use uuid::Uuid;

/// Steps of a run.
const STEPS: usize = 3;
const CHAIN: usize = 2_000;

/// What it reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reached {
    /// Runs a second with 1, 8 and 32 clients.
    pub runs: [f64; 3],
    /// Steps a second, each with a commit.
    pub steps: f64,
}

/// Measures it on new files in this folder.
pub async fn measure(folder: &Path, report: &mut Report) -> Result<Reached, CommandError> {
    let data = folder.join(format!("signalbox-bench-{}", Uuid::now_v7()));
    let measured = on(&data, report).await;
    let _ = std::fs::remove_dir_all(&data);
    measured
}

async fn on(data: &Path, report: &mut Report) -> Result<Reached, CommandError> {
    let floor = Floor::start(data).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|error| broken("a free port", error))?;
    let address = listener.local_addr().map_err(|error| broken("a free port", error))?;
    let router = Router::new().route("/", post(run)).with_state(floor.clone());
    let served = tokio::spawn(async move { axum::serve(listener, router).await });
    let open = async || Connection::open(&address.to_string()).await;
    let mut reached = Reached::default();
    for (place, (clients, count)) in [(1, 2_000), (8, 10_000), (32, 20_000)].into_iter().enumerate()
    {
        let ask = async |connection: &mut Connection, number: usize| match connection
            .post("/", &json!({"number": number}))
            .await?
        {
            (200, _) => Ok(()),
            (_, body) => Err(broken("the floor", body)),
        };
        let load = load::drive(clients, count, open, ask).await?;
        reached.runs[place] = load.rate();
        report.add("floor", format!("webhook to answer, {clients} clients"), load.rate(), "runs/s");
    }
    served.abort();
    let begin = Instant::now();
    for number in 0..CHAIN {
        floor.run(vec![output(number)]).await?;
    }
    reached.steps = CHAIN as f64 / begin.elapsed().as_secs_f64();
    report.add("floor", "steps with a commit each", reached.steps, "steps/s");
    Ok(reached)
}

async fn run(State(floor): State<Floor>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let number = body["number"].as_u64().unwrap_or_default() as usize;
    match floor.run((0..STEPS).map(|step| output(number + step)).collect()).await {
        Ok(run) => (StatusCode::OK, Json(json!({"status": "Completed", "id": run}))),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": error.to_string()}))),
    }
}

/// What a step leaves behind.
fn output(number: usize) -> String {
    json!({"number": number}).to_string()
}

//! This binary, serving on a data folder of its own as another process.

use super::broken;
use crate::cli::CommandError;
use serde_json::Value;
use signalbox::{
    client::{Client, http::HttpTransport},
    wire::{ImportRequest, Publish, WorkflowDetail},
};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::{Child, Command};
use uuid::Uuid;

/// The server process.
pub struct ServerProcess {
    /// A client with an owner's token.
    pub client: Client,
    /// Its base address.
    pub base_url: String,
    /// From the start of the process to the first answer.
    pub started_in: Duration,
    data: PathBuf,
    child: Child,
}

impl ServerProcess {
    /// Starts it on an empty data folder and waits for its first answer.
    pub async fn start(folder: &Path) -> Result<Self, CommandError> {
        let data = folder.join(format!("signalbox-bench-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&data).map_err(|error| broken("the data folder", error))?;
        let base_url = format!("http://127.0.0.1:{}", free_port()?);
        let begin = Instant::now();
        let child = serve(&data, &base_url)?;
        first_answer(&base_url).await?;
        let started_in = begin.elapsed();
        let token = token(&data).await?;
        let transport = HttpTransport::new(&base_url, Some(token))
            .map_err(|error| broken("the client", error))?;
        Ok(Self { client: Client::new(transport), base_url, started_in, data, child })
    }

    /// Imports and publishes a workflow.
    pub async fn publish(&self, document: Value) -> Result<WorkflowDetail, CommandError> {
        let request = ImportRequest { document, ..ImportRequest::default() };
        let imported = self.client.workflow_import(&request).await;
        let id = imported.map_err(|error| broken("the import", error))?.workflow.id;
        let published = self.client.publish(id, &Publish::default()).await;
        published.map_err(|error| broken("publishing", error))?;
        self.client.workflow(id).await.map_err(|error| broken("the workflow", error))
    }

    /// Its resident memory in megabytes; 0 where the system does not tell.
    pub fn resident_mb(&self) -> f64 {
        let pid = self.child.id().unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    }

    /// Ends the process in order and says how many bytes its database takes.
    pub async fn database_bytes(&mut self) -> Result<u64, CommandError> {
        self.end().await?;
        let entries = std::fs::read_dir(&self.data).map_err(|error| broken("the data", error))?;
        let size = |entry: std::fs::DirEntry| entry.metadata().ok().map(|data| data.len());
        let is_database =
            |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().contains(".db");
        Ok(entries.flatten().filter(is_database).filter_map(size).sum())
    }

    /// Ends the process and removes its data.
    pub async fn remove(mut self) -> Result<(), CommandError> {
        self.end().await?;
        std::fs::remove_dir_all(&self.data).map_err(|error| broken("the data folder", error))
    }

    async fn end(&mut self) -> Result<(), CommandError> {
        let Some(pid) = self.child.id() else { return Ok(()) };
        let told = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
        told.map_err(|error| broken("stopping the server", error))?;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        match ended {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(broken("the server", error)),
            Err(_) => Err(CommandError::new("the server did not stop within 30 s")),
        }
    }
}

fn free_port() -> Result<u16, CommandError> {
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    Ok(address.map_err(|error| broken("a free port", error))?.port())
}

fn serve(data: &Path, base_url: &str) -> Result<Child, CommandError> {
    let log = std::fs::File::create(data.join("server.log"));
    let log = log.map_err(|error| broken("the server's log", error))?;
    let binary = std::env::current_exe().map_err(|error| broken("this program", error))?;
    Command::new(binary)
        .args(["serve", "--addr", base_url.trim_start_matches("http://"), "--data"])
        .arg(data)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken("starting the server", error))
}

async fn first_answer(base_url: &str) -> Result<(), CommandError> {
    let limit = Instant::now() + Duration::from_secs(30);
    let client = reqwest::Client::new();
    while Instant::now() < limit {
        let answer = client.get(format!("{base_url}/health")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err(CommandError::new("the server did not answer within 30 s"))
}

async fn token(data: &Path) -> Result<String, CommandError> {
    let binary = std::env::current_exe().map_err(|error| broken("this program", error))?;
    let output = Command::new(binary)
        .args(["token", "create", "--role", "owner", "--data"])
        .arg(data)
        .output()
        .await
        .map_err(|error| broken("making a token", error))?;
    if !output.status.success() {
        return Err(broken("making a token", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

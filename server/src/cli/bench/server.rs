//! This binary, serving on a data folder of its own as another process.

use super::broken;
use crate::{cli::CommandError, store};
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

/// Begins the line that counts commits.
const COMMITS: &str = "signalbox_commit_duration_seconds_count ";

/// The server process.
pub struct ServerProcess {
    /// A client with an owner's token.
    pub client: Client,
    /// Its base address.
    pub base_url: String,
    /// From the start of the process to the first answer.
    pub started_in: Duration,
    /// Where it tells its numbers.
    metrics: String,
    data: PathBuf,
    database: Option<Database>,
    child: Child,
}

/// A second server process, which ends when this is dropped.
pub struct Beside {
    /// Its base address.
    pub base_url: String,
    _child: Child,
}

/// A database of its own on a database server.
struct Database {
    server_url: String,
    name: String,
    url: String,
}

impl Database {
    async fn make(server_url: &str) -> Result<Self, CommandError> {
        let name = format!("signalbox_bench_{}", Uuid::now_v7().simple());
        let url = store::database_make(server_url, &name).await?;
        Ok(Self { server_url: server_url.to_owned(), name, url })
    }
}

impl ServerProcess {
    /// Starts it on an empty data folder, or an empty database of a database server, and waits for its first answer.
    pub async fn start(folder: &Path, server_url: Option<&str>) -> Result<Self, CommandError> {
        let data = folder.join(format!("signalbox-bench-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&data).map_err(|error| broken("the data folder", error))?;
        let base_url = format!("http://127.0.0.1:{}", free_port()?);
        let database = match server_url {
            Some(url) => Some(Database::make(url).await?),
            None => None,
        };
        let url = database.as_ref().map(|database| database.url.as_str());
        let metrics = format!("127.0.0.1:{}", free_port()?);
        let begin = Instant::now();
        let child = serve(&data, url, &base_url, Some(&metrics))?;
        first_answer(&base_url).await?;
        let started_in = begin.elapsed();
        let token = token(&data, url).await?;
        let transport = HttpTransport::new(&base_url, Some(token))
            .map_err(|error| broken("the client", error))?;
        let client = Client::new(transport);
        Ok(Self { client, base_url, started_in, metrics, data, database, child })
    }

    /// Starts another server on the same database server's database, with the same key.
    pub async fn beside(&self) -> Result<Beside, CommandError> {
        let Some(database) = &self.database else {
            return Err(CommandError::new("only a database server serves two"));
        };
        let data = self.data.join("beside");
        let key = "secret.key";
        std::fs::create_dir_all(&data)
            .and_then(|()| std::fs::copy(self.data.join(key), data.join(key)))
            .map_err(|error| broken("the data folder", error))?;
        let base_url = format!("http://127.0.0.1:{}", free_port()?);
        let child = serve(&data, Some(&database.url), &base_url, None)?;
        first_answer(&base_url).await?;
        Ok(Beside { base_url, _child: child })
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

    /// Transactions that it wrote to disk so far: on SQLite each is one `fdatasync` of the log, on a database server
    /// those that come together share one.
    pub async fn commits(&self) -> Result<f64, CommandError> {
        let answer = reqwest::get(format!("http://{}/metrics", self.metrics)).await;
        let answer = answer.map_err(|error| broken("the server's numbers", error))?;
        let text = answer.text().await.map_err(|error| broken("the server's numbers", error))?;
        let count = text.lines().find_map(|line| line.strip_prefix(COMMITS)?.trim().parse().ok());
        count.ok_or_else(|| broken("the server's numbers", "commits are not among them"))
    }

    /// Whether its database takes more than one server.
    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// Ends the process in order and says how many bytes its database takes.
    pub async fn database_bytes(&mut self) -> Result<u64, CommandError> {
        self.end().await?;
        if let Some(database) = &self.database {
            return Ok(store::database_bytes(&database.url).await?);
        }
        let entries = std::fs::read_dir(&self.data).map_err(|error| broken("the data", error))?;
        let size = |entry: std::fs::DirEntry| entry.metadata().ok().map(|data| data.len());
        let is_database =
            |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().contains(".db");
        Ok(entries.flatten().filter(is_database).filter_map(size).sum())
    }

    /// Ends the process and removes its data.
    pub async fn remove(mut self) -> Result<(), CommandError> {
        self.end().await?;
        if let Some(Database { server_url, name, .. }) = &self.database {
            store::database_remove(server_url, name).await?;
        }
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

fn serve(
    data: &Path,
    database: Option<&str>,
    base_url: &str,
    metrics: Option<&str>,
) -> Result<Child, CommandError> {
    let log = std::fs::File::create(data.join("server.log"));
    let log = log.map_err(|error| broken("the server's log", error))?;
    let binary = std::env::current_exe().map_err(|error| broken("this program", error))?;
    let mut command = Command::new(binary);
    command.args(["serve", "--addr", base_url.trim_start_matches("http://")]);
    if let Some(addr) = metrics {
        command.args(["--metrics-addr", addr]);
    }
    on(&mut command, data, database)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken("starting the server", error))
}

/// With the data folder and the database that is measured, whatever the surroundings say.
fn on<'a>(command: &'a mut Command, data: &Path, database: Option<&str>) -> &'a mut Command {
    command.arg("--data").arg(data).env_remove("DATABASE_URL");
    if let Some(url) = database {
        command.env("DATABASE_URL", url); // not in the list of processes: it may hold a password
    }
    command
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

async fn token(data: &Path, database: Option<&str>) -> Result<String, CommandError> {
    let binary = std::env::current_exe().map_err(|error| broken("this program", error))?;
    let output =
        on(Command::new(binary).args(["token", "create", "--role", "owner"]), data, database)
            .output()
            .await
            .map_err(|error| broken("making a token", error))?;
    if !output.status.success() {
        return Err(broken("making a token", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

//! The real binary on a data folder of its own, started, killed and started again.

use signalbox::client::{Client, http::HttpTransport};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct ServerProcess {
    binary: PathBuf,
    data: PathBuf,
    port: u16,
    database: Option<String>,
    environment: Vec<(&'static str, OsString)>,
    child: Option<Child>,
}

impl ServerProcess {
    /// A server on the embedded database, or on a PostgreSQL one.
    pub async fn start(database: Option<String>) -> Self {
        let binary = std::env::var_os("SIGNALBOX_BIN")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_signalbox")), PathBuf::from);
        let data = std::env::temp_dir().join(format!("signalbox-kill-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&data).expect("a data folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let environment = Vec::new();
        let mut server = Self { binary, data, port, database, environment, child: None };
        server.restart().await;
        server
    }

    /// Another server on the same PostgreSQL database, with the same key.
    pub async fn beside(&self) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let data = std::env::temp_dir().join(format!("signalbox-kill-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&data).expect("a data folder");
        std::fs::copy(self.data.join("secret.key"), data.join("secret.key")).expect("the key");
        let database = self.database.clone();
        let (binary, environment) = (self.binary.clone(), self.environment.clone());
        let mut server = Self { binary, data, port, database, environment, child: None };
        server.restart().await;
        server
    }

    /// What its next start finds in its environment, beside what is there.
    pub fn environment_set(&mut self, environment: Vec<(&'static str, OsString)>) {
        self.environment = environment;
    }

    /// The folder of its database.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its address, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its resident memory in MiB; `None` where the system does not tell.
    pub fn resident_mib(&self) -> Option<f64> {
        let pid = self.child.as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    }

    /// By how much what is promised of the binary that people get is stretched for this one: a debug build is slow.
    pub fn slack(&self) -> u32 {
        let debug = self.binary.components().any(|part| part.as_os_str() == "debug");
        if debug { 10 } else { 1 }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_remove("DATABASE_URL").env("SIGNALBOX_DATA", &self.data);
        if let Some(url) = &self.database {
            command.env("DATABASE_URL", url);
        }
        command
    }

    /// A client of this server.
    pub fn client_with(&self, token: &str) -> Client {
        let transport = HttpTransport::new(&self.base_url(), Some(token.to_owned()));
        Client::new(transport.expect("a client"))
    }

    /// An owner's token.
    pub fn token(&self) -> String {
        let output = self.command().args(["token", "create", "--role", "owner"]).output();
        let output = output.expect("the binary runs");
        let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !token.is_empty(), "token create: {errors}");
        token
    }

    /// SIGKILL: nothing is flushed, nothing is closed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("the server has ended");
        }
    }

    /// SIGTERM: it ends in order.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(told.expect("kill runs").success(), "the server can be told to stop");
        let limit = Instant::now() + Duration::from_secs(30) * self.slack();
        while child.try_wait().expect("its state").is_none() {
            if Instant::now() > limit {
                self.child = Some(child); // killed when this is dropped
                panic!("the server did not stop; see {}", self.data.join("server.log").display());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts it and waits until it answers.
    pub async fn restart(&mut self) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.data.join("server.log"))
            .expect("a log file");
        let child = self
            .command()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(["serve", "--addr", &format!("127.0.0.1:{}", self.port)])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        self.child = Some(child);
        let limit = Instant::now() + Duration::from_secs(30);
        let health = format!("{}/health", self.base_url());
        while Instant::now() < limit {
            if reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no health within 30 s; see {}", self.data.join("server.log").display());
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            // What a failed test leaves is wanted for looking at.
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

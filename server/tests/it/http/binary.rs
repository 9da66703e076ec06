//! The real binary: starts, says where, makes tokens beside itself, refuses a second one, stops.

use crate::support::folder::Folder;
use signalbox::{
    client::{Client, http::HttpTransport},
    wire::{ImportRequest, Publish, RunStart},
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

pub fn signalbox(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.env_remove("DATABASE_URL").env("SIGNALBOX_DATA", data).env("RUST_LOG", "warn");
    command
}

pub struct Running {
    child: Child,
    lines: Vec<String>,
}

impl Running {
    pub fn start(data: &Path) -> Self {
        let mut command = signalbox(data);
        command.args(["serve", "--addr", "127.0.0.1:0"]);
        Self::of(command)
    }

    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let lines = vec![lines.next().unwrap(), lines.next().unwrap()];
        Self { child, lines }
    }

    pub fn url(&self) -> &str {
        self.lines[0].strip_prefix("Signalbox serves on ").unwrap()
    }

    /// Asks it to stop and gives whether it ended well, in time.
    pub fn stop(&mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it said, and its errors.
pub fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn serve_and_token_create() {
    let folder = Folder::new();
    let mut server = Running::start(&folder.0);
    let (url, setup) = (server.url().to_owned(), server.lines[1].clone());
    assert!(setup.starts_with(&format!("Set up the owner: {url}/setup?token=")), "{setup}");

    let create =
        |role: &str| signalbox(&folder.0).args(["token", "create", "--role", role]).output();
    let made = create("editor").unwrap();
    let (token, errors) = text(&made);
    assert!(made.status.success(), "{errors}");
    assert_eq!(token.lines().count(), 1, "the token alone: {token:?}");
    let http = reqwest::Client::new();
    let ask = async |path: &str| {
        let request = http.get(format!("{url}{path}")).bearer_auth(token.trim());
        request.send().await.unwrap().text().await.unwrap()
    };
    let me: serde_json::Value = serde_json::from_str(&ask("/api/me").await).unwrap();
    assert_eq!(
        (&me["role"], &me["organization"]["name"]),
        (&"editor".into(), &"My organisation".into())
    );
    // Degraded on a machine whose disk is nearly full; never failing.
    let health = ask("/health").await;
    assert!(health.contains("\"status\"") && !health.contains("failing"), "{health}");
    assert!(!create("emperor").unwrap().status.success());

    let second = signalbox(&folder.0).args(["serve", "--addr", "127.0.0.1:0"]).output().unwrap();
    assert!(!second.status.success());
    assert!(text(&second).1.contains("another Signalbox uses"), "{second:?}");
    let addr = url.strip_prefix("http://").unwrap();
    let taken = signalbox(&Folder::new().0).args(["serve", "--addr", addr]).output().unwrap();
    assert!(text(&taken).1.contains("cannot listen on"), "{taken:?}");

    assert!(server.stop(), "it ends well when it is asked to");
    // What was made is there at the next start.
    let server = Running::start(&folder.0);
    let reply = http.get(format!("{}/api/me", server.url())).bearer_auth(token.trim());
    assert_eq!(reply.send().await.unwrap().status(), 200);
}

/// A running server on a PostgreSQL database.
fn serve_on(data: &Path, url: &str) -> Command {
    let mut command = signalbox(data);
    command.env("DATABASE_URL", url).args(["serve", "--addr", "127.0.0.1:0"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_serve_one_postgresql_with_one_key() {
    crate::support::database::on_each_postgres(async || {
        let place = crate::support::database::Place::empty().await;
        let (one, two, three) = (Folder::new(), Folder::new(), Folder::new());
        let start = |data: &Path| Running::of(serve_on(data, &place.url()));
        let mut first = start(&one.0);
        std::fs::copy(one.0.join("secret.key"), two.0.join("secret.key")).unwrap();
        let mut second = start(&two.0);
        let refused = serve_on(&three.0, &place.url()).output().unwrap();
        let (_, errors) = text(&refused);
        assert!(!refused.status.success() && errors.contains("secret.key"), "{errors}");

        let made = signalbox(&one.0)
            .env("DATABASE_URL", place.url())
            .args(["token", "create", "--role", "owner"])
            .output()
            .unwrap();
        let (token, errors) = text(&made);
        assert!(made.status.success(), "{errors}");
        let client = |server: &Running| {
            let transport = HttpTransport::new(server.url(), Some(token.trim().to_owned()));
            Client::new(transport.unwrap())
        };
        let (here, there) = (client(&first), client(&second));
        let document = serde_json::json!({"name": "Shared", "steps": [
            {"stepSlug": "start", "stepType": "trigger", "config": {"type": "manual"},
             "nextSteps": {"success": "note"}},
            {"stepSlug": "note", "stepType": "action",
             "config": {"type": "set_variables", "parameters": {"seen": true}}, "nextSteps": {}}
        ]});
        let request = ImportRequest { document, ..Default::default() };
        let workflow = here.workflow_import(&request).await.unwrap().workflow.id;
        there.publish(workflow, &Publish::default()).await.unwrap();
        let started = here.run_start(workflow, &RunStart::default(), Some("only")).await.unwrap();
        let again = there.run_start(workflow, &RunStart::default(), Some("only")).await.unwrap();
        assert_eq!(started.id, again.id, "one key, one run, whichever server is asked");
        let seen = there.run(started.id).await.unwrap().run.status.phase();
        assert_eq!(seen, signalbox::run::RunPhase::Completed);
        assert!(first.stop() && second.stop());
    })
    .await;
}

#[test]
fn a_database_that_cannot_be_used_is_refused_without_its_password() {
    let folder = Folder::new();
    let url = "postgres://somebody:hush-hush@127.0.0.1:1/signalbox";
    let data = folder.0.join("data");
    let mut serve = signalbox(&data);
    let refused = serve.args(["serve", "--addr", "127.0.0.1:0", "--database-url", url]).output();
    let refused = refused.unwrap();
    let (said, errors) = text(&refused);
    assert!(!refused.status.success(), "{said}");
    assert!(errors.contains("postgres") && errors.contains("--database-url"), "{errors}");
    assert!(!errors.contains("hush-hush") && said.is_empty(), "{said}{errors}");
    assert!(!data.exists(), "nothing was made");
}

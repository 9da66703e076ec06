//! Secrets: what is typed once shows nowhere again, and reaches the far side all the same.

use super::{
    live,
    support::{As, Making, Organization, Reply, Server},
    tenancy::path_with,
    workflows::published,
};
use crate::support::{
    folder::Folder,
    web_sink::{Answer, WebSink},
};
use serde_json::{Value, json};
use server::{http::routes, store::Store};
use signalbox::{client::Method, format::Format, wire::Role};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};

/// Every secret of these tests has it in it.
const CANARY: &str = "canary-7f3a-in-the-mine";

fn secret(of: &str) -> String {
    format!("{CANARY}-{of}")
}

/// Everything that is logged on this thread, down to the least.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens on this thread. The second one hears nothing and is there because `tracing`, while only one exists, asks
    /// the thread that comes to a place in the code first whether anybody listens there: another test's thread says no,
    /// for all.
    fn start(&self) -> (tracing::Dispatch, tracing::subscriber::DefaultGuard) {
        let log = self.clone();
        let second = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(std::io::sink)
            .finish();
        let second = tracing::Dispatch::new(second);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || log.clone())
            .finish();
        (second, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// A server on a folder with the real tools, which may ask this machine.
async fn server_in(folder: &Folder) -> Server {
    let mut making = Making::over(Store::open(&folder.0).await.unwrap());
    making.tools = Some("127.0.0.1".into());
    making.start().await
}

/// A secret of the workflow, one in a variable, one in a step's field, one of the organisation; what
/// answers repeats them all, and a model reads the answer.
fn workflow(url: &str) -> Value {
    let request = json!({
        "url": url, "method": "POST", "failOnError": true,
        "authorization": format!("Bearer {}", secret("field")),
        "headers": { "X-Own": "{{secrets.own}}", "X-Organization": "{{secrets.shop_key}}", "X-Variable": "{{token}}" },
        "body": { "key": "{{secrets.own}}" },
    });
    json!({
        "name": "Shop", "config": { "secrets": { "own": secret("own") } },
        "steps": [
            { "stepSlug": "start", "stepType": "trigger", "config": { "type": "manual" }, "nextSteps": { "success": "keep" } },
            { "stepSlug": "keep", "stepType": "action", "nextSteps": { "success": "ask" }, "config": { "type": "set_variables",
                "parameters": { "variables": [{ "name": "token", "value": secret("variable"), "secure": true }] } } },
            { "stepSlug": "ask", "stepType": "action", "nextSteps": { "success": "write" },
                "config": { "type": "http_request", "parameters": request } },
            { "stepSlug": "write", "stepType": "llm", "nextSteps": { "success": "again" }, "config": {
                "systemPrompt": "Sum up.", "userPrompt": "{{steps.ask.output.body}} {{secrets.own}} {{secrets.shop_key}} {{token}}" } },
            { "stepSlug": "again", "stepType": "action", "nextSteps": { "success": "finish", "error": "finish" },
                "config": { "type": "http_request", "parameters": request } },
        ],
    })
}

fn echo() -> Value {
    json!({ "you": [secret("field"), secret("own")], "said": { secret("organization"): secret("variable") } })
}

fn nothing_in(what: &str, text: &str) {
    let at = text.find(CANARY).map(|at| &text[at.saturating_sub(200)..(at + 60).min(text.len())]);
    assert_eq!(at, None, "{what}");
}

fn clean(reply: Reply) -> Reply {
    nothing_in("an answer", &reply.text);
    nothing_in("a header", &format!("{:?}", reply.headers));
    reply
}

async fn put_draft(server: &Server, who: &As, path: &str) {
    let shown = clean(server.get(who, path).await);
    let (tag, mut graph) = (shown.header("etag"), shown.json()["graph"].clone());
    graph["settings"]["secrets"]["later"] = json!(secret("later"));
    let body = json!({ "name": "Shop", "description": "", "graph": graph });
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let bytes = Some(body.to_string().into_bytes());
    let saved = clean(server.raw(who, Method::Put, path, &headers, bytes).await);
    assert_eq!(saved.status, 200, "{}", saved.text);
    let kept = clean(server.get(who, path).await).json();
    assert_eq!(kept["graph"]["settings"]["secrets"]["later"]["kind"], "inlineEncrypted");
    assert_eq!(kept["graph"]["settings"]["secrets"]["own"]["kind"], "inlineEncrypted");
}

/// Asks every route that reads, about the workflow and the run where it takes an id.
async fn look_everywhere(server: &Server, acme: &Organization, workflow: &str, run: &str) {
    let mut looked = 0;
    for endpoint in routes::all().iter().filter(|e| e.is_safe() && e.name != "live") {
        let id = if endpoint.path.contains("/runs/") { run } else { workflow };
        let reply = clean(server.get(&acme.owner(), &path_with(endpoint, id)).await);
        looked += usize::from(reply.status == 200);
    }
    assert!(looked >= 20, "only {looked} routes answered");
    for format in Format::ALL {
        let path = format!("/api/workflows/{workflow}/export?format={}", format.name());
        let reply = clean(server.get(&acme.owner(), &path).await);
        // The plans' formats may refuse what they cannot say.
        let everywhere = Format::EVERYWHERE.contains(&format);
        assert!(reply.status == 200 || !everywhere, "{}", reply.text);
        if format == Format::VisualWorkflow {
            assert_eq!(reply.json()["config"]["secrets"]["own"]["kind"], "inlineEncrypted");
        }
    }
}

fn nothing_in_the_folder(folder: &Folder) {
    let mut bytes = 0;
    for file in std::fs::read_dir(&folder.0).unwrap() {
        let file = file.unwrap().path();
        let Ok(content) = std::fs::read(&file) else { continue };
        bytes += content.len();
        nothing_in(&file.display().to_string(), &String::from_utf8_lossy(&content));
    }
    assert!(bytes > 50_000, "the database is there: {bytes} bytes");
}

// WF-18 WF-19
#[tokio::test]
async fn what_was_typed_shows_nowhere_again() {
    let log = Log::default();
    let _logging = log.start();
    let (folder, web) = (Folder::new(), WebSink::start().await);
    let server = server_in(&folder).await;
    let acme = server.organization("acme").await;
    let owner = acme.owner();
    let body = json!({ "name": "shop_key", "value": secret("organization") });
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k")];
    let bytes = Some(body.to_string().into_bytes());
    let set = clean(server.raw(&owner, Method::Post, "/api/secrets", &keyed, bytes).await);
    assert_eq!(set.status, 201, "{}", set.text);

    let document = workflow(&web.url("/shop"));
    let made = json!({ "document": document.to_string() });
    let made = clean(server.post(&owner, "/api/workflows/import", &made).await);
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["workflow"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/workflows/{id}");
    put_draft(&server, &owner, &path).await;
    let publish = clean(server.post(&owner, &format!("{path}/publish"), &json!({})).await);
    assert_eq!(publish.status, 201, "{}", publish.text);

    web.answer(Answer::json(echo()).header("x-echo", secret("own")));
    web.answer(Answer::status(401, &format!("no {} here", secret("organization"))));
    let mut socket = live::with_token(&server, acme.token(Role::Owner)).await;
    live::next(&mut socket).await.unwrap();
    live::say(&mut socket, r#"{"type":"follow"}"#).await;
    let started = clean(server.post(&owner, &format!("{path}/runs"), &json!({})).await);
    let run = started.json()["id"].as_str().unwrap().to_owned();
    live::say(&mut socket, &json!({ "type": "follow_run", "run": run, "after": 0 }).to_string())
        .await;
    let ended = clean(server.get(&owner, &format!("/api/runs/{run}/wait?timeout_ms=20000")).await);
    assert_eq!(ended.json()["run"]["status"]["type"], "Completed", "{}", ended.text);
    let mut frames = 0;
    loop {
        let frame = live::next(&mut socket).await.unwrap().to_string();
        nothing_in("a live frame", &frame);
        frames += 1;
        if frame.contains("run_ended") {
            break;
        }
    }
    assert!(frames >= 2);

    // The far side had them all, both times.
    let asked = web.asked();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        assert_eq!(asked.headers["authorization"], format!("Bearer {}", secret("field")));
        assert_eq!(asked.headers["x-own"], secret("own"));
        assert_eq!(asked.headers["x-organization"], secret("organization"));
        assert_eq!(asked.headers["x-variable"], secret("variable"));
        assert_eq!(asked.json()["key"], secret("own"));
    }
    look_everywhere(&server, &acme, &id, &run).await;
    nothing_in_the_folder(&folder);
    server.state.engine().shutdown().await;
    server.state.store().close().await;
    nothing_in_the_folder(&folder);
    let text = log.text();
    assert!(text.contains("TRACE") && text.contains("secret_set"), "the log is there");
    nothing_in("the log", &text);
}

fn asking(url: &str, name: &str) -> Value {
    json!({ "format": "signalbox/v1", "name": "Ask", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger" } },
            { "id": "ask", "kind": { "type": "action", "tool": "http.request",
                "parameters": { "url": url, "authorization": format!("{{{{secrets.{name}}}}}") } } },
        ],
        "edges": [{ "id": "e", "from": "start", "port": "success", "to": "ask" }],
    } })
}

async fn ran(server: &Server, who: &As, path: &str) -> Value {
    let started = server.post(who, &format!("{path}/runs"), &json!({})).await.json();
    let run = started["id"].as_str().unwrap();
    server.get(who, &format!("/api/runs/{run}/wait?timeout_ms=20000")).await.json()
}

#[tokio::test]
async fn a_secret_is_replaced_and_deleted_and_belongs_to_one_organization() {
    let (folder, web) = (Folder::new(), WebSink::start().await);
    let server = server_in(&folder).await;
    let (acme, other) = (server.organization("acme").await, server.organization("other").await);
    let admin = acme.machine(Role::Admin);
    let set = async |who: &As, value: &str| {
        let body = json!({ "name": "shop_key", "value": value });
        server.post(who, "/api/secrets", &body).await
    };
    assert_eq!(set(&admin, "first value").await.status, 201);
    let path = published(&server, &acme, &asking(&web.url("/"), "shop_key")).await;
    ran(&server, &admin, &path).await;
    assert_eq!(set(&admin, "second value").await.status, 201);
    ran(&server, &admin, &path).await;
    let sent: Vec<_> = web.asked().iter().map(|a| a.headers["authorization"].clone()).collect();
    assert_eq!(sent, ["first value", "second value"]);
    let listed = server.get(&acme.machine(Role::Editor), "/api/secrets").await;
    assert_eq!(listed.json().as_array().unwrap().len(), 1);
    assert_eq!(listed.json()[0]["name"], "shop_key");
    assert!(!listed.text.contains("value"), "{}", listed.text);

    // Elsewhere it is not there: a workflow that reads it cannot be published.
    let body = json!({ "document": asking(&web.url("/"), "shop_key") });
    let made = server.post(&other.owner(), "/api/workflows/import", &body).await.json();
    let codes = made["problems"].to_string();
    assert!(codes.contains("unknown-secret"), "{codes}");
    let theirs = format!("/api/workflows/{}/publish", made["workflow"]["id"].as_str().unwrap());
    assert_eq!(server.post(&other.owner(), &theirs, &json!({})).await.code(), "graph_problems");
    let gone = server.raw(&other.owner(), Method::Delete, "/api/secrets/shop_key", &[], None).await;
    assert_eq!(gone.status, 404);

    let gone = server.raw(&admin, Method::Delete, "/api/secrets/shop_key", &[], None).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    let ended = ran(&server, &admin, &path).await;
    let said = ended["run"]["status"].to_string();
    assert!(said.contains("is not set"), "{said}");
    assert_eq!(web.asked().len(), 2);
}

#[tokio::test]
async fn no_workflow_reads_other_kinds_of_secrets_or_puts_one_into_a_message() {
    let (folder, web) = (Folder::new(), WebSink::start().await);
    let server = server_in(&folder).await;
    let acme = server.organization("acme").await;
    let owner = acme.owner();
    let models = json!({ "provider": "openai", "model": "m", "api_key": "sk-of-the-model-1234" });
    let put = server.send(&owner, Method::Put, "/api/settings/models", &models).await;
    assert_eq!(put.status, 200, "{}", put.text);
    assert_eq!(server.get(&owner, "/api/secrets").await.json(), json!([]));
    for name in ["models.api_key", "a b", "", "1st", "ä", &"x".repeat(65)] {
        let body = json!({ "name": name, "value": "v" });
        assert_eq!(
            server.post(&owner, "/api/secrets", &body).await.code(),
            "invalid_value",
            "{name}"
        );
    }
    for value in ["", &"x".repeat(8_193)] {
        let body = json!({ "name": "a", "value": value });
        assert_eq!(server.post(&owner, "/api/secrets", &body).await.code(), "invalid_value");
    }
    let body = json!({ "name": "shop_key", "value": secret("organization") });
    assert_eq!(server.post(&owner, "/api/secrets", &body).await.status, 201);
    let mut mail = asking(&web.url("/"), "shop_key");
    mail["graph"]["nodes"][1]["kind"] = json!({ "type": "action", "tool": "email.send", "parameters": {
        "to": "ada@example.com", "subject": "Hi", "body": "The key is {{secrets.shop_key}}" } });
    let path = published(&server, &acme, &mail).await;
    let ended = ran(&server, &owner, &path).await;
    let said = ended["run"]["status"].to_string();
    assert!(said.contains("HTTP requests only"), "{said}");
    assert_eq!(server.get(&owner, "/api/approvals").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_key_in_plain_sight_is_a_problem_that_does_not_repeat_it() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let mut document = asking("https://example.com", "x");
    document["graph"]["nodes"][1]["kind"]["parameters"] = json!({ "url": "https://example.com", "headers": { "X-Api-Key": "sk_live_4242424242424242" } });
    let body = json!({ "document": document });
    let made = server.post(&acme.owner(), "/api/workflows/import", &body).await.json();
    let problems = made["problems"].as_array().unwrap();
    let found = problems.iter().find(|problem| problem["code"] == "hard-coded-secret").unwrap();
    assert!(!found.to_string().contains("sk_live_4242"), "{found}");
}

//! An organisation that sends real emails to a sink, with a clock that is moved by hand: everything by the API,
//! as its users do it.

use super::support::{As, Making, Organization, Reply, Server};
use crate::support::{database::Place, smtp_sink::SmtpSink};
use chrono::{SubsecRound, Utc};
use mail_parser::MessageParser;
use serde_json::{Value, json};
use server::engine::VirtualClock;
use signalbox::{client::Method, wire::Role};
use std::sync::Arc;

pub struct Post {
    pub server: Server,
    pub acme: Organization,
    pub sink: SmtpSink,
    pub clock: VirtualClock,
    _place: Place,
}

/// An email as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub reply_to: Option<String>,
    pub text: String,
    pub html: String,
}

pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

impl Post {
    pub async fn new() -> Self {
        let place = Place::new().await;
        let clock = VirtualClock::at(Utc::now().trunc_subsecs(3));
        let mut making = Making::over(place.open().await);
        making.clock = Arc::new(clock.clone());
        making.tools = Some("127.0.0.1".into());
        let server = making.start().await;
        let acme = server.organization("acme").await;
        let sink = SmtpSink::start().await;
        let post = Self { server, acme, sink, clock, _place: place };
        post.put(
            "/api/settings/channels/email",
            json!({
                "kind": "smtp", "host": "127.0.0.1", "port": post.sink.port, "security": "none",
                "from": "Shop <shop@example.com>",
            }),
        )
        .await;
        post.put(
            "/api/settings/general",
            json!({ "name": "Acme", "timezone": "UTC", "email_hold_ms": 0 }),
        )
        .await;
        post
    }

    pub fn owner(&self) -> As {
        self.acme.owner()
    }

    pub async fn put(&self, path: &str, body: Value) {
        let reply = self.server.send(&self.owner(), Method::Put, path, &body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    }

    /// Makes something; gives what there is.
    pub async fn make(&self, path: &str, body: Value) -> Value {
        let reply = self.server.post(&self.owner(), path, &body).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.text);
        reply.json()
    }

    pub async fn template(&self, id: &str, text: &str, html: Option<&str>) {
        let body = json!({ "id": id, "subject": "A subject", "text": text, "html": html });
        self.make("/api/templates", body).await;
    }

    pub async fn contact(&self, name: &str, email: &str) -> String {
        let made = self.make("/api/contacts", json!({ "name": name, "email": email })).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// Imports a plan; gives the workflow's path.
    pub async fn import(&self, plan: &Value) -> String {
        let made = self.make("/api/workflows/import", json!({ "document": plan })).await;
        format!("/api/workflows/{}", made["workflow"]["id"].as_str().unwrap())
    }

    pub async fn publish(&self, workflow: &str) -> Reply {
        self.server.post(&self.owner(), &format!("{workflow}/publish"), &json!({})).await
    }

    pub async fn published(&self, plan: &Value) -> String {
        let workflow = self.import(plan).await;
        let reply = self.publish(&workflow).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        workflow
    }

    /// Starts a run about a contact; gives its path.
    pub async fn start(&self, workflow: &str, contact: &str, input: Value) -> String {
        let body = json!({ "input": input, "contacts": [contact] });
        let made = self.make(&format!("{workflow}/runs"), body).await;
        format!("/api/runs/{}", made["id"].as_str().unwrap())
    }

    /// Until the run ends or needs a person.
    pub async fn wait(&self, run: &str) -> Value {
        let path = format!("{run}/wait?timeout_ms=20000");
        self.server.get(&self.owner(), &path).await.json()
    }

    /// How the run ended.
    pub async fn outcome(&self, run: &str) -> String {
        let waited = self.wait(run).await;
        assert_eq!(waited["ended"], true, "{waited}");
        waited["run"]["status"]["outcome"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn get(&self, path: &str) -> Value {
        let reply = self.server.get(&self.owner(), path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    }

    pub async fn events(&self, run: &str) -> Vec<Value> {
        self.get(&format!("{run}/events")).await["events"].as_array().unwrap().clone()
    }

    /// What the run was told of messages, in order.
    pub async fn signals(&self, run: &str) -> Vec<String> {
        let events = self.events(run).await;
        let told = events.iter().filter(|event| event["type"] == "signal_received");
        told.map(|event| event["signal"].as_str().unwrap().to_owned()).collect()
    }

    /// The only item of the inbox, in full.
    pub async fn pending(&self) -> Value {
        let list = self.get("/api/approvals?state=pending").await;
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list:#}");
        self.get(&format!("/api/approvals/{}", items[0]["id"].as_str().unwrap())).await
    }

    /// Approves the only item of the inbox and lets it leave.
    pub async fn approve(&self) -> Value {
        let detail = self.pending().await;
        let path = format!("/api/approvals/{}/decide", detail["approval"]["id"].as_str().unwrap());
        let body = json!({ "decision": "approve", "revision": detail["approval"]["revision"] });
        let reply = self.server.post(&self.owner(), &path, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.server.state.gate().step().await.unwrap();
        self.server.state.engine().settled().await;
        detail
    }

    /// Starts a run, approves its first email and gives it as it arrived.
    pub async fn sent(&self, workflow: &str, contact: &str) -> (String, Arrived) {
        let run = self.start(workflow, contact, json!({})).await;
        self.wait(&run).await;
        self.approve().await;
        (run, self.arrived().pop().unwrap())
    }

    /// What arrived at the sink.
    pub fn arrived(&self) -> Vec<Arrived> {
        let read = |received: crate::support::smtp_sink::Received| {
            let mail = MessageParser::default().parse(&received.data).unwrap();
            let html = mail.html_part(0).filter(|part| part.is_text_html());
            Arrived {
                id: mail.message_id().unwrap().to_owned(),
                to: between(&received.to[0], "<", ">")[0].to_owned(),
                subject: mail.subject().unwrap().to_owned(),
                reply_to: mail
                    .reply_to()
                    .map(|to| to.first().unwrap().address().unwrap().to_owned()),
                text: mail.body_text(0).unwrap().replace("\r\n", "\n"),
                html: html.and_then(|part| part.text_contents()).unwrap_or_default().to_owned(),
            }
        };
        self.sink.received().into_iter().map(read).collect()
    }

    /// Fetches one of our addresses as a reader's program does, without following it.
    pub async fn fetch(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Response {
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut request = client.request(method.parse().unwrap(), url);
        if !headers.iter().any(|(name, _)| *name == "user-agent") {
            request = request.header("user-agent", BROWSER);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// A mail server hands an email over.
    pub async fn deliver(&self, raw: &str) -> Reply {
        let address = self.get("/api/settings/channels/email/inbound").await;
        let url = address["url"].as_str().unwrap();
        let path = url.strip_prefix(&self.server.url("")).unwrap();
        let headers = [("content-type", "message/rfc822")];
        let body = Some(raw.as_bytes().to_vec());
        self.server.raw(&As::Nobody, Method::Post, path, &headers, body).await
    }

    pub fn viewer(&self) -> As {
        self.acme.machine(Role::Viewer)
    }
}

/// The addresses that a page or text has between two marks.
pub fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    let parts = text.split(from).skip(1);
    parts.filter_map(|rest| Some(rest.split_once(to)?.0)).collect()
}

/// `intro → wait a day → branch on conditions → ends of the same names`.
pub fn plan(conditions: &[(&str, &str)], tracking: Value) -> Value {
    let mut branch: Vec<Value> =
        conditions.iter().map(|(when, outcome)| json!({ "when": when, "goto": outcome })).collect();
    branch.push(json!({ "when": "default", "goto": "cold" }));
    let ends = conditions.iter().map(|(_, outcome)| *outcome).chain(["cold"]);
    let mut steps = vec![
        json!({
            "type": "sendEmail", "id": "intro", "templateId": "tmpl_intro",
            "subject": "Introducing {{input.product}} to you", "replyTo": "sales@example.com",
            "tracking": tracking,
        }),
        json!({ "type": "wait", "id": "pause", "duration": { "days": 1 } }),
        json!({ "type": "branch", "id": "check", "conditions": branch }),
    ];
    steps.extend(ends.map(|id| json!({ "type": "end", "id": id, "outcome": id })));
    json!({
        "id": "intro-plan", "version": 1, "name": "Intro", "steps": steps, "transitions": "linear",
        "metadata": { "createdBy": "Ada" },
    })
}

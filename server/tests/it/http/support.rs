//! A server on a free port with a private database, and people and machines to ask it.

use axum::http::HeaderMap;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use server::{
    app_state::{AppState, Parts},
    assemble::{self, Services},
    auth::ServerKey,
    egress::{Allowed, Egress},
    engine::{CallContext, CallExecutor, CallOutcome, Clock, EngineConfig, SystemClock},
    gate::{Gate, Links},
    http::{self, api::tokens},
    live::LiveHub,
    secret::Vault,
    step_hooks::Teller,
    store::{self, Store, User},
    tool::Tools,
};
use signalbox::{
    client::{Client, Method, http::HttpTransport},
    graph::PLAN_STEPS_MAX,
    id::{OrganizationId, UserId},
    run::{CallRequest, ErrorKind, StepError},
    wire::Role,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;
use uuid::Uuid;

pub const PASSWORD: &str = "correct horse battery";

/// Every call fails: what is tested here needs no tools.
struct NoTools;

impl CallExecutor for NoTools {
    fn execute(&self, _: CallContext, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
        let error = StepError::new(ErrorKind::NotFound, "there are no tools here");
        async move { CallOutcome::Failed { error, retry_after_ms: None } }.boxed()
    }
}

/// A running server; ends with the value.
pub struct Server {
    pub state: AppState,
    pub addr: SocketAddr,
    pub http: reqwest::Client,
    now: Arc<Mutex<DateTime<Utc>>>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The error's code; empty when it is no error of ours.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    }

    /// The session cookie as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }
}

/// How a request proves who asks.
#[derive(Clone, Debug)]
pub enum As {
    Nobody,
    Token(String),
    /// The cookie, from our own page.
    Browser(String),
}

/// What a server is made of where a test needs another one than [`Server::start`] gives.
pub struct Making {
    pub store: Store,
    pub config: EngineConfig,
    pub clock: Arc<dyn Clock>,
    /// Hosts that the real tools may ask; none: every call fails.
    pub tools: Option<String>,
    /// What makes the calls instead of either.
    pub executor: Option<Arc<dyn CallExecutor>>,
    /// Steps that an outbound plan may have.
    pub plan_steps_max: u32,
}

impl Making {
    pub fn over(store: Store) -> Self {
        let config = EngineConfig::default();
        Self {
            store,
            config,
            clock: Arc::new(SystemClock),
            tools: None,
            executor: None,
            plan_steps_max: PLAN_STEPS_MAX,
        }
    }

    fn executor(&self, gate: &Gate) -> Arc<dyn CallExecutor> {
        match (&self.executor, &self.tools) {
            (Some(executor), _) => executor.clone(),
            (None, None) => Arc::new(NoTools),
            (None, Some(hosts)) => {
                let egress = Egress::new(Allowed::parse(hosts).unwrap()).unwrap();
                Arc::new(Tools::new(self.store.clone(), gate, egress, self.clock.clone()))
            }
        }
    }

    pub async fn start(self) -> Server {
        let now = Arc::new(Mutex::new(Utc::now().trunc_subsecs(3)));
        let clock = {
            let now = now.clone();
            Arc::new(move || *now.lock().unwrap())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let vault = Arc::new(Vault::ephemeral());
        let (store, time, config) = (self.store.clone(), self.clock.clone(), self.config.clone());
        let key = ServerKey::ephemeral();
        let allowed = Allowed::parse(self.tools.as_deref().unwrap_or_default()).unwrap();
        let egress = Egress::new(allowed).unwrap();
        let links = Links::new(format!("http://{addr}"), key.clone());
        let Services { engine, gate } = assemble::start(store, vault, time, config, |gate| {
            gate.link_with(links);
            self.executor(gate)
        });
        Teller::start(&engine, gate.channels().settings(), &egress);
        let state = AppState::new(Parts {
            engine,
            gate,
            key,
            public_origin: None,
            base_url: format!("http://{addr}"),
            clock,
            plan_steps_max: self.plan_steps_max,
        });
        LiveHub::start(&state);
        let service = http::router(&state).into_make_service_with_connect_info::<SocketAddr>();
        let ended = state.shutdown().clone();
        tokio::spawn(async move {
            let serving = axum::serve(listener, service);
            serving.with_graceful_shutdown(async move { ended.cancelled().await }).await.unwrap();
        });
        Server { state, addr, http: reqwest::Client::new(), now }
    }
}

impl Server {
    pub async fn start() -> Self {
        Making::over(Store::in_memory().await.unwrap()).start().await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Moves the clock on.
    pub fn later(&self, by: TimeDelta) {
        *self.now.lock().unwrap() += by;
    }

    /// A request with whatever body and headers.
    pub async fn raw(
        &self,
        who: &As,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
        let mut request = self.http.request(method, self.url(path));
        match who {
            As::Nobody => {}
            As::Token(token) => request = request.bearer_auth(token),
            As::Browser(cookie) => {
                request = request.header("cookie", cookie).header("sec-fetch-site", "same-origin");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&self, who: &As, path: &str) -> Reply {
        self.raw(who, Method::Get, path, &[], None).await
    }

    pub async fn send(&self, who: &As, method: Method, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json")];
        self.raw(who, method, path, &headers, Some(body.to_string().into_bytes())).await
    }

    pub async fn post(&self, who: &As, path: &str, body: &Value) -> Reply {
        self.send(who, Method::Post, path, body).await
    }

    /// The typed client with a token.
    pub fn client(&self, token: &str) -> Client {
        Client::new(HttpTransport::new(&self.url(""), Some(token.to_owned())).unwrap())
    }

    /// An organisation of its own, with one member and one token a role.
    pub async fn organization(&self, name: &str) -> Organization {
        let (id, now, text) = (OrganizationId(Uuid::now_v7()), self.state.now(), name.to_owned());
        let hash = self.state.passwords().hash(PASSWORD).await.unwrap();
        let users = Role::ALL.map(|role| User {
            id: UserId(Uuid::now_v7()),
            email: format!("{}@{name}.example", role.as_str()),
            name: format!("{} of {name}", role.as_str()),
            password_hash: hash.clone(),
        });
        let new = users.clone();
        let made = self.state.store().write(move |tx| {
            async move {
                store::organization_create(tx, id, &text, "Europe/Berlin", now).await?;
                for (user, role) in new.iter().zip(Role::ALL) {
                    store::member_add(tx, id, user, role, now).await?;
                }
                Ok(())
            }
            .boxed()
        });
        made.await.unwrap();
        let mut organization = Organization { id, users: users.to_vec(), tokens: Vec::new() };
        for role in Role::ALL {
            organization.tokens.push(self.token(id, role).await);
        }
        organization
    }

    pub async fn token(&self, organization: OrganizationId, role: Role) -> String {
        let (store, name) = (self.state.store(), format!("{} machine", role.as_str()));
        let now = self.state.now();
        tokens::make(store, organization, name, role, "test".into(), None, now).await.unwrap().token
    }

    /// Signs in and gives the browser.
    pub async fn browser(&self, email: &str) -> As {
        let body = json!({ "email": email, "password": PASSWORD });
        let reply = self.post(&As::Nobody, "/api/session", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        As::Browser(reply.cookie())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.shutdown().cancel();
    }
}

/// An organisation with a member and a token for each role, weakest first.
pub struct Organization {
    pub id: OrganizationId,
    pub users: Vec<User>,
    tokens: Vec<String>,
}

impl Organization {
    pub fn machine(&self, role: Role) -> As {
        As::Token(self.token(role).to_owned())
    }

    pub fn token(&self, role: Role) -> &str {
        &self.tokens[position(role)]
    }

    pub fn user(&self, role: Role) -> &User {
        &self.users[position(role)]
    }

    pub fn owner(&self) -> As {
        self.machine(Role::Owner)
    }
}

fn position(role: Role) -> usize {
    Role::ALL.iter().position(|one| *one == role).unwrap()
}

/// A body that each route with a JSON body takes as it is, by the operation's name.
pub fn example_body(operation: &str) -> Value {
    match operation {
        "setup" => {
            json!({ "organization": "Acme", "name": "Ada", "email": "ada@acme.example", "password": PASSWORD })
        }
        "sign_in" => json!({ "email": "ada@acme.example", "password": PASSWORD }),
        "member_add" => {
            json!({ "name": "New", "email": "new@acme.example", "role": "viewer", "password": PASSWORD })
        }
        "member_change" => json!({ "role": "viewer" }),
        "token_create" => json!({ "name": "CI", "role": "viewer" }),
        "secret_set" => json!({ "name": "shop_key", "value": "a value" }),
        "session_switch" => json!({ "organization": Uuid::nil() }),
        "workflow_create" | "workflow_import" => {
            json!({ "document": document(), "name": "Hello", "format": "signalbox/v1" })
        }
        "draft_save" => json!({ "name": "Hello", "description": "Says hello", "graph": graph() }),
        "publish" => json!({ "note": "first" }),
        "workflow_label" => json!({ "tags": ["a"], "template": true }),
        "workflow_copy" => json!({ "name": "Copy" }),
        "run_start" => json!({ "input": { "a": 1 }, "contacts": [], "thread_id": "t" }),
        "run_pause" | "run_resume" | "run_stop" => json!({ "reason": "because" }),
        "event_send" => {
            json!({ "name": "order.placed", "payload": { "total": 7 }, "id": "order-7" })
        }
        "task_claim" => json!({ "worker": "w" }),
        "task_heartbeat" => json!({ "claim": "c" }),
        "task_complete" => json!({ "claim": "c", "output": 1 }),
        "task_fail" => json!({ "claim": "c", "message": "no" }),
        "task_release" => json!({ "claim": "c", "reason": "busy" }),
        "run_retry" => json!({ "from": "ask" }),
        "run_fork" => json!({ "seq": 1 }),
        "run_migrate" => json!({ "version": 1, "preview": true }),
        "decide" => json!({ "decision": "reject", "revision": 1, "reason": "no" }),
        "contact_create" | "contact_update" => {
            json!({ "name": "Ada", "email": "ada@example.com", "tags": ["a"], "metadata": { "k": "v" } })
        }
        "template_create" => {
            json!({ "id": "welcome", "name": "Welcome", "subject": "Hi", "text": "Hi {{contact.name}}" })
        }
        "template_change" => json!({ "revision": 1, "text": "Hello {{contact.name}}" }),
        "sandbox_answer" => json!({ "text": "Yes please." }),
        "settings_general_set" => {
            json!({ "name": "Acme", "timezone": "Europe/Berlin", "email_hold_ms": 0 })
        }
        "settings_history_set" => json!({ "runs_days": 60, "keys_days": 14 }),
        "settings_email_set" => json!({ "kind": "sandbox", "from": "Acme <hello@acme.example>" }),
        "settings_outbound_set" => json!({
            "email_consent": "any",
            "sending_hours": { "enabled": true, "from": "09:00", "to": "17:30", "days": ["mon", "fri"] },
            "contact_daily_max": 2, "organization_daily_max": 500, "model_budget_micros": 5_000_000,
        }),
        "outbound_pause" => json!({ "reason": "wrong prices" }),
        "settings_queues_set" => json!({ "slow": { "concurrency": 1, "per_minute": 30 } }),
        "settings_models_set" => json!({ "provider": "sandbox", "model": "" }),
        other => panic!("say in example_body what {other} takes"),
    }
}

/// A workflow that waits for a person and then ends.
pub fn graph() -> Value {
    json!({
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "manual" } } },
            { "id": "ask", "kind": { "type": "human", "mode": "approve", "prompt": "Shall we?" } },
            { "id": "end", "kind": { "type": "end", "outcome": "done", "output": { "said": "{{input.a}}" } } },
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": "ask" },
            { "id": "e2", "from": "ask", "port": "approved", "to": "end" },
        ],
    })
}

/// The same as a document.
pub fn document() -> Value {
    json!({ "format": "signalbox/v1", "name": "Hello", "description": "Says hello", "graph": graph() })
}

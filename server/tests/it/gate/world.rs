//! An organisation with a gate, a clock, a mail server and one step that writes emails.

use crate::support::{clock::TestClock, runs::NotedRuns, smtp_sink::SmtpSink};
use serde_json::{Value, json};
use server::{
    channel::{Channels, SmtpTimeouts},
    gate::{CrashPoint, Decider, Gate, GateCall, Submitted},
    secret::Vault,
    setting::Settings,
    store::{self, Message, Store},
};
use signalbox::{
    id::*,
    run::ActivationId,
    wire::{
        ApprovalState, ApprovalView, Decide, DecideKind, EmailChannel, MessageState, PageQuery,
        SmtpSecurity,
    },
};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

pub struct World {
    pub store: Store,
    pub gate: Gate,
    pub runs: NotedRuns,
    pub clock: TestClock,
    pub organization: OrganizationId,
    pub crash_at: Arc<Mutex<Option<CrashPoint>>>,
}

pub const HOLD_S: i64 = 10;

impl World {
    /// A fresh world whose emails go to the sandbox.
    pub async fn sandbox() -> Self {
        let store = Store::in_memory().await.unwrap();
        Self::over(store, OrganizationId(Uuid::now_v7()), TestClock::new())
    }

    /// A fresh world whose emails go to `sink`.
    pub async fn smtp(sink: &SmtpSink) -> Self {
        let world = Self::sandbox().await;
        world.use_sink(sink).await;
        world
    }

    /// A world over what is on disk, as after a start of the process.
    pub async fn open(folder: &Path, organization: OrganizationId, clock: TestClock) -> Self {
        Self::over(Store::open(folder).await.unwrap(), organization, clock)
    }

    pub fn over(store: Store, organization: OrganizationId, clock: TestClock) -> Self {
        let settings = Settings::new(store.clone(), Arc::new(Vault::ephemeral()));
        let short = Duration::from_millis(1_500);
        let timeouts = SmtpTimeouts {
            connect: short,
            envelope: short,
            data: short,
            text: short / 2,
            answer: short / 2,
        };
        let channels = Channels::with_timeouts(settings, timeouts);
        let crash_at: Arc<Mutex<Option<CrashPoint>>> = Arc::default();
        let point = crash_at.clone();
        let crash = Arc::new(move |at: CrashPoint| *point.lock().unwrap() == Some(at));
        let gate = Gate::with_crashes(store.clone(), channels, clock.port(), crash);
        let runs = NotedRuns::new(store.clone());
        gate.attach(Arc::new(runs.clone()));
        Self { store, gate, runs, clock, organization, crash_at }
    }

    /// The process died and was started again on the same store.
    pub fn restarted(&self) -> Self {
        Self::over(self.store.clone(), self.organization, self.clock.clone())
    }

    pub async fn use_sink(&self, sink: &SmtpSink) {
        self.use_server(sink.port, SmtpSecurity::None, None).await;
    }

    /// From now on emails go to a server on this machine.
    pub async fn use_server(&self, port: u16, security: SmtpSecurity, certificate: Option<&str>) {
        let channel = EmailChannel::Smtp {
            host: "127.0.0.1".into(),
            port,
            security,
            username: None,
            password: None,
            ca_certificate: certificate.map(str::to_owned),
            from: "Shop <shop@example.com>".into(),
        };
        let settings = self.gate.channels().settings();
        settings.email_set(self.organization, &channel, self.clock.now()).await.unwrap();
    }

    pub fn call(&self) -> GateCall {
        GateCall {
            organization: self.organization,
            run: RunId(Uuid::now_v7()),
            call: CallId(Uuid::new_v4()),
            attempt: 1,
            activation: ActivationId(2),
            node: "send_email".into(),
            repeats: None,
        }
    }

    /// A step writes an email; gives its call and message.
    pub async fn draft(&self) -> (GateCall, MessageId) {
        let call = self.call();
        let submitted = self.gate.submit_email(&call, &email()).await;
        assert_eq!(submitted, Submitted::Parked);
        let message = MessageId::derive(call.call.0, &["message"]);
        (call, message)
    }

    pub async fn message(&self, id: MessageId) -> Message {
        store::message_fetch(&self.store, self.organization, id).await.unwrap()
    }

    pub async fn state(&self, id: MessageId) -> MessageState {
        self.message(id).await.state
    }

    pub async fn pending(&self) -> Vec<ApprovalView> {
        let page = PageQuery::default();
        let state = Some(ApprovalState::Pending);
        self.gate.approvals(self.organization, state, &page).await.unwrap().items
    }

    pub async fn only_pending(&self) -> ApprovalView {
        let mut pending = self.pending().await;
        assert_eq!(pending.len(), 1, "{pending:#?}");
        pending.remove(0)
    }

    pub fn decider(&self) -> Decider {
        Decider {
            organization: self.organization,
            user: Some(UserId(Uuid::from_u128(9))),
            name: "Grace".into(),
            may_approve: true,
            may_resolve: true,
        }
    }

    /// Approves what waits and lets the hold pass.
    pub async fn approve(&self) {
        let approval = self.only_pending().await;
        let decide = decide(DecideKind::Approve, approval.revision);
        self.gate.decide(&self.decider(), approval.id, &decide).await.unwrap();
        self.clock.advance(HOLD_S);
    }
}

pub fn email() -> Value {
    json!({
        "to": "Ada Lovelace <ada@example.com>",
        "subject": "Welcome, Ada",
        "body": "Hi Ada,\n.\nwelcome aboard – we are glad.\n",
    })
}

pub fn decide(decision: DecideKind, revision: u32) -> Decide {
    Decide {
        decision,
        revision,
        edits: None,
        answer: Value::Null,
        reason: String::new(),
        retry: false,
        uncertain: None,
    }
}

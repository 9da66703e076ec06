//! The typed client, every method of it, over a socket and inside the process.

use super::support::{PASSWORD, Server, document, example_body};
use axum::http::{HeaderMap, header};
use serde_json::{Value, from_value, json};
use server::http::{self, in_process::InProcess};
use signalbox::{
    client::Client,
    wire::{
        ApprovalState, Decide, DraftSave, EmailChannel, ErrorCode, EventSend, ImportRequest,
        MemberChange, PageQuery, Publish, ReasonBody, Role, RunFork, RunMigrate, RunQuery,
        RunRetry, RunStart, SessionSwitch, SignIn, TaskBeat, TaskClaim, TaskComplete, TaskFail,
        TaskRelease, WorkflowQuery,
    },
};

fn body<T: serde::de::DeserializeOwned>(operation: &str) -> T {
    from_value(example_body(operation)).unwrap()
}

async fn accounts(client: &Client) {
    let me = client.me().await.unwrap();
    assert_eq!(me.role, Role::Owner);
    assert!(!client.setup_state().await.unwrap().needs_owner);
    assert_eq!(client.setup(&body("setup")).await.unwrap_err().code, ErrorCode::WrongState);
    let added = client.member_add(&body("member_add")).await.unwrap();
    let here = SessionSwitch { organization: me.organization.id };
    match me.user {
        Some(_) => assert_eq!(client.session_switch(&here).await.unwrap(), me),
        None => {
            let refused = client.session_switch(&here).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::WrongState, "a token stays where it is");
        }
    }
    let change = MemberChange { role: Role::Editor };
    assert_eq!(client.member_change(added.user, &change).await.unwrap().role, Role::Editor);
    assert!(client.members().await.unwrap().iter().any(|member| member.user == added.user));
    client.member_remove(added.user).await.unwrap();
    let made = client.token_create(&body("token_create")).await.unwrap();
    assert!(client.tokens().await.unwrap().contains(&made.view));
    client.token_revoke(made.view.id).await.unwrap();
}

async fn workflows_and_runs(client: &Client) {
    let page = PageQuery::default();
    let import = ImportRequest { document: document(), ..ImportRequest::default() };
    let id = client.workflow_import(&import).await.unwrap().workflow.id;
    client.workflow_create(&ImportRequest::default()).await.unwrap();
    let detail = client.workflow(id).await.unwrap();
    let draft =
        DraftSave { name: "Renamed".into(), description: String::new(), graph: detail.graph };
    let saved = client.draft_save(id, detail.draft_revision, &draft).await.unwrap();
    assert_eq!(client.draft_save(id, 1, &draft).await.unwrap_err().code, ErrorCode::Conflict);
    assert!(saved.draft_revision > detail.draft_revision);
    let version = client.publish(id, &Publish::default()).await.unwrap().version;
    assert_eq!(client.version_graph(id, version).await.unwrap(), draft.graph);
    let written = client.workflow_export(id, "visual-workflow").await.unwrap();
    let report = client.workflow_export_report(id, "visual-workflow", Some(version)).await.unwrap();
    assert_eq!((report.document, report.problems), (written, Vec::new()));
    for (format, is_yaml) in [("visual-workflow", false), ("signalbox/v1", true)] {
        let report = client.workflow_export_draft(id, format, is_yaml).await.unwrap();
        assert_eq!(report.document.is_string(), is_yaml, "{format}");
    }
    assert_eq!(client.workflow_outcomes(id).await.unwrap().items, []);
    assert!(client.workflows(&page).await.unwrap().items.iter().any(|row| row.name == "Renamed"));
    let starters = client.starters().await.unwrap();
    client.starter_use(&starters[0].slug).await.unwrap();
    assert!(!client.tools().await.unwrap().is_empty());

    let start = RunStart { input: json!({ "a": 1 }), ..RunStart::default() };
    let run = client.run_start(id, &start, Some("k")).await.unwrap().id;
    assert_eq!(client.run_start(id, &start, Some("k")).await.unwrap().id, run);
    assert!(!client.run_wait(run, 20_000).await.unwrap().ended);
    let wanted = RunQuery { workflow: Some(id), ..RunQuery::default() };
    assert_eq!(client.runs(&wanted).await.unwrap().items[0].id, run);
    let reason = ReasonBody::default();
    client.run_pause(run, &reason).await.unwrap();
    client.run_resume(run, &reason).await.unwrap();
    let pending = client.approvals(Some(ApprovalState::Pending), &page).await.unwrap();
    let approval = client.approval(pending.items[0].id).await.unwrap().approval;
    let decide: Decide =
        from_value(json!({ "decision": "approve", "revision": approval.revision })).unwrap();
    let outcome = client.decide(approval.id, &decide).await.unwrap();
    assert_eq!(outcome.approval.state, ApprovalState::Approved);
    assert_eq!(client.run_wait(run, 20_000).await.unwrap().output, json!({ "said": 1 }));
    assert_eq!(client.run(run).await.unwrap().output, json!({ "said": 1 }));
    assert!(!client.run_events(run, 1).await.unwrap().events.is_empty());
    let fork = RunFork { seq: 1, ..RunFork::default() };
    let forked = client.run_fork(run, &fork, Some("f")).await.unwrap().id;
    assert_eq!(client.run_fork(run, &fork, Some("f")).await.unwrap().id, forked);
    let newer = client.publish(id, &Publish::default()).await.unwrap().version;
    let migrate = RunMigrate { version: newer, preview: false };
    assert!(client.run_migrate(forked, &migrate).await.unwrap().migrated);
    client.run_stop(forked, &reason).await.unwrap();
    let reopened = client.run_retry(forked, &RunRetry::default()).await.unwrap();
    assert!(!reopened.status.phase().is_terminal());
    let stopped = client.run_stop(run, &reason).await.unwrap_err();
    assert_eq!(stopped.code, ErrorCode::WrongState);
    client.workflow_archive(id).await.unwrap();
    let archived = WorkflowQuery { archived: Some(true), ..WorkflowQuery::default() };
    assert_eq!(client.workflows_of(&archived).await.unwrap().items[0].id, id);
    assert!(!client.workflow_restore(id).await.unwrap().archived);
    client.workflow_archive(id).await.unwrap();
}

async fn tasks(client: &Client) {
    let document = super::tasks::task_document(json!({}), json!({}));
    let import = ImportRequest { document, ..ImportRequest::default() };
    let id = client.workflow_import(&import).await.unwrap().workflow.id;
    client.publish(id, &Publish::default()).await.unwrap();
    let claimed = async || {
        client.run_start(id, &RunStart::default(), None).await.unwrap();
        let claim = TaskClaim { wait_ms: Some(20_000), ..body("task_claim") };
        client.task_claim(&claim).await.unwrap().tasks.remove(0)
    };
    let task = claimed().await;
    let beat = TaskBeat { claim: task.claim.clone(), lease_ms: None };
    client.task_heartbeat(task.id, &beat).await.unwrap();
    let release = TaskRelease { claim: task.claim.clone(), reason: "busy".into() };
    client.task_release(task.id, &release).await.unwrap();
    let gone = client.task_heartbeat(task.id, &beat).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::LeaseLost);
    let task = client.task_claim(&body("task_claim")).await.unwrap().tasks.remove(0);
    let complete = TaskComplete { claim: task.claim.clone(), output: json!("done") };
    client.task_complete(task.id, &complete).await.unwrap();
    assert_eq!(client.run_wait(task.run, 20_000).await.unwrap().output, json!("done"));
    let task = claimed().await;
    let fail = TaskFail { claim: task.claim.clone(), message: "no".into(), retry: false };
    client.task_fail(task.id, &fail).await.unwrap();
    client.workflow_archive(id).await.unwrap();
}

async fn the_rest(client: &Client) {
    let page = PageQuery::default();
    let contact = client.contact_create(&body("contact_create")).await.unwrap();
    let changed = from_value(json!({ "status": "VIP" })).unwrap();
    assert_eq!(client.contact_update(contact.id, &changed).await.unwrap().status, "VIP");
    assert_eq!(client.contact(contact.id).await.unwrap().status, "VIP");
    assert!(client.contacts(&page).await.unwrap().items.iter().any(|row| row.id == contact.id));
    client.contact_delete(contact.id).await.unwrap();
    assert_eq!(client.contact(contact.id).await.unwrap_err().code, ErrorCode::NotFound);
    assert!(client.sandbox_messages(&page).await.unwrap().items.is_empty());

    let event: EventSend = body("event_send");
    let sent = client.event_send(&event).await.unwrap();
    let again = client.event_send(&event).await.unwrap();
    assert_eq!((sent.duplicate, again.duplicate, again.number), (false, true, sent.number));

    let general = client.settings_general_set(&body("settings_general_set")).await.unwrap();
    assert_eq!(client.settings_general().await.unwrap(), general);
    assert_eq!(client.me().await.unwrap().organization.timezone, general.timezone);
    let history = client.settings_history_set(&body("settings_history_set")).await.unwrap();
    assert_eq!(client.settings_history().await.unwrap(), history);
    let smtp: EmailChannel = from_value(json!({
        "kind": "smtp", "host": "127.0.0.1", "port": 9, "security": "none",
        "username": "u", "password": "hush-hush", "from": "Acme <hello@acme.example>",
    }))
    .unwrap();
    let kept = client.settings_email_set(&smtp).await.unwrap();
    assert!(kept.password_set);
    assert!(!serde_json::to_string(&kept).unwrap().contains("hush-hush"), "write-only");
    assert_eq!(client.settings_email().await.unwrap(), kept);
    assert!(client.settings_email_test().await.is_err(), "nobody listens there");
    client.settings_email_set(&body("settings_email_set")).await.unwrap();
    assert_ne!(client.settings_email_test().await.unwrap(), Value::Null);
    let outbound = client.settings_outbound_set(&body("settings_outbound_set")).await.unwrap();
    assert_eq!(client.settings_outbound().await.unwrap(), outbound);
    let paused = client.outbound_pause(&body("outbound_pause")).await.unwrap();
    assert!(paused.paused.is_some() && client.outbound_is_paused().await.unwrap());
    assert_eq!(client.outbound().await.unwrap(), paused);
    assert!(client.outbound_resume().await.unwrap().paused.is_none());
    assert!(!client.outbound_is_paused().await.unwrap());
    let secret = client.secret_set(&body("secret_set")).await.unwrap();
    assert_eq!(client.secrets().await.unwrap(), std::slice::from_ref(&secret));
    client.secret_delete(&secret.name).await.unwrap();
    assert_eq!(client.secrets().await.unwrap(), []);
    let queues = client.settings_queues_set(&body("settings_queues_set")).await.unwrap();
    assert_eq!(client.settings_queues().await.unwrap(), queues);
    let models = client.settings_models_set(&body("settings_models_set")).await.unwrap();
    assert_eq!(client.settings_models().await.unwrap(), models);
}

#[tokio::test]
async fn over_a_socket() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let client = server.client(acme.token(Role::Owner));
    accounts(&client).await;
    workflows_and_runs(&client).await;
    tasks(&client).await;
    the_rest(&client).await;
}

#[tokio::test]
async fn inside_the_process_with_the_cookies_of_the_visitor() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let router = http::router(&server.state);
    let nobody = InProcess::client(router.clone(), &HeaderMap::new());
    assert_eq!(nobody.me().await.unwrap_err().code, ErrorCode::Unauthenticated);
    let sign_in = SignIn { email: acme.user(Role::Owner).email.clone(), password: PASSWORD.into() };
    nobody.sign_in(&sign_in).await.unwrap();
    let super::support::As::Browser(cookie) = server.browser(&sign_in.email).await else {
        panic!()
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, cookie.parse().unwrap());
    let client = InProcess::client(router, &headers);
    accounts(&client).await;
    workflows_and_runs(&client).await;
    tasks(&client).await;
    the_rest(&client).await;
    client.sign_out().await.unwrap();
    assert_eq!(client.me().await.unwrap_err().code, ErrorCode::Unauthenticated);
}

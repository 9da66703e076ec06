//! The workflow, the runs, and waiting for their end.

use chrono::{DateTime, Utc};
use serde_json::json;
use signalbox::client::Client;
use signalbox::id::{RunId, WorkflowId};
use signalbox::run::RunPhase;
use signalbox::wire::{
    EmailChannel, GeneralSettings, ImportRequest, Publish, RunStart, SmtpSecurity,
};
use std::time::{Duration, Instant};

/// The channel, the settings and a published workflow: compute, send, wait, compute, end.
pub async fn prepare(client: &Client, smtp_port: u16) -> WorkflowId {
    let channel = EmailChannel::Smtp {
        host: "127.0.0.1".into(),
        port: smtp_port,
        security: SmtpSecurity::None,
        username: None,
        password: None,
        ca_certificate: None,
        from: "Signals <signals@example.com>".into(),
    };
    client.settings_email_set(&channel).await.expect("the channel is set");
    let general = GeneralSettings { name: "Kill".into(), timezone: "UTC".into(), email_hold_ms: 0 };
    client.settings_general_set(&general).await.expect("the settings are set");
    let document = json!({
        "name": "Killed",
        "steps": [
            {"stepSlug": "start", "stepType": "trigger", "config": {"type": "manual"},
             "nextSteps": {"success": "prepare"}},
            {"stepSlug": "prepare", "stepType": "action", "config": {"type": "set_variables",
             "parameters": {"number": "{{input.number}}"}}, "nextSteps": {"success": "write"}},
            {"stepSlug": "write", "stepType": "action", "config": {"type": "email_send",
             "parameters": {"to": "{{input.to}}", "subject": "Run {{number}}", "body": "Hello {{number}}"}},
             "nextSteps": {"success": "note"}},
            {"stepSlug": "note", "stepType": "action", "config": {"type": "set_variables",
             "parameters": {"sent": true}}, "nextSteps": {"success": "end"}}
        ]
    });
    let request = ImportRequest { document, ..Default::default() };
    let imported = client.workflow_import(&request).await.expect("the workflow imports");
    let id = imported.workflow.id;
    client.publish(id, &Publish::default()).await.expect("the workflow is published");
    id
}

/// Starts the runs one after another; each until the server has said yes, with one key a run.
pub async fn start_runs(client: Client, workflow: WorkflowId, runs: u64) -> Vec<RunId> {
    let mut ids = Vec::new();
    for number in 0..runs {
        let input = json!({"number": number, "to": format!("reader{number}@example.com")});
        let body = RunStart { input, ..Default::default() };
        let key = format!("kill-{number}");
        // On a busy machine a server may be killed many times before it answers anything.
        let limit = Instant::now() + Duration::from_secs(300);
        loop {
            match client.run_start(workflow, &body, Some(&key)).await {
                Ok(started) => break ids.push(started.id),
                Err(error) if Instant::now() > limit => panic!("run {number} not started: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    ids
}

/// Waits until every run has ended, for so long in all; which have not.
pub async fn all_ended(client: &Client, ids: &[RunId], patience: Duration) -> Vec<RunId> {
    let limit = Instant::now() + patience;
    let mut open = ids.to_vec();
    loop {
        open = open_of(client, open).await;
        if open.is_empty() || Instant::now() > limit {
            return open;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Those that have not ended; one that cannot be read has not.
pub async fn open_of(client: &Client, ids: Vec<RunId>) -> Vec<RunId> {
    let mut open = Vec::new();
    for id in ids {
        let ended = match client.run(id).await {
            Ok(detail) => detail.run.status.phase().is_terminal(),
            Err(_) => false,
        };
        if !ended {
            open.push(id);
        }
    }
    open
}

/// How long it took until the last of these runs had its first event after a moment at which none had ended.
pub async fn slowest_to_go_on(client: &Client, ids: &[RunId], since: DateTime<Utc>) -> Duration {
    let mut slowest = Duration::ZERO;
    for id in ids {
        let page = client.run_events(*id, 0).await.expect("the events of a run");
        // One without any is stuck, which is told elsewhere.
        let Some(next) = page.events.iter().find(|event| event.at > since) else { continue };
        slowest = slowest.max((next.at - since).to_std().unwrap_or_default());
    }
    slowest
}

/// Whether a run ended as it should.
pub fn is_well(phase: RunPhase) -> bool {
    phase == RunPhase::Completed
}

/// What the API says of a run.
pub async fn status_of(client: &Client, run: RunId) -> String {
    match client.run(run).await {
        Ok(detail) => format!("{:?}", detail.run.status),
        Err(error) => error.to_string(),
    }
}

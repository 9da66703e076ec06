//! An email in a real run, from the step to the mailbox.

use crate::support::{
    smtp_sink::SmtpSink,
    town::{Town, action},
};
use serde_json::{Value, json};
use server::engine::WaitFor;
use signalbox::{
    run::{Command, EventBody, RunEnd, RunPhase},
    wire::*,
};
use std::time::Duration;

fn mail() -> Value {
    json!([
        action("make", "customer.create", json!({ "name": "Ada Lovelace", "email": "ada@example.com" })),
        { "id": "write", "kind": { "type": "llm", "system_prompt": "Answer with JSON: subject and body.",
            "user_prompt": "Customer: {{steps.make.output.name}}", "output_format": "json" } },
        action("send", "email_send", json!({
            "customerId": "{{steps.make.output.id}}",
            "subject": "{{steps.write.output.subject}}", "body": "{{steps.write.output.body}}",
        })),
    ])
}

fn decide(decision: DecideKind, revision: u32) -> Decide {
    Decide {
        decision,
        revision,
        edits: None,
        answer: Value::Null,
        retry: false,
        reason: String::new(),
        uncertain: None,
    }
}

// WF-05
#[tokio::test]
async fn a_run_writes_waits_for_approval_and_sends() {
    let town = Town::new().await;
    let workflow = town.publish(mail()).await;
    let run = town.start(workflow, json!({ "who": "Ada" })).await;
    let status = town.until(run, WaitFor::Person).await;
    assert_eq!(status.phase(), RunPhase::AwaitingInput);
    let row = town.pending().await.remove(0);
    assert_eq!(row.recipient, "Ada Lovelace <ada@example.com>");
    assert_eq!(row.workflow.as_ref().map(|(_, name)| name.as_str()), Some("A test"));
    let detail = town.gate.approval_detail(town.organization, row.id).await.unwrap();
    assert_eq!(detail.because.written_by, "sandbox");
    assert_eq!(detail.because.input, json!({ "who": "Ada" }));
    assert_eq!(detail.gate.unwrap().verdict, "needs_approval");

    let mut approve = decide(DecideKind::Approve, 1);
    approve.edits = Some(MessageEdit { subject: Some("Hello".into()), text: None });
    town.gate.decide(&town.decider(), row.id, &approve).await.unwrap();
    let status = town.until(run, WaitFor::End).await;
    assert_eq!(status.phase(), RunPhase::Completed, "{status:?}");
    let played = town.played(run).await;
    assert_eq!(played.outputs["send"]["subject"], "Hello");
    assert_eq!(played.outputs["send"]["edited"], true);
    let mailbox =
        town.gate.sandbox_messages(town.organization, &PageQuery::default()).await.unwrap();
    assert_eq!(mailbox.items[0].text, detail.message.unwrap().text);
    tokio::time::timeout(Duration::from_secs(10), town.stop()).await.unwrap();
}

#[tokio::test]
async fn undone_held_and_rejected_messages_are_followed_by_the_run() {
    let town = Town::new().await;
    let hold = server::setting::General { email_hold_ms: 60_000, ..Default::default() };
    town.settings.general_set(town.organization, &hold, chrono::Utc::now()).await.unwrap();
    let workflow = town.publish(mail()).await;
    let run = town.start(workflow, json!({})).await;
    town.until(run, WaitFor::Person).await;
    let row = town.pending().await.remove(0);
    let decider = town.decider();
    town.gate.decide(&decider, row.id, &decide(DecideKind::Approve, 1)).await.unwrap();
    let status = town.until(run, WaitFor::Person);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), status).await.is_err(),
        "it is on its way"
    );
    let held = town.events(run).await;
    assert!(
        held.iter()
            .any(|e| matches!(&e.body, EventBody::MessageMoved { state, .. } if state == "held"))
    );
    town.gate.decide(&decider, row.id, &decide(DecideKind::Undo, 1)).await.unwrap();
    let status = town.until(run, WaitFor::Person).await;
    assert_eq!(status.phase(), RunPhase::AwaitingInput);
    town.gate.decide(&decider, row.id, &decide(DecideKind::Reject, 1)).await.unwrap();
    town.until(run, WaitFor::End).await;
    let played = town.played(run).await;
    // Nothing catches it, so the step is skipped; the run is over.
    assert!(matches!(played.end, Some(RunEnd::Completed { .. })), "{:?}", played.end);
    assert!(played.outputs.get("send").is_none());
}

#[tokio::test]
async fn a_stopped_run_recalls_what_waits() {
    let town = Town::new().await;
    let workflow = town.publish(mail()).await;
    let run = town.start(workflow, json!({})).await;
    town.until(run, WaitFor::Person).await;
    let row = town.pending().await.remove(0);
    let stop = signalbox::run::Command::Stop {
        reason: "enough".into(),
        by: "Grace".into(),
        replaced_by: None,
    };
    town.engine.command(town.organization, run, stop).await.unwrap();
    assert!(town.pending().await.is_empty());
    let view = town.gate.approval_view(town.organization, row.id).await.unwrap();
    assert_eq!(
        (view.state, view.message_state),
        (ApprovalState::Withdrawn, Some(MessageState::Cancelled))
    );
}

#[tokio::test]
async fn fifty_runs_send_fifty_mails() {
    let town = Town::new().await;
    let sink = SmtpSink::start().await;
    town.use_sink(&sink).await;
    let workflow = town
        .publish(json!([action(
            "mail",
            "email.send",
            json!({ "to": "{{input.to}}", "subject": "s", "body": "b" })
        )]))
        .await;
    let mut runs = Vec::new();
    for number in 0..50 {
        runs.push(town.start(workflow, json!({ "to": format!("a{number}@example.com") })).await);
    }
    for run in &runs {
        town.until(*run, WaitFor::Person).await;
    }
    for row in town.pending().await {
        town.gate.decide(&town.decider(), row.id, &decide(DecideKind::Approve, 1)).await.unwrap();
    }
    for run in runs {
        assert_eq!(town.until(run, WaitFor::End).await.phase(), RunPhase::Completed);
    }
    let to: std::collections::BTreeSet<_> =
        sink.received().into_iter().flat_map(|r| r.to).collect();
    assert_eq!((sink.received().len(), to.len()), (50, 50));
}

/// The calls that a run ever made.
async fn calls_of(town: &Town, run: signalbox::id::RunId) -> Vec<signalbox::id::CallId> {
    let events = town.events(run).await;
    let call = |event: &signalbox::run::Event| match &event.body {
        EventBody::CallRequested { call, .. } => Some(*call),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

async fn still_open(town: &Town, run: signalbox::id::RunId) -> usize {
    let mut open = 0;
    for call in calls_of(town, run).await {
        let found = server::store::call_fetch(&town.store, town.organization, run, call).await;
        open += usize::from(found.unwrap().is_some());
    }
    open
}

// However a run ends, no call of it stays with the send gate.
#[tokio::test]
async fn nothing_of_an_ended_run_stays_parked() {
    let town = Town::new().await;
    let email = json!({ "to": "ada@example.com", "subject": "Hi", "body": "Hello" });
    let end = json!({ "id": "stop", "kind": { "type": "end", "terminate": true } });
    let ask = json!({ "id": "ask", "kind": { "type": "human", "mode": "approve", "prompt": "Stop it?" } });
    let graph: signalbox::graph::Graph = serde_json::from_value(json!({
        "nodes": [
            { "id": "start", "kind": { "type": "trigger" } }, action("send", "email_send", email), ask, end,
        ],
        "edges": [
            { "id": "a", "from": "start", "port": "success", "to": "send" },
            { "id": "b", "from": "start", "port": "success", "to": "ask" },
            { "id": "c", "from": "ask", "port": "approved", "to": "stop" },
        ],
    }))
    .unwrap();
    let workflow = town.publish_graph(graph).await;
    for way in ["stopped", "terminated", "sent"] {
        let run = town.start(workflow, json!({})).await;
        let waiting = loop {
            let waiting = town.pending().await;
            if waiting.len() == 2 {
                break waiting;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(still_open(&town, run).await, 1, "{way}: the gate holds the message");
        let mail = waiting.iter().find(|row| !row.recipient.is_empty()).unwrap().id;
        let question = waiting.iter().find(|row| row.recipient.is_empty()).unwrap().id;
        let approve = decide(DecideKind::Approve, 1);
        match way {
            "stopped" => {
                let stop = Command::Stop {
                    reason: "enough".into(),
                    by: "a test".into(),
                    replaced_by: None,
                };
                town.engine.command(town.organization, run, stop).await.unwrap();
            }
            "terminated" => {
                town.gate.decide(&town.decider(), question, &approve).await.unwrap();
            }
            _ => {
                town.gate.decide(&town.decider(), mail, &approve).await.unwrap();
                let reject = decide(DecideKind::Reject, 1);
                town.gate.decide(&town.decider(), question, &reject).await.unwrap();
            }
        }
        town.until(run, WaitFor::End).await;
        assert_eq!(still_open(&town, run).await, 0, "{way}");
        assert!(town.pending().await.is_empty(), "{way}: its approvals went with it");
    }
}

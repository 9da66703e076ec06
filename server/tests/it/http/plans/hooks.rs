//! Steps that ended, told to others: on the live stream, and to addresses that a run names.

use super::{Desk, plan_of};
use crate::{
    http::live,
    support::{
        database::on_each,
        web_sink::{Answer, Asked, WebSink},
    },
};
use serde_json::{Value, json};
use server::store;
use signalbox::{run::ErrorKind, wire::Role};
use std::time::Duration;

async fn desk() -> Desk {
    Desk::open(|node, _, _| match node {
        "broken" => Some(Err(ErrorKind::InvalidInput)),
        "late" => None,
        node => Some(Ok(json!(format!("<{node}>")))),
    })
    .await
}

fn plan() -> Value {
    plan_of(&[
        ("good", "G", json!({})),
        ("broken", "B", json!({ "dependsOn": ["good"], "retry": { "maxAttempts": 1 } })),
    ])
}

/// Waits until the address was asked so often.
async fn asked(sink: &WebSink, count: usize) -> Vec<Asked> {
    for _ in 0..400 {
        let asked = sink.asked();
        if asked.len() >= count {
            return asked;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("asked {} times, not {count}", sink.asked().len());
}

// DAG-06
#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_told_of_steps_that_ended_signed_and_once() {
    on_each(async || {
        let (desk, done, failed) = (desk().await, WebSink::start().await, WebSink::start().await);
        let secret =
            json!({ "name": "hook_key", "value": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
        let made = desk.server.post(&desk.owner(), "/api/secrets", &secret).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let plan = desk.plan(&plan()).await;
        let options = json!({
            "onStepComplete": done.url("/done"), "onStepFailed": failed.url("/failed"),
            "webhookSecret": "hook_key",
        });
        let run = desk.execute(plan, json!({ "options": options })).await;
        let execution = desk.over(run).await;
        assert_eq!(execution.status, "failed");
        let told = asked(&done, 1).await.remove(0);
        let body = told.json();
        assert_eq!(
            (&body["type"], &body["executionId"], &body["planId"]),
            (&json!("step.completed"), &json!(run), &json!(plan))
        );
        let step = &body["step"];
        assert_eq!(
            (&step["id"], &step["status"], &step["output"], &step["retryCount"]),
            (&json!("good"), &json!("completed"), &json!("<good>"), &json!(0))
        );
        assert_eq!(
            (&step["model"], &step["usage"]["totalTokens"]),
            (&json!("test-model"), &json!(120))
        );
        assert!(step["durationMs"].is_u64() && step["startedAt"].is_string());
        // Signed as Standard Webhooks say.
        let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
        let key = server::auth::signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = server::auth::hmac_sha256(
            &key,
            &[id.as_bytes(), b".", timestamp.as_bytes(), b".", told.body.as_bytes()],
        );
        use base64::Engine as _;
        let expected = base64::engine::general_purpose::STANDARD.encode(signed);
        assert_eq!(header("webhook-signature"), format!("v1,{expected}"));

        let told = asked(&failed, 1).await.remove(0).json();
        assert_eq!(
            (&told["type"], &told["step"]["id"], &told["step"]["status"], &told["step"]["error"]),
            (&json!("step.failed"), &json!("broken"), &json!("failed"), &json!("it broke"))
        );
        // Nothing is left to be told, and nothing was told twice.
        for _ in 0..100 {
            if store::step_hook_next(desk.server.state.store()).await.unwrap().is_none() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(store::step_hook_next(desk.server.state.store()).await.unwrap(), None);
        assert_eq!((done.asked().len(), failed.asked().len()), (1, 1));
    })
    .await;
}

// DAG-06
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_fails_is_told_again_under_the_same_id_and_one_that_is_gone_is_not() {
    let (desk, shaky, gone) = (desk().await, WebSink::start().await, WebSink::start().await);
    shaky.answer(Answer::status(503, "not now"));
    gone.answer(Answer::status(410, "gone"));
    let plan = desk.plan(&plan()).await;
    let options = json!({ "onStepComplete": shaky.url("/"), "onStepFailed": gone.url("/") });
    let run = desk.execute(plan, json!({ "options": options })).await;
    desk.over(run).await;
    let told = asked(&shaky, 2).await;
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"]);
    assert_eq!(told[0].body, told[1].body);
    assert_eq!(asked(&gone, 1).await.len(), 1);
}

// DAG-06
#[tokio::test(flavor = "multi_thread")]
async fn the_live_stream_says_which_steps_were_completed_and_failed() {
    let desk = desk().await;
    let plan = desk
        .plan(&plan_of(&[
            ("late", "L", json!({})),
            ("broken", "B", json!({ "dependsOn": ["late"], "retry": { "maxAttempts": 1 } })),
        ]))
        .await;
    let run = desk.execute(plan, json!({})).await;
    desk.script.under_way(&["late"]).await;
    let mut socket = live::with_token(&desk.server, desk.acme.token(Role::Viewer)).await;
    live::say(&mut socket, &format!("{{\"type\":\"follow_run\",\"run\":\"{run}\",\"after\":0}}"))
        .await;
    desk.script.go("late");
    let mut seen = String::new();
    while !seen.contains("run_ended") {
        seen.push_str(&live::next(&mut socket).await.expect("the stream goes on").to_string());
    }
    for kind in ["node_completed", "node_failed"] {
        assert!(seen.contains(kind), "{kind}: {seen}");
    }
}

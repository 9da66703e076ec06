//! `waitForPlan`: one call that blocks until the end, in the client and on the command line.

use super::{Desk, plan_of};
use crate::support::database::on_each;
use serde_json::{Value, json};
use signalbox::{
    client::WaitOptions,
    id::RunId,
    run::ErrorKind,
    wire::{ErrorCode, Role},
};
use std::{process::Output, time::Duration};

async fn desk() -> Desk {
    Desk::open(|node, _, _| match node {
        "broken" => Some(Err(ErrorKind::InvalidInput)),
        _ => None,
    })
    .await
}

fn two() -> Value {
    plan_of(&[("a", "A", json!({})), ("b", "B", json!({ "dependsOn": ["a"] }))])
}

// DAG-09
#[tokio::test(flavor = "multi_thread")]
async fn the_client_waits_until_the_end_and_tells_of_progress() {
    on_each(async || {
        let desk = desk().await;
        let plan = desk.plan(&two()).await;
        let run = desk.execute(plan, json!({})).await;
        let (client, mut progress) = (desk.client(), Vec::new());
        let options = WaitOptions { timeout_ms: Some(20_000), poll_interval_ms: 25 };
        let waiting = client.wait_for_plan(run, options, |execution| {
            // The steps are let go by what is seen of them.
            let done = execution.progress.completed;
            if progress.last() != Some(&done) {
                progress.push(done);
                desk.script.go(if done == 0 { "a" } else { "b" });
            }
        });
        let execution = waiting.await.unwrap();
        assert_eq!((execution.status.as_str(), execution.usage.total_tokens), ("completed", 240));
        assert_eq!((progress.first(), progress.last()), (Some(&0), Some(&2)), "{progress:?}");
    })
    .await;
}

// DAG-09
#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_its_time_and_the_run_goes_on() {
    on_each(async || {
        let desk = desk().await;
        let plan = desk.plan(&two()).await;
        let run = desk.execute(plan, json!({})).await;
        let options = WaitOptions { timeout_ms: Some(60), poll_interval_ms: 20 };
        let mut looks = 0;
        let error = desk.client().wait_for_plan(run, options, |_| looks += 1).await.unwrap_err();
        assert_eq!((error.code, looks), (ErrorCode::TimedOut, 4), "{error}");
        assert_eq!(error.details["execution"]["status"], "running");
        desk.script.go("a");
        desk.script.go("b");
        let options = WaitOptions { timeout_ms: None, ..WaitOptions::default() };
        assert_eq!(
            desk.client().wait_for_plan(run, options, |_| {}).await.unwrap().status,
            "completed"
        );
        let nobody = RunId(uuid::Uuid::now_v7());
        let error = desk.client().wait_for_plan(nobody, options, |_| {}).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
    })
    .await;
}

async fn signalbox(desk: &Desk, run: &str, more: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(["wait", run, "--server", &desk.server.url("")]).args(more);
    command.env("SIGNALBOX_TOKEN", desk.acme.token(Role::Viewer));
    tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap()
}

// DAG-09
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_waits_and_its_exit_code_says_how_it_ended() {
    let desk = desk().await;
    let plan = desk.plan(&two()).await;
    let run = desk.execute(plan, json!({})).await;
    let id = run.to_string();
    let late = signalbox(&desk, &id, &["--timeout-ms", "50", "--poll-ms", "20"]).await;
    assert_eq!(late.status.code(), Some(4), "{late:?}");
    assert!(String::from_utf8_lossy(&late.stderr).contains("0 of 2 steps are done"), "{late:?}");
    desk.script.go("a");
    desk.script.go("b");
    let done = signalbox(&desk, &id, &["--json"]).await;
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let text = String::from_utf8(done.stdout).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["status"], &last["progress"]["completed"]), (&json!("completed"), &json!(2)));

    let broken = plan_of(&[("broken", "B", json!({ "retry": { "maxAttempts": 1 } }))]);
    let plan = desk.plan(&broken).await;
    let run = desk.execute(plan, json!({})).await.to_string();
    let failed = signalbox(&desk, &run, &[]).await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(String::from_utf8_lossy(&failed.stdout).contains("failed: 0/1"), "{failed:?}");
    for run in ["no id", &uuid::Uuid::now_v7().to_string()] {
        assert_eq!(signalbox(&desk, run, &[]).await.status.code(), Some(2), "{run}");
    }
}

//! Steps of a plan: what each field does, what runs together, what flows on, what is skipped, what it cost, limits.

use super::{Desk, plan_of};
use crate::support::database::on_each;
use serde_json::json;
use signalbox::{
    format::dag::TaskStatus,
    run::{CallRequest, ErrorKind},
};

// DAG-02
#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_a_step_does_what_it_says() {
    on_each(async || {
        let desk = Desk::open(|node, attempt, _| match (node, attempt) {
            ("ask", 1) => Some(Err(ErrorKind::Timeout)),
            ("slow", _) => None,
            (node, _) => Some(Ok(json!(format!("<{node}>")))),
        })
        .await;
        let plan = desk
            .plan(&plan_of(&[
                (
                    "ask",
                    "Classify {{input.report}}",
                    json!({ "model": "opus", "maxTokens": 800, "temperature": 0.2, "queue": "fast",
                        "retry": { "maxAttempts": 2, "backoffMs": 1 } }),
                ),
                (
                    "skipped",
                    "No",
                    json!({ "dependsOn": ["ask"], "condition": "{{ask.output}} === 'x'" }),
                ),
                (
                    "slow",
                    "Never",
                    json!({ "dependsOn": ["ask"], "timeoutMs": 40, "retry": { "maxAttempts": 1 } }),
                ),
            ]))
            .await;
        let run = desk.execute(plan, json!({ "input": { "report": "fire" } })).await;
        let execution = desk.over(run).await;
        let asked = desk.script.asked();
        let tries: Vec<_> = asked.iter().filter(|(node, _)| node == "ask").collect();
        assert_eq!(tries.len(), 2, "maxAttempts counts tries");
        let CallRequest::Model(request) = &tries[0].1 else { panic!() };
        assert_eq!(
            (request.model.as_deref(), request.max_tokens, request.temperature),
            (Some("opus"), Some(800), Some(0.2))
        );
        assert_eq!(request.user_prompt, "Classify fire");
        let (ask, slow) = (&execution.steps["ask"], &execution.steps["slow"]);
        assert_eq!((ask.status, ask.retry_count), (TaskStatus::Completed, 1));
        assert_eq!(execution.steps["skipped"].status, TaskStatus::Skipped);
        assert_eq!(slow.status, TaskStatus::Failed);
        assert!(slow.error.as_ref().unwrap().contains("longer"), "{slow:?}");
        assert_eq!(asked.iter().filter(|(node, _)| node == "slow").count(), 1);
        let events = desk.events(run).await;
        let called = events.iter().find(|event| event["type"] == "call_requested").unwrap();
        assert_eq!(called["route"]["queue"], "fast");
    })
    .await;
}

// DAG-03 DAG-04 DAG-05
#[tokio::test(flavor = "multi_thread")]
async fn steps_begin_when_all_they_depend_on_have_ended_and_outputs_flow() {
    on_each(async || {
        let desk = Desk::open(|node, _, _| match node {
            "a" | "b" => None,
            "check" => Some(Ok(json!("{\"isValid\": false, \"why\": \"too short\"}"))),
            node => Some(Ok(json!(format!("<{node}>")))),
        })
        .await;
        let plan = desk
            .plan(&plan_of(&[
                ("a", "A", json!({})),
                ("b", "B", json!({})),
                ("both", "{{a.output}} and {{b.output}} of {{input.x}}", json!({ "dependsOn": ["a", "b"] })),
                ("check", "Check {{both.output}}", json!({ "dependsOn": ["both"] })),
                (
                    "go",
                    "Go",
                    json!({ "dependsOn": ["check"], "condition": "{{check.output.isValid}} === true" }),
                ),
                ("after-go", "After", json!({ "dependsOn": ["go"] })),
                ("report", "Why: {{check.output.why}}{{go.output}}.", json!({ "dependsOn": ["go", "check"] })),
            ]))
            .await;
        let run = desk.execute(plan, json!({ "input": { "x": "lamps" } })).await;
        desk.script.under_way(&["a", "b"]).await;
        desk.script.go("a");
        assert!(desk.script.prompts("both").is_empty(), "one of two has not ended");
        desk.script.go("b");
        let execution = desk.over(run).await;
        assert_eq!(desk.script.prompts("both"), ["<a> and <b> of lamps"]);
        assert_eq!(desk.script.prompts("report"), ["Why: too short."], "skipped reads as empty");
        assert_eq!(execution.status, "completed");
        for (step, status) in [
            ("go", TaskStatus::Skipped),
            ("after-go", TaskStatus::Skipped),
            ("report", TaskStatus::Completed),
        ] {
            assert_eq!(execution.steps[step].status, status, "{step}");
        }
    })
    .await;
}

// DAG-08 DAG-10
#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_run_has_steps_progress_and_what_they_cost() {
    on_each(async || {
        let desk = Desk::open(|node, _, _| match node {
            "a" => Some(Ok(json!("done"))),
            _ => None,
        })
        .await;
        let plan = desk
            .plan(&plan_of(&[
                ("a", "A", json!({})),
                ("b", "B", json!({ "dependsOn": ["a"], "model": "opus" })),
                ("c", "C", json!({ "dependsOn": ["b"] })),
            ]))
            .await;
        let run = desk.execute(plan, json!({ "input": { "x": 1 } })).await;
        desk.script.under_way(&["b"]).await;
        let half = desk.status(run).await;
        let progress = half.progress;
        assert_eq!(
            (
                progress.total,
                progress.completed,
                progress.running,
                progress.pending,
                progress.failed
            ),
            (3, 1, 1, 1, 0)
        );
        assert_eq!((half.status.as_str(), half.completed_at), ("running", None));
        assert_eq!(
            (half.steps["b"].status, half.steps["b"].model.as_str()),
            (TaskStatus::Running, "opus")
        );
        assert_eq!((half.id, half.plan_id), (run.to_string(), plan.to_string()));
        assert_eq!(half.input, json!({ "x": 1 }));
        desk.script.go("b");
        desk.script.go("c");
        let whole = desk.over(run).await;
        let b = &whole.steps["b"];
        assert_eq!((b.output.as_deref(), b.model.as_str()), (Some("<b>"), "test-model"));
        let usage = b.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), (100, 20, 120));
        assert!((usage.total_cost.unwrap() - 0.0015).abs() < 1e-9);
        assert_eq!((whole.usage.total_tokens, whole.progress.completed), (360, 3));
        assert!((whole.usage.total_cost.unwrap() - 0.0045).abs() < 1e-9);
        assert!(b.started_at.unwrap() <= b.completed_at.unwrap() && b.duration_ms.is_some());
        assert!(whole.completed_at.is_some());
    })
    .await;
}

// DAG-06
#[tokio::test(flavor = "multi_thread")]
async fn a_run_fails_when_it_works_longer_than_it_was_told() {
    on_each(async || {
        let desk = Desk::open(|_, _, _| None).await;
        let plan =
            desk.plan(&plan_of(&[("slow", "S", json!({ "retry": { "maxAttempts": 1 } }))])).await;
        let run = desk.execute(plan, json!({ "options": { "timeoutMs": 60 } })).await;
        let execution = desk.over(run).await;
        assert_eq!(execution.status, "failed");
        assert!(execution.steps["slow"].error.is_some(), "{execution:?}");
        // Without the option the same plan works on.
        let run = desk.execute(plan, json!({})).await;
        desk.script.go("slow");
        assert_eq!(desk.over(run).await.status, "completed");
        for (body, field) in [
            (json!({ "options": { "timeoutMs": 0 } }), "options.timeoutMs"),
            (json!({ "options": { "onStepComplete": "nowhere" } }), "options.onStepComplete"),
            (json!({ "options": { "onStepFailed": "ftp://x.example" } }), "options.onStepFailed"),
            (json!({ "options": { "webhookSecret": "none" } }), "options.webhookSecret"),
            (json!({ "hitl": { "requiredFor": ["nobody"] } }), "hitl.requiredFor"),
            (json!({ "hitl": { "confidenceThreshold": 1.5 } }), "hitl.confidenceThreshold"),
            (json!({ "hitl": { "timeoutMs": 0 } }), "hitl.timeoutMs"),
            (json!({ "hitl": { "escalation": { "to": "x" } } }), "hitl.escalation"),
        ] {
            assert_eq!(desk.refused(plan, body.clone()).await, field, "{body}");
        }
    })
    .await;
}

// DAG-11
#[tokio::test(flavor = "multi_thread")]
async fn a_yaml_file_is_imported_as_text_and_runs() {
    let desk = Desk::open(|node, _, request| match request {
        CallRequest::Score(_) => Some(Ok(super::sure(0.9))),
        _ => Some(Ok(json!(format!("<{node}>")))),
    })
    .await;
    let text = include_str!("../../../../../tests/fixtures/plans/dag-contract-review.yaml");
    let plan = desk.plan(&json!(text)).await;
    let run = desk.execute(plan, json!({ "input": { "contract": "We promise." } })).await;
    let execution = desk.over(run).await;
    assert_eq!(execution.status, "completed");
    assert_eq!(desk.script.prompts("extract"), ["Extract clauses from: We promise."]);
    assert_eq!(desk.script.prompts("report"), ["Generate summary from: <analyze>"]);
}

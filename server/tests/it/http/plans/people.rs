//! People in a plan: a scoring model looks first; approving may change the output; rejecting may retry with feedback;
//! who is told, and who is asked when nobody answers.

use super::{Desk, plan_of, sure};
use crate::support::database::on_each;
use serde_json::{Value, json};
use signalbox::{format::dag::TaskStatus, run::CallRequest};

/// A desk whose scoring model is so sure of every output, and whose steps say how often they were sent back. (Calls
/// are made at least once: counting them would say something else.)
async fn scored(confidence: f64) -> Desk {
    Desk::open(move |node, _, request| match request {
        CallRequest::Score(_) => Some(Ok(sure(confidence))),
        CallRequest::Model(model) if node == "analyze" => {
            Some(Ok(json!(format!("risks, try {}", model.feedback.len() + 1))))
        }
        _ => Some(Ok(json!(format!("<{node}>")))),
    })
    .await
}

fn review() -> Value {
    plan_of(&[
        ("analyze", "Analyze {{input.contract}}", json!({ "requiresApproval": true })),
        ("report", "Report on {{analyze.output}}", json!({ "dependsOn": ["analyze"] })),
    ])
}

fn of_type<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

// DAG-07
#[tokio::test(flavor = "multi_thread")]
async fn enough_confidence_needs_nobody_and_the_default_threshold_is_085() {
    on_each(async || {
        for (confidence, hitl, asks) in [
            (0.85, json!(null), false),
            (0.84, json!(null), true),
            (0.84, json!({}), true),
            (0.7, json!({ "confidenceThreshold": 0.7 }), false),
            (0.9, json!({ "confidenceThreshold": 0.95 }), true),
        ] {
            let desk = scored(confidence).await;
            let plan = desk.plan(&review()).await;
            let mut body = json!({});
            if !hitl.is_null() {
                body["hitl"] = hitl.clone();
            }
            let run = desk.execute(plan, body).await;
            desk.rest(run).await;
            let execution = desk.status(run).await;
            let expected = if asks { TaskStatus::AwaitingApproval } else { TaskStatus::Completed };
            assert_eq!(execution.steps["analyze"].status, expected, "{confidence} {hitl}");
            let events = desk.events(run).await;
            assert_eq!(of_type(&events, "scored")[0]["confidence"]["value"], confidence);
        }
    })
    .await;
}

// DAG-07
#[tokio::test(flavor = "multi_thread")]
async fn approving_may_change_the_output_that_flows_on() {
    on_each(async || {
        let desk = scored(0.5).await;
        let plan = desk.plan(&review()).await;
        let run = desk.execute(plan, json!({})).await;
        desk.rest(run).await;
        let shown = desk.pending().await;
        assert_eq!(
            (&shown["approval"]["kind"], &shown["subject"]),
            (&json!("review"), &json!("risks, try 1"))
        );
        assert!(shown["prompt"].as_str().unwrap().contains("0.50"), "{shown}");
        desk.decide(json!({ "decision": "approve", "answer": "two risks" })).await;
        let execution = desk.over(run).await;
        assert_eq!(desk.script.prompts("report"), ["Report on two risks"]);
        assert_eq!(execution.steps["analyze"].output.as_deref(), Some("two risks"));

        // Approved as it was.
        let run = desk.execute(plan, json!({})).await;
        desk.rest(run).await;
        desk.decide(json!({ "decision": "approve" })).await;
        desk.over(run).await;
        assert_eq!(desk.script.prompts("report")[1], "Report on risks, try 1");
    })
    .await;
}

// DAG-07
#[tokio::test(flavor = "multi_thread")]
async fn rejecting_may_retry_with_feedback_or_ends_the_step() {
    on_each(async || {
        let desk = scored(0.5).await;
        let plan = desk.plan(&review()).await;
        let run = desk.execute(plan, json!({})).await;
        desk.rest(run).await;
        desk.decide(json!({ "decision": "reject", "reason": "Name the clauses", "retry": true }))
            .await;
        desk.server.state.engine().settled().await;
        let again = desk.pending().await;
        assert_eq!(again["subject"], "risks, try 2");
        let asked = desk.script.asked();
        let feedback = asked.iter().rev().find_map(|(node, request)| match request {
            CallRequest::Model(model) if node == "analyze" => Some(model.feedback.clone()),
            _ => None,
        });
        assert_eq!(feedback.unwrap(), ["Name the clauses"]);
        desk.decide(json!({ "decision": "reject", "reason": "No." })).await;
        let execution = desk.over(run).await;
        assert_eq!(execution.steps["analyze"].status, TaskStatus::Rejected);
        assert!(execution.steps["analyze"].error.as_ref().unwrap().contains("No."));
        assert!(desk.script.prompts("report").is_empty(), "nothing flows on");
    })
    .await;
}

// DAG-07
#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_require_reviews_tell_people_and_ask_somebody_else() {
    on_each(async || {
        let desk = scored(0.5).await;
        let plan = desk
            .plan(&plan_of(&[
                ("analyze", "A", json!({})),
                ("report", "R {{analyze.output}}", json!({ "dependsOn": ["analyze"] })),
            ]))
            .await;
        let hitl = json!({
            "requiredFor": ["analyze"], "timeoutMs": 3_600_000,
            "notifyChannels": ["email", "dashboard", "slack", "webhook"],
            "escalation": { "afterMs": 30, "to": "lead@example.com" },
        });
        let run = desk.execute(plan, json!({ "hitl": hitl })).await;
        desk.rest(run).await;
        let shown = desk.pending().await;
        assert!(shown["approval"]["expires_at"].is_string(), "timeoutMs: {shown}");
        // Nobody answers: it becomes urgent and is meant for somebody else.
        for _ in 0..200 {
            if desk.pending().await["approval"]["escalated_to"].is_string() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let shown = desk.pending().await["approval"].clone();
        assert_eq!(
            (&shown["escalated_to"], &shown["priority"]),
            (&json!("lead@example.com"), &json!("urgent"))
        );
        let events = desk.events(run).await;
        let told: Vec<(&Value, &Value, &Value)> = of_type(&events, "notified")
            .into_iter()
            .map(|event| (&event["channel"], &event["reached"], &event["to"]))
            .collect();
        // What is not there yet says that nobody was reached by it.
        let expect = |to: Value| {
            [("email", false), ("dashboard", true), ("slack", false), ("webhook", false)]
                .map(|(channel, reached)| (json!(channel), json!(reached), to.clone()))
        };
        let first = expect(Value::Null);
        let second = expect(json!("lead@example.com"));
        let expected: Vec<_> = first.iter().chain(&second).map(|(a, b, c)| (a, b, c)).collect();
        assert_eq!(told, expected);
        assert_eq!(of_type(&events, "approval_escalated").len(), 1);
        desk.decide(json!({ "decision": "approve" })).await;
        assert_eq!(desk.over(run).await.status, "completed");
        // A run that says nothing of people has none.
        let run = desk.execute(plan, json!({})).await;
        assert_eq!(desk.over(run).await.status, "completed");
    })
    .await;
}

// DAG-07
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_in_time_asks_nobody_else_and_none_in_time_fails_the_step() {
    on_each(async || {
        let desk = scored(0.5).await;
        let plan = desk.plan(&review()).await;
        let hitl = json!({ "escalation": { "afterMs": 3_600_000, "to": "lead" } });
        let run = desk.execute(plan, json!({ "hitl": hitl })).await;
        desk.rest(run).await;
        desk.decide(json!({ "decision": "approve" })).await;
        desk.over(run).await;
        let timers = server::store::timer_next(desk.server.state.store()).await.unwrap();
        assert_eq!(timers, None, "the timer went with the decision");

        let run = desk.execute(plan, json!({ "hitl": { "timeoutMs": 40 } })).await;
        let execution = desk.over(run).await;
        assert_eq!(
            (execution.status.as_str(), execution.steps["analyze"].status),
            ("failed", TaskStatus::Failed)
        );
        assert!(execution.steps["analyze"].error.as_ref().unwrap().contains("in time"));
    })
    .await;
}

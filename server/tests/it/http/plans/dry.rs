//! Dry runs: the whole path is shown, nothing is asked, nothing leaves. And fan-out over a list with a human gate.

use super::{Desk, plan_of};
use crate::support::database::on_each;
use serde_json::{Value, json};
use server::store;
use signalbox::format::dag::TaskStatus;

async fn desk() -> Desk {
    Desk::open(|node, _, _| Some(Ok(json!(format!("<{node}>"))))).await
}

/// Everything that a workflow can do to the world, in a row, and a loop over a list of the input with a person in it.
fn everything() -> Value {
    let node = |id: &str, kind: Value| json!({ "id": id, "kind": kind });
    let reviewed = |id: &str, kind: Value| json!({ "id": id, "kind": kind, "policy": { "approval": "after", "review": { "threshold": 0.9 } } });
    json!({ "format": "signalbox/v1", "name": "Everything", "graph": {
        "nodes": [
            node("start", json!({ "type": "trigger", "trigger": { "on": "manual" } })),
            reviewed("write", json!({ "type": "llm", "user_prompt": "Write about {{input.topic}}" })),
            node("each", json!({ "type": "loop", "items": "{{input.people}}", "item_variable": "person" })),
            node("ask", json!({ "type": "human", "mode": "approve", "prompt": "May {{person}} be written to?" })),
            node("send", json!({ "type": "action", "tool": "email.send", "parameters": {
                "to": "{{person}}@example.com", "subject": "Hello", "body": "{{steps.write.output}}" } })),
            node("wait", json!({ "type": "wait", "for": "duration", "duration_ms": 86_400_000 })),
            node("fetch", json!({ "type": "action", "tool": "http.request",
                "parameters": { "url": "https://example.com/" } })),
            node("work", json!({ "type": "task", "instructions": "Do it" })),
            node("reply", json!({ "type": "wait", "for": "event", "event": "reply" })),
            node("end", json!({ "type": "end", "outcome": "done" })),
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": "write" },
            { "id": "e2", "from": "write", "port": "success", "to": "each" },
            { "id": "e3", "from": "each", "port": "next", "to": "ask" },
            { "id": "e4", "from": "ask", "port": "approved", "to": "send" },
            { "id": "e5", "from": "send", "port": "success", "to": "each" },
            { "id": "e6", "from": "each", "port": "done", "to": "wait" },
            { "id": "e7", "from": "wait", "port": "success", "to": "fetch" },
            { "id": "e8", "from": "fetch", "port": "success", "to": "work" },
            { "id": "e9", "from": "work", "port": "success", "to": "reply" },
            { "id": "e10", "from": "reply", "port": "success", "to": "end" },
        ],
    } })
}

// DAG-13
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_whole_path_and_does_nothing() {
    on_each(async || {
        let desk = desk().await;
        let plan = desk.plan(&everything()).await;
        let input = json!({ "topic": "lamps", "people": ["ada", "grace", "edsger"] });
        let options = json!({
            "dryRun": true, "onStepComplete": "http://127.0.0.1:9/", "onStepFailed": "http://127.0.0.1:9/",
        });
        let hitl = json!({
            "notifyChannels": ["email"], "escalation": { "afterMs": 1, "to": "lead" }, "timeoutMs": 1_000,
        });
        let run = desk.execute(plan, json!({ "input": input, "options": options, "hitl": hitl })).await;
        let execution = desk.over(run).await;
        assert_eq!((execution.status.as_str(), execution.dry_run), ("completed", true));
        for (id, step) in &execution.steps {
            assert_eq!(step.status, TaskStatus::Completed, "{id}");
        }
        assert_eq!(execution.usage.total_tokens, 0);

        // Nothing was asked, nothing waits, nothing is to be told.
        assert!(desk.script.asked().is_empty());
        assert_eq!(desk.get("/api/approvals").await["items"], json!([]));
        assert_eq!(desk.get("/api/sandbox/messages").await["items"], json!([]));
        let store = desk.server.state.store();
        assert_eq!(store::timer_next(store).await.unwrap(), None);
        assert_eq!(store::step_hook_next(store).await.unwrap(), None);

        // What would have been asked is shown with all its words, for each person of the list.
        let events = desk.events(run).await;
        let asked: Vec<&Value> =
            events.iter().filter(|event| event["type"] == "call_requested").collect();
        let sent = asked.iter().filter(|event| event["request"]["tool"] == "email.send");
        let to: Vec<&Value> = sent.map(|event| &event["request"]["parameters"]["to"]).collect();
        assert_eq!(to, ["ada@example.com", "grace@example.com", "edsger@example.com"]);
        assert_eq!(asked[0]["request"]["user_prompt"], "Write about lamps");
        let gates = events.iter().filter(|event| event["type"] == "approval_requested");
        let questions: Vec<&Value> = gates.map(|event| &event["request"]["prompt"]).collect();
        assert_eq!(questions.len(), 4, "the review and three people: {questions:?}");
        assert!(events.iter().all(|event| event["type"] != "notified"), "nobody is told");
        let decided = events.iter().find(|event| event["type"] == "approval_decided").unwrap();
        assert_eq!(decided["by"], "the dry run");
    })
    .await;
}

// DAG-13
#[tokio::test(flavor = "multi_thread")]
async fn conditions_over_answers_hide_no_step_of_a_dry_run() {
    let desk = desk().await;
    let plan = desk
        .plan(&plan_of(&[
            ("check", "C", json!({})),
            (
                "go",
                "G",
                json!({ "dependsOn": ["check"], "condition": "{{check.output.isValid}} === true" }),
            ),
            (
                "never",
                "N",
                json!({ "dependsOn": ["check"], "condition": "{{input.wanted}} === true" }),
            ),
        ]))
        .await;
    let body = json!({ "input": { "wanted": false }, "options": { "dryRun": true } });
    let run = desk.execute(plan, body).await;
    let execution = desk.over(run).await;
    assert_eq!(execution.steps["go"].status, TaskStatus::Completed, "nobody knows the answer");
    assert_eq!(
        execution.steps["never"].status,
        TaskStatus::Skipped,
        "this is known from the input"
    );
    assert!(desk.script.asked().is_empty());
}

// DAG-13
#[tokio::test(flavor = "multi_thread")]
async fn steps_fan_out_over_a_list_and_a_person_stands_at_the_gate() {
    on_each(async || {
        let desk = Desk::open(|node, _, _| match node {
            "topics" => Some(Ok(json!("[\"lamps\", \"chairs\"]"))),
            node => Some(Ok(json!(format!("<{node}>")))),
        })
        .await;
        // A DAG plan says what it has no word for under our own key.
        let plan = json!({ "name": "Fan out", "steps": [
            { "id": "topics", "prompt": "List topics" },
            { "id": "each", "dependsOn": ["topics"], "signalbox": { "node": { "kind": {
                "type": "loop", "items": "{{topics.output}}", "item_variable": "topic", "concurrency": 2 } } } },
            { "id": "write", "prompt": "Write about {{topic}}" },
            { "id": "gate", "signalbox": { "node": { "kind": {
                "type": "human", "mode": "approve", "prompt": "Publish?" } } } },
            { "id": "report", "prompt": "Sum up {{each.output.count}}" },
        ], "signalbox": { "edges": [
            { "id": "n", "from": "each", "port": "next", "to": "write" },
            { "id": "b", "from": "write", "port": "success", "to": "each" },
            { "id": "d", "from": "each", "port": "done", "to": "gate" },
            { "id": "r", "from": "gate", "port": "approved", "to": "report" },
        ] } });
        let plan = desk.plan(&plan).await;
        let run = desk.execute(plan, json!({})).await;
        desk.rest(run).await;
        let mut written = desk.script.prompts("write");
        written.sort_unstable();
        assert_eq!(written, ["Write about chairs", "Write about lamps"]);
        assert!(desk.script.prompts("report").is_empty(), "the gate is shut");
        desk.decide(json!({ "decision": "approve" })).await;
        assert_eq!(desk.over(run).await.status, "completed");
        assert_eq!(desk.script.prompts("report"), ["Sum up 2"]);
    })
    .await;
}

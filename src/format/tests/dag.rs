//! DAG plans: what their words mean, what is refused, and how they run.

use super::support::{Room, asked, compiled, done, plan, run, text};
use crate::format::dag::{TaskStatus, plan_execution};
use crate::format::{import, import_text};
use crate::graph::{ApprovalTiming, NodeKind};
use crate::run::CallRequest;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

// DAG-02
#[test]
fn every_field_of_a_step_is_read() {
    let graph = plan("dag-triage.json").graph;
    let node = graph.node(&"analyze".into()).unwrap();
    let NodeKind::Llm(settings) = &node.kind else { panic!() };
    assert_eq!((settings.max_tokens, settings.temperature), (Some(800), Some(0.2)));
    let retry = node.policy.retry.as_ref().unwrap();
    assert_eq!((retry.retries_max, retry.backoff_ms), (2, 500));
    assert_eq!(
        (node.policy.timeout_ms, node.policy.queue.as_deref()),
        (Some(60_000), Some("fast"))
    );
    let graph = plan("dag-contract-review.yaml").graph;
    let node = graph.node(&"analyze".into()).unwrap();
    assert_eq!(node.policy.approval, Some(ApprovalTiming::After));
    let NodeKind::Llm(settings) = &node.kind else { panic!() };
    assert_eq!(
        (settings.model.as_deref(), settings.user_prompt.as_str()),
        (Some("opus"), "Analyze risks in: {{extract.output}}")
    );
}

fn played(
    name: &str,
    input: Value,
    answer: fn(&str) -> Value,
) -> (Vec<String>, Vec<(String, Value)>) {
    let graph = compiled(plan(name).graph);
    let asked_for = Rc::new(RefCell::new(vec![]));
    let log = asked_for.clone();
    let mut room = Room::new(move |id, request: &CallRequest| {
        log.borrow_mut().push((id.to_owned(), asked(request)));
        answer(id)
    });
    let outcome = run(&graph, input, &mut room);
    let log = asked_for.borrow().clone();
    (done(&outcome), log)
}

// DAG-04 DAG-05
#[test]
fn outputs_flow_into_prompts_and_conditions() {
    let input = json!({"data": "a,b", "schema": "S"});
    let (steps, prompts) = played("dag-data-pipeline.json", input.clone(), |id| match id {
        "validate" => json!("{\"isValid\": true}"),
        other => json!(format!("<{other}>")),
    });
    assert_eq!(steps, ["extract", "validate", "transform", "load"]);
    assert_eq!(prompts[1].1, "Validate the extracted data against schema: S. Data: <extract>");
    assert_eq!(
        prompts[2].1,
        "Transform validated records into target format. Data: {\"isValid\": true}"
    );
    // A false condition skips the step, and a step all of whose dependencies were skipped.
    let (steps, _) = played("dag-data-pipeline.json", input, |_| json!("{\"isValid\": false}"));
    assert_eq!(steps, ["extract", "validate"]);
}

// DAG-05
#[test]
fn a_skipped_output_is_empty_and_one_parent_is_enough() {
    let (steps, prompts) = played("dag-triage.json", json!({"report": "x"}), |id| match id {
        "analyze" => json!("{\"severity\": \"critical\", \"summary\": \"fire\"}"),
        other => json!(format!("<{other}>")),
    });
    assert_eq!(steps, ["analyze", "critical-path", "report"]);
    assert_eq!(prompts[1].1, "Escalate this issue to senior management: fire");
    assert_eq!(prompts[2].1, "Report: <critical-path>");
    let (steps, _) =
        played("dag-triage.json", json!({"report": "x"}), |_| json!({"severity": "low"}));
    assert_eq!(steps, ["analyze", "normal-path", "report"]);
}

// DAG-03
#[test]
fn independent_steps_begin_together() {
    let document = json!({"name": "x", "steps": [
        {"id": "a", "prompt": "A"}, {"id": "b", "prompt": "B"}, {"id": "c", "prompt": "C", "dependsOn": ["a", "b"]}]});
    let graph = compiled(import(&document).unwrap().graph);
    let outcome = run(&graph, json!({}), &mut Room::new(|_, _| json!("x")));
    let words: Vec<&str> = outcome.events.iter().map(|event| event.body.kind()).collect();
    let calls: Vec<usize> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| **word == "call_requested")
        .map(|(at, _)| at)
        .collect();
    let first_done =
        words.iter().skip(calls[0]).position(|word| *word == "node_completed").unwrap();
    assert!(calls[1] < calls[0] + first_done && calls[2] > calls[1], "{words:?}");
    assert_eq!(done(&outcome), ["a", "b", "c"]);
}

// DAG-08 DAG-10
#[test]
fn a_run_reads_as_the_document_shows_it() {
    let imported = plan("dag-triage.json");
    let graph = compiled(imported.graph.clone());
    let outcome = run(
        &graph,
        json!({"report": "x"}),
        &mut Room::new(|_, _| json!({"severity": "critical", "summary": "s"})),
    );
    let shown = plan_execution("plan_1", &imported.graph, &outcome.state, &outcome.events);
    let value = serde_json::to_value(&shown).unwrap();
    assert_eq!(value["status"], "completed");
    assert_eq!(
        value["progress"],
        json!({"total": 4, "completed": 4, "running": 0, "pending": 0, "failed": 0})
    );
    assert_eq!(value["steps"]["normal-path"]["status"], "skipped");
    let analyze = &value["steps"]["analyze"];
    assert_eq!(
        analyze["usage"],
        json!({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, "totalCost": 2.0})
    );
    assert_eq!((&analyze["model"], &analyze["retryCount"]), (&json!("m"), &json!(0)));
    assert!(analyze["output"].is_string() && analyze["durationMs"].is_u64());
    assert_eq!(value["usage"]["totalCost"], 6.0);
    assert_eq!(shown.steps["report"].status, TaskStatus::Completed);
    assert_eq!(value["planId"], "plan_1");
    // Half way.
    let mut state = crate::run::RunState::new(outcome.state.run);
    outcome.events.iter().take(4).for_each(|event| crate::run::apply(&mut state, event));
    let half = plan_execution("plan_1", &imported.graph, &state, &outcome.events[..4]);
    assert_eq!(
        (half.status.as_str(), half.progress.total, half.progress.completed),
        ("running", 4, 0)
    );
    assert!(half.progress.pending >= 3);
}

#[test]
fn what_contradicts_itself_is_refused_with_its_place() {
    let check = |from: &str, to: &str, expected: &str| {
        let text = text("dag-data-pipeline.json");
        assert!(text.contains(from));
        let error = import_text(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.place().is_some_and(|place| place.line > 1));
    };
    check(
        "\"id\": \"validate\"",
        "\"id\": \"extract\"",
        "steps[0] and steps[1] are both called extract",
    );
    check(
        "\"dependsOn\": [\"extract\"]",
        "\"dependsOn\": \"extract\"",
        "`dependsOn` must be a list",
    );
    check(
        "\"dependsOn\": [\"extract\"]",
        "\"dependsOn\": [\"nobody\"]",
        "validate depends on nobody, but there is no such step (at steps[1].dependsOn[0]",
    );
    check(
        "\"dependsOn\": [\"extract\"]",
        "\"dependsOn\": [\"load\"]",
        "these steps wait for one another, so none of them can begin",
    );
    check(
        "\"dependsOn\": [\"extract\"]",
        "\"dependsOn\": [\"validate\"]",
        "can begin: validate (at steps[1].dependsOn",
    );
    check(
        "\"model\": \"haiku\"",
        "\"retry\": {\"maxAttempts\": 0}",
        "1 is the least (at steps[1].retry.maxAttempts",
    );
    check("\"model\": \"haiku\"", "\"temperature\": 3", "from 0 to 2");
}

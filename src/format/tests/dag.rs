//! DAG plans: what their words mean, what is refused, and how they run.

use super::support::{Room, asked, compiled, done, plan, run, text};
use crate::format::dag::{TaskStatus, plan_execution};
use crate::format::{export, import, import_text};
use crate::graph::{ApprovalTiming, CheckContext, Graph, NodeKind, Problem, Severity, check};
use crate::run::{CallRequest, EventBody};
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
    played_graph(plan(name).graph, input, answer)
}

fn played_graph(
    graph: Graph,
    input: Value,
    answer: fn(&str) -> Value,
) -> (Vec<String>, Vec<(String, Value)>) {
    let graph = compiled(graph);
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

fn problems(graph: &Graph) -> Vec<Problem> {
    check(graph, &CheckContext::default())
}

// DAG-04
#[test]
fn a_step_may_be_called_like_a_word_of_the_language() {
    for word in [
        "steps",
        "input",
        "config",
        "loop",
        "secrets",
        "organizationId",
        "event",
        "contact",
        "run",
        "true",
        "null",
        "now",
    ] {
        let document = json!({"name": "x", "steps": [
            {"id": word, "prompt": "Begin"},
            {"id": "after", "prompt": format!("Sum up {{{{{word}.output}}}}"), "dependsOn": [word],
             "condition": format!("{word}.output == \"<{word}>\" && '{{{{{word}.output}}}}' == '<{word}>'")}]});
        let imported = import(&document).unwrap();
        let errors = problems(&imported.graph);
        assert!(errors.iter().all(|problem| problem.severity < Severity::Error), "{errors:#?}");
        let written = export(&imported.graph, "x", "", imported.format).unwrap();
        assert_eq!(written, document);
        let mut graph = imported.graph;
        graph.origin = None;
        let written = export(&graph, "x", "", imported.format).unwrap();
        assert_eq!(written["steps"][1]["prompt"], document["steps"][1]["prompt"]);
        let (steps, prompts) = played_graph(graph, json!({}), |id| json!(format!("<{id}>")));
        assert_eq!(steps, [word, "after"]);
        assert_eq!(prompts[1].1, format!("Sum up <{word}>"));
    }
}

#[test]
fn a_field_of_the_input_is_no_output_of_a_step_of_that_name() {
    let document = json!({"name": "x", "steps": [
            {"id": "input", "prompt": "A"},
            {"id": "b", "prompt": "{{input.output}} {{input.error}}", "dependsOn": ["input"]}],
        "signalbox": {"trigger": {"id": "trigger", "kind":
            {"type": "trigger", "input_schema": {"properties": {"output": {"type": "string"}}}}}}});
    let imported = import(&document).unwrap();
    let NodeKind::Llm(settings) = &imported.graph.node(&"b".into()).unwrap().kind else { panic!() };
    assert_eq!(settings.user_prompt, "{{input.output}} {{steps.input.error}}");
    assert_eq!(export(&imported.graph, "x", "", imported.format).unwrap(), document);
}

#[test]
fn a_step_reads_what_it_depends_on_and_nothing_else() {
    let late = |steps: Value| -> (Graph, Vec<Problem>) {
        let graph = import(&json!({"name": "x", "steps": steps})).unwrap().graph;
        let mut found = problems(&graph);
        found.retain(|problem| problem.code == "reads-later-step");
        (graph, found)
    };
    let (a, b) =
        (json!({"id": "a", "prompt": "A"}), json!({"id": "b", "prompt": "B", "dependsOn": ["a"]}));
    // Through another step is enough.
    let reader = |key: &str, text: &str, needs: Value| {
        let mut step = json!({"id": "c", "prompt": "C", "dependsOn": needs});
        step[key] = json!(text);
        step
    };
    for good in ["{{a.output}}", "{{a.output.x}} {{b.error}}", "{{input.output}}"] {
        assert_eq!(late(json!([a, b, reader("prompt", good, json!(["b"]))])).1, [], "{good}");
    }
    for (key, text) in [
        ("prompt", "Of {{a.output.name}}"),
        ("prompt", "{{steps.a.output}}"),
        ("condition", "{{a.output}} === 1"),
        ("condition", "a.error == null"),
    ] {
        let (mut graph, found) = late(json!([a, reader(key, text, json!([]))]));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert_eq!((found[0].severity, found[0].node.clone()), (Severity::Error, Some("c".into())));
        assert!(found[0].message.contains("Add a to its dependsOn"), "{found:#?}");
        for edit in found[0].fix.clone().unwrap().edits {
            edit.apply(&mut graph).unwrap();
        }
        assert_eq!(problems(&graph).iter().filter(|p| p.code == "reads-later-step").count(), 0);
    }
    let (_, found) = late(json!([{"id": "a", "prompt": "{{b.output}} {{a.output}}"}, b]));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|p| p.severity == Severity::Error && p.fix.is_none()), "{found:#?}");
}

#[test]
fn keys_that_are_probably_slips_are_told() {
    let document = json!({"name": "x", "tag": ["a"], "steps": [
        {"id": "a", "prompt": "A", "dependson": ["b"], "note": 1}]});
    let found = import(&document).unwrap().problems;
    let said: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "The plan has a key `tag`, which means nothing. Did you mean `tags`?",
            "The step a has a key `dependson`, which means nothing. Did you mean `dependsOn`?",
        ]
    );
    assert_eq!(found[1].node, Some("a".into()));
    assert_eq!(found[1].field.as_deref(), Some("/dependson"));
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

// DAG-10
#[test]
fn a_cost_of_which_a_part_is_not_known_is_null() {
    let imported = plan("dag-triage.json");
    let graph = compiled(imported.graph.clone());
    let mut room = Room::new(|_, _| json!({"severity": "critical", "summary": "s"}));
    let outcome = run(&graph, json!({"report": "x"}), &mut room);
    let mut events = outcome.events.clone();
    let used = events.iter_mut().find_map(|event| match &mut event.body {
        EventBody::NodeCompleted { usage, .. } => usage.as_mut(),
        _ => None,
    });
    used.unwrap().unpriced = true;
    let mut state = crate::run::RunState::new(outcome.state.run);
    events.iter().for_each(|event| crate::run::apply(&mut state, event));
    let value = plan_execution("plan_1", &imported.graph, &state, &events);
    let value = serde_json::to_value(value).unwrap();
    for usage in [&value["steps"]["analyze"]["usage"], &value["usage"]] {
        assert!(usage["totalTokens"].as_u64() > Some(0), "{usage}");
        assert_eq!(usage.get("totalCost"), Some(&Value::Null), "{usage}");
    }
    assert_eq!(value["steps"]["report"]["usage"]["totalCost"], 2.0, "its price is known");
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

#[test]
fn a_step_that_failed_says_what_its_models_cost() {
    use crate::format::dag::step_of_event;
    use crate::run::{ActivationId, ErrorKind, Event, FrameId, StepError, Usage};
    let activation = ActivationId(1);
    let usage = Usage { model: "m".into(), input_tokens: 10, output_tokens: 5, ..Usage::default() };
    let error = StepError::new(ErrorKind::HumanRejected, "no");
    let (port, edges, cancelled) = (None, Default::default(), None);
    let bodies = [
        EventBody::NodeStarted { activation, node: "analyze".into(), frame: FrameId(0) },
        EventBody::Spent { activation, usage: usage.clone() },
        EventBody::Spent { activation, usage },
        EventBody::NodeFailed { activation, error, port, edges, cancelled },
    ];
    let at = chrono::DateTime::UNIX_EPOCH;
    let events: Vec<Event> = (1..).zip(bodies).map(|(seq, body)| Event { seq, at, body }).collect();
    let step = step_of_event(&plan("dag-triage.json").graph, &events, 4).unwrap();
    assert_eq!((step.model.as_str(), step.status), ("m", TaskStatus::Rejected));
    assert_eq!(step.usage.unwrap().total_tokens, 30);
}

//! What one can know of a run from outside: where it is, what its variables are, and of every step what it was given,
//! what it gave or why it failed, and how long it took.

use super::{
    support::{As, Making, Server},
    workflows::published,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, from_value, json};
use server::store::Store;
use signalbox::{
    client::{Client, Method},
    id::{RunId, WorkflowId},
    run::{Event, RunState, apply},
    wire::{Role, RunStart},
};

/// Of one step: what it was given, what came of it, and between which instants.
struct Step {
    input: Value,
    output: Value,
    error: Value,
    began: DateTime<Utc>,
    ended: DateTime<Utc>,
}

fn at(event: &Value) -> DateTime<Utc> {
    serde_json::from_value(event["at"].clone()).unwrap()
}

/// A step's log, from the run's events.
fn step(events: &[Value], node: &str) -> Step {
    let started =
        events.iter().find(|event| event["type"] == "node_started" && event["node"] == node);
    let started = started.unwrap_or_else(|| panic!("{node} did not start"));
    let of_it = |kinds: &[&str]| {
        let mut of_it = events.iter().filter(|event| event["activation"] == started["activation"]);
        of_it.find(|event| kinds.iter().any(|kind| event["type"] == *kind)).cloned()
    };
    let ended =
        of_it(&["node_completed", "node_failed"]).unwrap_or_else(|| panic!("{node} did not end"));
    Step {
        input: of_it(&["call_requested"]).unwrap_or_default()["request"].clone(),
        output: ended["output"].clone(),
        error: ended["error"].clone(),
        began: at(started),
        ended: at(&ended),
    }
}

async fn events(server: &Server, who: &As, run: &str) -> Vec<Value> {
    let page = server.get(who, &format!("/api/runs/{run}/events?after=0")).await.json();
    assert_eq!(page["more"], json!(false));
    page["events"].as_array().unwrap().clone()
}

fn document() -> Value {
    json!({ "format": "signalbox/v1", "name": "Details", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "manual" } } },
            { "id": "note", "kind": { "type": "action", "tool": "set_variables", "parameters": { "greeting": "Hello {{input.name}}" } } },
            { "id": "get", "kind": { "type": "action", "tool": "customer.get_by_id", "parameters": { "customerId": "{{input.customer}}" } } },
            { "id": "ask", "kind": { "type": "human", "mode": "approve", "prompt": "Shall we?" } },
            { "id": "end", "kind": { "type": "end", "outcome": "done", "output": { "why": "{{steps.get.error.message}}" } } },
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": "note" },
            { "id": "e2", "from": "note", "port": "success", "to": "get" },
            { "id": "e3", "from": "get", "port": "error", "to": "ask" },
            { "id": "e4", "from": "ask", "port": "approved", "to": "end" },
        ],
    } })
}

#[tokio::test]
async fn a_run_tells_where_it_is_and_what_each_step_was_given_gave_and_took() {
    let mut making = Making::over(Store::in_memory().await.unwrap());
    making.tools = Some(String::new());
    let server = making.start().await;
    let acme = server.organization("acme").await;
    let operator = acme.machine(Role::Editor);
    let path = published(&server, &acme, &document()).await;
    let input = json!({ "name": "Ada", "customer": uuid::Uuid::nil() });
    let started = server.post(&operator, &format!("{path}/runs"), &json!({ "input": input })).await;
    let run =
        started.json()["id"].as_str().unwrap_or_else(|| panic!("{}", started.text)).to_owned();
    let wait = format!("/api/runs/{run}/wait?timeout_ms=20000");
    let waited = server.get(&operator, &wait).await.json();
    assert_eq!(waited["ended"], json!(false), "{waited}");

    let detail = server.get(&operator, &format!("/api/runs/{run}")).await.json();
    assert_eq!(detail["run"]["current_node"], "ask", "{detail}");
    assert!(
        detail["run"]["status"].to_string().contains("AwaitingInput"),
        "{}",
        detail["run"]["status"]
    );
    assert_eq!(detail["variables"], json!({ "greeting": "Hello Ada" }));
    assert_eq!((&detail["input"], &detail["output"]), (&input, &Value::Null));

    let inbox = server.get(&acme.owner(), "/api/approvals").await.json();
    let approval = inbox["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{inbox}")).to_owned();
    let body = json!({ "decision": "approve", "revision": inbox["items"][0]["revision"] });
    let decided = server
        .send(&acme.owner(), Method::Post, &format!("/api/approvals/{approval}/decide"), &body)
        .await;
    assert_eq!(decided.status, 200, "{}", decided.text);
    let waited = server.get(&operator, &wait).await.json();
    assert_eq!(waited["ended"], json!(true), "{waited}");

    let detail = server.get(&operator, &format!("/api/runs/{run}")).await.json();
    assert!(
        detail["run"]["status"].to_string().contains("Completed"),
        "{}",
        detail["run"]["status"]
    );
    assert_eq!(detail["run"]["current_node"], Value::Null);

    let events = events(&server, &operator, &run).await;
    let get = step(&events, "get");
    assert_eq!(get.input["tool"], "customer.get_by_id");
    assert_eq!(get.input["parameters"], json!({ "customerId": uuid::Uuid::nil() }));
    assert_eq!(get.output, Value::Null);
    assert_eq!(get.error["kind"], "not_found", "{}", get.error);
    assert_eq!(detail["output"]["why"], get.error["message"]);
    let ask = step(&events, "ask");
    assert!(ask.ended > ask.began, "a person takes time: {} to {}", ask.began, ask.ended);
    let end = step(&events, "end");
    assert_eq!(end.output, detail["output"]);
    assert_eq!(step(&events, "note").output, json!({ "greeting": "Hello Ada" }));
    for name in ["start", "note", "get", "ask", "end"] {
        let step = step(&events, name);
        assert!(step.began <= step.ended, "{name}");
        assert_eq!(step.error.is_null(), name != "get", "{name}");
    }
}

/// A loop over the items of the input, which notes something; about five events a turn.
fn looping(noted: &str) -> Value {
    json!({ "format": "signalbox/v1", "name": "Looping", "graph": {
        "nodes": [
            { "id": "start", "kind": { "type": "trigger", "trigger": { "on": "manual" } } },
            { "id": "each", "kind": { "type": "loop", "items": "{{input.items}}" } },
            { "id": "note", "kind": { "type": "action", "tool": "set_variables", "parameters": { "seen": noted } } },
        ],
        "edges": [
            { "id": "e1", "from": "start", "port": "success", "to": "each" },
            { "id": "e2", "from": "each", "port": "next", "to": "note" },
            { "id": "e3", "from": "note", "port": "success", "to": "each" },
        ],
    } })
}

/// All events of a run, page by page.
async fn all_events(client: &Client, run: RunId) -> Vec<Event> {
    let mut all: Vec<Event> = vec![];
    loop {
        let after = all.last().map_or(0, |event| event.seq);
        let page = client.run_events(run, after).await.unwrap();
        all.extend(page.events);
        if !page.more {
            return all;
        }
    }
}

#[tokio::test]
async fn a_long_run_comes_with_a_state_that_its_newest_events_go_on_from() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let client = server.client(acme.token(Role::Owner));
    let path = published(&server, &acme, &looping("{{loop.item}}")).await;
    let workflow: WorkflowId = path.strip_prefix("/api/workflows/").unwrap().parse().unwrap();
    // All events at once; more of them, and no checkpoint; one before the newest; one among them.
    for items in [3_u64, 300, 700, 900] {
        let input = json!({ "items": (0..items).collect::<Vec<_>>() });
        let start = RunStart { input, ..RunStart::default() };
        let run = client.run_start(workflow, &start, None).await.unwrap().id;
        assert!(client.run_wait(run, 60_000).await.unwrap().ended);
        let detail = client.run(run).await.unwrap();
        assert_eq!(detail.newest_version, Some(1));

        let all = all_events(&client, run).await;
        let mut whole = RunState::new(run);
        all.iter().for_each(|event| apply(&mut whole, event));
        let newest = all.len().saturating_sub(1_000);
        assert_eq!(detail.events, all[newest..], "{items} items");
        assert_eq!(detail.state.is_null(), newest == 0, "{items} items: {}", all.len());
        let mut state = match detail.state {
            Value::Null => RunState::new(run),
            state => from_value(state).unwrap(),
        };
        let (first, last) = (detail.events[0].seq, whole.seq);
        assert!((first - 1..=last).contains(&state.seq), "{} of {first} to {last}", state.seq);
        detail.events.iter().for_each(|event| apply(&mut state, event));
        assert_eq!(state, whole, "{items} items");
    }
}

#[tokio::test]
async fn a_state_that_would_be_large_is_left_out() {
    let server = Server::start().await;
    let acme = server.organization("acme").await;
    let client = server.client(acme.token(Role::Owner));
    let path = published(&server, &acme, &looping("{{input.text}}")).await;
    let workflow: WorkflowId = path.strip_prefix("/api/workflows/").unwrap().parse().unwrap();
    // Each turn's output stays in the state.
    let text = "x".repeat(16 << 10);
    let input = json!({ "items": (0..400).collect::<Vec<_>>(), "text": text });
    let start = RunStart { input, ..RunStart::default() };
    let run = client.run_start(workflow, &start, None).await.unwrap().id;
    assert!(client.run_wait(run, 60_000).await.unwrap().ended);
    let detail = client.run(run).await.unwrap();
    assert!(detail.events[0].seq > 1 && detail.state.is_null());
    assert!(detail.run.status.phase().is_terminal(), "the row says where the run is");
}

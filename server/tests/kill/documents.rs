//! The workflows of the long tests, as documents of our own format, and what is asked about all their runs.

use crate::workload::is_well;
use serde_json::{Value, json};
use signalbox::client::Client;
use signalbox::id::{RunId, WorkflowId};
use signalbox::run::RunPhase;
use signalbox::wire::{ImportRequest, Publish, RunQuery, WorkflowDetail};
use std::time::{Duration, Instant};

/// Steps in a row after a trigger (`{"on": …}`).
pub fn chain(name: &str, trigger: Value, steps: &[Value]) -> Value {
    let mut nodes = vec![json!({"id": "start", "kind": {"type": "trigger", "trigger": trigger}})];
    let mut edges = Vec::new();
    let (mut before, mut port) = ("start".to_owned(), "success");
    for (number, step) in steps.iter().enumerate() {
        let id = format!("s{number}");
        nodes.push(json!({"id": id, "kind": step}));
        edges.push(json!({"id": format!("e{number}"), "from": before, "port": port, "to": id}));
        port = if step["type"] == "human" { "approved" } else { "success" };
        before = id;
    }
    json!({"format": "signalbox/v1", "name": name, "description": "", "graph": {"nodes": nodes, "edges": edges}})
}

/// Started by a person or the API.
pub fn by_hand() -> Value {
    json!({"on": "manual"})
}

/// Started by a request to its address.
pub fn by_webhook() -> Value {
    json!({"on": "webhook", "path": ""})
}

/// Started at each full hour; one run stands for all hours that were missed.
pub fn each_hour() -> Value {
    json!({"on": "schedule", "cron": "0 * * * *", "timezone": "UTC"})
}

/// A step without an effect.
pub fn set(name: &str, value: impl Into<Value>) -> Value {
    json!({"type": "action", "tool": "set_variables", "parameters": {name: value.into()}})
}

/// A step that asks the database, with a commit before and after it.
pub fn call() -> Value {
    json!({"type": "action", "tool": "customer.query", "parameters": {"paginationOpts": {"numItems": 1}}})
}

/// A question to a person.
pub fn ask() -> Value {
    json!({"type": "human", "mode": "approve", "prompt": "Go on?"})
}

/// A step that waits until the time that the input names.
pub fn sleep() -> Value {
    json!({"type": "wait", "for": "time", "at": "{{input.at}}"})
}

/// Imports and publishes a workflow.
pub async fn publish(client: &Client, document: Value) -> WorkflowDetail {
    let request = ImportRequest { document, ..Default::default() };
    let imported = client.workflow_import(&request).await.expect("the workflow imports");
    let id = imported.workflow.id;
    client.publish(id, &Publish::default()).await.expect("the workflow is published");
    client.workflow(id).await.expect("the workflow")
}

/// How many runs of a workflow are there, and which of them did not complete.
pub async fn runs_of(client: &Client, workflow: WorkflowId) -> (Vec<RunId>, Vec<String>) {
    let mut wanted = RunQuery { workflow: Some(workflow), limit: Some(200), ..RunQuery::default() };
    let (mut all, mut not_well) = (Vec::new(), Vec::new());
    loop {
        let page = client.runs(&wanted).await.expect("a page of runs");
        for run in page.items {
            if !is_well(run.status.phase()) {
                not_well.push(format!("{}: {:?}", run.id, run.status));
            }
            all.push(run.id);
        }
        wanted.cursor = page.next_cursor;
        if wanted.cursor.is_none() {
            return (all, not_well);
        }
    }
}

/// Waits until no run is in any of these phases; whether that came in time.
pub async fn none_in(client: &Client, phases: &[RunPhase], patience: Duration) -> bool {
    let limit = Instant::now() + patience;
    'look: loop {
        for phase in phases {
            let wanted = RunQuery { state: Some(*phase), limit: Some(1), ..RunQuery::default() };
            if !client.runs(&wanted).await.is_ok_and(|page| page.items.is_empty()) {
                if Instant::now() > limit {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue 'look;
            }
        }
        return true;
    }
}

/// The phases of runs that have not ended.
pub fn unended() -> Vec<RunPhase> {
    RunPhase::ALL.into_iter().filter(|phase| !phase.is_terminal()).collect()
}

//! Events inside an organisation, through the real gate and tools: who is started, who is woken, and that no
//! circle turns for ever.

use super::support::started_by;
use crate::support::town::Town;
use serde_json::{Value, json};
use server::{
    engine::{StartRun, WaitFor},
    store::{self, RunFilter},
    trigger,
};
use signalbox::{
    event_type,
    id::{RunId, WorkflowId},
    run::RunPhase,
    wire::{ContactInput, ContactView},
};
use std::time::Duration;

fn on(event_type: &str, filter: Option<&str>, nodes: &[(&str, Value)]) -> signalbox::graph::Graph {
    let trigger = json!({ "on": "event", "event_type": event_type });
    started_by(trigger, json!({ "filter": filter }), nodes)
}

fn set(name: &str, value: &str) -> Value {
    json!({ "type": "action", "tool": "set_variables", "parameters": { "variables": { name: value } } })
}

async fn contact(town: &Town, name: &str, status: &str) -> ContactView {
    let input = ContactInput {
        name: Some(name.into()),
        status: Some(status.into()),
        ..ContactInput::default()
    };
    town.gate.contact_create(town.organization, &input).await.unwrap()
}

async fn change(town: &Town, contact: &ContactView, status: &str) {
    let input = ContactInput { status: Some(status.into()), ..ContactInput::default() };
    town.gate.contact_update(town.organization, contact.id, &input).await.unwrap();
}

/// Waits until a workflow has so many runs that are over; gives them, oldest first.
async fn ended(town: &Town, workflow: WorkflowId, count: usize) -> Vec<RunId> {
    let mut commits = town.engine.subscribe();
    let looking = async {
        loop {
            let filter = RunFilter { workflow: Some(workflow), ..RunFilter::default() };
            let runs = store::run_list(&town.store, town.organization, &filter, None, 100).await;
            let runs = runs.unwrap();
            if runs.iter().filter(|run| run.ended_at.is_some()).count() >= count {
                return runs.iter().rev().map(|run| run.id).collect();
            }
            commits.recv().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.expect("the runs come")
}

async fn input(town: &Town, run: RunId) -> Value {
    let events = town.events(run).await;
    serde_json::to_value(&events[0]).unwrap()["input"].clone()
}

// WF-22
#[tokio::test]
async fn a_contact_that_is_made_starts_the_workflows_that_want_it() {
    let town = Town::new().await;
    let vip =
        on("contact.created", Some("event.customer.status == 'VIP'"), &[("s", set("a", "1"))]);
    let vip = town.publish_graph(vip).await;
    let all = town.publish_graph(on("customer.created", None, &[])).await;
    contact(&town, "Grace", "active").await;
    let ada = contact(&town, "Ada", "VIP").await;
    let runs = ended(&town, vip, 1).await;
    let got = input(&town, runs[0]).await;
    assert_eq!((&got["type"], &got["customerId"]), (&json!("customer.created"), &json!(ada.id)));
    assert_eq!(got["customer"]["name"], "Ada");
    assert!(got["id"].is_string() && got["at"].is_string());
    let both = ended(&town, all, 2).await;
    trigger::look(&town.engine).await.unwrap();
    assert_eq!((both.len(), ended(&town, vip, 1).await.len()), (2, 1));
    // It is about the contact, so it is found by it.
    let about = RunFilter { contact: Some(ada.id), ..RunFilter::default() };
    let about = store::run_list(&town.store, town.organization, &about, None, 10).await.unwrap();
    assert_eq!(about.len(), 2);
    town.stop().await;
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_no_event_and_a_bad_filter_says_so() {
    let town = Town::new().await;
    let on_change = town.publish_graph(on("customer.updated", None, &[])).await;
    let bad = town.publish_graph(on("customer.deleted", Some("nobody.knows > 1"), &[])).await;
    let ada = contact(&town, "Ada", "active").await;
    change(&town, &ada, "active").await;
    change(&town, &ada, "churned").await;
    town.gate.contact_delete(town.organization, ada.id).await.unwrap();
    trigger::look(&town.engine).await.unwrap();
    let runs = ended(&town, on_change, 1).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(input(&town, runs[0]).await["customer"]["status"], "churned");
    let note = store::event_trigger_note_fetch(&town.store, town.organization, bad).await.unwrap();
    assert!(note.unwrap().contains("the filter cannot be computed"));
    assert!(ended(&town, bad, 0).await.is_empty());
    town.stop().await;
}

#[tokio::test]
async fn a_circle_of_events_comes_to_an_end() {
    let town = Town::new().await;
    let again = json!({ "type": "action", "tool": "customer.update", "parameters": {
        "customerId": "{{input.customerId}}", "updates": { "turns": "{{ input.customer.turns + 1 }}" } } });
    let circle = town.publish_graph(on("customer.updated", None, &[("again", again)])).await;
    let ada = contact(&town, "Ada", "active").await;
    change(&town, &ada, "at_risk").await;
    let depth = event_type::DEPTH_MAX as usize;
    let runs = ended(&town, circle, depth).await;
    trigger::look(&town.engine).await.unwrap();
    assert_eq!((runs.len(), ended(&town, circle, depth).await.len()), (depth, depth));
    let note = store::event_trigger_note_fetch(&town.store, town.organization, circle).await;
    assert!(note.unwrap().unwrap().contains("in a row"));
    let last = store::run_depth(&town.store, town.organization, runs[depth - 1]).await.unwrap();
    assert_eq!(last, event_type::DEPTH_MAX);
    // What a person changes begins a new chain.
    change(&town, &ada, "active").await;
    ended(&town, circle, depth * 2).await;
    town.stop().await;
}

#[tokio::test]
async fn a_circle_through_a_run_of_a_run_comes_to_an_end_too() {
    let town = Town::new().await;
    let again = json!([{ "id": "again", "kind": { "type": "action", "tool": "customer.update", "parameters": {
        "customerId": "{{input.customerId}}", "updates": { "turns": "{{ input.turns + 1 }}" } } } }]);
    let inner = town.publish(again).await;
    let calls = json!({ "type": "subworkflow", "workflow": inner, "input": {
        "customerId": "{{input.customerId}}", "turns": "{{input.customer.turns}}" } });
    let circle = town.publish_graph(on("customer.updated", None, &[("calls", calls)])).await;
    let ada = contact(&town, "Ada", "active").await;
    change(&town, &ada, "at_risk").await;
    let depth = event_type::DEPTH_MAX as usize;
    let runs = ended(&town, circle, depth).await;
    trigger::look(&town.engine).await.unwrap();
    assert_eq!((runs.len(), ended(&town, circle, depth).await.len()), (depth, depth));
    let note = store::event_trigger_note_fetch(&town.store, town.organization, circle).await;
    assert!(note.unwrap().unwrap().contains("in a row"));
    town.stop().await;
}

#[tokio::test]
async fn the_end_of_a_run_is_an_event_for_others_and_never_for_its_own_workflow() {
    let town = Town::new().await;
    let failing = json!({ "type": "action", "tool": "customer.get_by_id", "parameters": { "customerId": "nobody" } });
    let watch = on("run.failed", None, &[("f", failing)]);
    let watcher = town.publish_graph(watch).await;
    let nodes = json!([{ "id": "f", "kind": { "type": "action", "tool": "customer.get_by_id",
        "parameters": { "customerId": "nobody" } } }]);
    let played = town.play(nodes, json!({})).await;
    let runs = ended(&town, watcher, 1).await;
    let got = input(&town, runs[0]).await;
    assert_eq!((&got["status"], &got["workflow"]), (&json!("Failed"), &json!("A test")));
    assert!(got["error"].is_string() && played.end.is_some());
    let row = store::run_fetch(&town.store, town.organization, runs[0]).await.unwrap();
    assert_eq!(row.status.phase(), RunPhase::Failed, "it fails itself");
    trigger::look(&town.engine).await.unwrap();
    assert_eq!(ended(&town, watcher, 1).await.len(), 1);
    town.stop().await;
}

#[tokio::test]
async fn sent_messages_and_decisions_are_events() {
    let town = Town::new().await;
    let sent = town.publish_graph(on("message.sent", None, &[])).await;
    let decided =
        town.publish_graph(on("approval.decided", Some("event.state == 'approved'"), &[])).await;
    let mail = json!([{ "id": "mail", "kind": { "type": "action", "tool": "email_send",
        "parameters": { "to": "ada@example.com", "subject": "Hello", "body": "Hello Ada" } } }]);
    let workflow = town.publish(mail).await;
    let run = town.start(workflow, json!({})).await;
    town.until(run, WaitFor::Person).await;
    let pending = town.pending().await;
    let decide =
        serde_json::from_value(json!({ "decision": "approve", "revision": pending[0].revision }));
    town.gate.decide(&town.decider(), pending[0].id, &decide.unwrap()).await.unwrap();
    town.until(run, WaitFor::End).await;
    let runs = ended(&town, sent, 1).await;
    assert_eq!(input(&town, runs[0]).await["runId"], json!(run));
    assert_eq!(input(&town, runs[0]).await["subject"], "Hello");
    let runs = ended(&town, decided, 1).await;
    assert_eq!(input(&town, runs[0]).await["decidedBy"], "Grace");
    town.stop().await;
}

#[tokio::test]
async fn a_run_that_waits_for_an_event_is_woken_by_it_and_looks_back() {
    let town = Town::new().await;
    let wait = json!([{ "id": "w", "kind": { "type": "wait", "for": "event", "event": "customer.updated",
        "condition": "event.customer.status == 'VIP'" } }]);
    let workflow = town.publish(wait).await;
    let ada = contact(&town, "Ada", "active").await;
    let grace = contact(&town, "Grace", "active").await;
    let start = StartRun { contacts: vec![ada.id], ..StartRun::default() };
    let started = town.engine.start_run(town.organization, workflow, 1, start).await.unwrap();
    change(&town, &grace, "VIP").await;
    change(&town, &ada, "at_risk").await;
    change(&town, &ada, "VIP").await;
    town.until(started.run, WaitFor::End).await;
    let played = town.played(started.run).await;
    assert_eq!(played.outputs["w"]["customerId"], json!(ada.id));
    assert_eq!(played.outputs["w"]["customer"]["status"], "VIP");
    town.stop().await;
}

//! Driving triggers on the engine's bench.

use crate::engine::support::*;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde_json::{Value, json};
use server::{engine::*, store::*, trigger};
use signalbox::{graph::Graph, id::WorkflowId};

/// `trigger → nodes in order → end`.
pub fn started_by(trigger: Value, more: Value, nodes: &[(&str, Value)]) -> Graph {
    let mut settings = json!({ "type": "trigger", "trigger": trigger });
    settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let mut all = vec![("t", settings)];
    all.extend(nodes.iter().cloned());
    all.push(("e", end()));
    let edges: Vec<String> =
        all.windows(2).map(|pair| format!("{}>{}", pair[0].0, pair[1].0)).collect();
    graph(&all, &edges.join(" "))
}

/// A workflow that is scheduled by a rule in Berlin and does one thing.
pub fn scheduled(cron: &str, rule: Value) -> Graph {
    let trigger = json!({ "on": "schedule", "cron": cron, "timezone": "Europe/Berlin" });
    started_by(trigger, json!({ "schedule": rule }), &[("a", action())])
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Lives until a time: fires what is due, when it is due, and lets runs go on.
pub async fn live_until(bench: &Bench, until: DateTime<Utc>) -> Result<(), EngineError> {
    loop {
        let next = trigger::look(&bench.engine).await?;
        let stop = next.map_or(until, |next| next.min(until));
        bench.engine.run_virtually(&bench.clock, Some(stop)).await?;
        if stop == until {
            trigger::look(&bench.engine).await?;
            bench.engine.settled().await;
            // What just ended may have caused an event.
            trigger::look(&bench.engine).await?;
            bench.engine.settled().await;
            return Ok(());
        }
    }
}

/// The inputs of a workflow's runs, oldest first.
pub async fn inputs(bench: &Bench, workflow: WorkflowId) -> Vec<Value> {
    let filter = RunFilter { workflow: Some(workflow), ..RunFilter::default() };
    let mut runs = run_list(&bench.store, bench.organization, &filter, None, 1_000).await.unwrap();
    runs.reverse();
    let mut inputs = Vec::new();
    for run in runs {
        let events = bench.events(run.id).await;
        let started = serde_json::to_value(&events[0]).unwrap();
        inputs.push(started["input"].clone());
    }
    inputs
}

/// The times for which a schedule started runs.
pub async fn times(bench: &Bench, workflow: WorkflowId) -> Vec<String> {
    let local = |input: &Value| input["localTime"].as_str().unwrap().to_owned();
    inputs(bench, workflow).await.iter().map(local).collect()
}

pub async fn row(bench: &Bench, workflow: WorkflowId) -> ScheduleRow {
    schedule_fetch(&bench.store, bench.organization, workflow).await.unwrap().unwrap()
}

/// An organisation in a zone, on the bench.
pub async fn organization(bench: &Bench, zone: &'static str) {
    let id = bench.organization;
    let made = bench.store.write(move |tx| {
        async move { organization_create(tx, id, "Acme", zone, epoch()).await }.boxed()
    });
    made.await.unwrap();
}

/// Publishes another version of the bench's workflow.
pub async fn republish(bench: &Bench, graph: Graph) {
    let (organization, workflow, now) = (bench.organization, bench.workflow, bench.clock.now());
    let version = NewVersion {
        organization,
        workflow,
        draft_rev: 1,
        graph,
        note: String::new(),
        published_by: String::new(),
    };
    let published = bench
        .store
        .write(move |tx| async move { version_publish(tx, &version, now).await }.boxed());
    published.await.unwrap();
}

pub async fn archive(bench: &Bench, archived: bool) {
    let (organization, workflow, now) = (bench.organization, bench.workflow, bench.clock.now());
    let put = bench.store.write(move |tx| {
        async move { workflow_set_archived(tx, organization, workflow, archived, now).await }
            .boxed()
    });
    put.await.unwrap();
}

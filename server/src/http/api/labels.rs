//! Tags of workflows, workflows that are templates, and copies.

use super::{check, imports, workflows};
use crate::{
    http::{
        body::Json,
        call::{Answer, Call, NoQuery},
        failure::Failure,
        idempotent,
        reply::{Created, Found},
    },
    store::{self, LabelChange, WorkflowLabels},
};
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    format::Format,
    graph::Graph,
    id::WorkflowId,
    wire::{ImportOutcome, WorkflowCopy, WorkflowLabel, WorkflowView},
};

/// Tags of a workflow.
const TAGS_MAX: usize = 20;

/// Tags as they are kept: on one line each, none twice, in the order given.
pub fn tags(given: &[String]) -> Result<Vec<String>, Failure> {
    let mut tags: Vec<String> = Vec::new();
    for tag in given {
        let tag = check::text_of("tags", tag, 1, 60)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Failure::value("tags", format!("A workflow has at most {TAGS_MAX} tags.")));
    }
    Ok(tags)
}

/// What a document says of itself. Only DAG plans do; tags that could not be kept are left out.
pub fn of_document(graph: &Graph) -> WorkflowLabels {
    let origin = graph.origin.as_ref().filter(|origin| origin.format == Format::Dag.name());
    let Some(document) = origin.map(|origin| &origin.document) else {
        return WorkflowLabels::default();
    };
    let said = document["tags"].as_array().map_or(&[][..], Vec::as_slice);
    let texts = said.iter().filter_map(Value::as_str).map(str::to_owned);
    let mut kept: Vec<String> = Vec::new();
    for tag in texts.filter_map(|tag| tags(&[tag]).ok()?.pop()) {
        if kept.len() < TAGS_MAX && !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    WorkflowLabels { tags: kept, is_template: document["saveAsTemplate"] == Value::Bool(true) }
}

/// Writes the labels into a DAG plan, where they differ from what stands there.
pub fn write(document: &mut Value, labels: &WorkflowLabels) {
    let Some(fields) = document.as_object_mut() else { return };
    if fields.get("tags").cloned().unwrap_or(json!([])) != json!(labels.tags) {
        match labels.tags.is_empty() {
            true => drop(fields.shift_remove("tags")),
            false => drop(fields.insert("tags".to_owned(), json!(labels.tags))),
        }
    }
    if fields.get("saveAsTemplate").unwrap_or(&json!(false)) != &json!(labels.is_template) {
        match labels.is_template {
            true => drop(fields.insert("saveAsTemplate".to_owned(), json!(true))),
            false => drop(fields.shift_remove("saveAsTemplate")),
        }
    }
}

/// `PATCH /api/workflows/{id}`.
pub async fn change(
    call: Call<WorkflowId, NoQuery, Json<WorkflowLabel>>,
) -> Answer<Found<WorkflowView>> {
    let (organization, id, now) = (call.organization(), call.path, call.state.now());
    let Json(wanted) = &call.body;
    let change = LabelChange {
        tags: wanted.tags.as_deref().map(tags).transpose()?,
        is_template: wanted.template,
    };
    let write = call.state.store().write(move |tx| {
        async move { store::workflow_label(tx, organization, id, &change, now).await }.boxed()
    });
    write.await?;
    let workflow = store::workflow_fetch(call.state.store(), organization, id).await?;
    Ok(Found(workflows::view(&call.state, &workflow).await?))
}

/// `POST /api/workflows/{id}/copy`: a new workflow with the draft and the tags of another one. It is no template.
pub async fn copy(
    call: Call<WorkflowId, NoQuery, Json<WorkflowCopy>>,
) -> Answer<Created<ImportOutcome>> {
    let (state, organization) = (&call.state, call.organization());
    let request = (call.path, &call.body.0);
    let work = async {
        let workflow = store::workflow_fetch(state.store(), organization, call.path).await?;
        let summary = workflow.summary;
        // With what is added it has 120 characters at most, as every name.
        let own = || format!("{} (copy)", summary.name.chars().take(113).collect::<String>());
        let name = call.body.0.name.clone().unwrap_or_else(own);
        let labels = WorkflowLabels { is_template: false, ..summary.labels };
        let mut graph = workflow.draft;
        // What it was read from says that it is a template; the copy is none.
        if let Some(origin) = graph.origin.as_mut().filter(|o| o.format == Format::Dag.name()) {
            write(&mut origin.document, &labels);
        }
        imports::keep_copy(state, &call.caller, name, summary.description, graph, labels).await
    };
    idempotent::once(state, organization, "workflow_copy", &call.headers, &request, work)
        .await
        .map(Created)
}

//! `approval.*`: requests about resources, made and read by workflows.

use super::{ToolResult, broken, list, text_of, wrong};
use crate::store::{self, Approval, ApprovalFilter, Decided, NewApproval, Store, StoreError};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    id::{ApprovalId, CallId, NodeId, OrganizationId, RunId},
    run::{ApprovalKind, ErrorKind, StepError},
    wire::ApprovalState,
};

/// Who asks.
pub(super) struct Asker {
    pub organization: OrganizationId,
    pub run: RunId,
    pub node: NodeId,
    pub call: CallId,
}

/// An approval as tools give it.
fn record(approval: &Approval) -> Value {
    let request = &approval.request;
    let (kind, id) = request.resource.clone().unzip();
    let decided = approval.decided.as_ref();
    json!({
        "id": request.id,
        "_id": request.id,
        "kind": request.kind,
        "status": approval.state.as_str(),
        "resourceType": kind,
        "resourceId": id,
        "description": if request.prompt.is_empty() { &request.title } else { &request.prompt },
        "priority": request.priority,
        "dueDate": request.expires_at.map(|at| at.to_rfc3339()),
        "metadata": request.metadata,
        "approvedBy": decided.map(|decided| decided.by.clone()),
        "comments": decided.map(|decided| decided.reason.clone()),
        "createdAt": approval.created_at.to_rfc3339(),
        "decidedAt": decided.map(|decided| decided.at.to_rfc3339()),
    })
}

/// `approval.create`. The id is derived from the call: made again, it finds its request.
pub(super) async fn create(
    store: &Store,
    asker: &Asker,
    input: Value,
    now: DateTime<Utc>,
) -> ToolResult {
    let id = ApprovalId::derive(asker.call.0, &["resource"]);
    let kind = text_of(&input, "resourceType").ok_or_else(|| wrong("resourceType is empty"))?;
    let resource = text_of(&input, "resourceId").ok_or_else(|| wrong("resourceId is empty"))?;
    let description = text_of(&input, "description").unwrap_or_default();
    let title = match description.lines().next() {
        Some(line) if !line.trim().is_empty() => line.trim().chars().take(200).collect(),
        _ => format!("{kind} {resource}"),
    };
    let mut new = NewApproval::new(asker.organization, id, ApprovalKind::Resource, title);
    new.run = Some(asker.run);
    new.node = Some(asker.node.clone());
    new.prompt = description;
    new.resource = Some((kind, resource));
    new.priority = text_of(&input, "priority").unwrap_or_else(|| "medium".into());
    new.metadata = input.get("metadata").cloned().unwrap_or_default();
    new.requested_by = asker.node.to_string();
    new.expires_at = input.get("dueDate").map(due).transpose()?.flatten();
    let write = store.write(move |tx| {
        async move {
            store::approval_open(tx, &new, now).await?;
            store::approval_fetch_in(tx, new.organization, id).await
        }
        .boxed()
    });
    Ok(record(&write.await.map_err(broken)?))
}

fn due(value: &Value) -> Result<Option<DateTime<Utc>>, StepError> {
    let bad = || wrong("dueDate must be an RFC 3339 time or milliseconds since 1970");
    match value {
        Value::Null => Ok(None),
        Value::Number(ms) => {
            let ms = ms.as_i64().ok_or_else(bad)?;
            DateTime::from_timestamp_millis(ms).map(Some).ok_or_else(bad)
        }
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => match DateTime::parse_from_rfc3339(text.trim()) {
            Ok(at) => Ok(Some(at.to_utc())),
            Err(_) => Err(bad()),
        },
        _ => Err(bad()),
    }
}

async fn fetch(
    store: &Store,
    organization: OrganizationId,
    input: &Value,
) -> Result<Approval, StepError> {
    let missing = || StepError::new(ErrorKind::NotFound, "there is no such approval");
    let id = text_of(input, "approvalId").ok_or_else(|| wrong("approvalId is empty"))?;
    let id = id.parse().map_err(|_| missing())?;
    match store::approval_fetch(store, organization, id).await {
        Err(StoreError::NotFound { .. }) => Err(missing()),
        other => other.map_err(broken),
    }
}

/// `approval.get`.
pub(super) async fn get(store: &Store, organization: OrganizationId, input: Value) -> ToolResult {
    Ok(record(&fetch(store, organization, &input).await?))
}

/// `approval.update_status`. Only requests that workflows made: a machine never approves a message.
pub(super) async fn update_status(
    store: &Store,
    organization: OrganizationId,
    input: Value,
    now: DateTime<Utc>,
) -> ToolResult {
    let approval = fetch(store, organization, &input).await?;
    if approval.request.kind != ApprovalKind::Resource {
        return Err(wrong("only a person can decide this one, in the inbox"));
    }
    let state = match text_of(&input, "status").as_deref() {
        Some("approved") => ApprovalState::Approved,
        Some("rejected") => ApprovalState::Rejected,
        _ => return Err(wrong("status must be approved or rejected")),
    };
    if approval.state == state {
        return Ok(record(&approval)); // made again after a crash, or by another step
    }
    let decided = Decided {
        by: text_of(&input, "approvedBy").unwrap_or_else(|| "a workflow".into()),
        at: now,
        reason: text_of(&input, "comments").unwrap_or_default(),
        answer: Value::Null,
    };
    let id = approval.request.id;
    let write = store.write(move |tx| {
        async move {
            store::approval_close(tx, organization, id, None, state, &decided).await?;
            store::approval_fetch_in(tx, organization, id).await
        }
        .boxed()
    });
    match write.await {
        Ok(approval) => Ok(record(&approval)),
        Err(StoreError::Conflict { .. }) => {
            let word = approval.state.as_str();
            Err(wrong(format!("it is {word} already; a decision is not changed")))
        }
        Err(error) => Err(broken(error)),
    }
}

/// `approval.list_pending` and `approval.history`.
pub(super) async fn list_of(
    store: &Store,
    organization: OrganizationId,
    input: Value,
    pending: bool,
) -> ToolResult {
    let limit = input.get("limit").and_then(Value::as_u64).unwrap_or(50).clamp(1, 200) as usize;
    let (kind, id) = (text_of(&input, "resourceType"), text_of(&input, "resourceId"));
    let filter = ApprovalFilter {
        state: pending.then_some(ApprovalState::Pending),
        resource: kind.clone().zip(id),
        ..ApprovalFilter::default()
    };
    let mut after = text_of(&input, "cursor").map(|text| parse_cursor(&text)).transpose()?;
    let mut found = Vec::new();
    loop {
        let rows =
            store::approval_list(store, organization, &filter, after, 200).await.map_err(broken)?;
        let last_page = rows.len() < 200;
        for row in rows {
            after = Some((row.created_at, row.request.id));
            let resource = row.request.resource.as_ref().map(|(kind, _)| kind);
            if kind.is_none() || kind.as_ref() == resource {
                found.push(row);
            }
            if found.len() == limit {
                break;
            }
        }
        if last_page || found.len() >= limit {
            let more = found.len() >= limit;
            let next =
                after.filter(|_| more).map(|(at, id)| format!("{}.{id}", at.timestamp_millis()));
            if !pending {
                found.reverse();
            }
            return Ok(list("approvals", found.iter().map(record).collect(), next));
        }
    }
}

fn parse_cursor(text: &str) -> Result<(DateTime<Utc>, ApprovalId), StepError> {
    let parse = || {
        let (ms, id) = text.split_once('.')?;
        Some((DateTime::from_timestamp_millis(ms.parse().ok()?)?, id.parse().ok()?))
    };
    parse().ok_or_else(|| wrong("the cursor is not one that an earlier page gave"))
}

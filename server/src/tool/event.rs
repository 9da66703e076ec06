//! `event.send`: one workflow starts or wakes another.

use super::{ToolResult, broken, customer, text_of, wrong};
use crate::{
    engine::CallContext,
    gate::Gate,
    store::{self, OutsideEvent, StoreError},
};
use serde_json::{Value, json};
use signalbox::{
    event_type::{self, PAYLOAD_BYTES_MAX},
    id::RunId,
    run::{ErrorKind, StepError},
};

/// `event.send`. The call is its source: made again, it finds its event.
pub(super) async fn send(gate: &Gate, context: &CallContext, input: Value) -> ToolResult {
    let named = text_of(&input, "name").unwrap_or_default();
    let name = event_type::sendable(&named).map_err(|error| wrong(error.to_string()))?.to_owned();
    let payload = match input.get("payload") {
        Some(Value::Object(fields)) => Value::Object(fields.clone()),
        _ => json!({}),
    };
    if payload.to_string().len() > PAYLOAD_BYTES_MAX {
        return Err(wrong(format!(
            "the payload of an event has {} KiB at most; send an id instead of the whole",
            PAYLOAD_BYTES_MAX / 1024
        )));
    }
    // One that is named and empty is a mistake: without it the event would be about everybody.
    let contact = match input.get("customerId") {
        Some(_) => Some(customer::find(gate, context.organization, &input).await?.id),
        None => None,
    };
    let run = match input.get("runId") {
        Some(_) => Some(run_of(context, &input).await?),
        None => None,
    };
    let source_key = Some(format!("call/{}", context.call));
    let event = OutsideEvent { name: name.clone(), contact, run, source_key, payload };
    let sent = context.engine.event_send(context.organization, event, Some(context.run)).await;
    Ok(json!({ "number": sent.map_err(broken)?.number, "name": name }))
}

async fn run_of(context: &CallContext, input: &Value) -> Result<RunId, StepError> {
    let named = text_of(input, "runId").ok_or_else(|| wrong("runId is empty"))?;
    let missing =
        || StepError::new(ErrorKind::NotFound, format!("there is no run \u{201c}{named}\u{201d}"));
    let run: RunId = named.parse().map_err(|_| missing())?;
    match store::run_fetch(context.engine.store(), context.organization, run).await {
        Ok(_) => Ok(run),
        Err(StoreError::NotFound { .. }) => Err(missing()),
        Err(error) => Err(broken(error)),
    }
}

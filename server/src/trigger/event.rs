//! Telling about events: workflows that they start, runs that wait for them.

use super::may_pass;
use crate::{
    engine::{EngineError, EngineHandle, StartOp, StartRun},
    store::{self, EventTrigger, PendingEvent},
};
use chrono::SecondsFormat;
use futures::FutureExt;
use serde_json::{Value, json};
use signalbox::{
    event_type,
    expr::{Expression, ValueScope},
};

/// Rows read at once.
const BATCH: u32 = 256;
/// By whom the runs are started.
const STARTED_BY: &str = "event";

/// Tells about all that is pending, oldest first. One that cannot be told now holds up no other.
pub(super) async fn tell_all(engine: &EngineHandle) -> Result<(), EngineError> {
    loop {
        let pending = store::events_pending(engine.store(), BATCH).await?;
        if pending.is_empty() {
            return Ok(());
        }
        let mut failed = None;
        for event in pending {
            if let Err(error) = tell(engine, event).await {
                failed.get_or_insert(error);
            }
        }
        // Its row is still pending: without a pause this would turn in circles.
        if let Some(error) = failed {
            return Err(error);
        }
    }
}

async fn tell(engine: &EngineHandle, event: PendingEvent) -> Result<(), EngineError> {
    let (organization, number) = (event.organization, event.number);
    // Runs that wait are told from their own rows, also after a crash.
    engine.outside_poke(organization, number);
    let store = engine.store();
    let depth = match event.cause {
        Some(run) => store::run_depth(store, organization, run).await? + 1,
        None => 1,
    };
    let input = input(&event);
    let mut after = None;
    loop {
        let triggers =
            store::event_triggers_of(store, organization, &event.name, after, BATCH).await?;
        let Some(last) = triggers.last() else { break };
        after = Some(last.workflow);
        for trigger in triggers {
            if let Err(reason) = start(engine, &event, &trigger, &input, depth).await? {
                note(engine, &trigger, reason).await?;
            }
        }
    }
    let told = store
        .write(move |tx| async move { store::event_told(tx, organization, number).await }.boxed());
    Ok(told.await?)
}

/// The event's particulars with its identity and time.
fn input(event: &PendingEvent) -> Value {
    let mut input = event.payload.as_object().cloned().unwrap_or_default();
    input.insert("type".into(), event.name.clone().into());
    input.insert("id".into(), event.number.to_string().into());
    let at = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    input.insert("at".into(), at.into());
    Value::Object(input)
}

/// Starts the run, unless the event does not fit. The inner error says why it never can.
async fn start(
    engine: &EngineHandle,
    event: &PendingEvent,
    trigger: &EventTrigger,
    input: &Value,
    depth: u32,
) -> Result<Result<(), String>, EngineError> {
    // Its own runs' ends start no more of the same.
    if input.get("workflowId") == Some(&json!(trigger.workflow)) {
        return Ok(Ok(()));
    }
    match fits(trigger, input, event) {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(())),
        Err(reason) => return Ok(Err(reason)),
    }
    if depth > event_type::DEPTH_MAX {
        return Ok(Err(format!(
            "No run was started: {} workflows in a row had started one another by events. Narrow the filter \
             of one of them.",
            event_type::DEPTH_MAX
        )));
    }
    let gone = event.name == event_type::CUSTOMER_DELETED;
    let start = StartRun {
        input: input.clone(),
        contacts: event.contact.filter(|_| !gone).into_iter().collect(),
        started_by: STARTED_BY.to_owned(),
        idempotency_key: Some(format!("event/{}/{}", event.number, trigger.workflow)),
        ..StartRun::default()
    };
    let (organization, number) = (event.organization, event.number);
    let cause: StartOp = Box::new(move |tx, run| {
        async move { store::run_cause_insert(tx, organization, run, number, depth).await }.boxed()
    });
    let started =
        engine.start_run_with(organization, trigger.workflow, trigger.version, start, cause).await;
    match started {
        Ok(_) => Ok(Ok(())),
        Err(error) if may_pass(&error) => Err(error),
        Err(error) => Ok(Err(format!("No run was started: {error}."))),
    }
}

fn fits(trigger: &EventTrigger, input: &Value, event: &PendingEvent) -> Result<bool, String> {
    let Some(filter) = &trigger.filter else { return Ok(true) };
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("No run was started: the filter cannot be computed: {error}.")
    };
    let filter = Expression::parse(filter).map_err(|error| unreadable(&error))?;
    let root = json!({ "event": input, "input": input, "organizationId": event.organization });
    let scope = ValueScope::new(root, event.at.timestamp_millis());
    filter.test(&scope).map_err(|error| unreadable(&error))
}

async fn note(
    engine: &EngineHandle,
    trigger: &EventTrigger,
    reason: String,
) -> Result<(), EngineError> {
    let (organization, workflow) = (trigger.organization, trigger.workflow);
    tracing::warn!(%workflow, reason, "an event started no run");
    let noted = engine.store().write(move |tx| {
        async move { store::event_trigger_note(tx, organization, workflow, &reason).await }.boxed()
    });
    Ok(noted.await?)
}

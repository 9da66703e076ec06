//! Telling about events: workflows that they start, runs that wait for them.

use super::may_pass;
use crate::{
    engine::{EngineError, EngineHandle, StartOp, StartRun},
    store::{self, EventTrigger, PendingEvent, UnreadableEvent},
};
use chrono::SecondsFormat;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use signalbox::{
    event_type,
    expr::{Expression, ValueScope},
    id::{ContactId, OrganizationId},
};
use std::{collections::HashMap, sync::Mutex};

/// Rows read at once.
const BATCH: u32 = 256;
/// Events that are told of at the same time.
const AT_ONCE: usize = 16;
/// By whom the runs are started.
const STARTED_BY: &str = "event";

/// Tells about all that is pending, oldest first; of several about the same contact one after the other. One that
/// cannot be told now holds up no other.
pub(super) async fn tell_all(engine: &EngineHandle) -> Result<(), EngineError> {
    loop {
        let pending = store::events_pending(engine.store(), BATCH).await?;
        if pending.is_empty() {
            return Ok(());
        }
        let failed = Mutex::new(None);
        futures::stream::iter(lanes(pending))
            .for_each_concurrent(AT_ONCE, |lane| async {
                for event in lane {
                    let told = match event {
                        Ok(event) => tell(engine, event).await,
                        Err(unreadable) => set_aside(engine, unreadable).await,
                    };
                    if let (Err(error), Ok(mut failed)) = (told, failed.lock()) {
                        failed.get_or_insert(error);
                    }
                }
            })
            .await;
        // Its row is still pending: without a pause this would turn in circles.
        if let Ok(Some(error)) = failed.into_inner() {
            return Err(error);
        }
    }
}

type Read = Result<PendingEvent, UnreadableEvent>;

/// Events that may be told of at the same time: each lane has those about one contact in their order, or one about none.
fn lanes(pending: Vec<Read>) -> Vec<Vec<Read>> {
    let mut of_contact: HashMap<(OrganizationId, ContactId), usize> = HashMap::new();
    let mut lanes: Vec<Vec<Read>> = Vec::new();
    for event in pending {
        let whom = event.as_ref().ok().and_then(|e| Some((e.organization, e.contact?)));
        match whom.map(|whom| *of_contact.entry(whom).or_insert(lanes.len())) {
            Some(lane) if lane < lanes.len() => lanes[lane].push(event),
            _ => lanes.push(vec![event]),
        }
    }
    lanes
}

/// One that cannot be read is left as it is, and looked at no more.
async fn set_aside(engine: &EngineHandle, unreadable: UnreadableEvent) -> Result<(), EngineError> {
    let UnreadableEvent { organization, number, error } = unreadable;
    tracing::error!(%organization, number, %error, "an event cannot be read; nobody is told of it");
    let aside = engine.store().write(move |tx| {
        async move { store::event_set_aside(tx, organization, number).await }.boxed()
    });
    Ok(aside.await?)
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

/// The event's particulars with its identity and time; what its sender says of them itself stays.
fn input(event: &PendingEvent) -> Value {
    let mut input = event.payload.as_object().cloned().unwrap_or_default();
    let at = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let own = [("type", event.name.clone()), ("id", event.number.to_string()), ("at", at)];
    for (name, value) in own {
        input.entry(name).or_insert_with(|| value.into());
    }
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
    // Its own runs' ends start no more of the same. What others send may name the workflow for another reason.
    let is_own = event_type::is_own(&event.name);
    if is_own && input.get("workflowId") == Some(&json!(trigger.workflow)) {
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

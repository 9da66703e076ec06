//! What a run is told beside its input: checked against the version that it runs. And how a run reads in the words of
//! the DAG document.

use super::secrets;
use crate::{
    app_state::AppState,
    http::{
        call::{Answer, Call},
        failure::Failure,
        reply::Found,
        views,
    },
    store,
};
use signalbox::{
    format::dag::{PlanExecution, plan_execution},
    graph::Graph,
    id::{OrganizationId, RunId, WorkflowId},
    run::{ExecutionOptions, Hitl, OPTION_TIME_MAX_MS, RunOptions},
    wire::RunStart,
};

/// Steps that a run may name, and channels.
const NAMED_MAX: usize = 1_000;
/// Events of a run from which the cost of its steps is added up.
const EVENTS_MAX: usize = 20_000;
const EVENTS_PAGE: usize = 2_000;

/// What a start says, or why it makes no sense.
pub async fn of(
    state: &AppState,
    organization: OrganizationId,
    (workflow, version): (WorkflowId, u32),
    wanted: &RunStart,
) -> Result<RunOptions, Failure> {
    let options = RunOptions { hitl: wanted.hitl.clone(), options: wanted.options.clone() };
    if options.is_default() {
        return Ok(options);
    }
    if let Some(hitl) = &options.hitl {
        let compiled = state.engine().version(organization, workflow, version).await?;
        check_people(hitl, compiled.graph())?;
    }
    check_execution(state, organization, &options.options).await?;
    Ok(options)
}

fn check_people(hitl: &Hitl, graph: &Graph) -> Result<(), Failure> {
    let wrong = |field: &str, text: String| Err(Failure::value(&format!("hitl.{field}"), text));
    if hitl.required_for.len() > NAMED_MAX || hitl.notify_channels.len() > NAMED_MAX {
        return wrong("requiredFor", format!("At most {NAMED_MAX} steps can be named."));
    }
    let unknown = hitl.required_for.iter().find(|id| graph.node(&id.as_str().into()).is_none());
    if let Some(id) = unknown {
        return wrong("requiredFor", format!("There is no step {id} in this version."));
    }
    if hitl.confidence_threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        return wrong("confidenceThreshold", "A confidence is from 0 to 1.".to_owned());
    }
    check_time("hitl.timeoutMs", hitl.timeout_ms)?;
    let Some(escalation) = &hitl.escalation else { return Ok(()) };
    if escalation.after_ms.is_none() {
        let text = "Say after how many milliseconds: `afterMs` is missing.";
        return wrong("escalation", text.to_owned());
    }
    if escalation.to.as_ref().is_some_and(|to| to.chars().count() > 200) {
        return wrong("escalation.to", "It has at most 200 characters.".to_owned());
    }
    check_time("hitl.escalation.afterMs", escalation.after_ms)
}

fn check_time(field: &str, time_ms: Option<u64>) -> Result<(), Failure> {
    match time_ms {
        Some(ms) if ms == 0 || ms > OPTION_TIME_MAX_MS => {
            let text = format!("It must be from 1 to {OPTION_TIME_MAX_MS} milliseconds.");
            Err(Failure::value(field, text))
        }
        _ => Ok(()),
    }
}

async fn check_execution(
    state: &AppState,
    organization: OrganizationId,
    options: &ExecutionOptions,
) -> Result<(), Failure> {
    check_time("options.timeoutMs", options.timeout_ms)?;
    for (field, address) in [
        ("options.onStepComplete", &options.on_step_complete),
        ("options.onStepFailed", &options.on_step_failed),
    ] {
        let Some(address) = address else { continue };
        let url = url::Url::parse(address).ok().filter(|_| address.len() <= 2_000);
        let is_web = |url: &url::Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
        };
        if !url.as_ref().is_some_and(is_web) {
            let text = "It must be an address that begins with https:// or http://.".to_owned();
            return Err(Failure::value(field, text));
        }
    }
    let Some(name) = &options.webhook_secret else { return Ok(()) };
    match secrets::names(state, organization).await?.contains(name) {
        true => Ok(()),
        false => {
            let text = format!("There is no secret {name}; make it under Settings.");
            Err(Failure::value("options.webhookSecret", text))
        }
    }
}

/// `GET /api/runs/{id}/execution`.
pub async fn execution(call: Call<RunId>) -> Answer<Found<PlanExecution>> {
    let (store, organization, id) = (call.state.store(), call.organization(), call.path);
    let run = store::run_fetch(store, organization, id).await?;
    let version = store::version_fetch(store, organization, run.workflow, run.version).await?;
    let state = views::run_state(store, organization, id).await?;
    let mut events = Vec::new();
    while events.len() < EVENTS_MAX {
        let after = events.last().map_or(0, |last: &signalbox::run::Event| last.seq);
        let (page, more) = store::events_after(store, organization, id, after, EVENTS_PAGE).await?;
        events.extend(page);
        if !more {
            break;
        }
    }
    Ok(Found(plan_execution(&run.workflow.to_string(), &version.graph, &state, &events)))
}

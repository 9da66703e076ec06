//! One step as it ended with an event, in the words of the document: what callbacks are told.

use super::status::{StepResult, TaskStatus, TokenUsage, costs, text_of, wanted_model};
use crate::graph::{Graph, NodeKind};
use crate::run::{
    ActivationId, CallRequest, ErrorKind, Event, EventBody, StepError, activation_of,
};
use serde_json::Value;

/// The step that ended with the event `seq`, from the run's events up to it. `None`: no step ended with it.
pub fn step_of_event(graph: &Graph, events: &[Event], seq: u64) -> Option<StepResult> {
    let last = events.iter().find(|event| event.seq == seq)?;
    let (id, ended) = ended(&last.body)?;
    let mut result = begun(graph, events, id, &ended)?;
    result.completed_at = Some(last.at);
    let took = result.started_at.map(|from| (last.at - from).num_milliseconds());
    result.duration_ms = took.and_then(|ms| u64::try_from(ms).ok());
    Some(result)
}

/// How a step ended.
struct Ended<'a> {
    status: TaskStatus,
    output: Option<&'a Value>,
    error: Option<&'a StepError>,
}

fn ended(body: &EventBody) -> Option<(ActivationId, Ended<'_>)> {
    Some(match body {
        EventBody::NodeCompleted { activation, output, .. } => {
            let (status, output) = (TaskStatus::Completed, Some(output));
            (*activation, Ended { status, output, error: None })
        }
        EventBody::NodeFailed { activation, error, .. }
        | EventBody::NodeSkipped { activation, error: Some(error), .. } => {
            let status = match error.kind {
                ErrorKind::HumanRejected => TaskStatus::Rejected,
                _ => TaskStatus::Failed,
            };
            (*activation, Ended { status, output: None, error: Some(error) })
        }
        _ => return None,
    })
}

/// The step with when it began and what it asked. `None`: it is the trigger, or no step of the graph.
fn begun(graph: &Graph, events: &[Event], id: ActivationId, ended: &Ended) -> Option<StepResult> {
    let start = events.iter().find_map(|event| match &event.body {
        EventBody::NodeStarted { activation, node, .. } if *activation == id => {
            Some((graph.node(node)?, event.at))
        }
        _ => None,
    });
    let (node, started_at) = start?;
    if matches!(node.kind, NodeKind::Trigger(_)) {
        return None;
    }
    let tries = events.iter().filter_map(|event| match &event.body {
        EventBody::CallRequested { activation, attempt, request, .. }
            if *activation == id && !matches!(request, CallRequest::Score(_)) =>
        {
            Some(*attempt)
        }
        _ => None,
    });
    let own = events.iter().filter(|event| activation_of(&event.body) == Some(id));
    let usage = costs(own).remove(&node.id);
    Some(StepResult {
        id: node.id.0.clone(),
        status: ended.status,
        output: ended.output.and_then(text_of),
        error: ended.error.map(|error| error.message.clone()),
        model: usage.as_ref().map_or_else(|| wanted_model(node), |usage| usage.model.clone()),
        started_at: Some(started_at),
        completed_at: None,
        duration_ms: None,
        usage: usage.as_ref().map(TokenUsage::of),
        retry_count: tries.max().unwrap_or(1).saturating_sub(1),
    })
}

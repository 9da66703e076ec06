//! What a step was given and what it gave, turn by turn: from the events that are known, and from the state for what
//! is older than they are. Pure.

use crate::timeline::RunFold;
use serde_json::Value;
use signalbox::graph::Graph;
use signalbox::id::{NodeId, RunId};
use signalbox::run::{
    Activation, ActivationId, ActivationState, CallRequest, EventBody, FrameId, TimelineWriter,
    activation_of, replace_secrets,
};
use std::collections::BTreeMap;

/// One activation of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTurn {
    /// `turn 3 of “Orders”`; none outside of loops.
    pub turn: Option<String>,
    /// Where it is.
    pub state: ActivationState,
    /// What its call asks, if it makes one.
    pub given: Option<Value>,
    /// What it gave.
    pub gave: Option<Value>,
    /// Why it failed, or was passed over.
    pub why: Option<String>,
}

/// The activations of a step, the newest first.
pub fn turns_of(fold: &RunFold, graph: &Graph, node: &NodeId) -> Vec<StepTurn> {
    let run = fold.state.run;
    let mut writer = TimelineWriter::new(graph).knowing(fold.base()).knowing(&fold.state);
    let mut found: BTreeMap<ActivationId, (FrameId, StepTurn)> = BTreeMap::new();
    for (id, known) in fold.base().activations.iter().filter(|(_, a)| a.node == *node) {
        found.insert(*id, (known.frame, of_activation(run, known)));
    }
    for event in &fold.events {
        writer.remember(&event.body);
        if let EventBody::NodeStarted { activation, node: begun, frame }
        | EventBody::NodeSkipped { activation, node: begun, frame, .. } = &event.body
            && begun == node
        {
            found.entry(*activation).or_insert_with(|| (*frame, begun_now()));
        }
        if let Some((_, step)) = activation_of(&event.body).and_then(|id| found.get_mut(&id)) {
            hear(step, run, &event.body);
        }
    }
    for (id, known) in fold.state.activations.iter().filter(|(_, a)| a.node == *node) {
        let now = of_activation(run, known);
        let (_, step) = found.entry(*id).or_insert_with(|| (known.frame, now.clone()));
        let was_cut_off = fold.state.end.is_some() && !known.state.is_terminal();
        step.state = if was_cut_off { ActivationState::Skipped } else { known.state };
        step.given = step.given.take().or(now.given);
        step.gave = step.gave.take().or(now.gave);
        step.why = now.why;
    }
    let named = |(frame, step)| StepTurn { turn: writer.turn(frame), ..step };
    found.into_values().rev().map(named).collect()
}

fn begun_now() -> StepTurn {
    StepTurn { turn: None, state: ActivationState::Running, given: None, gave: None, why: None }
}

fn of_activation(run: RunId, known: &Activation) -> StepTurn {
    StepTurn {
        turn: None,
        state: known.state,
        given: known.request.as_ref().and_then(|request| given(run, request)),
        gave: (!known.output.is_null()).then(|| known.output.clone()),
        why: known.error.as_ref().map(|error| error.message.clone()),
    }
}

/// What an event says of an activation.
fn hear(step: &mut StepTurn, run: RunId, body: &EventBody) {
    match body {
        EventBody::CallRequested { request, .. }
        | EventBody::ApprovalRequested { prepared: Some(request), .. } => {
            step.given = given(run, request).or(step.given.take());
        }
        EventBody::AttemptFailed { error, .. } => step.why = Some(error.message.clone()),
        EventBody::NodeCompleted { output, .. } => {
            step.state = ActivationState::Completed;
            step.gave = (!output.is_null()).then(|| output.clone());
            step.why = None;
        }
        EventBody::NodeFailed { error, .. } => {
            step.state = ActivationState::Failed;
            step.why = Some(error.message.clone());
        }
        EventBody::NodeSkipped { reason, .. } => {
            step.state = ActivationState::Skipped;
            step.why = Some(reason.clone());
        }
        EventBody::NodeBypassed { reason, .. } => {
            step.state = ActivationState::Bypassed;
            step.why = Some(reason.clone());
        }
        _ => {}
    }
}

/// What a call asks, with the names of its secrets where they go in. None for a look at the output.
fn given(run: RunId, request: &CallRequest) -> Option<Value> {
    let mut value = match request {
        CallRequest::Tool { parameters, .. } => parameters.clone(),
        CallRequest::Run(request) => request.input.clone(),
        CallRequest::Model(request) => serde_json::to_value(request).ok()?,
        CallRequest::Task(request) => serde_json::to_value(request).ok()?,
        CallRequest::Score(_) => return None,
    };
    let mut named = |name: &str| Some(format!("{{{{secrets.{name}}}}}"));
    // Every name is found.
    let _ = replace_secrets(run, &mut value, &mut named);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;
    use signalbox::run::{Event, secret_marker};

    const RUN: RunId = RunId(uuid::Uuid::nil());

    fn graph() -> Graph {
        let node =
            |id: &str, label: &str, kind: Value| json!({ "id": id, "label": label, "kind": kind });
        serde_json::from_value(json!({
            "nodes": [
                node("outer", "Orders", json!({ "type": "loop", "items": "input" })),
                node("inner", "Lines", json!({ "type": "loop", "items": "input" })),
                node("send", "Send it", json!({ "type": "action", "tool": "work", "parameters": {} })),
            ],
            "edges": [],
        }))
        .expect("a graph")
    }

    fn frame(frame: u32, parent: u32, header: &str, index: u32) -> Value {
        json!({ "type": "frame_started", "frame": frame, "parent": parent, "header": header, "index": index })
    }

    fn begin(activation: u32, frame: u32) -> Value {
        json!({ "type": "node_started", "activation": activation, "node": "send", "frame": frame })
    }

    fn call(activation: u32, parameters: Value) -> Value {
        json!({ "type": "call_requested", "activation": activation, "attempt": 1, "call": uuid::Uuid::nil(),
            "request": { "of": "tool", "tool": "work", "parameters": parameters } })
    }

    fn done(activation: u32, output: Value) -> Value {
        json!({ "type": "node_completed", "activation": activation, "port": "success", "output": output })
    }

    fn fold(bodies: Vec<Value>) -> RunFold {
        let mut fold = RunFold::new(RUN);
        let event = |(body, seq)| Event {
            seq,
            at: DateTime::UNIX_EPOCH,
            body: serde_json::from_value(body).expect("an event"),
        };
        fold.take(&bodies.into_iter().zip(1..).map(event).collect::<Vec<_>>());
        fold
    }

    #[test]
    fn each_turn_says_what_it_was_given_and_gave() {
        let key = format!("Bearer {}", secret_marker(RUN, "shop"));
        let failed = json!({ "type": "node_failed", "activation": 2, "error": { "kind": "not_found", "message": "no" } });
        let fold = fold(vec![
            json!({ "type": "run_started", "input": null }),
            frame(1, 0, "outer", 0),
            frame(2, 1, "inner", 0),
            begin(1, 2),
            call(1, json!({ "n": 1, "key": key })),
            done(1, json!("one")),
            frame(3, 1, "inner", 1),
            begin(2, 3),
            call(2, json!({ "n": 2 })),
            failed,
            frame(4, 0, "outer", 1),
            begin(3, 4),
        ]);
        let turns = turns_of(&fold, &graph(), &"send".into());
        let said: Vec<_> = turns.iter().map(|turn| turn.turn.as_deref().unwrap_or("")).collect();
        let expected = [
            "turn 2 of “Orders”",
            "turn 2 of “Lines” in turn 1 of “Orders”",
            "turn 1 of “Lines” in turn 1 of “Orders”",
        ];
        assert_eq!(said, expected);
        assert_eq!((&turns[0].given, &turns[0].gave), (&None, &None));
        assert_eq!(turns[0].state, ActivationState::Running);
        assert_eq!(turns[1].given, Some(json!({ "n": 2 })));
        assert_eq!(
            (turns[1].state, turns[1].why.as_deref()),
            (ActivationState::Failed, Some("no"))
        );
        let shown = json!({ "n": 1, "key": "Bearer {{secrets.shop}}" });
        assert_eq!((&turns[2].given, &turns[2].gave), (&Some(shown), &Some(json!("one"))));
        assert!(turns_of(&fold, &graph(), &"inner".into()).is_empty());
    }

    #[test]
    fn what_is_older_than_the_events_comes_from_the_state() {
        let bodies = vec![
            json!({ "type": "run_started", "input": null }),
            begin(1, 0),
            call(1, json!({ "n": 1 })),
            done(1, json!("one")),
        ];
        let whole = fold(bodies.clone());
        let early = fold(bodies[..3].to_vec());
        let mut detail: signalbox::wire::RunDetail = serde_json::from_value(json!({
            "run": { "id": RUN, "workflow": RUN, "workflow_name": "", "version": 1, "status": { "type": "Executing" },
                "started_by": "", "started_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
                "ended_at": null, "current_node": null, "contacts": [], "seq": 4 },
            "graph": graph(), "variables": {}, "input": null, "output": null, "events": [],
            "state": serde_json::to_value(&early.state).expect("JSON"),
        }))
        .expect("a run");
        detail.events = whole.events[3..].to_vec();
        let turns = turns_of(&RunFold::open(&detail), &graph(), &"send".into());
        assert_eq!(turns, turns_of(&whole, &graph(), &"send".into()));
        assert_eq!(turns[0].given, Some(json!({ "n": 1 })));
        assert_eq!((turns[0].turn.as_ref(), &turns[0].gave), (None, &Some(json!("one"))));
    }
}

//! What the tests of the plans share: the documents, and a world in which they run.

use crate::format::{Imported, import_text};
use crate::graph::{AnyTool, CompiledGraph, Graph};
use crate::id::{OrganizationId, RunId, WorkflowId};
use crate::run::{
    Answer, Asking, CallRequest, Context, EventBody, Outcome, OutsideFact, Reply, RunEnd, Start,
    Usage, World, drive,
};
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Value, json};
use std::path::Path;
use uuid::Uuid;

/// The plans by file name, as texts.
pub fn plans() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans");
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.len() >= 6);
    found
}

pub fn text(name: &str) -> String {
    plans().into_iter().find(|(file, _)| file == name).unwrap().1
}

pub fn plan(name: &str) -> Imported {
    import_text(&text(name)).unwrap()
}

#[track_caller]
pub fn compiled(graph: Graph) -> CompiledGraph {
    CompiledGraph::compile(graph, &AnyTool).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// What a compile refuses, in one text.
#[track_caller]
pub fn refused(graph: Graph) -> String {
    let errors = CompiledGraph::compile(graph, &AnyTool).unwrap_err();
    errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>().join("\n")
}

type Rule = Box<dyn FnMut(&Asking, &CallRequest) -> Reply>;

/// Answers by a rule; people approve.
pub struct Room {
    pub rule: Rule,
    pub facts: Vec<OutsideFact>,
}

impl Room {
    pub fn new(mut rule: impl FnMut(&str, &CallRequest) -> Value + 'static) -> Self {
        let usage = || Usage {
            model: "m".into(),
            input_tokens: 10,
            output_tokens: 5,
            cost_micros: 2_000_000,
            sandbox: true,
            unpriced: false,
        };
        let rule = move |asking: &Asking, request: &CallRequest| Reply::Output {
            output: rule(asking.node.id.as_str(), request),
            usage: matches!(request, CallRequest::Model(_)).then(usage),
        };
        Self { rule: Box::new(rule), facts: vec![] }
    }
}

impl World for Room {
    fn call(&mut self, asking: &Asking, request: &CallRequest) -> Answer {
        Answer::now((self.rule)(asking, request))
    }
    fn decide(
        &mut self,
        _: &Asking,
        _: &crate::run::ApprovalRequest,
    ) -> Option<(u64, crate::run::Decision)> {
        Some((0, crate::run::Decision::Approve { answer: Value::Null }))
    }
    fn facts(&mut self) -> Vec<OutsideFact> {
        std::mem::take(&mut self.facts)
    }
}

pub fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_700_000_000_000 + ms).unwrap()
}

pub fn context() -> Context {
    Context {
        organization_id: OrganizationId(Uuid::from_u128(1)),
        workflow_id: WorkflowId(Uuid::from_u128(2)),
        root_workflow_id: None,
        zone: chrono_tz::UTC,
    }
}

pub fn run(graph: &CompiledGraph, input: Value, world: &mut dyn World) -> Outcome {
    let start = Start {
        run: RunId(Uuid::from_u128(3)),
        input,
        contacts: vec![],
        thread_id: None,
        started_by: "test".into(),
        options: Default::default(),
    };
    drive(graph, &context(), start, world, at(0))
}

/// The steps that did their work, in order.
pub fn done(outcome: &Outcome) -> Vec<String> {
    let mut names = std::collections::HashMap::new();
    let mut done = vec![];
    for event in &outcome.events {
        match &event.body {
            EventBody::NodeStarted { activation, node, .. } => {
                names.insert(*activation, node.0.clone());
            }
            EventBody::NodeCompleted { activation, .. } => done.push(names[activation].clone()),
            _ => {}
        }
    }
    done.retain(|name| name != "trigger");
    done
}

pub fn outcome_of(outcome: &Outcome) -> Value {
    match &outcome.state.end {
        Some(RunEnd::Completed { outcome, .. }) => json!(outcome),
        other => json!({ "not completed": format!("{other:?}") }),
    }
}

/// The prompt or the parameters of a call.
pub fn asked(request: &CallRequest) -> Value {
    match request {
        CallRequest::Tool { parameters, .. } => parameters.clone(),
        CallRequest::Model(model) => json!(model.user_prompt),
        #[allow(unreachable_patterns)]
        _ => Value::Null,
    }
}

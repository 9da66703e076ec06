//! What the events of a commit must not say: of tasks and who has them, of steps that a person approves first, of forks,
//! of runs and the versions that they go on in.

use super::Seen;
use crate::store::model::Tables;
use serde_json::Value;
use signalbox::{
    graph::Graph,
    id::{CallId, NodeId, RunId, WorkflowId},
    run::{ActivationId, CallRequest, Decision, Event, EventBody},
};
use std::collections::{BTreeMap, BTreeSet};

/// The steps and edges of a version.
pub(super) struct Steps {
    nodes: BTreeSet<NodeId>,
    edges: BTreeSet<String>,
}

impl Steps {
    fn of(graph: &Graph) -> Self {
        Self {
            nodes: graph.nodes.iter().map(|node| node.id.clone()).collect(),
            edges: graph.edges.iter().map(|edge| edge.id.clone()).collect(),
        }
    }
}

/// Where a step is that a person must approve before it runs.
enum Asked {
    Open,
    /// With what was changed of the prepared call.
    Approved(Value),
    Rejected,
}

type Step = (RunId, ActivationId);

/// What was heard so far.
#[derive(Default)]
pub(super) struct Facts {
    versions: BTreeMap<(WorkflowId, u32), Steps>,
    /// The version that a run is in, by its events.
    runs: BTreeMap<RunId, u32>,
    /// Tasks, and the workers that have them.
    tasks: BTreeMap<Step, Option<String>>,
    asked: BTreeMap<Step, Asked>,
    /// What was written down of each attempt.
    requests: BTreeMap<(RunId, CallId, u32), CallRequest>,
}

impl Facts {
    pub fn know(&mut self, graphs: &[(WorkflowId, Vec<Graph>)]) {
        for (workflow, versions) in graphs {
            let numbered = (1..).zip(versions);
            self.versions.extend(numbered.map(|(n, graph)| ((*workflow, n), Steps::of(graph))));
        }
    }

    /// What was written down of an attempt.
    pub fn request(&self, attempt: &(RunId, CallId, u32)) -> Option<&CallRequest> {
        self.requests.get(attempt)
    }

    /// Who has a task, and whether that may be.
    fn task(&mut self, step: Step, body: &EventBody) -> Option<&'static str> {
        match body {
            EventBody::CallRequested { request: CallRequest::Task(_), .. }
            | EventBody::TaskReleased { .. }
            | EventBody::AttemptFailed { .. } => {
                self.tasks.insert(step, None);
                None
            }
            EventBody::TaskClaimed { worker, .. } => {
                let had = self.tasks.insert(step, Some(worker.clone())).flatten();
                had.is_some().then_some("a task was given to a worker while another one had it")
            }
            EventBody::NodeCompleted { output, .. } => self.done(step, output),
            EventBody::ApprovalRequested { request: Some(request), prepared: None, .. } => {
                self.done(step, &request.subject)
            }
            _ => None,
        }
    }

    fn done(&self, step: Step, output: &Value) -> Option<&'static str> {
        let (worker, holder) = (output["worker"].as_str()?, self.tasks.get(&step)?);
        let is_other = holder.as_deref() != Some(worker);
        is_other.then_some("a task was done by a worker that did not have it")
    }

    /// Whether a step that is approved first was, and is done as it was approved.
    fn approval(&mut self, step: Step, body: &EventBody) -> Option<&'static str> {
        match body {
            EventBody::ApprovalRequested { prepared: Some(_), .. } => {
                self.asked.insert(step, Asked::Open);
                None
            }
            EventBody::ApprovalDecided { decision, .. } => {
                let asked = self.asked.get_mut(&step)?;
                *asked = match decision {
                    Decision::Approve { answer } => Asked::Approved(answer.clone()),
                    _ => Asked::Rejected,
                };
                None
            }
            EventBody::CallRequested { request, .. } => {
                let asked = self.asked.get_mut(&step)?;
                match asked {
                    Asked::Open => Some("a step was begun before it was approved"),
                    Asked::Rejected => Some("a step was begun although it was rejected"),
                    Asked::Approved(changes) => {
                        let changes = std::mem::take(changes); // further attempts may be rendered anew
                        let is_so = has(request, &changes);
                        (!is_so).then_some("a step was not begun as it was approved")
                    }
                }
            }
            _ => None,
        }
    }
}

/// Whether a request has the fields that were changed.
fn has(request: &CallRequest, changes: &Value) -> bool {
    let input = match request {
        CallRequest::Tool { parameters, .. } => parameters,
        CallRequest::Task(task) => &task.input,
        CallRequest::Run(run) => &run.input,
        _ => return true,
    };
    let Value::Object(changes) = changes else { return true };
    changes.iter().all(|(name, value)| input.get(name) == Some(value))
}

impl Seen {
    /// What a run's new events say.
    pub(super) fn facts(&mut self, before: &Tables, after: &Tables, run: RunId, old: u64) {
        let Ok(events) = after.events_since(run, old) else {
            self.broken.insert("a journal cannot be read".into());
            return;
        };
        let Some(row) = after.runs.get(&run) else { return };
        let is_fork = |event: &&Event| matches!(event.body, EventBody::Forked { .. });
        let forked = if old == 0 { events.iter().rposition(is_fork) } else { None };
        if let Some(at) = forked {
            self.forked(before, after, run, events.split_at(at));
        }
        let mut version = self.facts.runs.get(&run).copied().unwrap_or(row.run.version);
        // What stands before a fork was another run's.
        for event in &events[forked.unwrap_or(0)..] {
            match &event.body {
                EventBody::Migrated { to, .. }
                | EventBody::Forked { versions: Some((_, to)), .. } => version = *to,
                body => self.fact(run, (row.run.workflow, version), body),
            }
        }
        self.facts.runs.insert(run, version);
        if row.run.version != version {
            self.broken.insert("a run is in another version than its events say".into());
        }
    }

    fn fact(&mut self, run: RunId, version: (WorkflowId, u32), body: &EventBody) {
        let steps = self.facts.versions.get(&version);
        let mut broken: Vec<&'static str> = Vec::new();
        match body {
            EventBody::NodeStarted { node, .. }
                if steps.is_some_and(|steps| !steps.nodes.contains(node)) =>
            {
                broken.push("a step was begun that the run's version does not have");
            }
            EventBody::NodeCompleted { edges, .. } => {
                let is_known = |edge: &String| steps.is_none_or(|steps| steps.edges.contains(edge));
                if !edges.taken.iter().all(is_known) {
                    broken.push("a run took a way that its version does not have");
                }
            }
            EventBody::CallRequested { call, attempt, request, .. } => {
                self.facts.requests.insert((run, *call, *attempt), request.clone());
            }
            _ => {}
        }
        if let Some(activation) = signalbox::run::activation_of(body) {
            broken.extend(self.facts.task((run, activation), body));
            broken.extend(self.facts.approval((run, activation), body));
        }
        self.broken.extend(broken.into_iter().map(str::to_owned));
    }

    /// A fork has the past of the run that it came from, and leaves that run as it was.
    fn forked(
        &mut self,
        before: &Tables,
        after: &Tables,
        run: RunId,
        (past, own): (&[&Event], &[&Event]),
    ) {
        let Some(EventBody::Forked { from, up_to, .. }) = own.first().map(|event| &event.body)
        else {
            return;
        };
        let origin = after.events_since(*from, 0).unwrap_or_default();
        if !origin.iter().take_while(|event| event.seq <= *up_to).eq(past.iter()) {
            self.broken.insert("a fork has another past than the run that it came from".into());
        }
        if belongings(before, *from) != belongings(after, *from) {
            self.broken.insert("a fork changed the run that it came from".into());
        }
        // What ended a wait in its past ends none of its own.
        let heard = self.heard.iter().filter(|(of, _)| of == from);
        let heard: Vec<(RunId, i64)> = heard.map(|(_, number)| (run, *number)).collect();
        self.heard.extend(heard);
    }
}

/// A run's row and what is open of it.
fn belongings(tables: &Tables, run: RunId) -> Vec<String> {
    let row = tables.runs.get(&run).map(|row| format!("{:?} {}", row.run, row.due));
    let calls = tables.calls.iter().filter(|((of, _), _)| *of == run);
    let calls = calls.map(|((_, id), row)| format!("{id} {} {:?}", row.call.attempt, row.state));
    let timers = tables.timers.iter().filter(|((of, _), _)| *of == run);
    let timers = timers.map(|((_, id), row)| format!("{id:?} {}", row.due_ms));
    let waits = tables.waits.iter().filter(|((of, ..), _)| *of == run);
    let waits = waits.map(|((_, id, name), row)| format!("{id:?} {name} {}", row.seen));
    let approvals = tables.approvals.values().filter(|a| a.request.run == Some(run));
    let approvals = approvals.map(|a| format!("{} {:?}", a.request.id, a.state));
    row.into_iter().chain(calls).chain(timers).chain(waits).chain(approvals).collect()
}

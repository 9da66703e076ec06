//! Graphs in a small text form, and a world that answers by rules.
//!
//! A line is `node kind settings`, or `from.port > to, to` (port `success` when left out), with `? expression` at the
//! end for a condition. Settings are JSON5-free JSON of the node kind; `@` begins the node's policy.

use crate::graph::{AnyTool, CompiledGraph, Edge, Graph, Node};
use crate::id::{OrganizationId, RunId, WorkflowId};
use crate::run::*;
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

pub fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(1_700_000_000_000 + ms).unwrap()
}

pub fn context() -> Context {
    Context {
        organization_id: OrganizationId(Uuid::from_u128(1)),
        workflow_id: WorkflowId(Uuid::from_u128(2)),
        root_workflow_id: None,
        zone: chrono_tz::Europe::Berlin,
    }
}

pub const RUN: RunId = RunId(Uuid::from_u128(3));

/// Reads a graph. See the module's page for the form.
pub fn graph(text: &str) -> Graph {
    let mut graph = Graph::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.contains(" > ") {
            graph.edges.extend(edges(line));
        } else if let Some(settings) = line.strip_prefix("settings ") {
            graph.settings = serde_json::from_str(settings).unwrap();
        } else {
            graph.nodes.push(node(line));
        }
    }
    graph
}

fn node(line: &str) -> Node {
    let (line, policy) = match line.split_once(" @") {
        Some((line, policy)) => (line, policy.trim()),
        None => (line, ""),
    };
    let mut words = line.splitn(3, ' ');
    let (id, kind, rest) =
        (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or(""));
    let rest = rest.trim();
    let settings = match (kind, rest) {
        (_, "") => json!({}),
        ("condition", _) => json!({"expression": rest}),
        ("set", _) => json!({"parameters": serde_json::from_str::<Value>(rest).unwrap()}),
        ("loop", _) if !rest.starts_with('{') || rest.starts_with("{{") => json!({"items": rest}),
        _ => serde_json::from_str(rest).unwrap_or_else(|error| panic!("{line}: {error}")),
    };
    let mut kind_json = match kind {
        "action" => json!({"type": "action", "tool": "work", "parameters": {}}),
        "set" => json!({"type": "action", "tool": "set_variables"}),
        "llm" => json!({"type": "llm", "system_prompt": "", "user_prompt": ""}),
        "end" => json!({"type": "end"}),
        kind => json!({"type": kind}),
    };
    for (key, value) in settings.as_object().unwrap() {
        kind_json[key] = value.clone();
    }
    let mut node =
        Node::new(id, serde_json::from_value(kind_json).unwrap_or_else(|e| panic!("{line}: {e}")));
    if !policy.is_empty() {
        node.policy = serde_json::from_str(policy).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    node
}

fn edges(line: &str) -> Vec<Edge> {
    let (line, condition) = match line.split_once(" ? ") {
        Some((line, condition)) => (line, Some(condition.trim().to_owned())),
        None => (line, None),
    };
    let stations: Vec<&str> = line.split(" > ").map(str::trim).collect();
    let mut edges = vec![];
    for pair in stations.windows(2) {
        // In a chain, the part before a comma is where the chain goes on from.
        let from = pair[0].rsplit(',').next().unwrap().trim();
        let (from, port) = from.split_once('.').unwrap_or((from, "success"));
        for to in pair[1].split(',') {
            let to = to.trim().split('.').next().unwrap();
            let mut edge = Edge::new(from, port, to);
            edge.condition = condition.clone();
            edges.push(edge);
        }
    }
    edges
}

pub fn compile(text: &str) -> CompiledGraph {
    match CompiledGraph::compile(graph(text), &AnyTool) {
        Ok(graph) => graph,
        Err(errors) => panic!("{errors:#?}"),
    }
}

type Answering = Box<dyn FnMut(&Asking, &CallRequest) -> Answer>;
type Deciding = Box<dyn FnMut(&Asking, &ApprovalRequest) -> Option<(u64, Decision)>>;

/// A world that answers by closures. Without rules a call gives `{"from": node, "n": occurrence}`.
pub struct TestWorld {
    pub answer: Answering,
    pub decide: Deciding,
    pub facts: Vec<OutsideFact>,
}

impl Default for TestWorld {
    fn default() -> Self {
        Self {
            answer: Box::new(|asking, _| Answer::output(plain_output(asking))),
            decide: Box::new(|_, _| Some((0, Decision::Approve { answer: Value::Null }))),
            facts: vec![],
        }
    }
}

pub fn plain_output(asking: &Asking) -> Value {
    json!({"from": asking.node.id, "n": asking.occurrence})
}

impl World for TestWorld {
    fn call(&mut self, asking: &Asking, request: &CallRequest) -> Answer {
        (self.answer)(asking, request)
    }
    fn decide(&mut self, asking: &Asking, request: &ApprovalRequest) -> Option<(u64, Decision)> {
        (self.decide)(asking, request)
    }
    fn facts(&mut self) -> Vec<OutsideFact> {
        self.facts.clone()
    }
}

/// Runs a graph; checks what holds for every run; gives what came of it.
pub fn run_in(text: &str, input: Value, world: &mut dyn World) -> Outcome {
    let graph = compile(text);
    let outcome = drive(&graph, &context(), start(input), world, at(0));
    super::support::sound(&graph, &outcome);
    outcome
}

pub fn start(input: Value) -> Start {
    Start {
        run: RUN,
        input,
        contacts: vec![],
        thread_id: None,
        started_by: "test".into(),
        options: Default::default(),
    }
}

pub fn run(text: &str) -> Outcome {
    run_in(text, json!({}), &mut TestWorld::default())
}

/// A world in which calls fail by rule: `rule(node, attempt, occurrence)` gives an error or none.
pub fn failing_world(
    rule: impl Fn(&str, u32, usize) -> Option<(ErrorKind, &'static str)> + 'static,
) -> TestWorld {
    TestWorld {
        answer: Box::new(move |asking, _| {
            match rule(asking.node.id.as_str(), asking.attempt, asking.occurrence) {
                Some((kind, message)) => Answer::failure(StepError::new(kind, message)),
                None => Answer::output(plain_output(asking)),
            }
        }),
        ..TestWorld::default()
    }
}

/// What happened, one word an event: `a+` completed (`a+port` unless success), `a-` skipped, `a!` failed, `a~`
/// bypassed, `a?` asked a person, `a…` waits, `a>` calls, `[h0` a turn begins, `]` ends, `]]h` a region ends.
pub fn trace(outcome: &Outcome) -> String {
    let mut names: BTreeMap<ActivationId, String> = BTreeMap::new();
    let mut words: Vec<String> = vec![];
    for event in &outcome.events {
        let name = |id: &ActivationId| names.get(id).cloned().unwrap_or_default();
        let word = match &event.body {
            EventBody::NodeStarted { activation, node, .. } => {
                names.insert(*activation, node.0.clone());
                continue;
            }
            EventBody::NodeCompleted { activation, port, .. } if port == "success" => {
                format!("{}+", name(activation))
            }
            EventBody::NodeCompleted { activation, port, .. } => {
                format!("{}+{port}", name(activation))
            }
            EventBody::NodeSkipped { node, .. } => format!("{node}-"),
            EventBody::NodeFailed { activation, port, .. } => {
                format!("{}!{}", name(activation), port.as_deref().unwrap_or(""))
            }
            EventBody::NodeBypassed { activation, .. } => format!("{}~", name(activation)),
            EventBody::ApprovalRequested { activation, .. } => format!("{}?", name(activation)),
            EventBody::WaitStarted { activation, .. } => format!("{}…", name(activation)),
            EventBody::AttemptFailed { activation, .. } => format!("{}x", name(activation)),
            EventBody::FrameStarted { header, index, .. } => format!("[{header}{index}"),
            EventBody::FrameEnded { .. } => "]".to_owned(),
            EventBody::RegionEnded { header, .. } => format!("]]{header}"),
            EventBody::Blocked { .. } => "blocked".to_owned(),
            EventBody::Unblocked { .. } => "unblocked".to_owned(),
            EventBody::TaskClaimed { activation, worker, .. } => {
                format!("{}<{worker}", name(activation))
            }
            EventBody::TaskReleased { activation, lost, .. } => {
                format!("{}{}", name(activation), if *lost { "<lost" } else { "<back" })
            }
            EventBody::RunReopened { .. } => "reopened".to_owned(),
            EventBody::Forked { .. } => "forked".to_owned(),
            EventBody::Migrated { .. } => "migrated".to_owned(),
            EventBody::RunEnded { end } => match end {
                RunEnd::Completed { outcome, .. } => format!("={outcome}"),
                RunEnd::Failed { error, .. } => format!("=failed({})", error.message),
                RunEnd::Stopped { reason, .. } => format!("=stopped({reason})"),
            },
            _ => continue,
        };
        words.push(word);
    }
    words.join(" ")
}

/// Checks a run's trace.
#[track_caller]
pub fn check(text: &str, expected: &str) -> Outcome {
    let outcome = run(text);
    assert_eq!(trace(&outcome), expected, "\n{text}");
    outcome
}

#[track_caller]
pub fn check_in(text: &str, input: Value, world: &mut dyn World, expected: &str) -> Outcome {
    let outcome = run_in(text, input, world);
    assert_eq!(trace(&outcome), expected, "\n{text}");
    outcome
}

/// The run's output.
#[track_caller]
pub fn output(outcome: &Outcome) -> Value {
    match &outcome.state.end {
        Some(RunEnd::Completed { output, .. }) => output.clone(),
        end => panic!("{end:?}"),
    }
}

/// What holds for every run, whatever happened.
#[track_caller]
pub fn sound(graph: &CompiledGraph, outcome: &Outcome) {
    let mut state = RunState::new(RUN);
    let mut middle = None;
    let mut starts = std::collections::BTreeSet::new();
    for (at, event) in outcome.events.iter().enumerate() {
        assert_eq!(event.seq, at as u64 + 1, "the numbers have no gap");
        if let EventBody::NodeStarted { node, frame, .. } = &event.body {
            assert!(starts.insert((node.clone(), *frame)), "{node} ran twice in {frame:?}");
        }
        apply(&mut state, event);
        if at == outcome.events.len() / 2 {
            let text = serde_json::to_string(&state).unwrap();
            middle = Some((at, serde_json::from_str::<RunState>(&text).unwrap()));
        }
    }
    assert_eq!(state, outcome.state, "replaying gives the same state");
    if let Some((at, mut checkpoint)) = middle {
        for event in &outcome.events[at + 1..] {
            let text = serde_json::to_string(event).unwrap();
            apply(&mut checkpoint, &serde_json::from_str(&text).unwrap());
        }
        assert_eq!(
            checkpoint, outcome.state,
            "a checkpoint and the events after it give the same state"
        );
    }
    if matches!(outcome.state.end, Some(RunEnd::Completed { .. })) && outcome.stop == Stop::Ended {
        all_edges_decided(graph, outcome);
    }
}

/// At the end of a run that was not cut short, every edge of every frame was decided, exactly once.
fn all_edges_decided(graph: &CompiledGraph, outcome: &Outcome) {
    let terminates = graph
        .graph()
        .nodes
        .iter()
        .any(|node| matches!(&node.kind, crate::graph::NodeKind::End(end) if end.terminate));
    // A condition of the workflow may end it anywhere.
    if terminates || !graph.graph().settings.exits.is_empty() {
        return;
    }
    for frame in outcome.state.frames.values() {
        let level = match &frame.header {
            Some(header) => graph.region_of_header(header).unwrap(),
            None => 0,
        };
        for unit in &graph.region(level).units {
            let id = &graph.source(*unit).id;
            assert!(
                frame.latest.contains_key(id) || frame.regions.contains_key(id),
                "{id} was neither run nor skipped in {:?}",
                frame.header
            );
            for edge in &graph.node(*unit).ins {
                let is_header = graph.region(level).header == Some(*unit);
                let edge_id = graph.edge_id(*edge);
                assert!(is_header || frame.edges.contains_key(edge_id), "{edge_id} is undecided");
            }
        }
    }
}

/// A run that is told one command after the other.
pub struct Told {
    pub graph: CompiledGraph,
    pub state: RunState,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    pub now_ms: i64,
}

impl Told {
    pub fn start(text: &str, input: Value) -> Self {
        Self::start_with(text, input, RunOptions::default())
    }

    /// The same with what the run is told beside its input.
    pub fn start_with(text: &str, input: Value, options: RunOptions) -> Self {
        let graph = compile(text);
        let (state, events, effects) = (RunState::new(RUN), vec![], vec![]);
        let mut told = Self { graph, state, events, effects, now_ms: 0 };
        let (contacts, thread_id, started_by) = (vec![], None, "test".to_owned());
        let options = Box::new(options);
        told.tell(Command::Start { input, contacts, thread_id, started_by, options });
        told
    }

    /// Tells it something that it takes; gives the effects.
    #[track_caller]
    pub fn tell(&mut self, command: Command) -> Vec<Effect> {
        self.try_tell(command.clone()).unwrap_or_else(|refusal| panic!("{command:?}: {refusal}"))
    }

    pub fn try_tell(&mut self, command: Command) -> Result<Vec<Effect>, Refusal> {
        let told = advance(&self.graph, &context(), &mut self.state, &command, at(self.now_ms))?;
        self.events.extend(told.events);
        self.effects = told.effects.clone();
        Ok(told.effects)
    }

    /// The open call of a node: its key and attempt.
    #[track_caller]
    pub fn call(&self, node: &str) -> (crate::id::CallId, u32) {
        let a = self.activation(node);
        (a.call.unwrap(), a.attempt)
    }

    /// The latest activation of a node.
    #[track_caller]
    pub fn activation(&self, node: &str) -> Activation {
        let mut found = self.state.activations.values().rev();
        found.find(|a| a.node.as_str() == node).unwrap().clone()
    }

    #[track_caller]
    pub fn succeed(&mut self, node: &str, output: Value) -> Vec<Effect> {
        let (call, attempt) = self.call(node);
        self.tell(Command::CallSucceeded { call, attempt, output, usage: None })
    }

    #[track_caller]
    pub fn fail(&mut self, node: &str, kind: ErrorKind) -> Vec<Effect> {
        let (call, attempt) = self.call(node);
        let error = StepError::new(kind, "it broke");
        self.tell(Command::CallFailed { call, attempt, error, retry_after_ms: None })
    }

    /// A message of a node's call moves on.
    #[track_caller]
    pub fn message(&mut self, node: &str, number: u128, state: &str) -> crate::id::MessageId {
        let message = crate::id::MessageId(Uuid::from_u128(number));
        let (call, state) = (self.call(node).0, state.to_owned());
        let (detail, until) = (String::new(), None);
        self.tell(Command::MessageMoved { call, message, state, detail, until });
        message
    }

    pub fn claim(&mut self, node: &str, worker: &str) -> Result<Vec<Effect>, Refusal> {
        let (call, attempt) = self.call(node);
        let lease_until = at(self.now_ms + 60_000);
        self.try_tell(Command::ClaimTask { call, attempt, worker: worker.into(), lease_until })
    }

    pub fn fire(&mut self, timer: &str) -> Result<Vec<Effect>, Refusal> {
        self.try_tell(Command::TimerFired { timer: TimerId(timer.into()) })
    }

    /// Its trace, and that replaying its events gives its state.
    pub fn trace(&self) -> String {
        let mut state = RunState::new(self.state.run);
        for event in &self.events {
            let text = serde_json::to_string(event).unwrap();
            apply(&mut state, &serde_json::from_str(&text).unwrap());
        }
        assert_eq!(state, self.state, "replaying gives the same state");
        let (stop, now) = (Stop::Waiting, at(self.now_ms));
        trace(&Outcome { state, events: self.events.clone(), now, stop })
    }
}

/// By whom everything is done and decided where all agree.
const AGREES: &str = "the simulation";

/// The run, told what it asks for until nothing is left: calls give the name of their step, workers come at once,
/// people agree, time passes, and what blocks is resumed.
pub fn to_the_end(graph: &CompiledGraph, mut state: RunState, effects: Vec<Effect>) -> RunState {
    let mut open: VecDeque<Command> =
        effects.into_iter().flat_map(|effect| answers(&state, effect)).collect();
    let mut resumes = 0;
    for _ in 0..3_000 {
        let may_resume = state.end.is_none() && state.blocked.is_some() && resumes < 100;
        let command = match open.pop_front() {
            Some(command) => command,
            None if may_resume => {
                resumes += 1;
                Command::Resume { by: AGREES.into() }
            }
            None => break,
        };
        match advance(graph, &context(), &mut state, &command, at(9_000_000)) {
            Ok(told) => {
                open.extend(told.effects.into_iter().flat_map(|effect| answers(&state, effect)));
            }
            // The worker comes again, once the run goes on.
            Err(Refusal::OnHold | Refusal::NotClaimed) => {
                if may_resume {
                    resumes += 1;
                    open.push_back(Command::Resume { by: AGREES.into() });
                }
                open.push_back(command);
            }
            Err(_) => {}
        }
    }
    state
}

/// What such a world says to an effect, in order.
fn answers(state: &RunState, effect: Effect) -> Vec<Command> {
    match effect {
        Effect::Call { activation, attempt, call, request, .. } => {
            let output = json!({"from": state.activations.get(&activation).map(|a| &a.node)});
            let done = Command::CallSucceeded { call, attempt, output, usage: None };
            let (worker, lease_until) = (AGREES.to_owned(), at(99_000_000));
            let claim = Command::ClaimTask { call, attempt, worker, lease_until };
            let is_task = matches!(request, CallRequest::Task(_));
            is_task.then_some(claim).into_iter().chain([done]).collect()
        }
        Effect::SetTimer { timer, .. } => match timer.parts() {
            Some((_, TimerPurpose::Wait | TimerPurpose::Retry)) => {
                vec![Command::TimerFired { timer }]
            }
            _ => vec![],
        },
        Effect::OpenApproval { approval, .. } => {
            let decision = Decision::Approve { answer: Value::Null };
            vec![Command::DecideApproval { approval, decision, by: AGREES.into() }]
        }
        Effect::AwaitSlot { .. } => vec![Command::GrantSlot],
        Effect::Continue => vec![Command::Continue],
        _ => vec![],
    }
}
